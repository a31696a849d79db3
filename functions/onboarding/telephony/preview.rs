//! The plan's preview of phone numbers: existing numbers, numbers to claim, and numbers to order. The preview only
//! reads, and it does not read the documents.

use onboarding_core::{
    StepError,
    contract::{Action, Area, PlanItem},
    onboarding::{Onboarding, PhoneNumber},
    telephony::{Topic, allocate, marker, needs_documents, type_name},
};

use super::{
    numbers,
    support::{self, Trouble},
};
use crate::{aws::phone_numbers, context::Context};

const KIND: &str = "phone numbers";
const ORDERED: &str = "ordered through an AWS Support case, with documents.identity, documents.address and \
                       documents.relationship; this usually takes two to six weeks";

/// Returns the plan items of all desired numbers. `instance_arn` is `None` if the instance does not exist yet.
///
/// # Errors
/// If Connect or AWS Support returns an error.
pub(crate) async fn preview(
    ctx: &Context,
    instance_arn: Option<&str>,
    onboarding: &Onboarding,
) -> Result<Vec<PlanItem>, StepError> {
    let wishes = &onboarding.phone_numbers;
    let held = match instance_arn {
        Some(arn) if !wishes.is_empty() => phone_numbers::held(ctx.connect(), arn).await?,
        _ => Vec::new(),
    };
    let mut items = Vec::new();
    let mut case = None;
    for (wish, met) in wishes.iter().zip(allocate(wishes, &held)) {
        let have = u32::try_from(met.len()).unwrap_or(u32::MAX);
        let missing = wish.quantity.saturating_sub(have);
        let line = |action, detail: String| PlanItem::new(Area::PhoneNumbers, KIND, name(wish), action, detail);
        if have > 0 {
            let there: Vec<&str> = met.iter().map(|index| held[*index].phone.as_str()).collect();
            items.push(line(Action::Leave, there.join(", ")));
        }
        if missing > 0 {
            if case.is_none() && needs_documents(wish) {
                case = Some(order_of(ctx, instance_arn, onboarding).await?);
            }
            let (action, detail) = missing_of(ctx, instance_arn, wish, (missing, case.as_deref())).await?;
            items.push(line(action, detail));
        }
    }
    if onboarding.telephony.outbound_to_japanese_mobiles {
        items.push(outbound(ctx, instance_arn, onboarding).await?);
    }
    Ok(items)
}

async fn missing_of(
    ctx: &Context,
    instance_arn: Option<&str>,
    wish: &PhoneNumber,
    (missing, case): (u32, Option<&str>),
) -> Result<(Action, String), StepError> {
    if needs_documents(wish) {
        return Ok((Action::Wait, format!("{missing} {}", case.unwrap_or(ORDERED))));
    }
    let Some(arn) = instance_arn else {
        let detail = format!(
            "{missing} claimed from Connect's inventory, or ordered through an AWS Support case if the inventory has \
             none"
        );
        return Ok((Action::Create, detail));
    };
    let offered = numbers::search(ctx, arn, wish, 1).await?;
    Ok(if offered.is_empty() {
        (Action::Wait, format!("Connect's inventory has none: {missing} ordered through an AWS Support case"))
    } else {
        (Action::Create, format!("{missing} claimed from Connect's inventory"))
    })
}

/// Describes the order of all numbers that need documents: the existing case, or the planned case. All these numbers
/// are in one case.
async fn order_of(ctx: &Context, instance_arn: Option<&str>, onboarding: &Onboarding) -> Result<String, StepError> {
    let Some(arn) = instance_arn else { return Ok(ORDERED.into()) };
    let wishes = onboarding.phone_numbers.iter().filter(|wish| needs_documents(wish));
    let mark = marker(&onboarding.instance.alias, Topic::PhoneNumbers, arn, wishes, onboarding.documents.as_ref());
    Ok(match support::find(ctx, &mark, onboarding.language).await {
        Ok(Some(case)) => {
            format!(
                "ordered through the AWS Support case {}, whose status is {}",
                case.display_id.unwrap_or(case.id),
                case.status
            )
        }
        Ok(None) => ORDERED.into(),
        Err(Trouble::NoPlan) => {
            "ordered through an AWS Support case that you open: the account's support plan does not include the \
             Support API"
                .into()
        }
        Err(Trouble::Step(error)) => return Err(error),
    })
}

/// Previews outbound calls to Japanese mobile numbers. No API returns whether such calls are enabled; only the support
/// case for them can be read.
async fn outbound(ctx: &Context, instance_arn: Option<&str>, onboarding: &Onboarding) -> Result<PlanItem, StepError> {
    let item = |action, detail: String| {
        PlanItem::new(Area::PhoneNumbers, "outbound calls", "Japanese mobile numbers", action, detail)
    };
    let asked = "requested through an AWS Support case";
    let Some(arn) = instance_arn else { return Ok(item(Action::Wait, asked.into())) };
    let mark = marker(&onboarding.instance.alias, Topic::OutboundToJapaneseMobiles, arn, [], None);
    Ok(match support::find(ctx, &mark, onboarding.language).await {
        Ok(Some(case)) if case.is_resolved() => {
            item(Action::Leave, format!("the case {} is resolved", case.display_id.unwrap_or(case.id)))
        }
        Ok(Some(case)) => {
            item(Action::Wait, format!("the case {} is {}", case.display_id.unwrap_or(case.id), case.status))
        }
        Ok(None) => item(Action::Wait, asked.into()),
        Err(Trouble::NoPlan) => {
            item(Action::Wait, "requested manually: the account's support plan does not include the Support API".into())
        }
        Err(Trouble::Step(error)) => return Err(error),
    })
}

fn name(wish: &PhoneNumber) -> String {
    let prefix = wish.prefix.as_deref().map_or_else(String::new, |prefix| format!(" {prefix}"));
    format!("{} × {} {}{prefix}", wish.quantity, wish.country, type_name(wish.kind))
}
