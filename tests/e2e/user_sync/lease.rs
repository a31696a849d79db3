//! One sync at a time runs for each instance, whatever starts it and however it ends.

use super::fixture::House;
use crate::kept::until;
use serde_json::{Value, json};

#[tokio::test]
async fn an_event_that_meets_the_schedules_sync_makes_it_go_round_once_more() {
    let house = House::with_members(3).await;
    let gate = house.hold_a_creation("schedule").await;
    let schedule = house.start(json!({ "reason": "schedule" })).await;
    house.until_held(&gate).await;
    until("the sync has read the group", async || (house.users().await.len() == 2).then_some(())).await;

    // The first round has already read the group, so only another round can find this member.
    house.joins(3).await;
    let event = house.start(json!({ "reason": "event" })).await;
    assert_eq!(house.succeeded(&event).await["status"], "BUSY");
    assert_eq!(house.entry().await["dirty"], true);
    assert_eq!(house.cloud.entered(&event, "SyncUsers").await, 0);

    house.open(&gate).await;
    let output = house.succeeded(&schedule).await;
    assert_eq!((&output["status"], house.cloud.entered(&schedule, "SyncUsers").await), (&json!("DONE"), 2));
    assert_eq!(house.usernames().await, house.of(0..4));
    let counts = &output["counts"];
    assert_eq!((&counts["created"], &counts["create"]), (&json!(4), &json!(4)), "both passes count: {output}");
    let entry = house.entry().await;
    assert!(["lease", "leaseUntil", "dirty"].iter().all(|name| !entry.contains_key(*name)), "{entry:?}");
    assert!(entry.contains_key("lastSuccessAt"));
    let last_run: Value = serde_json::from_str(entry["lastRun"].as_str().unwrap()).unwrap();
    assert_eq!(last_run["counts"]["created"], 4, "{last_run}");
}

#[tokio::test]
async fn a_holder_that_was_killed_loses_its_lease_to_the_next_sync() {
    let house = House::with_members(3).await;
    let gate = house.hold_a_creation("killed").await;
    let killed = house.start(json!({})).await;
    house.until_held(&gate).await;
    house.cloud.call("states", "AWSStepFunctions.StopExecution", json!({ "executionArn": killed })).await;

    let output = house.sync(json!({ "reason": "schedule" })).await;
    assert_eq!(output["status"], "DONE", "{output}");
    house.open(&gate).await;
    // The function of the killed execution is still running, as in AWS, and must create no user twice.
    until("the late call has a response", async || {
        let calls = house.create_user_calls().await;
        (calls.len() >= 3 && calls.iter().any(|status| *status != 200)).then_some(())
    })
    .await;
    assert_eq!(house.usernames().await, house.of(0..3));
    assert!(!house.entry().await.contains_key("lease"));
}

#[tokio::test]
async fn a_lease_that_expired_is_free_and_its_former_holder_does_not_release_the_new_one() {
    let house = House::with_members(2).await;
    let gate_of_late = house.hold_a_creation("late").await;
    let late = house.start(json!({})).await;
    house.until_held(&gate_of_late).await;
    house.update("SET leaseUntil = :past", json!({ ":past": { "N": "1" } })).await;
    let gate_of_next = house.hold_creations("next", 0).await;
    let next = house.start(json!({ "reason": "schedule" })).await;
    house.until_held(&gate_of_next).await;
    house.open(&gate_of_late).await;
    assert_eq!(house.succeeded(&late).await["status"], "DONE");
    let describe = json!({ "executionArn": next });
    let described = house.cloud.call("states", "AWSStepFunctions.DescribeExecution", describe).await;
    assert_eq!(described["status"], "RUNNING", "{described}");
    assert_eq!(house.entry().await["lease"], next.as_str(), "the former holder must not release this lease");
    house.open(&gate_of_next).await;
    assert_eq!(house.succeeded(&next).await["status"], "DONE");
    assert_eq!(house.usernames().await, house.of(0..2));
}

#[tokio::test]
async fn a_plan_needs_no_lease_and_writes_nothing() {
    let house = House::with_members(3).await;
    let held = json!({ ":lease": { "S": "somebody else" }, ":until": { "N": "9999999999999" } });
    house.update("SET lease = :lease, leaseUntil = :until", held).await;
    let before = house.entry().await;
    let output = house.sync(json!({ "mode": "plan" })).await;
    assert_eq!((&output["status"], &output["counts"]["create"]), (&json!("PLANNED"), &json!(3)), "{output}");
    assert_eq!(house.entry().await, before);
    assert_eq!(house.users().await, [Value::Null; 0]);
}
