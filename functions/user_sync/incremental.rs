//! Incremental syncs. Between two full comparisons, a scheduled sync only reads from Graph whether a group or a member
//! has changed since the last full comparison. If nothing has changed, the sync needs only a few requests, and reads
//! nothing from Connect. If something has changed, the sync makes a full comparison, which determines all removals,
//! sign-outs and approvals (docs/theory.md, "Incremental syncs").
//!
//! * No change is missed: a full comparison gets the links for later changes *before* it reads the groups. The groups
//!   may be read from a replica that does not have a recent change yet, and the links may no longer return this change.
//!   So a comparison is valid only if the links returned no change during the time [`REPLICATION`] before the
//!   comparison.
//! * No remaining work is forgotten: a full comparison deletes the stored state before it changes anything. The
//!   comparison stores a new state only if no work remains. An action that waits for approval also counts as remaining
//!   work.
//! * The sign-in of users who left is prevented: a change to the application in Entra can allow the sign-in of a user
//!   who left and still has permissions in Connect. Delta queries do not return such a change. So as long as there are
//!   such users, each incremental sync reads the application and its assignments.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::try_join_all;
use onboarding_core::{
    StepError, digest, names,
    onboarding::NestedGroups,
    sync::{
        Counts, LetIn, MemberFilter, Ownership, Plan, SyncMode, SyncStatus, SyncUsersInput, SyncUsersOutput,
        comparison_is_due, date_from_tag, date_to_tag,
    },
};
use time::OffsetDateTime;
use tracing::{info, warn};

use super::sync_users::{Observed, Round};
use crate::{
    connect::Applied,
    registry::{Registry, Tracking},
    runtime::clock::{epoch_millis, millis},
};

/// The time after which every read from Graph includes a change. Microsoft states no maximum for this time, and
/// describes the delays of delta queries as varied (<https://learn.microsoft.com/graph/delta-query-overview>).
const REPLICATION: Duration = Duration::from_secs(600);
/// Maximum number of stored users who left and still have permissions. The number is limited because the registry item
/// that contains these users has a maximum size.
const MAX_LEAVERS: usize = 1000;

/// The links that return the changes after a read of the groups from Entra.
#[derive(Debug)]
pub(super) struct Links {
    groups: Vec<String>,
    users: String,
    /// The time since which the links have returned no change to a group or member.
    since: u64,
    /// The number of requests that were sent to get the links.
    pub(super) requests: usize,
}

/// The result of an incremental sync.
pub(super) enum Answer {
    /// Nothing has changed, and the sync is finished.
    Unchanged(Box<SyncUsersOutput>),
    /// A full comparison is necessary. If the links that return later changes are known, this variant contains them.
    Compare(Option<Links>),
}

/// The changes that the stored links have returned, and the links that return later changes.
struct Changed {
    links: Links,
    /// Whether a group or a member of this instance has changed.
    concerns_us: bool,
    /// Whether the links returned any change, including changes to users who are not members.
    any: bool,
}

/// Returns whether a sync with this input may be incremental.
pub(super) fn is_requested(input: &SyncUsersInput) -> bool {
    let has_hints = !input.people.is_empty() || !input.leavers.is_empty();
    input.incremental && input.mode == SyncMode::Apply && input.carry.is_none() && !has_hints
}

/// Reads the changes in Entra since the last full comparison. If Graph does not respond, a full comparison is
/// necessary.
///
/// # Errors
/// `Internal` if a setting is invalid.
pub(super) async fn ask(round: &Round<'_>, tracking: Option<(Tracking, MemberFilter)>) -> Result<Answer, StepError> {
    let Some((tracking, members)) = tracking else { return Ok(Answer::Compare(None)) };
    if !is_enabled(round)? {
        return Ok(Answer::Compare(None));
    }
    if tracking.settings != settings(round)? {
        info!("the settings have changed since the last full comparison");
        return Ok(Answer::Compare(None));
    }
    let changed = match changes(round, &tracking, &members).await {
        Ok(Some(changed)) => changed,
        Ok(None) => {
            info!("Graph no longer returns the changes since the last full comparison");
            return Ok(Answer::Compare(None));
        }
        Err(error) => {
            warn!(error = error.name(), message = error.message, "the changes in Entra can't be read");
            return Ok(Answer::Compare(None));
        }
    };
    if changed.concerns_us || !is_still_valid(round, &tracking)? || lets_in(round, &tracking.leavers).await {
        return Ok(Answer::Compare(Some(changed.links)));
    }
    let calls = changed.links.requests;
    let output = SyncUsersOutput {
        alias: round.entry.alias.clone(),
        language: round.entry.language,
        status: SyncStatus::Done,
        incremental: true,
        ..SyncUsersOutput::default()
    };
    let mut output = Box::new(output);
    output.counts.planned = tracking.counts;
    output.counts.done.calls = calls;
    if changed.any {
        // The new links are stored, so that Graph does not return the same changes to other users and groups again.
        let Links { groups, users, since, .. } = changed.links;
        let tracking = Tracking { groups, users, since, ..tracking };
        save(round, Ok(tracking), None).await;
    }
    info!(calls, "no change in Entra since the last full comparison");
    Ok(Answer::Unchanged(output))
}

/// Reads the changes that the stored links return. Returns `None` if Graph no longer accepts one of the links.
async fn changes(round: &Round<'_>, tracking: &Tracking, members: &MemberFilter) -> Result<Option<Changed>, StepError> {
    let (graph, asked_at) = (round.ctx.graph(), now());
    let links = tracking.groups.iter().chain([&tracking.users]).map(|link| graph.changes_since(link));
    let Some(mut changes) = try_join_all(links).await?.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(users) = changes.pop() else { return Ok(None) };
    let is_ours = |id: &String| round.entry.groups.iter().any(|group| group.id.eq_ignore_ascii_case(id));
    let groups_changed = changes.iter().any(|group| group.ids.iter().any(is_ours));
    let members_changed = users.ids.iter().filter(|id| members.may_contain(id)).count();
    let concerns_us = groups_changed || members_changed > 0;
    if concerns_us {
        info!(groups_changed, members_changed, "changes in Entra since the last full comparison");
    }
    let any = !users.ids.is_empty() || changes.iter().any(|group| !group.ids.is_empty());
    let requests = users.pages + changes.iter().map(|group| group.pages).sum::<usize>();
    let groups = changes.into_iter().map(|group| group.link).collect();
    let since = if concerns_us { asked_at } else { tracking.since };
    Ok(Some(Changed { links: Links { groups, users: users.link, since, requests }, concerns_us, any }))
}

/// Returns whether the last full comparison is still valid, provided that nothing has changed in Entra since then.
fn is_still_valid(round: &Round<'_>, tracking: &Tracking) -> Result<bool, StepError> {
    let replication = millis(round.ctx.settings.clock().wait(REPLICATION));
    let is_settled = tracking.compared_at >= tracking.since.saturating_add(replication);
    let period = round.ctx.settings.full_comparison_period()?;
    let is_due = comparison_is_due(&round.entry.instance_id, tracking.compared_at, now(), period);
    let deletes = tracking.next_deletion.as_deref().and_then(date_from_tag);
    let deletes_today = deletes.is_some_and(|due| due <= OffsetDateTime::now_utc().date());
    Ok(is_settled && !is_due && !deletes_today)
}

/// Returns whether any of these users, who left but still have permissions in Connect, could sign in.
async fn lets_in(round: &Round<'_>, leavers: &[String]) -> bool {
    if leavers.is_empty() {
        return false;
    }
    let LetIn { all_users, users, assigned } = round.access.let_in().await;
    let lets_in = all_users || leavers.iter().any(|id| users.contains(id) || assigned.contains(id));
    if lets_in {
        info!("Entra lets users who left sign in");
    }
    lets_in
}

/// Deletes the stored state before the first round of a full comparison changes anything. The last round stores a new
/// state if no work remains.
///
/// # Errors
/// `LeaseLost`, or the error of the registry.
pub(super) async fn forget(round: &Round<'_>) -> Result<(), StepError> {
    if round.input.mode != SyncMode::Apply || round.checkpoint.rounds > 0 || !is_enabled(round)? {
        return Ok(());
    }
    Registry::new(round.ctx)?.forget_tracking(&round.entry.instance_id).await
}

/// Returns the links that return later changes. The result contains the links from the delta queries of this sync, or
/// new links. An error is ignored, because the next sync makes a full comparison if there are no links.
pub(super) async fn start(round: &Round<'_>, known: Option<Links>) -> Option<Links> {
    if known.is_some() || round.input.mode != SyncMode::Apply || !is_enabled(round).unwrap_or_default() {
        return known;
    }
    let (graph, since) = (round.ctx.graph(), now());
    let ids: Vec<&str> = round.entry.groups.iter().map(|group| group.id.as_str()).collect();
    match tokio::try_join!(graph.track_groups(&ids), graph.track_users()) {
        Ok((groups, users)) => Some(Links { requests: groups.len() + 1, groups, users, since }),
        Err(error) => {
            warn!(error = error.name(), message = error.message, "changes in Entra can't be tracked");
            None
        }
    }
}

/// Stores the links after a full comparison, if no work remains. As in [`start`], an error is ignored.
pub(super) async fn store(
    round: &Round<'_>,
    observed: Observed,
    (plan, applied): (&Plan, &Applied),
    output: &SyncUsersOutput,
) {
    let leavers = leavers_with_rights(round, &observed, plan);
    let members: Vec<&str> =
        observed.groups.iter().flat_map(|group| &group.members).map(|member| member.id.as_str()).collect();
    let fits = members.len() <= MemberFilter::MAX_MEMBERS && leavers.len() <= MAX_LEAVERS;
    let Some(links) = observed.links.filter(|_| fits && nothing_is_left(plan, applied, output)) else { return };
    let scheduled = observed.users.iter().filter_map(|user| user.removal_due);
    let today = OffsetDateTime::now_utc().date();
    let next = scheduled.chain(plan.schedule_deletion.iter().map(|user| user.due)).filter(|due| *due > today).min();
    let (planned, done) = (&output.counts.planned, &output.counts.done);
    let managed = (planned.managed + done.created + done.adopted).saturating_sub(done.removed);
    let tracking = settings(round).map(|settings| Tracking {
        groups: links.groups,
        users: links.users,
        since: links.since,
        settings,
        counts: Counts { skipped: planned.skipped, unchanged: managed, managed, ..Counts::default() },
        // This is the time of the read, and not of the end of the round. If a replica did not return a change in this
        // read, the comparison does not include this change.
        compared_at: observed.read_at,
        leavers,
        next_deletion: next.map(date_to_tag),
    });
    save(round, tracking, Some(&MemberFilter::new(members.into_iter()))).await;
}

/// Stores the state of incremental syncs. An error is ignored, because the next sync then makes a full comparison, or
/// reads the same changes again.
async fn save(round: &Round<'_>, tracking: Result<Tracking, StepError>, members: Option<&MemberFilter>) {
    let stored =
        async { Registry::new(round.ctx)?.write_tracking(&round.entry.instance_id, &tracking?, members).await };
    if let Err(error) = stored.await {
        warn!(error = error.name(), message = error.message, "the state of the incremental syncs could not be stored");
    }
}

/// Returns whether no work remains. In this case, the next sync changes nothing, unless something changes in Entra.
fn nothing_is_left(plan: &Plan, applied: &Applied, output: &SyncUsersOutput) -> bool {
    let done = &output.counts.done;
    output.status == SyncStatus::Done
        && output.waiting.is_none()
        && done.failed == 0
        && done.waiting_for_quota == 0
        && plan.postponed == 0
        && plan.skipped.iter().all(|skipped| skipped.reason.is_tracked())
        && applied.is_complete()
}

/// Returns the object IDs of the users who still have permissions after this plan, although they are disabled or no
/// longer members of the groups.
fn leavers_with_rights(round: &Round<'_>, observed: &Observed, plan: &Plan) -> Vec<String> {
    let members = observed.groups.iter().flat_map(|group| &group.members).filter(|member| round.policy.allows(member));
    let members: BTreeSet<&str> = members.map(|member| member.id.as_str()).collect();
    let deleted = plan.delete.iter().map(|removal| &removal.user);
    let without_rights: BTreeSet<&str> = deleted.chain(&plan.strip).map(|user| user.id.as_str()).collect();
    let no_access = observed.profiles.security.get(names::NO_ACCESS_PROFILE);
    let leavers = observed.users.iter().filter(|user| {
        let is_stripped = no_access.is_some_and(|id| user.security_profile_ids == [id.as_str()]);
        let is_member = user.entra_object_id.as_deref().is_some_and(|id| members.contains(id));
        user.ownership == Ownership::Ours && !is_member && !is_stripped && !without_rights.contains(user.id.as_str())
    });
    leavers.map(|user| user.entra_object_id.clone().unwrap_or_default()).collect()
}

/// Returns whether the settings allow incremental syncs. Incremental syncs are not possible with nested groups, because
/// the links do not return changes to the members of nested groups.
fn is_enabled(round: &Round<'_>) -> Result<bool, StepError> {
    let period = round.ctx.settings.full_comparison_period()?;
    Ok(!period.is_zero() && round.policy.nested_groups == NestedGroups::Report)
}

/// Returns a digest of the registry entry. If this digest changes, the last full comparison is no longer valid.
fn settings(round: &Round<'_>) -> Result<String, StepError> {
    let json = serde_json::to_string(round.entry)
        .map_err(|error| StepError::internal(format!("the settings could not be encoded: {error}")))?;
    Ok(digest::of(json, 16))
}

/// Returns the current time in milliseconds since the epoch.
pub(super) fn now() -> u64 {
    u64::try_from(epoch_millis(OffsetDateTime::now_utc())).unwrap_or_default()
}
