//! The services that a measured sync calls. The stand-in of the local cloud emulates an Entra group and a Connect
//! instance in this process. A stub of the AWS emulator returns the two responses that a sync needs from `DynamoDB` and
//! Secrets Manager.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use local_cloud::stand_in::{
    Behaviour, LocalCloud, Options, Tenant,
    made_up::{CLIENT_ID, REGION, TENANT_ID, person},
};
use serde::Serialize;
use serde_json::{Value, json};
use test_support::Aws;
use tokio::{net::TcpListener, task::JoinHandle};

const ALIAS: &str = "acme-support";
const GROUP_NAME: &str = "Support agents";
/// The object ID of the group whose members become users.
pub(crate) const GROUP: &str = "5a6f9d2e-0000-4000-8000-000000000001";
/// The quota codes for the rate of `CreateUser` and for the number of users in an instance.
const CREATE_USER_RATE: &str = "L-CBDEE3E4";
const USERS_PER_INSTANCE: &str = "L-9A46857E";

/// An emulated Entra tenant and Connect instance. Dropping the value stops both.
pub(crate) struct Fixture {
    pub(crate) instance_id: String,
    cloud: LocalCloud,
    emulator: JoinHandle<io::Result<()>>,
    registry: Arc<Registry>,
    seen: usize,
}

/// The numbers of calls to the emulated Entra and AWS services.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Calls {
    pub(crate) total: usize,
    pub(crate) throttled: usize,
    pub(crate) by_operation: BTreeMap<String, usize>,
}

impl Fixture {
    /// Creates a group with `members` members and an instance without users. The rate limit of `CreateUser` is `rate`
    /// requests per second; other Connect operations have the default limit of 2 per second.
    pub(crate) async fn new(members: usize, rate: f64) -> Result<Self, String> {
        let registry = Arc::new(Registry::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| format!("no port: {error}"))?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let router = Router::new().fallback(emulator).with_state(Arc::clone(&registry));
        let emulator = tokio::spawn(async move { axum::serve(listener, router).await });

        let mut behaviour = Behaviour::default();
        behaviour.quotas.insert(CREATE_USER_RATE.into(), rate);
        behaviour.quotas.insert(USERS_PER_INSTANCE.into(), 1_000_000.0);
        // Graph sometimes returns empty pages. They are disabled here, because the target for the number of calls does
        // not include them.
        behaviour.graph.empty_page_after = None;
        // Graph sometimes returns a change twice, and the sync then makes a full comparison. This is disabled here too.
        behaviour.graph.replayed_changes_every = None;
        let tenant = Tenant::with_group(GROUP, GROUP_NAME, (0..members).map(person).collect());
        let upstream = format!("http://127.0.0.1:{port}");
        let cloud = LocalCloud::start(Options { real_rates: true, behaviour, ..Options::made_up(upstream, tenant) })
            .await
            .map_err(|error| error.to_string())?;
        let instance = create_instance(&cloud).await?;
        let text = |name: &str| instance[name].as_str().unwrap_or_default().to_owned();
        let (instance_id, instance_arn) = (text("Id"), text("Arn"));
        let config = json!({
            "instanceId": instance_id, "instanceArn": instance_arn, "alias": ALIAS, "tenantId": TENANT_ID,
            "users": { "groups": [{ "group": GROUP_NAME, "securityProfiles": ["Agent"] }] },
            "groups": [{ "id": GROUP, "displayName": GROUP_NAME }],
        });
        registry.entry.get_or_init(|| config.to_string());
        let mut fixture = Self { instance_id, cloud, emulator, registry, seen: 0 };
        fixture.settle();
        fixture.calls();
        Ok(fixture)
    }

    /// Advances the emulated time by one minute, so that a new instance becomes active and lists contain new users.
    pub(crate) fn settle(&self) {
        self.cloud.advance(60.0);
    }

    /// Sets the time of the last change in Entra back by ten minutes, so that the last full comparison is valid and an
    /// incremental sync can start from it.
    pub(crate) fn age_changes(&self) -> Result<(), String> {
        let mut item = self.registry.tracking();
        let item = item.as_mut().ok_or("no state of incremental syncs is stored")?;
        let state = item["tracking"]["S"].as_str().unwrap_or_default();
        let mut state: Value = serde_json::from_str(state).map_err(|error| error.to_string())?;
        let compared_at = state["comparedAt"].as_u64().ok_or("the last full comparison has no time")?;
        state["since"] = (compared_at - 600_000).into();
        item["tracking"]["S"] = state.to_string().into();
        Ok(())
    }

    /// Counts the calls that were made since this method was last called.
    pub(crate) fn calls(&mut self) -> Calls {
        let all = self.cloud.calls();
        let mut calls = Calls::default();
        for call in all.iter().skip(self.seen) {
            calls.total += 1;
            calls.throttled += usize::from(call.status == 429);
            *calls.by_operation.entry(format!("{} {}", call.service, call.operation)).or_default() += 1;
        }
        self.seen = all.len();
        calls
    }

    /// Returns the command that starts the program with only the environment variables that the Lambda function of the
    /// user sync has.
    pub(crate) fn command(&self, program: &[PathBuf]) -> Command {
        let mut command = Command::new(&program[0]);
        command
            .args(&program[1..])
            .env_clear()
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", REGION),
                ("AWS_DEFAULT_REGION", REGION),
                ("AWS_LAMBDA_FUNCTION_NAME", "sync-users"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/sync-users"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]sync-users"),
                ("GRAPH_CREDENTIAL_SECRET", "graph"),
                ("REGISTRY_TABLE", "registry"),
                ("FULL_COMPARISON_HOURS", "4"),
                ("LANG", "en_US.UTF-8"),
                ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
                ("TZ", ":UTC"),
                ("_HANDLER", "sync-users"),
            ])
            .env("AWS_ENDPOINT_URL", self.cloud.aws_url())
            .env("GRAPH_URL", self.cloud.graph_url())
            .env("LOGIN_URL", self.cloud.login_url());
        command
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.emulator.abort();
    }
}

async fn create_instance(cloud: &LocalCloud) -> Result<Value, String> {
    let body = json!({
        "IdentityManagementType": "SAML", "InstanceAlias": ALIAS,
        "InboundCallsEnabled": true, "OutboundCallsEnabled": true,
    });
    let made = Aws { url: &cloud.aws_url(), region: REGION }.rest("connect", "PUT", "/instance", &body).await;
    if made.succeeded() { Ok(made.json()) } else { Err(format!("creating the instance: {}", made.text)) }
}

/// The items of the registry table, as the stub stores them.
#[derive(Debug, Default)]
struct Registry {
    /// The configuration in the registry entry of the instance.
    entry: OnceLock<String>,
    /// The item in which incremental syncs store their state.
    tracking: Mutex<Option<Value>>,
    /// The time until which requests of an operation are reserved, in milliseconds since the epoch, by the key of the
    /// item.
    reserved: Mutex<HashMap<String, u64>>,
}

impl Registry {
    fn item(&self) -> Value {
        let parsed: Option<Value> = self.entry.get().and_then(|entry| serde_json::from_str(entry).ok());
        let id = parsed.map(|entry| entry["instanceId"].clone());
        json!({ "instanceId": { "S": id }, "config": { "S": self.entry.get() } })
    }

    /// Reserves requests, as `DynamoDB` does with the conditions of these updates. Returns the response body, or `None`
    /// if the condition is not met.
    fn reserve(&self, update: &Value) -> Option<Value> {
        let value = |name: &str| update["ExpressionAttributeValues"][name]["N"].as_str()?.parse::<u64>().ok();
        let key = update["Key"]["instanceId"]["S"].as_str()?;
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let valid = value(":now")?..=value(":farthest")?;
        let current = reserved.get(key).copied().filter(|until| valid.contains(until));
        let until = match (value(":duration"), current) {
            (Some(duration), Some(current)) => current + duration,
            (None, None) => value(":until")?,
            _ => return None,
        };
        reserved.insert(key.to_owned(), until);
        Some(json!({ "Attributes": { "reservedUntil": { "N": until.to_string() } } }))
    }

    fn tracking(&self) -> MutexGuard<'_, Option<Value>> {
        self.tracking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stub of the AWS emulator. Returns and stores registry items as `DynamoDB` does, and returns the Graph credential
/// as Secrets Manager does.
async fn emulator(State(registry): State<Arc<Registry>>, headers: HeaderMap, body: String) -> Response {
    let sent: Value = serde_json::from_str(&body).unwrap_or_default();
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = match target.rsplit('.').next() {
        Some("GetItem") => json!({ "Item": registry.item() }),
        Some("BatchGetItem") => {
            let items: Vec<Value> = registry.tracking().clone().into_iter().chain([registry.item()]).collect();
            json!({ "Responses": { "registry": items }, "UnprocessedKeys": {} })
        }
        Some("UpdateItem") if sent["ExpressionAttributeValues"][":members"].is_object() => {
            let values = &sent["ExpressionAttributeValues"];
            let key = &sent["Key"]["instanceId"];
            let item = json!({ "instanceId": key, "tracking": values[":tracking"], "members": values[":members"] });
            *registry.tracking() = Some(item);
            json!({})
        }
        Some("UpdateItem") if sent["UpdateExpression"].as_str().is_some_and(|update| update.contains("REMOVE")) => {
            *registry.tracking() = None;
            json!({})
        }
        Some("UpdateItem")
            if sent["UpdateExpression"].as_str().is_some_and(|update| update.contains("reservedUntil")) =>
        {
            match registry.reserve(&sent) {
                Some(item) => item,
                None => {
                    let refused = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
                    return (StatusCode::BAD_REQUEST, Json(json!({ "__type": refused }))).into_response();
                }
            }
        }
        Some("GetSecretValue") => {
            let credential = json!({ "tenantId": TENANT_ID, "clientId": CLIENT_ID, "clientSecret": "secret" });
            json!({ "ARN": "arn", "Name": "graph", "SecretString": credential.to_string() })
        }
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    Json(answer).into_response()
}
