//! App role assignments of a service principal. The assignments determine which groups and users can sign in.

use std::collections::BTreeSet;

use onboarding_core::StepError;
use serde_json::json;

use super::{
    Graph, GraphError,
    applications::READ_APPLICATIONS,
    call::Call,
    model::{AppRoleAssignment, NewAssignment},
};

const ASSIGN: &str = "AppRoleAssignment.ReadWrite.All";

/// The outcome of assigning a user or group.
#[derive(Debug, PartialEq, Eq)]
pub enum Assigned {
    /// Graph created the assignment.
    New(NewAssignment),
    /// Graph rejected the assignment, possibly because it already exists. The caller checks this with
    /// [`Graph::assigned`]. If the assignment does not exist, the caller returns the error.
    Unclear(StepError),
}

impl Graph {
    /// Returns the assignments of a service principal.
    ///
    /// # Errors
    /// `NotConsistentYet` if the service principal has not replicated yet.
    pub async fn assignments(&self, id: &str) -> Result<Vec<AppRoleAssignment>, StepError> {
        let path = ["servicePrincipals", id, "appRoleAssignedTo"];
        let call = Call::get(&path, format!("reading the assignments of the service principal {id}"))
            .query("$top", "999")
            .needs(READ_APPLICATIONS)
            .just_made();
        Ok(self.list(&call).await?.items)
    }

    /// Returns the object IDs of the groups and users that are assigned to a service principal.
    ///
    /// # Errors
    /// See [`Graph::assignments`].
    pub async fn assigned(&self, id: &str) -> Result<BTreeSet<String>, StepError> {
        Ok(self.assignments(id).await?.into_iter().map(|assignment| assignment.principal_id).collect())
    }

    /// Assigns a user or a group to a service principal.
    ///
    /// # Errors
    /// `NotConsistentYet` if the service principal, the app role, or the user or group has not replicated yet;
    /// `InvalidInput` with advice if the tenant has no license for group assignments.
    pub async fn assign(&self, id: &str, principal: &str, role: &str) -> Result<Assigned, StepError> {
        let body = json!({ "principalId": principal, "resourceId": id, "appRoleId": role });
        let doing = format!("assigning {principal} to the service principal {id}");
        let call = Call::post(&["servicePrincipals", id, "appRoleAssignedTo"], body, doing).needs(ASSIGN).just_made();
        match self.send(&call).await {
            Ok(assignment) => Ok(Assigned::New(assignment)),
            Err(GraphError::Refused(refusal)) if refusal.may_exist() => Ok(Assigned::Unclear((*refusal).into())),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads an assignment. Returns `None` if Graph does not find the assignment after several reads. The assignment no
    /// longer exists, or has not replicated yet.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn assignment(&self, id: &str, assignment: &str) -> Result<Option<AppRoleAssignment>, StepError> {
        let path = ["servicePrincipals", id, "appRoleAssignedTo", assignment];
        let doing = format!("reading the assignment {assignment} of the service principal {id}");
        self.find(&Call::get(&path, doing).needs(READ_APPLICATIONS).just_made()).await
    }

    /// Removes an assignment. If the assignment no longer exists, the function returns `Ok`.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn unassign(&self, service_principal: &str, assignment: &str) -> Result<(), StepError> {
        let path = ["servicePrincipals", service_principal, "appRoleAssignedTo", assignment];
        let doing = format!("removing the assignment {assignment} from the service principal {service_principal}");
        match self.act(&Call::delete(&path, doing).needs(ASSIGN)).await {
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(()),
            // If the assignment no longer exists, Graph may return status 400 with various messages. So the function
            // reads the list of assignments to determine whether the assignment exists.
            Err(GraphError::Refused(refusal)) if refusal.may_be_gone() => {
                let left = self.assignments(service_principal).await?;
                let is_left = left.iter().any(|one| one.id.as_deref() == Some(assignment));
                if is_left { Err((*refusal).into()) } else { Ok(()) }
            }
            other => Ok(other?),
        }
    }
}
