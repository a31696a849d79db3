//! Tests of syncs whose function is killed during its work.

use super::fixture::Fixture;
use serde_json::json;

#[tokio::test]
async fn a_function_killed_after_a_creation_omits_no_user_and_creates_none_twice() {
    let fixture = Fixture::with_members(4).await;
    fixture.create_user_once(json!({ "kill": "after" })).await;
    let execution = fixture.start(json!({})).await;
    let output = fixture.succeeded(&execution).await;
    assert_eq!(output["status"], "DONE");
    assert!(output["counts"]["created"].as_u64() < Some(4), "no function was killed: {output}");
    assert_eq!(fixture.usernames().await, fixture.of(0..4));
    // Connect creates a user and the user's tags in one call, so every managed user has tags.
    for user in fixture.users().await {
        let tags = &user["Tags"];
        assert_eq!((&tags["managed-by"], &tags["onboarding"]), (&json!("connect-onboarding"), &json!(fixture.alias())));
        assert!(tags["entra-object-id"].is_string(), "{user}");
    }
    assert!(!fixture.entry().await.contains_key("lease"));
}
