//! Tests of errors that Entra returns while its replicas differ, and of error responses that do not mean a failure.

use super::*;

/// A delay in seconds that does not pass during a test, although the test's clock runs fifty times faster than real
/// time.
const LONG: f64 = 100_000.0;

#[tokio::test]
async fn an_app_role_that_has_not_replicated_is_not_consistent_yet() {
    let cloud = Cloud::start(GraphBehaviour { role_replication_seconds: LONG, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    for _ in 0..2 {
        let error = cloud.assign(&application, Assignment::Groups, false).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "{error}");
        cloud.local.advance(LONG / 2.0);
    }
    let assigned = cloud.assign(&application, Assignment::Groups, false).await.unwrap();
    assert_eq!(assigned, AssignGroupsOutput { assigned: 1, existing: 0 });
}

#[tokio::test]
async fn the_list_decides_whether_an_assignment_exists_that_graph_reports_as_existing() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    cloud.local.advance(60.0);
    for status in [400, 409] {
        let message = "EntitlementGrant entry already exists.";
        cloud.fault(
            json!({ "service": "graph", "match": "POST .*/appRoleAssignedTo", "status": status, "message": message }),
        );
        let error = cloud.assign(&application, Assignment::Groups, false).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "it is not in the list: {error}");
    }
    // The assignment succeeds, but the response is lost, so the client retries.
    cloud.fault(json!({ "service": "graph", "match": "POST .*/appRoleAssignedTo", "break": true }));
    let assigned = cloud.assign(&application, Assignment::Groups, false).await.unwrap();
    assert_eq!(assigned, AssignGroupsOutput { assigned: 0, existing: 1 });
    assert_eq!(cloud.ctx.graph().assignments(&application.service_principal_id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn removing_a_missing_assignment_succeeds() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    cloud.ctx.graph().unassign(&application.service_principal_id, "gone").await.unwrap();
}

#[tokio::test]
async fn saml_mode_gets_minutes_to_take_effect_before_the_token_version_is_changed() {
    let cloud = Cloud::start(GraphBehaviour { saml_mode_seconds: LONG, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    let error = cloud.sign_on_after(4, &application).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "{error}");
    cloud.local.advance(LONG);
    // The step waits for SAML mode. Without SAML mode, only a change of the token version would exempt the application
    // from the policy.
    cloud.sign_on_after(4, &application).await.unwrap();

    let cloud = Cloud::start(GraphBehaviour { saml_mode_seconds: LONG, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    cloud.sign_on_after(5, &application).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_outside_the_validity_of_its_assertion_is_retried() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    cloud.fault(json!({ "service": "login", "match": "oauth2/v2.0/token", "status": 401, "code": "invalid_client",
        "message": "AADSTS700024: Client assertion is not within its valid time range." }));
    assert_eq!(cloud.create_once(None, 0).await.unwrap_err().kind, StepErrorKind::Unavailable);
    cloud.create_once(None, 1).await.unwrap();
}
