//! The adapter between Lambda and a step. The adapter decodes the payload into the Input of the step, runs the step,
//! and returns the Output of the step or a named error.
//!
//! This module decodes the payload itself. If Lambda's runtime decoded an invalid payload, it would report the error
//! with the name of one of its own types, and no state machine could match this name.
//!
//! Each log line contains the Lambda request ID, the execution and the alias. The state machine passes the execution
//! and the alias in the reserved field `context` of every payload. Steps do not receive this field ([`Caller`]). The
//! reserved field `lease` contains the lease under which the step runs ([`fence`](crate::runtime::fence)).

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use onboarding_core::{StepError, contract::Lease};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tracing::{Instrument as _, Span, field, info, info_span, warn};

use crate::runtime::{clock::millis, fence::Fence};

/// The time before the Lambda timeout during which a step sends no new request. A request may take 20 seconds until it
/// times out, and the other 5 seconds remain for the end of the step.
const MARGIN: Duration = Duration::from_secs(25);

/// The current invocation, for a step that needs its deadline.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    /// The time of the Lambda timeout, in milliseconds since the epoch.
    pub deadline_ms: u64,
}

impl Invocation {
    /// Returns the time until the Lambda timeout.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Duration::from_millis(self.deadline_ms.saturating_sub(u64::try_from(now).unwrap_or(u64::MAX)))
    }

    /// Returns when the step must stop.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        let remaining = self.remaining();
        let (end, margin) = (tokio::time::Instant::now() + remaining, MARGIN.min(remaining / 4));
        Deadline { last_request: end - margin, last_response: end - margin / 5 }
    }
}

/// When a step must stop, so that it returns before the Lambda timeout. Another invocation continues the work.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// The time after which no new work starts.
    pub last_request: tokio::time::Instant,
    /// The time at which work in progress is abandoned. As after a crash, the next invocation reads what was done.
    pub last_response: tokio::time::Instant,
}

impl Deadline {
    /// Returns whether no new work may start.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        tokio::time::Instant::now() >= self.last_request
    }

    /// Returns the deadline of a part of the step that may take this fraction of the remaining time: with 6, a sixth.
    #[must_use]
    pub fn fraction(&self, divisor: u32) -> Self {
        let now = tokio::time::Instant::now();
        let time = self.last_response.saturating_duration_since(now) / divisor;
        Self { last_request: self.last_request.min(now + time * 4 / 5), last_response: now + time }
    }

    /// Runs work that may consist of several requests. Returns `None` if the work could not start or finish in time.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let work = self.finish(work);
        if self.is_reached() { None } else { work.await }
    }

    /// Runs work that must also start after [`Self::last_request`]. Returns `None` if it did not finish in time.
    pub fn finish<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        // The work is on the heap, so that the future of a caller stays small.
        let work = tokio::time::timeout_at(self.last_response, Box::pin(work));
        async { work.await.ok() }
    }
}

/// The caller of a step, from the field `context` of the payload: `{"execution", "alias"}`. The field `context` is used
/// only for logging. If a step needs one of these values for another purpose, the value is also part of its Input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Caller {
    /// The ARN of the execution.
    execution: Option<String>,
    /// The alias of the instance.
    alias: Option<String>,
}

impl Caller {
    /// Removes the field `context` from the payload and returns the caller in this field.
    fn take(payload: &mut Value) -> Self {
        let context = payload.as_object_mut().and_then(|fields| fields.remove("context")).unwrap_or_default();
        let text = |name: &str| context.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Self { execution: text("execution"), alias: text("alias") }
    }

    /// Returns the tracing span for all log lines of one invocation.
    fn span(&self, step: &'static str, request_id: &str) -> Span {
        info_span!(
            "invocation",
            step,
            requestId = request_id,
            execution = self.execution.as_deref(),
            alias = self.alias.as_deref(),
        )
    }
}

/// Sets the alias in the log lines of the current step. Steps that determine their instance themselves call this
/// function. The call has no effect if the state machine has passed the alias.
pub fn for_instance(alias: &str) {
    Span::current().record("alias", field::display(alias));
}

/// Removes the field `lease` from the payload and returns the lease in this field.
///
/// # Errors
/// `InvalidInput` if the field does not contain a valid lease, because the step must not run without its fence.
fn take_lease(payload: &mut Value) -> Result<Option<Lease>, StepError> {
    let lease = payload.as_object_mut().and_then(|fields| fields.remove("lease")).unwrap_or_default();
    serde_json::from_value(lease)
        .map_err(|error| StepError::invalid_input(format!("the payload of the step is invalid at $.lease: {error}")))
}

/// A [`StepError`] that is returned to Lambda. Rust's orphan rule requires a type of this crate here.
struct Failure(StepError);

// Lambda's runtime logs the error with `Debug`. So this implementation of `Debug` writes one readable line.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.name(), self.0.message)
    }
}

impl From<Failure> for Diagnostic {
    fn from(Failure(error): Failure) -> Self {
        Self { error_type: error.name().into(), error_message: error.message }
    }
}

/// A step as a function from JSON to JSON, independent of the types of its Input and Output.
type Step<'a> = dyn Fn(Value, Invocation) -> Pin<Box<dyn Future<Output = Result<Value, StepError>> + 'a>> + 'a;

/// A function that creates the fence for a lease.
type FenceOf<'a> = dyn Fn(Lease) -> Result<Arc<Fence>, StepError> + 'a;

/// Serves the invocations of one step until Lambda stops the process. `fence_of` creates the fence for the lease in a
/// payload.
///
/// # Errors
/// If the runtime API can't be reached.
pub async fn serve<I, O, F, Fut>(
    name: &'static str,
    fence_of: &FenceOf<'_>,
    step: F,
) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Fn(I, Invocation) -> Fut,
    Fut: Future<Output = Result<O, StepError>>,
{
    let step = &step;
    listen(name, fence_of, &|payload, invocation| Box::pin(run(payload, move |input| step(input, invocation)))).await
}

/// Receives the invocations. This function is not generic, so that the binary contains the code of Lambda's runtime
/// only once.
async fn listen(name: &'static str, fence_of: &FenceOf<'_>, step: &Step<'_>) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let mut payload = event.payload;
        let span = Caller::take(&mut payload).span(name, &event.context.request_id);
        let work = async {
            let lease = take_lease(&mut payload)?;
            let result = step(payload, Invocation { deadline_ms: event.context.deadline });
            match lease {
                Some(lease) => fence_of(lease)?.guard(result).await,
                None => result.await,
            }
        };
        log_result(work).instrument(span).await.map_err(Failure)
    }))
    .await
}

/// Logs whether the step was successful, and the error if it was not.
async fn log_result(step: impl Future<Output = Result<Value, StepError>>) -> Result<Value, StepError> {
    let started = Instant::now();
    let result = step.await;
    let duration_ms = millis(started.elapsed());
    match &result {
        Ok(_) => info!(duration_ms, "step done"),
        Err(error) => warn!(duration_ms, error = error.name(), reason = error.message, "step failed"),
    }
    result
}

/// Decodes the payload, runs the step and encodes its output.
///
/// # Errors
/// `InvalidInput` with the path of the invalid value in the payload, or the error of the step.
pub async fn run<I, O, F, Fut>(payload: Value, step: F) -> Result<Value, StepError>
where
    I: DeserializeOwned,
    O: Serialize,
    F: FnOnce(I) -> Fut,
    Fut: Future<Output = Result<O, StepError>>,
{
    let input = serde_path_to_error::deserialize(payload).map_err(|error| {
        StepError::invalid_input(format!("the payload of the step is invalid at $.{}: {}", error.path(), error.inner()))
    })?;
    let output = step(input).await?;
    serde_json::to_value(output)
        .map_err(|error| StepError::internal(format!("the output could not be encoded: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize)]
    struct Input {
        number: u32,
    }

    #[tokio::test]
    async fn an_invalid_payload_is_invalid_input_with_the_path() {
        let result = run(json!({"number": "x"}), |input: Input| async move { Ok(input.number) }).await;
        assert!(result.is_err_and(|error| error.name() == "InvalidInput" && error.message.contains("$.number")));
    }

    #[tokio::test]
    async fn unknown_fields_of_a_later_release_are_ignored() {
        let result = run(json!({"number": 1, "later": true}), |input: Input| async move { Ok(input.number) }).await;
        assert_eq!(result, Ok(json!(1)));
    }

    /// Returns the log lines that a step writes if it determines its instance itself.
    async fn log_lines(mut payload: Value, alias: &str) -> Vec<Value> {
        let buffer = crate::runtime::logging::LogBuffer::default();
        let _guard = tracing::subscriber::set_default(crate::runtime::logging::json_lines(buffer.clone()));
        let span = Caller::take(&mut payload).span("create-role", "8f5c-request");
        let step = run(payload, |input: Input| async move {
            for_instance(alias);
            info!("working");
            if input.number == 0 { Err(StepError::conflict("taken")) } else { Ok(input.number) }
        });
        let _ = log_result(step).instrument(span).await;
        buffer.lines()
    }

    #[tokio::test]
    async fn every_log_line_has_the_step_request_execution_and_alias() {
        let execution = "arn:aws:states:ap-northeast-1:111122223333:execution:Onboarding:one";
        for number in [0, 1] {
            let payload = json!({ "number": number, "context": { "execution": execution, "alias": "acme" } });
            let lines = log_lines(payload, "acme").await;
            assert_eq!(lines.len(), 2, "{lines:?}");
            for line in lines {
                let span = &line["span"];
                assert_eq!(
                    (&span["step"], &span["requestId"], &span["execution"], &span["alias"]),
                    (&json!("create-role"), &json!("8f5c-request"), &json!(execution), &json!("acme")),
                    "{line}"
                );
            }
        }
    }

    #[tokio::test]
    async fn after_a_step_determines_its_instance_log_lines_have_the_alias() {
        let lines = log_lines(json!({ "number": 1 }), "found").await;
        assert!(lines.iter().all(|line| line["span"]["alias"] == "found"), "{lines:?}");
        assert!(
            lines.iter().all(|line| line["span"].get("execution").is_none()),
            "the payload has no execution: {lines:?}"
        );
    }

    #[tokio::test]
    async fn the_field_context_is_removed_from_the_payload() {
        let mut payload = json!({ "number": 1, "context": { "execution": "e" } });
        let caller = Caller::take(&mut payload);
        assert_eq!(caller, Caller { execution: Some("e".into()), alias: None });
        assert_eq!(payload, json!({ "number": 1 }));
        assert_eq!(Caller::take(&mut json!(["no object"])), Caller::default());
    }

    #[test]
    fn the_field_lease_is_removed_from_the_payload_and_an_invalid_lease_is_refused() {
        let lease = Lease { key: "alias#acme".into(), holder: "arn".into(), number: 3 };
        let mut payload =
            json!({ "number": 1, "lease": { "key": "alias#acme", "holder": "arn", "number": 3, "later": 1 } });
        assert_eq!(take_lease(&mut payload), Ok(Some(lease)));
        assert_eq!(payload, json!({ "number": 1 }));
        for without in [json!({}), json!({ "lease": null })] {
            assert_eq!(take_lease(&mut without.clone()), Ok(None));
        }
        for invalid in [json!("alias#acme"), json!({ "key": "alias#acme" })] {
            let refused = take_lease(&mut json!({ "lease": invalid }));
            assert!(refused.is_err_and(|error| error.name() == "InvalidInput" && error.message.contains("$.lease")));
        }
    }

    #[test]
    fn the_state_machine_receives_the_name_of_an_error() {
        let diagnostic = Diagnostic::from(Failure(StepError::quota_denied("no")));
        assert_eq!((diagnostic.error_type.as_str(), diagnostic.error_message.as_str()), ("QuotaDenied", "no"));
    }
}
