use std::time::{Duration, Instant};

use onboarding_core::{StepError, StepErrorKind};

use super::*;
use crate::entra::{Assigned, GraphError, Removal};

#[tokio::test]
async fn a_throttled_call_waits_for_the_requested_time() {
    let cloud = Cloud::start().await;
    let throttled = error(429, "TooManyRequests", "Please retry again later.").insert_header("Retry-After", "1");
    cloud.once("GET", &members(), throttled).await;
    cloud.on("GET", &members(), json_of(200, json!({ "value": [user("a")] }))).await;
    let started = Instant::now();
    assert_eq!(cloud.graph().group_members(GROUP, false).await.unwrap().unwrap().members.len(), 1);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_too_long_for_a_function_is_left_to_the_state_machine() {
    let cloud = Cloud::start().await;
    let throttled = error(429, "TooManyRequests", "Please retry again later.").insert_header("Retry-After", "150");
    cloud.on("GET", &members(), throttled).await;
    let error = cloud.graph().group_members(GROUP, false).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Throttled);
    assert!(error.message.contains("for 150 s") && error.message.contains(GROUP), "{error}");
    assert_eq!(cloud.requests(&members()).await.len(), 1);
}

#[tokio::test]
async fn a_server_error_is_retried_and_the_final_error_has_a_request_id() {
    let cloud = Cloud::start().await;
    let answer =
        ResponseTemplate::new(503).insert_header("request-id", "r-9").insert_header("Date", "Sun, 22 Nov 2026");
    cloud.on("GET", &members(), answer).await;
    let error = cloud.graph().group_members(GROUP, false).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Unavailable);
    assert!(error.message.contains("503") && error.message.contains("r-9, Sun, 22 Nov 2026"), "{error}");
    let requests = cloud.requests(&members()).await;
    assert_eq!(requests.len(), 4);
    let ids: std::collections::BTreeSet<_> =
        requests.iter().map(|request| request.headers["client-request-id"].to_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 4, "each attempt has an id of its own");
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable_and_the_error_names_the_host() {
    let settings = Settings::read(|_| Some("http://127.0.0.1:9".into()));
    let credential = Credential::with_secret("t", "c", "s");
    let error = Graph::with_credential(credential, settings).group_members(GROUP, false).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Unavailable);
    assert!(error.message.contains("could not connect (127.0.0.1)"), "{error}");
}

#[tokio::test]
async fn a_call_that_is_not_idempotent_is_not_retried_after_a_server_error() {
    let cloud = Cloud::start().await;
    let at = "/v1.0/applicationTemplates/t/instantiate";
    for (calls, status) in [504, 408].into_iter().enumerate() {
        cloud.once("POST", at, ResponseTemplate::new(status)).await;
        let error = cloud.graph().instantiate("t", "Amazon Connect acme").await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Unavailable);
        assert!(error.message.contains("may still have completed the operation"), "{error}");
        assert_eq!(cloud.requests(at).await.len(), calls + 1);
    }
}

#[tokio::test]
async fn a_call_that_is_not_idempotent_is_retried_after_a_throttle() {
    let cloud = Cloud::start().await;
    let at = "/v1.0/applicationTemplates/t/instantiate";
    cloud.once("POST", at, ResponseTemplate::new(429).insert_header("Retry-After", "0")).await;
    let made = json!({ "application": { "id": "a", "appId": "c" }, "servicePrincipal": { "id": "s", "appId": "c", "tags": null } });
    cloud.on("POST", at, json_of(201, made)).await;
    let (application, principal) = cloud.graph().instantiate("t", "Amazon Connect acme").await.unwrap();
    assert_eq!((application.id.as_str(), principal.id.as_str()), ("a", "s"));
}

#[tokio::test]
async fn refusals_are_converted_to_the_error_names_of_the_state_machine() {
    for (status, code, message, kind) in [
        (403, "Authorization_RequestDenied", "Insufficient privileges", StepErrorKind::AccessDenied),
        (404, "Request_ResourceNotFound", "Resource 'x' does not exist", StepErrorKind::NotConsistentYet),
        (409, "Directory_ConcurrencyViolation", "concurrent", StepErrorKind::Unavailable),
        (409, "Request_MultipleObjectsWithSameKeyValue", "same value", StepErrorKind::Conflict),
        (400, "Directory_QuotaExceeded", "quota", StepErrorKind::LimitExceeded),
        (400, "Request_BadRequest", "Invalid value", StepErrorKind::InvalidInput),
        (400, "Request_UnsupportedQuery", "Unsupported Query.", StepErrorKind::Internal),
    ] {
        let cloud = Cloud::start().await;
        cloud.on("PATCH", "/v1.0/servicePrincipals/s", error(status, code, message)).await;
        let error = cloud.graph().update_service_principal("s", json!({ "loginUrl": null })).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(code) && error.message.contains("r-1, 2026-11-22T01:02:03"), "{error}");
    }
}

#[tokio::test]
async fn a_denied_write_names_the_permission_and_why_owned_by_is_not_sufficient() {
    let cloud = Cloud::start().await;
    cloud
        .on("PATCH", "/v1.0/servicePrincipals/s", error(403, "Authorization_RequestDenied", "Insufficient privileges"))
        .await;
    let error = cloud.graph().update_service_principal("s", json!({ "loginUrl": null })).await.unwrap_err();
    assert!(error.message.contains("Application.ReadWrite.All with admin consent"), "{error}");
    assert!(error.message.contains("OwnedBy is not enough"), "{error}");
}

#[tokio::test]
async fn the_request_id_is_read_in_both_documented_spellings() {
    let cloud = Cloud::start().await;
    let inner = json!({ "date": "2026-11-22T01:02:03", "request-id": "r-2" });
    let body = json!({ "error": { "code": "Request_BadRequest", "message": "no", "innererror": inner } });
    cloud.on("GET", "/v1.0/users/u", json_of(400, body)).await;
    assert!(cloud.graph().user("u").await.unwrap_err().message.contains("r-2, 2026-11-22T01:02:03"));
}

#[tokio::test]
async fn a_call_waits_for_a_new_object_to_replicate() {
    let cloud = Cloud::start().await;
    let at = "/v1.0/servicePrincipals/s";
    cloud.once("PATCH", at, error(404, "Request_ResourceNotFound", "Resource 's' does not exist")).await;
    cloud.on("PATCH", at, ResponseTemplate::new(204)).await;
    cloud.graph().update_service_principal("s", json!({ "loginUrl": null })).await.unwrap();
    assert_eq!(cloud.requests(at).await.len(), 2);
}

#[tokio::test]
async fn every_form_of_retry_after_is_respected() {
    for (header, seconds) in [("30,120", 30), ("30.5", 31), ("soon", 60)] {
        let cloud = Cloud::start().await;
        let throttled = error(429, "TooManyRequests", "Please retry again later.").insert_header("Retry-After", header);
        cloud.on("GET", &members(), throttled).await;
        let error = cloud.graph().group_members(GROUP, false).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Throttled);
        assert!(error.message.contains(&format!("for {seconds} s")), "{error}");
        assert_eq!(
            cloud.requests(&members()).await.len(),
            1,
            "{header}: a retry before that time counts against the quota"
        );
    }
}

const ASSIGNED_TO: &str = "/v1.0/servicePrincipals/s/appRoleAssignedTo";

#[tokio::test]
async fn a_refusal_that_may_mean_an_existing_assignment_is_unclear() {
    for (status, text) in [
        (400, "Permission being assigned already exists on the object"),
        (400, "EntitlementGrant entry already exists."),
        (409, "EntitlementGrant entry already exists."),
        (409, "A wording of tomorrow"),
    ] {
        let cloud = Cloud::start().await;
        cloud.on("POST", ASSIGNED_TO, error(status, "Request_BadRequest", text)).await;
        let outcome = cloud.graph().assign("s", GROUP, "role").await.unwrap();
        assert!(matches!(&outcome, Assigned::Unclear(error) if error.message.contains(text)), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_assignment_not_found_by_graph_counts_as_removed_if_it_is_not_listed() {
    let at = format!("{ASSIGNED_TO}/x");
    let gone = || error(400, "Request_BadRequest", "EntitlementGrant being updated or deleted is not found.");
    let cloud = Cloud::start().await;
    cloud.on("DELETE", &at, gone()).await;
    cloud.on("GET", ASSIGNED_TO, json_of(200, json!({ "value": [] }))).await;
    assert_eq!(cloud.graph().unassign("s", "x").await, Ok(()));

    let cloud = Cloud::start().await;
    cloud.on("DELETE", &at, gone()).await;
    let left = json!({ "value": [{ "id": "x", "principalId": GROUP, "appRoleId": "role" }] });
    cloud.on("GET", ASSIGNED_TO, json_of(200, left)).await;
    assert!(cloud.graph().unassign("s", "x").await.is_err());
}

#[tokio::test]
async fn after_an_ambiguous_refusal_the_list_decides_whether_a_claims_policy_is_assigned() {
    const POLICIES: &str = "/v1.0/servicePrincipals/s/claimsMappingPolicies";
    let (reference, removal) = (format!("{POLICIES}/$ref"), format!("{POLICIES}/p/$ref"));
    let exists = || error(400, "Request_BadRequest", "A conflicting object with this reference is present.");
    let gone = || {
        error(400, "Request_BadRequest", "Resource 'p' does not exist or one of its queried objects is not present.")
    };
    for (listed, is_assigned) in [(json!([{ "id": "p" }]), true), (json!([]), false)] {
        let cloud = Cloud::start().await;
        cloud.on("POST", &reference, exists()).await;
        cloud.on("DELETE", &removal, gone()).await;
        cloud.on("GET", POLICIES, json_of(200, json!({ "value": listed }))).await;
        assert_eq!(cloud.graph().assign_claims_policy("s", "p").await.is_ok(), is_assigned);
        assert_eq!(cloud.graph().unassign_claims_policy("s", "p").await.is_ok(), !is_assigned);
    }
}

/// Returns the credentials of a service principal with these certificates. Each certificate is given by its content in
/// base64 and its name. The last certificate is the active certificate.
fn credentials(certificates: &[(&str, &str)]) -> ResponseTemplate {
    let key = |(der, name): &(&str, &str), usage: &str| {
        let key = if usage == "Verify" { json!(der) } else { json!(null) };
        json!({ "keyId": format!("{usage} {name}"), "customKeyIdentifier": name, "usage": usage, "key": key })
    };
    let keys = certificates.iter().flat_map(|one| ["Sign", "Verify"].map(|usage| key(one, usage)));
    let passwords =
        certificates.iter().map(|(_, name)| json!({ "keyId": format!("Sign {name}"), "customKeyIdentifier": name }));
    let active = certificates.last().and_then(|(der, _)| onboarding_core::saml::thumbprint(der));
    json_of(
        200,
        json!({
            "id": "s", "keyCredentials": keys.collect::<Vec<_>>(), "passwordCredentials": passwords.collect::<Vec<_>>(),
            "preferredTokenSigningKeyThumbprint": active,
        }),
    )
}

#[tokio::test]
async fn a_removal_is_complete_only_if_both_lists_show_it() {
    const AT: &str = "/v1.0/servicePrincipals/s";
    let (old, other, new) = (("aGVsbG8=", "old"), ("dGhpcmQ=", "other"), ("d29ybGQ=", "new"));
    let thumbprints = |certificates: &[(&str, &str)]| {
        certificates.iter().filter_map(|(der, _)| onboarding_core::saml::thumbprint(der)).collect()
    };
    for (shown, outcome) in [
        (vec![other, new], Some("done")),
        // A credential that should have been kept is missing.
        (vec![new], Some("damaged")),
        // The credential lists are unchanged.
        (vec![old, other, new], None),
    ] {
        let cloud = Cloud::start().await;
        for _ in 0..2 {
            cloud.once("GET", AT, credentials(&[old, other, new])).await;
        }
        cloud.on("PATCH", AT, ResponseTemplate::new(204)).await;
        cloud.on("GET", AT, credentials(&shown)).await;
        let (graph, removed, kept) = (cloud.graph(), thumbprints(&[old]), thumbprints(&[other, new]));
        let Removal::Planned(planned) = graph.remove_certificates("s", &removed, &kept, None).await.unwrap() else {
            panic!("a removal must be recorded before it is written");
        };
        let removal = graph.remove_certificates("s", &removed, &kept, Some(&planned)).await;
        match (removal, outcome) {
            (Ok(Removal::Done), Some("done")) => {}
            (Ok(Removal::Damaged(missing)), Some("damaged")) => assert!(missing.contains("other"), "{missing}"),
            (Err(error), None) => assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "{error}"),
            (removal, _) => panic!("{shown:?}: {removal:?}"),
        }
    }
}

#[tokio::test]
async fn a_call_waits_for_an_app_role_to_replicate_and_then_fails_with_advice() {
    for text in [
        "Not a valid reference update.",
        "One or more properties are invalid.: Permission being assigned was not found on application",
    ] {
        let cloud = Cloud::start().await;
        cloud.once("POST", ASSIGNED_TO, error(400, "Request_BadRequest", text)).await;
        cloud.on("POST", ASSIGNED_TO, json_of(201, json!({ "id": "x" }))).await;
        let assigned = cloud.graph().assign("s", GROUP, "role").await;
        assert!(matches!(&assigned, Ok(Assigned::New(new)) if new.id.as_deref() == Some("x")), "{text}: {assigned:?}");

        let cloud = Cloud::start().await;
        cloud.on("POST", ASSIGNED_TO, error(400, "Request_BadRequest", text)).await;
        let error: StepError = cloud.graph().assign("s", GROUP, "role").await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "{error}");
        assert!(
            error.message.contains("if the error continues, check that the application has an enabled app role"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_missing_license_is_reported_with_advice() {
    let cloud = Cloud::start().await;
    let text = "The tenant has no license for this operation";
    cloud.on("POST", ASSIGNED_TO, error(400, "Request_BadRequest", text)).await;
    let error: StepError = cloud.graph().assign("s", GROUP, "role").await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::InvalidInput);
    assert!(error.message.contains("set entra.assignment to \"users\""), "{error}");
}

#[tokio::test]
async fn a_failed_validation_of_a_notification_url_is_retried_regardless_of_its_code() {
    for (code, text) in [
        ("ValidationError", "Subscription validation request failed. HTTP status code is 'BadGateway'."),
        ("InvalidRequest", "Subscription validation request timed out."),
        ("InvalidRequest", "Subscription validation request failed. Notification endpoint must respond with 200 OK."),
    ] {
        let cloud = Cloud::start().await;
        cloud.on("PATCH", "/v1.0/subscriptions/s", error(400, code, text)).await;
        let error = cloud.graph().renew_subscription("s", time::OffsetDateTime::now_utc()).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Unavailable, "{error}");
        assert!(error.message.contains("within 10 seconds"), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_by_the_identifier_policy_is_recognized_by_code_and_wording() {
    let older = "Values of identifierUris property must use a verified domain of the organization or its subdomain: 'https://signin.aws.amazon.com/saml'";
    let newer = "Failed to add identifier URI https://signin.aws.amazon.com/saml. All newly added URIs must contain a tenant verified domain, tenant ID, or app ID, as per the default tenant policy of your organization.";
    for (code, text) in
        [("Request_BadRequest", older), ("Request_BadRequest", newer), ("HostNameNotOnVerifiedDomain", "Other words.")]
    {
        let cloud = Cloud::start().await;
        cloud.on("PATCH", "/v1.0/applications/a", error(400, code, text)).await;
        let refusal = cloud.graph().update_application("a", json!({ "identifierUris": [] })).await.unwrap_err();
        assert!(matches!(&refusal, GraphError::Refused(refusal) if refusal.is_identifier_policy()), "{refusal:?}");
        assert!(
            cloud.requests("/v1.0/applications/a").await.len() > 1,
            "the SAML mode may not have been replicated yet"
        );
    }
}

#[tokio::test]
async fn an_id_with_slashes_stays_one_segment_of_the_path() {
    let cloud = Cloud::start().await;
    cloud.graph().user("../groups/x").await.unwrap();
    assert_eq!(cloud.requests("/v1.0/users/..%2Fgroups%2Fx").await.len(), 1);
}

#[tokio::test]
async fn an_error_about_an_invalid_response_has_the_path_and_never_the_value() {
    let cloud = Cloud::start().await;
    cloud.on("GET", "/v1.0/users/u", json_of(200, json!({ "id": "u", "mail": ["private@contoso.com"] }))).await;
    let error = cloud.graph().user("u").await.unwrap_err();
    assert!(error.message.contains("at mail") && !error.message.contains("private@"), "{error}");
}
