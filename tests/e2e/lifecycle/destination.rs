//! Tests the setting for the page that opens after sign-in, in all phases from the plan of an onboarding to the test
//! sign-in.

use std::collections::BTreeMap;

use super::{fixture::Fixture, teardown::torn_down};
use serde_json::{Value, json};

const ALIAS: &str = "landing";
const USER: &str = "agent5@contoso.onmicrosoft.com";

fn input(destination: Option<&str>) -> Value {
    let mut input = json!({
        "instance": { "alias": ALIAS },
        "users": { "groups": [{ "group": "Night shift", "securityProfiles": ["Agent"] }] },
    });
    if let Some(destination) = destination {
        input["signIn"] = json!({ "destination": destination });
    }
    input
}

/// Makes a test sign-in after all replicas of Entra have the latest settings.
async fn sign_in(fixture: &Fixture) -> Value {
    fixture.admin("POST", "clock", &json!({ "advanceSeconds": 60 })).await;
    let application = fixture.application(ALIAS).await;
    fixture.cloud.sign_in(application["appId"].as_str().unwrap(), USER).await
}

async fn opens(fixture: &Fixture, page: Option<&str>) {
    let outcome = sign_in(fixture).await;
    let page = page.map(|path| format!("https://{ALIAS}.my.connect.aws{path}"));
    assert_eq!((&outcome["signedIn"], &outcome["page"]), (&json!(true), &json!(page)), "{outcome}");
}

async fn is_refused(fixture: &Fixture, message: &str) {
    let outcome = sign_in(fixture).await;
    assert_eq!((&outcome["signedIn"], &outcome["refusedBy"]), (&json!(false), &json!("Amazon Connect")), "{outcome}");
    assert!(outcome["message"].as_str().unwrap().contains(message), "{message}: {outcome}");
}

/// Sets a relay state with this query, as an administrator would.
async fn set_relay_state(fixture: &Fixture, endpoint: &str, query: &str) {
    let principal = fixture.application(ALIAS).await["id"].as_str().unwrap().to_owned();
    let relay = json!({ "samlSingleSignOnSettings": { "relayState": format!("{endpoint}{query}") } });
    fixture.graph("PATCH", &format!("/servicePrincipals/{principal}"), &relay).await;
}

#[tokio::test]
async fn users_see_the_page_that_the_input_names_after_each_change_of_the_input() {
    let fixture = Fixture::enter().await;
    let report = fixture.run("OnboardingStateMachineArn", &input(None)).await;
    let endpoint = report["signOn"]["claims"]["relayState"].as_str().unwrap().to_owned();
    opens(&fixture, None).await;

    // An input with another destination changes only the application and the registry entry.
    let workspace = input(Some("agentWorkspace"));
    let plan = fixture.run("PlanStateMachineArn", &workspace).await;
    let changing: Vec<(&Value, &Value)> = plan["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["action"] != "leave")
        .map(|item| (&item["kind"], &item["action"]))
        .collect();
    let change = json!("change");
    assert_eq!(
        changing,
        [(&json!("enterprise application"), &change), (&json!("registry entry"), &change)],
        "{plan:#}"
    );
    assert!(plan.to_string().contains("?destination=%2Fagent-app-v2&new_domain=true instead of"), "{plan:#}");
    let before = fixture.seen().await;
    let report = fixture.run("OnboardingStateMachineArn", &workspace).await;
    // `StartExecution` is the call that starts the user sync.
    let changes = fixture.changes_since(before).await;
    let changes: Vec<&str> = changes.keys().map(String::as_str).collect();
    assert_eq!(changes, ["PATCH /v1.0/servicePrincipals/{id}", "StartExecution"]);
    let url = format!("https://{ALIAS}.my.connect.aws/agent-app-v2");
    assert_eq!(report["signOn"]["claims"]["destinationUrl"], url.as_str());
    let relay = |check: &&Value| check["name"] == "relay state" && check["passed"] == true;
    assert_eq!(report["signOn"]["verification"]["checks"].as_array().unwrap().iter().filter(relay).count(), 1);
    opens(&fixture, Some("/agent-app-v2")).await;

    let id = report["instance"]["instanceId"].as_str().unwrap();
    relay_states_set_manually(&fixture, id, &endpoint).await;

    // The page requires a permission that the security profile no longer contains.
    let path = format!("/security-profiles-summary/{id}");
    let profiles = fixture.cloud.rest("connect", "GET", &path, &Value::Null).await;
    let profiles = profiles["SecurityProfileSummaryList"].as_array().unwrap();
    let agent = profiles.iter().find(|profile| profile["Name"] == "Agent").unwrap()["Id"].as_str().unwrap();
    let metrics = json!({ "Permissions": ["AccessMetrics"] });
    fixture.cloud.rest("connect", "POST", &format!("/security-profiles/{id}/{agent}"), &metrics).await;
    is_refused(&fixture, "no access to this page").await;
    fixture.run("OnboardingStateMachineArn", &input(Some("/real-time-metrics?tab=agents"))).await;
    opens(&fixture, Some("/real-time-metrics?tab=agents")).await;

    torn_down(&fixture, id, ALIAS, &json!({ "instance": "delete" })).await;
}

/// Connect rejects relay states that lead to pages outside the instance. The drift check finds and reverts all relay
/// states that were set manually.
async fn relay_states_set_manually(fixture: &Fixture, id: &str, endpoint: &str) {
    for (query, message) in [
        ("?destination=/agent-app-v2", "not percent-encoded"),
        ("?destination=https%3A%2F%2Fevil.example", "not a page of the instance"),
        ("?destination=%2F%2Fevil.example", "not a page of the instance"),
        ("?destination=%2F%5Cevil.example", "not a page of the instance"),
        ("?destination=%2Fa%2F..%2Fb", "not a page of the instance"),
        ("?goto=%2Fhome", "unknown parameter"),
    ] {
        set_relay_state(fixture, endpoint, query).await;
        is_refused(fixture, message).await;
    }
    let report = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    let findings = report["instances"][0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report:#}");
    assert_eq!(findings[0]["place"], format!("enterprise application Amazon Connect {ALIAS}: relay state"));
    assert_eq!(findings[0]["mended"], json!(true), "{report:#}");
    opens(fixture, Some("/agent-app-v2")).await;
}

#[tokio::test]
async fn a_destination_outside_the_instance_is_rejected_before_anything_is_created() {
    let fixture = Fixture::enter().await;
    let before = fixture.seen().await;
    for destination in ["https://crm.example.com", "//evil.example", "/a/../b", "/%2e%2e/"] {
        let execution = fixture.cloud.start("OnboardingStateMachineArn", &input(Some(destination))).await;
        let refused = fixture.cloud.end_of(&execution).await;
        assert_eq!((refused.status.as_str(), &refused.output["Error"]), ("FAILED", &json!("InvalidInput")));
        assert!(refused.output["Cause"].as_str().unwrap().contains("$.signIn.destination: "), "{:#}", refused.output);
    }
    assert_eq!(fixture.changes_since(before).await, BTreeMap::new());
}
