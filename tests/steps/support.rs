//! Shared code of the step tests: a local cloud in this process, the clients of the functions, and a registry entry.

use std::{
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_connect::config::{Credentials, SharedCredentialsProvider};
use connect_onboarding::{context::Context, runtime::settings::Settings};
use local_cloud::stand_in::{
    CallSummary, FaultRule, LocalCloud, Options,
    made_up::{CLIENT_ID, REGION, TENANT_ID},
};
use serde_json::{Value, json};

pub(crate) const GROUP: &str = "5a6f9d2e-0000-4000-8000-000000000001";
pub(crate) const GROUP_NAME: &str = "Support agents";

/// The local cloud of one test.
pub(crate) struct StandIn {
    cloud: LocalCloud,
    seen: AtomicUsize,
}

impl Deref for StandIn {
    type Target = LocalCloud;

    fn deref(&self) -> &LocalCloud {
        &self.cloud
    }
}

impl StandIn {
    pub(crate) async fn start(options: Options) -> Self {
        Self { cloud: LocalCloud::start(options).await.unwrap(), seen: AtomicUsize::new(0) }
    }

    pub(crate) fn fault(&self, rule: Value) {
        let rule: FaultRule = serde_json::from_value(rule).unwrap();
        self.add_fault(rule).unwrap();
    }

    fn new_calls(&self) -> Vec<CallSummary> {
        let mut calls = self.calls();
        let seen = self.seen.swap(calls.len(), Ordering::Relaxed);
        calls.split_off(seen)
    }

    /// The operations called since the last call of this method or [`Self::graph_writes`].
    pub(crate) fn operations(&self) -> Vec<String> {
        self.new_calls().into_iter().map(|call| call.operation).collect()
    }

    /// The write requests to Graph since the last call of this method or [`Self::operations`].
    pub(crate) fn graph_writes(&self) -> Vec<String> {
        let writes = self.new_calls().into_iter().filter(|call| call.service == "graph" && call.method != "GET");
        writes.map(|call| call.operation).collect()
    }
}

/// Configuration of the SDK clients: one URL for all services, and static credentials.
pub(crate) fn sdk_config(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .build()
}

/// The clients of a function. `more` returns the settings that this function has in addition to those of every
/// function.
pub(crate) fn clients(cloud: &LocalCloud, more: impl Fn(&str) -> Option<String>) -> Context {
    let settings = Settings::read(|name| match name {
        Settings::GRAPH_CREDENTIAL => Some("graph".into()),
        Settings::GRAPH_URL => Some(cloud.graph_url()),
        Settings::LOGIN_URL => Some(cloud.login_url()),
        Settings::REGISTRY_TABLE => Some("registry".into()),
        other => more(other),
    });
    Context::new(sdk_config(&cloud.aws_url()), settings)
}

/// The response of Secrets Manager with the Graph credential.
pub(crate) fn credential() -> Value {
    let credential = json!({ "tenantId": TENANT_ID, "clientId": CLIENT_ID, "clientSecret": "secret" });
    json!({ "ARN": "arn", "Name": "graph", "SecretString": credential.to_string() })
}

/// The registry entry of an instance whose users are the members of [`GROUP`].
pub(crate) fn entry(instance_id: &str, instance_arn: &str) -> Value {
    json!({
        "instanceId": instance_id, "instanceArn": instance_arn, "alias": "acme-support", "tenantId": TENANT_ID,
        "users": {
            "groups": [{ "group": GROUP_NAME, "securityProfiles": ["Agent"] }],
            "removed": { "action": "delete", "graceDays": 0 },
        },
        "groups": [{ "id": GROUP, "displayName": GROUP_NAME }],
    })
}
