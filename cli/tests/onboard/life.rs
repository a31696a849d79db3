//! The life of an onboarding in phases, one state machine each, driven as a person or an event would.

use std::{sync::OnceLock, time::Duration};

use super::kept::{Cloud, until};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

const GROUP: &str = "Support agents";
const GROUP_ID: &str = "67000000-0000-4000-8000-000000000001";
const PEOPLE: usize = 6;
/// So often somebody starts an execution again before it counts as lost.
const PATIENCE: usize = 12;

/// A state machine and what is started in it.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    output: &'static str,
}

/// The phases in their order.
pub(crate) const PHASES: [Machine; 2] = [
    Machine { name: "onboarding", output: "OnboardingStateMachineArn" },
    Machine { name: "user-sync", output: "UserSyncStateMachineArn" },
];

/// A call as the stand-in noted it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) simulated: bool,
    #[serde(default)]
    pub(crate) function: Option<String>,
}

impl Call {
    /// The state whose function made the call; `None` for Graph and the login service, which don't know their caller.
    pub(crate) fn state(&self) -> Option<&str> {
        self.function.as_deref()?.split('-').find_map(|part| part.strip_suffix("Function"))
    }
}

/// What a phase did.
pub(crate) struct Phase {
    pub(crate) machine: String,
    pub(crate) calls: Vec<Call>,
    /// How often somebody had to start it again.
    pub(crate) restarts: usize,
    /// The inventory without what chance decides: ids, certificates, times, the order of lists.
    pub(crate) end_state: Value,
}

impl Phase {
    /// The operations that were called.
    pub(crate) fn operations(&self) -> std::collections::BTreeSet<(&str, &str)> {
        self.calls.iter().map(|call| (call.service.as_str(), call.operation.as_str())).collect()
    }
}

/// A stack and a tenant of its own.
pub(crate) struct Life {
    pub(crate) cloud: Cloud,
}

fn member(number: usize) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.user", "id": member_id(number),
        "userPrincipalName": format!("agent{number}@contoso.onmicrosoft.com"), "givenName": "Agent",
        "surname": format!("Number {number}"), "displayName": format!("Agent {number}"), "mail": null,
        "accountEnabled": true, "userType": "Member",
    })
}

fn member_id(number: usize) -> String {
    format!("75000000-0000-4000-8000-{number:012}")
}

impl Life {
    pub(crate) async fn start() -> Self {
        let members: Vec<Value> = (0..PEOPLE).map(member).collect();
        let tenant = json!({ "groups": [{ "id": GROUP_ID, "displayName": GROUP, "members": members }] });
        // It waits for its processes, which the other tests of the group shall not.
        let cloud = tokio::task::spawn_blocking(move || Cloud::idle(&tenant)).await.unwrap();
        Self { cloud }
    }

    /// Goes through one phase, starting again what fails, until it is done.
    pub(crate) async fn phase(&self, machine: &Machine) -> Phase {
        let before = self.calls(0).await.len();
        if machine.name == "user-sync" {
            self.change_members(before).await;
        }
        let input = self.input(machine).await;
        let mut restarts = 0;
        loop {
            let ended = self.cloud.end_of(&self.cloud.start(machine.output, &input).await).await;
            if ended.status == "SUCCEEDED" && self.is_done(machine, &ended.output) {
                break;
            }
            if ended.output["status"] == "BUSY" {
                // The event's own sync is at work.
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            restarts += 1;
            assert!(restarts < PATIENCE, "{} does not come to its end: {}", machine.name, ended.output);
        }
        let inventory = self.cloud.admin("GET", "inventory", &Value::Null).await;
        Phase {
            machine: machine.name.to_owned(),
            calls: self.calls(before).await,
            restarts,
            end_state: without_chance(&inventory),
        }
    }

    async fn input(&self, machine: &Machine) -> Value {
        let onboarding = json!({
            "instance": { "alias": "acme-support" },
            "users": {
                "groups": [{ "group": GROUP, "securityProfiles": ["Agent"] }],
                "removed": { "action": "delete", "graceDays": 0 },
                "brake": { "maxRemovals": 10, "maxRemovalsPercent": 100 },
            },
        });
        match machine.name {
            "onboarding" => onboarding,
            _ => {
                let inventory = self.cloud.admin("GET", "inventory", &Value::Null).await;
                json!({ "instanceId": inventory["connect"]["instances"][0]["Id"] })
            }
        }
    }

    /// One comes and one goes, and Graph tells it. What hears of it may die, and then the queue tells it again after six
    /// minutes, which nobody waits for here.
    async fn change_members(&self, before: usize) {
        self.cloud.admin("POST", "members/add", &json!({ "group": GROUP, "member": member(PEOPLE) })).await;
        self.cloud.admin("POST", "members/remove", &json!({ "group": GROUP, "memberId": member_id(0) })).await;
        until("the event has started its sync, or its function was hit", async || {
            let executions = self.cloud.executions("UserSyncStateMachineArn").await;
            let started = executions.into_iter().any(|(_, input)| input["reason"] == "event");
            let calls = self.calls(before).await;
            let hit = calls.iter().any(|call| call.simulated && call.state() == Some("SyncMembers"));
            (started || hit).then_some(())
        })
        .await;
    }

    fn is_done(&self, machine: &Machine, output: &Value) -> bool {
        match machine.name {
            "onboarding" => output["signInVerified"] == true && output["openItems"] == json!([]),
            _ => output["status"] == "DONE",
        }
    }

    async fn calls(&self, after: usize) -> Vec<Call> {
        serde_json::from_value(self.cloud.admin("GET", &format!("calls?after={after}"), &Value::Null).await).unwrap()
    }
}

fn without_chance(value: &Value) -> Value {
    static CHANCE: OnceLock<Regex> = OnceLock::new();
    let chance = CHANCE.get_or_init(|| {
        let iam_id = "A[A-Z]{3}[0-9A-F]{16,17}";
        let guid = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
        let time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?";
        Regex::new(&format!(
            r"{guid}|{iam_id}|{time}|[0-9A-F]{{40}}|[A-Za-z0-9+/=_-]{{28,}}|\d{{9,}}(\.\d+)?|127\.0\.0\.1:\d+"
        ))
        .unwrap()
    });
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(without_chance).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "mailNickname")
            .map(|(key, value)| (chance.replace_all(key, "*").into_owned(), without_chance(value)))
            .collect(),
        Value::String(text) => chance.replace_all(text, "*").into_owned().into(),
        Value::Number(number) => chance.replace_all(&number.to_string(), "*").into_owned().into(),
        other => other.clone(),
    }
}
