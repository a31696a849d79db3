//! End-to-end runs under one reading of each assumption. An end-to-end run takes an onboarding through all its phases
//! (onboarding, user sync, drift, rotation, teardown). Several end-to-end runs use the same local cloud one after the
//! other.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{member, with};

use crate::cloud::{Cloud, Ended, until};

const GROUP: &str = "Support agents";
/// With this clock scale, the hours between the steps of a rotation take seconds.
const CLOCK_SCALE: &str = "0.0005";
/// Number of members of the group.
const AGENTS: usize = 3;
/// Maximum number of attempts to start an execution while another sync is running.
const MOST_ATTEMPTS: usize = 20;

/// A local cloud in which several end-to-end runs take place, one after the other.
pub(super) struct Fixture {
    cloud: Cloud,
}

/// The result of one end-to-end run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Every open item, failure and drift finding in the form `resource: state`, in the order of the phases.
    pub(super) open: Vec<String>,
    /// The failed phases, with error name and cause.
    pub(super) failed: Vec<String>,
    /// Errors in the resulting resources.
    pub(super) wrong: Vec<String>,
}

fn agent(number: usize) -> Value {
    member(&member_id(number), &username(number), &format!("Agent {number}"))
}

fn member_id(number: usize) -> String {
    format!("75000000-0000-4000-8000-{number:012}")
}

fn username(number: usize) -> String {
    format!("agent{number}@contoso.onmicrosoft.com")
}

fn input(alias: &str) -> Value {
    json!({
        "instance": { "alias": alias },
        "quotas": { "concurrentActiveCalls": 20 },
        "phoneNumbers": [
            { "country": "US", "type": "DID", "quantity": 1 }, { "country": "JP", "type": "DID", "quantity": 1 },
        ],
        "documents": { "identity": "life/identity.png", "address": "life/address.pdf", "relationship": "life/relationship.pdf" },
        "users": {
            "groups": [{
                "group": GROUP, "securityProfiles": ["Agent"], "phone": { "autoAccept": true, "afterContactWorkSeconds": 30 },
                "channels": { "EMAIL": { "afterContactWorkSeconds": 300 } },
                "proficiencies": [{ "attribute": "Language", "value": "Japanese", "level": 5 }],
            }],
            "removed": { "action": "delete", "graceDays": 0, "quickConnects": { "transferTo": username(0) } },
            "brake": { "maxRemovals": 10, "maxRemovalsPercent": 100 },
        },
    })
}

impl Fixture {
    /// Deploys the stack. Another team's application already has the SAML identifier that AWS's gallery application
    /// uses by default.
    pub(super) async fn start() -> Self {
        let members: Vec<Value> = (0..AGENTS).map(agent).collect();
        let tenant = json!({ "groups": [{ "displayName": GROUP, "members": members }] });
        let begin = move || Cloud::idle_for(&tenant, &input("life"), CLOCK_SCALE);
        let fixture = Self { cloud: tokio::task::spawn_blocking(begin).await.unwrap() };
        fixture.cloud.allow_instances(100).await;
        fixture.neighbour().await;
        fixture
    }

    async fn neighbour(&self) {
        let template = "/applicationTemplates/8b1025e4-1dd2-430b-a150-2ef79cd700f5/instantiate";
        let made = self.cloud.graph("POST", template, &json!({ "displayName": "Another team's application" })).await;
        let id = made["application"]["id"].as_str().unwrap().to_owned();
        let principal = made["servicePrincipal"]["id"].as_str().unwrap();
        // In the local cloud, replication is finished after this delay, because the clock scale shortens the
        // replication time.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let saml = json!({ "preferredSingleSignOnMode": "saml" });
        self.cloud.graph("PATCH", &format!("/servicePrincipals/{principal}"), &saml).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let taken = json!({ "identifierUris": ["https://signin.aws.amazon.com/saml"] });
        self.cloud.graph("PATCH", &format!("/applications/{id}"), &taken).await;
    }

    /// Runs an onboarding through all phases while the local cloud uses the alternative reading of these assumptions.
    pub(super) async fn run_life(&self, names: &[&str], alias: &str) -> Outcome {
        self.assume(names).await;
        let mut outcome = Outcome::default();
        self.lose_responses().await;
        let ended = self.run("OnboardingStateMachineArn", &input(alias)).await;
        outcome.note("onboarding", &ended);
        outcome.expect(ended.output["signInVerified"] == true, "the sign-in is not verified");
        if !outcome.failed.is_empty() {
            return outcome;
        }
        let id = text(&self.cloud.instance(alias).await["Id"]);
        self.synced(alias, &id, &mut outcome).await;
        self.drift_reverted(alias, &id, &mut outcome).await;
        let rotated = self.run("RotateCertificateStateMachineArn", &json!({ "instanceId": id, "force": true })).await;
        outcome.note("rotation", &rotated);
        for instance in rotated.output["instances"].as_array().into_iter().flatten() {
            if instance["status"] != "ROTATED" {
                outcome.open.push(format!("rotation {}: {}", text(&instance["status"]), text(&instance["detail"])));
            }
        }
        self.signs_in(alias, 0, &mut outcome).await;
        self.torn_down(alias, &id, &mut outcome).await;
        let violations = self.cloud.admin("GET", "violations", &Value::Null).await;
        outcome.expect(violations == json!([]), &violations.to_string());
        outcome
    }

    /// Onboards an alias again after the instance with this alias was deleted.
    pub(super) async fn again(&self, names: &[&str], alias: &str) -> Ended {
        self.assume(names).await;
        self.run("OnboardingStateMachineArn", &input(alias)).await
    }

    async fn assume(&self, names: &[&str]) {
        self.cloud.admin("POST", "assume", &json!({ "names": names })).await;
    }

    /// Adds fault rules that drop the response of calls that have taken effect. The retry of a call then finds that the
    /// change already exists.
    async fn lose_responses(&self) {
        let lost = |service: &str, call: &str| json!({ "service": service, "match": call, "break": true });
        let rules = json!([
            lost("graph", "^POST .*/appRoleAssignedTo$"),
            lost("graph", "^POST .*/claimsMappingPolicies/.ref$"),
            lost("connect", "^DeleteInstance$"),
            lost("connect", "^AssociateUserProficiencies$"),
        ]);
        self.cloud.fault(&rules).await;
    }

    async fn run(&self, machine: &str, input: &Value) -> Ended {
        for _ in 0..MOST_ATTEMPTS {
            let ended = self.cloud.end_of(&self.cloud.start(machine, input).await).await;
            if ended.output["status"] != "BUSY" {
                return ended;
            }
            // Starting another sync now would request another pass of the running sync, so that the running sync would
            // take even longer.
            for running in self.cloud.execution_arns(machine, Some("RUNNING")).await {
                self.cloud.end_of(&running).await;
            }
        }
        panic!("{machine} is busy after all attempts");
    }

    /// Runs user syncs after three changes. An administrator changes the channels of one user. Another member, to whom
    /// a quick connect transfers contacts, leaves the group and returns. A new member joins.
    async fn synced(&self, alias: &str, id: &str, outcome: &mut Outcome) {
        let first = self.user(alias, 0).await;
        let path = format!("/users/{id}/{}/config", text(&first["Id"]));
        let accept = |channel: &str, accept: bool| json!({ "Channel": channel, "AutoAccept": accept });
        let by_hand = json!({ "AutoAcceptConfigs": [accept("VOICE", false), accept("CHAT", true)] });
        self.cloud.rest("connect", "POST", &path, &by_hand).await;
        self.cloud.quick_connect(id, &self.user(alias, 1).await["Id"], "Agent 1").await;
        let sync = json!({ "instanceId": id });
        self.cloud.remove_member(GROUP, &member_id(1)).await;
        self.cloud.add_member(GROUP, &agent(AGENTS)).await;
        outcome.note("sync", &self.run("UserSyncStateMachineArn", &sync).await);
        let names = self.usernames(alias).await;
        let denied = outcome.failed.iter().any(|failed| failed.starts_with("sync: AccessDenied"));
        let joined = names.contains(&username(AGENTS));
        let left = names.len() == AGENTS && !names.contains(&username(1));
        outcome.expect(
            joined && (left || denied && names.len() == AGENTS + 1),
            &format!("after a member left, the users are {names:?}"),
        );
        let quick_connects = self.cloud.instance(alias).await["quickConnects"].clone();
        let now = &quick_connects[0]["QuickConnectConfig"]["UserConfig"]["UserId"];
        outcome.expect(*now == first["Id"], &format!("the quick connect was not transferred: {quick_connects}"));
        let settings = self.user(alias, 0).await["AutoAcceptConfigs"].clone();
        let set =
            |channel: &str| settings.as_array().into_iter().flatten().find(|one| one["Channel"] == channel).cloned();
        outcome.expect(
            set("VOICE") == Some(accept("VOICE", true)),
            &format!("the phone setting was not restored: {settings}"),
        );
        for number in [0, AGENTS] {
            let assigned = self.user(alias, number).await["Proficiencies"].clone();
            let expected = json!([{ "AttributeName": "Language", "AttributeValue": "Japanese", "Level": 5.0 }]);
            outcome.expect(assigned == expected, &format!("user {number} has the proficiencies {assigned}"));
        }
        outcome.expect(set("CHAT") == Some(accept("CHAT", true)), &format!("another channel was changed: {settings}"));

        self.cloud.add_member(GROUP, &agent(1)).await;
        let back = self.run("UserSyncStateMachineArn", &sync).await;
        outcome.note("sync", &back);
        let failures = back.output["failures"].as_array().into_iter().flatten();
        outcome.open.extend(failures.map(|one| format!("sync {}: {}", text(&one["username"]), text(&one["reason"]))));
        // Another sync makes no changes.
        let again = self.run("UserSyncStateMachineArn", &sync).await;
        outcome.expect(
            again.output["counts"]["updated"] == 0,
            &format!("a sync without differences changed users: {}", again.output["counts"]),
        );
        let mut names = self.usernames(alias).await;
        names.sort();
        let failed = outcome.open.iter().any(|open| open.starts_with(&format!("sync {}", username(1))));
        let all = (0..=AGENTS).filter(|number| *number != 1 || !failed).map(username).collect::<Vec<_>>();
        outcome.expect(names == all, &format!("after the return there are {names:?}"));
        self.signs_in(alias, 0, outcome).await;
    }

    async fn drift_reverted(&self, alias: &str, id: &str, outcome: &mut Outcome) {
        let path = format!("/instance/{id}/attribute/CONTACTFLOW_LOGS");
        self.cloud.rest("connect", "POST", &path, &json!({ "Value": "false" })).await;
        let ended = self.run("DriftStateMachineArn", &json!({ "instanceId": id, "mend": true })).await;
        outcome.note("drift", &ended);
        let instances = ended.output["instances"].as_array().into_iter().flatten();
        let findings: Vec<&Value> =
            instances.flat_map(|one| one["findings"].as_array().into_iter().flatten()).collect();
        let ours = findings.iter().any(|finding| finding.to_string().contains("CONTACTFLOW_LOGS"));
        outcome.expect(ours, &format!("the drift of {alias} was not found: {findings:?}"));
        let open = findings.iter().filter(|finding| finding["mended"] != true);
        outcome.open.extend(open.map(|finding| format!("drift {finding}")));
    }

    async fn torn_down(&self, alias: &str, id: &str, outcome: &mut Outcome) {
        let machine = "TeardownStateMachineArn";
        let request = json!({ "instanceId": id, "instance": "delete" });
        let plan = self.run(machine, &request).await;
        if plan.status != "SUCCEEDED" {
            outcome.note("teardown plan", &plan);
        }
        let approval = json!({ "mode": "apply", "confirmAlias": alias, "approvedDigest": plan.output["digest"] });
        let ended = self.run(machine, &with(request, &approval)).await;
        self.cloud.remove_member(GROUP, &member_id(AGENTS)).await;
        outcome.note("teardown", &ended);
        let traces = self.traces(alias).await;
        outcome.expect(ended.status != "SUCCEEDED" || traces.is_empty(), &format!("the teardown left {traces:?}"));
        // The group's Graph subscription is deleted with the last onboarding of the group. The next run starts after
        // the deleted instance has disappeared from the list.
        until("the deleted instance is no longer listed", async || {
            (ended.status != "SUCCEEDED" || self.cloud.find_instance(alias).await.is_none()).then_some(())
        })
        .await;
    }

    async fn signs_in(&self, alias: &str, number: usize, outcome: &mut Outcome) {
        let name = format!("Amazon Connect {alias}");
        let sign_in = self.cloud.sign_in(&name, &member_id(number)).await;
        outcome.expect(sign_in["signedIn"] == true, &format!("the simulated sign-in failed: {sign_in}"));
    }

    async fn user(&self, alias: &str, number: usize) -> Value {
        let users = self.cloud.instance(alias).await["users"].as_array().unwrap().clone();
        users.into_iter().find(|user| user["Username"] == username(number)).unwrap()
    }

    async fn usernames(&self, alias: &str) -> Vec<String> {
        let users = self.cloud.instance(alias).await["users"].as_array().unwrap().clone();
        users.iter().map(|user| text(&user["Username"])).collect()
    }

    /// The services that still have a resource with a property that contains the alias.
    async fn traces(&self, alias: &str) -> Vec<String> {
        let inventory = self.cloud.inventory().await;
        ["graph", "iam", "connect"]
            .into_iter()
            .filter(|part| inventory[part].to_string().contains(alias))
            .map(String::from)
            .collect()
    }
}

impl Outcome {
    fn note(&mut self, phase: &str, ended: &Ended) {
        if ended.status != "SUCCEEDED" {
            self.failed.push(format!("{phase}: {}: {}", text(&ended.output["Error"]), text(&ended.output["Cause"])));
        }
        let items = ended.output["openItems"].as_array().into_iter().flatten();
        // Every teardown of a whole instance has these open items.
        let usual =
            |item: &&Value| !["instance", "storage", "quotas"].iter().any(|of| text(&item["subject"]).starts_with(of));
        self.open.extend(items.filter(usual).map(|item| format!("{phase}: {item}")));
    }

    fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.to_owned());
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
