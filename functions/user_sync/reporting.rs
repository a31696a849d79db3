//! What a round reports about its plan: the user for the sign-in check, and the log.

use std::collections::HashSet;

use onboarding_core::{
    log_messages,
    sync::{ConnectUser, GroupRead, Ownership, Plan, SyncMode},
};
use serde_json::json;
use tracing::{info, warn};

/// Maximum number of object IDs in one line of the log. Lambda limits a line to 256 KiB (Lambda developer guide, "Log
/// and monitor"); an object ID in JSON has 39 bytes.
const MAX_LOGGED_MEMBERS: usize = 1_000;

/// Returns a user who exists in Connect and is a member of a group, so that the sign-in check can compare the names.
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

/// Logs the object IDs of the members of each group. A plan is the only record of the groups through which a user has
/// a security profile (`onboard evidence`), and it may have more members than fit into the output of the step.
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
