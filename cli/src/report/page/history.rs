//! The results of an execution's states, for the workflow section of the report page.

use std::collections::BTreeMap;

use serde_json::Value;

use super::graph::Graph;

/// The results of an execution's states.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The states that the page can show, and their order.
    pub graph: Graph,
    /// The result of each state that ran, by the name of the state.
    pub runs: BTreeMap<String, Run>,
    /// Duration of the execution in seconds.
    pub seconds: f64,
}

/// The result of a state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Outcome of the state's last run.
    pub outcome: Outcome,
    /// How many times the state ran. A state that polls runs several times.
    pub polls: u32,
    /// Total duration of the state's runs in seconds.
    pub seconds: f64,
    /// How many seconds the execution waited, in total, in the `Wait` state before this state.
    pub waited: f64,
    /// Short summary of the state's output.
    pub note: String,
    /// Number of failed attempts of the state.
    pub failures: u32,
}

/// Outcome of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The state succeeded.
    #[default]
    Done,
    /// The last attempt of the state failed.
    Failed,
}

impl History {
    /// A history that contains no results yet. `definition` is the definition of the execution's state machine.
    #[must_use]
    pub fn new(definition: &Value) -> Self {
        Self { graph: Graph::read(definition), ..Self::default() }
    }

    /// Records that a run of a state succeeded and took `seconds` seconds.
    pub fn done(&mut self, state: &str, seconds: f64, note: impl Into<String>) {
        let run = self.runs.entry(state.to_owned()).or_default();
        run.outcome = Outcome::Done;
        run.polls += 1;
        run.seconds += seconds;
        run.note = note.into();
    }

    /// Records that a `Wait` state finished. Adds the wait time to the result of the task that follows the `Wait`
    /// state, because the page does not show `Wait` states.
    pub fn waited(&mut self, wait: &str, seconds: f64) {
        let Some(task) = self.graph.task_after(wait) else { return };
        let task = task.to_owned();
        self.runs.entry(task).or_default().waited += seconds;
    }

    /// Records that a state failed, and that the execution continued without the result of the state.
    pub fn left_failed(&mut self, state: &str, error: &str) {
        let run = self.runs.entry(state.to_owned()).or_default();
        run.outcome = Outcome::Failed;
        error.clone_into(&mut run.note);
    }

    /// Records a failed attempt of a state.
    pub fn failed(&mut self, state: &str, error: &str) {
        let run = self.runs.entry(state.to_owned()).or_default();
        run.outcome = Outcome::Failed;
        run.failures += 1;
        error.clone_into(&mut run.note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_time_of_a_wait_counts_for_the_task_that_follows_it() {
        let mut history = History::new(&json!({"StartAt": "Look", "States": {
            "Look": {"Type": "Task", "Next": "There"},
            "There": {"Type": "Choice", "Choices": [{"Next": "Pause"}], "Default": "End"},
            "Pause": {"Type": "Wait", "Next": "Look"},
            "End": {"Type": "Pass", "End": true}
        }}));
        history.done("Look", 1.0, "pending");
        history.waited("Pause", 30.0);
        history.done("Look", 2.0, "");
        let expected = Run { polls: 2, seconds: 3.0, waited: 30.0, ..Run::default() };
        assert_eq!(history.runs.into_iter().collect::<Vec<_>>(), [("Look".to_owned(), expected)]);
    }

    #[test]
    fn a_state_is_done_if_a_retry_succeeds_and_failed_otherwise() {
        let mut history = History::default();
        for state in ["Mended", "Broken"] {
            history.failed(state, "Throttled");
        }
        history.done("Mended", 1.0, "");
        assert_eq!((history.runs["Mended"].outcome, history.runs["Mended"].failures), (Outcome::Done, 1));
        assert_eq!(
            (history.runs["Broken"].outcome, history.runs["Broken"].note.as_str()),
            (Outcome::Failed, "Throttled")
        );
    }
}
