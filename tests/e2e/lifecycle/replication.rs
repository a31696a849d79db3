//! Tests a replicated instance (Amazon Connect Global Resiliency): its global sign-in is never overwritten, and its
//! users join the traffic distribution group.

use std::{collections::BTreeMap, fs};

use super::{fixture::Fixture, teardown::torn_down};
use crate::common::{out, root};
use serde_json::{Value, json};
use test_support::between;

const ALIAS: &str = "resilient";
const USER: &str = "agent5@contoso.onmicrosoft.com";
const TOKYO: &str = "ap-northeast-1";
const OSAKA: &str = "ap-northeast-3";
const OTHER: &str = "us-west-2";

fn input() -> Value {
    json!({
        "instance": { "alias": ALIAS },
        "users": { "groups": [{ "group": "Night shift", "securityProfiles": ["Agent"] }] },
    })
}

async fn replicate(fixture: &Fixture, id: &str, regions: [&str; 2], findings: Value) {
    let wanted =
        json!({ "instanceId": id, "sourceRegion": regions[0], "replicaRegion": regions[1], "findings": findings });
    fixture.admin("POST", "replicate", &wanted).await;
}

/// Sets up the global sign-in manually, as the administrator guide of Amazon Connect describes it.
async fn set_up_global_sign_in(fixture: &Fixture, id: &str, report: &Value, reply_url: &str) {
    let text = |name: &str| report["signOn"][name].as_str().unwrap().to_owned();
    let (role, provider) = (text("roleArn"), text("samlProviderArn"));
    let endpoint = format!("https://{id}.{TOKYO}.sign-in.connect.aws/saml");
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Federated": [provider] },
        "Action": "sts:AssumeRoleWithSAML",
        "Condition": { "StringLike": { "SAML:aud": [format!("{endpoint}*")] } },
    }] });
    let name = role.rsplit('/').next().unwrap();
    fixture.iam("UpdateAssumeRolePolicy", &[("RoleName", name), ("PolicyDocument", &trust.to_string())]).await;
    let application = fixture.application(ALIAS).await;
    let path = format!("/applications(appId='{}')", application["appId"].as_str().unwrap());
    fixture.graph("PATCH", &path, &json!({ "web": { "redirectUris": [reply_url] } })).await;
    let relay = json!({ "samlSingleSignOnSettings": { "relayState": "" } });
    fixture.graph("PATCH", &format!("/servicePrincipals/{}", application["id"].as_str().unwrap()), &relay).await;
    fixture.admin("POST", "clock", &json!({ "advanceSeconds": 600 })).await;
}

/// The plan items whose action is not `leave`, and the actions of the open items.
async fn plan(fixture: &Fixture) -> (Vec<String>, Vec<String>) {
    let plan = fixture.run("PlanStateMachineArn", &input()).await;
    let texts = |list: &Value, text: &dyn Fn(&Value) -> Option<String>| -> Vec<String> {
        list.as_array().unwrap().iter().filter_map(text).collect()
    };
    let item = |item: &Value| (item["action"] != "leave").then(|| item.to_string());
    (
        texts(&plan["items"], &item),
        texts(&plan["openItems"], &|item| Some(item["action"].as_str().unwrap_or_default().to_owned())),
    )
}

/// Checks that `onboard plan` prints each line of this example in the documents, in both languages. The documents write
/// `<instance-id>` and `<account>` for the IDs. In the test, the stack is in Tokyo also when the instance is a replica.
fn prints_as_documented(fixture: &Fixture, id: &str, example: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("onboarding.json");
    fs::write(&file, input().to_string()).unwrap();
    let compact = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for (language, document) in [("en", "docs/plan-and-drift.md"), ("ja", "docs/ja/plan-and-drift.md")] {
        let output = fixture.cloud.onboard(&["plan", file.to_str().unwrap(), "--lang", language]).output().unwrap();
        let mut printed =
            out(&output).replace(id, "<instance-id>").replace(&fixture.cloud.addresses.account, "<account>");
        printed = printed.replace(ALIAS, "acme-support");
        if example == 1 {
            printed = printed.replace(TOKYO, OSAKA).replace(OTHER, TOKYO);
        }
        let printed: Vec<String> = printed.lines().map(compact).collect();
        let text = fs::read_to_string(root().join(document)).unwrap();
        let examples: Vec<&str> = text.split("```text\n").skip(1).collect();
        assert_eq!(examples.len(), 2, "{document}");
        for line in examples[example].split("```").next().unwrap().lines().map(compact) {
            assert!(printed.contains(&line), "{document}: {line}\n{printed:#?}");
        }
    }
}

#[tokio::test]
async fn the_global_sign_in_of_a_replicated_instance_stays_and_a_replica_is_refused() {
    let fixture = Fixture::enter().await;
    let report = fixture.run("OnboardingStateMachineArn", &input()).await;
    let id = report["instance"]["instanceId"].as_str().unwrap();
    assert_eq!(plan(&fixture).await, (Vec::new(), Vec::new()));

    // The instance is replicated, but its users still sign in to one Region.
    replicate(&fixture, id, [TOKYO, OSAKA], json!([])).await;
    let (items, open_items) = plan(&fixture).await;
    assert_eq!((items.len(), open_items.len()), (1, 1), "{items:#?} {open_items:#?}");
    assert!(items[0].contains("users"), "{items:#?}");
    prints_as_documented(&fixture, id, 0);
    let reply_url = between(&open_items[0], "remove the relay state: ", " .");
    set_up_global_sign_in(&fixture, id, &report, reply_url).await;
    let application = fixture.application(ALIAS).await["appId"].as_str().unwrap().to_owned();
    let outcome = fixture.cloud.sign_in(&application, USER).await;
    assert!(outcome["message"].as_str().unwrap().contains("in no traffic distribution group"), "{outcome}");

    // The next sync adds the users to the traffic distribution group.
    let before = fixture.seen().await;
    let synced = fixture.run("UserSyncStateMachineArn", &json!({ "instanceId": id })).await;
    assert_eq!(synced["counts"]["updated"], json!(2), "{synced:#}");
    let joins =
        BTreeMap::from([("AssociateTrafficDistributionGroupUser".to_owned(), 2), ("TagResource".to_owned(), 2)]);
    let mut changes = fixture.changes_since(before).await;
    changes.remove("StartExecution");
    assert_eq!(changes, joins);
    let outcome = fixture.cloud.sign_in(&application, USER).await;
    assert_eq!((&outcome["signedIn"], &outcome["instanceId"]), (&json!(true), &json!(id)), "{outcome}");
    assert_eq!(plan(&fixture).await, (Vec::new(), Vec::new()));
    let before = fixture.seen().await;
    let drift = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    assert_eq!(drift["instances"][0]["findings"], json!([]), "{drift:#}");
    assert_eq!(fixture.changes_since(before).await, BTreeMap::new());

    let before = fixture.seen().await;
    let again = fixture.run("OnboardingStateMachineArn", &input()).await;
    assert_eq!((&again["signOn"]["claims"]["relayState"], &again["openItems"]), (&json!(""), &json!([])), "{again:#}");
    assert_eq!(again["signInVerified"], json!(true), "{again:#}");
    let changes = fixture.changes_since(before).await;
    assert_eq!(changes.keys().collect::<Vec<_>>(), ["StartExecution"]);

    // The drift check reports a user who is missing in the replica, but can't add the user there.
    let missing = json!({ "resourceType": "AGENT", "name": USER, "message": "The user exists in the source only." });
    let unknown = json!({ "resourceType": "VIEW", "name": "not ours", "message": "It concerns no onboarding." });
    replicate(&fixture, id, [TOKYO, OSAKA], json!([missing, unknown])).await;
    let before = fixture.seen().await;
    let drift = fixture.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
    let findings = drift["instances"][0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{drift:#}");
    assert_eq!(findings[0]["place"], format!("replicated AGENT {USER}: replication"));
    assert_eq!(findings[0]["expected"], format!("replicated to {OSAKA}"));
    assert_eq!((&findings[0]["mendable"], &findings[0]["security"]), (&json!(false), &json!(false)));
    assert!(findings[0]["advice"].as_str().unwrap().contains("the Region of the source"), "{drift:#}");
    assert_eq!(fixture.changes_since(before).await, BTreeMap::new());

    // In the Region of the replica, the instance can't be onboarded.
    replicate(&fixture, id, [OTHER, TOKYO], json!([])).await;
    let (items, _) = plan(&fixture).await;
    assert!(
        items.iter().any(|item| item.contains("conflict") && item.contains(&format!("run this in {OTHER}"))),
        "{items:#?}"
    );
    prints_as_documented(&fixture, id, 1);
    let refused = fixture.cloud.end_of(&fixture.cloud.start("OnboardingStateMachineArn", &input()).await).await;
    assert_eq!((refused.status.as_str(), &refused.output["Error"]), ("FAILED", &json!("Conflict")));

    replicate(&fixture, id, [TOKYO, OSAKA], json!([])).await;
    torn_down(&fixture, id, ALIAS, &json!({ "instance": "delete" })).await;
}
