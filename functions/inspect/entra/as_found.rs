//! Logs the current state of the enterprise application. One log line contains the settings, certificates and claims of
//! the application. As many further log lines as necessary contain the assignments of the application. `onboard
//! evidence` and `onboard export` read these lines. The lines contain no secrets, because they describe only the public
//! part of a certificate.

use onboarding_core::{log_messages, saml};
use serde_json::{Value, json};
use tracing::info;

use super::Found;

/// Maximum number of assignments in one log line. Lambda limits a log line to 256 KiB (Lambda developer guide, "Log and
/// monitor"), and an assignment takes about 200 bytes.
const MAX_LOGGED_ASSIGNMENTS: usize = 500;

/// Logs the enterprise application of the instance with the alias `instance`.
pub(crate) fn log(instance: &str, found: &Found) {
    let parts = found.assignments.chunks(MAX_LOGGED_ASSIGNMENTS).len();
    let application = application(found, parts).to_string();
    info!(instance, application, "{}", log_messages::APPLICATION);
    for (part, assignments) in found.assignments.chunks(MAX_LOGGED_ASSIGNMENTS).enumerate() {
        let shape = |one: &crate::entra::AppRoleAssignment| {
            json!({
                "id": one.id, "principalId": one.principal_id, "principalType": one.principal_type,
                "appRoleId": one.app_role_id,
            })
        };
        let assignments = Value::from_iter(assignments.iter().map(shape)).to_string();
        info!(instance, part, assignments, "{}", log_messages::ASSIGNMENTS);
    }
}

/// Returns the application as JSON with Graph's property names. `assignment_parts` is the number of log lines that
/// contain the assignments.
fn application(found: &Found, assignment_parts: usize) -> Value {
    let Found { principal, application, claims, .. } = found;
    let certificates = principal.key_credentials.iter().filter_map(|key| {
        let thumbprint = saml::thumbprint(key.key.as_deref()?)?;
        let active = found.active_certificate().is_some_and(|active| active.eq_ignore_ascii_case(&thumbprint));
        Some(json!({
            "thumbprint": thumbprint, "subject": key.display_name, "endDateTime": key.end_date_time, "active": active,
        }))
    });
    let claims = claims
        .iter()
        .map(|policy| json!({ "id": policy.id, "displayName": policy.display_name, "definition": policy.definition }));
    json!({
        "application": {
            "id": application.id, "appId": application.app_id, "identifierUris": application.identifier_uris,
            "redirectUris": application.web.redirect_uris, "isDisabled": application.is_disabled,
        },
        "servicePrincipal": {
            "id": principal.id, "appId": principal.app_id, "displayName": principal.display_name,
            "preferredSingleSignOnMode": principal.preferred_single_sign_on_mode,
            "relayState": principal.relay_state(), "loginUrl": principal.login_url,
            "notificationEmailAddresses": principal.notification_email_addresses, "tags": principal.tags,
            "accountEnabled": principal.account_enabled,
            "appRoleAssignmentRequired": principal.app_role_assignment_required,
            "applicationTemplateId": principal.application_template_id,
        },
        "certificates": certificates.collect::<Vec<_>>(),
        "claimsMappingPolicies": claims.collect::<Vec<_>>(),
        "assignmentParts": assignment_parts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::{KeyCredential, ServicePrincipal};

    #[test]
    fn the_record_names_the_active_certificate_and_contains_no_key() {
        let certificate = KeyCredential {
            display_name: Some("CN=acme".into()),
            end_date_time: Some("2029-01-01T00:00:00Z".into()),
            usage: Some("Verify".into()),
            key: Some("MAAwAA==".into()),
        };
        let private = KeyCredential { usage: Some("Sign".into()), key: None, ..certificate.clone() };
        let active = saml::thumbprint("MAAwAA==");
        let principal = ServicePrincipal {
            preferred_token_signing_key_thumbprint: active.clone(),
            key_credentials: vec![certificate, private],
            ..ServicePrincipal::default()
        };
        let record = application(&Found { principal, ..Found::default() }, 0);
        let certificates = json!([{
            "thumbprint": active, "subject": "CN=acme", "endDateTime": "2029-01-01T00:00:00Z", "active": true,
        }]);
        assert_eq!(record["certificates"], certificates);
        assert!(!record.to_string().contains("MAAwAA=="), "{record}");
    }
}
