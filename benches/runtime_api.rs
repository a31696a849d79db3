//! Emulates Lambda's Runtime API on a local port for one measured program.

use std::{
    future::pending,
    io,
    net::SocketAddr,
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
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

/// An action of the measured program, with the time at which it happened.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) what: What,
}

/// The possible actions of a measured program.
#[derive(Debug)]
pub(crate) enum What {
    /// The program requested an event, so it is ready.
    Next,
    /// The program returned a response to the event.
    Answer(String),
    /// The program returned an error instead of a response.
    Failure(String),
}

/// The server of the Runtime API. Dropping the value stops the server.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// The server's address, for the program's environment variable `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) address: SocketAddr,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
    events: mpsc::UnboundedSender<Value>,
    server: JoinHandle<io::Result<()>>,
}

#[derive(Clone)]
struct Api {
    function: &'static str,
    timeout: Duration,
    events: Arc<Mutex<mpsc::UnboundedReceiver<Value>>>,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Api {
    fn note(&self, what: What) -> StatusCode {
        // Sending fails if the receiver is already closed. This is normal after the last action that the benchmark
        // measures.
        let _ = self.seen.send(Seen { at: Instant::now(), what });
        StatusCode::ACCEPTED
    }
}

impl RuntimeApi {
    /// Starts the server for a function with this name and timeout.
    pub(crate) async fn start(function: &'static str, timeout: Duration) -> io::Result<Self> {
        let (events, given) = mpsc::unbounded_channel();
        let (notes, seen) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .with_state(Api { function, timeout, events: Arc::new(Mutex::new(given)), seen: notes });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, seen, events, server: tokio::spawn(async move { axum::serve(listener, router).await }) })
    }

    /// Queues an event for the program.
    pub(crate) fn give(&self, event: Value) {
        // Sending can't fail: the server holds the receiver, and the server exists as long as this struct.
        let _ = self.events.send(event);
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(api): State<Api>) -> Response {
    api.note(What::Next);
    let Some(event) = api.events.lock().await.recv().await else { return pending().await };
    let deadline = (SystemTime::now() + api.timeout).duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = deadline.as_millis().to_string();
    let arn = format!("arn:aws:lambda:ap-northeast-1:111122223333:function:{}", api.function);
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", deadline.as_str()),
        ("lambda-runtime-invoked-function-arn", arn.as_str()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
    ];
    (headers, Json(event)).into_response()
}

async fn answer(State(api): State<Api>, body: String) -> StatusCode {
    api.note(What::Answer(body))
}

async fn failure(State(api): State<Api>, body: String) -> StatusCode {
    api.note(What::Failure(body))
}
