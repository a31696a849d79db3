//! Tests that a leaver can't sign in, whatever the settings are. The test runs complete onboardings with every
//! combination of assignment, removal action, nested groups and the switch "Assignment required". Members, guests and
//! members of nested groups sign in and leave, and a sync runs. Then the simulated sign-in must reject each leaver, and
//! the leaver's earlier session must have ended.

use serde_json::{Value, json};
use test_support::{member, with};

use super::cloud::Cloud;

const AGENTS: &str = "66000000-0000-4000-8000-000000000001";
const INNER: &str = "66000000-0000-4000-8000-000000000002";
const STAYS: u32 = 1;
const LEAVER: u32 = 2;
const GUEST: u32 = 3;
const NESTED: u32 = 4;
const JOINER: u32 = 5;

/// One combination of settings.
#[derive(Clone, Copy, Debug)]
struct Combination {
    assignment: &'static str,
    action: &'static str,
    nested: &'static str,
    /// Whether the application still requires an assignment when the members leave.
    required: bool,
}

fn combinations() -> Vec<Combination> {
    let mut all = Vec::new();
    for (assignment, nested) in [("groups", "report"), ("users", "report"), ("users", "flatten")] {
        for action in ["keep", "strip", "delete"] {
            for required in [true, false] {
                all.push(Combination { assignment, action, nested, required });
            }
        }
    }
    all
}

fn id(number: u32) -> String {
    format!("99000000-0000-4000-8000-{number:012}")
}

fn account(number: u32) -> Value {
    let kind = if number == GUEST { "Guest" } else { "Member" };
    let name = format!("person{number}@contoso.example");
    with(member(&id(number), &name, &format!("Person {number}")), &json!({ "accountEnabled": true, "userType": kind }))
}

impl Combination {
    /// The members who leave. A member of a nested group has a Connect user only if nested groups are flattened.
    fn leavers(self) -> Vec<u32> {
        if self.nested == "flatten" { vec![LEAVER, GUEST, NESTED] } else { vec![LEAVER, GUEST] }
    }

    fn input(self, number: usize) -> Value {
        let removed = match self.action {
            "delete" => json!({ "action": "delete", "graceDays": if self.required { 7 } else { 0 } }),
            action => json!({ "action": action }),
        };
        json!({
            "instance": { "alias": format!("leavers-{number}") },
            "quotas": {},
            "entra": { "assignment": self.assignment },
            "users": {
                "username": "objectId", "guests": true, "nestedGroups": self.nested, "removed": removed,
                "brake": { "maxRemovals": 100, "maxRemovalsPercent": 100 },
                "groups": [{ "group": "Agents", "securityProfiles": ["Agent"] }],
            },
        })
    }
}

/// Signs in, or continues the session. Returns whether the user is signed in, and the session.
async fn enter(cloud: &Cloud, report: &Value, number: u32, session: Option<&str>) -> (bool, Value) {
    let application = report["signOn"]["application"]["appId"].as_str().unwrap();
    let body = json!({ "application": application, "user": id(number), "session": session });
    let outcome = cloud.admin("POST", "sign-in", &body).await;
    (outcome["signedIn"] == true, outcome)
}

/// The app role assignments of the application.
async fn assignments(cloud: &Cloud, report: &Value) -> Vec<Value> {
    let principal = report["signOn"]["application"]["servicePrincipalId"].as_str().unwrap();
    let found = cloud.graph("GET", &format!("/servicePrincipals/{principal}/appRoleAssignedTo"), &Value::Null).await;
    found["value"].as_array().unwrap().clone()
}

/// Runs a scheduled sync of each instance. A sync that an event started may be running.
async fn sync(cloud: &Cloud, reports: &[Value]) {
    const MACHINE: &str = "UserSyncStateMachineArn";
    let mut waiting: Vec<&Value> = reports.iter().map(|report| &report["instance"]["instanceId"]).collect();
    while !waiting.is_empty() {
        let mut syncs = Vec::new();
        for id in waiting {
            syncs.push((id, cloud.start(MACHINE, &json!({ "instanceId": id, "reason": "schedule" })).await));
        }
        waiting = Vec::new();
        for (id, sync) in syncs {
            let output = cloud.end_of(&sync).await.succeeded();
            if output["status"] == "BUSY" {
                waiting.push(id);
            } else {
                assert_eq!(output["status"], "DONE", "{output}");
            }
        }
        // Starting another sync now would request another pass of the running sync, so that the running sync would take
        // even longer.
        for running in cloud.execution_arns(MACHINE, Some("RUNNING")).await {
            cloud.end_of(&running).await;
        }
    }
}

#[tokio::test]
async fn a_leaver_never_gets_in_whatever_the_settings_are() {
    let group = |id: &str, name: &str, members: Vec<Value>| json!({ "id": id, "displayName": name, "securityEnabled": true, "members": members });
    let inner = json!({ "@odata.type": "#microsoft.graph.group", "id": INNER, "displayName": "Inner" });
    let cloud = Cloud::idle(&json!({ "groups": [
        group(INNER, "Inner", vec![account(NESTED)]),
        group(AGENTS, "Agents", vec![account(STAYS), account(LEAVER), account(GUEST), inner]),
    ] }));
    let all = combinations();
    cloud.allow_instances(2 * all.len()).await;
    let mut executions = Vec::new();
    for (number, combination) in all.iter().enumerate() {
        executions.push(cloud.start("OnboardingStateMachineArn", &combination.input(number)).await);
    }
    let mut reports = Vec::new();
    for execution in executions {
        reports.push(cloud.end_of(&execution).await.succeeded());
    }

    // The following scheduled syncs may be incremental.
    sync(&cloud, &reports).await;
    let mut sessions = Vec::new();
    for (combination, report) in all.iter().zip(&reports) {
        for leaver in combination.leavers() {
            let (signed_in, outcome) = enter(&cloud, report, leaver, None).await;
            assert!(signed_in, "{combination:?}: {leaver} before leaving: {outcome}");
            sessions.push(outcome["session"].as_str().unwrap().to_owned());
        }
        if !combination.required {
            let principal = report["signOn"]["application"]["servicePrincipalId"].as_str().unwrap();
            let off = json!({ "appRoleAssignmentRequired": false });
            cloud.graph("PATCH", &format!("/servicePrincipals/{principal}"), &off).await;
        }
    }
    for (group, leaver) in [("Agents", LEAVER), ("Agents", GUEST), ("Inner", NESTED)] {
        cloud.remove_member(group, &id(leaver)).await;
    }
    cloud.add_member("Agents", &account(JOINER)).await;
    cloud.admin("POST", "clock", &json!({ "advanceSeconds": 120 })).await;
    for (_, report) in all.iter().zip(&reports).filter(|(combination, _)| combination.assignment == "users") {
        // The removal of the assignment fails at first. The number of failures exceeds the retries of one call, but not
        // the attempts of the sync.
        let assignments = assignments(&cloud, report).await;
        let assignment = assignments.iter().find(|one| one["principalId"] == id(LEAVER)).unwrap();
        let request = format!("^DELETE .*/appRoleAssignedTo/{}$", assignment["id"].as_str().unwrap());
        cloud.fault(&json!({ "service": "graph", "match": request, "status": 503, "times": 10 })).await;
    }
    sync(&cloud, &reports).await;

    let mut before = sessions.iter();
    for (combination, report) in all.iter().zip(&reports) {
        for leaver in combination.leavers() {
            let (signed_in, outcome) = enter(&cloud, report, leaver, None).await;
            assert!(!signed_in, "{combination:?}: {leaver} can sign in: {outcome}");
            let (continues, outcome) = enter(&cloud, report, leaver, Some(before.next().unwrap())).await;
            assert!(!continues, "{combination:?}: the session of {leaver} continues: {outcome}");
        }
        if combination.assignment == "users" {
            let assignments = assignments(&cloud, report).await;
            let assigned = |number: u32| assignments.iter().any(|one| one["principalId"] == id(number));
            assert!(assigned(STAYS) && assigned(JOINER), "{combination:?}: {assignments:?}");
            let left: Vec<u32> = combination.leavers().into_iter().filter(|&leaver| assigned(leaver)).collect();
            assert!(left.is_empty(), "{combination:?}: still assigned: {left:?}");
        }
        for member in [STAYS, JOINER] {
            let (signed_in, outcome) = enter(&cloud, report, member, None).await;
            assert!(signed_in, "{combination:?}: the member {member} can't sign in: {outcome}");
        }
    }
    assert_eq!(cloud.admin("GET", "violations", &Value::Null).await, json!([]));
}
