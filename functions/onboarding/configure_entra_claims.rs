//! `configure-entra-claims`: sets the relay state and the SAML claims of the enterprise application (manual procedure:
//! the second part of シングルサインオンの設定).
//!
//! * Reads: `GET /servicePrincipals/{id}`, `GET /servicePrincipals/{id}/claimsMappingPolicies`, `GET
//!   /policies/claimsMappingPolicies`; for a replicated instance, `GET /applications/{id}`.
//! * Writes: `PATCH /servicePrincipals/{id}`, `POST /policies/claimsMappingPolicies`, `PATCH
//!   /policies/claimsMappingPolicies/{id}`, `POST /servicePrincipals/{id}/claimsMappingPolicies/$ref`.
//! * Permissions: `Application.ReadWrite.All`, `Policy.ReadWrite.ApplicationConfiguration`.
//! * Safe to repeat: only differences are written. The step identifies the onboarding's policy by its display name, so
//!   a retry also finds a policy that was created but not assigned. The step fails with `Conflict` if the service
//!   principal has another policy with different content. Entra applies only one policy, and the other policy may still
//!   be needed.

use onboarding_core::{
    StepError,
    contract::{ConfigureEntraClaimsInput, ConfigureEntraClaimsOutput},
    iam, names,
    replication::GlobalSignIn,
    saml,
};
use serde_json::{Map, Value, json};

use crate::{
    context::Context,
    entra::{ClaimsMappingPolicy, Graph, ServicePrincipal},
    inspect::entra::says,
};

/// Sets the relay state and the SAML claims.
///
/// # Errors
/// `Conflict` if the service principal has a claims mapping policy that another application or an administrator
/// created.
pub async fn run(ctx: &Context, input: ConfigureEntraClaimsInput) -> Result<ConfigureEntraClaimsOutput, StepError> {
    let graph = ctx.graph();
    let principal = graph.seen_service_principal(&input.application.service_principal_id).await?;
    let seconds = iam::session_seconds(&input.session_duration)?;
    let definition = saml::claims_definition(&input.role_arn, &input.saml_provider_arn, input.username, seconds);
    let relay_state = if uses_global_sign_in(graph, &input).await? {
        None
    } else {
        Some(saml::relay_state(&input.region, &input.instance_id, input.sign_in.destination.as_ref()))
    };
    let claims_policy_id = set_claims(graph, &principal.id, &names::claims_policy(&input.alias), &definition).await?;
    let changes = relay_state.as_deref().map(|relay_state| principal_changes(&principal, relay_state));
    let changes = changes.unwrap_or_default();
    if !changes.is_empty() {
        graph.update_service_principal(&principal.id, changes.into()).await?;
    }
    // The certificate in the step input is activated only if no certificate is active. After a rotation, the active
    // certificate may be newer than the certificate in the step input.
    if principal.preferred_token_signing_key_thumbprint.as_deref().unwrap_or_default().is_empty() {
        graph.activate_certificate(&principal, &input.certificate_thumbprint).await?;
    }
    let destination_url =
        input.sign_in.destination.as_ref().map(|destination| saml::destination_url(&input.alias, destination));
    Ok(ConfigureEntraClaimsOutput { claims_policy_id, relay_state: relay_state.unwrap_or_default(), destination_url })
}

/// Returns whether the application is configured for the global sign-in of a replicated instance. Global sign-in needs
/// no relay state. So the step keeps the relay state and the sign-on URL that an administrator has set.
async fn uses_global_sign_in(graph: &Graph, input: &ConfigureEntraClaimsInput) -> Result<bool, StepError> {
    let Some(global) = input.global_sign_in_endpoint.as_ref().map(GlobalSignIn::new) else { return Ok(false) };
    let application = graph.seen_application(&input.application.application_id).await?;
    Ok(global.is_used_by(&application.web.redirect_uris))
}

fn principal_changes(principal: &ServicePrincipal, relay_state: &str) -> Map<String, Value> {
    let mut changes = Map::new();
    if principal.relay_state() != Some(relay_state) {
        changes.insert("samlSingleSignOnSettings".into(), json!({ "relayState": relay_state }));
    }
    // If the application had a sign-on URL, Entra would first redirect users to AWS, and AWS can't start the sign-in.
    // Without a sign-on URL, Entra itself starts the sign-in and sends the relay state to AWS.
    if principal.login_url.as_deref().is_some_and(|url| !url.is_empty()) {
        changes.insert("loginUrl".into(), Value::Null);
    }
    changes
}

/// Ensures that the service principal has a claims mapping policy with the SAML claims, and returns the ID of this
/// policy.
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
            "the service principal {principal} has the claims mapping policy \"{}\" ({}), which this onboarding \
             did not create, and Entra applies only one policy; remove it, or rename it to \"{name}\" so that it is replaced",
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
    fn claims_are_compared_by_content_and_not_by_formatting() {
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
    fn a_sign_on_url_is_removed_and_an_empty_one_is_not_changed() {
        let mut principal = ServicePrincipal { login_url: Some("https://aws".into()), ..ServicePrincipal::default() };
        assert_eq!(principal_changes(&principal, "r").get("loginUrl"), Some(&Value::Null));
        principal.login_url = Some(String::new());
        assert_eq!(principal_changes(&principal, "r").get("loginUrl"), None);
    }
}
