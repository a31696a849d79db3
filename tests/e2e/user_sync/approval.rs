//! Changes that need approval are requested once and applied after the approval. All other changes are applied
//! immediately.

use super::fixture::Fixture;
use crate::{
    cloud::Mailbox,
    common::{err, out},
};
use serde_json::{Value, json};
use test_support::between;

/// Five users and a member who has no user yet. Four of the users left the group: two more than the removal limit
/// allows.
async fn fixture_above_the_removal_limit() -> Fixture {
    let fixture = Fixture::with_members(5).await;
    assert_eq!(fixture.sync(json!({})).await["counts"]["created"], 5);
    for number in 1..5 {
        fixture.leaves(number).await;
    }
    fixture.joins(5).await;
    fixture
}

fn digest(message: &str) -> &str {
    between(message, "Digest: ", "\n")
}

/// Runs the command `approve` or `reject` that a notification contains, against the local cloud.
fn answer(fixture: &Fixture, message: &str, command: &str) -> Value {
    let start = message.find(&format!("onboard {command} ")).unwrap();
    let command = message[start..].lines().next().unwrap();
    let arguments: Vec<&str> = command.split_whitespace().skip(1).chain(["--json"]).collect();
    let output = fixture.cloud.onboard(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    serde_json::from_str(&out(&output)).unwrap()
}

#[tokio::test]
async fn a_mass_removal_is_requested_once_and_an_approval_starts_a_sync_that_removes_exactly_these_users() {
    let fixture = fixture_above_the_removal_limit().await;
    let mail = Mailbox::open(fixture.cloud, &fixture.alias()).await;
    let output = fixture.sync(json!({ "reason": "schedule" })).await;
    assert_eq!((&output["status"], &output["waiting"]["actions"]), (&json!("UNSAFE_PLAN"), &json!(4)), "{output}");
    let message = mail.next(&fixture.instance).await.text;
    let parts = [
        "delete 4, remove all rights 0, sign out 0 (of 5 managed users)",
        "4 users would be removed, but the removal limit is 2",
        "4 changes wait",
    ];
    let names: Vec<String> = fixture.of(1..5).into_iter().map(|name| format!("{name} (delete)")).collect();
    for part in parts.into_iter().chain(names.iter().map(String::as_str)) {
        assert!(message.contains(part), "{part:?} is missing in:\n{message}");
    }
    assert_eq!(fixture.usernames().await, fixture.of(0..6), "the new member got a user, and no user was removed");
    let entry = fixture.entry().await;
    assert!(!entry.contains_key("lease") && entry["approvalNotified"] == true, "{entry:?}");

    // The plan changes, but the removals that wait for approval are a part of the request that was sent. So another
    // sync sends no further notification.
    fixture.joins(4).await;
    fixture.joins(6).await;
    let again = fixture.sync(json!({ "reason": "event", "people": null, "leavers": null })).await;
    assert_eq!((&again["status"], &again["digest"]), (&json!("UNSAFE_PLAN"), &json!(digest(&message))));
    assert_eq!(again["waiting"]["actions"], 3);
    // The instances of other tests send to the same notification topic, so only messages about this instance count.
    assert!(mail.all().await.iter().all(|mail| !mail.text.contains(&fixture.instance)));

    let answer = answer(&fixture, &message, "approve");
    let output = fixture.succeeded(answer["execution"].as_str().unwrap()).await;
    assert_eq!((&output["status"], &output["counts"]["removed"]), (&json!("DONE"), &json!(3)), "{output}");
    let approved = &output["approved"];
    assert_eq!((&approved["digest"], &approved["actions"]), (&json!(digest(&message)), &json!(3)));
    assert!(approved["approvedBy"].as_str().unwrap().starts_with("arn:aws:"), "{approved}");
    assert_eq!(fixture.usernames().await, fixture.of([0, 4, 5, 6]));
    assert!(!fixture.entry().await.contains_key("approvalDigest"));
}

#[tokio::test]
async fn a_larger_set_is_requested_once_with_the_added_users_and_the_earlier_request_can_not_be_approved() {
    let fixture = Fixture::with_members(7).await;
    assert_eq!(fixture.sync(json!({})).await["counts"]["created"], 7);
    for number in 1..5 {
        fixture.leaves(number).await;
    }
    let mail = Mailbox::open(fixture.cloud, &fixture.alias()).await;
    assert_eq!(fixture.sync(json!({})).await["status"], "UNSAFE_PLAN");
    let first = mail.next(&fixture.instance).await.text;
    fixture.leaves(5).await;
    assert_eq!(fixture.sync(json!({})).await["waiting"]["added"], 1);
    let second = mail.next(&fixture.instance).await.text;
    assert_ne!(digest(&first), digest(&second));
    let added = format!(
        "Users added since the previous request: 1. The first of these users: {} (delete)",
        fixture.username(5)
    );
    assert!(second.contains(&added), "{second}");
    assert_eq!(fixture.sync(json!({})).await["digest"], digest(&second), "requested only once");
    assert!(mail.all().await.iter().all(|mail| !mail.text.contains(&fixture.instance)));

    let alias = fixture.alias();
    let outdated = fixture.cloud.onboard(&["approve", &alias, "--digest", digest(&first)]).output().unwrap();
    assert_eq!(outdated.status.code(), Some(5), "{}", err(&outdated));
    assert_eq!(fixture.usernames().await, fixture.of(0..7));
    let answer = answer(&fixture, &second, "approve");
    assert_eq!(fixture.succeeded(answer["execution"].as_str().unwrap()).await["counts"]["removed"], 5);
}

#[tokio::test]
async fn a_request_is_sent_again_by_the_next_sync_if_no_notification_is_recorded() {
    let fixture = fixture_above_the_removal_limit().await;
    let mail = Mailbox::open(fixture.cloud, &fixture.alias()).await;
    assert_eq!(fixture.sync(json!({})).await["status"], "UNSAFE_PLAN");
    let first = mail.next(&fixture.instance).await.text;
    // Sets the state that is stored if the function that sends notifications fails.
    fixture.update("REMOVE approvalNotified", Value::Null).await;
    assert_eq!(fixture.sync(json!({})).await["status"], "UNSAFE_PLAN");
    let second = mail.next(&fixture.instance).await.text;
    assert_eq!(digest(&first), digest(&second));
    assert_eq!(fixture.entry().await["approvalNotified"], true);
}

#[tokio::test]
async fn a_rejected_request_removes_no_user_and_is_not_sent_again() {
    let fixture = fixture_above_the_removal_limit().await;
    let mail = Mailbox::open(fixture.cloud, &fixture.alias()).await;
    assert_eq!(fixture.sync(json!({})).await["status"], "UNSAFE_PLAN");
    let message = mail.next(&fixture.instance).await.text;
    assert_eq!(answer(&fixture, &message, "reject")["rejectedDigest"], digest(&message));
    let output = fixture.sync(json!({})).await;
    assert_eq!(output["status"], "UNSAFE_PLAN");
    assert!(output["waiting"]["rejectedBy"].as_str().unwrap().starts_with("arn:aws:"), "{output}");
    assert!(mail.all().await.iter().all(|mail| !mail.text.contains(&fixture.instance)));
    assert_eq!(fixture.usernames().await, fixture.of(0..6));
}

#[tokio::test]
async fn a_request_of_an_earlier_release_is_replaced_and_can_not_be_answered() {
    let fixture = fixture_above_the_removal_limit().await;
    let old = json!({ ":digest": { "S": "old" }, ":until": { "N": "9999999999999" }, ":token": { "S": "token" } });
    fixture.update("SET approvalDigest = :digest, approvalUntil = :until, approvalToken = :token", old).await;
    let output = fixture.cloud.onboard(&["approve", &fixture.alias(), "--digest", "old"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", err(&output));
    assert!(err(&output).contains("was made by an earlier release"), "{}", err(&output));
    assert_eq!(fixture.sync(json!({})).await["waiting"]["actions"], 4);
    let entry = fixture.entry().await;
    assert!(entry["approvalDigest"] != "old" && !entry.contains_key("approvalToken"), "{entry:?}");
}
