//! The inventory of the tenant, and administration calls on users and groups.

use serde_json::{Map, Value, json};

use super::{Graph, State, notify::Change, registration::text};

impl Graph {
    /// Everything that exists, as Microsoft Graph represents it: `applications`, `servicePrincipals` (each with
    /// `claimsMappingPolicies` and `appRoleAssignedTo`), `groups` (with `members`) and `subscriptions`.
    #[must_use]
    pub fn inventory(&self) -> Value {
        let mut guard = self.state();
        let state: &mut State = &mut guard;
        let now = self.now();
        // The inventory shows the directory as it is after all pending changes have been replicated.
        let settled = now + time::Duration::days(1);
        state.subscriptions.retain(|subscription| subscription.lives(now));
        let applications: Vec<_> = state.registrations.iter().map(|registration| &registration.application).collect();
        let principals = state.registrations.iter().filter(|registration| !registration.principal_deleted);
        let principals: Vec<_> = principals
            .map(|registration| {
                let mut fields = registration.principal_view(None, settled);
                let assigned = state.policies.iter().map(|policy| &policy.fields);
                let assigned: Vec<_> =
                    assigned.filter(|policy| registration.policies.iter().any(|id| id == text(policy, "id"))).collect();
                fields.insert("claimsMappingPolicies".into(), json!(assigned));
                fields.insert("appRoleAssignedTo".into(), json!(registration.assignments));
                fields
            })
            .collect();
        let groups: Vec<_> = state
            .directory
            .groups(None)
            .map(|group| {
                let mut fields = group.fields.clone();
                let members = state.directory.members(text(&group.fields, "id"), 0, settled);
                let members: Vec<_> = members.map(|(_, member)| member_with_type(member)).collect();
                fields.insert("members".into(), json!(members));
                fields
            })
            .collect();
        let subscriptions: Vec<_> = state.subscriptions.iter().map(|subscription| &subscription.fields).collect();
        json!({"applications": applications, "servicePrincipals": principals, "groups": groups, "subscriptions": subscriptions})
    }

    /// Adds a direct member to the group with this ID or display name. A member without an ID gets a new ID. If an
    /// object with the member's ID already exists, the properties of this object are updated.
    ///
    /// # Errors
    /// Fails if the group does not exist, or the object is already a member.
    pub fn add_member(&self, group: &str, member: Map<String, Value>) -> Result<(), String> {
        let mut guard = self.state();
        let state: &mut State = &mut guard;
        let group = state.directory.group_id(group)?;
        let id = state.directory.put(member, self.now());
        let from = self.options.clock.after(self.behaviour().membership_seconds);
        if !state.directory.link(&group, &id, (self.now(), from)) {
            return Err(format!("{id} is already a member of the group {group}"));
        }
        self.announce(state, &Change::Member { group, id, removed: false });
        Ok(())
    }

    /// Removes the direct member with this ID from the group with this ID or display name.
    ///
    /// # Errors
    /// Fails if the group does not exist, or the object is not a direct member.
    pub fn remove_member(&self, group: &str, member_id: &str) -> Result<(), String> {
        let mut guard = self.state();
        let state: &mut State = &mut guard;
        let group = state.directory.group_id(group)?;
        let until = self.options.clock.after(self.behaviour().membership_seconds);
        if !state.directory.unlink(&group, member_id, (self.now(), until)) {
            return Err(format!("{member_id} is not a direct member of the group {group}"));
        }
        self.announce(state, &Change::Member { group, id: member_id.to_owned(), removed: true });
        Ok(())
    }

    /// Sets properties of a user. If `deletedDateTime` is set to a time, the user moves to the recycle bin. If
    /// `deletedDateTime` is set to null, the user is restored.
    ///
    /// # Errors
    /// Fails if no user has this ID.
    pub fn update_user(&self, id: &str, mut patch: Map<String, Value>) -> Result<(), String> {
        let mut guard = self.state();
        let state: &mut State = &mut guard;
        patch.remove("id");
        if state.directory.object(id).is_none_or(|object| object.tag != super::directory::USER) {
            return Err(format!("the tenant has no user {id}"));
        }
        state.directory.update(id, patch, self.now());
        self.announce(state, &Change::User { id: id.to_owned() });
        Ok(())
    }
}

fn member_with_type(member: &super::directory::Object) -> Map<String, Value> {
    let mut fields = member.fields.clone();
    fields.insert("@odata.type".into(), json!(member.tag));
    fields
}
