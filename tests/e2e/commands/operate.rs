//! Tests of the commands `doctor` and `replay`.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use super::{json, printed};
use crate::{
    cloud::until,
    common::{onboard, out},
    user_sync::fixture::{GROUP_WITH_MEMBERS, cloud},
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
    assert_ne!(verdict("quotas"), "unknown", "{}", printed(&output));
    for name in ["account", "region", "concurrency", "federation", "support plan", "permissions", "stack"] {
        assert_eq!(verdict(name), "good", "{name}: {}", printed(&output));
    }
    let ends = older_plans_end(OffsetDateTime::now_utc().date()).is_some();
    assert_eq!(result.to_string().contains("Business Support on 2027-01-01"), ends, "{}", printed(&output));
    assert_ne!(verdict("alarms"), "unknown", "{}", printed(&output));
    assert_ne!(verdict("notifications"), "unknown", "{}", printed(&output));
}

/// The program with the operator's own AWS configuration: these credentials and the endpoint of the local cloud.
fn with_credentials(credentials: [&str; 3], arguments: &[&str]) -> Command {
    let addresses = &cloud().addresses;
    let mut command = onboard();
    command.args(arguments).env("AWS_ENDPOINT_URL", &addresses.stand_in).env("AWS_REGION", &addresses.region);
    for (name, value) in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].iter().zip(credentials) {
        command.env(name, value);
    }
    command.env("HOME", "/nowhere");
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
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("samconfig.toml"), "[default.global.parameters]\nstack_name = \"planned\"\n")
        .unwrap();
    let root = ["test", "test", ""];
    let output = with_credentials(root, &["doctor", "--json"]).current_dir(folder.path()).output().unwrap();
    let found = verdicts(&output);
    for name in ["account", "region", "concurrency", "federation", "support plan", "permissions"] {
        assert_eq!(found[name], "good", "{name}: {}", printed(&output));
    }
    assert_eq!((found["stack"].as_str(), found.contains_key("alarms")), ("look", false), "{}", printed(&output));
    assert_eq!(output.status.code(), Some(5));
    let named = with_credentials(root, &["doctor", "--stack", "nosuch"]).current_dir(folder.path()).output().unwrap();
    assert!(out(&named).contains("✗ stack") && out(&named).contains("Deploy the stack"), "{}", printed(&named));
    assert_eq!(named.status.code(), Some(1), "a stack with this name is expected");
}

#[tokio::test]
async fn doctor_names_the_permissions_that_the_caller_lacks() {
    let cloud = cloud();
    let trust = object!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::000000000000:root" }, "Action": "sts:AssumeRole" },
    ] });
    cloud.iam("CreateRole", &[("RoleName", "limited"), ("AssumeRolePolicyDocument", &trust.to_string())]).await;
    let credentials = async |denied: &[&str]| {
        let policy = object!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": denied, "Resource": "*" },
        ] });
        let policy = policy.to_string();
        let fields = [("RoleName", "limited"), ("PolicyName", "p"), ("PolicyDocument", policy.as_str())];
        cloud.iam("PutRolePolicy", &fields).await;
        cloud.assume("arn:aws:iam::000000000000:role/limited").await
    };
    let line = |credentials: &[String; 3], arguments: &[&str]| {
        let output = with_credentials(credentials.each_ref().map(String::as_str), arguments).output().unwrap();
        let line = out(&output).lines().find(|line| line.contains("permissions")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}", printed(&output)))
    };
    let limited = credentials(&["kms:CreateKey", "states:StartExecution"]).await;
    let stack = cloud.addresses.stack.as_str();
    for (stack, missing) in [("nosuch", "kms:CreateKey"), (stack, "states:StartExecution")] {
        let found = line(&limited, &["doctor", "--stack", stack]);
        assert!(found.starts_with('!') && found.ends_with(&format!("do not allow: {missing}")), "{found}");
    }
    let unknown = credentials(&["iam:SimulatePrincipalPolicy"]).await;
    assert!(
        line(&unknown, &["doctor", "--stack", "nosuch"]).starts_with("? permissions"),
        "the caller may not simulate"
    );
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
    let (_, good) = check(GROUP_WITH_MEMBERS);
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
