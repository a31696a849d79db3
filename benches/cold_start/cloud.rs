//! A stub of Amazon Connect for the cold start benchmark. The stub returns the same response to every request, and
//! records each request.

use std::{io, net::SocketAddr};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

/// The instance alias in the event. With this event, the function checks whether the quota allows one more instance.
const ALIAS: &str = "acme-support";

/// The event that each program receives.
pub(crate) fn event() -> Value {
    json!({ "alias": ALIAS, "previous": null })
}

/// The stub of Amazon Connect for one cold start. Dropping the value stops the stub.
pub(crate) struct Cloud {
    pub(crate) address: SocketAddr,
    pub(crate) calls: mpsc::UnboundedReceiver<String>,
    server: JoinHandle<io::Result<()>>,
}

impl Cloud {
    pub(crate) async fn start() -> io::Result<Self> {
        let (sender, calls) = mpsc::unbounded_channel();
        let router = Router::new().fallback(list_instances).with_state(sender);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, calls, server: tokio::spawn(async { axum::serve(listener, router).await }) })
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn list_instances(
    State(calls): State<mpsc::UnboundedSender<String>>,
    request: axum::extract::Request,
) -> Response {
    // Sending fails if the receiver is already closed. This is normal after the last request that the benchmark counts.
    let _ = calls.send(format!("{} {}", request.method(), request.uri().path()));
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
