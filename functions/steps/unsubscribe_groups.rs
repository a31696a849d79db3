//! `unsubscribe-groups`: the first step of a teardown: Graph stops to tell this stack of changes in the instance's groups.
//!
//! * Reads: Graph `GET /subscriptions`; `dynamodb:Scan` on the registry.
//! * Writes: Graph `DELETE /subscriptions/{id}`.
//! * Permission: `Group.Read.All` in Graph.
//! * Safe to repeat: what is gone is success. Only subscriptions that call this stack are ended, and of those none that
//!   another instance needs: the subscription to a group that it follows, or to all groups.

use onboarding_core::{
    StepError,
    contract::{RemoveInput, RemoveOutput},
};
use tracing::info;

use crate::{clients::Clients, graph::Subscription, registry::Registry};

/// Runs the step.
///
/// # Errors
/// What Graph refuses.
pub async fn run(cx: &Clients, input: RemoveInput) -> Result<RemoveOutput, StepError> {
    let target = &input.target;
    let url = cx.settings.notification_url()?;
    let elsewhere = Registry::new(cx)?.groups_of_others(&target.instance_id).await?;
    let known = cx.graph().subscriptions().await?;
    let mut output = RemoveOutput::default();
    let watches = |one: &Subscription| target.groups.iter().any(|group| one.watches(&group.id));
    for subscription in known.iter().filter(|one| one.calls(url) && watches(one) && !one.serves(&elsewhere)) {
        cx.graph().unsubscribe(&subscription.id).await?;
        info!(subscription = subscription.id, resource = subscription.resource, "subscription ended");
        output.removed += 1;
    }
    Ok(output)
}
