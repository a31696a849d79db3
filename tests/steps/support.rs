//! Shared code of the user sync and event tests: the clients of the functions for a local cloud, and a registry entry.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_connect::config::{Credentials, SharedCredentialsProvider};
use connect_onboarding::{context::Context, runtime::settings::Settings};
use local_cloud::stand_in::{
    LocalCloud,
    made_up::{CLIENT_ID, REGION, TENANT_ID},
};
use serde_json::{Value, json};

pub(crate) const GROUP: &str = "5a6f9d2e-0000-4000-8000-000000000001";
pub(crate) const GROUP_NAME: &str = "Support agents";

/// The clients of a function. `more` adds settings to the ones that every function has.
pub(crate) fn clients(cloud: &LocalCloud, more: impl Fn(&str) -> Option<String>) -> Context {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(cloud.aws_url())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .build();
    let settings = Settings::read(|name| match name {
        Settings::GRAPH_CREDENTIAL => Some("graph".into()),
        Settings::GRAPH_URL => Some(cloud.graph_url()),
        Settings::LOGIN_URL => Some(cloud.login_url()),
        Settings::REGISTRY_TABLE => Some("registry".into()),
        other => more(other),
    });
    Context::new(config, settings)
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
