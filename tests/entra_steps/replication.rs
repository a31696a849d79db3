//! What Entra refuses while its replicas disagree, and what only looks like a refusal.

use super::*;

/// Longer than a test runs, on a clock that is fifty times faster than life.
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
async fn the_list_decides_whether_an_assignment_that_graph_calls_existing_exists() {
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
    // Done, but the answer is lost, so that the client tries again.
    cloud.fault(json!({ "service": "graph", "match": "POST .*/appRoleAssignedTo", "break": true }));
    let assigned = cloud.assign(&application, Assignment::Groups, false).await.unwrap();
    assert_eq!(assigned, AssignGroupsOutput { assigned: 0, existing: 1 });
    assert_eq!(cloud.cx.graph().assignments(&application.service_principal_id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_assignment_that_is_gone_is_removed_with_success() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    cloud.cx.graph().unassign(&application.service_principal_id, "gone").await.unwrap();
}

#[tokio::test]
async fn the_identifier_policy_is_given_minutes_to_see_saml_mode_before_the_tokens_are_changed() {
    let cloud = Cloud::start(GraphBehaviour { saml_mode_seconds: LONG, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    let error = cloud.sign_on_after(4, &application).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::NotConsistentYet, "{error}");
    cloud.local.advance(LONG);
    // A change of the tokens would have exempted the application without SAML mode.
    cloud.sign_on_after(4, &application).await.unwrap();

    let cloud = Cloud::start(GraphBehaviour { saml_mode_seconds: LONG, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    cloud.sign_on_after(5, &application).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_outside_the_time_of_its_assertion_is_tried_again() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    cloud.fault(json!({ "service": "login", "match": "oauth2/v2.0/token", "status": 401, "code": "invalid_client",
        "message": "AADSTS700024: Client assertion is not within its valid time range." }));
    assert_eq!(cloud.create_once(None, 0).await.unwrap_err().kind, StepErrorKind::Unavailable);
    cloud.create_once(None, 1).await.unwrap();
}
