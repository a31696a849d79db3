//! `configure-entra-sign-on`: SAML single sign-on of the enterprise application (the how-to's シングルサインオンの設定:
//! identifier, reply URL, signing certificate, federation metadata).
//!
//! * Reads: `GET /servicePrincipals/{id}`, `GET /applications/{id}`, the federation metadata (anonymous).
//! * Writes: `PATCH /servicePrincipals/{id}`, `PATCH /applications/{id}`,
//!   `POST /servicePrincipals/{id}/addTokenSigningCertificate`.
//! * Permission: `Application.ReadWrite.All`.
//! * Safe to repeat: only what differs is written, and what others added (tags, identifiers, reply URLs) stays. Whether the
//!   application is enabled and requires assignment is set only if an onboarding made it; one that was there before is marked
//!   as adopted, and its switches stay. A certificate is added only where none is active that still signs, and none of ours is
//!   good; one that an attempt added without living to tell is found by its subject, also where Entra shows it late. Replacing
//!   one in time is `rotate-certificate`'s affair: IAM has to trust the new one before it signs.
//!
//! The order matters: SAML mode comes before the identifier, because the tenant's policy on new identifiers exempts SAML
//! applications by that mode. The policy may refuse the identifier until the mode has replicated, hence three stages, by
//! the number of attempts: wait; request version 2 tokens, the policy's other exemption; give up with advice.

use std::time::Duration;

use onboarding_core::{
    StepError,
    contract::{ConfigureEntraSignOnInput, EntraSignOn},
    names, saml,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{
    clients::Clients,
    graph::{Application, Graph, GraphError, LOOKS_FOR_A_LOST_CERTIFICATE, ServicePrincipal},
    inspect::entra::{ApplicationOwner, Certificate, owner, reply_urls, usable_certificate},
};

/// More applications with AWS's identifier than any tenant has.
const MOST_IDENTIFIERS: usize = 200;
/// For so many attempts (more than two minutes in the state machine) the tenant's policy may refuse the identifier because
/// SAML mode has not replicated.
const SAML_MODE_ATTEMPTS: u32 = 5;
/// For so many attempts it may refuse because the version of the tokens has not replicated.
const TOKEN_VERSION_ATTEMPTS: u32 = 10;
const POLICY_ADVICE: &str = "exempt SAML applications from the tenant's identifier URI policy (excludeSaml)";
/// How long the metadata is waited for here; more is the state machine's affair.
const METADATA_WAITS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// Makes the sign-on settings what they should be.
///
/// # Errors
/// `NotConsistentYet` while Entra does not show the application or its new certificate everywhere.
pub async fn run(cx: &Clients, input: ConfigureEntraSignOnInput) -> Result<EntraSignOn, StepError> {
    let graph = cx.graph();
    let principal = graph.seen_service_principal(&input.application.service_principal_id).await?;
    let changes = principal_changes(&principal, &input);
    if !changes.is_empty() {
        graph.update_service_principal(&principal.id, changes.into()).await?;
    }
    if is_ours(&principal, &input) {
        activate(graph, &input.application.application_id).await?;
    }
    let reply_urls = reply_urls(&input.region);
    let identifier_uri = set_identifier(graph, &input.application.application_id, &reply_urls, input.attempts).await?;
    let certificate =
        active_certificate(graph, &principal, &names::certificate_subject(&input.alias), input.attempts).await?;
    let metadata = published_metadata(graph, &principal.app_id, &certificate.thumbprint).await?;
    Ok(EntraSignOn {
        identifier_uri,
        reply_urls: reply_urls.to_vec(),
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
        // Otherwise everybody in the tenant could sign in.
        if principal.app_role_assignment_required != Some(true) {
            changes.insert("appRoleAssignmentRequired".into(), json!(true));
        }
    }
    // No addresses in the input: those that somebody entered in the portal stay.
    if !input.notification_emails.is_empty()
        && !same_set(&principal.notification_email_addresses, &input.notification_emails)
    {
        changes.insert("notificationEmailAddresses".into(), json!(input.notification_emails));
    }
    changes
}

/// Whether an onboarding of this alias made the application. Only then are its switches set.
fn is_ours(principal: &ServicePrincipal, input: &ConfigureEntraSignOnInput) -> bool {
    match owner(principal, &input.alias) {
        ApplicationOwner::Ours => true,
        ApplicationOwner::Adopted => false,
        ApplicationOwner::Unknown => !input.application.adopted,
    }
}

/// Activates an application that is deactivated. The registration has that switch; the service principal only shows it.
async fn activate(graph: &Graph, id: &str) -> Result<(), StepError> {
    if graph.seen_application(id).await?.is_disabled == Some(true) {
        graph.update_application(id, json!({ "isDisabled": false })).await?;
    }
    Ok(())
}

fn same_set(one: &[String], other: &[String]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}

/// Sees to it that the application has an AWS identifier of its own and both reply URLs; gives the identifier.
///
/// Which identifiers are taken is learnt from the refusals and not from a list: lists are late, and what was deleted some
/// days ago is in none and yet takes its identifier.
async fn set_identifier(graph: &Graph, id: &str, reply_urls: &[String; 2], attempts: u32) -> Result<String, StepError> {
    let application = graph.seen_application(id).await?;
    let present = application.identifier_uris.iter().find(|uri| saml::is_aws_identifier(uri)).cloned();
    let mut changes = Map::new();
    // The order of the list is not kept by Entra, so it is no difference.
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
        changes.insert("identifierUris".into(), identifiers(&application, &identifier));
        match graph.update_application(id, changes.clone().into()).await {
            Ok(()) => return Ok(identifier),
            Err(GraphError::Refused(refusal)) if refusal.is_identifier_taken() => taken.push(identifier),
            // The second exemption of that policy: applications that receive version 2 tokens (Microsoft's own answer in
            // entra-apps-identifier-uri-protection#6). Means nothing for SAML.
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

/// What the refusal of the tenant's policy means after so many attempts.
fn refused_by_policy(StepError { kind, message }: StepError, attempts: u32) -> StepError {
    if attempts < TOKEN_VERSION_ATTEMPTS {
        return StepError::not_consistent_yet(format!(
            "{message}; what exempts the application takes minutes to be known everywhere; if this stays, {POLICY_ADVICE}"
        ));
    }
    StepError::new(kind, format!("{message}; {POLICY_ADVICE}"))
}

fn identifiers(application: &Application, identifier: &str) -> Value {
    std::iter::once(identifier).chain(application.identifier_uris.iter().map(String::as_str)).collect::<Vec<_>>().into()
}

/// The signing certificate, active.
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
                "an attempt that failed may have added a signing certificate, which Entra may show late",
            ));
        }
        None => {
            let made = graph.add_signing_certificate(&principal.id, subject).await?;
            tracing::info!(thumbprint = made.thumbprint, expires = made.end_date_time, "added a signing certificate");
            Certificate { thumbprint: made.thumbprint.to_uppercase(), expires: made.end_date_time }
        }
    };
    graph.activate_certificate(principal, &certificate.thumbprint).await?;
    Ok(certificate)
}

/// The metadata, once it shows the certificate: IAM given an older one would refuse every sign-in.
async fn published_metadata(graph: &Graph, app_id: &str, thumbprint: &str) -> Result<saml::Metadata, StepError> {
    let mut waits = METADATA_WAITS.into_iter();
    loop {
        let metadata = saml::read_metadata(&graph.federation_metadata(app_id).await?)?;
        if metadata.thumbprints.iter().any(|shown| shown.eq_ignore_ascii_case(thumbprint)) {
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
    fn a_policy_that_goes_on_refusing_is_the_administrators_affair_in_the_end() {
        let refused = |attempts| refused_by_policy(StepError::invalid_input("refused"), attempts);
        assert_eq!(refused(TOKEN_VERSION_ATTEMPTS - 1).name(), "NotConsistentYet");
        assert_eq!(refused(TOKEN_VERSION_ATTEMPTS).name(), "InvalidInput");
        assert!(refused(0).message.contains(POLICY_ADVICE) && refused(99).message.contains(POLICY_ADVICE));
    }
}
