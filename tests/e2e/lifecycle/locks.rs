//! Executions of one alias run one at a time, and an unreadable registry entry blocks destructive operations.

use serde_json::{Value, json};

use super::fixture::House;
use crate::{
    common::{err, out},
    kept::until,
};

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
    house: &'a House,
    execution: String,
}

impl<'a> Holder<'a> {
    async fn of(house: &'a House, lock: &str) -> Self {
        // Requests for this group get no response, so the execution stays in its first state.
        let group = "99000000-0000-4000-8000-000000000000";
        let rule = json!({ "service": "graph", "match": format!("/groups/{group}"), "delayMs": 600_000, "times": 0 });
        house.cloud.admin("POST", "fault", &rule).await;
        let mut input = input("holder");
        input["users"]["groups"][0]["group"] = group.into();
        let execution = house.cloud.start(ONBOARDING, &input).await;
        let item =
            json!({ "instanceId": { "S": lock }, "holder": { "S": execution }, "since": { "N": "1796000000000" } });
        let body = json!({ "TableName": house.cloud.output("RegistryTable"), "Item": item });
        house.cloud.call("dynamodb", "DynamoDB_20120810.PutItem", body).await;
        Self { house, execution }
    }

    /// Waits until an execution waits for the lock, then stops the holder.
    async fn killed_while_waits(&self, waiting: &str) {
        until("the execution waits for the alias", async || {
            (self.house.cloud.entered(waiting, "WaitForAlias").await > 0).then_some(())
        })
        .await;
        self.stop().await;
    }

    async fn stop(&self) {
        let body = json!({ "executionArn": self.execution });
        self.house.cloud.call("states", "AWSStepFunctions.StopExecution", body).await;
    }

    fn name(&self) -> &str {
        self.execution.rsplit(':').next().unwrap()
    }
}

async fn locks(house: &House) -> Vec<Value> {
    let body = json!({ "TableName": house.cloud.output("RegistryTable"), "ConsistentRead": true });
    let items = house.cloud.call("dynamodb", "DynamoDB_20120810.Scan", body).await["Items"].as_array().unwrap().clone();
    items.into_iter().filter(|item| item["instanceId"]["S"].as_str().unwrap().starts_with("alias#")).collect()
}

async fn set_config(house: &House, id: &str, config: &Value) {
    let body = json!({
        "TableName": house.cloud.output("RegistryTable"), "Key": { "instanceId": { "S": id } },
        "UpdateExpression": "SET config = :config", "ExpressionAttributeValues": { ":config": config },
    });
    house.cloud.call("dynamodb", "DynamoDB_20120810.UpdateItem", body).await;
}

#[tokio::test]
async fn two_simultaneous_onboardings_of_an_alias_create_one_instance_and_another_spelling_creates_nothing() {
    let house = House::enter().await;
    let before = house.seen().await;
    let one = house.cloud.start(ONBOARDING, &input("twins")).await;
    let two = house.cloud.start(ONBOARDING, &input("twins")).await;
    for execution in [&one, &two] {
        let ended = house.cloud.end_of(execution).await;
        assert_eq!(ended.status, "SUCCEEDED", "{:#}", ended.output);
    }
    let changes = house.changes_since(before).await;
    let twice: Vec<_> = changes
        .iter()
        .filter(|(operation, count)| operation.starts_with("Create") && *operation != "CreateUser" && **count > 1)
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(locks(&house).await, [Value::Null; 0], "each released its lock");

    let before = house.seen().await;
    let other = house.cloud.start(ONBOARDING, &input("Twins")).await;
    let refused = house.cloud.end_of(&other).await;
    assert_eq!(refused.output["Error"], "Conflict", "{:#}", refused.output);
    assert!(refused.output["Cause"].as_str().unwrap().contains("write it twins"), "{:#}", refused.output);
    assert!(house.changes_since(before).await.is_empty());
    let id = house.instance("twins").await["Id"].as_str().unwrap().to_owned();
    let sync = house.run("UserSyncStateMachineArn", &json!({ "instanceId": id })).await;
    assert_eq!(sync["counts"]["unchanged"], 2, "no user is orphaned: {sync}");
}

#[tokio::test]
async fn onboarding_and_teardown_wait_for_the_alias_lock_and_take_it_over_from_a_killed_execution() {
    let house = House::enter().await;
    house.run(ONBOARDING, &input("awaited")).await;
    let id = house.instance("awaited").await["Id"].as_str().unwrap().to_owned();

    let holder = Holder::of(&house, "alias#awaited").await;
    let before = house.seen().await;
    let again = house.cloud.start(ONBOARDING, &input("awaited")).await;
    holder.killed_while_waits(&again).await;
    assert!(house.changes_since(before).await.is_empty(), "nothing is written before the lock is held");
    assert_eq!(house.cloud.end_of(&again).await.status, "SUCCEEDED");

    let mut request = json!({ "instanceId": id, "users": "delete", "instance": "delete" });
    let plan = house.run(TEARDOWN, &request).await;
    let approved = json!({ "mode": "apply", "confirmAlias": "Awaited", "approvedDigest": plan["digest"] });
    request.as_object_mut().unwrap().extend(approved.as_object().unwrap().clone());

    let numbers = Holder::of(&house, "alias#awaited#numbers").await;
    let refused = house.cloud.end_of(&house.cloud.start(TEARDOWN, &request).await).await;
    assert_eq!(
        refused.output["Error"], "Conflict",
        "the teardown does not wait for a number order: {:#}",
        refused.output
    );
    let cause = refused.output["Cause"].as_str().unwrap();
    assert!(cause.contains(numbers.name()) && cause.contains("stop-execution --execution-arn"), "{cause}");
    numbers.stop().await;

    let holder = Holder::of(&house, "alias#awaited").await;
    let teardown = house.cloud.start(TEARDOWN, &request).await;
    holder.killed_while_waits(&teardown).await;
    let ended = house.cloud.end_of(&teardown).await;
    assert_eq!((ended.status.as_str(), &ended.output["status"]), ("SUCCEEDED", &json!("DONE")), "{:#}", ended.output);
    assert_eq!(locks(&house).await, [Value::Null; 0]);
}

#[tokio::test]
async fn remediation_skips_a_locked_alias_and_reports_it() {
    let house = House::enter().await;
    house.run(ONBOARDING, &input("busy")).await;
    let id = house.instance("busy").await["Id"].as_str().unwrap().to_owned();
    let role = "AmazonConnect-busy";
    house.iam("UpdateRole", &[("RoleName", role), ("MaxSessionDuration", "7200")]).await;
    let holder = Holder::of(&house, "alias#busy").await;
    let drift = json!({ "instanceId": id, "mend": true });
    let report = house.run("DriftStateMachineArn", &drift).await;
    let findings = report["instances"][0]["findings"].as_array().unwrap().clone();
    let told =
        findings.iter().find(|finding| finding["place"] == "remediation").unwrap_or_else(|| panic!("{report:#}"));
    assert!(told["found"].as_str().unwrap().contains(holder.name()), "{told}");
    assert!(findings.iter().all(|finding| finding["mended"] == false), "{findings:#?}");
    holder.stop().await;

    let report = house.run("DriftStateMachineArn", &drift).await;
    let findings = report["instances"][0]["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["mended"] == true), "{findings:#?}");
    assert_eq!(locks(&house).await, [Value::Null; 0]);
}

#[tokio::test]
async fn an_unreadable_registry_entry_is_reported_and_blocks_the_teardown_of_other_instances() {
    let house = House::enter().await;
    for alias in ["damaged", "neighbour"] {
        house.run(ONBOARDING, &input(alias)).await;
    }
    let id = |instance: Value| instance["Id"].as_str().unwrap().to_owned();
    let (damaged, neighbour) = (id(house.instance("damaged").await), id(house.instance("neighbour").await));
    let subscriptions = house.inventory().await["graph"]["subscriptions"].clone();
    for config in [json!({ "S": "garbage" }), json!({ "N": "1" })] {
        set_config(&house, &damaged, &config).await;
        let report = house.run("DriftStateMachineArn", &json!({})).await;
        let found = report["instances"].as_array().unwrap().iter().find(|one| one["instanceId"] == damaged.as_str());
        let finding = &found.unwrap_or_else(|| panic!("{report:#}"))["findings"][0];
        assert!(finding["found"].as_str().unwrap().contains("run the onboarding"), "{finding}");
        let rotation = house.run("RotateCertificateStateMachineArn", &json!({})).await;
        let told = rotation["instances"].as_array().unwrap().iter().find(|one| one["instanceId"] == damaged.as_str());
        assert_eq!(told.unwrap_or_else(|| panic!("{rotation:#}"))["status"], "NEEDS_PERSON");

        let request = json!({ "instanceId": neighbour, "instance": "delete" });
        let refused = house.cloud.end_of(&house.cloud.start(TEARDOWN, &request).await).await;
        assert_eq!(refused.output["Error"], "InvalidInput", "{:#}", refused.output);
        assert!(refused.output["Cause"].as_str().unwrap().contains(&damaged), "{:#}", refused.output);
    }
    assert_eq!(house.inventory().await["graph"]["subscriptions"], subscriptions);
    for command in ["drift", "rotate-certificate"] {
        let output = house.cloud.onboard(&[command]).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{command}: {}", err(&output));
        assert!(out(&output).contains(&damaged), "{command}: {}", out(&output));
    }
    let figures = house.cloud.log().await.into_iter().filter(|line| line.contains("\"UnreadableEntries\":1")).count();
    assert!(figures > 0, "the alarm's metric");

    // The action that every message recommends.
    house.run(ONBOARDING, &input("damaged")).await;
    let report = house.run("DriftStateMachineArn", &json!({})).await;
    assert!(!report.to_string().contains("registry entry"), "{report:#}");
}
