//! `configure-entra-claims`: where the sign-in leads and what Entra says about the person (the how-to's second visit to
//! シングルサインオンの設定: relay state, attributes and claims).
//!
//! * Reads: `GET /servicePrincipals/{id}`, `GET /servicePrincipals/{id}/claimsMappingPolicies`,
//!   `GET /policies/claimsMappingPolicies`.
//! * Writes: `PATCH /servicePrincipals/{id}`, `POST /policies/claimsMappingPolicies`,
//!   `PATCH /policies/claimsMappingPolicies/{id}`, `POST /servicePrincipals/{id}/claimsMappingPolicies/$ref`.
//! * Permissions: `Application.ReadWrite.All`, `Policy.ReadWrite.ApplicationConfiguration`.
//! * Safe to repeat: only what differs is written. Our policy is known by its display name, also where it was made and not
//!   yet put on the service principal. A stranger's policy on the service principal is a conflict unless it says the same:
//!   Entra heeds one, and replacing it would break whatever it is for.

use onboarding_core::{
    StepError,
    contract::{ConfigureEntraClaimsInput, ConfigureEntraClaimsOutput},
    iam, names, saml,
};
use serde_json::{Map, Value, json};

use crate::{
    clients::Clients,
    graph::{ClaimsMappingPolicy, Graph, ServicePrincipal},
    inspect::entra::says,
};

/// Makes relay state and claims what they should be.
///
/// # Errors
/// `Conflict` where the service principal carries a claims policy that is not ours.
pub async fn run(cx: &Clients, input: ConfigureEntraClaimsInput) -> Result<ConfigureEntraClaimsOutput, StepError> {
    let graph = cx.graph();
    let principal = graph.seen_service_principal(&input.application.service_principal_id).await?;
    let seconds = iam::session_seconds(&input.session_duration)?;
    let definition = saml::claims_definition(&input.role_arn, &input.saml_provider_arn, input.username, seconds);
    let relay_state = saml::relay_state(&input.region, &input.instance_id);
    let claims_policy_id = set_claims(graph, &principal.id, &names::claims_policy(&input.alias), &definition).await?;
    let changes = principal_changes(&principal, &relay_state);
    if !changes.is_empty() {
        graph.update_service_principal(&principal.id, changes.into()).await?;
    }
    // Which one signs was decided when the sign-on was configured; a rotation may have gone on from there.
    if principal.preferred_token_signing_key_thumbprint.as_deref().unwrap_or_default().is_empty() {
        graph.activate_certificate(&principal, &input.certificate_thumbprint).await?;
    }
    Ok(ConfigureEntraClaimsOutput { claims_policy_id, relay_state })
}

fn principal_changes(principal: &ServicePrincipal, relay_state: &str) -> Map<String, Value> {
    let mut changes = Map::new();
    if principal.relay_state() != Some(relay_state) {
        changes.insert("samlSingleSignOnSettings".into(), json!({ "relayState": relay_state }));
    }
    // With a sign-on URL Entra would send people to AWS first, which knows nothing of them; empty it starts the sign-in
    // itself, and the relay state counts.
    if principal.login_url.as_deref().is_some_and(|url| !url.is_empty()) {
        changes.insert("loginUrl".into(), Value::Null);
    }
    changes
}

/// Sees to it that the service principal has the claims; gives the policy's id.
async fn set_claims(graph: &Graph, principal: &str, name: &str, definition: &Value) -> Result<String, StepError> {
    let assigned = graph.claims_policies_of(principal).await?;
    if let Some(policy) = assigned.iter().find(|policy| says(policy, definition)) {
        return Ok(policy.id.clone());
    }
    let ours = |policy: &&ClaimsMappingPolicy| policy.display_name.as_deref() == Some(name);
    if let Some(policy) = assigned.iter().find(ours) {
        graph.update_claims_policy(&policy.id, definition).await?;
        return Ok(policy.id.clone());
    }
    if let Some(stranger) = assigned.first() {
        return Err(StepError::conflict(format!(
            "the service principal {principal} carries the claims mapping policy \"{}\" ({}), which is not ours, and Entra \
             heeds one only; take it off, or call it \"{name}\" to have it replaced",
            stranger.display_name.as_deref().unwrap_or("?"),
            stranger.id
        )));
    }
    let mut waiting = graph.claims_policies_named(name).await?;
    waiting.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let id = match waiting.iter().find(|policy| says(policy, definition)).or_else(|| waiting.first()) {
        Some(policy) => {
            if !says(policy, definition) {
                graph.update_claims_policy(&policy.id, definition).await?;
            }
            policy.id.clone()
        }
        None => graph.create_claims_policy(name, definition).await?.id,
    };
    graph.assign_claims_policy(principal, &id).await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_claims_in_another_spelling_are_no_difference_and_other_claims_are() {
        let definition = json!({ "ClaimsMappingPolicy": { "Version": 1, "ClaimsSchema": [{ "Value": "a" }] } });
        let policy =
            |text: &str| ClaimsMappingPolicy { definition: vec![text.into()], ..ClaimsMappingPolicy::default() };
        assert!(says(
            &policy(r#"{ "ClaimsMappingPolicy": {"ClaimsSchema":[{"Value":"a"}], "Version":1} }"#),
            &definition
        ));
        assert!(!says(&policy(r#"{"ClaimsMappingPolicy":{"ClaimsSchema":[{"Value":"b"}],"Version":1}}"#), &definition));
        assert!(!says(&ClaimsMappingPolicy::default(), &definition));
    }

    #[test]
    fn a_sign_on_url_is_emptied_and_an_empty_one_is_left_alone() {
        let mut principal = ServicePrincipal { login_url: Some("https://aws".into()), ..ServicePrincipal::default() };
        assert_eq!(principal_changes(&principal, "r").get("loginUrl"), Some(&Value::Null));
        principal.login_url = Some(String::new());
        assert_eq!(principal_changes(&principal, "r").get("loginUrl"), None);
    }
}
