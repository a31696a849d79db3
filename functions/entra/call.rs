//! A single call to Graph: the description of the call, the classification of error responses, and the reading of lists
//! with several pages.

use std::{collections::BTreeSet, time::Duration};

use onboarding_core::{StepError, StepErrorKind};
use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Graph,
    transport::{Ask, Body, Reply},
};

/// Maximum number of pages of a list. No list in a directory is this long. If a list has more pages, its links to the
/// next page probably form a loop.
const MOST_PAGES: usize = 10_000;

/// Delays before the retries if a replica does not have a new object yet. If the replication takes minutes, the state
/// machine retries the step.
pub(super) const REPLICA_WAITS: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The description of a call before it is sent.
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
    /// Creates a GET call. `doing` describes the call in error messages, for example `reading the group 1234`.
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

    /// Sets the application permission that the call requires. If Graph denies the call, the error message names this
    /// permission.
    pub(super) const fn needs(mut self, permission: &'static str) -> Self {
        self.permission = permission;
        self
    }

    /// Declares that the objects of this call may be new. Status 404 then means that a replica does not have the
    /// objects yet.
    pub(super) const fn just_made(mut self) -> Self {
        self.just_made = true;
        self
    }

    /// Declares that the call is not idempotent, so that it is not repeated if Graph may have processed it.
    pub(super) const fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }
}

/// Why a call to Graph failed.
#[derive(Debug)]
pub enum GraphError {
    /// Graph responded with an error.
    Refused(Box<Refusal>),
    /// Graph sent no response, or an unusable response.
    Failed(StepError),
}

/// An error response from Graph.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Graph's error code, for example `Request_ResourceNotFound`.
    pub code: String,
    /// Graph's error message.
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
        // Microsoft's documentation contains two spellings of the field that is read here.
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

    /// Returns whether Graph reports that an object in the call does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == 404 || self.code == "Request_ResourceNotFound"
    }

    /// Returns whether Graph responded with status 400 because a replica does not have a recently created object or app
    /// role yet.
    ///
    /// Graph also returns these two error messages for invalid input. In that case, the retries also fail
    /// (<https://github.com/microsoftgraph/msgraph-bicep-types/issues/193>).
    #[must_use]
    pub fn is_not_replicated(&self) -> bool {
        const TEXTS: [&str; 2] =
            ["Not a valid reference update", "Permission being assigned was not found on application"];
        self.just_made && (self.is_not_found() || self.status == 400 && TEXTS.iter().any(|text| self.says(text)))
    }

    /// Returns whether the error may mean that the object to add already exists. Graph has no separate error code for
    /// this case, and returns various error messages with status 400 or 409. So the caller must read the object to be
    /// certain (<https://github.com/microsoftgraph/msgraph-bicep-types/issues/161>).
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.claims_existence() || self.status == 409 && self.code != "Directory_ConcurrencyViolation"
    }

    fn claims_existence(&self) -> bool {
        matches!(self.status, 400 | 409) && (self.says("already exist") || self.says("conflicting object"))
    }

    /// Returns whether the error may mean that the object to remove no longer exists. For example, Graph returns status
    /// 400 with the message `EntitlementGrant being updated or deleted is not found.`
    #[must_use]
    pub fn may_be_gone(&self) -> bool {
        self.status == 400 && (self.says("not found") || self.says("does not exist"))
    }

    /// Returns whether Graph rejected the identifier URI because another application of the tenant already has this
    /// URI.
    #[must_use]
    pub fn is_identifier_taken(&self) -> bool {
        self.code == "Request_MultipleObjectsWithSameKeyValue"
            || self.says("same value for property identifierUris already exists")
    }

    /// Returns whether the tenant's policy for identifier URIs rejected a new identifier URI. The policy does not apply
    /// to applications in SAML mode, but this exemption takes effect only after SAML mode has replicated.
    #[must_use]
    pub fn is_identifier_policy(&self) -> bool {
        const TEXTS: [&str; 3] = [
            "Failed to add identifier URI",
            "default tenant policy",
            "identifierUris property must use a verified domain",
        ];
        self.code == "HostNameNotOnVerifiedDomain" || TEXTS.iter().any(|text| self.says(text))
    }

    /// Returns whether the notification URL did not respond in time when Graph validated it. Graph reports this with
    /// various error codes.
    #[must_use]
    pub fn is_failed_validation(&self) -> bool {
        self.status == 400 && (self.code == "ValidationError" || self.says("Subscription validation request"))
    }

    /// Returns whether Graph rejected a subscription because the application or the tenant has reached its maximum
    /// number of subscriptions. Microsoft documents the limits, but not the error message.
    #[must_use]
    pub fn is_subscription_limit(&self) -> bool {
        self.status == 403 && ["number of subscriptions", "subscription limit"].iter().any(|text| self.says(text))
    }

    /// Returns whether Graph's error message contains `text`, regardless of case.
    fn says(&self, text: &str) -> bool {
        self.message.to_ascii_lowercase().contains(&text.to_ascii_lowercase())
    }

    /// Returns whether a repetition of the call may succeed after recent changes have replicated.
    fn may_pass(&self) -> bool {
        self.is_not_replicated() || self.is_identifier_policy()
    }

    fn kind(&self) -> StepErrorKind {
        match self.status {
            _ if self.code == "Directory_QuotaExceeded" => StepErrorKind::LimitExceeded,
            _ if self.is_not_replicated() => StepErrorKind::NotConsistentYet,
            _ if self.is_failed_validation() => StepErrorKind::Unavailable,
            _ if self.is_subscription_limit() => StepErrorKind::LimitExceeded,
            // The object already exists, but Graph's lists contain a new object only after a delay. A later attempt
            // finds the object in the list.
            _ if self.just_made && self.claims_existence() && !self.is_identifier_taken() => {
                StepErrorKind::NotConsistentYet
            }
            401 | 403 => StepErrorKind::AccessDenied,
            409 if self.code == "Directory_ConcurrencyViolation" => StepErrorKind::Unavailable,
            409 => StepErrorKind::Conflict,
            // An unsupported query is a bug in this program, not an error in the input.
            400 if self.code == "Request_UnsupportedQuery" => StepErrorKind::Internal,
            400 | 404 => StepErrorKind::InvalidInput,
            _ => StepErrorKind::Internal,
        }
    }

    fn advice(&self, kind: StepErrorKind) -> String {
        if kind == StepErrorKind::AccessDenied && !self.permission.is_empty() {
            let owner = if self.permission.starts_with("Application.ReadWrite") {
                " (Application.ReadWrite.OwnedBy is not enough: an application created from the gallery has no owner)"
            } else {
                ""
            };
            let permission = self.permission;
            return format!("; grant the application permission {permission} with admin consent{owner}");
        }
        if self.is_not_replicated() && !self.is_not_found() {
            return "; a new application takes minutes to be replicated; if the error continues, check that the \
                    application has an enabled app role with this id for users, and that the group is a security group"
                .into();
        }
        if self.is_failed_validation() {
            return "; Graph calls the notification URL and requires a response within 10 seconds; if the error \
                    continues, check that the function URL can be reached from the internet"
                .into();
        }
        if ["license", "licence", "premium"].iter().any(|text| self.says(text)) {
            return "; assigning groups requires Entra ID P1: set entra.assignment to \"users\" or buy P1".into();
        }
        String::new()
    }
}

impl From<Refusal> for StepError {
    fn from(refusal: Refusal) -> Self {
        let kind = refusal.kind();
        let advice = refusal.advice(kind);
        let Refusal { doing, code, message, trace, .. } = refusal;
        Self::new(kind, format!("{doing} was rejected: {code}: {message}{trace}{advice}"))
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

/// A list that contains the items of all pages.
#[derive(Debug)]
pub(super) struct Listing<T> {
    pub(super) items: Vec<T>,
    pub(super) pages: usize,
    /// The link that Graph returns at the end of a delta query, if the list is the result of a delta query.
    pub(super) delta_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

impl Graph {
    /// Sends a call and decodes the response.
    pub(super) async fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T, GraphError> {
        let url = self.url(call)?;
        Ok(decode(call, &self.answer(call, url).await?)?)
    }

    /// Sends a call and ignores the body of the response.
    pub(super) async fn act(&self, call: &Call) -> Result<(), GraphError> {
        let url = self.url(call)?;
        self.answer(call, url).await.map(drop)
    }

    /// Reads one object. Returns `None` if the object does not exist or has not replicated yet.
    pub(super) async fn find<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, StepError> {
        match self.send(call).await {
            Ok(object) => Ok(Some(object)),
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads all pages of a list. If one page can't be read, the whole read fails, because the caller must not use an
    /// incomplete list.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: &Call) -> Result<Listing<T>, GraphError> {
        let url = self.url(call)?;
        self.list_from(call, url).await
    }

    /// Reads all pages of a list. `url` is the URL of the first page.
    pub(super) async fn list_from<T: DeserializeOwned>(
        &self,
        call: &Call,
        mut url: Url,
    ) -> Result<Listing<T>, GraphError> {
        let doing = &call.doing;
        let mut listing = Listing { items: Vec::new(), pages: 0, delta_link: None };
        let mut seen = BTreeSet::new();
        loop {
            if !seen.insert(url.to_string()) || listing.pages >= MOST_PAGES {
                return Err(StepError::unavailable(format!("{doing}: Graph returned the same page again")).into());
            }
            // A page may be empty and still have a next page.
            let page: Page<T> = decode(call, &self.answer(call, url).await?)?;
            listing.items.extend(page.value);
            listing.pages += 1;
            let Some(next) = page.next else {
                listing.delta_link = page.delta;
                return Ok(listing);
            };
            url = self.same_origin(&next).ok_or_else(|| {
                StepError::internal(format!(
                    "{doing}: the next page is not on {}, so the token was not sent there",
                    self.base()
                ))
            })?;
        }
    }

    /// Sends the call and returns the response. If the objects of the call may be new, retries until they have
    /// replicated.
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

    /// Sends the call and returns the response. If Graph rejects the token, retries once with a new token.
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
            // A cached token does not contain permissions that were granted after the token was issued. So the next
            // call requests a new token.
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

    pub(super) fn url(&self, call: &Call) -> Result<Url, StepError> {
        let wrong = || StepError::internal(format!("{} is not a base URL; check GRAPH_URL", self.base()));
        let mut url = Url::parse(self.base()).map_err(|_| wrong())?;
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().push("v1.0").extend(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query.iter().map(|(name, value)| (*name, value.as_str())));
            // OData encodes a space as `%20`. Form encoding encodes a space as `+`, which some of Microsoft's gateways
            // interpret as a plus sign.
            let query = url.query().unwrap_or_default().replace('+', "%20").replace("%24", "$");
            url.set_query(Some(&query));
        }
        Ok(url)
    }

    /// Returns the link to the next page, unchanged, if the link has the same origin as Graph. Otherwise, returns
    /// `None`, because the token would be sent to another host.
    pub(super) fn same_origin(&self, next: &str) -> Option<Url> {
        let (next, base) = (Url::parse(next).ok()?, Url::parse(self.base()).ok()?);
        (next.origin() == base.origin()).then_some(next)
    }
}

/// Decodes a response. If a value is invalid, the error message contains the path of the value but not the value
/// itself, because responses contain personal data.
fn decode<T: DeserializeOwned>(call: &Call, reply: &Reply) -> Result<T, StepError> {
    let mut json = serde_json::Deserializer::from_str(&reply.body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, trace) = (error.path(), reply.trace());
        let doing = &call.doing;
        StepError::unavailable(format!("{doing}: Graph's response is incomplete or not as documented at {path}{trace}"))
    })
}
