//! Tests of the username check in the step `verify-sign-in`.

use connect_onboarding::onboarding::verify_sign_in::check_username;
use onboarding_core::{
    contract::{Check, EntraApplication, EntraGroup, EntraSignOn, VerifySignInInput},
    onboarding::{SignIn, UsernameAttribute},
};
use serde_json::json;

use super::fixture::Fixture;

/// Runs the check. The first `deleted` reads of users in Entra return "not found", as for deleted users. Returns the
/// results.
async fn checks(fixture: &Fixture, deleted: u32, alias: &str) -> Vec<Check> {
    fixture.fault(json!({
        "service": "graph", "match": "/users/[0-9a-f-]+$", "times": deleted, "status": 404, "code": "Request_ResourceNotFound",
    }));
    let groups = vec![EntraGroup { users: 15, ..EntraGroup::default() }];
    let input = VerifySignInInput {
        region: String::new(),
        instance_id: fixture.instance_id.clone(),
        application: EntraApplication::default(),
        sign_on: EntraSignOn::default(),
        saml_provider_arn: String::new(),
        role_arn: String::new(),
        policy_arn: String::new(),
        username: UsernameAttribute::default(),
        session_duration: String::new(),
        groups,
        sign_in: SignIn::default(),
    };
    check_username(&fixture.ctx, &input, alias).await.unwrap().into()
}

#[tokio::test]
async fn a_user_that_exists_in_entra_is_found_after_more_than_ten_deleted_ones() {
    let fixture = Fixture::with_members(15).await;
    fixture.sync().await.unwrap();
    let checks = checks(&fixture, 11, "acme-support").await;
    assert!(checks.len() == 1 && checks[0].passed, "{checks:?}");
    let reads = fixture.calls().into_iter().filter(|call| call.starts_with("GET") && call.contains("/users/")).count();
    assert_eq!(reads, 12);
}

#[tokio::test]
async fn users_of_another_onboarding_are_not_checked() {
    let fixture = Fixture::with_members(3).await;
    fixture.sync().await.unwrap();
    let checks = checks(&fixture, 1, "acme-sales").await;
    assert!(checks.len() == 1 && !checks[0].passed, "{checks:?}");
}
