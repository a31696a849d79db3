//! Tests an application that an administrator created before the onboarding, with assignments of single users.

use super::{
    fixture::{Fixture, agent},
    teardown::torn_down,
};
use crate::cloud::until;
use onboarding_core::names;
use serde_json::{Value, json};

const ALIAS: &str = "shared-app";
const APPLICATION: &str = "Shared application";
const GROUP: &str = "Night shift";

fn input() -> Value {
    json!({
        "instance": { "alias": ALIAS },
        "entra": { "applicationName": APPLICATION, "assignment": "users" },
        "users": { "groups": [{ "group": GROUP, "securityProfiles": ["Agent"] }] },
    })
}

/// The object IDs of the assigned users, sorted.
async fn assigned(fixture: &Fixture, principal: &str) -> Vec<String> {
    let path = format!("/servicePrincipals/{principal}/appRoleAssignedTo");
    let listed = fixture.cloud.graph("GET", &path, &Value::Null).await;
    let ids = listed["value"].as_array().unwrap().iter().map(|one| one["principalId"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

/// Creates the application from the gallery. Returns the id of the service principal.
async fn made_by_hand(fixture: &Fixture) -> String {
    let path = format!("/applicationTemplates/{}/instantiate", names::GALLERY_APPLICATION_ID);
    let made = fixture.cloud.graph("POST", &path, &json!({ "displayName": APPLICATION })).await;
    let filter = "/servicePrincipals?$filter=displayName%20eq%20%27Shared%20application%27";
    until("Entra finds the application", async || {
        let found = fixture.cloud.graph("GET", filter, &Value::Null).await;
        (!found["value"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    made["servicePrincipal"]["id"].as_str().unwrap_or_else(|| panic!("{made:#}")).to_owned()
}

/// Assigns a user as an administrator does.
async fn assign(fixture: &Fixture, principal: &str, user: &Value) {
    let path = format!("/servicePrincipals/{principal}");
    let found = fixture.cloud.graph("GET", &path, &Value::Null).await;
    let role = found["appRoles"].as_array().unwrap().iter().find(|role| role["isEnabled"] == true).unwrap();
    let body = json!({ "principalId": user["id"], "resourceId": principal, "appRoleId": role["id"] });
    fixture.cloud.graph("POST", &format!("{path}/appRoleAssignedTo"), &body).await;
}

#[tokio::test]
async fn a_teardown_removes_the_users_that_onboarding_and_sync_assigned_and_keeps_those_of_an_administrator() {
    let fixture = Fixture::enter().await;
    let (by_hand, members, joiner) = (agent(1), [agent(5), agent(6)], agent(30));
    let ids = |users: &[&Value]| users.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let principal = made_by_hand(&fixture).await;
    fixture.run("OnboardingStateMachineArn", &input()).await;
    assert_eq!(assigned(&fixture, &principal).await, ids(&[&members[0], &members[1]]));
    assign(&fixture, &principal, &by_hand).await;

    let id = fixture.instance(ALIAS).await["Id"].as_str().unwrap().to_owned();
    fixture.cloud.add_member(GROUP, &joiner).await;
    until("a sync has assigned the joiner", async || {
        fixture.run("UserSyncStateMachineArn", &json!({ "instanceId": id })).await;
        assigned(&fixture, &principal).await.contains(&ids(&[&joiner])[0]).then_some(())
    })
    .await;
    // The notification about the joiner starts a sync too, which must not change users while the teardown is planned.
    fixture.cloud.until_queues_are_empty().await;
    for (execution, input) in fixture.cloud.executions("UserSyncStateMachineArn").await {
        if input["instanceId"] == id {
            fixture.cloud.end_of(&execution).await;
        }
    }

    let (plan, end) = torn_down(&fixture, &id, ALIAS, &json!({ "instance": "delete" })).await;
    let items = plan["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "assignments");
    let items: Vec<[&str; 2]> = items.map(|item| ["action", "detail"].map(|key| item[key].as_str().unwrap())).collect();
    let kept = "1 groups or users; they may have been assigned before this onboarding";
    assert_eq!(items, [["delete", "3 groups or users"], ["leave", kept]]);
    assert_eq!(assigned(&fixture, &principal).await, ids(&[&by_hand]));
    let open = end["openItems"].as_array().unwrap().iter();
    let open = open.filter(|item| item["what"].as_str().unwrap().starts_with("1 groups or users remain assigned"));
    assert_eq!(open.count(), 1, "{end:#}");
    fixture.cloud.remove_member(GROUP, joiner["id"].as_str().unwrap()).await;
}
