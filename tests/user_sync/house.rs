//! A tenant, an instance and a registry entry, and how to run the step on them.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_connect::{
    config::{Credentials, SharedCredentialsProvider},
    types::{DirectoryType, UserSearchSummary},
};
use connect_onboarding::{clients::Clients, serve::Invocation, settings::Settings, steps::sync_users};
use local_cloud::{Behaviour, ClientCredentials, FaultRule, LocalCloud, Options, Tenant};
use onboarding_core::{
    StepError,
    sync::{SyncUsersInput, SyncUsersOutput},
};
use serde_json::{Map, Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

const REGION: &str = "ap-northeast-1";
const TENANT: &str = "0f5a1de4-0000-4000-8000-00000000000a";
const CLIENT: &str = "0f5a1de4-0000-4000-8000-00000000000b";
pub(crate) const GROUP: &str = "5a6f9d2e-0000-4000-8000-000000000001";
pub(crate) const GROUP_NAME: &str = "Support agents";

/// Everything that a sync touches.
pub(crate) struct House {
    pub(crate) cloud: LocalCloud,
    pub(crate) cx: Clients,
    pub(crate) instance_id: String,
    pub(crate) instance_arn: String,
    entry: Arc<Mutex<Value>>,
    seen: std::cell::Cell<usize>,
    _emulator: MockServer,
}

/// The emulator's place: `DynamoDB`'s `GetItem` and Secrets Manager's `GetSecretValue`.
struct Emulator(Arc<Mutex<Value>>);

impl Respond for Emulator {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let target = request.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = match target.rsplit('.').next() {
            Some("GetItem") => {
                let entry = self.0.lock().unwrap().to_string();
                json!({ "Item": { "instanceId": { "S": "…" }, "config": { "S": entry } } })
            }
            Some("GetSecretValue") => {
                let credential =
                    json!({ "tenantId": TENANT, "clientId": CLIENT, "clientSecret": "secret" }).to_string();
                json!({ "ARN": "arn", "Name": "graph", "SecretString": credential })
            }
            _ => return ResponseTemplate::new(400),
        };
        ResponseTemplate::new(200).set_body_json(body)
    }
}

/// A member in Graph's own shape, with a GUID made from the number.
pub(crate) fn member(number: usize) -> Map<String, Value> {
    let name = format!("agent{number:05}");
    let member = json!({
        "@odata.type": "#microsoft.graph.user",
        "id": member_id(number),
        "userPrincipalName": format!("{name}@contoso.onmicrosoft.com"),
        "givenName": "Agent",
        "surname": format!("Number {number}"),
        "displayName": format!("Agent Number {number}"),
        "mail": null,
        "accountEnabled": true,
        "userType": "Member",
    });
    member.as_object().unwrap().clone()
}

pub(crate) fn member_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

pub(crate) fn username(number: usize) -> String {
    format!("agent{number:05}@contoso.onmicrosoft.com")
}

impl House {
    /// A group of `members`, an instance without users; nothing is slow but the rates.
    pub(crate) async fn with_members(members: usize) -> Self {
        Self::build((0..members).map(member).collect(), false, |_| {}).await
    }

    pub(crate) async fn build(
        members: Vec<Map<String, Value>>,
        real_rates: bool,
        behave: impl FnOnce(&mut Behaviour),
    ) -> Self {
        let entry = Arc::new(Mutex::new(Value::Null));
        let emulator = MockServer::start().await;
        Mock::given(any()).respond_with(Emulator(Arc::clone(&entry))).mount(&emulator).await;
        let mut behaviour = Behaviour { user_visible_seconds: 0.0, user_listed_seconds: 0.0, ..Behaviour::default() };
        behaviour.quotas.insert("L-9A46857E".into(), 100_000.0);
        behaviour.graph.membership_seconds = 0.0;
        behaviour.graph.resource_units = Some(1_000_000);
        behave(&mut behaviour);
        let tenant: Tenant = serde_json::from_value(json!({
            "groups": [{ "id": GROUP, "displayName": GROUP_NAME, "members": members }]
        }))
        .unwrap();
        let cloud = LocalCloud::start(Options {
            clock_scale: 1.0,
            upstream: emulator.uri(),
            region: REGION.into(),
            account: "111122223333".into(),
            tenant,
            tenant_id: TENANT.into(),
            client: ClientCredentials { client_id: CLIENT.into(), client_secret: "secret".into() },
            faults: Vec::new(),
            record: None,
            real_rates,
            models: None,
            behaviour,
        })
        .await
        .unwrap();
        let cx = clients(&cloud);
        let made = cx
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
        *entry.lock().unwrap() = json!({
            "instanceId": instance_id, "instanceArn": instance_arn, "alias": "acme-support", "tenantId": TENANT,
            "users": {
                "groups": [{ "group": GROUP_NAME, "securityProfiles": ["Agent"] }],
                "removed": { "action": "delete", "graceDays": 0 },
            },
            "groups": [{ "id": GROUP, "displayName": GROUP_NAME }],
        });
        let house = Self { cloud, cx, instance_id, instance_arn, entry, seen: 0.into(), _emulator: emulator };
        house.calls();
        house
    }

    /// Changes the `users` part of the input.
    pub(crate) fn set_users(&self, pointer: &str, value: Value) {
        let mut entry = self.entry.lock().unwrap();
        let users = entry.get_mut("users").unwrap();
        match pointer.rsplit_once('/') {
            Some((parent, key)) => users.pointer_mut(parent).unwrap()[key] = value,
            None => users[pointer] = value,
        }
    }

    pub(crate) fn input(&self) -> SyncUsersInput {
        SyncUsersInput { instance_id: self.instance_id.clone(), ..SyncUsersInput::default() }
    }

    /// One round that has five minutes.
    pub(crate) async fn sync(&self) -> Result<SyncUsersOutput, StepError> {
        self.round(self.input(), Duration::from_secs(300)).await
    }

    pub(crate) async fn round(&self, input: SyncUsersInput, time: Duration) -> Result<SyncUsersOutput, StepError> {
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap();
        sync_users::run(&self.cx, input, Invocation { deadline_ms }).await
    }

    /// What exists in Connect, by username.
    pub(crate) async fn users(&self) -> Vec<UserSearchSummary> {
        let mut users: Vec<UserSearchSummary> = self
            .cx
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

    /// A user that somebody made by hand, without our tags.
    pub(crate) async fn user_by_hand(&self, username: &str) {
        let profiles = self.cx.connect().list_security_profiles().instance_id(&self.instance_id).send().await.unwrap();
        let routings = self.cx.connect().list_routing_profiles().instance_id(&self.instance_id).send().await.unwrap();
        let security = profiles.security_profile_summary_list().iter().find(|profile| profile.name() == Some("Admin"));
        self.cx
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
        let rule: FaultRule = serde_json::from_value(rule).unwrap();
        self.cloud.add_fault(rule).unwrap();
    }

    /// The operations since the last look.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls: Vec<String> = self.cloud.calls().into_iter().map(|call| call.operation).collect();
        let seen = self.seen.replace(calls.len());
        calls[seen..].to_vec()
    }

    /// Those of them that change something in Connect.
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = ["Create", "Update", "Delete", "Tag", "Untag"];
        self.calls().into_iter().filter(|call| writes.iter().any(|verb| call.starts_with(verb))).collect()
    }
}

fn clients(cloud: &LocalCloud) -> Clients {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(cloud.aws_url())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .build();
    let (graph, login) = (cloud.graph_url(), cloud.login_url());
    let settings = Settings::read(|name| match name {
        Settings::GRAPH_CREDENTIAL => Some("graph".into()),
        Settings::GRAPH_URL => Some(graph.clone()),
        Settings::LOGIN_URL => Some(login.clone()),
        Settings::REGISTRY_TABLE => Some("registry".into()),
        _ => None,
    });
    Clients::new(config, settings)
}
