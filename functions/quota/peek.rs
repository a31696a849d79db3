//! A look at a quota that asks for nothing: what a plan says of it.

use onboarding_core::{
    StepError,
    contract::{Action, Area, PlanItem},
    onboarding::quota_name,
};

use super::{Wanted, applied_value, asks_enough, open_request};
use crate::clients::Clients;

/// Whether there is enough, or what would be asked for.
///
/// # Errors
/// Whatever keeps Service Quotas from answering.
pub(crate) async fn peek(cx: &Clients, wanted: Wanted<'_>) -> Result<PlanItem, StepError> {
    let applied = applied_value(cx, wanted).await?;
    let item = |action, detail: String| PlanItem::new(Area::Quotas, "quota", quota_name(wanted.code), action, detail);
    let Wanted { at_least, ask_for, .. } = wanted;
    // Of an instance that is still to be made nobody knows more than the value that every new one gets.
    let known = applied.value.or(Some(applied.shown).filter(|_| wanted.instance_arn.is_none()));
    if let Some(value) = known.filter(|value| *value >= at_least) {
        return Ok(item(Action::Leave, format!("{value}, and {at_least} are needed")));
    }
    let has = format!("{} there, {at_least} needed", applied.shown);
    if !applied.adjustable {
        return Ok(item(Action::Conflict, format!("{has}; AWS does not let customers change this quota")));
    }
    // The requests of an instance are known once it is there.
    let open = match wanted.instance_arn {
        None if onboarding_core::onboarding::quota_is_per_instance(wanted.code) => None,
        _ => open_request(cx, wanted, applied.context.as_deref()).await?,
    };
    Ok(match open.filter(|request| asks_enough(request, wanted)) {
        Some(request) => {
            let id = request.id().unwrap_or("?");
            item(Action::Wait, format!("{has}; AWS is deciding on the request {id}"))
        }
        None => item(Action::Wait, format!("{has}; {ask_for} will be asked for")),
    })
}
