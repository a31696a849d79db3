//! Sends change notifications over HTTP as Graph does: in batches, sometimes late or twice, and repeatedly until the
//! endpoint accepts them.

use std::collections::HashMap;

use reqwest::{Url, header::HOST};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Graph, State};

/// How long an endpoint may take to respond to the first delivery of a batch.
const FIRST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);
/// How long an endpoint may take to respond to each further delivery of the batch.
const RETRY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
const RETRY_FOR_SECONDS: f64 = 4.0 * 3600.0;
const FIRST_RETRY_SECONDS: f64 = 10.0;
/// The maximum number of notifications in one request.
const BATCH: usize = 100;

/// A change in the directory.
pub(super) enum Change {
    Member { group: String, id: String, removed: bool },
    User { id: String },
}

/// The pending notifications, by notification URL.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) runtime: Option<Handle>,
    waiting: HashMap<String, Vec<Value>>,
    batches: u64,
}

impl Graph {
    /// Queues a notification for each subscription that matches the change.
    pub(super) fn announce(&self, state: &mut State, change: &Change) {
        let now = self.now();
        state.subscriptions.retain(|subscription| subscription.lives(now));
        let Some(runtime) = Handle::try_current().ok().or_else(|| state.outbox.runtime.clone()) else {
            return;
        };
        for subscription in state.subscriptions.iter().filter(|subscription| subscription.wants(change)) {
            let waiting = state.outbox.waiting.entry(subscription.url().to_owned()).or_default();
            if waiting.is_empty() {
                state.outbox.batches += 1;
                let behaviour = &self.behaviour();
                let nth = |every: Option<u64>| {
                    every.is_some_and(|every| every > 0 && state.outbox.batches.is_multiple_of(every))
                };
                let late = if nth(behaviour.late_notifications_every) { 6.0 } else { 1.0 };
                let delay = self.options.clock.lasts(behaviour.notification_seconds * late);
                let twice = nth(behaviour.duplicate_notifications_every);
                let (graph, url) = (self.this.clone(), subscription.url().to_owned());
                runtime.spawn(async move {
                    tokio::time::sleep(delay).await;
                    if let Some(graph) = graph.upgrade() {
                        graph.send(&url, twice).await;
                    }
                });
            }
            add(waiting, subscription, change, &self.options.tenant_id);
        }
    }

    /// Sends the pending notifications for a URL.
    async fn send(&self, url: &str, twice: bool) {
        let waiting = {
            let (now, mut guard) = (self.now(), self.state());
            let state: &mut State = &mut guard;
            let mut waiting = state.outbox.waiting.remove(url).unwrap_or_default();
            // A subscription that has expired since the change gets no notification.
            waiting.retain(|item| {
                state.subscriptions.iter().any(|s| s.lives(now) && s.fields.get("id") == Some(&item["subscriptionId"]))
            });
            waiting
        };
        for items in waiting.chunks(BATCH) {
            let body = json!({"value": items}).to_string();
            for _ in 0..=usize::from(twice) {
                self.deliver(url, &body).await;
            }
        }
    }

    /// Sends one batch repeatedly until the endpoint accepts it, for at most four hours. The clock scale shortens this
    /// time.
    async fn deliver(&self, url: &str, body: &str) {
        let (mut waited, mut pause, mut timeout) = (0.0, FIRST_RETRY_SECONDS, FIRST_TIMEOUT);
        while waited < RETRY_FOR_SECONDS {
            let sent = match self.outgoing(url) {
                Ok(request) => {
                    let request = request.header("content-type", "application/json; charset=utf-8");
                    request.body(body.to_owned()).timeout(timeout).send().await
                }
                Err(_) => return,
            };
            if sent.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(self.options.clock.lasts(pause)).await;
            waited += pause;
            pause *= 2.0;
            timeout = RETRY_TIMEOUT;
        }
    }

    /// Creates a POST request to a notification URL. Requests to a Lambda function URL are sent to the emulator. Any
    /// other URL must be on loopback.
    ///
    /// # Errors
    /// Fails if the URL is neither a Lambda function URL nor on loopback.
    pub(super) fn outgoing(&self, url: &str) -> Result<reqwest::RequestBuilder, String> {
        let url = Url::parse(url).map_err(|error| format!("'{url}' is not a URL: {error}"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if is_function_url(&host) {
            if url.scheme() != "https" {
                return Err(format!("'{url}' is not https"));
            }
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Ok(self.http.post(format!("{}{}{query}", self.options.upstream, url.path())).header(HOST, host));
        }
        let loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if loopback {
            Ok(self.http.post(url))
        } else {
            Err(format!(
                "'{host}' is neither a Lambda function URL nor on this machine; the local cloud calls no other hosts"
            ))
        }
    }
}

fn is_function_url(host: &str) -> bool {
    let mut parts = host.splitn(4, '.');
    parts.next().is_some_and(|id| !id.is_empty())
        && parts.next() == Some("lambda-url")
        && parts.next().is_some_and(|region| !region.is_empty())
        && parts.next() == Some("on.aws")
}

/// Adds a change to the pending notifications. All changes of the same group for the same subscription are combined in
/// one notification.
fn add(waiting: &mut Vec<Value>, subscription: &super::subscriptions::Subscription, change: &Change, tenant: &str) {
    let id = &subscription.fields["id"];
    let (resource, data) = match change {
        Change::Member { group, id: member, removed } => {
            let mut entry = json!({"id": member});
            if *removed {
                // In notifications, the value of `@removed` is a string. In delta queries, the value is an object.
                entry["@removed"] = json!("deleted");
            }
            let resource = format!("Groups/{group}");
            if let Some(item) = waiting.iter_mut().find(|i| i["subscriptionId"] == *id && i["resource"] == *resource)
                && let Some(entries) = item["resourceData"]["members@delta"].as_array_mut()
            {
                entries.push(entry);
                return;
            }
            let data = json!({"@odata.type": "#Microsoft.Graph.Group", "@odata.id": resource, "id": group,
                              "organizationId": tenant, "members@delta": [entry]});
            (resource, data)
        }
        Change::User { id } => {
            let resource = format!("Users/{id}");
            let data = json!({"@odata.type": "#Microsoft.Graph.User", "@odata.id": resource, "id": id, "organizationId": tenant});
            (resource, data)
        }
    };
    let expires = subscription.fields["expirationDateTime"].as_str().unwrap_or_default().replace('Z', "+00:00");
    waiting.push(json!({
        "changeType": "updated", "clientState": subscription.fields["clientState"], "resource": resource,
        "resourceData": data, "subscriptionExpirationDateTime": expires, "subscriptionId": id, "tenantId": tenant,
    }));
}
