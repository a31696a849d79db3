//! The events that `watch`, `start --wait` and `local` print with `--json`, one per line, while an execution runs.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// An event of an execution, or of the local cloud.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// An execution was started.
    Started {
        /// ARN of the execution.
        execution: String,
        /// Name of the execution.
        name: String,
        /// Alias of the instance.
        alias: String,
    },
    /// A state has succeeded.
    Done(StateEnd),
    /// A state that waits has ended.
    Waited(StateEnd),
    /// A state has failed, and the execution continues.
    Caught {
        /// Name of the state.
        state: String,
        /// Nesting depth: 0 for a state of the execution, 1 for a state of a user sync that the execution started.
        depth: usize,
        /// Duration of the state in seconds.
        seconds: f64,
        /// Name of the error.
        error: String,
        /// Whether the error is expected in the normal workflow.
        expected: bool,
    },
    /// An attempt of a state has failed.
    Failed {
        /// Name of the state.
        state: String,
        /// Nesting depth: 0 for a state of the execution, 1 for a state of a user sync that the execution started.
        depth: usize,
        /// Name of the error.
        error: String,
        /// Message of the error.
        message: String,
    },
    /// The execution has succeeded.
    Ended {
        /// The status of the execution, which is always `SUCCEEDED`.
        status: String,
        /// The output of the execution; for an onboarding, its report.
        output: Option<Value>,
    },
    /// The operator interrupted the command. The execution continues.
    Interrupted {
        /// ARN of the execution.
        execution: String,
    },
    /// The local cloud runs until it is interrupted.
    Running {
        /// The file with the addresses of the local cloud.
        file: String,
    },
}

/// The end of a state.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StateEnd {
    /// Name of the state.
    pub state: String,
    /// Nesting depth: 0 for a state of the execution, 1 for a state of a user sync that the execution started.
    pub depth: usize,
    /// Duration of the state in seconds.
    pub seconds: f64,
    /// The status in the output of the state. Can be empty.
    pub status: String,
    /// Whether the state adopted an existing resource instead of creating a resource.
    pub adopted: bool,
}
