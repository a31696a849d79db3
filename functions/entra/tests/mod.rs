//! Tests of the Graph client. The client sends its requests to a server on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod calls;
mod groups;
mod sign_in;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

use super::{Credential, Graph};
use crate::runtime::settings::Settings;

const GROUP: &str = "7c0b1d0e-0000-4000-8000-000000000001";
const TOKEN_PATH: &str = "/contoso/oauth2/v2.0/token";

/// A server that emulates Graph and the login service on one port.
struct Cloud {
    server: MockServer,
}

impl Cloud {
    /// Starts a server that issues tokens.
    async fn start() -> Self {
        let cloud = Self { server: MockServer::start().await };
        cloud.on("POST", TOKEN_PATH, json_of(200, token(&["Group.Read.All"]))).await;
        cloud
    }

    /// Configures the response to every request to a path.
    async fn on(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// Configures the response to one request to a path. This response takes precedence over the response that
    /// [`Cloud::on`] configures.
    async fn once(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(answer);
        mock.up_to_n_times(1).with_priority(1).mount(&self.server).await;
    }

    fn settings(&self) -> Settings {
        let url = self.server.uri();
        Settings::read(|name| match name {
            Settings::GRAPH_URL | Settings::LOGIN_URL => Some(url.clone()),
            Settings::GRAPH_CREDENTIAL => Some("graph-credential".into()),
            _ => None,
        })
    }

    fn graph(&self) -> Graph {
        Graph::with_credential(Credential::with_secret("contoso", "app", "hunter2"), self.settings())
    }

    /// Returns the requests to a path that the server has received so far.
    async fn requests(&self, at: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|request| request.url.path() == at).collect()
    }
}

fn json_of(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// Returns the response of the token endpoint. The payload of the token contains these roles.
fn token(roles: &[&str]) -> Value {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.signature", part(json!({})), part(json!({ "roles": roles })));
    json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": token })
}

fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let inner = json!({ "date": "2026-11-22T01:02:03", "request-id": "r-1", "client-request-id": "c-1" });
    json_of(status, json!({ "error": { "code": code, "message": message, "innerError": inner } }))
}

fn members() -> String {
    format!("/v1.0/groups/{GROUP}/members")
}

fn user(id: &str) -> Value {
    json!({ "@odata.type": "#microsoft.graph.user", "id": id, "userPrincipalName": format!("{id}@contoso.com"),
            "displayName": id, "accountEnabled": true, "userType": "Member" })
}
