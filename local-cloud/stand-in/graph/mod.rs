//! Microsoft Graph v1.0 and the login service of one Entra tenant, for the operations that the onboarding and the user
//! sync use. The responses to valid requests and the errors for invalid requests are the same as those of the real
//! service. The delays and limits of the real service apply to all requests.
//!
//! [`schema`] validates requests with Microsoft's own description of Graph, and [`permissions`] checks the roles in the
//! token. The clock scale of the local cloud shortens delays and time windows. It does not shorten absolute times (the
//! expiry of tokens and subscriptions, the dates of certificates), because clients compare them with their own clock.

mod applications;
mod assertion;
mod assignments;
mod batch;
mod behaviour;
mod certificate;
mod clients;
mod delta;
mod directory;
mod dispatch;
mod error;
mod filter;
mod groups;
mod inventory;
mod login;
mod metadata;
mod notify;
mod odata;
mod permissions;
mod policies;
mod principals;
mod registration;
mod schema;
mod sign_in;
mod subscriptions;
mod throttle;
mod user_access;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak, atomic::AtomicUsize};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

pub use behaviour::GraphBehaviour;
pub use certificate::{Certified, self_signed};
pub use clients::{AppCredential, AppRegistration};

use crate::stand_in::{
    clock::Clock,
    http::{Request, Response},
    tenant::Tenant,
};
pub(crate) use certificate::SigningKey;
use clients::Client;
use directory::Directory;
use error::GraphError;
pub(crate) use login::stamp;
use login::{Caller, Tokens};
use odata::Options;
use registration::Registration;
use schema::{Endpoint, MODEL, NoRoute};

/// The URLs, initial content and behavior of the tenant.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    /// The clock of the local cloud.
    pub clock: Clock,
    /// The initial users and groups.
    pub tenant: Tenant,
    /// The tenant ID, a GUID.
    pub tenant_id: String,
    /// The applications that can request tokens from the start.
    pub clients: Vec<AppRegistration>,
    /// The issuer of web identity tokens in this local cloud's AWS account.
    pub aws_issuer: String,
    /// The URL of the local AWS services. The public keys of the web identity token issuer are served at the same URL.
    pub aws_url: String,
    /// The URL of Graph, without the API version: `http://127.0.0.1:4571`.
    pub graph_url: String,
    /// The URL of the login service.
    pub login_url: String,
    /// The URL of the emulator. The emulator serves the hosts `*.lambda-url.<region>.on.aws`, so notifications for
    /// these hosts are sent to the emulator.
    pub upstream: String,
    /// The initial behavior of the tenant.
    pub behaviour: GraphBehaviour,
}

/// The tenant with its Graph API and login service.
pub struct Graph {
    options: GraphOptions,
    behaviour: RwLock<Arc<GraphBehaviour>>,
    state: Mutex<State>,
    http: reqwest::Client,
    tenant_key: OnceLock<SigningKey>,
    /// The salt that makes page tokens unpredictable.
    salt: String,
    /// The IDs that the roles `User` and `msiam_access` of the gallery application have in this tenant.
    role_ids: (String, String),
    /// The number of sign-ins at the user access URL.
    sign_ins: AtomicUsize,
    this: Weak<Graph>,
}

/// The mutable state of the tenant.
struct State {
    directory: Directory,
    clients: Vec<Client>,
    registrations: Vec<Registration>,
    /// Applications in the recycle bin.
    deleted: Vec<Registration>,
    policies: Vec<policies::Policy>,
    subscriptions: Vec<subscriptions::Subscription>,
    outbox: notify::Outbox,
    tokens: Tokens,
    meter: throttle::Meter,
    /// The number of requests with a delta token.
    deltas: u64,
}

/// A validated call to Graph.
struct Call<'a> {
    graph: &'a Graph,
    request: &'a Request,
    caller: &'a Caller,
    endpoint: &'static Endpoint,
    body: Value,
    now: OffsetDateTime,
}

/// A successful response of Graph.
struct Answer {
    status: u16,
    body: Option<Value>,
    /// Whether the body is plain text instead of JSON, as it is for `$count`.
    text: bool,
}

impl Answer {
    fn json(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), text: false }
    }

    fn no_content() -> Self {
        Self { status: 204, body: None, text: false }
    }
}

impl Graph {
    /// A tenant with the given directory, without applications created from the gallery.
    #[must_use]
    pub fn new(mut options: GraphOptions) -> Arc<Self> {
        let now = options.clock.now();
        let tenant = std::mem::take(&mut options.tenant);
        let clients = std::mem::take(&mut options.clients).into_iter().map(Client::new).collect();
        for url in [&mut options.graph_url, &mut options.login_url, &mut options.upstream, &mut options.aws_url] {
            url.truncate(url.trim_end_matches('/').len());
        }
        // Notifications are sent only to loopback, without a proxy and without redirects.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).redirect(reqwest::redirect::Policy::none());
        let behaviour = RwLock::new(Arc::new(std::mem::take(&mut options.behaviour)));
        Arc::new_cyclic(|this| Self {
            options,
            behaviour,
            state: Mutex::new(State {
                directory: Directory::load(tenant, now),
                clients,
                registrations: Vec::new(),
                deleted: Vec::new(),
                policies: Vec::new(),
                subscriptions: Vec::new(),
                outbox: notify::Outbox::default(),
                tokens: Tokens::default(),
                meter: throttle::Meter::default(),
                deltas: 0,
            }),
            http: http.build().unwrap_or_default(),
            tenant_key: OnceLock::new(),
            salt: Uuid::new_v4().to_string(),
            role_ids: (Uuid::new_v4().to_string(), Uuid::new_v4().to_string()),
            sign_ins: AtomicUsize::new(0),
            this: this.clone(),
        })
    }

    /// Handles a call to Graph.
    pub async fn handle_graph(&self, request: &Request) -> Response {
        let path = request.path.trim_end_matches('/');
        let caller = match self.state().tokens.caller(request.header("authorization"), self.now()) {
            Ok(caller) => caller,
            Err(error) => return self.finish(request, Err(error)),
        };
        if request.method == "POST" && path == "/v1.0/$batch" {
            let answer = self.batch(request, &caller).await;
            return self.finish(request, answer);
        }
        self.handle_one(request, &caller).await
    }

    /// Handles a call to the login service: the token endpoint, the federation metadata and the user access URL.
    pub async fn handle_login(&self, request: &Request) -> Response {
        self.login(request).await
    }

    /// The operation of a call, with placeholders instead of IDs: `GET /v1.0/groups/{id}/members`.
    #[must_use]
    pub fn operation(request: &Request) -> String {
        let (version, segments) = segments(&request.path);
        let path = match MODEL.route(&request.method, &segments) {
            Ok((endpoint, _)) if version == "v1.0" => {
                let parts = endpoint.path.split('/').map(|part| if part.starts_with('{') { "{id}" } else { part });
                format!("/v1.0{}", parts.collect::<Vec<_>>().join("/"))
            }
            _ => {
                let parts = request.path.split('/').map(|part| if schema::is_guid(part) { "{id}" } else { part });
                parts.collect::<Vec<_>>().join("/")
            }
        };
        format!("{} {path}", request.method)
    }

    async fn handle_one(&self, request: &Request, caller: &Caller) -> Response {
        let answer = self.admit(request, caller).await;
        self.finish(request, answer)
    }

    /// Checks a call against the schema, the limits and the permissions, and then runs the call.
    async fn admit(&self, request: &Request, caller: &Caller) -> Result<Answer, GraphError> {
        let (version, segments) = segments(&request.path);
        if version != "v1.0" {
            return Err(GraphError::new(400, "BadRequest", format!("Invalid version: {version}")));
        }
        if request.method != "GET" && segments.first().is_some_and(|first| schema::is_guid(first)) {
            return Err(GraphError::bad_request(
                "Write requests are only supported on contained entities or navigation properties with bindings.",
            ));
        }
        let (endpoint, labels) = MODEL.route(&request.method, &segments).map_err(|reason| match reason {
            NoRoute::Path(segment) => {
                GraphError::new(400, "BadRequest", format!("Resource not found for the segment '{segment}'."))
            }
            NoRoute::Method => GraphError::new(
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            ),
        })?;
        {
            let mut state = self.state();
            let users = state.directory.users();
            state.meter.take(self, users, endpoint, request)?;
        }
        if !permissions::suffice(&caller.roles, endpoint) {
            return Err(GraphError::denied());
        }
        endpoint.check_query(&request.query)?;
        let body = read_body(request)?;
        MODEL.check_body(endpoint, &body)?;
        let call = Call { graph: self, request, caller, endpoint, body, now: self.now() };
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        call.dispatch(&labels).await
    }

    /// Converts a result to a response with the headers of every Graph response.
    fn finish(&self, request: &Request, answer: Result<Answer, GraphError>) -> Response {
        let now = self.now();
        let request_id = Uuid::new_v4().to_string();
        let given = request.header("client-request-id").map(String::from);
        let client_id = given.clone().unwrap_or_else(|| request_id.clone());
        let json_type =
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
        let mut response = match &answer {
            Ok(Answer { status, body: Some(body), text: false }) => Response::new(*status, json_type, body.to_string()),
            Ok(Answer { status, body: Some(body), text: true }) => {
                Response::new(*status, "text/plain", body.to_string())
            }
            Ok(Answer { status, body: None, .. }) => Response::empty(*status),
            Err(error) => {
                let date = login::stamp(now);
                let body = error.body(date.trim_end_matches('Z'), &request_id, &client_id);
                Response::new(error.status, "application/json", body.to_string())
            }
        };
        if let Err(error) = &answer {
            if let Some(seconds) = error.retry_after {
                response = response.with_header("retry-after", seconds.to_string());
            }
            if error.status == 401 {
                let login = &self.options.login_url;
                let challenge = format!("Bearer realm=\"\", authorization_uri=\"{login}/common/oauth2/authorize\"");
                response = response.with_header("www-authenticate", challenge);
            }
        }
        if request.header("return-client-request-id") == Some("true") {
            response = response.with_header("client-request-id", client_id);
        }
        response.with_header("request-id", request_id).with_header("date", http_date(now))
    }

    fn now(&self) -> OffsetDateTime {
        self.options.clock.now()
    }

    /// The current behavior of the tenant.
    fn behaviour(&self) -> Arc<GraphBehaviour> {
        Arc::clone(&self.behaviour.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the behavior of the tenant from the next call on.
    pub(crate) fn behave(&self, behaviour: GraphBehaviour) {
        *self.behaviour.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behaviour);
    }

    /// The URL of Graph, without the API version.
    fn base(&self) -> &str {
        self.options.graph_url.strip_suffix("/v1.0").unwrap_or(&self.options.graph_url)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant's signing key, generated on first use.
    fn tenant_key(&self) -> Result<&SigningKey, String> {
        if let Some(key) = self.tenant_key.get() {
            return Ok(key);
        }
        let now = self.now();
        let key = SigningKey::generate("accounts.accesscontrol.windows.net", now, now + time::Duration::days(5 * 365))?;
        Ok(self.tenant_key.get_or_init(|| key))
    }
}

impl Call<'_> {
    fn options(&self) -> Result<Options, GraphError> {
        Options::read(self.graph, self.endpoint, self.request)
    }

    /// The properties in the request body.
    fn fields(&self) -> Result<&Map<String, Value>, GraphError> {
        self.body.as_object().ok_or_else(|| GraphError::new(400, "BadRequest", "Empty Payload. JSON content expected."))
    }

    /// A response with a single object.
    fn entity(&self, collection: &str, mut fields: Map<String, Value>) -> Answer {
        let context = format!("{}/v1.0/$metadata#{collection}/$entity", self.graph.base());
        fields.insert("@odata.context".into(), json!(context));
        Answer::json(200, Value::Object(fields))
    }
}

/// The API version and the decoded path segments of a URL path. A type cast can be spelled in two ways. Both spellings
/// are returned as `graph.user`.
fn segments(path: &str) -> (String, Vec<String>) {
    let mut parts = path.trim_matches('/').split('/');
    let version = parts.next().unwrap_or_default().to_owned();
    let mut segments = Vec::new();
    for part in parts {
        let part = percent_decode_str(part).decode_utf8_lossy().replace("microsoft.graph.", "graph.");
        // Parentheses contain an alternate key, as in `applications(appId='…')`, or belong to a function, as in
        // `delta()`.
        match part.strip_suffix(')').and_then(|part| part.split_once('(')) {
            Some((name, "")) => segments.push(name.to_owned()),
            Some((name, key)) => segments.extend([name.to_owned(), key.to_owned()]),
            None => segments.push(part),
        }
    }
    (version, segments)
}

/// The value of an alternate key, `appId='…'`.
fn alternate_key(key: &str) -> Option<&str> {
    key.strip_prefix("appId='")?.strip_suffix('\'')
}

/// The path without the API version, in the form in which `@odata.context` names a collection.
fn relative(request: &Request) -> &str {
    request.path.trim_matches('/').strip_prefix("v1.0/").unwrap_or_default()
}

fn read_body(request: &Request) -> Result<Value, GraphError> {
    if request.body.is_empty() || request.method == "GET" {
        return Ok(Value::Null);
    }
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(GraphError::bad_request(
            "A supported MIME type could not be found that matches the content type of the request. None of the supported \
             type(s) 'application/json' matches the content type.",
        ));
    }
    request.json().map_err(|_| GraphError::new(400, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."))
}

/// A time in the format of the HTTP `Date` header.
fn http_date(at: OffsetDateTime) -> String {
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    at.to_offset(time::UtcOffset::UTC).format(form).unwrap_or_default()
}
