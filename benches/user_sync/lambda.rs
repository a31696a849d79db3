//! The product: the binary that is deployed, as the function `sync-users`, with a small Runtime API in Lambda's place.

use std::{
    future::pending,
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

use crate::{house::House, tools::peak_kb};

/// The function's time-out in template.yaml.
const TIMEOUT: Duration = Duration::from_secs(900);

/// One whole sync, over as many rounds as it needs.
#[derive(Debug)]
pub(crate) struct Synced {
    /// From `exec` to the last answer.
    pub(crate) wall: Duration,
    pub(crate) peak_kb: u64,
    /// The last answer.
    pub(crate) output: Value,
}

/// Ends the program, and the Runtime API with it, however the measurement ends.
struct Running {
    program: Child,
    runtime_api: JoinHandle<std::io::Result<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        self.runtime_api.abort();
    }
}

#[derive(Clone)]
struct RuntimeApi {
    events: Arc<Mutex<mpsc::UnboundedReceiver<Value>>>,
    answers: mpsc::UnboundedSender<Result<String, String>>,
}

/// Runs one sync in a fresh process, as the state machine does: again with the carry as long as it says `MORE`.
pub(crate) async fn sync(bootstrap: &Path, house: &House) -> Result<Synced, String> {
    let fault = |what: String| format!("bootstrap, sync-users: {what}");
    let (events, given) = mpsc::unbounded_channel();
    let (answers, mut answered) = mpsc::unbounded_channel();
    let state = RuntimeApi { events: Arc::new(Mutex::new(given)), answers };
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
        .route("/2018-06-01/runtime/init/error", post(failure))
        .with_state(state);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| fault(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| fault(error.to_string()))?;
    let runtime_api = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut command = house.command(&[bootstrap.into()]);
    command.env("AWS_LAMBDA_RUNTIME_API", address.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let exec = Instant::now();
    let program = command.spawn().map_err(|error| fault(format!("did not start: {error}")))?;
    let mut running = Running { program, runtime_api };
    let mut carry = Value::Null;
    loop {
        // The receiver lives as long as the Runtime API, which lives as long as `running`.
        let _ = events.send(json!({ "instanceId": house.instance_id, "mode": "apply", "carry": carry }));
        let output = wait(&mut running.program, &mut answered).await.map_err(fault)?;
        let wall = exec.elapsed();
        match output["status"].as_str() {
            Some("MORE") => carry = output["carry"].clone(),
            Some("DONE") => {
                let peak_kb = peak_kb(&running.program.id().to_string()).map_err(fault)?;
                return Ok(Synced { wall, peak_kb, output });
            }
            _ => return Err(fault(format!("did not do what it is measured for: {output}"))),
        }
    }
}

/// The answer to the present event, unless the program ends without one.
async fn wait(
    program: &mut Child,
    answers: &mut mpsc::UnboundedReceiver<Result<String, String>>,
) -> Result<Value, String> {
    loop {
        match tokio::time::timeout(Duration::from_secs(1), answers.recv()).await {
            Ok(Some(answer)) => return serde_json::from_str(&answer?).map_err(|error| error.to_string()),
            Ok(None) => return Err("the Runtime API is gone".into()),
            Err(_) => {
                if let Ok(Some(status)) = program.try_wait() {
                    return Err(format!("ended with {status}; its own words stand above"));
                }
            }
        }
    }
}

async fn next(State(api): State<RuntimeApi>) -> Response {
    let Some(event) = api.events.lock().await.recv().await else { return pending().await };
    let deadline = (SystemTime::now() + TIMEOUT).duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = deadline.as_millis().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", deadline.as_str()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-1:111122223333:function:sync-users"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
    ];
    (headers, Json(event)).into_response()
}

async fn answer(State(api): State<RuntimeApi>, body: String) -> StatusCode {
    // Nobody reads on once the measurement has ended.
    let _ = api.answers.send(Ok(body));
    StatusCode::ACCEPTED
}

async fn failure(State(api): State<RuntimeApi>, body: String) -> StatusCode {
    let _ = api.answers.send(Err(body));
    StatusCode::ACCEPTED
}
