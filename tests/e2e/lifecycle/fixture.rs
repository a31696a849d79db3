//! A local cloud that the tests use one after the other, and helpers that change the cloud.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{LazyLock, OnceLock},
};

use crate::cloud::Cloud;
use onboard_cli::commands::local::again::{Call, changes};
use serde_json::{Value, json};
use test_support::member;
use tokio::sync::{Mutex, MutexGuard};

pub(super) fn agent(number: usize) -> Value {
    let username = format!("agent{number}@contoso.onmicrosoft.com");
    member(&format!("75000000-0000-4000-8000-{number:012}"), &username, &format!("Agent {number}"))
}

fn tenant() -> Value {
    let mut invalid = agent(3);
    invalid["userPrincipalName"] = json!("nobody+else@contoso.onmicrosoft.com");
    let group = |name: &str, members: Vec<Value>| json!({ "displayName": name, "members": members });
    json!({ "groups": [
        group("Support agents", vec![agent(1), agent(2), invalid]),
        group("Support supervisors", vec![agent(1), agent(4)]),
        group("Night shift", vec![agent(5), agent(6)]),
        group("Day shift", (10..15).map(agent).collect()),
    ] })
}

/// The cloud, used exclusively by one test.
pub(super) struct Fixture {
    pub(super) cloud: &'static Cloud,
    _alone: MutexGuard<'static, ()>,
}

impl Deref for Fixture {
    type Target = Cloud;

    fn deref(&self) -> &Cloud {
        self.cloud
    }
}

impl Fixture {
    pub(super) async fn enter() -> Self {
        static ALONE: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);
        static CLOUD: OnceLock<Cloud> = OnceLock::new();
        let alone = ALONE.lock().await;
        let cloud = CLOUD.get_or_init(|| Cloud::idle(&tenant()));
        cloud.allow_instances(20).await;
        Self { cloud, _alone: alone }
    }

    /// Number of recorded calls.
    pub(super) async fn seen(&self) -> usize {
        self.cloud.admin("GET", "calls", &Value::Null).await.as_array().unwrap().len()
    }

    /// Number of changing calls by operation, without the first `seen` calls.
    pub(super) async fn changes_since(&self, seen: usize) -> BTreeMap<String, usize> {
        let calls = self.cloud.admin("GET", "calls", &Value::Null).await;
        let mut counts = BTreeMap::new();
        for call in &calls.as_array().unwrap()[seen..] {
            let text = |key: &str| call[key].as_str().unwrap();
            let (service, operation) = (text("service"), text("operation"));
            let status = call["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap();
            let made = Call { service, operation, method: text("method"), path: text("path"), status };
            // Changes to the stack's registry are ignored.
            if service != "dynamodb" && changes(made) {
                *counts.entry(operation.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}
