//! Subscriptions to changes of groups and users: endpoint validation, lifetimes and limits.

use std::time::Duration;

use reqwest::Url;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{
    Answer, Call, Graph,
    error::GraphError,
    login::stamp,
    notify::Change,
    permissions,
    registration::{object, text},
    schema::date_time,
};

const LONGEST: time::Duration = time::Duration::minutes(41_760);
const SHORTEST: time::Duration = time::Duration::minutes(45);
/// The maximum number of subscriptions to directory objects that one application can have.
const MOST: usize = 100;
/// The maximum number of subscriptions to directory objects that all applications in the tenant can have together.
const MOST_OF_TENANT: usize = 1_000;
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A Graph subscription.
pub(super) struct Subscription {
    pub(super) fields: Map<String, Value>,
    target: Target,
    expires: OffsetDateTime,
}

/// The resource that a subscription monitors.
#[derive(Clone, PartialEq)]
enum Target {
    Groups(Option<String>),
    Users(Option<String>),
}

impl Subscription {
    /// Whether the subscription has not expired at the time `now`.
    pub(super) fn lives(&self, now: OffsetDateTime) -> bool {
        self.expires > now
    }

    /// Whether the subscription matches a change.
    pub(super) fn wants(&self, change: &Change) -> bool {
        text(&self.fields, "changeType").split(',').any(|kind| kind == "updated")
            && match (&self.target, change) {
                (Target::Groups(id), Change::Member { group, .. }) => id.as_ref().is_none_or(|id| id == group),
                (Target::Users(id), Change::User { id: user }) => id.as_ref().is_none_or(|id| id == user),
                _ => false,
            }
    }

    /// The URL to which the subscription's notifications are sent.
    pub(super) fn url(&self) -> &str {
        text(&self.fields, "notificationUrl")
    }
}

fn invalid(message: impl Into<String>) -> GraphError {
    GraphError::new(400, "InvalidRequest", message)
}

impl Call<'_> {
    pub(super) async fn create_subscription(&self) -> Result<Answer, GraphError> {
        let body = self.fields()?.clone();
        for name in ["id", "applicationId", "creatorId"] {
            if body.contains_key(name) {
                return Err(invalid(format!("Property '{name}' is read-only and cannot be set.")));
            }
        }
        let target = self.target(text(&body, "resource"))?;
        let mut kinds: Vec<&str> = text(&body, "changeType").split(',').map(str::trim).collect();
        kinds.sort_unstable();
        if !kinds.iter().all(|kind| ["updated", "deleted"].contains(kind)) {
            return Err(invalid(format!("Unsupported changeType '{}' for this resource.", text(&body, "changeType"))));
        }
        if text(&body, "clientState").len() > 128 {
            return Err(invalid("clientState exceeds the maximum length of 128 characters."));
        }
        if body.get("includeResourceData").is_some_and(|with| with == true) {
            return Err(invalid("Resource data can't be included in notifications of this resource."));
        }
        let expires = self.expiry(text(&body, "expirationDateTime"))?;
        self.check_room(&target, &kinds)?;
        let lifecycle = body.get("lifecycleNotificationUrl").and_then(Value::as_str);
        for url in std::iter::once(text(&body, "notificationUrl")).chain(lifecycle) {
            self.graph.shake_hands(url).await?;
        }
        let mut fields = object(json!({
            "id": Uuid::new_v4().to_string(), "applicationId": self.caller.app_id, "creatorId": self.caller.principal,
            "changeType": kinds.join(","), "clientState": null, "resource": null, "notificationUrl": null,
            "lifecycleNotificationUrl": null, "latestSupportedTlsVersion": "v1_2", "includeResourceData": null,
            "encryptionCertificate": null, "encryptionCertificateId": null, "notificationQueryOptions": null,
            "notificationUrlAppId": null,
        }));
        let kept =
            ["clientState", "resource", "notificationUrl", "lifecycleNotificationUrl", "latestSupportedTlsVersion"];
        fields.extend(kept.iter().filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone()))));
        fields.insert("expirationDateTime".into(), json!(stamp(expires)));
        // The number of subscriptions is checked again, because another subscription may have been created while the
        // endpoint was validated.
        self.check_room(&target, &kinds)?;
        let mut state = self.graph.state();
        state.outbox.runtime = Handle::try_current().ok();
        state.subscriptions.push(Subscription { fields: fields.clone(), target, expires });
        let mut answer = self.entity("subscriptions", fields);
        answer.status = 201;
        Ok(answer)
    }

    fn target(&self, resource: &str) -> Result<Target, GraphError> {
        let parts: Vec<&str> = resource.trim_matches('/').split('/').collect();
        let (kind, id) = match parts.as_slice() {
            [kind @ ("groups" | "users")] => (*kind, None),
            [kind @ ("groups" | "users"), id] | [kind @ "groups", id, "members"] => (*kind, Some((*id).to_owned())),
            _ => return Err(invalid(format!("Resource '{resource}' is not supported for subscriptions."))),
        };
        if !permissions::subscribe(&self.caller.roles, kind) {
            return Err(GraphError::denied());
        }
        let state = self.graph.state();
        if kind == "groups" {
            if let Some(id) = id.as_ref().filter(|id| state.directory.group(id).is_none()) {
                return Err(GraphError::not_found(id));
            }
            return Ok(Target::Groups(id));
        }
        match id {
            None => Ok(Target::Users(None)),
            Some(key) => {
                let user = state.directory.user(&key).ok_or_else(|| GraphError::not_found(&key))?;
                Ok(Target::Users(Some(text(&user.fields, "id").to_owned())))
            }
        }
    }

    fn expiry(&self, text: &str) -> Result<OffsetDateTime, GraphError> {
        let expires = date_time(text).ok_or_else(|| invalid("expirationDateTime is not a valid time."))?;
        if expires <= self.now {
            return Err(invalid("Subscription expirationDateTime must be in the future."));
        }
        if expires > self.now + LONGEST {
            return Err(invalid(format!(
                "Subscription expiration can only be {} minutes in the future.",
                LONGEST.whole_minutes()
            )));
        }
        Ok(expires.max(self.now + SHORTEST))
    }

    fn check_room(&self, target: &Target, kinds: &[&str]) -> Result<(), GraphError> {
        let mut state = self.graph.state();
        state.subscriptions.retain(|subscription| subscription.lives(self.now));
        let kinds = kinds.join(",");
        let same = |s: &&Subscription| self.owns(s) && s.target == *target && text(&s.fields, "changeType") == kinds;
        if let Some(other) = state.subscriptions.iter().find(same) {
            let id = text(&other.fields, "id");
            let message = format!("Subscription Id {id} already exists for the requested combination");
            return Err(GraphError::new(409, "Conflict", message));
        }
        let of_application = state.subscriptions.iter().filter(|subscription| self.owns(subscription)).count();
        if of_application >= MOST || state.subscriptions.len() >= MOST_OF_TENANT {
            let message = "Operation: Create; Exception: [Status Code: Forbidden; Reason: Maximum number of subscriptions has been \
                 reached]";
            return Err(GraphError::new(403, "ExtensionError", message));
        }
        Ok(())
    }

    /// Whether the calling application owns the subscription. An application sees only its own subscriptions.
    fn owns(&self, subscription: &Subscription) -> bool {
        text(&subscription.fields, "applicationId").eq_ignore_ascii_case(&self.caller.app_id)
    }

    /// Handles a PATCH, which sets a later expiry or another notification URL.
    pub(super) async fn renew_subscription(&self, id: &str) -> Result<Answer, GraphError> {
        let patch = self.fields()?;
        for name in patch.keys().filter(|name| !name.contains('@')) {
            if !["expirationDateTime", "notificationUrl"].contains(&name.as_str()) {
                return Err(invalid(format!("Property '{name}' can't be changed by PATCH.")));
            }
        }
        self.living(id)?;
        let expires =
            patch.get("expirationDateTime").and_then(Value::as_str).map(|text| self.expiry(text)).transpose()?;
        let url = patch.get("notificationUrl").and_then(Value::as_str);
        if let Some(url) = url {
            self.graph.shake_hands(url).await?;
        }
        let mut state = self.graph.state();
        let found =
            state.subscriptions.iter_mut().find(|s| text(&s.fields, "id") == id && self.owns(s) && s.lives(self.now));
        let subscription = found.ok_or_else(|| gone(id))?;
        if let Some(expires) = expires {
            subscription.expires = expires;
            subscription.fields.insert("expirationDateTime".into(), json!(stamp(expires)));
        }
        if let Some(url) = url {
            subscription.fields.insert("notificationUrl".into(), json!(url));
        }
        Ok(self.entity("subscriptions", subscription.fields.clone()))
    }

    fn living(&self, id: &str) -> Result<Map<String, Value>, GraphError> {
        let state = self.graph.state();
        let found =
            state.subscriptions.iter().find(|s| text(&s.fields, "id") == id && self.owns(s) && s.lives(self.now));
        found.map(|subscription| subscription.fields.clone()).ok_or_else(|| gone(id))
    }

    pub(super) fn subscription(&self, labels: &[&str]) -> Result<Answer, GraphError> {
        match (self.endpoint.method.as_str(), labels) {
            ("GET", []) => {
                let options = self.options()?;
                if options.filter.is_some() {
                    return Err(invalid("Subscriptions can't be filtered."));
                }
                let state = self.graph.state();
                let living = state.subscriptions.iter();
                let living = living.filter(|subscription| self.owns(subscription) && subscription.lives(self.now));
                let living: Vec<_> = living.map(|subscription| &subscription.fields).collect();
                Ok(Answer::json(200, options.page_of(self.graph, self.request, &living)))
            }
            ("GET", [id]) => {
                let fields = self.options()?.project(&self.living(id)?);
                Ok(self.entity("subscriptions", fields))
            }
            ("DELETE", [id]) => {
                self.living(id)?;
                self.graph.state().subscriptions.retain(|subscription| text(&subscription.fields, "id") != *id);
                Ok(Answer::no_content())
            }
            ("POST", [id]) => {
                // Reauthorization does not extend the lifetime of a subscription.
                self.living(id)?;
                Ok(Answer::no_content())
            }
            _ => Err(self.not_served()),
        }
    }
}

fn gone(id: &str) -> GraphError {
    GraphError::new(404, "ResourceNotFound", format!("The object was not found: subscription {id} does not exist."))
}

impl Graph {
    /// Ends a subscription as if it had expired.
    ///
    /// # Errors
    /// Fails if no subscription has this ID.
    pub fn end_subscription(&self, id: &str) -> Result<(), String> {
        let mut state = self.state();
        let before = state.subscriptions.len();
        state.subscriptions.retain(|subscription| text(&subscription.fields, "id") != id);
        if state.subscriptions.len() < before { Ok(()) } else { Err(format!("Subscription {id} does not exist.")) }
    }

    /// Validates a notification URL. The endpoint must return the validation token as plain text within ten seconds.
    async fn shake_hands(&self, url: &str) -> Result<(), GraphError> {
        let refused = |text: String| {
            GraphError::new(400, "ValidationError", format!("Subscription validation request failed. {text}"))
        };
        let token = format!(
            "Validation: Testing client application reachability for subscription Request-Id: {}",
            Uuid::new_v4()
        );
        let mut with_token = Url::parse(url).map_err(|_| refused(format!("'{url}' is not a URL.")))?;
        with_token.query_pairs_mut().append_pair("validationToken", &token);
        let request = self.outgoing(with_token.as_str()).map_err(refused)?;
        let request = request.header("content-type", "text/plain; charset=utf-8").body("").timeout(HANDSHAKE);
        let answer = request.send().await.map_err(|error| {
            if error.is_timeout() {
                return invalid("Subscription validation request timed out.");
            }
            refused("The notification endpoint could not be reached.".to_owned())
        })?;
        let status = answer.status().as_u16();
        let plain = answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        let body = answer.text().await.unwrap_or_default();
        if status != 200 {
            return Err(refused(format!(
                "Notification endpoint must respond with 200 OK to validation request; it answered {status}."
            )));
        }
        if !plain || body != token {
            return Err(refused("Validation: the response must be the validation token as text/plain.".to_owned()));
        }
        Ok(())
    }
}
