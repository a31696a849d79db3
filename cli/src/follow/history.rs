//! An execution's history, as Step Functions tells it, reduced to what is shown.
//!
//! Each event names the one before it, so that a task's events are led back to the state that was entered; functions have
//! events of their own (`LambdaFunction…`).

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType as Type};

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number in the history.
    pub id: i64,
    /// The number of the event that led to it; 0 for the first ones.
    pub previous: i64,
    /// When, in seconds since the epoch.
    pub at: f64,
    /// What.
    pub what: What,
}

/// What happened, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A state was entered.
    Entered(String),
    /// A state was left, with this output.
    Exited(String, String),
    /// A resource answered this, as JSON.
    Succeeded(String),
    /// A resource failed; a retry may follow.
    Failed {
        /// The error's name.
        error: String,
        /// What happened, as the service reports it.
        cause: String,
    },
    /// Nothing to show, but a link between events that are shown.
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
    // Details of failures differ in type and not in fields.
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
