//! Runs an onboarding through all its phases, from the start to the teardown, with one state machine per phase. In each
//! phase, members, operators, events and schedules act as in production. A run through all phases is called an
//! end-to-end run.

use std::{cell::RefCell, collections::BTreeSet, sync::OnceLock, time::Duration};

use super::cloud::{Cloud, until};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};
use test_support::{member, with};

const ALIAS: &str = "acme-support";
const ROLE: &str = "AmazonConnect-acme-support";
const GROUP: &str = "Support agents";
const GROUP_ID: &str = "67000000-0000-4000-8000-000000000001";
const MEMBERS: usize = 6;
/// Maximum number of attempts to hold a sync until a second sync ends with the status `BUSY`.
const MOST_HELD_SYNCS: usize = 10;
/// Maximum number of restarts of an execution.
const MOST_RESTARTS: usize = 12;
/// With this clock scale, the hours between the steps of a rotation take seconds.
const CLOCK_SCALE: &str = "0.0005";
const FAR: &str = "9999999999999";

/// A phase of the end-to-end run. Each phase runs one state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Machine {
    Onboarding,
    UserSync,
    Plan,
    Drift,
    RotateCertificate,
    Teardown,
}

impl Machine {
    /// All phases in order.
    pub(crate) const ALL: [Self; 6] =
        [Self::Onboarding, Self::UserSync, Self::Plan, Self::Drift, Self::RotateCertificate, Self::Teardown];

    /// The name of the state machine's file in `statemachine/`.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding",
            Self::UserSync => "user-sync",
            Self::Plan => "plan",
            Self::Drift => "drift",
            Self::RotateCertificate => "rotate-certificate",
            Self::Teardown => "teardown",
        }
    }

    /// The state machine's logical id in the template.
    pub(crate) fn id(self) -> String {
        format!("{self:?}StateMachine")
    }

    fn output(self) -> String {
        format!("{}Arn", self.id())
    }
}

/// A call recorded by the stand-in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) simulated: bool,
    function: Option<String>,
    state: Option<String>,
}

impl Call {
    /// The caller: `machine/State`, the function that an event invoked, or `None` for a test's own call.
    pub(crate) fn caller(&self) -> Option<String> {
        let Some(state) = &self.state else { return part(self.function.as_deref()?, "Function").map(str::to_owned) };
        let (machine, state) = state.split_once('/').unwrap();
        let id = part(machine, "StateMachine").unwrap();
        let machine = Machine::ALL.into_iter().find(|machine| format!("{machine:?}") == id);
        Some(format!("{}/{state}", machine.unwrap().file()))
    }
}

/// Returns the first part of a hyphenated name that ends with this suffix. The suffix is removed from the result.
fn part<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    name.split('-').find_map(|part| part.strip_suffix(end))
}

/// The result of a phase.
pub(crate) struct Phase {
    pub(crate) machine: Machine,
    pub(crate) calls: Vec<Call>,
    /// Why executions of this phase were restarted.
    pub(crate) restarts: Vec<String>,
    /// The inventory without the values that differ between runs. Ids, certificates, times, and the order of lists
    /// differ.
    pub(crate) end_state: Value,
}

impl Phase {
    /// The states whose functions made calls.
    pub(crate) fn functions(&self) -> BTreeSet<String> {
        let of_states = self.calls.iter().filter(|call| call.function.is_some() && call.state.is_some());
        of_states.filter_map(Call::caller).collect()
    }

    /// Caller, service and operation of all calls.
    pub(crate) fn operations(&self) -> BTreeSet<(String, &str, &str)> {
        let named = |call| Some((Call::caller(call)?, call.service.as_str(), call.operation.as_str()));
        self.calls.iter().filter_map(named).collect()
    }
}

/// A stack with its own tenant.
pub(crate) struct Life {
    pub(crate) cloud: Cloud,
    restarts: RefCell<Vec<String>>,
}

fn agent(number: usize) -> Value {
    member(&member_id(number), &format!("agent{number}@contoso.onmicrosoft.com"), &format!("Agent {number}"))
}

fn member_id(number: usize) -> String {
    format!("75000000-0000-4000-8000-{number:012}")
}

/// An input with a quota, a claimed phone number, and a removal limit of zero.
fn input() -> Value {
    json!({
        "instance": { "alias": ALIAS, "approvedOrigins": ["https://crm.example.com"] },
        "signIn": { "destination": "agentWorkspace" },
        "quotas": { "concurrentActiveCalls": 20 },
        "phoneNumbers": [{ "country": "US", "type": "DID", "quantity": 1 }],
        "telephony": { "starterFlow": true },
        "users": {
            "groups": [{ "group": GROUP, "securityProfiles": ["Agent"], "channels": { "CHAT": { "autoAccept": true } }, "proficiencies": [{ "attribute": "Language", "value": "Japanese", "level": 5 }] }],
            "removed": { "action": "delete", "graceDays": 0 },
            "brake": { "maxRemovals": 0, "maxRemovalsPercent": 100 },
        },
    })
}

impl Life {
    pub(crate) async fn start() -> Self {
        let members: Vec<Value> = (0..MEMBERS).map(agent).collect();
        let tenant = json!({ "groups": [{ "id": GROUP_ID, "displayName": GROUP, "members": members }] });
        // Starting a local cloud blocks the thread. A separate thread is used, so that other end-to-end runs are not
        // delayed.
        let begin = move || Cloud::idle_for(&tenant, &input(), CLOCK_SCALE);
        let cloud = tokio::task::spawn_blocking(begin).await.unwrap();
        Self { cloud, restarts: RefCell::default() }
    }

    /// Runs one phase. Restarts failed executions until the phase is complete.
    pub(crate) async fn phase(&self, machine: Machine) -> Phase {
        let before = self.calls(0).await.len();
        self.restarts.take();
        match machine {
            Machine::Onboarding => self.onboarded().await,
            Machine::UserSync => self.synced(before).await,
            Machine::Plan => {
                self.run(machine, &input(), |output| output["status"] == "PLANNED").await;
            }
            Machine::Drift => self.drift_reverted().await,
            Machine::RotateCertificate => {
                let rotated = |output: &Value| output["instances"][0]["status"] == "ROTATED";
                self.run(machine, &json!({ "force": true }), rotated).await;
            }
            Machine::Teardown => self.torn_down().await,
        }
        let inventory = self.cloud.inventory().await;
        let calls = self.calls(before).await;
        Phase { machine, calls, restarts: self.restarts.take(), end_state: without_random_parts(&inventory) }
    }

    /// Starts executions one after the other until the output of an execution is complete. Returns that output.
    async fn run(&self, machine: Machine, input: &Value, done: impl Fn(&Value) -> bool) -> Value {
        loop {
            let ended = self.cloud.end_of(&self.cloud.start(&machine.output(), input).await).await;
            if ended.status == "SUCCEEDED" && done(&ended.output) {
                return ended.output;
            }
            if ended.output["status"] == "BUSY" {
                // The sync that the event started is still running.
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            self.restart(machine, &ended.output);
        }
    }

    fn restart(&self, machine: Machine, why: &Value) {
        // If the result is not complete, the reason for the restart includes the findings that are still open.
        let findings = why["instances"].as_array().into_iter().flatten().flat_map(|one| one["findings"].as_array());
        let open = findings.flatten().filter(|finding| finding["mended"] != true).cloned().collect::<Vec<_>>();
        let result = [&why["Error"], &why["Cause"], &why["status"], &why["openItems"], &why["signOn"]["verification"]];
        self.restarts.borrow_mut().push(format!("{result:?} {open:?}"));
        let restarts = self.restarts.borrow();
        assert!(restarts.len() < MOST_RESTARTS, "{machine:?} does not finish: {restarts:#?}");
    }

    async fn onboarded(&self) {
        let done = |output: &Value| output["signInVerified"] == true && output["openItems"] == json!([]);
        self.run(Machine::Onboarding, &input(), done).await;
    }

    /// A member joins, and Graph sends a notification. Then a member leaves. The removal exceeds the removal limit, so
    /// the sync requests approval. While a sync is running, another sync ends with the status `BUSY`. After the
    /// approval, a sync removes the user. Another execution acquires the lease that a killed execution still holds.
    async fn synced(&self, before: usize) {
        let sync = json!({ "instanceId": self.instance().await });
        let done = |output: &Value| output["status"] == "DONE";
        self.changed(&[agent(MEMBERS)], &[], before).await;
        self.settled().await;
        let plan = json!({ "instanceId": sync["instanceId"], "mode": "plan" });
        self.run(Machine::UserSync, &plan, |output| output["status"] == "PLANNED").await;
        // If the function that starts the sync after an event was killed, only this sync gathers changes.
        self.run(Machine::UserSync, &with(sync.clone(), &json!({ "reason": "event" })), done).await;

        self.settled().await;
        self.changed(&[], &[0], self.calls(0).await.len()).await;
        self.settled().await;
        self.run(Machine::UserSync, &sync, |output| output["status"] == "UNSAFE_PLAN").await;
        self.busy(&sync).await;
        let approved = self.approve().await;
        self.run(Machine::UserSync, &with(sync.clone(), &json!({ "approvedDigest": approved })), done).await;

        self.settled().await;
        let (killed, _) = self.cloud.executions(&Machine::UserSync.output()).await.remove(0);
        self.hold(&killed).await;
        self.run(Machine::UserSync, &sync, done).await;
        self.settled().await;
    }

    /// Holds a sync while this sync reads the users. Starts a second sync, which must end with the status `BUSY`. On a
    /// slow machine, the held sync can time out before the second sync requests the lease, so several attempts are
    /// allowed.
    async fn busy(&self, sync: &Value) {
        for attempt in 0..MOST_HELD_SYNCS {
            // A gate can't be closed after it was opened, so each attempt uses a gate of its own.
            if self.is_busy(sync, &format!("a sync reads the users ({attempt})")).await {
                return;
            }
        }
        panic!("no sync ended as busy while another sync was held");
    }

    /// Holds a sync at a gate. Returns whether a second sync ends with the status `BUSY` while the first sync is held.
    async fn is_busy(&self, sync: &Value, gate: &str) -> bool {
        let held = json!({ "caller": "/SyncUsers$", "service": "connect", "match": "^SearchUsers$", "gate": gate });
        self.cloud.fault(&held).await;
        let holder = self.cloud.start(&Machine::UserSync.output(), sync).await;
        let is_held = until("the sync is held, or has ended", async || {
            let waiting = self.cloud.admin("GET", "gates", &Value::Null).await;
            let running = self.running().await.contains(&holder);
            (waiting[gate].as_u64() > Some(0)).then_some(true).or((!running).then_some(false))
        })
        .await;
        let other = match is_held {
            true => self.cloud.end_of(&self.cloud.start(&Machine::UserSync.output(), sync).await).await.output,
            false => Value::Null,
        };
        // Without this field, the sync that holds the lease makes no further pass.
        self.registry("REMOVE dirty", &Value::Null).await;
        self.cloud.admin("POST", "gates", &json!({ "open": gate })).await;
        let ended = self.cloud.end_of(&holder).await;
        if ended.status != "SUCCEEDED" {
            self.restart(Machine::UserSync, &ended.output);
        }
        other["status"] == "BUSY"
    }

    /// Adds and removes members, for which Graph sends a notification. If the function that receives the resulting
    /// event is killed, the queue delivers the event again after six minutes. This test does not wait that long and
    /// starts the sync itself.
    async fn changed(&self, joiners: &[Value], leavers: &[usize], before: usize) {
        for member in joiners {
            self.cloud.add_member(GROUP, member).await;
        }
        for number in leavers {
            self.cloud.remove_member(GROUP, &member_id(*number)).await;
        }
        until("the event has started its sync, or its function was killed", async || {
            let calls = self.calls(before).await;
            let of_event = calls.iter().filter(|call| call.caller().as_deref() == Some("SyncMembers"));
            let handled = of_event.filter(|call| call.simulated || call.operation == "StartExecution").count();
            (handled > 0).then_some(())
        })
        .await;
    }

    /// Waits until no user sync is running.
    async fn settled(&self) {
        until("no user sync is running", async || self.running().await.is_empty().then_some(())).await;
    }

    async fn running(&self) -> Vec<String> {
        self.cloud.execution_arns(&Machine::UserSync.output(), Some("RUNNING")).await
    }

    /// Approves the current request, as `onboard approve` does. Returns the digest of the request.
    async fn approve(&self) -> String {
        let entry = self.cloud.entry(&self.instance().await).await;
        let values = json!({ ":me": { "S": "arn:aws:iam::000000000000:user/operator" }, ":now": { "N": "1" }, ":until": { "N": FAR } });
        let update = "SET approvedDigest = approvalDigest, approvedChunks = approvalChunks, approvedBy = :me, \
                      approvedAt = :now, approvedUntil = :until REMOVE approvalDigest, approvalChunks, approvalUntil";
        self.registry(update, &values).await;
        entry["approvalDigest"].as_str().unwrap().to_owned()
    }

    /// Assigns the lease of the instance to an execution.
    async fn hold(&self, execution: &str) {
        let values = json!({ ":lease": { "S": execution }, ":until": { "N": FAR } });
        self.registry("SET lease = :lease, leaseUntil = :until", &values).await;
    }

    async fn registry(&self, update: &str, values: &Value) {
        self.cloud.update_entry(&self.instance().await, update, values).await;
    }

    /// Changes settings manually; the drift check finds and reverts the changes.
    async fn drift_reverted(&self) {
        let id = self.instance().await;
        let path = format!("/instance/{id}/attribute/CONTACTFLOW_LOGS");
        self.cloud.rest("connect", "POST", &path, &json!({ "Value": "false" })).await;
        let origin = format!("/instance/{id}/approved-origin?origin=https%3A%2F%2Fcrm.example.com");
        self.cloud.rest("connect", "DELETE", &origin, &Value::Null).await;
        let wide = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::000000000000:root" }, "Action": "sts:AssumeRole",
        }] });
        let trust = [("RoleName", ROLE), ("PolicyDocument", &wide.to_string())];
        self.cloud.iam("UpdateAssumeRolePolicy", &trust).await;
        let principal = self.cloud.inventory().await["graph"]["servicePrincipals"][0].clone();
        let path = format!("/servicePrincipals/{}", principal["id"].as_str().unwrap());
        let relay = json!({ "samlSingleSignOnSettings": { "relayState": "https://elsewhere.example" } });
        self.cloud.graph("PATCH", &path, &relay).await;
        let assignment = principal["appRoleAssignedTo"][0]["id"].as_str().unwrap();
        self.cloud.graph("DELETE", &format!("{path}/appRoleAssignedTo/{assignment}"), &Value::Null).await;

        let reverted = |output: &Value| {
            let mut findings =
                output["instances"].as_array().unwrap().iter().flat_map(|one| one["findings"].as_array());
            findings.all(|findings| findings.iter().all(|finding| finding["mended"] == true))
        };
        self.run(Machine::Drift, &json!({ "instanceId": id, "mend": true }), reverted).await;
    }

    /// Deletes the users and the federation although a killed execution holds the lease. Then deletes the instance with
    /// its phone numbers, after the instance has been removed from the registry.
    async fn torn_down(&self) {
        let id = self.instance().await;
        let (killed, _) = self.cloud.executions(&Machine::UserSync.output()).await.remove(0);
        self.hold(&killed).await;
        for request in
            [json!({ "instanceId": id, "users": "delete" }), json!({ "instanceId": id, "instance": "delete" })]
        {
            let planned = |output: &Value| output["status"] == "PLANNED";
            let plan = self.run(Machine::Teardown, &request, planned).await;
            let approval = json!({ "mode": "apply", "confirmAlias": ALIAS, "approvedDigest": plan["digest"] });
            let apply = with(request, &approval);
            self.run(Machine::Teardown, &apply, |output| output["status"] == "DONE").await;
        }
    }

    async fn instance(&self) -> String {
        self.cloud.inventory().await["connect"]["instances"][0]["Id"].as_str().unwrap().to_owned()
    }

    async fn calls(&self, after: usize) -> Vec<Call> {
        serde_json::from_value(self.cloud.admin("GET", &format!("calls?after={after}"), &Value::Null).await).unwrap()
    }
}

fn without_random_parts(value: &Value) -> Value {
    static RANDOM: OnceLock<Regex> = OnceLock::new();
    let random = RANDOM.get_or_init(|| {
        let iam_id = "A[A-Z]{3}[0-9A-F]{16,17}";
        let guid = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
        let time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?";
        Regex::new(&format!(
            r"{guid}|{iam_id}|{time}|[0-9A-F]{{40}}|[0-9a-f]{{12}}\]|[A-Za-z0-9+/=_-]{{28,}}|\d{{9,}}(\.\d+)?|127\.0\.0\.1:\d+"
        ))
        .unwrap()
    });
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(without_random_parts).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "mailNickname")
            .map(|(key, value)| (random.replace_all(key, "*").into_owned(), without_random_parts(value)))
            .collect(),
        Value::String(text) => random.replace_all(text, "*").into_owned().into(),
        Value::Number(number) => random.replace_all(&number.to_string(), "*").into_owned().into(),
        other => other.clone(),
    }
}
