//! Tests of the commands `doctor` and `replay`.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use super::{json, printed};
use crate::{
    cloud::until,
    common::{onboard, out},
    user_sync::fixture::cloud,
};
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
    for name in ["account", "region", "concurrency", "federation", "quotas", "support plan", "permissions", "stack"] {
        assert_eq!(verdict(name), "good", "{name}: {}", printed(&output));
    }
    let ends = older_plans_end(OffsetDateTime::now_utc().date()).is_some();
    assert_eq!(result.to_string().contains("Business Support on 2027-01-01"), ends, "{}", printed(&output));
    assert_ne!(verdict("alarms"), "unknown", "{}", printed(&output));
    assert_ne!(verdict("notifications"), "unknown", "{}", printed(&output));
}

/// The program with the operator's own AWS configuration: this access key and the endpoint of the local cloud.
fn with_key(key: &str, arguments: &[&str]) -> Command {
    let cloud = cloud();
    let mut command = onboard();
    command.args(arguments).env("AWS_ENDPOINT_URL", &cloud.addresses.stand_in).env("AWS_REGION", &cloud.addresses.region);
    command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", "s").env("HOME", "/nowhere").current_dir("/");
    command
}

fn verdicts(output: &Output) -> BTreeMap<String, String> {
    let result = json(output);
    let checks = result["checks"].as_array().unwrap_or_else(|| panic!("{}", printed(output)));
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    checks.iter().map(|check| (text(check, "name"), text(check, "verdict"))).collect()
}

#[test]
fn before_the_first_deployment_doctor_checks_the_account_and_the_region() {
    let output = with_key("test", &["doctor", "--json"]).output().unwrap();
    let found = verdicts(&output);
    for name in ["account", "region", "concurrency", "federation", "quotas", "support plan", "permissions"] {
        assert_eq!(found[name], "good", "{name}: {}", printed(&output));
    }
    assert_eq!((found["stack"].as_str(), found.contains_key("alarms")), ("look", false), "{}", printed(&output));
    assert_eq!(output.status.code(), Some(5));
    let named = with_key("test", &["doctor", "--stack", "nosuch"]).output().unwrap();
    assert!(out(&named).contains("✗ stack") && out(&named).contains("Deploy it"), "{}", printed(&named));
    assert_eq!(named.status.code(), Some(1), "a stack with this name is expected");
}

#[tokio::test]
async fn doctor_names_the_permissions_that_the_caller_lacks() {
    let cloud = cloud();
    let user = [("UserName", "limited")];
    cloud.iam("CreateUser", &user).await;
    let created = cloud.iam("CreateAccessKey", &user).await;
    let key = created.split(['<', '>']).skip_while(|part| *part != "AccessKeyId").nth(1).unwrap();
    let policy = object!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": ["kms:CreateKey", "states:StartExecution"], "Resource": "*" },
    ] });
    let policy = policy.to_string();
    let fields = [("UserName", "limited"), ("PolicyName", "p"), ("PolicyDocument", policy.as_str())];
    cloud.iam("PutUserPolicy", &fields).await;
    let stack = cloud.addresses.stack.as_str();
    for (arguments, missing) in [(&["doctor"][..], "kms:CreateKey"), (&["doctor", "--stack", stack], "states:StartExecution")] {
        let output = with_key(key, arguments).output().unwrap();
        let text = out(&output);
        let line = text.lines().find(|line| line.contains("permissions")).unwrap_or_else(|| panic!("{}", printed(&output)));
        assert!(line.starts_with('!') && line.ends_with(&format!("do not allow: {missing}")), "{}", printed(&output));
    }
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
