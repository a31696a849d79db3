//! Manual changes are found, notified once, and reverted if that is allowed.

use std::collections::BTreeSet;

use super::{fixture::House, teardown::torn_down};
use serde_json::{Value, json};

const ALIAS: &str = "drifting";

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

/// A queue subscribed to the notification topic.
struct Mailbox<'a>(&'a House, String);

impl<'a> Mailbox<'a> {
    async fn open(house: &'a House) -> Self {
        let kept = &house.cloud.kept;
        let arn = format!("arn:aws:sqs:{}:{}:drift-mailbox", kept.region, kept.account);
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
        }] });
        let wish = json!({ "QueueName": "drift-mailbox", "Attributes": { "Policy": policy.to_string() } });
        let made = house.cloud.call("sqs", "AmazonSQS.CreateQueue", wish).await;
        let url = made["QueueUrl"].as_str().unwrap().to_owned();
        house.cloud.subscribe(&arn).await;
        Self(house, url)
    }

    async fn subjects(&self) -> Vec<String> {
        let body = json!({ "QueueUrl": self.1, "MaxNumberOfMessages": 10 });
        let found = self.0.cloud.call("sqs", "AmazonSQS.ReceiveMessage", body).await;
        let messages = found["Messages"].as_array().cloned().unwrap_or_default();
        let mut subjects = Vec::new();
        for message in messages {
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            subjects.push(body["Subject"].as_str().unwrap_or_default().to_owned());
            let gone = json!({ "QueueUrl": self.1, "ReceiptHandle": message["ReceiptHandle"] });
            self.0.cloud.call("sqs", "AmazonSQS.DeleteMessage", gone).await;
        }
        subjects
    }
}

#[tokio::test]
async fn manual_changes_are_found_notified_once_and_reverted_on_request() {
    let house = House::enter().await;
    house.run("OnboardingStateMachineArn", &input()).await;
    let instance = house.instance(ALIAS).await;
    let id = instance["Id"].as_str().unwrap();
    let only = json!({ "instanceId": id });
    let report = house.run("DriftStateMachineArn", &only).await;
    assert_eq!(report["instances"][0]["findings"], json!([]), "nothing was changed yet");
    let denied = json!({ "service": "graph", "match": "GET /v1.0/servicePrincipals/", "status": 403, "code": "Authorization_RequestDenied" });
    house.cloud.admin("POST", "fault", &denied).await;
    let report = house.run("DriftStateMachineArn", &only).await;
    assert_eq!(places(&report, |finding| finding["mendable"] == false), set(&[&format!("Entra {ALIAS}")]));
    assert!(report.to_string().contains("Application.Read.All"), "{report:#}");

    let mailbox = Mailbox::open(&house).await;
    let role = format!("AmazonConnect-{ALIAS}");
    let path = format!("/instance/{id}/attribute/CONTACTFLOW_LOGS");
    house.cloud.rest("connect", "POST", &path, &json!({ "Value": "false" })).await;
    let wide = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::000000000000:root" }, "Action": "sts:AssumeRole",
    }] });
    house.iam("UpdateAssumeRolePolicy", &[("RoleName", &role), ("PolicyDocument", &wide.to_string())]).await;
    let more =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
    let more = more.to_string();
    let inline = [("RoleName", role.as_str()), ("PolicyName", "more"), ("PolicyDocument", more.as_str())];
    house.iam("PutRolePolicy", &inline).await;
    let application = house.application(ALIAS).await;
    let principal = application["id"].as_str().unwrap();
    let relay = json!({ "samlSingleSignOnSettings": { "relayState": "https://elsewhere.example" } });
    house.graph("PATCH", &format!("/servicePrincipals/{principal}"), &relay).await;
    let assignment = application["appRoleAssignedTo"][0]["id"].as_str().unwrap();
    house
        .graph("DELETE", &format!("/servicePrincipals/{principal}/appRoleAssignedTo/{assignment}"), &Value::Null)
        .await;

    let switched_off = json!({ "accountEnabled": false, "appRoleAssignmentRequired": false });
    house.graph("PATCH", &format!("/servicePrincipals/{principal}"), &switched_off).await;
    let app_id = application["appId"].as_str().unwrap();
    house.graph("PATCH", &format!("/applications(appId='{app_id}')"), &json!({ "isDisabled": true })).await;

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
    let guarded = set(&[&format!("IAM role {role}: policies in the role itself")]);
    let before = house.seen().await;
    let report = house.run("DriftStateMachineArn", &only).await;
    assert_eq!(places(&report, |_| true), mendable.union(&guarded).cloned().collect(), "{report:#}");
    assert_eq!(places(&report, |finding| finding["mendable"] == true), mendable);
    let security = set(&[
        &switches[2],
        &format!("IAM role {role}: trust policy"),
        &format!("IAM role {role}: policies in the role itself"),
    ]);
    assert_eq!(places(&report, |finding| finding["security"] == true), security);
    assert_eq!(places(&report, |finding| finding["mended"] == true), BTreeSet::new());
    assert!(house.changes_since(before).await.is_empty(), "a report changes nothing");
    let told = format!("Amazon Connect {ALIAS}: SECURITY settings were changed manually");
    assert_eq!(mailbox.subjects().await, std::slice::from_ref(&told));
    house.run("DriftStateMachineArn", &only).await;
    assert_eq!(mailbox.subjects().await, Vec::<String>::new(), "the same drift is notified once");

    let report = house.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    assert_eq!(places(&report, |finding| finding["mended"] == true), mendable, "{report:#}");
    assert_eq!(places(&report, |finding| finding["mended"] == false), guarded);
    assert_eq!(mailbox.subjects().await, [told], "the remediation is notified");
    house.iam("DeleteRolePolicy", &[("RoleName", &role), ("PolicyName", "more")]).await;
    let report = house.run("DriftStateMachineArn", &json!({})).await;
    assert_eq!(places(&report, |_| true), BTreeSet::new(), "{report:#}");
    assert_eq!(mailbox.subjects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_finding_that_can_not_be_reverted_names_the_command_to_run_and_causes_no_retries() {
    let house = House::enter().await;
    let alias = "without-application";
    let mut input = input();
    input["instance"]["alias"] = json!(alias);
    house.run("OnboardingStateMachineArn", &input).await;
    let instance = house.instance(alias).await;
    let id = instance["Id"].as_str().unwrap();

    // Drift and sign-in check report settings that only Microsoft can change.
    let retired = json!({
        "service": "graph", "match": "GET /v1.0/applicationTemplates/[^/]+$", "status": 404, "code": "Request_ResourceNotFound",
    });
    for (machine, input) in
        [("DriftStateMachineArn", json!({ "instanceId": id })), ("OnboardingStateMachineArn", input)]
    {
        house.cloud.admin("POST", "fault", &retired).await;
        let report = house.run(machine, &input).await;
        assert!(report.to_string().contains("not offered any more"), "{machine}: {report:#}");
    }

    let application = house.application(alias).await;
    let app_id = application["appId"].as_str().unwrap();
    house.graph("DELETE", &format!("/applications(appId='{app_id}')"), &Value::Null).await;
    let path = format!("/instance/{id}/attribute/CONTACTFLOW_LOGS");
    house.cloud.rest("connect", "POST", &path, &json!({ "Value": "false" })).await;

    let before = house.seen().await;
    let drift = house.cloud.start("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    let report = house.cloud.end_of(&drift).await.output;
    for state in ["ConfigureEntraSignOn", "ConfigureEntraClaims", "AssignGroups"] {
        assert_eq!(house.cloud.entered(&drift, state).await, 0, "{state} would retry for minutes");
    }
    let findings = report["instances"][0]["findings"].as_array().unwrap();
    let of =
        |place: &str| findings.iter().find(|finding| finding["place"].as_str().unwrap().starts_with(place)).unwrap();
    let gone = of("enterprise application");
    assert_eq!((&gone["mendable"], &gone["mended"]), (&json!(false), &json!(false)), "{report:#}");
    assert!(gone["advice"].as_str().unwrap().contains("onboard start"), "{gone:#}");
    assert_eq!(of("instance attribute")["mended"], json!(true), "the rest is reverted: {report:#}");
    let changes = house.changes_since(before).await;
    assert!(
        !changes.keys().any(|call| call.contains("/servicePrincipals") || call.contains("/applications")),
        "{changes:?}"
    );
    // Cleans up for later tests.
    torn_down(&house, id, alias, &json!({ "instance": "delete" })).await;
}
