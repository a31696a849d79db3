//! HTTP requests to Graph and to the login service of Microsoft, with waits and retries.
//!
//! This module waits only for a few seconds. If a longer wait is necessary, the `Retry` fields of the state machine
//! repeat the step.
//!
//! * Status 429: the module waits exactly as long as `Retry-After` requests ([`retry_after`]), if this is at most
//!   [`LONGEST_WAIT`]. Otherwise, the module returns `Throttled`.
//! * Status 408, status 5xx or a lost connection: the module waits with exponential backoff and jitter. The module then
//!   opens a new connection, as Microsoft recommends. A request that is not idempotent is not repeated if the server
//!   may have processed it.
//!
//! Before each attempt, the module waits for the [`fence`], which checks the step's lease.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use onboarding_core::StepError;
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, header::DATE, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tracing::debug;
use uuid::Uuid;

use super::retry_after::retry_after;
use crate::runtime::{
    clock::{Clock, with_jitter},
    fence,
    settings::Settings,
};

/// Maximum number of attempts to send a request.
const ATTEMPTS: u32 = 4;
/// The longest `Retry-After` for which the function itself waits. Longer waits are left to the state machine, because a
/// Lambda function is billed while it waits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Maximum total wait for all retries of a request.
const WAIT_BUDGET: Duration = Duration::from_secs(20);
/// Maximum duration of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// An HTTP request to Microsoft.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) bearer: Option<SecretString>,
    pub(super) body: Body,
    /// Whether the request is idempotent.
    pub(super) repeatable: bool,
    /// The description of the request in error messages, for example `reading the group 1234`.
    pub(super) doing: &'a str,
}

/// The body of a request.
#[derive(Debug)]
pub(super) enum Body {
    None,
    Json(Value),
    Form(Vec<(&'static str, SecretString)>),
}

/// A response whose status is not retried in this module: any status except 408, 429 and 5xx.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: String,
    request_id: String,
    date: String,
}

impl Reply {
    /// Returns the request ID and the date of the response, for which Microsoft's support asks first: ` (request id …,
    /// …)`.
    pub(super) fn trace(&self) -> String {
        trace(&self.request_id, &self.date)
    }
}

fn trace(request_id: &str, date: &str) -> String {
    if date.is_empty() { format!(" (request id {request_id})") } else { format!(" (request id {request_id}, {date})") }
}

/// The HTTP client, which is created when the first request is sent.
#[derive(Debug)]
pub(super) struct Transport {
    client: Mutex<Option<Client>>,
    clock: Clock,
    user_agent: String,
    /// Whether all URLs use plain HTTP, as in the local cloud.
    plain: bool,
}

impl Transport {
    pub(super) fn new(settings: &Settings) -> Self {
        let plain = [settings.graph_url(), settings.login_url()].iter().all(|url| url.starts_with("http://"));
        Self { client: Mutex::new(None), clock: settings.clock(), user_agent: settings.user_agent(), plain }
    }

    /// Sends a request. Retries the request if a retry is safe and may succeed.
    pub(super) async fn exchange(&self, ask: Ask<'_>) -> Result<Reply, StepError> {
        let mut waited = Duration::ZERO;
        for attempt in 1.. {
            let failure = match self.attempt(&ask).await? {
                Attempt::Answered(reply) => return Ok(reply),
                Attempt::Failed(failure) => failure,
            };
            let wait = failure.retry_after.unwrap_or_else(|| backoff(attempt));
            let hopeless = attempt >= ATTEMPTS || wait > LONGEST_WAIT || waited + wait > WAIT_BUDGET;
            if hopeless || !(ask.repeatable || failure.not_done) {
                return Err(failure.error);
            }
            debug!(
                doing = ask.doing,
                attempt,
                wait_ms = wait.as_millis(),
                error = failure.error.name(),
                "trying again"
            );
            if failure.new_connection {
                self.disconnect();
            }
            self.clock.sleep(wait).await;
            waited += wait;
        }
        Err(StepError::internal(format!("{} was not attempted", ask.doing)))
    }

    async fn attempt(&self, ask: &Ask<'_>) -> Result<Attempt, StepError> {
        fence::pass().await?;
        let client_request_id = Uuid::new_v4().to_string();
        let request = self
            .client()?
            .request(ask.method.clone(), ask.url.clone())
            .header("client-request-id", &client_request_id)
            .header("return-client-request-id", "true");
        let request = match &ask.bearer {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        let response = match with_body(request, &ask.body).send().await {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Failed(Failure::broken(ask, &error, &client_request_id))),
        };
        let status = response.status();
        let headers = response.headers().clone();
        let body = match response.text().await {
            Ok(body) => body,
            Err(error) => return Ok(Attempt::Failed(Failure::broken(ask, &error, &client_request_id))),
        };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // The login service calls this header `x-ms-request-id`. If the response has neither header, the ID that this
        // client sent with the request is used.
        let request_id = header("request-id").or_else(|| header("x-ms-request-id")).unwrap_or(&client_request_id);
        let reply = Reply {
            status,
            body,
            request_id: request_id.to_owned(),
            date: header(DATE.as_str()).unwrap_or_default().to_owned(),
        };
        let passing = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        if !passing && !status.is_server_error() {
            return Ok(Attempt::Answered(reply));
        }
        Ok(Attempt::Failed(Failure::refused(ask, &reply, retry_after(&headers))))
    }

    fn client(&self) -> Result<Client, StepError> {
        let mut slot = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(self.clock.timeout(ATTEMPT_TIMEOUT))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(&self.user_agent);
        if self.plain {
            // Plain HTTP needs no certificates, and reading the system's root certificates takes longer than a call to
            // the local cloud.
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| StepError::internal(format!("the HTTP client could not be created: {error}")))?;
        *slot = Some(client.clone());
        Ok(client)
    }

    /// Drops the HTTP client and its connections.
    fn disconnect(&self) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn with_body(request: RequestBuilder, body: &Body) -> RequestBuilder {
    match body {
        Body::None => request,
        Body::Json(value) => request.json(value),
        Body::Form(fields) => {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
            request.form(&fields)
        }
    }
}

enum Attempt {
    Answered(Reply),
    Failed(Failure),
}

struct Failure {
    error: StepError,
    retry_after: Option<Duration>,
    new_connection: bool,
    /// Whether it is certain that the server has not processed the request.
    not_done: bool,
}

impl Failure {
    fn refused(ask: &Ask<'_>, reply: &Reply, retry_after: Option<Duration>) -> Self {
        let (doing, status, trace) = (ask.doing, reply.status.as_u16(), reply.trace());
        let throttled = reply.status == StatusCode::TOO_MANY_REQUESTS;
        let error = if throttled {
            let after = retry_after.map_or_else(String::new, |wait| format!(" for {} s", wait.as_secs_f64().ceil()));
            StepError::throttled(format!("{doing}: Microsoft throttles the request{after} (HTTP 429){trace}"))
        } else {
            StepError::unavailable(format!("{doing} failed with HTTP {status}{}{trace}", maybe_done(ask)))
        };
        Self { error, retry_after, new_connection: !throttled, not_done: throttled }
    }

    fn broken(ask: &Ask<'_>, error: &reqwest::Error, client_request_id: &str) -> Self {
        let what = if error.is_timeout() {
            "timed out"
        } else if error.is_connect() {
            "could not connect"
        } else {
            "lost its connection"
        };
        let (doing, host, trace) = (ask.doing, ask.url.host_str().unwrap_or("?"), trace(client_request_id, ""));
        let maybe = if error.is_connect() { "" } else { maybe_done(ask) };
        Self {
            error: StepError::unavailable(format!("{doing} {what} ({host}){maybe}{trace}")),
            retry_after: None,
            new_connection: true,
            not_done: error.is_connect(),
        }
    }
}

const fn maybe_done(ask: &Ask<'_>) -> &'static str {
    if ask.repeatable { "" } else { "; Microsoft may still have completed the operation" }
}

/// Returns the wait before the next attempt. The wait starts with a quarter of a second and doubles after each attempt.
/// The wait also has a random deviation of up to half of its length.
fn backoff(attempt: u32) -> Duration {
    with_jitter(FIRST_BACKOFF.saturating_mul(1 << attempt.saturating_sub(1).min(5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_have_jitter() {
        for attempt in 1..4 {
            let base = FIRST_BACKOFF * (1 << (attempt - 1));
            for _ in 0..50 {
                let wait = backoff(attempt);
                assert!(wait >= base / 2 && wait <= base * 3 / 2, "{attempt}: {wait:?}");
            }
        }
        let waits: std::collections::BTreeSet<Duration> = (0..50).map(|_| backoff(1)).collect();
        assert!(waits.len() > 5);
    }
}
