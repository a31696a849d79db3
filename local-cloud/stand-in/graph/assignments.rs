//! App role assignments of a service principal: the users and groups that can use an application.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{
    Answer, Call,
    error::GraphError,
    groups::principal_type,
    login::stamp,
    registration::{object, text},
};

/// The ID that stands for "no role". An assignment may contain this ID only if the application has no enabled app role
/// for users.
const NO_ROLE: &str = "00000000-0000-0000-0000-000000000000";

impl Call<'_> {
    pub(super) fn list_assignments(&self, principal: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if let Some(filter) = &options.filter {
            filter.only(&["principalId", "appRoleId"], &[], &[])?;
        }
        let mut state = self.graph.state();
        let registration = state.principal(self, principal)?;
        let fitting: Vec<_> = registration
            .assignments
            .iter()
            .filter(|fields| options.filter.as_ref().is_none_or(|filter| filter.fits(fields)))
            .collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &fitting)))
    }

    pub(super) fn get_assignment(&self, principal: &str, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let mut state = self.graph.state();
        let found = state.principal(self, principal)?.assignments.iter().find(|fields| text(fields, "id") == id);
        let fields = options.project(found.ok_or_else(|| GraphError::not_found(id))?);
        Ok(self.entity("appRoleAssignments", fields))
    }

    pub(super) fn assign(&self, principal: &str) -> Result<Answer, GraphError> {
        let body = self.fields()?;
        let (who, what, role) = (text(body, "principalId"), text(body, "resourceId"), text(body, "appRoleId"));
        let mut guard = self.graph.state();
        let state = &mut *guard;
        let assignee = state.directory.object(who).filter(|object| !object.deleted());
        let assignee = assignee.map(|object| {
            let enabled = object.fields.get("securityEnabled").is_none_or(|enabled| enabled == true);
            let name = object.fields.get("displayName").cloned().unwrap_or_default();
            (principal_type(object), name, enabled)
        });
        let registration = state.principal(self, principal)?;
        let not_valid = || GraphError::bad_request("Not a valid reference update.");
        if what != text(&registration.principal, "id") {
            return Err(not_valid());
        }
        let (kind, name, security_enabled) = assignee.ok_or_else(|| GraphError::not_found(who))?;
        let kind = kind.filter(|_| security_enabled).ok_or_else(not_valid)?;
        if registration.roles_known_at > self.now {
            return Err(self.role_not_replicated(registration.roles_known_at));
        }
        let roles = registration.principal["appRoles"].as_array().cloned().unwrap_or_default();
        let mut for_users = roles.iter().filter(|role| {
            let members = role["allowedMemberTypes"].as_array().into_iter().flatten();
            role["isEnabled"] == true && members.into_iter().any(|kind| kind == "User")
        });
        let known = if role == NO_ROLE { for_users.next().is_none() } else { for_users.any(|r| r["id"] == role) };
        if !known {
            return Err(not_valid());
        }
        if registration.assignments.iter().any(|a| text(a, "principalId") == who && text(a, "appRoleId") == role) {
            if self.graph.behaviour().assignment_exists_as_conflict {
                return Err(GraphError::new(409, "Request_BadRequest", "EntitlementGrant entry already exists."));
            }
            let message = "Permission being assigned already exists on the object";
            return Err(GraphError::bad_request(message).detail("InvalidUpdate", "principalId", message));
        }
        let seed = Sha256::digest(format!("{who} {what} {role}"));
        let assignment = object(json!({
            "id": URL_SAFE_NO_PAD.encode(seed), "deletedDateTime": null, "appRoleId": role,
            "createdDateTime": stamp(self.now), "principalDisplayName": name, "principalId": who, "principalType": kind,
            "resourceDisplayName": registration.principal["displayName"], "resourceId": what,
        }));
        registration.assignments.push(assignment.clone());
        let mut answer = self.entity("appRoleAssignments", assignment);
        answer.status = 201;
        Ok(answer)
    }

    /// The error of a replica that already has a service principal, but not yet its app roles. Graph returns one of two
    /// different error messages.
    fn role_not_replicated(&self, known_at: OffsetDateTime) -> GraphError {
        let half = self.graph.options.clock.lasts(self.graph.behaviour().role_replication_seconds / 2.0);
        GraphError::bad_request(if known_at - self.now > half {
            "Not a valid reference update."
        } else {
            "One or more properties are invalid.: Permission being assigned was not found on application"
        })
    }

    pub(super) fn unassign(&self, principal: &str, id: &str) -> Result<Answer, GraphError> {
        let mut state = self.graph.state();
        let assignments = &mut state.principal(self, principal)?.assignments;
        let index = assignments.iter().position(|fields| text(fields, "id") == id);
        let gone = || GraphError::bad_request("EntitlementGrant being updated or deleted is not found.");
        assignments.remove(index.ok_or_else(gone)?);
        Ok(Answer::no_content())
    }
}
