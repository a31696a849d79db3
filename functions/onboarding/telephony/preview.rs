//! The preview of phone numbers in a plan: existing phone numbers, phone numbers to claim, and phone numbers to order.
//! Creating the preview only reads data, and does not read the documents.

use onboarding_core::{
    StepError,
    contract::{Action, Area, PlanItem},
    onboarding::{Onboarding, PhoneNumber},
    telephony::{FoundCase, Topic, allocate, marker, needs_documents, type_name},
};

use super::{numbers, support};
use crate::{aws::phone_numbers, context::Context};

const ORDERED: &str = "ordered through an AWS Support case, with documents.identity, documents.address and \
                       documents.relationship; this usually takes two to six weeks";

/// Returns the plan items for all desired phone numbers. `instance_arn` is `None` if the instance does not exist yet.
///
/// # Errors
/// If Connect or AWS Support returns an error.
pub(crate) async fn preview(
    ctx: &Context,
    instance_arn: Option<&str>,
    onboarding: &Onboarding,
) -> Result<Vec<PlanItem>, StepError> {
    let desired_numbers = &onboarding.phone_numbers;
    let held = match instance_arn {
        Some(arn) if !desired_numbers.is_empty() => phone_numbers::held(ctx.connect(), arn).await?,
        _ => Vec::new(),
    };
    let mut items = Vec::new();
    let mut case = None;
    for (desired, allocated) in desired_numbers.iter().zip(allocate(desired_numbers, &held)) {
        let item =
            |action, detail: String| PlanItem::new(Area::PhoneNumbers, "phone numbers", name(desired), action, detail);
        if !allocated.is_empty() {
            let existing: Vec<&str> = allocated.iter().map(|index| held[*index].phone_number.as_str()).collect();
            items.push(item(Action::Leave, existing.join(", ")));
        }
        let missing = (desired.quantity as usize).saturating_sub(allocated.len());
        if missing == 0 {
            continue;
        }
        items.push(if needs_documents(desired) {
            // All phone numbers that need documents are ordered with a single support case.
            if case.is_none() {
                case = Some(documents_case(ctx, instance_arn, onboarding).await?);
            }
            item(Action::Wait, format!("{missing} {}", case.as_deref().unwrap_or(ORDERED)))
        } else {
            let (action, detail) = from_inventory(ctx, instance_arn, desired, missing).await?;
            item(action, detail)
        });
    }
    if onboarding.telephony.outbound_to_japanese_mobiles {
        items.push(outbound(ctx, instance_arn, onboarding).await?);
    }
    Ok(items)
}

async fn from_inventory(
    ctx: &Context,
    instance_arn: Option<&str>,
    desired: &PhoneNumber,
    missing: usize,
) -> Result<(Action, String), StepError> {
    let Some(arn) = instance_arn else {
        let detail = format!(
            "{missing} claimed from Connect's inventory, or ordered through an AWS Support case if the inventory has \
             none"
        );
        return Ok((Action::Create, detail));
    };
    Ok(if numbers::search(ctx, arn, desired, 1).await?.is_empty() {
        (Action::Wait, format!("Connect's inventory has none: {missing} ordered through an AWS Support case"))
    } else {
        (Action::Create, format!("{missing} claimed from Connect's inventory"))
    })
}

/// Describes the order of all phone numbers that need documents. The result describes the existing support case, or the
/// support case that an onboarding would file.
async fn documents_case(
    ctx: &Context,
    instance_arn: Option<&str>,
    onboarding: &Onboarding,
) -> Result<String, StepError> {
    let Some(arn) = instance_arn else { return Ok(ORDERED.into()) };
    let desired_numbers = onboarding.phone_numbers.iter().filter(|desired| needs_documents(desired));
    let alias = &onboarding.instance.alias;
    let marker = marker(alias, Topic::PhoneNumbers, arn, desired_numbers, onboarding.documents.as_ref());
    Ok(match support::find(ctx, &marker, onboarding.language).await? {
        FoundCase::Case(case) => {
            format!("ordered through the AWS Support case {}, whose status is {}", case.number(), case.status)
        }
        FoundCase::None => ORDERED.into(),
        FoundCase::Unavailable => "ordered through an AWS Support case that you open: the account's support plan does \
                                   not include the Support API"
            .into(),
    })
}

/// Previews the support case with which an onboarding requests outbound calls to Japanese mobile phone numbers. No API
/// returns whether such calls are enabled, so the preview can only read the support case.
async fn outbound(ctx: &Context, instance_arn: Option<&str>, onboarding: &Onboarding) -> Result<PlanItem, StepError> {
    let found = match instance_arn {
        None => FoundCase::None,
        Some(arn) => {
            let marker = marker(&onboarding.instance.alias, Topic::OutboundToJapaneseMobiles, arn, [], None);
            support::find(ctx, &marker, onboarding.language).await?
        }
    };
    let (action, detail) = match found {
        FoundCase::Case(case) if case.is_resolved() => {
            (Action::Leave, format!("the case {} is resolved", case.number()))
        }
        FoundCase::Case(case) => (Action::Wait, format!("the case {} is {}", case.number(), case.status)),
        FoundCase::None => (Action::Wait, "requested through an AWS Support case".into()),
        FoundCase::Unavailable => {
            (Action::Wait, "requested manually: the account's support plan does not include the Support API".into())
        }
    };
    Ok(PlanItem::new(Area::PhoneNumbers, "outbound calls", "Japanese mobile numbers", action, detail))
}

fn name(desired: &PhoneNumber) -> String {
    let prefix = desired.prefix.as_deref().map_or_else(String::new, |prefix| format!(" {prefix}"));
    format!("{} × {} {}{prefix}", desired.quantity, desired.country, type_name(desired.kind))
}
