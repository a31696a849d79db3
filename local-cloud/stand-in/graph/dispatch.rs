//! Maps each Graph operation to its implementation.

use super::{Answer, Call, error::GraphError};

impl Call<'_> {
    pub(super) async fn dispatch(&self, labels: &[&str]) -> Result<Answer, GraphError> {
        let path = self.endpoint.path.as_str();
        match (self.endpoint.method.as_str(), path, labels) {
            ("POST", "/subscriptions", _) => self.create_subscription().await,
            ("PATCH", "/subscriptions/{subscription-id}", [id]) => self.renew_subscription(id).await,
            (_, path, labels) if path.starts_with("/subscriptions") => self.subscription(labels),
            (_, path, labels) if path.starts_with("/applications") => self.application_call(labels),
            (_, path, labels) if path.starts_with("/servicePrincipals") => self.principal_call(labels),
            (_, path, labels) if path.starts_with("/policies") => self.policy_call(labels),
            _ => self.directory_call(labels),
        }
    }

    fn application_call(&self, labels: &[&str]) -> Result<Answer, GraphError> {
        let state = || self.graph.state();
        match (self.endpoint.method.as_str(), self.endpoint.path.as_str(), labels) {
            ("GET", "/applications", _) => self.list_applications(),
            ("GET", "/applications/{application-id}", [id]) => self.get_application(id),
            ("PATCH", "/applications/{application-id}", [id]) => self.patch_application(id),
            ("DELETE", "/applications/{application-id}", [id]) => self.delete_application(id),
            ("GET", "/applications/{application-id}/owners", [id]) => self.owners(state().application(self, id)?),
            ("POST", "/applications/{application-id}/owners/$ref", [id]) => {
                self.add_owner(state().application(self, id)?)
            }
            _ => Err(self.not_served()),
        }
    }

    fn principal_call(&self, labels: &[&str]) -> Result<Answer, GraphError> {
        let state = || self.graph.state();
        let path = self.endpoint.path.as_str();
        let below = path.strip_prefix("/servicePrincipals/{servicePrincipal-id}").unwrap_or("list");
        match (self.endpoint.method.as_str(), below, labels) {
            ("GET", "list", _) => self.list_principals(),
            ("GET", "", [id]) => self.get_principal(id),
            ("PATCH", "", [id]) => self.patch_principal(id),
            ("DELETE", "", [id]) => self.delete_principal(id),
            ("POST", "/addTokenSigningCertificate", [id]) => self.add_certificate(id),
            ("GET", "/owners", [id]) => self.owners(state().principal(self, id)?),
            ("POST", "/owners/$ref", [id]) => self.add_owner(state().principal(self, id)?),
            ("GET", "/claimsMappingPolicies", [id]) => self.list_assigned_policies(id),
            ("POST", "/claimsMappingPolicies/$ref", [id]) => self.assign_policy(id),
            ("DELETE", "/claimsMappingPolicies/{claimsMappingPolicy-id}/$ref", [id, policy]) => {
                self.unassign_policy(id, policy)
            }
            ("GET", "/appRoleAssignedTo", [id]) => self.list_assignments(id),
            ("POST", "/appRoleAssignedTo", [id]) => self.assign(id),
            ("GET", "/appRoleAssignedTo/{appRoleAssignment-id}", [id, which]) => self.get_assignment(id, which),
            ("DELETE", "/appRoleAssignedTo/{appRoleAssignment-id}", [id, which]) => self.unassign(id, which),
            _ => Err(self.not_served()),
        }
    }

    fn policy_call(&self, labels: &[&str]) -> Result<Answer, GraphError> {
        if self.endpoint.path.ends_with("/appliesTo") {
            let [id] = labels else { return Err(self.not_served()) };
            return self.policy_applies_to(id);
        }
        match (self.endpoint.method.as_str(), labels) {
            ("GET", []) => self.list_policies(),
            ("POST", []) => self.create_policy(),
            ("GET", [id]) => self.get_policy(id),
            ("PATCH", [id]) => self.patch_policy(id),
            ("DELETE", [id]) => self.delete_policy(id),
            _ => Err(self.not_served()),
        }
    }

    fn directory_call(&self, labels: &[&str]) -> Result<Answer, GraphError> {
        match (self.endpoint.method.as_str(), self.endpoint.path.as_str(), labels) {
            ("GET", "/applicationTemplates", _) => self.list_templates(),
            ("GET", "/applicationTemplates/{applicationTemplate-id}", [id]) => self.get_template(id),
            ("POST", "/applicationTemplates/{applicationTemplate-id}/instantiate", [id]) => self.instantiate(id),
            ("GET", "/groups/delta()" | "/users/delta()", _) => self.delta(),
            ("GET", "/groups", _) => self.list_groups(),
            ("GET", "/groups/{group-id}", [id]) => self.get_group(id),
            ("POST", "/groups", _) => self.create_group(),
            ("DELETE", "/groups/{group-id}", [id]) => self.delete_group(id),
            ("POST", "/groups/{group-id}/members/$ref", [id]) => self.add_group_member(id),
            ("GET", "/groups/{group-id}/members", [id]) => self.members(id, false, false),
            ("GET", "/groups/{group-id}/members/graph.user", [id]) => self.members(id, false, true),
            ("GET", "/groups/{group-id}/members/$count", [id]) => self.count_members(id, false),
            ("GET", "/groups/{group-id}/transitiveMembers", [id]) => self.members(id, true, false),
            ("GET", "/groups/{group-id}/transitiveMembers/graph.user", [id]) => self.members(id, true, true),
            ("GET", "/groups/{group-id}/transitiveMembers/$count", [id]) => self.count_members(id, true),
            ("GET", "/users", _) => self.list_users(),
            ("GET", "/users/{user-id}", [id]) => self.get_user(id),
            ("GET", "/users/{user-id}/memberOf", [id]) => self.member_of(id),
            ("POST", "/users/{user-id}/checkMemberGroups", [id]) => self.check_member_groups(id),
            ("GET", "/directory/deletedItems/{directoryObject-id}", [id]) => self.deleted_item(id),
            ("POST", "/directoryObjects/getByIds", _) => self.objects_by_ids(),
            _ => Err(self.not_served()),
        }
    }

    /// The error for an operation that Graph supports but the local cloud does not.
    pub(super) fn not_served(&self) -> GraphError {
        let (method, path) = (&self.endpoint.method, &self.endpoint.path);
        GraphError::new(501, "NotImplemented", format!("The local cloud does not support {method} {path}."))
    }
}
