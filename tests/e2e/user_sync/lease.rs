//! Tests that only one sync at a time runs for each instance, regardless of what starts the sync and how the sync ends.

use super::fixture::Fixture;
use crate::cloud::until;
use serde_json::{Value, json};
use time::OffsetDateTime;

#[tokio::test]
async fn an_event_during_a_scheduled_sync_causes_another_round_of_that_sync() {
    let fixture = Fixture::with_members(3).await;
    let gate = fixture.hold_a_creation("schedule").await;
    let schedule = fixture.start(json!({ "reason": "schedule" })).await;
    // A round creates users after it has read the group's members, so only another round can detect the new member.
    fixture.until_held(&gate).await;
    fixture.joins(3).await;
    let event = fixture.start(json!({ "reason": "event" })).await;
    assert_eq!(fixture.succeeded(&event).await["status"], "BUSY");
    assert_eq!(fixture.entry().await["dirty"], true);
    assert_eq!(fixture.cloud.entered(&event, "SyncUsers").await, 0);

    fixture.open(&gate).await;
    let output = fixture.succeeded(&schedule).await;
    let entered = async |state: &str| fixture.cloud.entered(&schedule, state).await;
    assert_eq!((&output["status"], entered("SyncUsers").await), (&json!("DONE"), 2));
    let times = (entered("ReleaseLease").await, entered("GatherChanges").await);
    assert_eq!(times, (1, 1), "the sync gathers changes only after the other round");
    assert_eq!(fixture.usernames().await, fixture.of(0..4));
    let counts = &output["counts"];
    assert_eq!(
        (&counts["created"], &counts["create"]),
        (&json!(4), &json!(4)),
        "the counts include both passes: {output}"
    );
    let entry = fixture.entry().await;
    assert!(["lease", "leaseUntil", "dirty"].iter().all(|name| !entry.contains_key(*name)), "{entry:?}");
    assert!(entry.contains_key("lastSuccessAt"));
    let last_run: Value = serde_json::from_str(entry["lastRun"].as_str().unwrap()).unwrap();
    assert_eq!(last_run["counts"]["created"], 4, "{last_run}");
}

/// Starts a sync for an event, and reports a further change while this sync creates users. Returns the output of the
/// sync, and the number of times that it entered `SyncUsers` and `GatherChanges`.
async fn after_a_change_during_a_sync(fixture: &Fixture, added: &[usize], removed: &[usize]) -> (Value, usize, usize) {
    let gate = fixture.hold_a_creation("event").await;
    let execution = fixture.start(json!({ "reason": "event" })).await;
    fixture.until_held(&gate).await;
    for number in added {
        fixture.joins(*number).await;
    }
    for number in removed {
        fixture.leaves(*number).await;
    }
    let reported = fixture.reported(added, removed).await;
    assert_eq!((&reported["requested"], &reported["started"]), (&json!([fixture.instance]), &json!([])), "{reported}");
    let entry = fixture.entry().await;
    assert_eq!((entry["dirty"] == true, entry.contains_key("urgent")), (true, !removed.is_empty()), "{entry:?}");

    fixture.open(&gate).await;
    let output = fixture.succeeded(&execution).await;
    let entry = fixture.entry().await;
    let remaining = ["lease", "leaseUntil", "dirty", "urgent", "gatherer", "gatherUntil"];
    assert!(remaining.iter().all(|name| !entry.contains_key(*name)), "{entry:?}");
    let entered = async |state: &str| fixture.cloud.entered(&execution, state).await;
    (output, entered("SyncUsers").await, entered("GatherChanges").await)
}

#[tokio::test]
async fn a_sync_gathers_changes_before_another_pass_and_before_it_ends() {
    let fixture = Fixture::with_members(2).await;
    let (output, passes, gatherings) = after_a_change_during_a_sync(&fixture, &[2], &[]).await;
    assert_eq!((&output["status"], passes, gatherings), (&json!("DONE"), 2, 2), "{output}");
    assert_eq!(output["counts"]["created"], 3, "the counts include both passes: {output}");
    assert_eq!(fixture.usernames().await, fixture.of(0..3));
}

#[tokio::test]
async fn the_pass_after_a_removal_begins_without_a_wait() {
    let fixture = Fixture::with_members(2).await;
    let (output, passes, gatherings) = after_a_change_during_a_sync(&fixture, &[], &[1]).await;
    assert_eq!((&output["status"], passes, gatherings), (&json!("DONE"), 2, 1), "{output}");
    assert_eq!(fixture.usernames().await, fixture.of([0]));
}

#[tokio::test]
async fn another_execution_that_acquires_the_lease_during_the_gathering_does_the_requested_work() {
    let fixture = Fixture::with_members(1).await;
    let (other, gate) = fixture.running_plan().await;
    let gathering = json!({ ":other": { "S": other }, ":until": { "N": "9999999999999" } });
    fixture.update("SET gatherer = :other, gatherUntil = :until", gathering).await;
    let reported = fixture.reported(&[0], &[]).await;
    assert_eq!(reported["requested"], json!([fixture.instance]), "{reported}");
    assert_eq!(fixture.entry().await["dirty"], true);
    assert_eq!(fixture.sync(json!({ "reason": "schedule" })).await["status"], "DONE");
    assert_eq!(fixture.usernames().await, fixture.of([0]));
    let entry = fixture.entry().await;
    assert!(["gatherer", "gatherUntil", "dirty"].iter().all(|name| !entry.contains_key(*name)), "{entry:?}");
    let reported = fixture.reported(&[0], &[]).await;
    assert_eq!(reported["started"], json!([fixture.instance]), "{reported}");
    fixture.open(&gate).await;
}

#[tokio::test]
async fn an_execution_that_finds_the_lease_held_requests_an_urgent_pass_for_removed_members() {
    let fixture = Fixture::with_members(1).await;
    let (holder, gate) = fixture.running_plan().await;
    // The holder is running, but has not renewed the lease recently. So each event starts an execution.
    let until_then = (OffsetDateTime::now_utc().unix_timestamp() + 3_500) * 1000;
    let held = json!({ ":holder": { "S": holder }, ":until": { "N": until_then.to_string() } });
    for (added, removed, is_urgent) in [(0..1, 0..0, false), (0..0, 0..1, true), (0..0, 0..25, true)] {
        fixture.update("SET lease = :holder, leaseUntil = :until REMOVE dirty, urgent", held.clone()).await;
        let (added, removed): (Vec<_>, Vec<_>) = (added.collect(), removed.collect());
        let reported = fixture.reported(&added, &removed).await;
        assert_eq!(reported["started"], json!([fixture.instance]), "{reported}");
        let entry = until("the execution has requested another pass", async || {
            let entry = fixture.entry().await;
            entry.contains_key("dirty").then_some(entry)
        })
        .await;
        assert_eq!((&entry["lease"], entry.contains_key("urgent")), (&held[":holder"]["S"], is_urgent), "{entry:?}");
    }
    fixture.update("REMOVE lease, leaseUntil, dirty, urgent", Value::Null).await;
    fixture.open(&gate).await;
}

#[tokio::test]
async fn the_next_sync_takes_over_the_lease_of_a_killed_sync() {
    let fixture = Fixture::with_members(3).await;
    let gate = fixture.hold_a_creation("killed").await;
    let killed = fixture.start(json!({})).await;
    fixture.until_held(&gate).await;
    fixture.cloud.call("states", "AWSStepFunctions.StopExecution", json!({ "executionArn": killed })).await;

    // The function of the killed execution is still running, and has renewed the lease recently. Nevertheless, the
    // event starts a sync.
    let reported = fixture.reported(&[0], &[]).await;
    assert_eq!(reported["started"], json!([fixture.instance]), "{reported}");
    until("the sync has created the users and released the lease", async || {
        (fixture.usernames().await == fixture.of(0..3) && !fixture.entry().await.contains_key("lease")).then_some(())
    })
    .await;
    fixture.open(&gate).await;
    // As in AWS, the function that the killed execution invoked keeps running. The function must not create a user a
    // second time.
    until("the late call has a response", async || {
        let calls = fixture.create_user_calls().await;
        (calls.len() >= 3 && calls.iter().any(|status| *status != 200)).then_some(())
    })
    .await;
    assert_eq!(fixture.usernames().await, fixture.of(0..3));
    assert!(!fixture.entry().await.contains_key("lease"));
}

#[tokio::test]
async fn a_plan_needs_no_lease_and_writes_nothing() {
    let fixture = Fixture::with_members(3).await;
    let held = json!({ ":lease": { "S": "another-execution" }, ":until": { "N": "9999999999999" } });
    fixture.update("SET lease = :lease, leaseUntil = :until", held).await;
    let before = fixture.entry().await;
    let output = fixture.sync(json!({ "mode": "plan" })).await;
    assert_eq!((&output["status"], &output["counts"]["create"]), (&json!("PLANNED"), &json!(3)), "{output}");
    assert_eq!(fixture.entry().await, before);
    assert_eq!(fixture.users().await, [Value::Null; 0]);
}
