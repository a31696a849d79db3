//! Tests of the tenant through its HTTP API. Each response is validated against Microsoft's description.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod assertions;
mod claims;
mod delta;
mod directory;
mod login;
mod notifications;
mod schema;
mod single_sign_on;

use std::{cell::RefCell, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    AppCredential, AppRegistration, Graph, GraphBehaviour, GraphOptions, registration::object, schema::MODEL, segments,
};
use crate::stand_in::{
    clock::Clock,
    http::{Request, Response},
    tenant::Tenant,
};

const TENANT: &str = "7a1c9d3e-2b4f-4c6d-8e0a-1b3c5d7e9f01";
const CLIENT: &str = "c0ffee00-1111-4222-8333-444455556666";
const SECRET: &str = "not-a-real-secret";
const TEMPLATE: &str = "8b1025e4-1dd2-430b-a150-2ef79cd700f5";
const AGENTS: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// A client with an access token of one tenant.
struct Client {
    graph: Arc<Graph>,
    clock: Clock,
    token: RefCell<Option<String>>,
    headers: Vec<(String, String)>,
}

fn user(number: usize) -> Value {
    json!({"@odata.type": "#microsoft.graph.user", "id": format!("bbbbbbbb-0000-4000-8000-{number:012}"),
           "userPrincipalName": format!("user{number}@contoso.example"), "givenName": "Ren", "surname": format!("Sato {number}"),
           "displayName": format!("Ren Sato {number}"), "mail": null, "accountEnabled": true, "userType": "Member"})
}

fn user_id(number: usize) -> String {
    format!("bbbbbbbb-0000-4000-8000-{number:012}")
}

/// A group `Support agents` with this number of users.
fn agents(users: usize) -> Value {
    json!({"groups": [{"id": AGENTS, "displayName": "Support agents", "members": (1..=users).map(user).collect::<Vec<_>>()}]})
}

/// A tenant without delays, with three users in the group.
fn client() -> Client {
    Client::new(0.0, agents(3), |_| {})
}

impl Client {
    fn new(scale: f64, tenant: Value, change: impl FnOnce(&mut GraphBehaviour)) -> Self {
        Self::with_upstream(scale, tenant, "http://127.0.0.1:9", change)
    }

    fn with_upstream(scale: f64, tenant: Value, upstream: &str, change: impl FnOnce(&mut GraphBehaviour)) -> Self {
        let tenant: Tenant = serde_json::from_value(tenant).unwrap();
        let clock = Clock::new(scale);
        let mut behaviour = GraphBehaviour::default();
        change(&mut behaviour);
        let graph = Graph::new(GraphOptions {
            clock: clock.clone(),
            tenant,
            tenant_id: TENANT.into(),
            clients: vec![AppRegistration {
                client_id: CLIENT.into(),
                permissions: behaviour.roles.clone(),
                credentials: vec![AppCredential::Secret { value: SECRET.into(), expires: None }],
            }],
            aws_issuer: "https://0.tokens.sts.global.api.aws".into(),
            aws_url: "http://127.0.0.1:9".into(),
            graph_url: "http://127.0.0.1:4571".into(),
            login_url: "http://127.0.0.1:4572".into(),
            upstream: upstream.into(),
            behaviour,
        });
        Self { graph, clock, token: RefCell::default(), headers: Vec::new() }
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a form to the token endpoint.
    async fn token(&self, tenant: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request {
            method: "POST".into(),
            path: format!("/{tenant}/oauth2/v2.0/token"),
            query: Vec::new(),
            headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
            body: body.into_bytes(),
        };
        let response = self.graph.handle_login(&request).await;
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    /// The federation metadata as text.
    async fn metadata(&self, app_id: Option<&str>) -> (u16, String) {
        let request = Request {
            method: "GET".into(),
            path: format!("/{TENANT}/federationmetadata/2007-06/federationmetadata.xml"),
            query: app_id.map(|id| ("appid".into(), id.into())).into_iter().collect(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let response = self.graph.handle_login(&request).await;
        (response.status, String::from_utf8(response.body).unwrap())
    }

    async fn authorization(&self) -> String {
        if self.token.borrow().is_none() {
            let form = [
                ("client_id", CLIENT),
                ("client_secret", SECRET),
                ("grant_type", "client_credentials"),
                ("scope", "https://graph.microsoft.com/.default"),
            ];
            let (status, answer) = self.token(TENANT, &form).await;
            assert_eq!(status, 200, "{answer}");
            *self.token.borrow_mut() = Some(format!("Bearer {}", answer["access_token"].as_str().unwrap()));
        }
        self.token.borrow().clone().unwrap()
    }

    /// Sends a call and returns the full response. `url` is the path and query without the API version, or a next link.
    async fn send(&self, method: &str, url: &str, body: Value) -> Response {
        let url = url.strip_prefix("http://127.0.0.1:4571/v1.0").unwrap_or(url);
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut headers = self.headers.clone();
        headers.push(("authorization".into(), self.authorization().await));
        if !body.is_null() {
            headers.push(("content-type".into(), "application/json".into()));
        }
        let request = Request {
            method: method.into(),
            path: format!("/v1.0{path}"),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers,
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        };
        let response = self.graph.handle_graph(&request).await;
        assert!(response.headers.iter().any(|(name, _)| name == "request-id"));
        assert!(response.headers.iter().any(|(name, _)| name == "date"));
        check_answer(&request, &response);
        response
    }

    async fn call(&self, method: &str, url: &str, body: Value) -> (u16, Value) {
        let response = self.send(method, url, body).await;
        (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
    }

    async fn get(&self, url: &str) -> (u16, Value) {
        self.call("GET", url, Value::Null).await
    }

    /// Sends a call that must succeed.
    async fn ok(&self, method: &str, url: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, url, body).await;
        assert!((200..300).contains(&status), "{method} {url}: {status} {answer}");
        answer
    }

    /// Sends a call that must fail. Returns the error's status, code and message.
    async fn refused(&self, method: &str, url: &str, body: Value) -> (u16, String, String) {
        let (status, answer) = self.call(method, url, body).await;
        assert!(status >= 400, "{method} {url}: {status} {answer}");
        let text = |name: &str| answer["error"][name].as_str().unwrap().to_owned();
        (status, text("code"), text("message"))
    }

    /// Both credential lists of a service principal in the form that a PATCH request requires: all secrets are null.
    async fn credentials(&self, url: &str) -> (Vec<Value>, Vec<Value>) {
        let fields = "keyCredentials,passwordCredentials,preferredTokenSigningKeyThumbprint";
        let shown = self.ok("GET", &format!("{url}?$select={fields}"), Value::Null).await;
        let list = |name: &str, secret: &str| {
            let mut list = shown[name].as_array().unwrap().clone();
            list.iter_mut().for_each(|credential| credential[secret] = Value::Null);
            list
        };
        (list("keyCredentials", "key"), list("passwordCredentials", "secretText"))
    }

    /// Instantiates a gallery application. Returns the IDs of the application and the service principal, and the app
    /// ID.
    async fn instantiate(&self, name: &str) -> (String, String, String) {
        let url = format!("/applicationTemplates/{TEMPLATE}/instantiate");
        let (status, made) = self.call("POST", &url, json!({"displayName": name})).await;
        assert_eq!(status, 201, "{made}");
        let id = |kind: &str, name: &str| made[kind][name].as_str().unwrap().to_owned();
        (id("application", "id"), id("servicePrincipal", "id"), id("application", "appId"))
    }
}

fn fields(value: Value) -> Map<String, Value> {
    object(value)
}

/// Validates a successful response against Microsoft's description, as the project's check of recorded traffic does.
fn check_answer(request: &Request, response: &Response) {
    let (_, parts) = segments(&request.path);
    let Ok((endpoint, _)) = MODEL.route(&request.method, &parts) else {
        return;
    };
    let (Some(kind), Ok(Value::Object(body))) = (&endpoint.returns, serde_json::from_slice(&response.body)) else {
        return;
    };
    if response.status >= 400 {
        return;
    }
    let known = |tag: &str| MODEL.tagged(tag).is_some();
    let mut body = body;
    if let Some(items) = body.get_mut("value").and_then(Value::as_array_mut) {
        for item in items.iter().filter_map(Value::as_object) {
            if let Some(tag) = item.get("@odata.type").and_then(Value::as_str).filter(|tag| known(tag)) {
                let kind = MODEL.tagged(tag).unwrap();
                for name in item.keys().filter(|name| !name.contains('@')) {
                    assert!(kind.properties.contains_key(name), "{tag} has no {name}");
                }
            }
        }
        items.retain(|item| item.get("@odata.type").is_none());
    }
    if !kind.ends_with(".DirectoryObject") {
        MODEL.check_fields(kind, &body).unwrap();
    }
}
