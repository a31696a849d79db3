//! Makes test sign-ins after complete onboardings, for each kind of username and assignment, and for accounts that must
//! be rejected.

use serde_json::{Value, json};
use test_support::{member, with};

use super::cloud::Cloud;

const REN: &str = "Ren.Sato@contoso.example";
const YUI: &str = "yui.tanaka@contoso.example";
const GONE: &str = "gone@contoso.example";
const UNASSIGNED: &str = "unassigned@contoso.example";

fn account(number: u32, username: &str, enabled: bool) -> Value {
    let more = json!({ "mail": format!("desk{number}@mail.example"), "accountEnabled": enabled });
    with(member(&id(number), username, &format!("Person {number}")), &more)
}

fn id(number: u32) -> String {
    format!("bbbbbbbb-0000-4000-8000-{number:012}")
}

fn tenant() -> Value {
    let group =
        |name: &str, members: Vec<Value>| json!({ "displayName": name, "securityEnabled": true, "members": members });
    json!({ "groups": [
        group("Agents", vec![account(1, REN, true), account(2, YUI, true), account(3, GONE, false)]),
        group("Supervisors", vec![account(2, YUI, true)]),
        group("Elsewhere", vec![account(4, UNASSIGNED, true)]),
    ] })
}

fn onboarding(alias: &str, username: &str, assignment: &str) -> Value {
    json!({
        "instance": { "alias": alias },
        "quotas": {},
        "entra": { "assignment": assignment },
        "users": { "username": username, "groups": [
            { "group": "Agents", "securityProfiles": ["Agent"] },
            { "group": "Supervisors", "securityProfiles": ["CallCenterManager"] },
        ] },
    })
}

/// A local cloud with three onboarded instances and their reports.
struct Fixture {
    cloud: Cloud,
    by_name: Value,
    by_mail: Value,
    by_id: Value,
}

impl Fixture {
    async fn start() -> Self {
        let cloud = Cloud::idle(&tenant());
        // Raises the account's instance quota so that the three instances can be created.
        cloud.allow_instances(5).await;
        let mut executions = Vec::new();
        for (alias, username, assignment) in [
            ("acme-name", "userPrincipalName", "groups"),
            ("acme-mail", "mail", "groups"),
            ("acme-id", "objectId", "users"),
        ] {
            executions.push(cloud.start("OnboardingStateMachineArn", &onboarding(alias, username, assignment)).await);
        }
        let mut reports = Vec::new();
        for execution in executions {
            reports.push(cloud.end_of(&execution).await.succeeded());
        }
        let [by_name, by_mail, by_id] = <[Value; 3]>::try_from(reports).unwrap();
        Self { cloud, by_name, by_mail, by_id }
    }

    async fn sign_in(&self, report: &Value, user: &str) -> Value {
        self.cloud.sign_in(report["signOn"]["application"]["appId"].as_str().unwrap(), user).await
    }

    async fn can_sign_in(&self, report: &Value, user: &str, username: &str) {
        let outcome = self.sign_in(report, user).await;
        assert_eq!((&outcome["signedIn"], &outcome["username"]), (&json!(true), &json!(username)), "{outcome}");
        assert_eq!(outcome["instanceId"], report["instance"]["instanceId"]);
        // The result contains the form that the browser posted to AWS, so that other tools can validate the SAML
        // response in the form (.ci/judges/saml).
        let form = &outcome["forms"][0];
        assert!(form["action"].as_str().unwrap().ends_with("signin.aws.amazon.com/saml"), "{form}");
        assert!(!form["samlResponse"].as_str().unwrap().is_empty());
        assert!(form["relayState"].as_str().unwrap().ends_with(outcome["instanceId"].as_str().unwrap()), "{form}");
    }

    async fn is_refused(&self, report: &Value, user: &str, by: &str, message: &str) {
        let outcome = self.sign_in(report, user).await;
        assert_eq!((&outcome["signedIn"], &outcome["refusedBy"]), (&json!(false), &json!(by)), "{outcome}");
        let text = outcome["message"].as_str().unwrap();
        assert!(text.contains(message), "{text}");
    }

    async fn set_metadata(&self, report: &Value, of: &Value) {
        let metadata = self.cloud.metadata(of["signOn"]["application"]["appId"].as_str().unwrap()).await;
        let arn = report["signOn"]["samlProviderArn"].as_str().unwrap();
        let form = [("SAMLProviderArn", arn), ("SAMLMetadataDocument", &metadata)];
        self.cloud.iam("UpdateSAMLProvider", &form).await;
        // Advances the clock until AWS uses the new metadata everywhere.
        self.cloud.admin("POST", "clock", &json!({ "advanceSeconds": 60 })).await;
    }
}

const ENTRA: &str = "Microsoft Entra ID";
const SIGN_IN: &str = "AWS sign-in";
const CONNECT: &str = "Amazon Connect";

#[tokio::test]
async fn users_of_each_kind_can_sign_in_and_no_others() {
    let fixture = Fixture::start().await;
    let Fixture { cloud, by_name, by_mail, by_id } = &fixture;

    // Both users can sign in with each kind of username. Yui is a member of two groups.
    for (number, name) in [(1, REN), (2, YUI)] {
        fixture.can_sign_in(by_name, name, name).await;
        fixture.can_sign_in(by_mail, name, &format!("desk{number}@mail.example")).await;
        fixture.can_sign_in(by_id, name, &id(number)).await;
    }

    // Entra rejects accounts that are not assigned, are disabled or do not exist.
    fixture.is_refused(by_name, UNASSIGNED, ENTRA, "AADSTS50105").await;
    fixture.is_refused(by_id, UNASSIGNED, ENTRA, "AADSTS50105").await;
    fixture.is_refused(by_name, "nobody@contoso.example", ENTRA, "AADSTS50034").await;
    fixture.is_refused(by_name, GONE, ENTRA, "AADSTS50057").await;
    let principal =
        format!("/servicePrincipals/{}", by_id["signOn"]["application"]["servicePrincipalId"].as_str().unwrap());
    let assigned = cloud.graph("GET", &format!("{principal}/appRoleAssignedTo"), &Value::Null).await;
    let ren = assigned["value"].as_array().unwrap().iter().find(|one| one["principalId"] == id(1).as_str()).unwrap();
    cloud
        .graph("DELETE", &format!("{principal}/appRoleAssignedTo/{}", ren["id"].as_str().unwrap()), &Value::Null)
        .await;
    fixture.is_refused(by_id, REN, ENTRA, "AADSTS50105").await;
    fixture.can_sign_in(by_id, YUI, &id(2)).await;

    // While the SAML provider contains the certificate of another application, AWS rejects every user. After the
    // certificate of the right application is restored, AWS accepts the users again.
    fixture.set_metadata(by_name, by_mail).await;
    fixture.is_refused(by_name, REN, SIGN_IN, "Response signature invalid").await;
    fixture.set_metadata(by_name, by_name).await;
    fixture.can_sign_in(by_name, REN, REN).await;

    // AWS rejects an assertion whose audience is not AWS.
    let application = format!("/applications/{}", by_mail["signOn"]["application"]["applicationId"].as_str().unwrap());
    let identifiers = |uri: &Value| json!({ "identifierUris": [uri] });
    cloud.graph("PATCH", &application, &identifiers(&json!("https://contoso.onmicrosoft.com/saml"))).await;
    fixture.is_refused(by_mail, REN, SIGN_IN, "does not contain the required audience").await;
    cloud.graph("PATCH", &application, &identifiers(&by_mail["signOn"]["signOn"]["identifierUri"])).await;
    fixture.can_sign_in(by_mail, REN, "desk1@mail.example").await;

    // Without its policy, the role allows no sign-in to Connect.
    let role = by_mail["signOn"]["roleArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let policy = by_mail["signOn"]["policyArn"].as_str().unwrap();
    cloud.iam("DetachRolePolicy", &[("RoleName", role), ("PolicyArn", policy)]).await;
    fixture.is_refused(by_mail, REN, CONNECT, "contact your AWS account administrator").await;

    // A username that differs only in case is a different username.
    let mut renamed = account(1, &REN.to_lowercase(), true);
    renamed.as_object_mut().unwrap().remove("mail");
    cloud.add_member("Elsewhere", &renamed).await;
    fixture.is_refused(by_name, REN, CONNECT, "has not been onboarded").await;
    assert_eq!(cloud.admin("GET", "violations", &Value::Null).await, json!([]));
}
