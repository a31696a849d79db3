//! A local cloud that the tests use one after the other, with helpers that change it.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use crate::{common::http, kept::Cloud};
use local_cloud::{
    cloud::{ADMINISTRATOR, ADMINISTRATORS_SECRET},
    emulator::credentials::TENANT_ID,
};
use onboard_cli::commands::local::again::{Call, changes};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// A member of the tenant's groups.
fn person(number: usize, more: &Value) -> Value {
    let mut member = json!({
        "@odata.type": "#microsoft.graph.user", "id": format!("75000000-0000-4000-8000-{number:012}"),
        "userPrincipalName": format!("agent{number}@contoso.onmicrosoft.com"), "givenName": "Agent",
        "surname": format!("Number {number}"), "displayName": format!("Agent {number}"), "mail": null,
        "accountEnabled": true, "userType": "Member",
    });
    member.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    member
}

fn tenant() -> Value {
    let odd = json!({ "userPrincipalName": "nobody+else@contoso.onmicrosoft.com" });
    json!({ "groups": [
        { "displayName": "Support agents", "members": [person(1, &json!({})), person(2, &json!({})), person(3, &odd)] },
        { "displayName": "Support supervisors", "members": [person(1, &json!({})), person(4, &json!({}))] },
        { "displayName": "Night shift", "members": [person(5, &json!({})), person(6, &json!({}))] },
        { "displayName": "Day shift", "members": (10..15).map(|number| person(number, &json!({}))).collect::<Vec<_>>() },
    ] })
}

/// The cloud, used exclusively by one test.
pub(super) struct House {
    pub(super) cloud: &'static Cloud,
    _alone: MutexGuard<'static, ()>,
}

impl House {
    pub(super) async fn enter() -> Self {
        static ALONE: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);
        static CLOUD: OnceLock<Cloud> = OnceLock::new();
        let alone = ALONE.lock().await;
        let cloud = CLOUD.get_or_init(|| Cloud::idle(&tenant()));
        cloud.admin("POST", "quota", &json!({ "code": "L-AA17A6B9", "value": 20 })).await;
        Self { cloud, _alone: alone }
    }

    /// Runs a state machine, which must succeed.
    pub(super) async fn run(&self, machine: &str, input: &Value) -> Value {
        let execution = self.cloud.start(machine, input).await;
        let ended = self.cloud.end_of(&execution).await;
        assert_eq!(ended.status, "SUCCEEDED", "{machine}: {:#}", ended.output);
        ended.output
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

    pub(super) async fn inventory(&self) -> Value {
        self.cloud.admin("GET", "inventory", &Value::Null).await
    }

    /// Calls IAM.
    pub(super) async fn iam(&self, action: &str, form: &[(&str, &str)]) {
        let mut all = vec![("Action", action), ("Version", "2010-05-08")];
        all.extend_from_slice(form);
        let authorization =
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        let request = http().post(&self.cloud.kept.stand_in).header("authorization", authorization).form(&all);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{action}: {text}");
    }

    /// Calls Microsoft Graph with the administrator's application.
    pub(super) async fn graph(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/{TENANT_ID}/oauth2/v2.0/token", self.cloud.kept.login_url);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", ADMINISTRATOR),
            ("client_secret", ADMINISTRATORS_SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let token: Value = http().post(url).form(&form).send().await.unwrap().json().await.unwrap();
        let url = format!("{}/v1.0{path}", self.cloud.kept.graph_url);
        let mut request =
            http().request(method.parse().unwrap(), url).bearer_auth(token["access_token"].as_str().unwrap());
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The enterprise application of an alias in the inventory.
    pub(super) async fn application(&self, alias: &str) -> Value {
        let inventory = self.inventory().await;
        let name = format!("Amazon Connect {alias}");
        let found = inventory["graph"]["servicePrincipals"].as_array().unwrap().clone();
        found.into_iter().find(|principal| principal["displayName"] == name.as_str()).unwrap()
    }

    /// The instance of an alias in the inventory.
    pub(super) async fn instance(&self, alias: &str) -> Value {
        let found = self.inventory().await["connect"]["instances"].as_array().unwrap().clone();
        found.into_iter().find(|instance| instance["InstanceAlias"] == alias).unwrap()
    }
}
