//! The output and the log lines of a round: a user for the sign-in check, the results of the plan, and the logged plan.

use std::collections::HashSet;

use onboarding_core::{
    log_messages,
    sync::{ConnectUser, GroupRead, MAX_LISTED, Ownership, Plan, SyncMode, SyncUsersOutput},
};
use serde_json::json;
use tracing::{info, warn};

use crate::connect::Applied;

/// Maximum number of object IDs in one log line. Lambda limits a log line to 256 KiB (Lambda developer guide, "Log and
/// monitor"), and an object ID takes 39 bytes in JSON.
const MAX_LOGGED_MEMBERS: usize = 1_000;

/// Returns a user who exists in Connect and is a member of a group. The sign-in check compares the username of this
/// user in Connect with the username in Entra.
pub(super) fn ready_user(groups: &[GroupRead], users: &[ConnectUser], plan: &Plan) -> Option<String> {
    let members: HashSet<&str> =
        groups.iter().flat_map(|group| &group.members).map(|member| member.id.as_str()).collect();
    let removed: HashSet<&str> = plan.removed_usernames().collect();
    users
        .iter()
        .filter(|user| user.ownership == Ownership::Ours && user.removal_due.is_none())
        .filter(|user| user.entra_object_id.as_deref().is_some_and(|id| members.contains(id)))
        .map(|user| user.username.as_str())
        .filter(|username| !removed.contains(username))
        .min()
        .map(ToOwned::to_owned)
}

/// Logs the complete plan, because the output of the step contains only a part of the plan. If the plan is not applied,
/// also logs the members of the groups.
pub(super) fn log_plan(plan: &Plan, groups: &[GroupRead], mode: SyncMode) {
    info!(?mode, counts = ?plan.counts(), digest = plan.digest(), "plan");
    if mode == SyncMode::Plan {
        for line in plan.to_string().lines() {
            info!(line, "planned");
        }
        log_members(groups);
        return;
    }
    for skipped in &plan.skipped {
        warn!(username = skipped.username, object_id = skipped.object_id, reason = %skipped.reason, "member skipped");
    }
    for finding in &plan.findings {
        info!(%finding, "finding");
    }
}

/// Logs the object IDs of the members of each group. Only these log lines record through which groups a user has a
/// security profile (`onboard evidence`). A group may have more members than the output of the step can contain.
fn log_members(groups: &[GroupRead]) {
    for group in groups {
        let ids: Vec<&str> = group.members.iter().map(|member| member.id.as_str()).collect();
        let parts = ids.chunks(MAX_LOGGED_MEMBERS).len().max(1);
        for part in 0..parts {
            let members = ids.iter().skip(part * MAX_LOGGED_MEMBERS).take(MAX_LOGGED_MEMBERS).collect::<Vec<_>>();
            let members = json!(members).to_string();
            info!(
                group = group.group_id,
                name = group.display_name,
                part,
                parts,
                members,
                "{}",
                log_messages::GROUP_MEMBERS
            );
        }
    }
}

/// Adds the results of applying the plan to the output of the round.
pub(super) fn add_results(output: &mut SyncUsersOutput, applied: &Applied) {
    output.counts.done = output.counts.done.followed_by(&applied.totals);
    output.findings.extend(applied.kept.iter().map(|user| format!("{user} is a member again and was not removed")));
    let waiting = applied.totals.waiting_for_quota;
    if waiting > 0 {
        output.findings.push(format!(
            "{waiting} users wait for a higher quota of users per instance (L-9A46857E); the first sync after the increase creates them"
        ));
    }
    if let Some((left, reason)) = applied.left_quick_connects() {
        output.findings.insert(0, format!("{left}; change them in Amazon Connect: {reason}"));
    }
    if let Some(reason) = &applied.sign_out_unavailable {
        // The most important finding comes first, because a long list of findings is truncated.
        output.findings.insert(
            0,
            format!("users who lost access were not signed out, so their sessions last until they expire: {reason}"),
        );
    }
    if let Some(reason) = &applied.revocation_failed {
        output.findings.insert(0, format!("users who left are still assigned to the application: {reason}"));
    }
    output.findings.truncate(MAX_LISTED);
    output.failures = applied.first_failures();
    if output.sso_ready_user.is_none() {
        output.sso_ready_user.clone_from(&applied.first_created);
    }
}
