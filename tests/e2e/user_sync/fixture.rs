//! An instance with its group and registry entry, in a cloud that the tests share.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use crate::cloud::{Cloud, until};
use serde_json::{Map, Value, json};
use test_support::{member, with};

/// Number of empty groups in the tenant, one per test.
const GROUPS: usize = 40;
/// Display name of the group that initially has three members. The tests that run an onboarding use this group.
pub(crate) const GROUP_WITH_MEMBERS: &str = "Group with members";
const STATE_MACHINE: &str = "UserSyncStateMachineArn";

pub(crate) fn cloud() -> &'static Cloud {
    static CLOUD: OnceLock<Cloud> = OnceLock::new();
    CLOUD.get_or_init(|| {
        let empty = |number| json!({ "id": group_id(number), "displayName": format!("Group {number}"), "members": [] });
        let with_members = json!({ "id": group_id(GROUPS), "displayName": GROUP_WITH_MEMBERS, "members": members() });
        let groups: Vec<Value> = (0..GROUPS).map(empty).chain([with_members]).collect();
        let cloud = Cloud::idle(&json!({ "groups": groups }));
        cloud.allow_instances_blocking(2 * GROUPS);
        cloud
    })
}

fn members() -> Vec<Value> {
    let onboarded = |number: usize| {
        let username = format!("onboarded{number}@contoso.onmicrosoft.com");
        member(&format!("76000000-0000-4000-8000-{number:012}"), &username, &format!("Onboarded {number}"))
    };
    (0..3).map(onboarded).collect()
}

fn group_id(number: usize) -> String {
    format!("67000000-0000-4000-8000-{number:012}")
}

/// The instance of one test.
pub(crate) struct Fixture {
    pub(crate) cloud: &'static Cloud,
    pub(crate) instance: String,
    number: usize,
}

impl Fixture {
    /// Creates an instance and a group with this many members, who have no Connect users yet.
    pub(crate) async fn with_members(members: usize) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(number < GROUPS, "more tests than groups");
        let cloud = cloud();
        let group = (group_id(number), format!("Group {number}"));
        let instance = cloud.registered_instance(&format!("sync-{number}"), &[group]).await;
        let fixture = Self { cloud, instance, number };
        for number in 0..members {
            fixture.joins(number).await;
        }
        fixture
    }

    pub(crate) fn alias(&self) -> String {
        format!("sync-{}", self.number)
    }

    /// Updates the registry entry of the instance.
    pub(crate) async fn update(&self, expression: &str, values: Value) {
        self.cloud.update_entry(&self.instance, expression, &values).await;
    }

    /// The registry entry, with plain values instead of DynamoDB's typed values.
    pub(crate) async fn entry(&self) -> Map<String, Value> {
        self.cloud.entry(&self.instance).await
    }

    pub(crate) fn username(&self, number: usize) -> String {
        format!("agent{number}.group{}@contoso.onmicrosoft.com", self.number)
    }

    fn member_id(&self, number: usize) -> String {
        format!("75000000-0000-4000-{:04}-{number:012}", 8000 + self.number)
    }

    pub(crate) async fn joins(&self, number: usize) {
        let member = member(&self.member_id(number), &self.username(number), &format!("Agent {number}"));
        self.cloud.add_member(&group_id(self.number), &member).await;
    }

    /// Passes an event about members of the group to `sync-members`. Returns the output.
    pub(crate) async fn reported(&self, added: &[usize], removed: &[usize]) -> Value {
        let ids = |numbers: &[usize]| numbers.iter().map(|&number| self.member_id(number)).collect::<Vec<_>>();
        let change = json!({ "groupId": group_id(self.number), "added": ids(added), "removed": ids(removed) });
        self.cloud.report_change(&change).await
    }

    pub(crate) async fn leaves(&self, number: usize) {
        self.cloud.remove_member(&group_id(self.number), &self.member_id(number)).await;
    }

    /// Adds a fault rule for `CreateUser` calls to this instance. By default, the rule applies once.
    pub(crate) async fn create_user_once(&self, effect: Value) {
        let rule = json!({ "service": "connect", "match": format!("^PUT /users/{}$", self.instance) });
        self.cloud.fault(&with(rule, &effect)).await;
    }

    /// Holds the next creation of a user at a gate until the test opens it.
    pub(crate) async fn hold_a_creation(&self, name: &str) -> String {
        self.hold_creations(name, 1).await
    }

    /// Holds this many user creations at a gate. If the number is 0, all creations are held until the gate is opened,
    /// including those of retries.
    pub(crate) async fn hold_creations(&self, name: &str, times: u32) -> String {
        let gate = format!("{name} of {}", self.instance);
        self.create_user_once(json!({ "gate": gate, "times": times })).await;
        gate
    }

    /// Starts a sync that only creates a plan, and therefore needs no lease. The sync runs until the test opens the
    /// gate. Returns the execution and the gate.
    pub(crate) async fn running_plan(&self) -> (String, String) {
        let gate = format!("plan of {}", self.instance);
        let matched = format!("^GET /security-profiles-summary/{}", self.instance);
        self.cloud.fault(&json!({ "service": "connect", "match": matched, "times": 1, "gate": gate })).await;
        let execution = self.start(json!({ "mode": "plan" })).await;
        self.until_held(&gate).await;
        (execution, gate)
    }

    /// Waits until a call waits at the gate.
    pub(crate) async fn until_held(&self, gate: &str) {
        until("a call waits at the gate", async || {
            let waiting = self.cloud.admin("GET", "gates", &Value::Null).await;
            (waiting[gate].as_u64() > Some(0)).then_some(())
        })
        .await;
    }

    /// Opens the gate, so that the held calls continue.
    pub(crate) async fn open(&self, gate: &str) {
        self.cloud.admin("POST", "gates", &json!({ "open": gate })).await;
    }

    /// Starts a sync. The input of the sync consists of the instance ID and these fields.
    pub(crate) async fn start(&self, fields: Value) -> String {
        self.cloud.start(STATE_MACHINE, &with(json!({ "instanceId": self.instance }), &fields)).await
    }

    /// Runs a sync, which must succeed. Returns its output.
    pub(crate) async fn sync(&self, fields: Value) -> Value {
        self.succeeded(&self.start(fields).await).await
    }

    /// The output of an execution, which must succeed.
    pub(crate) async fn succeeded(&self, execution: &str) -> Value {
        self.cloud.end_of(execution).await.succeeded()
    }

    /// The status of each completed `CreateUser` call of this instance.
    pub(crate) async fn create_user_calls(&self) -> Vec<u64> {
        let calls = self.cloud.admin("GET", "calls", &Value::Null).await;
        let path = format!("/users/{}", self.instance);
        let calls =
            calls.as_array().unwrap().iter().filter(|call| call["method"] == "PUT" && call["path"] == path.as_str());
        calls.map(|call| call["status"].as_u64().unwrap()).collect()
    }

    /// The users in Connect's format, sorted by username.
    pub(crate) async fn users(&self) -> Vec<Value> {
        let inventory = self.cloud.inventory().await;
        let instances = inventory["connect"]["instances"].as_array().unwrap().clone();
        let instance = instances.into_iter().find(|instance| instance["Id"] == self.instance.as_str()).unwrap();
        let mut users = instance["users"].as_array().unwrap().clone();
        users.sort_by_key(|user| user["Username"].to_string());
        users
    }

    pub(crate) async fn usernames(&self) -> Vec<String> {
        self.users().await.iter().map(|user| user["Username"].as_str().unwrap().to_owned()).collect()
    }

    /// The usernames of these members, in the order of [`Self::usernames`].
    pub(crate) fn of(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
        let mut names: Vec<String> = numbers.into_iter().map(|number| self.username(number)).collect();
        names.sort();
        names
    }
}
