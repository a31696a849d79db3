//! Tests that a sync requests approval once for a plan above the removal limit, and applies exactly the approved plan.

use super::fixture::Fixture;
use crate::cloud::Mailbox;
use serde_json::{Value, json};
use test_support::{between, with};

/// An instance with five users, of whom four have left the group. The removal limit allows two removals.
async fn fixture_above_the_removal_limit() -> Fixture {
    let fixture = Fixture::with_members(5).await;
    assert_eq!(fixture.sync(json!({})).await["counts"]["created"], 5);
    for number in 1..5 {
        fixture.leaves(number).await;
    }
    fixture
}

/// Starts a sync that requests approval. Returns the execution and the notification.
async fn approval_requested(fixture: &Fixture, mail: &Mailbox<'_>) -> (String, String) {
    let execution = fixture.start(json!({ "reason": "schedule" })).await;
    (execution, mail.next(&fixture.instance).await.text)
}

async fn answer(fixture: &Fixture, operation: &str, message: &str, fields: Value) {
    let token = between(message, "--task-token '", "'");
    let body = with(json!({ "taskToken": token }), &fields);
    fixture.cloud.call("states", &format!("AWSStepFunctions.{operation}"), body).await;
}

/// Approves the plan in a notification by sending exactly the task output that the notification's command contains.
async fn approve(fixture: &Fixture, message: &str) {
    let output = between(message, "--task-output '", "'");
    answer(fixture, "SendTaskSuccess", message, json!({ "output": output })).await;
}

#[tokio::test]
async fn an_unsafe_plan_is_notified_once_with_counts_names_and_commands_and_applied_only_if_approved() {
    let fixture = fixture_above_the_removal_limit().await;
    let mail = Mailbox::open(fixture.cloud, &fixture.alias()).await;
    let (execution, message) = approval_requested(&fixture, &mail).await;
    let deletes = ["delete 4 (of 5 managed users)", "4 users would be removed, but the removal limit is 2"];
    let names: Vec<String> = fixture.of(1..5);
    for part in deletes.into_iter().chain(names.iter().map(String::as_str)) {
        assert!(message.contains(part), "{part:?} is missing in:\n{message}");
    }
    assert_eq!(fixture.usernames().await, fixture.of(0..5), "no change without approval");
    assert!(!fixture.entry().await.contains_key("lease"), "an execution that waits for approval holds no lease");

    // Another sync finds the same plan, requests no approval and ends.
    assert_eq!(fixture.sync(json!({ "reason": "event" })).await["status"], "UNSAFE_PLAN");
    // The instances of other tests send to the same notification topic, so only messages about this instance count.
    assert!(mail.all().await.iter().all(|mail| !mail.text.contains(&fixture.instance)));

    let digest = between(&message, "Digest: ", "\n").to_owned();
    approve(&fixture, &message).await;
    let output = fixture.succeeded(&execution).await;
    assert_eq!((&output["status"], &output["digest"]), (&json!("DONE"), &json!(digest)));
    assert_eq!((&output["counts"]["removed"], fixture.usernames().await), (&json!(4), fixture.of(0..1)));
    assert!(!fixture.entry().await.contains_key("approvalDigest"));
}

#[tokio::test]
async fn the_approval_of_an_outdated_plan_requests_a_new_approval_and_a_rejection_changes_nothing() {
    let fixture = fixture_above_the_removal_limit().await;
    let mail = Mailbox::open(fixture.cloud, &fixture.alias()).await;
    let (execution, first) = approval_requested(&fixture, &mail).await;
    // A member returns, so the current plan differs from the approved one.
    fixture.joins(4).await;
    approve(&fixture, &first).await;
    let second = mail.next(&fixture.instance).await.text;
    let digest = |message: &str| between(message, "Digest: ", "\n").to_owned();
    assert_ne!(digest(&first), digest(&second));
    assert!(second.contains("delete 3 (of 5 managed users)"), "{second}");
    assert_eq!(fixture.usernames().await, fixture.of(0..5));

    answer(&fixture, "SendTaskFailure", &second, json!({ "error": "NotApproved" })).await;
    assert_eq!(fixture.succeeded(&execution).await["status"], "NOT_APPROVED");
    assert_eq!(fixture.usernames().await, fixture.of(0..5));
    assert!(!fixture.entry().await.contains_key("lease"));
}
