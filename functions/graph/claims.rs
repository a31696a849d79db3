//! Claims mapping policies: what Entra says about a person in the assertion.

use onboarding_core::StepError;
use serde_json::{Value, json};

use super::{Graph, GraphError, call::Call, model::ClaimsMappingPolicy};

pub(super) const READ_POLICIES: &str = "Policy.Read.All";
const WRITE_POLICIES: &str = "Policy.ReadWrite.ApplicationConfiguration";

impl Graph {
    /// The claims mapping policies of a service principal; Entra heeds one.
    ///
    /// # Errors
    /// `NotConsistentYet` where Graph does not see the service principal (yet).
    pub async fn claims_policies_of(&self, service_principal: &str) -> Result<Vec<ClaimsMappingPolicy>, StepError> {
        let path = ["servicePrincipals", service_principal, "claimsMappingPolicies"];
        let call = Call::get(&path, format!("reading the claims policy of the service principal {service_principal}"))
            .needs(READ_POLICIES)
            .just_made();
        Ok(self.list(&call).await?.items)
    }

    /// All claims mapping policies of the tenant with this display name.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn claims_policies_named(&self, name: &str) -> Result<Vec<ClaimsMappingPolicy>, StepError> {
        let call = Call::get(&["policies", "claimsMappingPolicies"], "reading the tenant's claims mapping policies")
            .needs(READ_POLICIES);
        // Filtered here: a tenant has few of them, and their $filter is served from an index that lags.
        let all: Vec<ClaimsMappingPolicy> = self.list(&call).await.map_err(StepError::from)?.items;
        Ok(all.into_iter().filter(|policy| policy.display_name.as_deref() == Some(name)).collect())
    }

    /// Makes a claims mapping policy. Every call makes another one.
    ///
    /// # Errors
    /// `Unavailable` where the answer got lost: the policy may exist.
    pub async fn create_claims_policy(&self, name: &str, definition: &Value) -> Result<ClaimsMappingPolicy, StepError> {
        let body =
            json!({ "definition": [definition.to_string()], "displayName": name, "isOrganizationDefault": false });
        let doing = format!("making the claims mapping policy \"{name}\"");
        let call = Call::post(&["policies", "claimsMappingPolicies"], body, doing).needs(WRITE_POLICIES).once();
        Ok(self.send(&call).await?)
    }

    /// Gives a claims mapping policy another definition.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn update_claims_policy(&self, id: &str, definition: &Value) -> Result<(), StepError> {
        let body = json!({ "definition": [definition.to_string()] });
        let doing = format!("changing the definition of the claims mapping policy {id}");
        let call =
            Call::patch(&["policies", "claimsMappingPolicies", id], body, doing).needs(WRITE_POLICIES).just_made();
        Ok(self.act(&call).await?)
    }

    /// Puts a claims mapping policy on a service principal. One that is there already is success.
    ///
    /// # Errors
    /// `NotConsistentYet` where Graph does not see one of the two (yet).
    pub async fn assign_claims_policy(&self, service_principal: &str, policy: &str) -> Result<(), StepError> {
        // The reference names Graph's own address, never the tenant's form of it, which Graph refuses here.
        let reference = format!("{}/v1.0/policies/claimsMappingPolicies/{policy}", self.settings.graph_url());
        let path = ["servicePrincipals", service_principal, "claimsMappingPolicies", "$ref"];
        let doing = format!("putting the claims mapping policy {policy} on the service principal {service_principal}");
        let call =
            Call::post(&path, json!({ "@odata.id": reference }), doing).needs("Application.ReadWrite.All").just_made();
        match self.act(&call).await {
            // The refusal has several wordings, so the list decides.
            Err(GraphError::Refused(refusal)) if refusal.may_exist() => {
                let assigned = self.claims_policies_of(service_principal).await?;
                if assigned.iter().any(|one| one.id == policy) { Ok(()) } else { Err((*refusal).into()) }
            }
            other => Ok(other?),
        }
    }
}
