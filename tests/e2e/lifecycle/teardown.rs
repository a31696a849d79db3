//! Tests that teardowns are planned, approved, applied, and resumed after a failure.

use super::fixture::Fixture;
use serde_json::{Value, json};
use test_support::with;

pub(super) const MACHINE: &str = "TeardownStateMachineArn";

fn input(alias: &str, group: &str) -> Value {
    json!({
        "instance": { "alias": alias },
        "phoneNumbers": [{ "country": "US", "type": "DID" }],
        "users": { "groups": [{ "group": group, "securityProfiles": ["Agent"] }] },
    })
}

/// Onboards an instance. Returns its id.
async fn onboarded(fixture: &Fixture, alias: &str, group: &str) -> String {
    fixture.run("OnboardingStateMachineArn", &input(alias, group)).await;
    fixture.instance(alias).await["Id"].as_str().unwrap().to_owned()
}

/// Plans and applies a teardown. Returns the plan and the result.
pub(super) async fn torn_down(fixture: &Fixture, id: &str, alias: &str, options: &Value) -> (Value, Value) {
    let request = with(json!({ "instanceId": id }), options);
    let before = fixture.seen().await;
    let plan = fixture.run(MACHINE, &request).await;
    assert_eq!(plan["status"], "PLANNED");
    assert!(fixture.changes_since(before).await.is_empty(), "a plan changes nothing");
    (plan.clone(), fixture.run(MACHINE, &apply(request, alias, &plan["digest"])).await)
}

fn apply(request: Value, alias: &str, digest: &Value) -> Value {
    with(request, &json!({ "mode": "apply", "confirmAlias": alias, "approvedDigest": digest }))
}

/// All places in an inventory that contain the alias.
fn traces(inventory: &Value, alias: &str) -> Vec<String> {
    fn walk(value: &Value, alias: &str, place: &str, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, alias, place, found)),
            Value::Object(fields) => {
                fields.iter().for_each(|(key, item)| walk(item, alias, &format!("{place}.{key}"), found));
            }
            Value::String(text) if text.contains(alias) => found.push(format!("{place} {text}")),
            _ => {}
        }
    }
    let mut found = Vec::new();
    // Quota requests and support cases can't be deleted from AWS, so only the other parts of the inventory are
    // searched.
    for part in ["graph", "iam", "connect"] {
        walk(&inventory[part], alias, part, &mut found);
    }
    found
}

fn actions(plan: &Value) -> Vec<String> {
    let word = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let items = plan["items"].as_array().unwrap().iter();
    items.map(|item| format!("{} {}", word(item, "action"), word(item, "kind"))).collect()
}

/// A teardown needs the alias of the instance and an approved plan.
async fn rejected_without_alias_and_plan(fixture: &Fixture, id: &str, alias: &str) {
    let refused = json!({ "instanceId": id, "mode": "apply", "instance": "delete", "confirmAlias": "staying" });
    let execution = fixture.cloud.start(MACHINE, &refused).await;
    let ended = fixture.cloud.end_of(&execution).await;
    assert_eq!(
        (ended.status.as_str(), &ended.output["Error"]),
        ("FAILED", &json!("InvalidInput")),
        "{:#}",
        ended.output
    );
    let unseen = json!({ "instanceId": id, "mode": "apply", "confirmAlias": alias, "instance": "delete" });
    let before = fixture.seen().await;
    assert_eq!(fixture.run(MACHINE, &unseen).await["status"], "PLANNED", "a teardown needs an approved plan");
    assert!(fixture.changes_since(before).await.is_empty());
}

#[tokio::test]
async fn a_teardown_removes_all_own_resources_and_no_others() {
    let fixture = Fixture::enter().await;
    let (leaving, neighbour) = ("leaving", "staying");
    let id = onboarded(&fixture, leaving, "Day shift").await;
    let other = onboarded(&fixture, neighbour, "Day shift").await;
    let before_teardown = traces(&fixture.inventory().await, neighbour);

    rejected_without_alias_and_plan(&fixture, &id, leaving).await;
    let items = [id.clone(), format!("delta#{id}")];
    for item in &items {
        assert!(fixture.cloud.has_item(item).await, "{item}");
    }
    let (plan, end) = torn_down(&fixture, &id, leaving, &json!({ "instance": "delete" })).await;
    assert_eq!(
        actions(&plan),
        [
            "leave subscription",
            "delete Connect users",
            "delete IAM role",
            "delete IAM policy",
            "delete SAML provider",
            "delete enterprise application",
            "delete claims mapping policy",
            "release phone number",
            "delete Amazon Connect instance",
            "delete registry entry",
        ]
    );
    assert_eq!((&end["status"], &end["items"], &end["digest"]), (&json!("DONE"), &plan["items"], &plan["digest"]));
    for item in &items {
        assert!(!fixture.cloud.has_item(item).await, "{item}");
    }
    let inventory = fixture.inventory().await;
    assert_eq!(traces(&inventory, leaving), Vec::<String>::new());
    assert_eq!(traces(&inventory, neighbour), before_teardown);
    let users = fixture.instance(neighbour).await["users"].as_array().unwrap().len();
    assert_eq!(users, 5);

    // The alias can be onboarded again with the same names.
    let id = onboarded(&fixture, leaving, "Day shift").await;
    let options = json!({ "users": "delete", "application": "empty" });
    let (plan, _) = torn_down(&fixture, &id, leaving, &options).await;
    assert!(actions(&plan).contains(&"empty enterprise application".to_owned()), "{plan:#}");
    let instance = fixture.instance(leaving).await;
    assert_eq!(instance["users"], json!([]), "the instance is kept, its users are deleted");
    assert_eq!(instance["phoneNumbers"].as_array().unwrap().len(), 1);
    let application = fixture.application(leaving).await;
    assert_eq!(
        (&application["appRoleAssignedTo"], &application["claimsMappingPolicies"]),
        (&json!([]), &json!([])),
        "the application is kept without assignments"
    );
    assert!(!application["tags"].to_string().contains("connect-onboarding"), "{}", application["tags"]);
    // Removes the other instance, so that later tests find an empty account.
    torn_down(&fixture, &other, neighbour, &json!({ "instance": "delete" })).await;
}

#[tokio::test]
async fn a_failed_teardown_resumes_and_no_sync_recreates_users_meanwhile() {
    let fixture = Fixture::enter().await;
    let alias = "broken-off";
    let id = onboarded(&fixture, alias, "Day shift").await;
    let request = json!({ "instanceId": id, "users": "delete" });
    let plan = fixture.run(MACHINE, &request).await;
    let apply = apply(request, alias, &plan["digest"]);
    let rule = json!([{ "service": "graph", "match": "DELETE .*/applications/", "status": 403, "code": "Authorization_RequestDenied", "times": 9 }]);
    fixture.cloud.fault(&rule).await;
    let execution = fixture.cloud.start(MACHINE, &apply).await;
    assert_eq!(fixture.cloud.end_of(&execution).await.status, "FAILED");
    assert_eq!(fixture.instance(alias).await["users"], json!([]));

    let sync = fixture.run("UserSyncStateMachineArn", &json!({ "instanceId": id })).await;
    assert_eq!(sync["status"], "BUSY");
    assert_eq!(fixture.instance(alias).await["users"], json!([]), "a sync during the teardown must not create users");
    // Repeats the teardown until the fault rule is used up.
    let mut end = Value::Null;
    for _ in 0..3 {
        let execution = fixture.cloud.start(MACHINE, &apply).await;
        let ended = fixture.cloud.end_of(&execution).await;
        if ended.status == "SUCCEEDED" {
            end = ended.output;
            break;
        }
    }
    assert_eq!((&end["status"], &end["digest"]), (&json!("DONE"), &plan["digest"]));
    let left = traces(&fixture.inventory().await, alias);
    assert!(left.iter().all(|trace| trace.starts_with("connect")), "{left:#?}");
}

#[tokio::test]
async fn an_onboarding_that_failed_before_registration_can_be_torn_down() {
    let fixture = Fixture::enter().await;
    let (alias, application) = ("half-way", "half-way by another name");
    let mut input = input(alias, "Day shift");
    input["iam"] = json!({ "samlProviderName": "half-way-provider", "policyName": "half-way-policy", "roleName": "half-way-role" });
    input["entra"] = json!({ "applicationName": application });
    let rule = json!({ "caller": "-AssignGroupsFunction-", "service": "graph", "match": "POST .*/appRoleAssignedTo", "status": 403, "times": 3 });
    fixture.cloud.fault(&rule).await;
    let execution = fixture.cloud.start("OnboardingStateMachineArn", &input).await;
    assert_eq!(fixture.cloud.end_of(&execution).await.status, "FAILED");
    let id = fixture.instance(alias).await["Id"].as_str().unwrap().to_owned();
    let synced = fixture.run("DriftStateMachineArn", &json!({})).await.to_string();
    assert!(!synced.contains(&id), "the schedule does not sync the instance: {synced}");

    let (plan, end) = torn_down(&fixture, &id, alias, &json!({ "instance": "delete" })).await;
    let planned = actions(&plan);
    for action in [
        "delete IAM role",
        "delete IAM policy",
        "delete SAML provider",
        "delete enterprise application",
        "delete claims mapping policy",
        "delete Amazon Connect instance",
    ] {
        assert!(planned.contains(&action.to_owned()), "{action} is not in {planned:?}");
    }
    assert_eq!(end["status"], "DONE");
    assert_eq!(traces(&fixture.inventory().await, alias), Vec::<String>::new());

    let execution = fixture.cloud.start(MACHINE, &json!({ "instanceId": id })).await;
    let refused = fixture.cloud.end_of(&execution).await;
    assert_eq!(refused.output["Error"], "InvalidInput", "no resource is left to tear down: {:#}", refused.output);
}

#[tokio::test]
async fn an_adopted_application_is_emptied_and_an_undeletable_one_becomes_an_open_item() {
    let fixture = Fixture::enter().await;
    let alias = "adopting";
    let name = json!({ "displayName": format!("Amazon Connect {alias}") });
    let template = "/applicationTemplates/8b1025e4-1dd2-430b-a150-2ef79cd700f5/instantiate";
    let made = fixture.graph("POST", template, &name).await;
    let app_id = made["application"]["appId"].as_str().unwrap();
    let by_list = format!("/servicePrincipals?$filter=displayName eq 'Amazon Connect {alias}'");
    while fixture.graph("GET", &by_list, &Value::Null).await["value"] == json!([]) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let id = onboarded(&fixture, alias, "Day shift").await;
    assert_eq!(fixture.application(alias).await["appId"], json!(app_id), "the application was adopted");
    let (plan, end) = torn_down(&fixture, &id, alias, &json!({ "instance": "delete" })).await;
    assert!(actions(&plan).contains(&"empty enterprise application".to_owned()), "{plan:#}");
    let left = fixture.application(alias).await;
    assert_eq!((&left["appId"], &left["appRoleAssignedTo"]), (&json!(app_id), &json!([])));
    assert!(!left["tags"].to_string().contains("connect-onboarding"), "{}", left["tags"]);
    let registration = fixture.graph("GET", &format!("/applications(appId='{app_id}')"), &Value::Null).await;
    assert!(!registration["identifierUris"].as_array().unwrap().is_empty(), "the application keeps its identifier");
    assert!(end["openItems"].to_string().contains("existed before"), "{end:#}");

    let alias = "undeletable";
    let id = onboarded(&fixture, alias, "Day shift").await;
    let rule = json!([{ "service": "graph", "match": "DELETE .*/applications/[^/]+$", "times": 2, "status": 400,
        "code": "DeletingSamlSpNotAllowed", "message": "Property appId is invalid." }]);
    fixture.cloud.fault(&rule).await;
    let (_, end) = torn_down(&fixture, &id, alias, &json!({ "instance": "delete" })).await;
    assert_eq!(end["status"], "DONE");
    assert!(end["openItems"].to_string().contains("DeletingSamlSpNotAllowed"), "{end:#}");
    let inventory = fixture.inventory().await;
    let left = traces(&inventory, alias);
    assert!(left.iter().all(|trace| trace.starts_with("graph")), "{left:#?}");
}

#[tokio::test]
async fn a_teardown_survives_functions_killed_before_and_after_each_call() {
    let fixture = Fixture::enter().await;
    for when in ["before", "after"] {
        let alias = format!("dying-{when}");
        let id = onboarded(&fixture, &alias, "Day shift").await;
        let rules: Vec<Value> = [
            ("graph", "^DELETE .*/subscriptions/"),
            ("connect", "DeleteUser"),
            ("iam", "DetachRolePolicy"),
            ("iam", "DeleteRole$"),
            ("iam", "DeletePolicy$"),
            ("iam", "DeleteSAMLProvider"),
            ("graph", "^DELETE .*/claimsMappingPolicies/.*/\\$ref"),
            ("graph", "^PATCH .*/applications/"),
            ("graph", "^DELETE .*/applications/"),
            ("graph", "^DELETE .*/policies/claimsMappingPolicies/"),
        ]
        .iter()
        .map(|(service, operation)| json!({ "service": service, "match": operation, "kill": when }))
        .collect();
        fixture.fault(&json!(rules)).await;
        torn_down(&fixture, &id, &alias, &json!({ "users": "delete" })).await;
        let left = traces(&fixture.inventory().await, &alias);
        assert!(left.iter().all(|trace| trace.starts_with("connect")), "{when}: {left:#?}");
        assert_eq!(fixture.instance(&alias).await["users"], json!([]), "{when}");
        // Every fault rule was applied.
        let calls = fixture.cloud.admin("GET", "calls", &Value::Null).await;
        let died = calls.as_array().unwrap().iter().filter(|call| call["status"] == 499).count();
        assert!(died >= rules.len(), "only {died} calls killed a function");
    }
}
