//! Tests the approved origins of an instance, in all phases from the plan of an onboarding to the teardown. Origins
//! that others added are never removed.

use std::collections::{BTreeMap, BTreeSet};

use super::{fixture::Fixture, teardown::torn_down};
use serde_json::{Value, json};

const ALIAS: &str = "embedded";
const CRM: &str = "https://crm.example.com";
const DESK: &str = "https://desk.example.com:8443";
/// Origins that another administrator added. The onboarding input also contains the first of these origins.
const SALES: &str = "https://sales.example.com";
const OTHER: &str = "https://other.example.com";

fn input(origins: &[&str]) -> Value {
    json!({
        "instance": { "alias": ALIAS, "approvedOrigins": origins },
        "users": { "groups": [{ "group": "Night shift", "securityProfiles": ["Agent"] }] },
    })
}

/// Name and action of the origins in a plan.
fn planned(plan: &Value) -> BTreeMap<&str, &str> {
    let items = plan["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "approved origin");
    items.map(|item| (item["name"].as_str().unwrap(), item["action"].as_str().unwrap())).collect()
}

async fn listed(fixture: &Fixture) -> BTreeSet<String> {
    let instance = fixture.instance(ALIAS).await;
    let origins = instance["approvedOrigins"].as_array().unwrap().iter();
    origins.map(|origin| origin.as_str().unwrap().to_owned()).collect()
}

fn set(origins: &[&str]) -> BTreeSet<String> {
    origins.iter().map(|origin| (*origin).to_owned()).collect()
}

/// Adds or removes an origin manually.
async fn by_hand(fixture: &Fixture, id: &str, method: &str, origin: &str) {
    let path = format!("/instance/{id}/approved-origin");
    let (path, body) = match method {
        "PUT" => (path, json!({ "Origin": origin })),
        _ => {
            let origin = origin.replace(':', "%3A").replace('/', "%2F");
            (format!("{path}?origin={origin}"), Value::Null)
        }
    };
    fixture.cloud.rest("connect", method, &path, &body).await;
}

#[tokio::test]
async fn origins_follow_the_input_and_origins_of_others_stay() {
    let fixture = Fixture::enter().await;
    let (id, _) = fixture.cloud.create_instance(ALIAS).await;
    fixture.admin("POST", "clock", &json!({ "advanceSeconds": 120 })).await;
    by_hand(&fixture, &id, "PUT", SALES).await;
    by_hand(&fixture, &id, "PUT", OTHER).await;

    let first = input(&[CRM, DESK, SALES]);
    let plan = fixture.run("PlanStateMachineArn", &first).await;
    assert_eq!(planned(&plan), [(CRM, "create"), (DESK, "create"), (SALES, "adopt"), (OTHER, "leave")].into());
    let report = fixture.run("OnboardingStateMachineArn", &first).await;
    assert_eq!(listed(&fixture).await, set(&[CRM, DESK, SALES, OTHER]));
    let approved = |origin: &str, adopted: bool| json!({ "origin": origin, "adopted": adopted });
    assert_eq!(report["approvedOrigins"], json!([approved(CRM, false), approved(DESK, false), approved(SALES, true)]));
    let open = report["openItems"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["subject"] == format!("approved origin {OTHER}"));
    assert_eq!(open.count(), 1, "{report:#}");

    // A second onboarding changes nothing. The next input omits two origins: one that the onboarding added, and one
    // that the administrator added.
    let before = fixture.seen().await;
    fixture.run("OnboardingStateMachineArn", &first).await;
    assert_eq!(fixture.changes_since(before).await, [("StartExecution".to_owned(), 1)].into(), "the user sync");
    let second = input(&[CRM]);
    let plan = fixture.run("PlanStateMachineArn", &second).await;
    assert_eq!(planned(&plan), [(CRM, "leave"), (DESK, "delete"), (SALES, "leave"), (OTHER, "leave")].into());
    fixture.run("OnboardingStateMachineArn", &second).await;
    assert_eq!(listed(&fixture).await, set(&[CRM, SALES, OTHER]));

    drift(&fixture, &id).await;
    sign_in_to_an_approved_origin(&fixture).await;

    // The teardown keeps the instance, and removes only the origin that the onboarding added.
    let (plan, done) = torn_down(&fixture, &id, ALIAS, &json!({})).await;
    assert_eq!(planned(&plan), [(CRM, "delete"), (SALES, "leave"), (OTHER, "leave")].into());
    assert_eq!(done["status"], "DONE", "{done:#}");
    assert_eq!(listed(&fixture).await, set(&[SALES, OTHER]));
    fixture.cloud.rest("connect", "DELETE", &format!("/instance/{id}"), &Value::Null).await;
}

/// The drift check adds a removed origin again. The drift check reports origins that others added as security findings,
/// and keeps these origins.
async fn drift(fixture: &Fixture, id: &str) {
    by_hand(fixture, id, "DELETE", CRM).await;
    let report = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    let findings: BTreeMap<&str, (bool, bool)> = report["instances"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["place"].as_str().unwrap(), (finding["mended"] == true, finding["security"] == true)))
        .filter(|(place, _)| place.starts_with("approved origin"))
        .collect();
    let (crm, known, other) = (
        format!("approved origin {CRM}"),
        format!("approved origin {SALES}: listed in the input"),
        format!("approved origin {OTHER}: listed in the input"),
    );
    let expected = [(crm.as_str(), (true, false)), (&known, (false, true)), (&other, (false, true))];
    assert_eq!(findings, expected.into(), "{report:#}");
    assert_eq!(listed(fixture).await, set(&[CRM, SALES, OTHER]));
}

/// As in Connect, an external page opens after sign-in only if the origin of the page is approved.
async fn sign_in_to_an_approved_origin(fixture: &Fixture) {
    let application = fixture.application(ALIAS).await;
    let (principal, app_id) = (application["id"].as_str().unwrap(), application["appId"].as_str().unwrap());
    let relay = application["samlSingleSignOnSettings"]["relayState"].as_str().unwrap();
    for (origin, opens) in [("crm.example.com", true), ("evil.example.com", false)] {
        let relay = format!("{relay}?destination=https%3A%2F%2F{origin}%2Fdesk");
        let relay = json!({ "samlSingleSignOnSettings": { "relayState": relay } });
        fixture.graph("PATCH", &format!("/servicePrincipals/{principal}"), &relay).await;
        fixture.admin("POST", "clock", &json!({ "advanceSeconds": 60 })).await;
        let outcome = fixture.cloud.sign_in(app_id, "agent5@contoso.onmicrosoft.com").await;
        assert_eq!(outcome["signedIn"], json!(opens), "{outcome}");
        assert!(!opens || outcome["page"] == "https://crm.example.com/desk", "{outcome}");
    }
}

#[tokio::test]
async fn an_origin_that_is_not_https_is_rejected_before_anything_is_created() {
    let fixture = Fixture::enter().await;
    let before = fixture.seen().await;
    let execution = fixture.cloud.start("OnboardingStateMachineArn", &input(&["http://localhost:3000"])).await;
    let refused = fixture.cloud.end_of(&execution).await;
    assert_eq!((refused.status.as_str(), &refused.output["Error"]), ("FAILED", &json!("InvalidInput")));
    assert!(
        refused.output["Cause"].as_str().unwrap().contains("$.instance.approvedOrigins[0]: "),
        "{:#}",
        refused.output
    );
    assert_eq!(fixture.changes_since(before).await, BTreeMap::new());
}
