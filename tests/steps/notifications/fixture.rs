//! The test fixture for the path of a change from Entra to the user sync.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use connect_onboarding::{context::Context, runtime::settings::Settings};
pub(crate) use local_cloud::stand_in::made_up::{TENANT_ID as TENANT, person_id as member_id};
use local_cloud::stand_in::{Behaviour, Options, Tenant, made_up::person};
use serde_json::{Value, json};
use test_support::{until, with};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

pub(crate) use crate::steps::support::GROUP;
use crate::steps::support::{GROUP_NAME, StandIn, clients, credential, entry};

pub(crate) const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";
/// The instance whose registry entry can't be parsed, after a call of [`Fixture::damage_an_entry`].
pub(crate) const DAMAGED: &str = "66666666-2222-3333-4444-555555555555";

/// The number of groups in the tenant.
const MOST_GROUPS: usize = 120;

/// The stand-in, the clients of the functions, and the recorded requests.
pub(crate) struct Fixture {
    pub(crate) cloud: StandIn,
    pub(crate) ctx: Context,
    pub(crate) notification_url: String,
    emulator: MockServer,
    endpoint: MockServer,
    groups: Arc<AtomicUsize>,
    damaged: Arc<AtomicBool>,
    running: Arc<Mutex<Running>>,
}

/// The user sync of the instance that is running, in the registry.
#[derive(Debug)]
struct Running {
    /// The attributes of the instance's item that show the running sync.
    attributes: Value,
    /// The execution for which the conditions of writes are met.
    execution: String,
    /// The status of each execution. If this is `None`, the caller may not read it.
    status: Option<&'static str>,
}

/// A mock of the emulator: registry, secrets, event bus and state machines.
struct Emulator {
    /// The number of groups that the instance uses.
    groups: Arc<AtomicUsize>,
    /// Whether there is an entry that can't be parsed.
    damaged: Arc<AtomicBool>,
    running: Arc<Mutex<Running>>,
}

impl Respond for Emulator {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let input: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let body = match operation(request).as_str() {
            "GetItem" => json!({ "Item": self.item() }),
            "Scan" => {
                let damaged = json!({ "instanceId": { "S": DAMAGED }, "config": { "S": "garbage" } });
                let damaged = Some(damaged).filter(|_| self.damaged.load(Ordering::Relaxed));
                let items: Vec<Value> = damaged.into_iter().chain([self.item()]).collect();
                json!({ "Count": items.len(), "ScannedCount": items.len(), "Items": items })
            }
            "UpdateItem" if input["ExpressionAttributeValues"][":sync"]["S"] == self.execution() => json!({}),
            "UpdateItem" => {
                let error = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" });
                return ResponseTemplate::new(400).set_body_json(error);
            }
            "GetSecretValue" if input["SecretId"] == "client-state" => {
                json!({ "ARN": "arn", "Name": "client-state", "SecretString": "a secret key" })
            }
            "GetSecretValue" => credential(),
            "PutEvents" => json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "1" }] }),
            "DescribeExecution" => match self.running.lock().unwrap().status {
                Some(status) => {
                    json!({ "executionArn": input["executionArn"], "stateMachineArn": "arn", "status": status, "startDate": 1.0 })
                }
                None => return ResponseTemplate::new(400).set_body_json(json!({ "__type": "AccessDeniedException" })),
            },
            "StartExecution" => json!({ "executionArn": "arn:aws:states:::execution:x:y", "startDate": 1.0 }),
            _ => return ResponseTemplate::new(400),
        };
        ResponseTemplate::new(200).set_body_json(body)
    }
}

/// A mock of the notification URL. The mock responds to validation requests and accepts every notification.
struct Endpoint;

impl Respond for Endpoint {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        match request.url.query_pairs().find(|(name, _)| name == "validationToken") {
            Some((_, token)) => ResponseTemplate::new(200).set_body_string(token),
            None => ResponseTemplate::new(202),
        }
    }
}

impl Emulator {
    fn item(&self) -> Value {
        let mut entry = entry(INSTANCE, "arn");
        let groups = (1..=self.groups.load(Ordering::Relaxed))
            .map(|number| json!({ "id": group(number), "displayName": group(number) }));
        entry["groups"] = groups.collect();
        let item = json!({ "instanceId": { "S": INSTANCE }, "config": { "S": entry.to_string() } });
        with(item, &self.running.lock().unwrap().attributes)
    }

    fn execution(&self) -> String {
        self.running.lock().unwrap().execution.clone()
    }
}

/// The id of a group in the tenant. The first group is [`GROUP`].
pub(crate) fn group(number: usize) -> String {
    format!("{}{number:012}", &GROUP[..24])
}

fn operation(request: &Request) -> String {
    let target = request.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// A request to the function URL with this body.
pub(crate) fn post(body: String) -> LambdaFunctionUrlRequest {
    let mut request = LambdaFunctionUrlRequest::default();
    request.request_context.http.method = Some("POST".into());
    request.body = Some(body);
    request
}

impl Fixture {
    /// Starts with an instance that uses one group with one member. Notifications are sent immediately, without
    /// duplicates or delays.
    pub(crate) async fn start() -> Self {
        let emulator = MockServer::start().await;
        let (groups, damaged) = (Arc::new(AtomicUsize::new(1)), Arc::<AtomicBool>::default());
        let running = Arc::new(Mutex::new(Running { attributes: json!({}), execution: String::new(), status: None }));
        let registry =
            Emulator { groups: Arc::clone(&groups), damaged: Arc::clone(&damaged), running: Arc::clone(&running) };
        Mock::given(any()).respond_with(registry).mount(&emulator).await;
        let endpoint = MockServer::start().await;
        Mock::given(any()).respond_with(Endpoint).mount(&endpoint).await;
        let mut behaviour = Behaviour::default();
        behaviour.graph.notification_seconds = 0.05;
        behaviour.graph.duplicate_notifications_every = None;
        behaviour.graph.late_notifications_every = None;
        let mut tenant = Tenant::with_group(GROUP, GROUP_NAME, vec![person(1)]);
        for number in 2..=MOST_GROUPS {
            tenant.groups.extend(Tenant::with_group(&group(number), &group(number), Vec::new()).groups);
        }
        let cloud = StandIn::start(Options { behaviour, ..Options::made_up(emulator.uri(), tenant) }).await;
        let notification_url = format!("{}/", endpoint.uri());
        let url = notification_url.clone();
        let ctx = clients(&cloud, |name| match name {
            Settings::CLIENT_STATE_SECRET => Some("client-state".into()),
            Settings::EVENT_BUS => Some("bus".into()),
            Settings::NOTIFICATION_URL => Some(url.clone()),
            Settings::USER_SYNC_STATE_MACHINE => {
                Some("arn:aws:states:ap-northeast-1:111122223333:stateMachine:sync".into())
            }
            _ => None,
        });
        Self { cloud, ctx, notification_url, emulator, endpoint, groups, damaged, running }
    }

    /// Sets the attributes of the instance's item that show a running user sync, and the execution for which a request
    /// of another pass is accepted.
    pub(crate) fn sync_runs(&self, attributes: Value, execution: &str) {
        *self.running.lock().unwrap() = Running { attributes, execution: execution.into(), status: Some("RUNNING") };
    }

    /// Sets the status of the sync. If `status` is `None`, the status can't be read.
    pub(crate) fn sync_has_status(&self, status: Option<&'static str>) {
        self.running.lock().unwrap().status = status;
    }

    /// Adds an entry that can't be parsed to the registry, before the entry of the instance.
    pub(crate) fn damage_an_entry(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// Makes the instance use this number of groups.
    pub(crate) fn follow(&self, groups: usize) {
        self.groups.store(groups, Ordering::Relaxed);
    }

    pub(crate) fn add_member(&self, number: usize) {
        self.cloud.add_member(GROUP, person(number)).unwrap();
    }

    pub(crate) fn fault(&self, rule: Value) {
        self.cloud.fault(rule);
    }

    /// The number of validation requests to the notification URL.
    pub(crate) async fn handshakes(&self) -> usize {
        let requests = self.endpoint.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.as_str().contains("validationToken")).count()
    }

    /// Waits for the first notification and returns its body.
    pub(crate) async fn notification(&self) -> String {
        until("Graph has sent a notification", async || {
            let requests = self.endpoint.received_requests().await.unwrap();
            let notification = requests.iter().find(|request| !request.body.is_empty())?;
            Some(String::from_utf8(notification.body.clone()).unwrap())
        })
        .await
    }

    /// The published events, in the format that the target of a rule receives.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let entries = self.received("PutEvents").await.into_iter().flat_map(|body| body["Entries"].as_array().cloned());
        entries
            .flatten()
            .map(|entry| {
                assert_eq!(entry["EventBusName"], "bus");
                let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
                json!({ "source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail })
            })
            .collect()
    }

    /// The inputs of the started executions.
    pub(crate) async fn started(&self) -> Vec<Value> {
        let bodies = self.received("StartExecution").await;
        bodies.iter().map(|body| serde_json::from_str(body["input"].as_str().unwrap()).unwrap()).collect()
    }

    /// The update expressions and conditions of the writes to the registry.
    pub(crate) async fn updates(&self) -> Vec<(String, String)> {
        let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
        let bodies = self.received("UpdateItem").await;
        bodies.iter().map(|body| (text(body, "UpdateExpression"), text(body, "ConditionExpression"))).collect()
    }

    async fn received(&self, name: &str) -> Vec<Value> {
        let requests = self.emulator.received_requests().await.unwrap();
        let named = requests.iter().filter(|request| operation(request) == name);
        named.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }
}
