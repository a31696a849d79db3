//! The check of a username in `verify-sign-in`.

use connect_onboarding::onboarding::verify_sign_in::check_username;
use onboarding_core::{
    contract::{Check, EntraApplication, EntraGroup, EntraSignOn, VerifySignInInput},
    onboarding::UsernameAttribute,
};
use serde_json::json;

use super::fixture::House;

/// The checks while the first reads of a user from Entra find no user.
async fn checks(house: &House, deleted: u32, alias: &str) -> Vec<Check> {
    house.fault(json!({
        "service": "graph", "match": "/users/[0-9a-f-]+$", "times": deleted, "status": 404, "code": "Request_ResourceNotFound",
    }));
    let groups = vec![EntraGroup { users: 15, ..EntraGroup::default() }];
    let input = VerifySignInInput {
        region: String::new(),
        instance_id: house.instance_id.clone(),
        application: EntraApplication::default(),
        sign_on: EntraSignOn::default(),
        saml_provider_arn: String::new(),
        role_arn: String::new(),
        policy_arn: String::new(),
        username: UsernameAttribute::default(),
        session_duration: String::new(),
        groups,
    };
    check_username(&house.ctx, &input, alias).await.unwrap().into()
}

#[tokio::test]
async fn a_user_that_exists_in_entra_is_found_after_more_than_ten_deleted_ones() {
    let house = House::with_members(15).await;
    house.sync().await.unwrap();
    let checks = checks(&house, 11, "acme-support").await;
    assert!(checks.len() == 1 && checks[0].passed, "{checks:?}");
    let reads = house.calls().into_iter().filter(|call| call.starts_with("GET") && call.contains("/users/")).count();
    assert_eq!(reads, 12);
}

#[tokio::test]
async fn users_of_another_onboarding_are_not_checked() {
    let house = House::with_members(3).await;
    house.sync().await.unwrap();
    let checks = checks(&house, 1, "acme-sales").await;
    assert!(checks.len() == 1 && !checks[0].passed, "{checks:?}");
}
