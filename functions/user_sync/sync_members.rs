//! `sync-members`: starts the user sync for each instance that is affected by a change. The queue of membership events
//! invokes this step with batches of events. The schedule invokes it for all instances.
//!
//! * Reads: `dynamodb:Scan` on the registry.
//! * Writes: `states:StartExecution` on the user sync.
//! * Metrics: if the schedule invokes the step, [`Metric::SecondsSinceSync`] of each instance. The metric shows that
//!   syncs fail, do not start, or wait for approval.
//! * Safe to repeat: if there are no differences, a sync changes nothing. If another sync of the same instance is
//!   already running, the new sync leaves the work to the running sync.
//!
//! Events are combined in two ways. First, the queue delivers the events of one second as one batch, and the step
//! starts only one sync per instance and batch. Second, if another sync of the instance is already running, the new
//! sync only sets a flag in the registry item of the instance. The running sync then compares Entra and Connect once
//! more (another pass). Each sync or pass starts after the events that caused it, so no event is lost.

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
    registry::Registry,
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
    let contents = Registry::new(ctx)?.scan().await?;
    output.unreadable_entries = contents.unreadable.into_iter().map(|entry| entry.message).collect();
    for (entry, last_success) in contents.entries {
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
        let mut hints = Hints::default();
        changed.into_iter().for_each(|members| hints.extend(members));
        match start_sync(ctx, &entry.instance_id, reason, &hints).await {
            Ok(()) => output.started.push(entry.instance_id),
            Err(error) => failure = Some(error),
        }
    }
    info!(reason, events = input.records.len(), started = output.started.len(), "user syncs started");
    failure.map_or(Ok(output), Err)
}

/// The members that the events report as added and as removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hints {
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl Hints {
    fn extend(&mut self, other: &Self) {
        self.added.extend(other.added.iter().cloned());
        self.removed.extend(other.removed.iter().cloned());
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
                hints.added.extend(detail.added);
                hints.removed.extend(detail.removed);
            }
            Err(_) => unreadable += 1,
        }
    }
    (groups, unreadable)
}

async fn start_sync(ctx: &Context, instance_id: &str, reason: &str, hints: &Hints) -> Result<(), StepError> {
    let mut input = json!({ "instanceId": instance_id, "reason": reason });
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
        .map(drop)
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
        let hints = Hints { added: BTreeSet::from(["x".into()]), removed: BTreeSet::from(["y".into()]) };
        assert_eq!(changed, (BTreeMap::from([("a".to_owned(), hints)]), 2));
    }
}
