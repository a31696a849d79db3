//! A function that is killed during its work.

use super::fixture::House;
use serde_json::json;

#[tokio::test]
async fn a_function_that_dies_after_it_created_a_user_leaves_nobody_out_and_makes_nobody_twice() {
    let house = House::with_members(4).await;
    house.create_user_once(json!({ "kill": "after" })).await;
    let execution = house.start(json!({})).await;
    let output = house.succeeded(&execution).await;
    assert_eq!(output["status"], "DONE");
    assert!(output["counts"]["created"].as_u64() < Some(4), "no function was killed: {output}");
    assert_eq!(house.usernames().await, house.of(0..4));
    // A user is created together with its tags, so no managed user is ever without them.
    for user in house.users().await {
        let tags = &user["Tags"];
        assert_eq!((&tags["managed-by"], &tags["onboarding"]), (&json!("connect-onboarding"), &json!(house.alias())));
        assert!(tags["entra-object-id"].is_string(), "{user}");
    }
    assert!(!house.entry().await.contains_key("lease"));
}
