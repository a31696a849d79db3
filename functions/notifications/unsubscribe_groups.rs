//! `unsubscribe-groups`: deletes the Graph subscriptions to the groups of the instance. This is the first step of a
//! teardown.
//!
//! * Reads: Graph `GET /subscriptions`; `dynamodb:Scan` on the registry.
//! * Writes: Graph `DELETE /subscriptions/{id}`.
//! * Permission: `Group.Read.All` in Graph.
//! * Safe to repeat: if a subscription no longer exists, the deletion counts as successful. The step deletes only
//!   subscriptions whose notification URL belongs to this stack. A subscription that another instance needs is kept.
//!   Another instance may need a subscription to one of its groups, or a subscription to all groups.

use onboarding_core::{
    StepError,
    contract::{RemoveInput, RemoveOutput},
};
use tracing::info;

use crate::{context::Context, entra::Subscription, registry::Registry};

/// Runs the step.
///
/// # Errors
/// The error that Graph returns.
pub async fn run(ctx: &Context, input: RemoveInput) -> Result<RemoveOutput, StepError> {
    let target = &input.target;
    let url = ctx.settings.notification_url()?;
    let used_elsewhere = Registry::new(ctx)?.groups_of_others(&target.instance_id).await?;
    let existing = ctx.graph().subscriptions().await?;
    let mut output = RemoveOutput::default();
    let is_unused = |subscription: &&Subscription| {
        subscription.calls(url)
            && target.groups.iter().any(|group| subscription.watches(&group.id))
            && !subscription.serves(&used_elsewhere)
    };
    for subscription in existing.iter().filter(is_unused) {
        ctx.graph().unsubscribe(&subscription.id).await?;
        info!(subscription = subscription.id, resource = subscription.resource, "subscription deleted");
        output.removed += 1;
    }
    Ok(output)
}
