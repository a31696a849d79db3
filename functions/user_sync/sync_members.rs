//! `sync-members`: starts the user sync for each instance that is affected by a change. The queue of membership events
//! invokes this step with batches of events. The schedule invokes it for all instances.
//!
//! * Reads: `dynamodb:Scan` on the registry; `states:DescribeExecution` on a sync that the registry shows as running.
//! * Writes: `states:StartExecution` on the user sync; `dynamodb:UpdateItem` on the registry, to request another pass of
//!   a running sync.
//! * Metrics: if the schedule invokes the step, [`Metric::SecondsSinceSync`] of each instance. The metric shows that
//!   syncs fail, do not start, or wait for approval.
//! * Safe to repeat: if there are no differences, a sync or pass changes nothing.
//!
//! If a sync of the instance is running or gathers changes, an event only requests another pass of this sync (a further
//! comparison of Entra and Connect, [`Registry::request_pass`]). Otherwise, the step starts a sync immediately. A member
//! who was removed must lose access quickly. So an event that reports a removal, or that may have been caused by one,
//! is urgent, and does not wait for a sync that gathers changes. An event is not urgent if it reports only new members.
//! Each sync or pass starts after the events that caused it, so no event is lost.

use std::collections::{BTreeMap, BTreeSet};

use onboarding_core::{
    StepError,
    contract::{MembershipChange, SyncMembersInput, SyncMembersOutput},
    sync::MAX_HINTED,
};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{
    aws::error::CallResult as _,
    context::Context,
    entra::client_state::ALL_GROUPS,
    registry::{Registered, Registry, RunningSync},
    runtime::metrics::{Metric, Metrics},
};

/// An event in the format in which the event bus delivers it.
#[derive(Deserialize)]
struct Envelope {
    detail: MembershipChange,
}

/// Runs the step.
///
/// # Errors
/// If an execution could not be started. The step returns this error after it has processed all instances, and the
/// queue delivers the events again.
pub async fn run(ctx: &Context, input: SyncMembersInput) -> Result<SyncMembersOutput, StepError> {
    let reason = if input.records.is_empty() { "schedule" } else { "event" };
    let (groups, unreadable) = changed_groups(&input);
    if unreadable > 0 {
        warn!(unreadable, "messages that are not membership events were ignored");
    }
    let mut output = SyncMembersOutput { unreadable, ..SyncMembersOutput::default() };
    if groups.is_empty() && reason == "event" {
        return Ok(output);
    }
    // An event with this group ID means that Graph may not have sent notifications about some changes through the
    // subscription to all groups. The affected groups are unknown, so all instances are synced.
    let all_groups = groups.contains_key(&ALL_GROUPS.to_string());
    let mut failure = None;
    let registry = Registry::new(ctx)?;
    let contents = registry.scan().await?;
    output.unreadable_entries = contents.unreadable.into_iter().map(|entry| entry.message).collect();
    for Registered { entry, last_success, running } in contents.entries {
        if reason == "schedule"
            && let Some(last_success) = last_success
        {
            let age = (OffsetDateTime::now_utc() - last_success).whole_seconds().max(0);
            Metrics::of_instance(&entry.alias).with(Metric::SecondsSinceSync, age).emit();
        }
        let changed: Vec<_> =
            entry.groups.iter().filter_map(|group| groups.get(&group.id.to_ascii_lowercase())).collect();
        if reason == "event" && changed.is_empty() && !all_groups {
            continue;
        }
        let mut hints = Hints { urgent: all_groups, ..Hints::default() };
        changed.into_iter().for_each(|members| hints.extend(members));
        let result = match running.filter(|_| reason == "event") {
            Some(running) => request_pass_or_start(ctx, &registry, &entry.instance_id, &running, &hints).await,
            None => start_sync(ctx, &entry.instance_id, reason, &hints).await,
        };
        match result {
            Ok(Request::Started) => output.started.push(entry.instance_id),
            Ok(Request::AnotherPass) => output.requested.push(entry.instance_id),
            Err(error) => failure = Some(error),
        }
    }
    let (started, requested) = (output.started.len(), output.requested.len());
    info!(reason, events = input.records.len(), started, requested, "user syncs started or requested");
    failure.map_or(Ok(output), Err)
}

/// The members that the events report as added and as removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hints {
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// Whether a member was or may have been removed.
    urgent: bool,
}

impl Hints {
    fn extend(&mut self, other: &Self) {
        self.added.extend(other.added.iter().cloned());
        self.removed.extend(other.removed.iter().cloned());
        self.urgent |= other.urgent;
    }
}

/// Returns the group IDs in the messages of the queue, in lower case, each with the members that were added and
/// removed. Also returns the number of messages that contain no group ID.
fn changed_groups(input: &SyncMembersInput) -> (BTreeMap<String, Hints>, usize) {
    let mut groups: BTreeMap<String, Hints> = BTreeMap::new();
    let mut unreadable = 0;
    for record in &input.records {
        match serde_json::from_str::<Envelope>(&record.body) {
            Ok(Envelope { detail }) => {
                let hints = groups.entry(detail.group_id.to_ascii_lowercase()).or_default();
                // An event without members may have been caused by any change to the group.
                hints.urgent |= !detail.removed.is_empty() || detail.added.is_empty();
                hints.added.extend(detail.added);
                hints.removed.extend(detail.removed);
            }
            Err(_) => unreadable += 1,
        }
    }
    (groups, unreadable)
}

/// How the step requests that Entra and Connect are compared.
enum Request {
    /// The step started a sync.
    Started,
    /// A running sync makes another pass.
    AnotherPass,
}

/// Requests another pass of a running sync. Starts a sync if the running sync does not accept the request, or if the
/// request fails.
async fn request_pass_or_start(
    ctx: &Context,
    registry: &Registry<'_>,
    instance_id: &str,
    running: &RunningSync,
    hints: &Hints,
) -> Result<Request, StepError> {
    match registry.request_pass(ctx.step_functions(), instance_id, running, hints.urgent).await {
        Ok(true) => return Ok(Request::AnotherPass),
        Ok(false) => {}
        Err(error) => {
            warn!(%error, "starting a user sync, because no further pass of the running sync could be requested")
        }
    }
    start_sync(ctx, instance_id, "event", hints).await
}

async fn start_sync(ctx: &Context, instance_id: &str, reason: &str, hints: &Hints) -> Result<Request, StepError> {
    let mut input = json!({ "instanceId": instance_id, "reason": reason });
    if hints.urgent {
        input["urgent"] = json!(true);
    }
    for (field, members) in [("people", &hints.added), ("leavers", &hints.removed)] {
        if (1..=MAX_HINTED).contains(&members.len()) {
            input[field] = json!(members);
        }
    }
    ctx.step_functions()
        .start_execution()
        .state_machine_arn(ctx.settings.user_sync_state_machine()?)
        .input(input.to_string())
        .send()
        .await
        .map(|_| Request::Started)
        .doing(format_args!("starting the user sync of the instance {instance_id}"))
}

#[cfg(test)]
mod tests {
    use onboarding_core::contract::QueuedEvent;

    use super::*;

    #[test]
    fn messages_are_grouped_by_group_and_invalid_messages_are_counted() {
        let event = |body: &str| QueuedEvent { body: body.into(), ..QueuedEvent::default() };
        let input = SyncMembersInput {
            records: vec![
                event(r#"{"detail":{"groupId":"A"}}"#),
                event(r#"{"detail":{"groupId":"a","added":["x"],"removed":["y"],"later":1},"source":"anyone"}"#),
                event(r#"{"detail":{}}"#),
                event("invalid"),
            ],
        };
        let changed = changed_groups(&input);
        let hints = Hints { added: BTreeSet::from(["x".into()]), removed: BTreeSet::from(["y".into()]), urgent: true };
        assert_eq!(changed, (BTreeMap::from([("a".to_owned(), hints)]), 2));
    }
}
