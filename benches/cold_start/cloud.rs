//! The world that a measured program sees: Lambda's Runtime API, which has one event for it, and AWS, which knows one
//! answer. Both write down when they were asked.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

/// What every program is asked: whether there is room for an instance of this alias.
const ALIAS: &str = "acme-support";

/// One thing that the program did, and when.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) what: What,
}

/// What a program can do.
#[derive(Debug)]
pub(crate) enum What {
    /// It asked for an event: it is ready.
    Next,
    /// It called AWS.
    Call(String),
    /// It answered the event.
    Answer,
    /// It gave an error instead of an answer.
    Failure(String),
}

/// Both servers, for one cold start; they end with it.
pub(crate) struct Cloud {
    pub(crate) runtime_api: SocketAddr,
    pub(crate) aws: SocketAddr,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
    servers: [JoinHandle<io::Result<()>>; 2],
}

#[derive(Clone)]
struct Notes {
    given: Arc<AtomicBool>,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Notes {
    fn note(&self, what: What) {
        // Nobody reads on after the last thing that counts.
        let _ = self.seen.send(Seen { at: Instant::now(), what });
    }
}

impl Cloud {
    pub(crate) async fn start() -> io::Result<Self> {
        let (sender, seen) = mpsc::unbounded_channel();
        let notes = Notes { given: Arc::default(), seen: sender };
        let runtime = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .with_state(notes.clone());
        let aws = Router::new().fallback(list_instances).with_state(notes);
        let (runtime_listener, aws_listener) = (listener().await?, listener().await?);
        Ok(Self {
            runtime_api: runtime_listener.local_addr()?,
            aws: aws_listener.local_addr()?,
            seen,
            servers: [
                tokio::spawn(async { axum::serve(runtime_listener, runtime).await }),
                tokio::spawn(async { axum::serve(aws_listener, aws).await }),
            ],
        })
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn listener() -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", 0)).await
}

async fn next(State(notes): State<Notes>) -> Response {
    notes.note(What::Next);
    if notes.given.swap(true, Ordering::Relaxed) {
        return pending().await;
    }
    let deadline = SystemTime::now() + Duration::from_secs(60);
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", deadline.as_str()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-1:123456789012:function:cold-start"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
    ];
    (headers, Json(json!({ "alias": ALIAS, "previous": null }))).into_response()
}

async fn answer(State(notes): State<Notes>, body: String) -> StatusCode {
    // The empty program has nothing to say; the others have to have read AWS's answer.
    let answer: Value = serde_json::from_str(&body).unwrap_or_default();
    let understood = answer.get("status").is_none_or(|status| status == "SUFFICIENT");
    notes.note(if understood { What::Answer } else { What::Failure(body) });
    StatusCode::ACCEPTED
}

async fn failure(State(notes): State<Notes>, body: String) -> StatusCode {
    notes.note(What::Failure(body));
    StatusCode::ACCEPTED
}

async fn list_instances(State(notes): State<Notes>, request: axum::extract::Request) -> Response {
    notes.note(What::Call(format!("{} {}", request.method(), request.uri().path())));
    Json(json!({ "InstanceSummaryList": [{
        "Id": "11111111-2222-3333-4444-555555555555",
        "Arn": "arn:aws:connect:ap-northeast-1:123456789012:instance/11111111-2222-3333-4444-555555555555",
        "IdentityManagementType": "SAML",
        "InstanceAlias": ALIAS,
        "CreatedTime": 1_767_225_600,
        "ServiceRole": "arn:aws:iam::123456789012:role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect",
        "InstanceStatus": "ACTIVE",
        "InboundCallsEnabled": true,
        "OutboundCallsEnabled": true,
        "InstanceAccessUrl": format!("https://{ALIAS}.my.connect.aws")
    }] }))
    .into_response()
}
