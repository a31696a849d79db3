//! What a round reports about its plan: the user for the sign-in check, and the log.

use std::collections::HashSet;

use onboarding_core::sync::{ConnectUser, GroupRead, Ownership, Plan, SyncMode};
use tracing::{info, warn};

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

/// Logs the complete plan, because the output of the step contains only a part of the plan.
pub(super) fn log_plan(plan: &Plan, mode: SyncMode) {
    info!(?mode, counts = ?plan.counts(), digest = plan.digest(), "plan");
    if mode == SyncMode::Plan {
        for line in plan.to_string().lines() {
            info!(line, "planned");
        }
        return;
    }
    for skipped in &plan.skipped {
        warn!(username = skipped.username, object_id = skipped.object_id, reason = %skipped.reason, "member skipped");
    }
    for finding in &plan.findings {
        info!(%finding, "finding");
    }
}
