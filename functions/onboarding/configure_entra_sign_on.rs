//! `configure-entra-sign-on`: configures the SAML single sign-on of the enterprise application: identifier, reply URLs,
//! signing certificate and federation metadata (manual procedure: the first part of シングルサインオンの設定).
//!
//! * Reads: `GET /servicePrincipals/{id}`, `GET /applications/{id}`, the federation metadata (no authentication).
//! * Writes: `PATCH /servicePrincipals/{id}`, `PATCH /applications/{id}`, `POST
//!   /servicePrincipals/{id}/addTokenSigningCertificate`.
//! * Permission: `Application.ReadWrite.All`.
//! * Safe to repeat: only differences are written. Tags, identifiers and reply URLs that were added by other means are
//!   kept.
//! * `accountEnabled` and `appRoleAssignmentRequired` are set only if an onboarding created the application. If the
//!   application existed before, the step tags it as adopted and does not change these two settings.
//! * A certificate is added only if the application has neither an active certificate nor another usable certificate of
//!   this onboarding. A failed attempt may have added a certificate. The step finds such a certificate by its subject,
//!   even if Entra returns the certificate only after a delay.
//! * An active certificate is kept, even if it has expired. Only the step `rotate-certificate` replaces certificates,
//!   because IAM must trust a new certificate before Entra signs with it.
//!
//! The order of the writes matters. SAML mode is set before the identifier, because the tenant's policy for new
//! identifiers does not apply to applications in SAML mode. Until SAML mode has replicated, the policy may reject the
//! identifier. So after the first rejections, the step only waits and tries again.
//! After further rejections, the step also configures the application to receive version 2 tokens, because the policy
//! does not apply to such applications either. If the policy still rejects the identifier, the step fails, and the
//! error message states what an administrator can do.

use std::time::Duration;

use onboarding_core::{
    StepError,
    contract::{ConfigureEntraSignOnInput, EntraSignOn},
    names,
    replication::GlobalSignIn,
    saml,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{
    context::Context,
    entra::{Application, Graph, GraphError, LOOKS_FOR_A_LOST_CERTIFICATE, ServicePrincipal},
    inspect::entra::{ApplicationOwner, Certificate, owner, reply_urls, usable_certificate},
};

/// Maximum number of identifiers to try. No tenant has so many applications with an AWS identifier.
const MOST_IDENTIFIERS: usize = 200;
/// Number of attempts during which the tenant's policy may reject the identifier because SAML mode has not replicated
/// yet. In the state machine, these attempts take more than two minutes.
const SAML_MODE_ATTEMPTS: u32 = 5;
/// Number of attempts during which the tenant's policy may reject the identifier because the token version has not
/// replicated yet.
const TOKEN_VERSION_ATTEMPTS: u32 = 10;
const POLICY_ADVICE: &str = "exempt SAML applications from the tenant's identifier URI policy (excludeSaml)";
/// Delays between the checks of the federation metadata in one invocation. After the last check, the state machine
/// retries the step.
const METADATA_WAITS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// Configures the sign-on settings.
///
/// # Errors
/// `NotConsistentYet` until every replica of Entra returns the application and its new certificate.
pub async fn run(ctx: &Context, input: ConfigureEntraSignOnInput) -> Result<EntraSignOn, StepError> {
    let graph = ctx.graph();
    let principal = graph.seen_service_principal(&input.application.service_principal_id).await?;
    let changes = principal_changes(&principal, &input);
    if !changes.is_empty() {
        graph.update_service_principal(&principal.id, changes.into()).await?;
    }
    if is_ours(&principal, &input) {
        activate(graph, &input.application.application_id).await?;
    }
    let global = input.global_sign_in_endpoint.as_ref().map(GlobalSignIn::new);
    let application = graph.seen_application(&input.application.application_id).await?;
    let reply_urls = wanted_reply_urls(&application, &input.region, global.as_ref());
    let identifier_uri = set_identifier(graph, &application, &reply_urls, input.attempts).await?;
    let certificate =
        active_certificate(graph, &principal, &names::certificate_subject(&input.alias), input.attempts).await?;
    let metadata = published_metadata(graph, &principal.app_id, &certificate).await?;
    Ok(EntraSignOn {
        identifier_uri,
        reply_urls,
        certificate_thumbprint: certificate.thumbprint,
        certificate_expires: certificate.expires,
        entity_id: metadata.entity_id,
        metadata_url: graph.metadata_url(&principal.app_id).await?,
    })
}

fn principal_changes(principal: &ServicePrincipal, input: &ConfigureEntraSignOnInput) -> Map<String, Value> {
    let mut changes = Map::new();
    if principal.preferred_single_sign_on_mode.as_deref() != Some("saml") {
        changes.insert("preferredSingleSignOnMode".into(), json!("saml"));
    }
    if owner(principal, &input.alias) == ApplicationOwner::Unknown {
        let mut tags = principal.tags.clone();
        tags.push(names::service_principal_tag(&input.alias));
        if input.application.adopted && !tags.iter().any(|tag| tag == names::ADOPTED_TAG) {
            tags.push(names::ADOPTED_TAG.into());
        }
        changes.insert("tags".into(), json!(tags));
    }
    if is_ours(principal, input) {
        if principal.account_enabled == Some(false) {
            changes.insert("accountEnabled".into(), json!(true));
        }
        // Without this setting, every user in the tenant could sign in.
        if principal.app_role_assignment_required != Some(true) {
            changes.insert("appRoleAssignmentRequired".into(), json!(true));
        }
    }
    // If the input contains no email addresses, the step keeps the addresses that an administrator entered in the
    // portal.
    if !input.notification_emails.is_empty()
        && !same_set(&principal.notification_email_addresses, &input.notification_emails)
    {
        changes.insert("notificationEmailAddresses".into(), json!(input.notification_emails));
    }
    changes
}

/// Returns whether an onboarding of the instance with this alias created the application. Only in such an application
/// does the step change `accountEnabled` and `appRoleAssignmentRequired`.
fn is_ours(principal: &ServicePrincipal, input: &ConfigureEntraSignOnInput) -> bool {
    match owner(principal, &input.alias) {
        ApplicationOwner::Ours => true,
        ApplicationOwner::Adopted => false,
        ApplicationOwner::Unknown => !input.application.adopted,
    }
}

/// Activates a deactivated application. `isDisabled` can be changed only on the application object. The service
/// principal contains a copy of the value.
async fn activate(graph: &Graph, id: &str) -> Result<(), StepError> {
    if graph.seen_application(id).await?.is_disabled == Some(true) {
        graph.update_application(id, json!({ "isDisabled": false })).await?;
    }
    Ok(())
}

fn same_set(one: &[String], other: &[String]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}

/// Returns the reply URLs that the application must have. If the application is configured for the global sign-in of a
/// replicated instance, these are its current reply URLs.
fn wanted_reply_urls(application: &Application, region: &str, global: Option<&GlobalSignIn>) -> Vec<String> {
    let present = &application.web.redirect_uris;
    match global.filter(|global| global.is_used_by(present)) {
        Some(global) => present.iter().filter(|url| global.is_reply_url(url)).cloned().collect(),
        None => reply_urls(region).to_vec(),
    }
}

/// Ensures that the application has an AWS identifier of its own and both reply URLs. Returns the identifier.
///
/// The step tries identifiers until Graph accepts one. A list of applications does not show which identifiers are in
/// use, for two reasons. First, a change appears in the list only after a delay. Second, the list does not
/// contain recently deleted applications, whose identifiers remain reserved.
async fn set_identifier(
    graph: &Graph,
    application: &Application,
    reply_urls: &[String],
    attempts: u32,
) -> Result<String, StepError> {
    let id = application.id.as_str();
    let present = application.identifier_uris.iter().find(|uri| saml::is_aws_identifier(uri)).cloned();
    let mut changes = Map::new();
    // Entra does not keep the order of the reply URLs, so the order is not compared.
    if !reply_urls.iter().all(|url| application.web.redirect_uris.contains(url)) {
        let others = application.web.redirect_uris.iter().filter(|url| !reply_urls.contains(url));
        changes.insert("web".into(), json!({ "redirectUris": reply_urls.iter().chain(others).collect::<Vec<_>>() }));
    }
    if let Some(identifier) = present {
        if !changes.is_empty() {
            graph.update_application(id, changes.into()).await?;
        }
        return Ok(identifier);
    }
    let mut taken: Vec<String> = Vec::new();
    let mut version_set = false;
    while taken.len() < MOST_IDENTIFIERS {
        let identifier = saml::free_identifier(taken.iter().map(String::as_str));
        changes.insert("identifierUris".into(), identifiers(application, &identifier));
        match graph.update_application(id, changes.clone().into()).await {
            Ok(()) => return Ok(identifier),
            Err(GraphError::Refused(refusal)) if refusal.is_identifier_taken() => taken.push(identifier),
            // The policy also does not apply to applications that receive version 2 tokens (confirmed by Microsoft in
            // entra-apps-identifier-uri-protection#6). The token version has no effect on SAML.
            Err(GraphError::Refused(refusal))
                if refusal.is_identifier_policy() && attempts >= SAML_MODE_ATTEMPTS && !version_set =>
            {
                graph.update_application(id, json!({ "api": { "requestedAccessTokenVersion": 2 } })).await?;
                version_set = true;
            }
            Err(GraphError::Refused(refusal)) if refusal.is_identifier_policy() => {
                return Err(refused_by_policy((*refusal).into(), attempts));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StepError::conflict(format!(
        "{MOST_IDENTIFIERS} identifiers from {} on are taken in this tenant; delete applications that are no longer used",
        saml::IDENTIFIER
    )))
}

/// Converts a rejection by the tenant's policy to an error. The error kind and message depend on the number of
/// attempts.
fn refused_by_policy(StepError { kind, message }: StepError, attempts: u32) -> StepError {
    if attempts < TOKEN_VERSION_ATTEMPTS {
        return StepError::not_consistent_yet(format!(
            "{message}; the exemption of the application takes minutes to be replicated; if the error continues, \
             {POLICY_ADVICE}"
        ));
    }
    StepError::new(kind, format!("{message}; {POLICY_ADVICE}"))
}

fn identifiers(application: &Application, identifier: &str) -> Value {
    std::iter::once(identifier).chain(application.identifier_uris.iter().map(String::as_str)).collect::<Vec<_>>().into()
}

/// Ensures that the application has an active signing certificate, and returns this certificate. Adds a certificate if
/// the application has no usable certificate.
async fn active_certificate(
    graph: &Graph,
    principal: &ServicePrincipal,
    subject: &str,
    attempts: u32,
) -> Result<Certificate, StepError> {
    let certificate = match usable_certificate(principal, subject, OffsetDateTime::now_utc()) {
        Some(certificate) => certificate,
        None if (1..=LOOKS_FOR_A_LOST_CERTIFICATE).contains(&attempts) => {
            return Err(StepError::not_consistent_yet(
                "a failed attempt may have added a signing certificate that Entra does not show yet",
            ));
        }
        None => {
            let made = graph.add_signing_certificate(&principal.id, subject).await?;
            tracing::info!(thumbprint = made.thumbprint, expires = made.end_date_time, "added a signing certificate");
            Certificate { thumbprint: made.thumbprint.to_uppercase(), expires: made.end_date_time, expired: false }
        }
    };
    graph.activate_certificate(principal, &certificate.thumbprint).await?;
    Ok(certificate)
}

/// Waits until the federation metadata contains the certificate, and returns the metadata. If the metadata in IAM did
/// not contain the certificate, AWS would reject every sign-in.
///
/// Microsoft does not document whether the metadata contains an expired certificate. If the metadata does not contain
/// it, the step `create-saml-provider` accepts a SAML provider that already trusts the certificate.
async fn published_metadata(
    graph: &Graph,
    app_id: &str,
    certificate: &Certificate,
) -> Result<saml::Metadata, StepError> {
    let thumbprint = &certificate.thumbprint;
    let mut waits = METADATA_WAITS.into_iter();
    loop {
        let metadata = saml::read_metadata(&graph.federation_metadata(app_id).await?)?;
        let is_published = metadata.thumbprints.iter().any(|shown| shown.eq_ignore_ascii_case(thumbprint));
        if is_published || certificate.expired {
            return Ok(metadata);
        }
        let Some(wait) = waits.next() else {
            return Err(StepError::not_consistent_yet(format!(
                "the federation metadata of the application {app_id} does not show the active certificate {thumbprint} yet"
            )));
        };
        graph.clock().sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_refusals_by_the_identifier_policy_finally_require_the_administrator() {
        let refused = |attempts| refused_by_policy(StepError::invalid_input("refused"), attempts);
        assert_eq!(refused(TOKEN_VERSION_ATTEMPTS - 1).name(), "NotConsistentYet");
        assert_eq!(refused(TOKEN_VERSION_ATTEMPTS).name(), "InvalidInput");
        assert!(refused(0).message.contains(POLICY_ADVICE) && refused(99).message.contains(POLICY_ADVICE));
    }
}
