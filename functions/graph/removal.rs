//! What a teardown takes away in Entra. Whatever is gone already is success: it may be our own work of a moment ago.

use onboarding_core::StepError;
use serde::Deserialize;

use super::{Graph, GraphError, call::Call, claims::READ_POLICIES};

const WRITE_APPLICATIONS: &str = "Application.ReadWrite.All";
const WRITE_POLICIES: &str = "Policy.ReadWrite.ApplicationConfiguration";
const READ_GROUPS: &str = "Group.Read.All";

/// What became of something that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is deleted, or was not there any more.
    Gone,
    /// Graph refuses the deletion of this object as it is (HTTP 400); the text is its reason.
    Refused(String),
}

/// Anything that a policy applies to.
#[derive(Debug, Deserialize)]
struct Applied {
    id: String,
}

impl Graph {
    /// Ends a subscription.
    ///
    /// # Errors
    /// What Graph refuses; so do all below.
    pub async fn unsubscribe(&self, id: &str) -> Result<(), StepError> {
        self.remove(&Call::delete(&["subscriptions", id], format!("ending the subscription {id}")).needs(READ_GROUPS))
            .await
    }

    /// Takes a claims mapping policy off a service principal.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn unassign_claims_policy(&self, service_principal: &str, policy: &str) -> Result<(), StepError> {
        let path = ["servicePrincipals", service_principal, "claimsMappingPolicies", policy, "$ref"];
        let doing = format!("taking the claims mapping policy {policy} off the service principal {service_principal}");
        match self.act(&Call::delete(&path, doing).needs(WRITE_APPLICATIONS)).await {
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(()),
            // The same refusal with 400 has several wordings, so the list decides.
            Err(GraphError::Refused(refusal)) if refusal.may_be_gone() => {
                let left = self.claims_policies_of(service_principal).await?;
                if left.iter().any(|one| one.id == policy) { Err((*refusal).into()) } else { Ok(()) }
            }
            other => Ok(other?),
        }
    }

    /// The ids of everything that a claims mapping policy applies to.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn claims_policy_applies_to(&self, id: &str) -> Result<Vec<String>, StepError> {
        let path = ["policies", "claimsMappingPolicies", id, "appliesTo"];
        let call = Call::get(&path, format!("reading what the claims mapping policy {id} applies to"))
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
    /// What Graph refuses.
    pub async fn delete_claims_policy(&self, id: &str) -> Result<(), StepError> {
        let doing = format!("deleting the claims mapping policy {id}");
        self.remove(&Call::delete(&["policies", "claimsMappingPolicies", id], doing).needs(WRITE_POLICIES)).await
    }

    /// Deletes an application registration, and with it its service principal. Entra keeps both for 30 days.
    ///
    /// # Errors
    /// What Graph refuses for another reason than the state of the application.
    pub async fn delete_application(&self, id: &str) -> Result<Deletion, StepError> {
        let doing = format!("deleting the application {id}");
        self.delete(&Call::delete(&["applications", id], doing).needs(WRITE_APPLICATIONS)).await
    }

    /// Deletes a service principal.
    ///
    /// # Errors
    /// As [`Graph::delete_application`].
    pub async fn delete_service_principal(&self, id: &str) -> Result<Deletion, StepError> {
        let doing = format!("deleting the service principal {id}");
        self.delete(&Call::delete(&["servicePrincipals", id], doing).needs(WRITE_APPLICATIONS)).await
    }

    /// A refusal of the object as it is, for example `DeletingSamlSpNotAllowed`, is data: repeating the call does not help.
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
