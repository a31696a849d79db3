//! Tests of scheduled syncs between two full comparisons, with the real registry and its conditions.

use super::fixture::Fixture;
use crate::cloud::until;
use serde_json::{Value, json};

async fn scheduled(fixture: &Fixture) -> Value {
    fixture.sync(json!({ "reason": "schedule" })).await
}

/// Repeats the sync until a sync finds no change. Waits until the replicas of Graph show the last change, and repeats a
/// sync to which Graph has returned a change twice.
async fn until_incremental(fixture: &Fixture) -> Value {
    until("a sync finds no change", async || {
        let output = scheduled(fixture).await;
        (output["incremental"] == true).then_some(output)
    })
    .await
}

#[tokio::test]
async fn a_scheduled_sync_without_a_change_reads_nothing_from_connect_and_a_leaver_is_removed_by_the_next() {
    let fixture = Fixture::with_members(3).await;
    let first = scheduled(&fixture).await;
    assert_eq!((&first["status"], &first["counts"]["created"]), (&json!("DONE"), &json!(3)), "{first}");
    let output = until_incremental(&fixture).await;
    let counts = &output["counts"];
    assert_eq!((&output["status"], &counts["unchanged"], &counts["managed"]), (&json!("DONE"), &json!(3), &json!(3)));
    assert!(fixture.entry().await.contains_key("lastSuccessAt"));

    fixture.leaves(0).await;
    until("the leaver is removed", async || (scheduled(&fixture).await["counts"]["removed"] == 1).then_some(())).await;
    assert_eq!(fixture.usernames().await, fixture.of(1..3));
    assert_eq!(until_incremental(&fixture).await["counts"]["managed"], 2);

    // A sync that an operator starts always compares everything.
    let output = fixture.sync(json!({})).await;
    assert_eq!((&output["status"], &output["incremental"]), (&json!("DONE"), &Value::Null), "{output}");
}
