//! Tests of the commands `doctor` and `replay`.

use super::{json, printed};
use crate::{cloud::until, common::out, user_sync::fixture::cloud};
use onboarding_core::telephony::older_plans_end;
use serde_json::{Value, json as object};
use time::OffsetDateTime;

#[test]
fn doctor_checks_the_account_the_stack_and_the_notifications() {
    let output = cloud().onboard(&["doctor", "--json"]).output().unwrap();
    let result = json(&output);
    let verdict = |name: &str| {
        let checks = result["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).map(|check| check["verdict"].clone()).unwrap_or_default()
    };
    assert_eq!(verdict("account"), "good", "{}", printed(&output));
    assert_eq!(verdict("quotas"), "good", "{}", printed(&output));
    assert_eq!(verdict("support plan"), "good", "{}", printed(&output));
    let ends = older_plans_end(OffsetDateTime::now_utc().date()).is_some();
    assert_eq!(result.to_string().contains("Business Support on 2027-01-01"), ends, "{}", printed(&output));
    assert_ne!(verdict("alarms"), "unknown", "{}", printed(&output));
    assert_ne!(verdict("notifications"), "unknown", "{}", printed(&output));
}

#[test]
fn doctor_checks_entra_with_the_stacks_preflight_function() {
    let folder = tempfile::tempdir().unwrap();
    let check = |group: &str| {
        let file = folder.path().join("onboarding.json");
        let input = object!({ "instance": { "alias": "doctor" }, "users": { "groups": [{ "group": group, "securityProfiles": ["Agent"] }] } });
        std::fs::write(&file, input.to_string()).unwrap();
        let output = cloud().onboard(&["doctor", file.to_str().unwrap()]).output().unwrap();
        (output.status.code(), out(&output))
    };
    let (_, good) = check("Group 23");
    assert!(good.contains("✓ entra") && good.contains("groups: 1, members: 3"), "{good}");
    let (code, bad) = check("No such group");
    assert!(code == Some(1) && bad.contains("✗ entra") && bad.contains("No such group"), "{code:?} {bad}");
}

#[tokio::test]
async fn failed_events_are_counted_and_reprocessed() {
    let cloud = cloud();
    let event = object!({
        "source": "connect-onboarding.entra", "detail-type": "Entra Group Membership Changed",
        "detail": { "groupId": "of nobody", "added": [], "removed": [], "tenantId": "t" },
    });
    let body = object!({ "QueueUrl": cloud.output("FailedEventQueue"), "MessageBody": event.to_string() });
    cloud.call("sqs", "AmazonSQS.SendMessage", body).await;
    let count = json(&cloud.onboard(&["replay", "--count", "--json"]).output().unwrap());
    assert!(count["waiting"].as_u64().unwrap() >= 1 && count["replaying"] == 0, "{count}");
    let output = cloud.onboard(&["replay", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    until("the queue is empty", async || {
        let body = object!({ "QueueUrl": cloud.output("FailedEventQueue"), "AttributeNames": ["ApproximateNumberOfMessages"] });
        let found = cloud.call("sqs", "AmazonSQS.GetQueueAttributes", body).await;
        (found["Attributes"]["ApproximateNumberOfMessages"] == "0").then_some(())
    })
    .await;
    let none: Value = json(&cloud.onboard(&["replay", "--json"]).output().unwrap());
    assert_eq!(none, object!({ "waiting": 0, "replaying": 0 }));
}
