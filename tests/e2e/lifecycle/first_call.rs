//! Tests the starter flow and its test call, in all phases from the plan of an onboarding to the teardown.

use std::collections::BTreeMap;

use super::{fixture::Fixture, teardown::torn_down};
use serde_json::{Value, json};

const ALIAS: &str = "answered";
const FLOW: &str = "Connect Onboarding starter flow";
const TEST_CASE: &str = "Connect Onboarding first call";

fn input() -> Value {
    json!({
        "instance": { "alias": ALIAS },
        "phoneNumbers": [{ "country": "US", "type": "DID", "quantity": 1 }],
        "telephony": { "starterFlow": true },
        "users": { "groups": [{ "group": "Night shift", "securityProfiles": ["Agent"] }] },
    })
}

/// Name and action of the starter flow and the test case in a plan.
fn planned(plan: &Value) -> BTreeMap<&str, &str> {
    let items = plan["items"].as_array().unwrap().iter();
    let items = items.map(|item| (item["name"].as_str().unwrap(), item["action"].as_str().unwrap()));
    items.filter(|(name, _)| [FLOW, TEST_CASE].contains(name)).collect()
}

/// The id of the starter flow, to which the phone number of the instance is connected.
async fn connected_flow(fixture: &Fixture) -> String {
    let instance = fixture.instance(ALIAS).await;
    let id = instance["phoneNumbers"][0]["ContactFlowId"].as_str().unwrap().to_owned();
    id.rsplit('/').next().unwrap().to_owned()
}

/// Replaces the content of the flow with content that ends the call without a greeting.
async fn silence(fixture: &Fixture, instance: &str, flow: &str) {
    let end = json!({ "Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {} });
    let content = json!({ "Version": "2019-10-30", "StartAction": "end", "Actions": [end] }).to_string();
    let path = format!("/contact-flows/{instance}/{flow}/content");
    fixture.cloud.rest("connect", "POST", &path, &json!({ "Content": content })).await;
}

#[tokio::test]
async fn the_first_call_is_answered_a_second_run_changes_nothing_and_the_teardown_removes_flow_and_test_case() {
    let fixture = Fixture::enter().await;
    let plan = fixture.run("PlanStateMachineArn", &input()).await;
    assert_eq!(planned(&plan), [(FLOW, "create"), (TEST_CASE, "create")].into());
    let report = fixture.run("OnboardingStateMachineArn", &input()).await;
    let call = &report["telephony"]["firstCall"];
    assert_eq!((&call["status"], &call["flow"]), (&json!("ANSWERED"), &json!(FLOW)), "{report:#}");
    assert!(call["testedAt"].is_string() && call["flowId"] == connected_flow(&fixture).await.as_str(), "{call}");
    let instance = fixture.instance(ALIAS).await;
    let id = instance["Id"].as_str().unwrap();
    assert_eq!(instance["contactFlows"][0]["Tags"]["onboarding"], ALIAS);

    let before = fixture.seen().await;
    let again = fixture.run("OnboardingStateMachineArn", &input()).await;
    assert_eq!(again["telephony"]["firstCall"], *call, "the result of the passed test");
    assert_eq!(fixture.changes_since(before).await, [("StartExecution".to_owned(), 1)].into(), "the user sync");

    changed_by_hand(&fixture, id).await;

    let (plan, done) = torn_down(&fixture, id, ALIAS, &json!({})).await;
    assert_eq!(planned(&plan), [(FLOW, "delete"), (TEST_CASE, "delete")].into());
    assert_eq!(done["status"], "DONE", "{done:#}");
    let instance = fixture.instance(ALIAS).await;
    assert_eq!((&instance["contactFlows"], &instance["testCases"]), (&Value::Null, &Value::Null));
    assert_eq!(instance["phoneNumbers"][0]["ContactFlowId"], Value::Null, "the number has no flow");
    fixture.cloud.rest("connect", "DELETE", &format!("/instance/{id}"), &Value::Null).await;
}

/// The drift check reports a changed flow. The next onboarding restores the flow and tests the call again; if the test
/// is denied, the onboarding succeeds with an open item.
async fn changed_by_hand(fixture: &Fixture, id: &str) {
    silence(fixture, id, &connected_flow(fixture).await).await;
    let drift = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id })).await;
    let findings = drift["instances"][0]["findings"].as_array().unwrap();
    let place = format!("contact flow {FLOW}: content");
    assert!(findings.iter().any(|finding| finding["place"] == place.as_str()), "{drift:#}");
    let plan = fixture.run("PlanStateMachineArn", &input()).await;
    assert_eq!(planned(&plan), [(FLOW, "change"), (TEST_CASE, "leave")].into());

    // The state machine retries a denied call twice.
    let rule =
        json!({ "match": "StartTestCaseExecution$", "times": 3, "status": 403, "code": "AccessDeniedException" });
    fixture.fault(&rule).await;
    let report = fixture.run("OnboardingStateMachineArn", &input()).await;
    assert_eq!(report["telephony"]["firstCall"]["status"], "NOT_TESTED", "{report:#}");
    let open = report["openItems"].as_array().unwrap().iter().filter(|item| item["subject"] == "first call");
    assert_eq!(open.count(), 1, "{report:#}");
    assert!(!report["openItems"].as_array().unwrap().iter().any(|item| item["subject"] == "starter flow"));
}
