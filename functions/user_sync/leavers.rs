//! Two functions for users who left: the check immediately before a removal, and the fast path. Before the full
//! comparison, the fast path signs out the members that a notification reports as removed.
//!
//! The content of a notification is not trusted, so the check reads the user and the user's groups from Entra. The fast
//! path only ends sessions. The full comparison that follows makes the removals, and handles unclear cases and
//! failures.

use onboarding_core::{
    StepError,
    onboarding::NestedGroups,
    sync::{MAX_HINTED, Ownership, Plan, Policy, SyncMode, Totals, UserRef},
};
use tracing::{info, warn};

use super::{access::Access, sync_users::Round};
use crate::{
    connect::RemovalCheck,
    entra::Graph,
    registry::{Entry, Registry},
    runtime::adapter::Deadline,
};

/// A check that reads a user again from Entra immediately before the Connect user is removed or signed out.
pub(super) struct CurrentMembership<'a> {
    pub(super) graph: &'a Graph,
    pub(super) entry: &'a Entry,
    pub(super) policy: &'a Policy,
    pub(super) access: &'a Access<'a>,
}

impl CurrentMembership<'_> {
    /// Returns whether the Entra account is a member of one of the groups.
    async fn is_member(&self, object_id: &str) -> Result<bool, StepError> {
        let groups: Vec<&str> = self.entry.groups.iter().map(|group| group.id.as_str()).collect();
        let memberships = self.graph.memberships_among(object_id, &groups).await?;
        if memberships.is_empty() || self.policy.nested_groups == NestedGroups::Flatten {
            return Ok(!memberships.is_empty());
        }
        // Graph's result also includes memberships through nested groups. If the settings do not flatten nested groups,
        // such a membership does not give access.
        let direct = self.graph.direct_memberships(object_id).await?.unwrap_or_default();
        Ok(direct.iter().any(|id| memberships.contains(id)))
    }
}

impl RemovalCheck for CurrentMembership<'_> {
    async fn must_keep(&self, user: &UserRef) -> Result<bool, StepError> {
        let Some(object_id) = user.object_id.as_deref() else { return Ok(false) };
        let Some(member) = self.graph.user(object_id).await? else { return Ok(false) };
        // If the username of the member has changed, the member has a new Connect user, and the Connect user with the
        // previous username is removed.
        if !self.policy.allows(&member) || member.attribute(self.policy.username) != Some(user.username.as_str()) {
            return Ok(false);
        }
        self.is_member(object_id).await
    }

    async fn revoke(&self, user: &UserRef) -> Result<(), StepError> {
        let Some(object_id) = user.object_id.as_deref().filter(|_| self.access.assigns_users()) else { return Ok(()) };
        // If only the username has changed, the assignment of the Entra account is kept.
        let stays = match self.graph.user(object_id).await? {
            Some(member) if self.policy.allows(&member) => self.is_member(object_id).await?,
            _ => false,
        };
        if stays { Ok(()) } else { self.access.revoke(object_id).await }
    }
}

/// Signs out the users `object_ids`, which a notification reports as removed, unless they are still members. Returns
/// the counts.
///
/// The function does nothing while a request for approval is open or rejected, or if the registry can't be read.
/// Otherwise, a mass removal could bypass the removal limit: the notifications arrive in several events, and the number
/// of users in each event could be within the limit.
pub(super) async fn sign_out(round: &Round<'_>, object_ids: &[String], deadline: Deadline) -> Totals {
    let applies = round.policy.removed.sign_out && round.input.mode == SyncMode::Apply && round.input.carry.is_none();
    if !applies || object_ids.is_empty() || object_ids.len() > MAX_HINTED {
        return Totals::default();
    }
    try_sign_out(round, object_ids, deadline).await.unwrap_or_else(|error| {
        warn!(error = error.name(), message = error.message, "leavers are left to the full comparison");
        Totals::default()
    })
}

async fn try_sign_out(round: &Round<'_>, object_ids: &[String], deadline: Deadline) -> Result<Totals, StepError> {
    let planned = deadline.run(plan(round, object_ids)).await.unwrap_or_else(|| Err(out_of_time()));
    let Some(plan) = planned? else { return Ok(Totals::default()) };
    let applied = round.writer(true).apply(&plan, deadline).await?;
    // The full comparison retries the failed requests, and counts the failures.
    Ok(Totals { failed: 0, ..applied.totals })
}

/// Returns the plan that signs these leavers out. Returns `None` if the full comparison must handle the leavers.
async fn plan(round: &Round<'_>, object_ids: &[String]) -> Result<Option<Plan>, StepError> {
    let approvals = Registry::new(round.ctx)?.approvals(&round.entry.instance_id).await?;
    if approvals.request.is_some() {
        info!("a request for approval is open, so leavers are left to the full comparison");
        return Ok(None);
    }
    let found = round.directory.users_of(object_ids).await?;
    let managed = found.into_iter().filter(|user| user.ownership == Ownership::Ours);
    // If a notification reports a member as removed, the account was a member until now and may have started new
    // sessions. So a record of an earlier sign-out is ignored.
    let leavers: Vec<UserRef> = managed.map(|user| UserRef { signed_out: false, ..UserRef::from(user) }).collect();
    if leavers.is_empty() {
        return Ok(None);
    }
    let plan = Plan::signing_out(leavers, round.directory.managed().await?, round.policy.removal_limit.clone());
    let reasons = plan.approval_reasons();
    if !reasons.is_empty() {
        warn!(reasons = reasons.join("; "), "leavers are left to the full comparison");
        return Ok(None);
    }
    Ok(Some(plan))
}

/// Returns the error of a fast path that has no time left.
pub(super) fn out_of_time() -> StepError {
    StepError::unavailable("AWS or Entra did not respond in time")
}
