//! The login service: access tokens for applications, with Entra's AADSTS errors.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    Graph,
    clients::{AppCredential, AppRegistration, Client},
    error::GraphError,
    metadata, user_access,
};
use crate::stand_in::http::{Request, Response};

/// The audience of Graph access tokens. In the scope of a token request, the local URL of Graph is accepted too.
const GRAPH: &str = "https://graph.microsoft.com";
const TOKEN_SECONDS: i64 = 3599;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The application that makes a call.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) app_id: String,
    /// The object ID of the application's service principal.
    pub(super) principal: String,
    pub(super) roles: Vec<String>,
    expires: OffsetDateTime,
}

/// The access tokens that have been issued and have not expired.
#[derive(Default)]
pub(super) struct Tokens(HashMap<String, Caller>);

impl Tokens {
    /// The application to which a token was issued.
    pub(super) fn caller(&self, authorization: Option<&str>, now: OffsetDateTime) -> Result<Caller, GraphError> {
        let token = authorization.map(str::trim).unwrap_or_default();
        let (scheme, token) = token.split_once(' ').unwrap_or((token, ""));
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(GraphError::unauthenticated("Access token is empty."));
        }
        match self.0.get(token) {
            Some(caller) if caller.expires > now => Ok(caller.clone()),
            Some(_) => Err(GraphError::unauthenticated("Lifetime validation failed, the token is expired.")),
            None => Err(GraphError::unauthenticated("IDX14100: JWT is not well formed or was not issued here.")),
        }
    }
}

/// An error response of the token endpoint.
pub(super) struct Refusal {
    status: u16,
    error: &'static str,
    number: u32,
    text: String,
}

impl Refusal {
    pub(super) fn new(status: u16, error: &'static str, number: u32, text: impl Into<String>) -> Self {
        Self { status, error, number, text: text.into() }
    }

    fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new(400, "invalid_request", 900_144, text)
    }

    fn response(&self, now: OffsetDateTime) -> Response {
        let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let (date, clock) = (now.date(), now.time());
        let at = format!("{date} {:02}:{:02}:{:02}Z", clock.hour(), clock.minute(), clock.second());
        let body = json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}", self.number, self.text),
            "error_codes": [self.number],
            "timestamp": at,
            "trace_id": trace.to_string(),
            "correlation_id": correlation.to_string(),
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.number),
        });
        Response::json(self.status, &body)
    }
}

impl Graph {
    /// Handles a request to the login service: a token request, or a request for federation metadata or a sign-in.
    pub(super) async fn login(&self, request: &Request) -> Response {
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let response = match (request.method.as_str(), segments.as_slice()) {
            ("POST", [tenant, "oauth2", "v2.0", "token"]) => match self.token(tenant, request).await {
                Ok(response) => response,
                Err(refusal) => refusal.response(self.now()),
            },
            ("GET", [tenant, "federationmetadata", "2007-06", "federationmetadata.xml"]) => {
                metadata::answer(self, tenant, request.query("appid"))
            }
            ("GET", ["api", "signin", app_id]) => user_access::answer(self, app_id, request),
            _ => Response::new(404, "text/plain", "The login service has no such page."),
        };
        response
            .with_header("x-ms-request-id", Uuid::new_v4().to_string())
            .with_header("cache-control", "no-store, no-cache")
            .with_header("date", super::http_date(self.now()))
    }

    /// Whether `name`, from a login URL, names this tenant. The URL can contain the tenant ID or a verified domain.
    pub(super) fn is_tenant(&self, name: &str) -> bool {
        let domains = &self.behaviour().verified_domains;
        name.eq_ignore_ascii_case(&self.options.tenant_id)
            || domains.iter().any(|domain| domain.eq_ignore_ascii_case(name))
    }

    async fn token(&self, tenant: &str, request: &Request) -> Result<Response, Refusal> {
        if !self.is_tenant(tenant) {
            let text = format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
                 correct cloud. Check with your subscription administrator, this may happen if there are no active \
                 subscriptions for the tenant."
            );
            return Err(Refusal::new(400, "invalid_request", 90_002, text));
        }
        let form =
            request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let body = if form { request.body.as_slice() } else { &[] };
        let fields: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let grant = field("grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
        if grant != "client_credentials" {
            let text = format!("The app requested an unsupported grant type '{grant}'.");
            return Err(Refusal::new(400, "unsupported_grant_type", 70_003, text));
        }
        let client = field("client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let scope = field("scope").ok_or_else(|| Refusal::missing("scope"))?;
        let known = self.client(client).ok_or_else(|| {
            let text = format!(
                "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the \
                 application has not been installed by the administrator of the tenant or consented to by any user in the \
                 tenant. You may have sent your authentication request to the wrong tenant."
            );
            Refusal::new(400, "unauthorized_client", 700_016, text)
        })?;
        let endpoint = format!("{}/{tenant}/oauth2/v2.0/token", self.options.login_url);
        self.prove(&known.registration, &endpoint, &fields).await?;
        self.check_scope(scope)?;
        let token = self.issue(&known).map_err(|text| Refusal::new(500, "server_error", 90_033, text))?;
        Ok(Response::json(
            200,
            &json!({"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS, "access_token": token}),
        ))
    }

    /// Authenticates the client by its client secret or client assertion.
    async fn prove(
        &self,
        registration: &AppRegistration,
        endpoint: &str,
        fields: &HashMap<String, String>,
    ) -> Result<(), Refusal> {
        if let Some(assertion) = fields.get("client_assertion") {
            if fields.get("client_assertion_type").map(String::as_str) != Some(ASSERTION_TYPE) {
                return Err(Refusal::missing("client_assertion_type"));
            }
            return self.check_assertion(registration, endpoint, assertion).await;
        }
        let id = &registration.client_id;
        let Some(given) = fields.get("client_secret").filter(|secret| !secret.is_empty()) else {
            return Err(Refusal::new(
                401,
                "invalid_client",
                7_000_216,
                "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
            ));
        };
        let secrets = registration.credentials.iter().filter_map(|credential| match credential {
            AppCredential::Secret { value, expires } if value == given => Some(expires),
            _ => None,
        });
        let ends: Vec<_> =
            secrets.map(|text| text.as_deref().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())).collect();
        if ends.is_empty() {
            return Err(Refusal::new(
                401,
                "invalid_client",
                7_000_215,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                     value, not the client secret ID, for a secret added to app '{id}'."
                ),
            ));
        }
        if ends.iter().all(|end| end.is_some_and(|end| end <= self.now())) {
            return Err(Refusal::new(
                401,
                "invalid_client",
                7_000_222,
                format!(
                    "The provided client secret keys for app '{id}' are expired. Visit the Azure portal to create new keys \
                     for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added \
                     security: https://aka.ms/certCreds."
                ),
            ));
        }
        Ok(())
    }

    fn check_scope(&self, scope: &str) -> Result<(), Refusal> {
        let Some(resource) = scope.strip_suffix("/.default") else {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with \
                 /.default suffixed to the resource identifier (application ID URI)."
            );
            return Err(Refusal::new(400, "invalid_scope", 1_002_012, text));
        };
        if resource != GRAPH && resource != self.base() {
            let text = format!(
                "The resource principal named {resource} was not found in the tenant named {}. This can happen if the \
                 application has not been installed by the administrator of the tenant or consented to by any user in \
                 the tenant.",
                self.options.tenant_id
            );
            return Err(Refusal::new(400, "invalid_resource", 500_011, text));
        }
        Ok(())
    }

    /// Issues an access token, signed with the tenant's key.
    fn issue(&self, client: &Client) -> Result<String, String> {
        let now = self.now();
        // `exp` is an absolute time. The clock scale does not apply to this time, because clients compare it with their
        // own clock.
        let expires = now + time::Duration::seconds(TOKEN_SECONDS);
        let (tenant, object) = (&self.options.tenant_id, &client.principal);
        let app_id = &client.registration.client_id;
        let mut roles = client.registration.permissions.clone();
        roles.sort();
        let key = self.tenant_key()?;
        let kid = URL_SAFE_NO_PAD.encode(key.thumbprint());
        let header = json!({"typ": "JWT", "alg": "RS256", "x5t": kid, "kid": kid});
        let claims = json!({
            "aud": GRAPH, "iss": format!("https://sts.windows.net/{tenant}/"), "iat": now.unix_timestamp(),
            "nbf": now.unix_timestamp(), "exp": expires.unix_timestamp(), "app_displayname": "Connect onboarding",
            "appid": app_id, "appidacr": "1", "idp": format!("https://sts.windows.net/{tenant}/"),
            "idtyp": "app", "oid": object, "sub": object, "tid": tenant, "roles": roles,
            "uti": Uuid::new_v4().simple().to_string(), "ver": "1.0",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!("{}.{}", part(&header), part(&claims));
        let token = format!("{content}.{}", URL_SAFE_NO_PAD.encode(key.sign(content.as_bytes())?));
        let caller = Caller { app_id: app_id.clone(), principal: object.clone(), roles, expires };
        let mut state = self.state();
        state.tokens.0.retain(|_, caller| caller.expires + time::Duration::hours(1) > now);
        state.tokens.0.insert(token.clone(), caller);
        Ok(token)
    }
}

/// A time as Graph formats it in JSON: whole seconds, UTC.
pub(crate) fn stamp(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
