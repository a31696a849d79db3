//! Tests that the drift check finds manual changes, reports them in one notification, and reverts them if the input
//! allows it.

use std::collections::BTreeSet;

use super::{fixture::Fixture, teardown::torn_down};
use crate::cloud::{Mailbox, until};
use onboarding_core::names::NO_ACCESS_PROFILE;
use serde_json::{Value, json};
use test_support::member;

const ALIAS: &str = "drifting";
/// A member of the group that the tests use.
const LEAVER: &str = "75000000-0000-4000-8000-000000000005";

fn input() -> Value {
    json!({
        "instance": { "alias": ALIAS },
        "users": { "groups": [{ "group": "Night shift", "securityProfiles": ["Agent"] }] },
    })
}

fn places(report: &Value, which: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let findings =
        report["instances"].as_array().unwrap().iter().flat_map(|instance| instance["findings"].as_array().unwrap());
    findings.filter(|finding| which(finding)).map(|finding| finding["place"].as_str().unwrap().to_owned()).collect()
}

fn set(places: &[&str]) -> BTreeSet<String> {
    places.iter().map(|place| (*place).to_owned()).collect()
}

/// Changes settings of the instance, the role and the application manually.
async fn change_settings(fixture: &Fixture, id: &str, role: &str) {
    let path = format!("/instance/{id}/attribute/CONTACTFLOW_LOGS");
    fixture.cloud.rest("connect", "POST", &path, &json!({ "Value": "false" })).await;
    let wide = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::000000000000:root" }, "Action": "sts:AssumeRole",
    }] });
    fixture.iam("UpdateAssumeRolePolicy", &[("RoleName", role), ("PolicyDocument", &wide.to_string())]).await;
    let more =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
    let more = more.to_string();
    let inline = [("RoleName", role), ("PolicyName", "more"), ("PolicyDocument", more.as_str())];
    fixture.iam("PutRolePolicy", &inline).await;
    let application = fixture.application(ALIAS).await;
    let principal = application["id"].as_str().unwrap();
    let relay = json!({ "samlSingleSignOnSettings": { "relayState": "https://elsewhere.example" } });
    fixture.graph("PATCH", &format!("/servicePrincipals/{principal}"), &relay).await;
    let assignment = application["appRoleAssignedTo"][0]["id"].as_str().unwrap();
    fixture
        .graph("DELETE", &format!("/servicePrincipals/{principal}/appRoleAssignedTo/{assignment}"), &Value::Null)
        .await;

    let switched_off = json!({ "accountEnabled": false, "appRoleAssignmentRequired": false });
    fixture.graph("PATCH", &format!("/servicePrincipals/{principal}"), &switched_off).await;
    let app_id = application["appId"].as_str().unwrap();
    fixture.graph("PATCH", &format!("/applications(appId='{app_id}')"), &json!({ "isDisabled": true })).await;
}

#[tokio::test]
async fn manual_changes_are_found_notified_once_and_reverted_on_request() {
    let fixture = Fixture::enter().await;
    fixture.run("OnboardingStateMachineArn", &input()).await;
    let instance = fixture.instance(ALIAS).await;
    let id = instance["Id"].as_str().unwrap();
    let only = json!({ "instanceId": id });
    let report = fixture.run("DriftStateMachineArn", &only).await;
    assert_eq!(report["instances"][0]["findings"], json!([]), "nothing was changed yet");
    let denied = json!({ "service": "graph", "match": "GET /v1.0/servicePrincipals/", "status": 403, "code": "Authorization_RequestDenied" });
    fixture.cloud.fault(&denied).await;
    let report = fixture.run("DriftStateMachineArn", &only).await;
    assert_eq!(places(&report, |finding| finding["mendable"] == false), set(&[&format!("Entra {ALIAS}")]));
    assert!(report.to_string().contains("Application.Read.All"), "{report:#}");

    let mailbox = Mailbox::open(&fixture, "drift-mailbox").await;
    let subjects = async || mailbox.all().await.into_iter().map(|mail| mail.subject).collect::<Vec<_>>();
    let role = format!("AmazonConnect-{ALIAS}");
    change_settings(&fixture, id, &role).await;

    let switches = ["application enabled", "application activated", "user assignment required"];
    let switches = switches.map(|name| format!("enterprise application Amazon Connect {ALIAS}: {name}"));
    let mendable = set(&[
        &switches[0],
        &switches[1],
        &switches[2],
        "instance attribute CONTACTFLOW_LOGS: value",
        &format!("IAM role {role}: trust policy"),
        &format!("enterprise application Amazon Connect {ALIAS}: relay state"),
        "assignment group Night shift",
    ]);
    let guarded = set(&[&format!("IAM role {role}: inline policies of the role")]);
    let before = fixture.seen().await;
    let report = fixture.run("DriftStateMachineArn", &only).await;
    assert_eq!(places(&report, |_| true), mendable.union(&guarded).cloned().collect(), "{report:#}");
    assert_eq!(places(&report, |finding| finding["mendable"] == true), mendable);
    let security = set(&[
        &switches[2],
        &format!("IAM role {role}: trust policy"),
        &format!("IAM role {role}: inline policies of the role"),
    ]);
    assert_eq!(places(&report, |finding| finding["security"] == true), security);
    assert_eq!(places(&report, |finding| finding["mended"] == true), BTreeSet::new());
    assert!(fixture.changes_since(before).await.is_empty(), "a drift check without remediation changes nothing");
    let subject = format!("Amazon Connect {ALIAS}: SECURITY settings were changed manually");
    assert_eq!(subjects().await, std::slice::from_ref(&subject));
    fixture.run("DriftStateMachineArn", &only).await;
    assert_eq!(subjects().await, Vec::<String>::new(), "the same findings are notified once");

    let report = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    assert_eq!(places(&report, |finding| finding["mended"] == true), mendable, "{report:#}");
    assert_eq!(places(&report, |finding| finding["mended"] == false), guarded);
    assert_eq!(subjects().await, [subject], "the result of the remediation is notified");
    fixture.iam("DeleteRolePolicy", &[("RoleName", &role), ("PolicyName", "more")]).await;
    let report = fixture.run("DriftStateMachineArn", &json!({})).await;
    // The check of all instances includes those of other tests, some of which leave drift.
    let own = report["instances"].as_array().unwrap().iter().find(|instance| instance["alias"] == ALIAS).unwrap();
    assert_eq!(own["findings"], json!([]), "{report:#}");
    assert!(subjects().await.iter().all(|subject| !subject.contains(&format!(" {ALIAS}:"))));
}

fn leaver() -> Value {
    member(LEAVER, "agent5@contoso.onmicrosoft.com", "Agent 5")
}

/// Syncs until the member has only this security profile.
async fn until_profile(fixture: &Fixture, alias: &str, profile: &str) {
    let id = fixture.instance(alias).await["Id"].clone();
    fixture.run("UserSyncStateMachineArn", &json!({ "instanceId": id })).await;
    until(&format!("the member has the profile {profile}"), async || {
        let users = fixture.instance(alias).await["users"].as_array().unwrap().clone();
        let user = users.iter().find(|user| user["Tags"]["entra-object-id"] == LEAVER)?;
        (user["SecurityProfiles"] == json!([profile])).then_some(())
    })
    .await;
}

/// The security profile of users who left but are kept, and the permissions of this profile.
async fn no_access(fixture: &Fixture, id: &str) -> (Value, Value) {
    let path = format!("/security-profiles-summary/{id}?maxResults=1000");
    let all = fixture.cloud.rest("connect", "GET", &path, &Value::Null).await;
    let profiles = all["SecurityProfileSummaryList"].as_array().unwrap();
    let found = profiles.iter().find(|profile| profile["Name"] == NO_ACCESS_PROFILE).unwrap().clone();
    let path = format!("/security-profiles-permissions/{id}/{}", found["Id"].as_str().unwrap());
    let permissions = fixture.cloud.rest("connect", "GET", &path, &Value::Null).await;
    (found, permissions["Permissions"].clone())
}

#[tokio::test]
async fn permissions_added_to_the_profile_of_users_who_left_are_found_and_reverted() {
    let fixture = Fixture::enter().await;
    // With "keep", the profile is used only for users whom Entra still allows to sign in.
    for (alias, action) in [("drifting-strip", "strip"), ("drifting-keep", "keep")] {
        let mut input = input();
        input["instance"]["alias"] = json!(alias);
        input["users"]["removed"] = json!({ "action": action });
        fixture.run("OnboardingStateMachineArn", &input).await;
        let id = fixture.instance(alias).await["Id"].as_str().unwrap().to_owned();
        let only = json!({ "instanceId": id });
        let report = fixture.run("DriftStateMachineArn", &only).await;
        assert_eq!(places(&report, |_| true), BTreeSet::new(), "{report:#}");
        if action == "keep" {
            let principal = fixture.application(alias).await["id"].as_str().unwrap().to_owned();
            let off = json!({ "appRoleAssignmentRequired": false });
            fixture.graph("PATCH", &format!("/servicePrincipals/{principal}"), &off).await;
        }
        fixture.cloud.remove_member("Night shift", LEAVER).await;
        until_profile(&fixture, alias, NO_ACCESS_PROFILE).await;
        let (profile, permissions) = no_access(&fixture, &id).await;
        assert_eq!(permissions, json!([]));

        let path = format!("/security-profiles/{id}/{}", profile["Id"].as_str().unwrap());
        fixture.cloud.rest("connect", "POST", &path, &json!({ "Permissions": ["Users.Edit"] })).await;
        let place = format!("security profile {NO_ACCESS_PROFILE}: permissions of users who left");
        let report = fixture.run("DriftStateMachineArn", &only).await;
        let of_profile = |finding: &Value| finding["place"].as_str().unwrap().starts_with("security profile");
        let found = |which: &str| places(&report, |finding| of_profile(finding) && finding[which] == true);
        assert_eq!((found("security"), found("mendable")), (set(&[&place]), set(&[&place])), "{report:#}");
        let report = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
        assert_eq!(places(&report, |finding| of_profile(finding) && finding["mended"] == true), set(&[&place]));
        assert_eq!(no_access(&fixture, &id).await.1, json!([]));

        // Without its tags, the profile could belong to another owner. The drift check therefore only reports the
        // profile and gives advice.
        let arn = profile["Arn"].as_str().unwrap().replace(':', "%3A").replace('/', "%2F");
        let tags = format!("/tags/{arn}?tagKeys=managed-by");
        fixture.cloud.rest("connect", "DELETE", &tags, &Value::Null).await;
        let report = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
        let tags = format!("security profile {NO_ACCESS_PROFILE}: tags");
        assert_eq!(places(&report, of_profile), set(&[&tags]), "{report:#}");
        let text = report.to_string();
        assert!(text.contains("restore its tags") && text.contains(&format!("onboard sync {alias}")), "{report:#}");
        fixture.cloud.add_member("Night shift", &leaver()).await;
        until_profile(&fixture, alias, "Agent").await;
    }
}

#[tokio::test]
async fn a_finding_that_can_not_be_reverted_names_the_command_to_run_and_causes_no_retries() {
    let fixture = Fixture::enter().await;
    let alias = "without-application";
    let mut input = input();
    input["instance"]["alias"] = json!(alias);
    fixture.run("OnboardingStateMachineArn", &input).await;
    let instance = fixture.instance(alias).await;
    let id = instance["Id"].as_str().unwrap();

    // The drift check and the sign-in check also report settings that only Microsoft can change.
    let retired = json!({
        "service": "graph", "match": "GET /v1.0/applicationTemplates/[^/]+$", "status": 404, "code": "Request_ResourceNotFound",
    });
    for (machine, input) in
        [("DriftStateMachineArn", json!({ "instanceId": id })), ("OnboardingStateMachineArn", input)]
    {
        fixture.cloud.fault(&retired).await;
        let report = fixture.run(machine, &input).await;
        assert!(report.to_string().contains("no longer offered"), "{machine}: {report:#}");
    }

    let application = fixture.application(alias).await;
    let app_id = application["appId"].as_str().unwrap();
    fixture.graph("DELETE", &format!("/applications(appId='{app_id}')"), &Value::Null).await;
    let path = format!("/instance/{id}/attribute/CONTACTFLOW_LOGS");
    fixture.cloud.rest("connect", "POST", &path, &json!({ "Value": "false" })).await;

    let before = fixture.seen().await;
    let drift = fixture.cloud.start("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    let report = fixture.cloud.end_of(&drift).await.output;
    for state in ["ConfigureEntraSignOn", "ConfigureEntraClaims", "AssignGroups"] {
        assert_eq!(
            fixture.cloud.entered(&drift, state).await,
            0,
            "{state} must not run, because it would retry for minutes"
        );
    }
    let findings = report["instances"][0]["findings"].as_array().unwrap();
    let of =
        |place: &str| findings.iter().find(|finding| finding["place"].as_str().unwrap().starts_with(place)).unwrap();
    let gone = of("enterprise application");
    assert_eq!((&gone["mendable"], &gone["mended"]), (&json!(false), &json!(false)), "{report:#}");
    assert!(gone["advice"].as_str().unwrap().contains("onboard start"), "{gone:#}");
    assert_eq!(of("instance attribute")["mended"], json!(true), "the other finding is reverted: {report:#}");
    let changes = fixture.changes_since(before).await;
    assert!(
        !changes.keys().any(|call| call.contains("/servicePrincipals") || call.contains("/applications")),
        "{changes:?}"
    );
    // Removes the instance, so that later tests find an empty account.
    torn_down(&fixture, id, alias, &json!({ "instance": "delete" })).await;
}
