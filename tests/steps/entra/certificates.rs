//! Tests of the removal of signing certificates. The stand-in makes the same checks as the real Graph.

use std::{collections::BTreeSet, time::Duration};

use connect_onboarding::entra::{Removal, ServicePrincipal};
use local_cloud::stand_in::GraphBehaviour;
use onboarding_core::{StepError, StepErrorKind, names, saml};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{ALIAS, Cloud};

/// The thumbprints of a service principal's certificates.
fn thumbprints(principal: &ServicePrincipal) -> BTreeSet<String> {
    principal.key_credentials.iter().filter_map(|key| saml::thumbprint(key.key.as_deref()?)).collect()
}

pub(super) fn set(one: &str) -> BTreeSet<String> {
    [one.to_owned()].into()
}

/// An application with two certificates, the second of which is active. Returns the id of the service principal and
/// both thumbprints.
pub(super) async fn rotated(cloud: &Cloud) -> (String, String, String) {
    let application = cloud.application().await;
    let old = cloud.sign_on(&application).await.unwrap().certificate_thumbprint;
    let (graph, id) = (cloud.ctx.graph(), application.service_principal_id);
    let new = graph.add_signing_certificate(&id, &names::certificate_subject(ALIAS)).await.unwrap().thumbprint;
    cloud.local.advance(60.0);
    let principal = graph.seen_service_principal(&id).await.unwrap();
    graph.activate_certificate(&principal, &new).await.unwrap();
    (id, old, new.to_uppercase())
}

/// Removes one certificate and keeps another one, as two rounds of a rotation do.
async fn remove(cloud: &Cloud, id: &str, removed: &str, kept: &str) -> Result<Removal, StepError> {
    let (removed, kept) = (set(removed), set(kept));
    match cloud.ctx.graph().remove_certificates(id, &removed, &kept, None).await? {
        Removal::Planned(planned) => cloud.ctx.graph().remove_certificates(id, &removed, &kept, Some(&planned)).await,
        result => Ok(result),
    }
}

/// Waits until the certificate that [`Cloud::sign_on`] has created has expired.
async fn expired(cloud: &Cloud, id: &str) {
    let ends = async || {
        let principal = cloud.ctx.graph().service_principal(id).await.unwrap().unwrap();
        let ends = principal.key_credentials.iter().filter_map(|key| key.end_date_time.clone());
        ends.map(|end| OffsetDateTime::parse(&end, &Rfc3339).unwrap()).max()
    };
    while ends().await.is_none_or(|end| end > OffsetDateTime::now_utc()) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_expired_certificate_stays_active_even_if_the_metadata_does_not_contain_it() {
    for metadata_seconds in [0.0, 1_000_000.0] {
        let behaviour = GraphBehaviour {
            certificate_lifetime: time::Duration::seconds(2),
            metadata_seconds,
            ..GraphBehaviour::default()
        };
        let cloud = Cloud::start(behaviour).await;
        let application = cloud.application().await;
        let first = cloud.sign_on(&application).await;
        assert_eq!(first.is_ok(), metadata_seconds == 0.0, "{first:?}");
        let id = application.service_principal_id.as_str();
        let active = cloud.ctx.graph().seen_service_principal(id).await.unwrap();
        let active = active.preferred_token_signing_key_thumbprint.unwrap();
        expired(&cloud, id).await;
        cloud.writes();
        let sign_on = cloud.sign_on(&application).await.unwrap();
        assert_eq!((sign_on.certificate_thumbprint, cloud.writes()), (active, Vec::new()));
    }
}

#[tokio::test]
async fn a_certificate_is_removed_with_both_halves_and_a_second_run_writes_nothing() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let (id, old, new) = rotated(&cloud).await;
    let graph = cloud.ctx.graph();
    cloud.writes();
    assert_eq!(remove(&cloud, &id, &old, &new).await.unwrap(), Removal::Done);
    assert_eq!(cloud.writes(), ["PATCH /v1.0/servicePrincipals/{id}"]);
    let principal = graph.seen_service_principal(&id).await.unwrap();
    assert_eq!((thumbprints(&principal), principal.key_credentials.len()), (set(&new), 2));
    assert_eq!(remove(&cloud, &id, &old, &new).await.unwrap(), Removal::Done);
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn an_active_or_unlisted_certificate_is_never_removed() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let (id, old, new) = rotated(&cloud).await;
    cloud.writes();
    for (removed, kept) in [(new.as_str(), old.as_str()), (old.as_str(), "AAAA")] {
        let error = remove(&cloud, &id, removed, kept).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "{error}");
    }
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn a_read_from_a_stale_replica_removes_nothing() {
    // Every read returns the state before the last change of the credentials.
    let behaviour =
        GraphBehaviour { stale_read_seconds: 1_000_000.0, stale_reads_every: Some(1), ..GraphBehaviour::default() };
    let cloud = Cloud::start(behaviour).await;
    let application = cloud.application().await;
    let graph = cloud.ctx.graph();
    let id = application.service_principal_id.as_str();
    let old = graph.add_signing_certificate(id, "CN=old").await.unwrap().thumbprint.to_uppercase();
    graph.update_service_principal(id, json!({ "preferredTokenSigningKeyThumbprint": old })).await.unwrap();
    let new = graph.add_signing_certificate(id, "CN=new").await.unwrap().thumbprint.to_uppercase();
    cloud.local.advance(60.0);
    graph.update_service_principal(id, json!({ "preferredTokenSigningKeyThumbprint": new })).await.unwrap();
    cloud.writes();
    let error = remove(&cloud, id, &old, &new).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "{error}");
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn a_removal_whose_response_was_lost_counts_as_done_and_a_rejected_one_has_a_reason() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let (id, old, new) = rotated(&cloud).await;
    let graph = cloud.ctx.graph();
    let refusal = json!({ "service": "graph", "match": "PATCH .*/servicePrincipals/", "status": 400,
        "code": "Request_BadRequest", "message": "Update to existing credential with KeyId 'x' is not allowed." });
    cloud.fault(refusal);
    let refused = remove(&cloud, &id, &old, &new).await.unwrap();
    assert!(matches!(&refused, Removal::Refused(why) if why.contains("Update to existing credential")), "{refused:?}");
    cloud.fault(json!({ "service": "graph", "match": "PATCH .*/servicePrincipals/", "truncate": true }));
    // The final state does not depend on the result of the first attempt.
    let result = match remove(&cloud, &id, &old, &new).await {
        Ok(result) => result,
        Err(_) => remove(&cloud, &id, &old, &new).await.unwrap(),
    };
    assert_eq!(result, Removal::Done);
    assert_eq!(thumbprints(&graph.seen_service_principal(&id).await.unwrap()), set(&new));
}
