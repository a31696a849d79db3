//! Tests of the commands `evidence` and `export`, for an instance with a leaver, an approval, a sign-in and drift.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use hcl_edit::{expr::Expression, parser::parse_body};
use local_cloud::emulator::stack::REGION;
use onboarding_core::{digest, log_messages, saml};
use serde_json::{Value, json as object};
use test_support::member;
use time::OffsetDateTime;
use tokio::sync::OnceCell;

use super::{json, printed};
use crate::{
    cloud::{Cloud, until},
    common::{err, out},
};

const ALIAS: &str = "audited";
const ROLE: &str = "AmazonConnect-audited";
const GROUP: &str = "Agents";
/// A user that an earlier onboarding of the alias has created.
const FORMER: &str = "former@contoso.onmicrosoft.com";
/// A name that a spreadsheet would evaluate as a formula.
const LEADS: &str = "=Leads";

fn username(number: usize) -> String {
    format!("agent{number}@contoso.onmicrosoft.com")
}

fn id(number: usize) -> String {
    format!("75000000-0000-4000-8000-{number:012}")
}

fn agent(number: usize) -> Value {
    member(&id(number), &username(number), &format!("Agent {number}"))
}

/// A cloud with a history. An instance was onboarded, a member left, the deletion of the user was approved, another
/// member signed in, and drift was reverted. The value is not dropped, so the program of the local cloud ends with the
/// test program.
async fn audited() -> &'static Cloud {
    static CLOUD: OnceCell<Cloud> = OnceCell::const_new();
    CLOUD
        .get_or_init(|| async {
            let group = |name: &str, members: Vec<Value>| object!({ "displayName": name, "members": members });
            let tenant = object!({ "groups": [
                group(GROUP, vec![agent(1), agent(2), agent(3)]), group(LEADS, vec![agent(1)]),
            ] });
            let cloud = tokio::task::spawn_blocking(move || Cloud::idle(&tenant)).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("audited.json");
            let input = object!({
                "instance": { "alias": ALIAS },
                "phoneNumbers": [{ "country": "US", "type": "DID" }],
                "telephony": { "starterFlow": true },
                "users": {
                    "groups": [
                        { "group": GROUP, "securityProfiles": ["Agent"] },
                        { "group": LEADS, "securityProfiles": ["CallCenterManager"] },
                    ],
                    "removed": { "action": "delete", "graceDays": 0 },
                    "brake": { "maxRemovals": 0, "maxRemovalsPercent": 100 },
                },
            });
            fs::write(&file, input.to_string()).unwrap();
            succeeds(&cloud, &["start", file.to_str().unwrap(), "--watch"]);
            live(&cloud).await;
            log_in_other_spelling(&cloud).await;
            cloud
        })
        .await
}

async fn live(cloud: &Cloud) {
    let application = cloud.application(ALIAS).await["appId"].as_str().unwrap().to_owned();
    assert_eq!(cloud.sign_in(&application, &username(1)).await["signedIn"], true);

    cloud.remove_member(GROUP, &id(3)).await;
    // The notification about the removed member also starts a sync. While that sync is running, the sync that this test
    // starts ends without requesting approval.
    let waits = until("a sync requests approval", async || {
        let output = cloud.onboard(&["sync", ALIAS, "--wait", "--json"]).output().unwrap();
        (output.status.code() == Some(5)).then_some(output)
    })
    .await;
    let digest = json(&waits)["digest"].as_str().unwrap().to_owned();
    let approved = json(&succeeds(cloud, &["approve", ALIAS, "--digest", &digest, "--json"]));
    cloud.end_of(approved["execution"].as_str().unwrap()).await.succeeded();
    // After the approval has been stored, the sync that the notification started may also delete the user.
    until("the leaver's user is deleted", async || {
        let instance = cloud.instance(ALIAS).await;
        let users = instance["users"].as_array().unwrap();
        users.iter().all(|user| user["Username"] != username(3)).then_some(())
    })
    .await;

    cloud.iam("UpdateRole", &[("RoleName", ROLE), ("MaxSessionDuration", "3600")]).await;
    succeeds(cloud, &["drift", ALIAS, "--fix"]);
}

/// Writes the log event that an earlier onboarding of the alias has deleted a user. The input of that onboarding
/// contained the alias in upper case.
async fn log_in_other_spelling(cloud: &Cloud) {
    let line = object!({
        "level": "INFO", "fields": { "message": log_messages::USER_DELETED, "username": FORMER },
        "span": { "step": "sync-users", "alias": ALIAS.to_uppercase(), "execution": "arn:aws:states:r:1:execution:u:former" },
    });
    let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap() * 1_000;
    let stream = object!({ "logGroupName": cloud.output("FunctionLogGroup"), "logStreamName": "former" });
    cloud.call("logs", "Logs_20140328.CreateLogStream", stream.clone()).await;
    let mut events = stream;
    events["logEvents"] = object!([{ "timestamp": now, "message": line.to_string() }]);
    cloud.call("logs", "Logs_20140328.PutLogEvents", events).await;
}

fn succeeds(cloud: &Cloud, arguments: &[&str]) -> std::process::Output {
    let output = cloud.onboard(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?} {}", printed(&output));
    output
}

/// The content of the files in a directory.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    fs::read_dir(directory).unwrap().map(read).collect()
}

/// The rows of a table that have these values.
fn rows<'v>(evidence: &'v Value, table: &str, wanted: &Value) -> Vec<&'v Value> {
    let has = |row: &&Value| wanted.as_object().unwrap().iter().all(|(column, value)| row[column] == *value);
    evidence["tables"][table].as_array().unwrap_or_else(|| panic!("no table {table}")).iter().filter(has).collect()
}

#[tokio::test]
async fn the_pack_says_who_has_access_who_decided_who_left_who_signed_in_and_what_drifted() {
    let cloud = audited().await;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("pack");
    let pack = json(&succeeds(cloud, &["evidence", ALIAS, "--output", directory.to_str().unwrap(), "--json"]));
    assert_eq!((&pack["alias"], pack["rows"]["access"].as_u64()), (&object!(ALIAS), Some(3)), "{pack}");
    let files = files(&directory);
    let evidence: Value = serde_json::from_str(&files["evidence.json"]).unwrap();
    let one = |table: &str, wanted: Value| -> Value {
        let found = rows(&evidence, table, &wanted);
        assert_eq!(found.len(), 1, "{table} {wanted}: {:#}", evidence["tables"][table]);
        found[0].clone()
    };

    let agent = one("access", object!({ "username": username(1), "securityProfile": "Agent" }));
    assert!(agent["group"].as_str().unwrap().starts_with("Agents ("), "{agent}");
    assert_eq!((&agent["managed"], &agent["entraObjectId"]), (&object!("yes"), &object!(id(1))));
    assert!(agent["sinceSource"].as_str().unwrap().starts_with("function log of "), "{agent}");
    let lead = one("access", object!({ "username": username(1), "securityProfile": "CallCenterManager" }));
    assert!(lead["group"].as_str().unwrap().starts_with("=Leads ("), "{lead}");
    assert!(rows(&evidence, "access", &object!({ "username": username(3) })).is_empty(), "the user was deleted");

    let approval = one("approvals", object!({ "decision": "approved" }));
    assert!(approval["by"].as_str().unwrap().starts_with("arn:aws:"), "{approval}");
    for event in ["sessionsEnded", "deleted"] {
        let left = one("leavers", object!({ "username": username(3), "event": event }));
        assert!(left["at"].as_str().unwrap().ends_with('Z'), "{left}");
    }

    let former = one("leavers", object!({ "username": FORMER }));
    assert_eq!(former["event"], "deleted", "the log contains another spelling of the alias: {former}");

    let signed_in = one("sign-ins", object!({ "username": username(1) }));
    assert_eq!(signed_in["status"], "signedIn");
    assert!(signed_in["lastSignIn"].as_str().unwrap().starts_with("20"), "{signed_in}");
    assert_eq!(one("sign-ins", object!({ "username": username(2) }))["status"], "never");

    let place = format!("IAM role {ROLE}: session duration");
    let drift = one("drift", object!({ "place": place, "result": "reverted" }));
    assert_eq!((&drift["expected"], &drift["found"]), (&object!("43200 s"), &object!("3600 s")));
    let setting = one("settings", object!({ "place": place }));
    assert_eq!((&setting["found"], &setting["asExpected"]), (&object!("43200 s"), &object!("yes")));

    let documents = &evidence["documents"];
    assert_eq!(documents["role"]["trustPolicy"]["Statement"][0]["Action"], "sts:AssumeRoleWithSAML", "{documents:#}");
    assert_eq!(documents["certificates"].as_array().unwrap().len(), 1, "{documents:#}");
    assert!(documents["claimsMappingPolicies"][0]["definition"][0].as_str().unwrap().contains("RoleSessionName"));
    assert_eq!(documents["assignments"].as_array().unwrap().len(), 2, "one for each group: {documents:#}");
}

#[tokio::test]
async fn two_packs_of_the_same_state_differ_only_in_their_manifests_and_only_the_owner_can_read_them() {
    let cloud = audited().await;
    let folder = tempfile::tempdir().unwrap();
    let pack = |name: &str| {
        let directory = folder.path().join(name);
        succeeds(cloud, &["evidence", ALIAS, "--output", directory.to_str().unwrap(), "--lang", "ja"]);
        directory
    };
    let directory = pack("one");
    let (mut one, mut other) = (files(&directory), files(&pack("other")));
    let manifest: Value = serde_json::from_str(&one.remove("manifest.json").unwrap()).unwrap();
    other.remove("manifest.json");
    assert_eq!(one, other);
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len(), one.len());
    for file in listed {
        let content = &one[file["name"].as_str().unwrap()];
        assert_eq!((&file["sha256"], &file["bytes"]), (&object!(digest::of(content, 32)), &object!(content.len())));
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert!(one.keys().all(|name| mode(&directory.join(name)) == 0o600));
    assert!(!one["access.csv"].contains("\"=Leads (") && one["access.csv"].contains("\"'=Leads ("));
    let page = &one["index.html"];
    assert!(page.contains("<html lang=\"ja\">") && page.contains("監査証跡") && !page.contains("<script"), "{page}");

    let again = cloud.onboard(&["evidence", ALIAS, "--output", directory.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", printed(&again));
    succeeds(cloud, &["evidence", ALIAS, "--output", directory.to_str().unwrap(), "--force"]);
}

#[tokio::test]
async fn the_terraform_configuration_has_the_values_of_both_clouds_and_no_secret() {
    let cloud = audited().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audited.tf");
    let arguments = ["export", ALIAS, "--output", file.to_str().unwrap(), "--json"];
    let exported = json(&succeeds(cloud, &arguments));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!((&exported["configuration"], &exported["complete"]), (&object!(text), &object!(true)));
    let body = parse_body(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let value = |kind: &str, name: &str, argument: &str| -> Expression {
        let block = body.get_blocks("resource").find(|block| block.has_exact_labels(&[kind, name]));
        let block = block.unwrap_or_else(|| panic!("there is no {kind} {name}:\n{text}"));
        let found = block.body.get_attribute(argument);
        found.unwrap_or_else(|| panic!("{kind} {name} has no {argument}:\n{text}")).value.clone()
    };
    let string = |kind: &str, name: &str, argument: &str| value(kind, name, argument).as_str().unwrap().to_owned();

    let instance = cloud.instance(ALIAS).await;
    let import = format!("id = \"{}\"", instance["Id"].as_str().unwrap());
    assert!(text.contains(&import), "{import}\n{text}");
    assert_eq!(string("aws_connect_instance", "this", "instance_alias"), ALIAS);
    assert_eq!(value("aws_connect_instance", "this", "inbound_calls_enabled").as_bool(), Some(true));
    let seconds = value("aws_iam_role", "sign_in", "max_session_duration");
    assert_eq!(seconds.as_number().unwrap().as_u64(), Some(43_200));
    let trust: Value = serde_json::from_str(&string("aws_iam_role", "sign_in", "assume_role_policy")).unwrap();
    assert_eq!(trust["Statement"][0]["Action"], "sts:AssumeRoleWithSAML");
    let principal = cloud.application(ALIAS).await;
    let provider = format!("arn:aws:iam::{}:saml-provider/AmazonConnect-{ALIAS}", cloud.addresses.account);
    assert!(text.contains(&provider), "{provider}\n{text}");
    let metadata = string("aws_iam_saml_provider", "entra", "saml_metadata_document");
    let known = saml::read_metadata(&metadata).unwrap();
    let active = principal["preferredTokenSigningKeyThumbprint"].as_str().unwrap();
    assert!(known.thumbprints.iter().any(|one| one.eq_ignore_ascii_case(active)), "{active} {known:?}");

    let relay_state = format!("https://{REGION}.console.aws.amazon.com/connect/federate/");
    assert!(text.contains(&relay_state), "{text}");
    assert_eq!(string("azuread_application", "this", "display_name"), principal["displayName"].as_str().unwrap());
    assert!(text.contains(&format!("/servicePrincipals/{}\"", principal["id"].as_str().unwrap())), "{text}");
    assert_eq!(text.matches("resource \"azuread_app_role_assignment\"").count(), 2, "{text}");
    let content: Value = serde_json::from_str(&string("aws_connect_contact_flow", "starter", "content")).unwrap();
    assert!(content["Actions"][0]["Parameters"]["Text"].as_str().unwrap().starts_with("Thank you"), "{content}");
    let number = &instance["phoneNumbers"][0];
    let [flow, number, id] = [&number["ContactFlowId"], &number["PhoneNumberId"], &instance["Id"]]
        .map(|id| id.as_str().unwrap_or_else(|| panic!("{instance:#}")));
    for import in [format!("{id}:{flow}"), format!("{number},{id},{flow}")] {
        assert!(text.contains(&format!("id = \"{import}\"")), "{import}:\n{text}");
    }
    for secret in ["PRIVATE KEY", "clientSecret", "secretText", "\"Sign\""] {
        assert!(!text.contains(secret), "{secret}:\n{text}");
    }

    let again = cloud.onboard(&arguments).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", printed(&again));
    // Standard output contains only the configuration, so that it can be redirected to a file.
    let redirected = succeeds(cloud, &["export", ALIAS]);
    assert_eq!(out(&redirected).trim(), text.trim());
    assert!(err(&redirected).contains("DetectDrift") && err(&redirected).contains("terraform plan"), "{redirected:?}");

    // Without the permission to read the starter flow, the rest is still exported.
    let denied = object!({ "service": "connect", "match": "ListFlowAssociations", "status": 403,
        "code": "AccessDeniedException" });
    cloud.fault(&denied).await;
    let without = cloud.onboard(&["export", ALIAS, "--json"]).output().unwrap();
    assert_eq!(without.status.code(), Some(5), "{}", printed(&without));
    assert!(err(&without).contains("does not contain the starter flow"), "{}", printed(&without));
    let exported = json(&without);
    assert_eq!(exported["complete"], object!(false));
    let resources = exported["resources"].as_array().unwrap();
    let expected: Vec<&str> = text.lines().filter(|line| line.starts_with("resource \"")).collect();
    let flows = expected.iter().filter(|line| line.contains("contact_flow")).count();
    assert_eq!((flows, resources.len()), (2, expected.len() - flows));
}
