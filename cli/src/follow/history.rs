//! Converts the execution history of Step Functions to the events that the progress display needs.
//!
//! The events of a task do not contain the name of the task's state. The state is determined from the id of the
//! previous event, which each event contains. Tasks that invoke a Lambda function have their own event types
//! (`LambdaFunction…`).

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType as Type};

/// One event of an execution's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Id of the event.
    pub id: i64,
    /// Id of the previous event; 0 for the first events.
    pub previous: i64,
    /// Time in seconds since the epoch.
    pub at: f64,
    /// The kind of event, with its details.
    pub what: What,
}

/// The kinds of events, as far as the progress display needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A state was entered.
    Entered(String),
    /// A state was left, with this output.
    Exited(String, String),
    /// A task succeeded with this output, as JSON.
    Succeeded(String),
    /// A task failed. A retry can follow.
    Failed {
        /// Name of the task's error.
        error: String,
        /// Message of the task's error, as the service returned it.
        cause: String,
    },
    /// An event of another kind. It is needed because later events refer to it, and their state is determined through
    /// it.
    Other,
}

impl From<&HistoryEvent> for Event {
    fn from(event: &HistoryEvent) -> Self {
        Self { id: event.id, previous: event.previous_event_id, at: event.timestamp.as_secs_f64(), what: what(event) }
    }
}

fn what(event: &HistoryEvent) -> What {
    if let Some(details) = &event.state_entered_event_details {
        return What::Entered(details.name.clone());
    }
    if let Some(details) = &event.state_exited_event_details {
        return What::Exited(details.name.clone(), details.output.clone().unwrap_or_default());
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    // Each kind of failure event has its own Rust type for the details, but all these types have the same fields.
    macro_rules! failed {
        ($details:ident, $name:literal) => {
            event.$details.as_ref().map(|details| What::Failed {
                error: details.error.clone().unwrap_or_else(|| $name.into()),
                cause: text(&details.cause),
            })
        };
    }
    macro_rules! succeeded {
        ($details:ident) => {
            event.$details.as_ref().map(|details| What::Succeeded(text(&details.output)))
        };
    }
    let found = match event.r#type {
        Type::TaskSucceeded => succeeded!(task_succeeded_event_details),
        Type::LambdaFunctionSucceeded => succeeded!(lambda_function_succeeded_event_details),
        Type::TaskFailed => failed!(task_failed_event_details, "States.TaskFailed"),
        Type::LambdaFunctionFailed => failed!(lambda_function_failed_event_details, "States.TaskFailed"),
        Type::TaskTimedOut => failed!(task_timed_out_event_details, "States.Timeout"),
        Type::TaskStartFailed => failed!(task_start_failed_event_details, "States.TaskFailed"),
        Type::TaskSubmitFailed => failed!(task_submit_failed_event_details, "States.TaskFailed"),
        Type::LambdaFunctionTimedOut => failed!(lambda_function_timed_out_event_details, "States.Timeout"),
        Type::LambdaFunctionScheduleFailed => {
            failed!(lambda_function_schedule_failed_event_details, "States.TaskFailed")
        }
        Type::LambdaFunctionStartFailed => failed!(lambda_function_start_failed_event_details, "States.TaskFailed"),
        _ => None,
    };
    found.unwrap_or(What::Other)
}
