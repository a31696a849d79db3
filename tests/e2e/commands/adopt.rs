//! Tests of the command `adopt`: an onboarded instance, and instances without any trace of an onboarding.

use std::{fs, path::PathBuf, process::Output};

use onboarding_core::{names, onboarding::Onboarding};
use serde_json::{Value, json as object};
use tempfile::TempDir;
use test_support::member;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::{json, printed as lines};
use crate::{
    cloud::{Cloud, until},
    common::{err, onboard, out, root},
};

const ALIAS: &str = "acme-tokyo";
const BY_HAND: &str = "by-hand";
/// A group that only the second instance uses, so that syncs of the first instance do not depend on this group.
const AGENTS: &str = "Hand agents";

fn succeeds(cloud: &Cloud, arguments: &[&str]) -> Output {
    let output = cloud.onboard(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?} {}", lines(&output));
    output
}

fn agent(number: usize) -> Value {
    let username = format!("hand{number}@contoso.onmicrosoft.com");
    member(&format!("76000000-0000-4000-8000-{number:012}"), &username, &format!("Hand {number}"))
}

/// The items of a plan whose action is not `leave`, as kind and action.
fn planned(cloud: &Cloud, file: &str) -> Vec<(String, String)> {
    let plan = json(&cloud.onboard(&["plan", file, "--json"]).output().unwrap());
    let items = plan["items"].as_array().unwrap_or_else(|| panic!("{plan:#}")).iter();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    items.filter(|item| item["action"] != "leave").map(|item| (text(item, "kind"), text(item, "action"))).collect()
}

/// The cloud with an onboarding of `examples/everything.json` and a second instance, used by one test at a time. The
/// value is not dropped, so the program of the local cloud ends with the test program.
struct Fixture {
    cloud: &'static Cloud,
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Fixture {
    async fn enter() -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        static CLOUD: OnceCell<Cloud> = OnceCell::const_new();
        let alone = ALONE.lock().await;
        let cloud = CLOUD
            .get_or_init(|| async {
                let cloud = tokio::task::spawn_blocking(|| Cloud::with_everything(5)).await.unwrap();
                cloud.allow_instances(20).await;
                cloud
            })
            .await;
        Self { cloud, folder: tempfile::tempdir().unwrap(), _alone: alone }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `adopt` for an instance. Returns the path of the written input file, and the JSON object that the command
    /// printed.
    fn adopted(&self, alias: &str) -> (String, Value) {
        let file = self.path("adopted.json").display().to_string();
        let printed = json(&succeeds(self.cloud, &["adopt", alias, "--output", &file, "--yes", "--json"]));
        let checked = onboard().args(["check", &file]).output().unwrap();
        assert_eq!(checked.status.code(), Some(0), "{}", lines(&checked));
        let written: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(written, printed["onboarding"]);
        (file, printed)
    }

    /// Onboards an instance once, and then removes every trace of the onboarding: the registry entry and all tags.
    async fn set_up_by_hand(&self) {
        let cloud = self.cloud;
        if cloud.find_instance(BY_HAND).await.is_none() {
            let group = object!({
                "displayName": AGENTS, "mailEnabled": false, "mailNickname": "hand-agents", "securityEnabled": true,
            });
            cloud.graph("POST", "/groups", &group).await;
            let filter = "/groups?$filter=displayName%20eq%20%27Hand%20agents%27";
            until("Entra finds the group", async || {
                let found = cloud.graph("GET", filter, &Value::Null).await;
                (!found["value"].as_array().unwrap().is_empty()).then_some(())
            })
            .await;
            for number in 0..3 {
                cloud.add_member(AGENTS, &agent(number)).await;
            }
            let file = self.path("by-hand.json");
            let input = object!({
                "instance": { "alias": BY_HAND, "earlyMedia": true, "storage": { "chatTranscripts": false } },
                "iam": { "sessionDuration": "PT8H" },
                "signIn": { "destination": "ccp" },
                "phoneNumbers": [{ "country": "US", "type": "DID" }],
                "telephony": { "starterFlow": true },
                "language": "ja",
                "users": { "groups": [{
                    "group": AGENTS, "securityProfiles": ["Agent"],
                    "phone": { "autoAccept": true, "afterContactWorkSeconds": 30 },
                }] },
            });
            fs::write(&file, input.to_string()).unwrap();
            succeeds(cloud, &["start", file.to_str().unwrap(), "--wait"]);
        }
        let instance = cloud.instance(BY_HAND).await;
        let key = object!({ "instanceId": { "S": instance["Id"] } });
        let body = object!({ "TableName": cloud.output("RegistryTable"), "Key": key });
        cloud.call("dynamodb", "DynamoDB_20120810.DeleteItem", body).await;
        let keys = [names::MANAGED_BY_KEY, names::ONBOARDING_KEY, names::ENTRA_OBJECT_ID_KEY];
        let query = keys.map(|key| format!("tagKeys={key}")).join("&");
        for object in instance["users"].as_array().unwrap().iter().chain([&instance]) {
            let arn = object["Arn"].as_str().unwrap().replace(':', "%3A").replace('/', "%2F");
            cloud.rest("connect", "DELETE", &format!("/tags/{arn}?{query}"), &Value::Null).await;
        }
        remove_iam_tags(cloud).await;
        let application = cloud.application(BY_HAND).await;
        let tags = application["tags"].as_array().unwrap().iter();
        let tags: Vec<&Value> = tags.filter(|tag| !tag.as_str().unwrap().starts_with(names::MANAGED_BY)).collect();
        let path = format!("/servicePrincipals/{}", application["id"].as_str().unwrap());
        cloud.graph("PATCH", &path, &object!({ "tags": tags })).await;
        until("the application has no tag of an onboarding", async || {
            let tags = cloud.graph("GET", &path, &Value::Null).await["tags"].to_string();
            (!tags.contains(names::MANAGED_BY)).then_some(())
        })
        .await;
    }
}

/// Removes the tags of an onboarding from the objects in IAM.
async fn remove_iam_tags(cloud: &Cloud) {
    let instance = cloud.instance(BY_HAND).await;
    let account = instance["Arn"].as_str().unwrap().split(':').nth(4).unwrap().to_owned();
    let prefix = format!("arn:aws:iam::{account}");
    let provider = format!("{prefix}:saml-provider/{}", names::saml_provider(BY_HAND));
    let policy = format!("{prefix}:policy{}{}", names::IAM_PATH, names::policy(BY_HAND));
    let keys = [("TagKeys.member.1", names::MANAGED_BY_KEY), ("TagKeys.member.2", names::ONBOARDING_KEY)];
    for (action, name, value) in [
        ("UntagRole", "RoleName", names::role(BY_HAND)),
        ("UntagPolicy", "PolicyArn", policy),
        ("UntagSAMLProvider", "SAMLProviderArn", provider),
    ] {
        cloud.iam(action, &[&[(name, value.as_str())][..], &keys[..]].concat()).await;
    }
}

#[tokio::test]
async fn an_onboarded_instance_becomes_its_input_again_and_the_plan_has_nothing_to_do() {
    let fixture = Fixture::enter().await;
    let (file, printed) = fixture.adopted(ALIAS);
    assert_eq!((&printed["registered"], &printed["alias"]), (&object!(true), &object!(ALIAS)), "{printed:#}");
    assert_eq!(printed["openItems"], object!([]), "{printed:#}");
    let input = fs::read_to_string(root().join("examples/everything.json")).unwrap();
    let input = Onboarding::parse(&serde_json::from_str(&input).unwrap()).unwrap();
    assert_eq!(Onboarding::parse(&printed["onboarding"]).unwrap(), input);
    assert_eq!(planned(fixture.cloud, &file), []);

    // The adopted configuration contains settings that were changed manually.
    let id = fixture.cloud.instance(ALIAS).await["Id"].as_str().unwrap().to_owned();
    let attribute = format!("/instance/{id}/attribute/EARLY_MEDIA");
    fixture.cloud.rest("connect", "POST", &attribute, &object!({ "Value": "false" })).await;
    let (_, changed) = fixture.adopted(ALIAS);
    assert_eq!(changed["onboarding"]["instance"]["earlyMedia"], false);
    fixture.cloud.rest("connect", "POST", &attribute, &object!({ "Value": "true" })).await;
}

#[tokio::test]
async fn an_instance_without_tags_and_registry_entry_is_described_adopted_and_then_has_nothing_to_do() {
    let fixture = Fixture::enter().await;
    fixture.set_up_by_hand().await;
    let (file, printed) = fixture.adopted(BY_HAND);
    assert_eq!(printed["registered"], false, "{printed:#}");
    let adopted = Onboarding::parse(&printed["onboarding"]).unwrap();
    assert_eq!(adopted.iam.role_name, names::role(BY_HAND));
    assert_eq!(adopted.iam.session_duration, "PT8H");
    assert_eq!(printed["onboarding"]["signIn"]["destination"], "ccp");
    assert_eq!((adopted.instance.early_media, adopted.instance.storage.chat_transcripts), (Some(true), false));
    assert!(adopted.instance.storage.call_recordings);
    assert_eq!(printed["onboarding"]["telephony"]["starterFlow"], true);
    assert_eq!(printed["onboarding"]["language"], "ja", "the language of the flow");
    let group = &adopted.users.groups[0];
    assert_eq!((adopted.users.groups.len(), group.group.as_str()), (1, AGENTS));
    assert_eq!(group.security_profiles, ["Agent"]);
    assert_eq!((group.phone.auto_accept, group.phone.after_contact_work_seconds), (true, 30));
    assert_eq!(missing(fixture.cloud, &file), [item("registry entry", "create")]);

    succeeds(fixture.cloud, &["start", &file, "--wait"]);
    assert_eq!(planned(fixture.cloud, &file), []);
    let users = fixture.cloud.instance(BY_HAND).await["users"].clone();
    assert!(users.as_array().unwrap().iter().all(|user| user["Tags"]["managed-by"] == names::MANAGED_BY), "{users:#}");
    let (_, again) = fixture.adopted(BY_HAND);
    assert_eq!((&again["registered"], &again["onboarding"]), (&object!(true), &printed["onboarding"]));
}

/// The items of a plan that are neither kept nor adopted.
fn missing(cloud: &Cloud, file: &str) -> Vec<(String, String)> {
    planned(cloud, file).into_iter().filter(|(_, action)| action != "adopt").collect()
}

fn item(kind: &str, action: &str) -> (String, String) {
    (kind.to_owned(), action.to_owned())
}

/// The open item whose subject ends with this text.
fn open_item<'v>(printed: &'v Value, subject: &str) -> &'v Value {
    let mut items = printed["openItems"].as_array().unwrap().iter();
    let found = items.find(|item| item["subject"].as_str().unwrap().ends_with(subject));
    found.unwrap_or_else(|| panic!("{subject} is missing: {printed:#}"))
}

#[tokio::test]
async fn a_role_that_an_onboarding_cannot_use_and_unreadable_claims_are_open_items() {
    let fixture = Fixture::enter().await;
    fixture.set_up_by_hand().await;
    let cloud = fixture.cloud;
    let application = cloud.application(BY_HAND).await;
    let assigned = format!("/servicePrincipals/{}/claimsMappingPolicies", application["id"].as_str().unwrap());
    let policy = cloud.graph("GET", &assigned, &Value::Null).await["value"][0].clone();
    let path = format!("/policies/claimsMappingPolicies/{}", policy["id"].as_str().unwrap());
    let definition = policy["definition"][0].as_str().unwrap();
    let role = format!("{}{}", names::IAM_PATH, names::role(BY_HAND));
    let by_hand = definition.replace(&format!(":role{role},"), ":role/HandMade,");
    assert_ne!(by_hand, definition, "the claims name the role");
    cloud.graph("PATCH", &path, &object!({ "definition": [by_hand] })).await;
    let (file, printed) = fixture.adopted(BY_HAND);
    let role = open_item(&printed, ":role/HandMade");
    assert!(role["what"].as_str().unwrap().contains(&names::role(BY_HAND)), "{role:#}");
    let expected = [item("claims mapping policy", "change"), item("registry entry", "create")];
    assert_eq!(missing(cloud, &file), expected);
    cloud.graph("PATCH", &path, &object!({ "definition": [definition] })).await;

    // Claims that were edited in the portal are not part of a claims mapping policy, so the session duration is
    // unknown. The existing role has a different maximum session duration, so a new role is planned.
    let reference = format!("{assigned}/{}/$ref", policy["id"].as_str().unwrap());
    cloud.graph("DELETE", &reference, &Value::Null).await;
    let (file, printed) = fixture.adopted(BY_HAND);
    open_item(&printed, "claims of Amazon Connect by-hand");
    let adopted = Onboarding::parse(&printed["onboarding"]).unwrap();
    assert_eq!(adopted.users.groups[0].security_profiles, ["Agent"], "the usernames match the user principal names");
    assert_eq!(adopted.iam.role_name, format!("{}-2", names::role(BY_HAND)));
    let expected =
        [item("IAM role", "create"), item("claims mapping policy", "create"), item("registry entry", "create")];
    assert_eq!(missing(cloud, &file), expected);
    let url = format!("{}/v1.0{path}", cloud.addresses.graph_url);
    cloud.graph("POST", &format!("{assigned}/$ref"), &object!({ "@odata.id": url })).await;
}

#[tokio::test]
async fn several_applications_that_lead_to_one_instance_are_a_conflict() {
    let fixture = Fixture::enter().await;
    fixture.set_up_by_hand().await;
    let cloud = fixture.cloud;
    let application = cloud.application(BY_HAND).await;
    let other = cloud.application_named("Amazon Connect Acme Tokyo").await;
    let path = format!("/servicePrincipals/{}", other["id"].as_str().unwrap());
    let leads_to = async |of: &Value| {
        let settings = object!({ "samlSingleSignOnSettings": of["samlSingleSignOnSettings"] });
        cloud.graph("PATCH", &path, &settings).await;
    };
    leads_to(&application).await;
    let refused = cloud.onboard(&["adopt", BY_HAND]).output().unwrap();
    leads_to(&other).await;
    assert_eq!(refused.status.code(), Some(1), "{}", lines(&refused));
    assert!(err(&refused).contains("2 enterprise applications"), "{}", lines(&refused));
}

#[tokio::test]
async fn an_instance_that_cannot_be_adopted_is_refused_with_the_reason() {
    let fixture = Fixture::enter().await;
    let cloud = fixture.cloud;
    let fails = |arguments: &[&str], reason: &str| {
        let output = cloud.onboard(arguments).output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{}", lines(&output));
        assert!(err(&output).contains(reason), "{reason} is missing: {}", lines(&output));
    };
    fails(&["adopt", "acme-tokio"], "did you mean acme-tokyo?");
    fails(&["adopt", ALIAS, "--group", AGENTS], "omit --group");
    if cloud.find_instance("managed").await.is_none() {
        let body = object!({
            "IdentityManagementType": "CONNECT_MANAGED", "InstanceAlias": "managed",
            "InboundCallsEnabled": true, "OutboundCallsEnabled": true,
        });
        cloud.rest("connect", "PUT", "/instance", &body).await;
        cloud.create_instance("bare").await;
    }
    fails(&["adopt", "managed"], "CONNECT_MANAGED");
    fails(&["adopt", "bare"], "--group GROUP");
    fails(&["adopt", "bare", "--group", "Support agents"], "onboard init");
    // The state machine repeats a denied call twice, because a new permission becomes effective only after a delay.
    let denied = object!({
        "caller": "DescribeOnboarding", "service": "graph", "match": "GET /v1.0/servicePrincipals$", "times": 3,
        "status": 403, "code": "Authorization_RequestDenied",
    });
    cloud.fault(&denied).await;
    fails(&["adopt", "bare", "--group", "Support agents"], "Application.Read.All");

    let file = fixture.path("mine.json");
    fs::write(&file, "mine").unwrap();
    fails(&["adopt", ALIAS, "--output", file.to_str().unwrap()], "--yes");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let redirected = succeeds(cloud, &["adopt", ALIAS]);
    let value: Value = serde_json::from_str(&out(&redirected)).unwrap();
    assert_eq!(value["instance"]["alias"], ALIAS, "without --output, standard output is the file");
    assert!(err(&redirected).contains("DescribeOnboarding"), "{}", lines(&redirected));
}
