//! Removes objects in Entra during a teardown. If an object does not exist, the functions return success, because an
//! earlier attempt may have removed the object.

use onboarding_core::StepError;
use serde::Deserialize;

use super::{Graph, GraphError, call::Call, claims::READ_POLICIES};

const WRITE_APPLICATIONS: &str = "Application.ReadWrite.All";
const WRITE_POLICIES: &str = "Policy.ReadWrite.ApplicationConfiguration";
const READ_GROUPS: &str = "Group.Read.All";

/// The result of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The object was deleted, or did not exist.
    Gone,
    /// Graph refused to delete the object in its current state (HTTP 400), for the given reason.
    Refused(String),
}

/// An object to which a policy applies.
#[derive(Debug, Deserialize)]
struct Applied {
    id: String,
}

impl Graph {
    /// Deletes a subscription.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn unsubscribe(&self, id: &str) -> Result<(), StepError> {
        self.remove(&Call::delete(&["subscriptions", id], format!("deleting the subscription {id}")).needs(READ_GROUPS))
            .await
    }

    /// Removes a claims mapping policy from a service principal.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn unassign_claims_policy(&self, service_principal: &str, policy: &str) -> Result<(), StepError> {
        let path = ["servicePrincipals", service_principal, "claimsMappingPolicies", policy, "$ref"];
        let doing =
            format!("removing the claims mapping policy {policy} from the service principal {service_principal}");
        match self.act(&Call::delete(&path, doing).needs(WRITE_APPLICATIONS)).await {
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(()),
            // If the policy is no longer assigned, Graph may return status 400 with various error messages. So the
            // function reads the list of assigned policies to determine whether the policy is assigned.
            Err(GraphError::Refused(refusal)) if refusal.may_be_gone() => {
                let left = self.claims_policies_of(service_principal).await?;
                if left.iter().any(|one| one.id == policy) { Err((*refusal).into()) } else { Ok(()) }
            }
            other => Ok(other?),
        }
    }

    /// Returns the IDs of all objects to which a claims mapping policy applies.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn claims_policy_applies_to(&self, id: &str) -> Result<Vec<String>, StepError> {
        let path = ["policies", "claimsMappingPolicies", id, "appliesTo"];
        let call = Call::get(&path, format!("reading the assignments of the claims mapping policy {id}"))
            .query("$select", "id")
            .needs(READ_POLICIES);
        match self.list::<Applied>(&call).await {
            Ok(listing) => Ok(listing.items.into_iter().map(|object| object.id).collect()),
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a claims mapping policy.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn delete_claims_policy(&self, id: &str) -> Result<(), StepError> {
        let doing = format!("deleting the claims mapping policy {id}");
        self.remove(&Call::delete(&["policies", "claimsMappingPolicies", id], doing).needs(WRITE_POLICIES)).await
    }

    /// Deletes an application and its service principal. The application and its service principal can be restored in
    /// Entra for 30 days.
    ///
    /// # Errors
    /// The error that Graph returns. If Graph refuses the deletion because of the state of the application, this is not
    /// an error but the result [`Deletion::Refused`].
    pub async fn delete_application(&self, id: &str) -> Result<Deletion, StepError> {
        let doing = format!("deleting the application {id}");
        self.delete(&Call::delete(&["applications", id], doing).needs(WRITE_APPLICATIONS)).await
    }

    /// Deletes a service principal.
    ///
    /// # Errors
    /// See [`Graph::delete_application`].
    pub async fn delete_service_principal(&self, id: &str) -> Result<Deletion, StepError> {
        let doing = format!("deleting the service principal {id}");
        self.delete(&Call::delete(&["servicePrincipals", id], doing).needs(WRITE_APPLICATIONS)).await
    }

    /// Deletes an object. If Graph refuses the deletion because of the state of the object, for example with
    /// `DeletingSamlSpNotAllowed`, this is a result and not an error, because a retry would not help.
    async fn delete(&self, call: &Call) -> Result<Deletion, StepError> {
        match self.act(call).await {
            Ok(()) => Ok(Deletion::Gone),
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(Deletion::Gone),
            Err(GraphError::Refused(refusal)) if refusal.status == 400 => {
                Ok(Deletion::Refused(format!("{}: {}", refusal.code, refusal.message)))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn remove(&self, call: &Call) -> Result<(), StepError> {
        match self.act(call).await {
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(()),
            other => Ok(other?),
        }
    }
}
