//! Tests that only one execution of an alias runs at a time, and that an unreadable registry entry blocks destructive
//! operations.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::{
    cloud::until,
    common::{err, out},
};
use test_support::with;

const ONBOARDING: &str = "OnboardingStateMachineArn";
const TEARDOWN: &str = "TeardownStateMachineArn";

fn input(alias: &str) -> Value {
    json!({
        "instance": { "alias": alias },
        "users": {
            "groups": [{ "group": "Night shift", "securityProfiles": ["Agent"] }],
            "removed": { "action": "delete", "graceDays": 0 },
        },
    })
}

/// An execution that holds the lock of an alias until the test stops it.
struct Holder<'a> {
    fixture: &'a Fixture,
    execution: String,
}

impl<'a> Holder<'a> {
    async fn of(fixture: &'a Fixture, lock: &str) -> Self {
        // Requests for this group get no response, so the execution remains in its first state.
        let group = "99000000-0000-4000-8000-000000000000";
        let rule = json!({ "service": "graph", "match": format!("/groups/{group}"), "delayMs": 600_000, "times": 0 });
        fixture.cloud.fault(&rule).await;
        let mut input = input("holder");
        input["users"]["groups"][0]["group"] = group.into();
        let execution = fixture.cloud.start(ONBOARDING, &input).await;
        let item =
            json!({ "instanceId": { "S": lock }, "holder": { "S": execution }, "since": { "N": "1796000000000" } });
        let body = json!({ "TableName": fixture.cloud.output("RegistryTable"), "Item": item });
        fixture.cloud.call("dynamodb", "DynamoDB_20120810.PutItem", body).await;
        Self { fixture, execution }
    }

    /// Waits until an execution waits for the lock, then stops the holder.
    async fn killed_while_waits(&self, waiting: &str) {
        until("the execution waits for the alias", async || {
            (self.fixture.cloud.entered(waiting, "WaitForAlias").await > 0).then_some(())
        })
        .await;
        self.stop().await;
    }

    async fn stop(&self) {
        let body = json!({ "executionArn": self.execution });
        self.fixture.cloud.call("states", "AWSStepFunctions.StopExecution", body).await;
    }

    fn name(&self) -> &str {
        self.execution.rsplit(':').next().unwrap()
    }
}

async fn locks(fixture: &Fixture) -> Vec<Value> {
    let body = json!({ "TableName": fixture.cloud.output("RegistryTable"), "ConsistentRead": true });
    let items =
        fixture.cloud.call("dynamodb", "DynamoDB_20120810.Scan", body).await["Items"].as_array().unwrap().clone();
    // After a lock is released, the registry item of the lock contains only the lease number.
    let is_lock = |item: &Value| item["instanceId"]["S"].as_str().unwrap().starts_with("alias#");
    items.into_iter().filter(|item| is_lock(item) && !item["holder"].is_null()).collect()
}

#[tokio::test]
async fn two_simultaneous_onboardings_of_an_alias_create_one_instance_and_another_spelling_creates_nothing() {
    let fixture = Fixture::enter().await;
    let before = fixture.seen().await;
    let one = fixture.cloud.start(ONBOARDING, &input("twins")).await;
    let two = fixture.cloud.start(ONBOARDING, &input("twins")).await;
    for execution in [&one, &two] {
        let ended = fixture.cloud.end_of(execution).await;
        assert_eq!(ended.status, "SUCCEEDED", "{:#}", ended.output);
    }
    let changes = fixture.changes_since(before).await;
    let twice: Vec<_> = changes
        .iter()
        .filter(|(operation, count)| operation.starts_with("Create") && *operation != "CreateUser" && **count > 1)
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(locks(&fixture).await, [Value::Null; 0], "each execution released its lock");

    let before = fixture.seen().await;
    let other = fixture.cloud.start(ONBOARDING, &input("Twins")).await;
    let refused = fixture.cloud.end_of(&other).await;
    assert_eq!(refused.output["Error"], "Conflict", "{:#}", refused.output);
    assert!(refused.output["Cause"].as_str().unwrap().contains("use twins in instance.alias"), "{:#}", refused.output);
    assert!(fixture.changes_since(before).await.is_empty());
    let id = fixture.instance("twins").await["Id"].as_str().unwrap().to_owned();
    let sync = fixture.run("UserSyncStateMachineArn", &json!({ "instanceId": id })).await;
    assert_eq!(sync["counts"]["unchanged"], 2, "every user is still managed: {sync}");
}

#[tokio::test]
async fn onboarding_and_teardown_wait_for_the_alias_lock_and_take_it_over_from_a_killed_execution() {
    let fixture = Fixture::enter().await;
    fixture.run(ONBOARDING, &input("awaited")).await;
    let id = fixture.instance("awaited").await["Id"].as_str().unwrap().to_owned();

    let holder = Holder::of(&fixture, "alias#awaited").await;
    let before = fixture.seen().await;
    let again = fixture.cloud.start(ONBOARDING, &input("awaited")).await;
    holder.killed_while_waits(&again).await;
    assert!(fixture.changes_since(before).await.is_empty(), "no write before the lock is acquired");
    assert_eq!(fixture.cloud.end_of(&again).await.status, "SUCCEEDED");

    let request = json!({ "instanceId": id, "users": "delete", "instance": "delete" });
    let plan = fixture.run(TEARDOWN, &request).await;
    let approved = json!({ "mode": "apply", "confirmAlias": "Awaited", "approvedDigest": plan["digest"] });
    let request = with(request, &approved);

    let numbers = Holder::of(&fixture, "alias#awaited#numbers").await;
    let refused = fixture.cloud.end_of(&fixture.cloud.start(TEARDOWN, &request).await).await;
    assert_eq!(
        refused.output["Error"], "Conflict",
        "a teardown must not wait for a number order: {:#}",
        refused.output
    );
    let cause = refused.output["Cause"].as_str().unwrap();
    assert!(cause.contains(numbers.name()) && cause.contains("stop-execution --execution-arn"), "{cause}");
    numbers.stop().await;

    let holder = Holder::of(&fixture, "alias#awaited").await;
    let teardown = fixture.cloud.start(TEARDOWN, &request).await;
    holder.killed_while_waits(&teardown).await;
    let ended = fixture.cloud.end_of(&teardown).await;
    assert_eq!((ended.status.as_str(), &ended.output["status"]), ("SUCCEEDED", &json!("DONE")), "{:#}", ended.output);
    assert_eq!(locks(&fixture).await, [Value::Null; 0]);
}

#[tokio::test]
async fn remediation_skips_a_locked_alias_and_reports_it() {
    let fixture = Fixture::enter().await;
    fixture.run(ONBOARDING, &input("busy")).await;
    let id = fixture.instance("busy").await["Id"].as_str().unwrap().to_owned();
    let role = "AmazonConnect-busy";
    fixture.iam("UpdateRole", &[("RoleName", role), ("MaxSessionDuration", "7200")]).await;
    let holder = Holder::of(&fixture, "alias#busy").await;
    let drift = json!({ "instanceId": id, "mend": true });
    let report = fixture.run("DriftStateMachineArn", &drift).await;
    let findings = report["instances"][0]["findings"].as_array().unwrap().clone();
    let skipped =
        findings.iter().find(|finding| finding["place"] == "remediation").unwrap_or_else(|| panic!("{report:#}"));
    assert!(skipped["found"].as_str().unwrap().contains(holder.name()), "{skipped}");
    assert!(findings.iter().all(|finding| finding["mended"] == false), "{findings:#?}");
    holder.stop().await;

    let report = fixture.run("DriftStateMachineArn", &drift).await;
    let findings = report["instances"][0]["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["mended"] == true), "{findings:#?}");
    assert_eq!(locks(&fixture).await, [Value::Null; 0]);
}

#[tokio::test]
async fn an_unreadable_registry_entry_is_reported_and_blocks_the_teardown_of_other_instances() {
    let fixture = Fixture::enter().await;
    for alias in ["damaged", "neighbour"] {
        fixture.run(ONBOARDING, &input(alias)).await;
    }
    let id = |instance: Value| instance["Id"].as_str().unwrap().to_owned();
    let (damaged, neighbour) = (id(fixture.instance("damaged").await), id(fixture.instance("neighbour").await));
    let subscriptions = fixture.inventory().await["graph"]["subscriptions"].clone();
    for config in [json!({ "S": "garbage" }), json!({ "N": "1" })] {
        fixture.update_entry(&damaged, "SET config = :config", &json!({ ":config": config })).await;
        let report = fixture.run("DriftStateMachineArn", &json!({})).await;
        let found = report["instances"].as_array().unwrap().iter().find(|one| one["instanceId"] == damaged.as_str());
        let finding = &found.unwrap_or_else(|| panic!("{report:#}"))["findings"][0];
        assert!(finding["found"].as_str().unwrap().contains("run the onboarding"), "{finding}");
        let rotation = fixture.run("RotateCertificateStateMachineArn", &json!({})).await;
        let reported =
            rotation["instances"].as_array().unwrap().iter().find(|one| one["instanceId"] == damaged.as_str());
        assert_eq!(reported.unwrap_or_else(|| panic!("{rotation:#}"))["status"], "NEEDS_PERSON");

        let request = json!({ "instanceId": neighbour, "instance": "delete" });
        let refused = fixture.cloud.end_of(&fixture.cloud.start(TEARDOWN, &request).await).await;
        assert_eq!(refused.output["Error"], "InvalidInput", "{:#}", refused.output);
        assert!(refused.output["Cause"].as_str().unwrap().contains(&damaged), "{:#}", refused.output);
    }
    assert_eq!(fixture.inventory().await["graph"]["subscriptions"], subscriptions);
    for command in ["drift", "rotate-certificate"] {
        let output = fixture.cloud.onboard(&[command]).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{command}: {}", err(&output));
        assert!(out(&output).contains(&damaged), "{command}: {}", out(&output));
    }
    let metrics = fixture.cloud.log().await.into_iter().filter(|line| line.contains("\"UnreadableEntries\":1")).count();
    assert!(metrics > 0, "the log has no metric for the alarm");

    // Runs the onboarding again, as all these error messages recommend.
    fixture.run(ONBOARDING, &input("damaged")).await;
    let report = fixture.run("DriftStateMachineArn", &json!({})).await;
    assert!(!report.to_string().contains("registry entry"), "{report:#}");
}
