//! Claims mapping policies, which define the claims in the SAML assertions that Entra issues.

use onboarding_core::StepError;
use serde_json::{Value, json};

use super::{Graph, GraphError, call::Call, model::ClaimsMappingPolicy};

pub(super) const READ_POLICIES: &str = "Policy.Read.All";
const WRITE_POLICIES: &str = "Policy.ReadWrite.ApplicationConfiguration";

impl Graph {
    /// Returns the claims mapping policies of a service principal. If there are several, Entra applies only one of
    /// them.
    ///
    /// # Errors
    /// `NotConsistentYet` if the service principal has not replicated yet.
    pub async fn claims_policies_of(&self, service_principal: &str) -> Result<Vec<ClaimsMappingPolicy>, StepError> {
        let path = ["servicePrincipals", service_principal, "claimsMappingPolicies"];
        let call = Call::get(&path, format!("reading the claims policy of the service principal {service_principal}"))
            .needs(READ_POLICIES)
            .just_made();
        Ok(self.list(&call).await?.items)
    }

    /// Returns all claims mapping policies of the tenant.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn claims_policies(&self) -> Result<Vec<ClaimsMappingPolicy>, StepError> {
        let call = Call::get(&["policies", "claimsMappingPolicies"], "reading the tenant's claims mapping policies")
            .needs(READ_POLICIES);
        Ok(self.list(&call).await.map_err(StepError::from)?.items)
    }

    /// Returns all claims mapping policies of the tenant with this display name.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn claims_policies_named(&self, name: &str) -> Result<Vec<ClaimsMappingPolicy>, StepError> {
        // The names are compared here and not with Graph's `$filter`, for two reasons: a tenant has few policies, and
        // the index that `$filter` uses is updated with a delay.
        let all = self.claims_policies().await?;
        Ok(all.into_iter().filter(|policy| policy.display_name.as_deref() == Some(name)).collect())
    }

    /// Creates a claims mapping policy. Each call creates another policy.
    ///
    /// # Errors
    /// `Unavailable` if the response was lost. In this case, the policy may have been created.
    pub async fn create_claims_policy(&self, name: &str, definition: &Value) -> Result<ClaimsMappingPolicy, StepError> {
        let body =
            json!({ "definition": [definition.to_string()], "displayName": name, "isOrganizationDefault": false });
        let doing = format!("creating the claims mapping policy \"{name}\"");
        let call = Call::post(&["policies", "claimsMappingPolicies"], body, doing).needs(WRITE_POLICIES).once();
        Ok(self.send(&call).await?)
    }

    /// Replaces the definition of a claims mapping policy.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn update_claims_policy(&self, id: &str, definition: &Value) -> Result<(), StepError> {
        let body = json!({ "definition": [definition.to_string()] });
        let doing = format!("changing the definition of the claims mapping policy {id}");
        let call =
            Call::patch(&["policies", "claimsMappingPolicies", id], body, doing).needs(WRITE_POLICIES).just_made();
        Ok(self.act(&call).await?)
    }

    /// Assigns a claims mapping policy to a service principal. If the policy is already assigned, the function returns
    /// `Ok`.
    ///
    /// # Errors
    /// `NotConsistentYet` if the service principal or the policy has not replicated yet.
    pub async fn assign_claims_policy(&self, service_principal: &str, policy: &str) -> Result<(), StepError> {
        // The reference to the policy is a URL under Graph's base URL. Graph rejects a URL that contains the tenant.
        let reference = format!("{}/v1.0/policies/claimsMappingPolicies/{policy}", self.settings.graph_url());
        let path = ["servicePrincipals", service_principal, "claimsMappingPolicies", "$ref"];
        let doing =
            format!("assigning the claims mapping policy {policy} to the service principal {service_principal}");
        let call =
            Call::post(&path, json!({ "@odata.id": reference }), doing).needs("Application.ReadWrite.All").just_made();
        match self.act(&call).await {
            // If the policy is already assigned, Graph may return various error messages. So the function reads the
            // list of assigned policies to determine whether the policy is assigned.
            Err(GraphError::Refused(refusal)) if refusal.may_exist() => {
                let assigned = self.claims_policies_of(service_principal).await?;
                if assigned.iter().any(|one| one.id == policy) { Ok(()) } else { Err((*refusal).into()) }
            }
            other => Ok(other?),
        }
    }
}
