//! Compares the plan of an onboarding with the changes that the onboarding makes.

use std::collections::BTreeMap;

use super::fixture::Fixture;
use onboarding_core::telephony::older_plans_end;
use serde_json::{Value, json};
use time::OffsetDateTime;

fn input() -> Value {
    json!({
        "instance": { "alias": "planned", "contactLens": true, "storage": { "scheduledReports": false } },
        "quotas": { "concurrentActiveCalls": 20, "queues": 10 },
        "phoneNumbers": [{ "country": "US", "type": "DID", "quantity": 2 }],
        "users": { "groups": [
            { "group": "Support supervisors", "securityProfiles": ["CallCenterManager"] },
            { "group": "Support agents", "securityProfiles": ["Agent"] },
        ] },
    })
}

fn count(plan: &Value, kind: &str, action: &str) -> usize {
    plan["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind && item["action"] == action).count()
}

/// Compares the items of a plan with the number of calls of each operation.
fn assert_same_changes(plan: &Value, done: &BTreeMap<String, usize>) {
    let done = |operation: &str| {
        done.iter()
            .filter(|(name, _)| name.as_str() == operation || name.ends_with(operation))
            .map(|(_, count)| count)
            .sum::<usize>()
    };
    for (kind, action, operation) in [
        ("Amazon Connect instance", "create", "CreateInstance"),
        ("instance attribute", "create", "UpdateInstanceAttribute"),
        ("storage", "create", "AssociateInstanceStorageConfig"),
        ("quota", "wait", "RequestServiceQuotaIncrease"),
        ("enterprise application", "create", "/instantiate"),
        ("signing certificate", "create", "/addTokenSigningCertificate"),
        ("SAML provider", "create", "CreateSAMLProvider"),
        ("IAM policy", "create", "CreatePolicy"),
        ("IAM role", "create", "CreateRole"),
        ("claims mapping policy", "create", "POST /v1.0/policies/claimsMappingPolicies"),
        ("assignment", "create", "/appRoleAssignedTo"),
        ("subscription", "create", "POST /v1.0/subscriptions"),
    ] {
        assert_eq!(
            count(plan, kind, action),
            done(operation),
            "planned {kind} (left) and calls {operation} (right) in {plan:#}"
        );
        assert_eq!(count(plan, kind, "leave"), usize::from(kind == "quota") * 3, "{kind} in {plan:#}");
    }
    let lines = |kind: &str| -> Vec<(String, String)> {
        let items = plan["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind);
        items.map(|item| (item["name"].as_str().unwrap().into(), item["action"].as_str().unwrap().into())).collect()
    };
    assert_eq!(lines("Connect users"), [("3 users".to_owned(), "create".to_owned())]);
    assert_eq!(done("CreateUser"), 3);
    assert_eq!(lines("phone numbers"), [("2 × US DID".to_owned(), "create".to_owned())]);
    assert_eq!(done("ClaimPhoneNumber"), 2);
}

#[tokio::test]
async fn an_onboarding_makes_the_planned_changes_and_a_later_plan_has_none() {
    let fixture = Fixture::enter().await;
    let before = fixture.seen().await;
    let plan = fixture.run("PlanStateMachineArn", &input()).await;
    assert_eq!(plan["status"], "PLANNED");
    assert_eq!(fixture.changes_since(before).await, BTreeMap::new(), "a plan only reads");

    let before = fixture.seen().await;
    fixture.run("OnboardingStateMachineArn", &input()).await;
    let done = fixture.changes_since(before).await;
    assert_same_changes(&plan, &done);
    let skipped = plan["openItems"]
        .as_array()
        .unwrap()
        .iter()
        .any(|item| item["subject"] == "member nobody+else@contoso.onmicrosoft.com");
    assert!(skipped, "{plan:#}");

    let before = fixture.seen().await;
    let plan = fixture.run("PlanStateMachineArn", &input()).await;
    let others: Vec<&Value> =
        plan["items"].as_array().unwrap().iter().filter(|item| item["action"] != "leave").collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(fixture.changes_since(before).await, BTreeMap::new());

    // The runtime identity's permission to read applications is optional.
    let denied = json!({ "service": "graph", "match": "GET /v1.0/servicePrincipals$", "status": 403, "code": "Authorization_RequestDenied" });
    fixture.cloud.fault(&denied).await;
    let plan = fixture.run("PlanStateMachineArn", &input()).await;
    let others: Vec<&Value> =
        plan["items"].as_array().unwrap().iter().filter(|item| item["action"] != "leave").collect();
    assert_eq!((others.len(), &others[0]["kind"]), (1, &json!("enterprise application")), "{others:#?}");
    assert!(others[0]["detail"].as_str().unwrap().contains("Application.Read.All"), "{others:#?}");

    let mut changed = input();
    changed["instance"]["inboundCalls"] = false.into();
    changed["iam"] = json!({ "sessionDuration": "PT8H" });
    changed["users"]["groups"].as_array_mut().unwrap().pop();
    let plan = fixture.run("PlanStateMachineArn", &changed).await;
    let changing: Vec<&str> = plan["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["action"] == "change")
        .map(|item| item["kind"].as_str().unwrap())
        .collect();
    // The user of the removed group is signed out and kept, and another user loses a security profile.
    let expected =
        ["instance attribute", "IAM role", "claims mapping policy", "registry entry", "Connect users", "Connect users"];
    assert_eq!(changing, expected, "{plan:#}");
}

#[tokio::test]
async fn a_plan_reports_ending_support_plans_and_rejects_a_mistyped_quota() {
    let fixture = Fixture::enter().await;
    let before = fixture.seen().await;
    let mut ordering = input();
    ordering["phoneNumbers"] = json!([{ "country": "JP", "type": "TOLL_FREE", "prefix": "+81120", "quantity": 1 }]);
    ordering["documents"] = json!({ "identity": "i.png", "address": "a.pdf", "relationship": "r.pdf" });
    let plan = fixture.run("PlanStateMachineArn", &ordering).await;
    let reported = plan["openItems"].as_array().unwrap().iter().any(|item| item["subject"] == "support plan");
    assert_eq!(reported, older_plans_end(OffsetDateTime::now_utc().date()).is_some(), "{plan:#}");

    let mut mistyped = input();
    mistyped["quotas"] = json!({ "L-12AB7C75": 20 });
    for machine in ["PlanStateMachineArn", "OnboardingStateMachineArn"] {
        let refused = fixture.cloud.end_of(&fixture.cloud.start(machine, &mistyped).await).await;
        assert_eq!(refused.status, "FAILED", "{machine}: {:#}", refused.output);
        assert_eq!(refused.output["Error"], "InvalidInput", "{machine}: {:#}", refused.output);
        assert!(refused.output["Cause"].as_str().unwrap().contains("did you mean L-12AB7C57"), "{:#}", refused.output);
    }
    assert_eq!(fixture.changes_since(before).await, BTreeMap::new());
}
