//! The preview of a quota in a plan. Creating the preview only reads quota values, and does not request an increase.

use aws_sdk_servicequotas::Client;
use onboarding_core::{
    StepError,
    contract::{Action, Area, PlanItem},
    onboarding::{quota_is_per_instance, quota_name},
    quota::{QuotaDecision, decide},
};

use super::{Wanted, calls};

/// Returns whether the quota is sufficient, or which increase an onboarding would request. If the instance does not
/// exist yet, the preview assumes the quota values of a new instance.
///
/// # Errors
/// If Service Quotas returns an error.
pub(crate) async fn preview(client: &Client, wanted: Wanted<'_>) -> Result<PlanItem, StepError> {
    let reading = calls::read(client, wanted.code, wanted.instance_arn).await?;
    let in_force = reading.values.in_force();
    let mut requests = Vec::new();
    let decision = decide(wanted.need(), in_force, reading.adjustable, &requests);
    // There can be no increase request for an instance that does not exist.
    let exists = wanted.instance_arn.is_some() || !quota_is_per_instance(wanted.code);
    let decision = if decision == QuotaDecision::Ask && exists {
        requests = calls::history(client, wanted.code, reading.context.as_deref()).await?;
        decide(wanted.need(), in_force, reading.adjustable, &requests)
    } else {
        decision
    };
    let Wanted { at_least, ask_for, .. } = wanted;
    let has = format!("quota {}, needed {at_least}", in_force.unwrap_or_default());
    let (action, detail) = match decision {
        QuotaDecision::Sufficient => {
            (Action::Leave, format!("quota {}, needed {at_least}", in_force.unwrap_or(at_least)))
        }
        QuotaDecision::NotAdjustable => {
            (Action::Conflict, format!("{has}; AWS does not let customers change this quota"))
        }
        QuotaDecision::Undecided(request) if request.desired.is_none_or(|desired| desired >= at_least) => {
            (Action::Wait, format!("{has}; AWS has not decided on the request {} yet", request.id))
        }
        QuotaDecision::ValueOutstanding(request) => (
            Action::Wait,
            format!("{has}; the request {} is {}, but its value is not applied yet", request.id, request.status),
        ),
        QuotaDecision::Refused(request) => {
            (Action::Wait, format!("{has}; AWS recently denied the request {} ({})", request.id, request.status))
        }
        QuotaDecision::Undecided(_) | QuotaDecision::Ask => {
            (Action::Wait, format!("{has}; an increase to {ask_for} will be requested"))
        }
    };
    Ok(PlanItem::new(Area::Quotas, "quota", quota_name(wanted.code), action, detail))
}
