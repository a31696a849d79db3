//! One call to Graph: how it is described, what its refusals mean, how lists are read to their end.

use std::{collections::BTreeSet, time::Duration};

use onboarding_core::{StepError, StepErrorKind};
use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Graph,
    transport::{Ask, Body, Reply},
};

/// More pages than any directory has; a list that is longer goes in circles.
const MOST_PAGES: usize = 10_000;

/// How long a replica is waited for that has not heard of an object just made; minutes belong to the state machine.
pub(super) const REPLICA_WAITS: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// One call, before it is sent.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    doing: String,
    permission: &'static str,
    just_made: bool,
    repeatable: bool,
}

impl Call {
    /// A read; `doing` is for errors and reads like `reading the group 1234`.
    pub(super) fn get(path: &[&str], doing: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
            doing: doing.into(),
            permission: "",
            just_made: false,
            repeatable: true,
        }
    }

    pub(super) fn post(path: &[&str], body: Value, doing: impl Into<String>) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path, doing) }
    }

    pub(super) fn patch(path: &[&str], body: Value, doing: impl Into<String>) -> Self {
        Self { method: Method::PATCH, body: Some(body), ..Self::get(path, doing) }
    }

    pub(super) fn delete(path: &[&str], doing: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path, doing) }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// The application permission that the call needs, for the message where Graph refuses.
    pub(super) const fn needs(mut self, permission: &'static str) -> Self {
        self.permission = permission;
        self
    }

    /// The objects of this call may be minutes old: 404 means that a replica has not heard of them yet.
    pub(super) const fn just_made(mut self) -> Self {
        self.just_made = true;
        self
    }

    /// Doing this twice is not the same as doing it once.
    pub(super) const fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }
}

/// Why a call brought no answer.
#[derive(Debug)]
pub enum GraphError {
    /// Graph answered and refused.
    Refused(Box<Refusal>),
    /// There was no answer, or none of use.
    Failed(StepError),
}

/// What Graph said.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Graph's error code, for example `Request_ResourceNotFound`.
    pub code: String,
    /// Graph's message.
    pub message: String,
    doing: String,
    permission: &'static str,
    just_made: bool,
    trace: String,
}

impl Refusal {
    fn new(call: &Call, reply: &Reply) -> Self {
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        // Both spellings are in Microsoft's own documentation.
        let inner =
            |key: &str| text(&format!("/error/innerError/{key}")).or_else(|| text(&format!("/error/innererror/{key}")));
        let trace = match (inner("request-id"), inner("date")) {
            (Some(id), Some(date)) => format!(" (request id {id}, {date})"),
            _ => reply.trace(),
        };
        Self {
            status: reply.status.as_u16(),
            code: text("/error/code").unwrap_or_else(|| format!("HTTP {}", reply.status.as_u16())),
            message: text("/error/message").unwrap_or_else(|| "no message".into()),
            doing: call.doing.clone(),
            permission: call.permission,
            just_made: call.just_made,
            trace,
        }
    }

    /// Whether Graph says that an object of the call does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == 404 || self.code == "Request_ResourceNotFound"
    }

    /// Whether Graph answers 400 because a replica has not heard of an object or an app role that was made moments ago.
    ///
    /// Both texts also mean a mistake if they stay (<https://github.com/microsoftgraph/msgraph-bicep-types/issues/193>).
    #[must_use]
    pub fn is_not_replicated(&self) -> bool {
        const TEXTS: [&str; 2] =
            ["Not a valid reference update", "Permission being assigned was not found on application"];
        self.just_made && (self.is_not_found() || self.status == 400 && TEXTS.iter().any(|text| self.says(text)))
    }

    /// Whether the refusal may mean that what the call adds exists already. Graph has no code for it and several wordings,
    /// with 400 and with 409, so that only a read can tell (<https://github.com/microsoftgraph/msgraph-bicep-types/issues/161>).
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.claims_existence() || self.status == 409 && self.code != "Directory_ConcurrencyViolation"
    }

    fn claims_existence(&self) -> bool {
        matches!(self.status, 400 | 409) && (self.says("already exist") || self.says("conflicting object"))
    }

    /// Whether the refusal may mean that what the call removes is gone: `EntitlementGrant being updated or deleted is not
    /// found.` comes with 400.
    #[must_use]
    pub fn may_be_gone(&self) -> bool {
        self.status == 400 && (self.says("not found") || self.says("does not exist"))
    }

    /// Whether another application of the tenant has this identifier URI.
    #[must_use]
    pub fn is_identifier_taken(&self) -> bool {
        self.code == "Request_MultipleObjectsWithSameKeyValue"
            || self.says("same value for property identifierUris already exists")
    }

    /// Whether the tenant's policy on new identifier URIs refused one. It also does so while the service principal's SAML
    /// mode, which exempts it, has not replicated.
    #[must_use]
    pub fn is_identifier_policy(&self) -> bool {
        const TEXTS: [&str; 3] = [
            "Failed to add identifier URI",
            "default tenant policy",
            "identifierUris property must use a verified domain",
        ];
        self.code == "HostNameNotOnVerifiedDomain" || TEXTS.iter().any(|text| self.says(text))
    }

    /// Whether Graph got no (timely) answer when it validated a notification URL. It reports this with more than one code.
    #[must_use]
    pub fn is_failed_validation(&self) -> bool {
        self.status == 400 && (self.code == "ValidationError" || self.says("Subscription validation request"))
    }

    /// Whether Graph refuses one more subscription of this application or in this tenant. The quotas are documented and the
    /// wording is not.
    #[must_use]
    pub fn is_subscription_limit(&self) -> bool {
        self.status == 403 && ["number of subscriptions", "subscription limit"].iter().any(|text| self.says(text))
    }

    /// Whether the message contains a text, in any case.
    fn says(&self, text: &str) -> bool {
        self.message.to_ascii_lowercase().contains(&text.to_ascii_lowercase())
    }

    /// Whether the same call may succeed once the replicas agree.
    fn may_pass(&self) -> bool {
        self.is_not_replicated() || self.is_identifier_policy()
    }

    fn kind(&self) -> StepErrorKind {
        match self.status {
            _ if self.code == "Directory_QuotaExceeded" => StepErrorKind::LimitExceeded,
            _ if self.is_not_replicated() => StepErrorKind::NotConsistentYet,
            _ if self.is_failed_validation() => StepErrorKind::Unavailable,
            _ if self.is_subscription_limit() => StepErrorKind::LimitExceeded,
            // Graph's lists are late: the object that it names shows up in a later read.
            _ if self.just_made && self.claims_existence() && !self.is_identifier_taken() => {
                StepErrorKind::NotConsistentYet
            }
            401 | 403 => StepErrorKind::AccessDenied,
            409 if self.code == "Directory_ConcurrencyViolation" => StepErrorKind::Unavailable,
            409 => StepErrorKind::Conflict,
            // A query that Graph does not take is a fault of ours, not of the input.
            400 if self.code == "Request_UnsupportedQuery" => StepErrorKind::Internal,
            400 | 404 => StepErrorKind::InvalidInput,
            _ => StepErrorKind::Internal,
        }
    }

    fn advice(&self, kind: StepErrorKind) -> String {
        if kind == StepErrorKind::AccessDenied && !self.permission.is_empty() {
            let owner = if self.permission.starts_with("Application.ReadWrite") {
                " (Application.ReadWrite.OwnedBy does not do: an application made from the gallery has no owner)"
            } else {
                ""
            };
            let permission = self.permission;
            return format!("; it needs the application permission {permission} with admin consent{owner}");
        }
        if self.is_not_replicated() && !self.is_not_found() {
            return "; a new application takes minutes to be known everywhere; if this stays, check that the application has an \
                    enabled app role of this id for users, and that the group is a security group"
                .into();
        }
        if self.is_failed_validation() {
            return "; Graph calls the notification URL and wants its answer within 10 seconds; if this stays, check that the \
                    function URL can be reached from the Internet"
                .into();
        }
        if ["license", "licence", "premium"].iter().any(|text| self.says(text)) {
            return "; assigning groups needs Entra ID P1: set entra.assignment to \"users\" or buy P1".into();
        }
        String::new()
    }
}

impl From<Refusal> for StepError {
    fn from(refusal: Refusal) -> Self {
        let kind = refusal.kind();
        let advice = refusal.advice(kind);
        let Refusal { doing, code, message, trace, .. } = refusal;
        Self::new(kind, format!("{doing} was refused: {code}: {message}{trace}{advice}"))
    }
}

impl From<StepError> for GraphError {
    fn from(error: StepError) -> Self {
        Self::Failed(error)
    }
}

impl From<GraphError> for StepError {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::Refused(refusal) => (*refusal).into(),
            GraphError::Failed(error) => error,
        }
    }
}

/// A list, read to its end.
#[derive(Debug)]
pub(super) struct Listing<T> {
    pub(super) items: Vec<T>,
    pub(super) pages: usize,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

impl Graph {
    /// Sends a call and decodes its answer.
    pub(super) async fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T, GraphError> {
        let url = self.url(call)?;
        Ok(decode(call, &self.answer(call, url).await?)?)
    }

    /// Sends a call whose answer has no body that counts.
    pub(super) async fn act(&self, call: &Call) -> Result<(), GraphError> {
        let url = self.url(call)?;
        self.answer(call, url).await.map(drop)
    }

    /// Reads one object; `None` where it does not exist (or is not seen yet).
    pub(super) async fn find<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, StepError> {
        match self.send(call).await {
            Ok(object) => Ok(Some(object)),
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a list to its end. A page that can't be believed is an error: half a list is no list.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: &Call) -> Result<Listing<T>, GraphError> {
        let doing = &call.doing;
        let mut listing = Listing { items: Vec::new(), pages: 0 };
        let mut url = self.url(call)?;
        let mut seen = BTreeSet::new();
        loop {
            if !seen.insert(url.to_string()) || listing.pages >= MOST_PAGES {
                return Err(StepError::unavailable(format!("{doing}: Graph's pages go in circles")).into());
            }
            // A page may be empty and still have a next one.
            let page: Page<T> = decode(call, &self.answer(call, url).await?)?;
            listing.items.extend(page.value);
            listing.pages += 1;
            let Some(next) = page.next else { return Ok(listing) };
            url = self.same_origin(&next).ok_or_else(|| {
                StepError::internal(format!(
                    "{doing}: the next page is not on {}, so the token was not sent there",
                    self.base()
                ))
            })?;
        }
    }

    /// One answer, with some patience for replicas where the objects of the call are new.
    async fn answer(&self, call: &Call, url: Url) -> Result<Reply, GraphError> {
        for wait in REPLICA_WAITS {
            match self.admitted(call, url.clone()).await {
                Err(GraphError::Refused(refusal)) if call.just_made && refusal.may_pass() => {
                    self.settings.clock().sleep(wait).await;
                }
                other => return other,
            }
        }
        self.admitted(call, url).await
    }

    /// One answer, with one fresh token where the one at hand is refused.
    async fn admitted(&self, call: &Call, url: Url) -> Result<Reply, GraphError> {
        let mut reply = self.once(call, url.clone()).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            self.authenticator.forget_token().await;
            reply = self.once(call, url).await?;
        }
        if reply.status.is_success() {
            return Ok(reply);
        }
        if reply.status == StatusCode::FORBIDDEN {
            // Consent that comes now is in the next token only.
            self.authenticator.forget_token().await;
        }
        Err(GraphError::Refused(Box::new(Refusal::new(call, &reply))))
    }

    async fn once(&self, call: &Call, url: Url) -> Result<Reply, StepError> {
        let bearer = Some(self.authenticator.bearer(&self.transport, &self.settings).await?);
        let body = call.body.clone().map_or(Body::None, Body::Json);
        let ask =
            Ask { method: call.method.clone(), url, bearer, body, repeatable: call.repeatable, doing: &call.doing };
        self.transport.exchange(ask).await
    }

    fn base(&self) -> &str {
        self.settings.graph_url()
    }

    fn url(&self, call: &Call) -> Result<Url, StepError> {
        let wrong = || StepError::internal(format!("{} is no base URL; check GRAPH_URL", self.base()));
        let mut url = Url::parse(self.base()).map_err(|_| wrong())?;
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().push("v1.0").extend(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query.iter().map(|(name, value)| (*name, value.as_str())));
            // OData writes a space as %20; the form's + is taken for a plus by some of Microsoft's gateways.
            let query = url.query().unwrap_or_default().replace('+', "%20").replace("%24", "$");
            url.set_query(Some(&query));
        }
        Ok(url)
    }

    /// A next link, which is opaque and may lead anywhere but to another host: the token goes with it.
    fn same_origin(&self, next: &str) -> Option<Url> {
        let (next, base) = (Url::parse(next).ok()?, Url::parse(self.base()).ok()?);
        (next.origin() == base.origin()).then_some(next)
    }
}

/// Decodes an answer. The error says where it does not fit, and not what stands there: answers hold personal data.
fn decode<T: DeserializeOwned>(call: &Call, reply: &Reply) -> Result<T, StepError> {
    let mut json = serde_json::Deserializer::from_str(&reply.body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, trace) = (error.path(), reply.trace());
        let doing = &call.doing;
        StepError::unavailable(format!("{doing}: Graph's answer is incomplete or not as described at {path}{trace}"))
    })
}
