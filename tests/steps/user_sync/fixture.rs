//! The test fixture for the user sync: a tenant, an instance, a registry entry, and functions that run the step.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_connect::types::{DirectoryType, UserSearchSummary};
use connect_onboarding::{
    context::Context,
    runtime::{adapter::Invocation, clock::Clock},
    user_sync::sync_users,
};
pub(crate) use local_cloud::stand_in::made_up::{person as member, person_id as member_id, username};
use local_cloud::stand_in::{Behaviour, Options, Tenant};
use onboarding_core::{
    StepError,
    sync::{SyncUsersInput, SyncUsersOutput},
};
use serde_json::{Map, Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

pub(crate) use crate::steps::support::{GROUP, GROUP_NAME};
use crate::steps::support::{StandIn, clients, credential};

/// The stand-in, the clients, the instance and its registry entry.
pub(crate) struct Fixture {
    pub(crate) cloud: StandIn,
    pub(crate) ctx: Context,
    pub(crate) instance_id: String,
    pub(crate) instance_arn: String,
    entry: Arc<Mutex<Value>>,
    attributes: Attributes,
    emulator: MockServer,
}

/// The attributes that were written to the registry, by the key of the item. The values are in the typed format of
/// `DynamoDB`.
type Attributes = Arc<Mutex<HashMap<String, Map<String, Value>>>>;

/// A mock of the emulator: `GetItem`, `BatchGetItem` and `UpdateItem` of `DynamoDB`, and `GetSecretValue` of Secrets
/// Manager.
#[derive(Default)]
pub(crate) struct Emulator(Arc<Mutex<Value>>, Attributes);

impl Emulator {
    fn item(&self, key: &str) -> Value {
        let mut item = self.1.lock().unwrap().get(key).cloned().unwrap_or_default();
        let entry = self.0.lock().unwrap();
        if entry["instanceId"] == key {
            item.insert("config".into(), json!({ "S": entry.to_string() }));
        }
        if item.is_empty() {
            return json!({});
        }
        item.insert("instanceId".into(), json!({ "S": key }));
        json!({ "Item": item })
    }

    /// Returns whether the item was last written with a greater lease number. Other conditions are tested only in the
    /// end-to-end tests.
    fn is_fenced_off(&self, key: &str, request: &Value) -> bool {
        let compares =
            request["ConditionExpression"].as_str().is_some_and(|text| text.ends_with("leaseNumber <= :number"));
        let number = |value: &Value| value["N"].as_str().map_or(0, |number| number.parse::<u64>().unwrap());
        let attributes = self.1.lock().unwrap();
        let stored = attributes.get(key).map_or(0, |item| item.get("leaseNumber").map_or(0, number));
        compares && stored > number(&request["ExpressionAttributeValues"][":number"])
    }

    /// Applies an `UpdateItem` request: sets and removes attributes of the item.
    fn update(&self, key: &str, request: &Value) {
        let expression = request["UpdateExpression"].as_str().unwrap().replace('#', "");
        let (set, removed) = expression.split_once("REMOVE").unwrap_or((&expression, ""));
        let mut attributes = self.1.lock().unwrap();
        let item = attributes.entry(key.to_owned()).or_default();
        for assignment in set.trim().trim_start_matches("SET ").split(',').filter(|part| !part.trim().is_empty()) {
            let (name, value) = assignment.split_once('=').unwrap();
            item.insert(name.trim().to_owned(), request["ExpressionAttributeValues"][value.trim()].clone());
        }
        for name in removed.split(',') {
            item.remove(name.trim());
        }
    }
}

impl Respond for Emulator {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let target = request.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = match target.rsplit('.').next() {
            Some(operation @ ("GetItem" | "UpdateItem")) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let key = body["Key"]["instanceId"]["S"].as_str().unwrap();
                if operation == "UpdateItem" {
                    if self.is_fenced_off(key, &body) {
                        let refused = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
                        return ResponseTemplate::new(400).set_body_json(json!({ "__type": refused }));
                    }
                    self.update(key, &body);
                }
                self.item(key)
            }
            Some("BatchGetItem") => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let keys = body["RequestItems"]["registry"]["Keys"].as_array().unwrap();
                let items = keys
                    .iter()
                    .filter_map(|key| self.item(key["instanceId"]["S"].as_str().unwrap()).get("Item").cloned());
                json!({ "Responses": { "registry": items.collect::<Vec<_>>() }, "UnprocessedKeys": {} })
            }
            Some("GetSecretValue") => credential(),
            _ => return ResponseTemplate::new(400),
        };
        ResponseTemplate::new(200).set_body_json(body)
    }
}

impl Fixture {
    /// Starts with a group of `members` and an instance without users. Nothing is delayed.
    pub(crate) async fn with_members(members: usize) -> Self {
        Self::build((0..members).map(member).collect(), false, |_| {}).await
    }

    pub(crate) async fn build(
        members: Vec<Map<String, Value>>,
        real_rates: bool,
        behave: impl FnOnce(&mut Behaviour),
    ) -> Self {
        Self::build_with(members, real_rates, None, behave).await
    }

    /// Builds a fixture in which the function's waits before retries take a fiftieth of the time.
    pub(crate) async fn with_short_waits(members: usize, behave: impl FnOnce(&mut Behaviour)) -> Self {
        Self::build_with((0..members).map(member).collect(), false, Some("0.02"), behave).await
    }

    async fn build_with(
        members: Vec<Map<String, Value>>,
        real_rates: bool,
        clock_scale: Option<&str>,
        behave: impl FnOnce(&mut Behaviour),
    ) -> Self {
        let entry = Arc::new(Mutex::new(Value::Null));
        let emulator = MockServer::start().await;
        let attributes = Attributes::default();
        let registry = Emulator(Arc::clone(&entry), Arc::clone(&attributes));
        Mock::given(any()).respond_with(registry).mount(&emulator).await;
        let mut behaviour = Behaviour { user_visible_seconds: 0.0, user_listed_seconds: 0.0, ..Behaviour::default() };
        behaviour.quotas.insert("L-9A46857E".into(), 100_000.0);
        behaviour.graph.membership_seconds = 0.0;
        behaviour.graph.resource_units = Some(1_000_000);
        behave(&mut behaviour);
        let tenant = Tenant::with_group(GROUP, GROUP_NAME, members);
        let options = Options { real_rates, behaviour, ..Options::made_up(emulator.uri(), tenant) };
        let cloud = StandIn::start(options).await;
        let ctx = clients(&cloud, |name| match name {
            Clock::SCALE => clock_scale.map(ToOwned::to_owned),
            "AWS_ENDPOINT_URL" => clock_scale.map(|_| cloud.aws_url()),
            _ => None,
        });
        let made = ctx
            .connect()
            .create_instance()
            .identity_management_type(DirectoryType::Saml)
            .instance_alias("acme-support")
            .inbound_calls_enabled(true)
            .outbound_calls_enabled(true)
            .send()
            .await
            .unwrap();
        cloud.advance(60.0);
        let (instance_id, instance_arn) = (made.id.unwrap(), made.arn.unwrap());
        *entry.lock().unwrap() = crate::steps::support::entry(&instance_id, &instance_arn);
        let fixture = Self { cloud, ctx, instance_id, instance_arn, entry, attributes, emulator };
        fixture.calls();
        fixture
    }

    /// Changes a setting in `users` of the input.
    pub(crate) fn set_users(&self, pointer: &str, value: Value) {
        let mut entry = self.entry.lock().unwrap();
        let users = entry.get_mut("users").unwrap();
        match pointer.rsplit_once('/') {
            Some((parent, key)) => users.pointer_mut(parent).unwrap()[key] = value,
            None => users[pointer] = value,
        }
    }

    /// Changes attributes of the instance in the registry.
    pub(crate) fn registry(&self, change: impl FnOnce(&mut Map<String, Value>)) {
        change(self.attributes.lock().unwrap().entry(self.instance_id.clone()).or_default());
    }

    /// The stored state of the incremental syncs, or `None` if there is none.
    pub(crate) fn tracking(&self) -> Option<Value> {
        let attributes = self.attributes.lock().unwrap();
        let state = attributes.get(&format!("delta#{}", self.instance_id))?.get("tracking")?;
        Some(serde_json::from_str(state["S"].as_str().unwrap()).unwrap())
    }

    /// Changes the stored state of the incremental syncs.
    pub(crate) fn change_tracking(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.tracking().unwrap();
        change(&mut state);
        self.set_tracking(&state);
    }

    /// Sets the stored state of the incremental syncs, except for the members.
    pub(crate) fn set_tracking(&self, state: &Value) {
        let mut attributes = self.attributes.lock().unwrap();
        let item = attributes.get_mut(&format!("delta#{}", self.instance_id)).unwrap();
        item.insert("tracking".into(), json!({ "S": state.to_string() }));
    }

    /// Changes the registry entry.
    pub(crate) fn set_entry(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.entry.lock().unwrap());
    }

    /// Approves the current request, as `onboard approve` does.
    pub(crate) fn approve(&self) {
        self.registry(|item| {
            item.insert("approvedDigest".into(), item["approvalDigest"].clone());
            item.insert("approvedChunks".into(), item["approvalChunks"].clone());
            item.insert("approvedBy".into(), json!({ "S": "arn:aws:iam::111122223333:user/operator" }));
            item.insert("approvedAt".into(), json!({ "N": "1764500000000" }));
            item.insert("approvedUntil".into(), json!({ "N": "9999999999999" }));
            item.retain(|name, _| !name.starts_with("approval"));
        });
    }

    /// Denies one read of the registry, after this number of further reads.
    pub(crate) async fn deny_registry_read_after(&self, reads: usize) {
        let read = AtomicUsize::new(0);
        let denied = move |request: &Request| {
            let target = request.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
            target.ends_with(".GetItem") && read.fetch_add(1, Ordering::Relaxed) == reads
        };
        let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException" });
        let response = ResponseTemplate::new(400).set_body_json(body);
        Mock::given(denied).respond_with(response).with_priority(1).expect(1).mount(&self.emulator).await;
    }

    pub(crate) fn input(&self) -> SyncUsersInput {
        SyncUsersInput { instance_id: self.instance_id.clone(), ..SyncUsersInput::default() }
    }

    /// Calls the step once, with a time limit of five minutes.
    pub(crate) async fn sync(&self) -> Result<SyncUsersOutput, StepError> {
        self.round(self.input(), Duration::from_secs(300)).await
    }

    pub(crate) async fn round(&self, input: SyncUsersInput, time: Duration) -> Result<SyncUsersOutput, StepError> {
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap();
        sync_users::run(&self.ctx, input, Invocation { deadline_ms }).await
    }

    /// The users in Connect, ordered by username.
    pub(crate) async fn users(&self) -> Vec<UserSearchSummary> {
        let mut users: Vec<UserSearchSummary> = self
            .ctx
            .connect()
            .search_users()
            .instance_id(&self.instance_id)
            .into_paginator()
            .page_size(500)
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        users.sort_by(|one, other| one.username.cmp(&other.username));
        self.calls();
        users
    }

    pub(crate) async fn usernames(&self) -> Vec<String> {
        self.users().await.into_iter().map(|user| user.username.unwrap()).collect()
    }

    /// Creates a user with this security profile and without the tags of this product, as an administrator would.
    pub(crate) async fn user_by_hand(&self, username: &str, profile: &str) {
        let profiles = self.ctx.connect().list_security_profiles().instance_id(&self.instance_id).send().await.unwrap();
        let routings = self.ctx.connect().list_routing_profiles().instance_id(&self.instance_id).send().await.unwrap();
        let security = profiles.security_profile_summary_list().iter().find(|found| found.name() == Some(profile));
        self.ctx
            .connect()
            .create_user()
            .instance_id(&self.instance_id)
            .username(username)
            .identity_info(
                aws_sdk_connect::types::UserIdentityInfo::builder().first_name("By").last_name("Hand").build(),
            )
            .security_profile_ids(security.unwrap().id().unwrap())
            .routing_profile_id(routings.routing_profile_summary_list()[0].id().unwrap())
            .send()
            .await
            .unwrap();
        self.calls();
    }

    pub(crate) fn fault(&self, rule: Value) {
        self.cloud.fault(rule);
    }

    /// The operations called since the last call of this method.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.cloud.operations()
    }

    /// The operations that changed something in Connect, since the last call of this method or [`Self::calls`].
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = ["Create", "Update", "Delete", "Tag", "Untag", "Associate", "Disassociate"];
        let in_connect = |call: &String| writes.iter().any(|verb| call.starts_with(verb)) && call != "UpdateItem";
        self.calls().into_iter().filter(in_connect).collect()
    }
}
