//! The one adapter between Lambda and a step: payload → Input → step → Output, or a named error.
//!
//! The payload is decoded here and not by the runtime, because the runtime would name a bad payload after one of its own
//! types, which no state machine can match.

use std::{fmt, future::Future, pin::Pin, time::Instant};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use onboarding_core::StepError;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tracing::{info, warn};

/// What a step knows about its own invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    /// When Lambda ends the function, in milliseconds since the epoch.
    pub deadline_ms: u64,
}

impl Invocation {
    /// How long the function may still run.
    #[must_use]
    pub fn remaining(&self) -> std::time::Duration {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        std::time::Duration::from_millis(self.deadline_ms.saturating_sub(u64::try_from(now).unwrap_or(u64::MAX)))
    }
}

/// A [`StepError`] on its way to Lambda: the orphan rule wants a type of ours.
struct Failure(StepError);

// The runtime logs the error with `Debug`; one line that a person can read is all that it should say.
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

/// A step behind its payload, whatever its Input and Output are.
type Step<'a> = dyn Fn(Value, Invocation) -> Pin<Box<dyn Future<Output = Result<Value, StepError>> + 'a>> + 'a;

/// Serves one step until Lambda ends the process.
///
/// # Errors
/// When the runtime API can't be reached.
pub async fn serve<I, O, F, Fut>(name: &'static str, step: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Fn(I, Invocation) -> Fut,
    Fut: Future<Output = Result<O, StepError>>,
{
    let step = &step;
    listen(name, &|payload, invocation| Box::pin(run(payload, move |input| step(input, invocation)))).await
}

/// Not generic, so that the binary holds Lambda's runtime once and not once for each step.
async fn listen(name: &'static str, step: &Step<'_>) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let started = Instant::now();
        let result = step(event.payload, Invocation { deadline_ms: event.context.deadline }).await;
        let duration_ms = started.elapsed().as_millis();
        match &result {
            Ok(_) => info!(step = name, duration_ms, "step done"),
            Err(error) => warn!(step = name, duration_ms, error = error.name(), "step failed"),
        }
        result.map_err(Failure)
    }))
    .await
}

/// Decodes, runs and encodes once.
///
/// # Errors
/// `InvalidInput` with the path of what can't be decoded, or the step's own error.
pub async fn run<I, O, F, Fut>(payload: Value, step: F) -> Result<Value, StepError>
where
    I: DeserializeOwned,
    O: Serialize,
    F: FnOnce(I) -> Fut,
    Fut: Future<Output = Result<O, StepError>>,
{
    let input = serde_path_to_error::deserialize(payload).map_err(|error| {
        StepError::invalid_input(format!("the payload does not fit this step at $.{}: {}", error.path(), error.inner()))
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
    async fn a_payload_that_does_not_fit_is_invalid_input_with_its_path() {
        let result = run(json!({"number": "x"}), |input: Input| async move { Ok(input.number) }).await;
        assert!(result.is_err_and(|error| error.name() == "InvalidInput" && error.message.contains("$.number")));
    }

    #[tokio::test]
    async fn unknown_fields_of_a_later_release_are_ignored() {
        let result = run(json!({"number": 1, "later": true}), |input: Input| async move { Ok(input.number) }).await;
        assert_eq!(result, Ok(json!(1)));
    }

    #[test]
    fn an_error_reaches_the_state_machine_by_its_name() {
        let diagnostic = Diagnostic::from(Failure(StepError::quota_denied("no")));
        assert_eq!((diagnostic.error_type.as_str(), diagnostic.error_message.as_str()), ("QuotaDenied", "no"));
    }
}
