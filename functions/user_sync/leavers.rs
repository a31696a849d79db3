//! The check immediately before a leaver is deleted: the membership is read again from Entra.

use onboarding_core::{
    StepError,
    onboarding::NestedGroups,
    sync::{Policy, UserRef},
};

use crate::{connect::DeletionCheck, entra::Graph, registry::Entry};

/// Reads a user again from Entra immediately before the Connect user is deleted.
pub(super) struct CurrentMembership<'a> {
    pub(super) graph: &'a Graph,
    pub(super) entry: &'a Entry,
    pub(super) policy: &'a Policy,
}

impl DeletionCheck for CurrentMembership<'_> {
    async fn must_keep(&self, user: &UserRef) -> Result<bool, StepError> {
        let Some(object_id) = user.object_id.as_deref() else { return Ok(false) };
        let Some(member) = self.graph.user(object_id).await? else { return Ok(false) };
        let may_have_user = member.account_enabled != Some(false) && (self.policy.guests || !member.guest);
        // A member whose username has changed has a new Connect user, so the Connect user with the old name is deleted.
        if !may_have_user || member.attribute(self.policy.username) != Some(user.username.as_str()) {
            return Ok(false);
        }
        if self.policy.nested_groups == NestedGroups::Report {
            let memberships = self.graph.direct_memberships(object_id).await?.unwrap_or_default();
            return Ok(self.entry.groups.iter().any(|group| memberships.contains(&group.id)));
        }
        for group in &self.entry.groups {
            // If a group has just disappeared, the user is kept: a missing group must not cause a deletion.
            let Some(read) = self.graph.group_members(&group.id, true).await? else { return Ok(true) };
            if read.members.iter().any(|member| member.id == object_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
