//! What an execution did, state by state, as the page draws it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::graph::Graph;

/// What an execution did.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The states that do something, and their order.
    pub graph: Graph,
    /// What became of each of them, by name.
    pub runs: BTreeMap<String, Run>,
    /// Seconds from its start to its end.
    pub seconds: f64,
}

/// What became of a state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// How often it looked: a state that waits for the world looks again and again.
    pub looks: u32,
    /// Seconds of its own work, all looks together.
    pub seconds: f64,
    /// Seconds of waiting between the looks.
    pub waited: f64,
    /// What it found, in a word or two.
    pub note: String,
    /// How often an attempt of it failed.
    pub failures: u32,
}

/// How a state ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it is for.
    #[default]
    Done,
    /// Its last attempt failed.
    Failed,
}

impl History {
    /// An execution of the machine with this definition, of which nothing is known yet.
    #[must_use]
    pub fn new(definition: &Value) -> Self {
        Self { graph: Graph::read(definition), ..Self::default() }
    }

    /// A state was left after so many seconds, with what it found in a word or two.
    pub fn done(&mut self, state: &str, seconds: f64, note: impl Into<String>) {
        let run = self.runs.entry(state.to_owned()).or_default();
        run.outcome = Outcome::Done;
        run.looks += 1;
        run.seconds += seconds;
        run.note = note.into();
    }

    /// A `Wait` was left: it belongs to the task that looks again after it.
    pub fn waited(&mut self, wait: &str, seconds: f64) {
        let Some(task) = self.graph.task_after(wait) else { return };
        let task = task.to_owned();
        self.runs.entry(task).or_default().waited += seconds;
    }

    /// A state that was left failed, and the execution continued without its result.
    pub fn left_failed(&mut self, state: &str, error: &str) {
        let run = self.runs.entry(state.to_owned()).or_default();
        run.outcome = Outcome::Failed;
        error.clone_into(&mut run.note);
    }

    /// An attempt of a state failed with this error.
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
    fn a_wait_belongs_to_the_task_that_looks_again_after_it() {
        let mut history = History::new(&json!({"StartAt": "Look", "States": {
            "Look": {"Type": "Task", "Next": "There"},
            "There": {"Type": "Choice", "Choices": [{"Next": "Pause"}], "Default": "End"},
            "Pause": {"Type": "Wait", "Next": "Look"},
            "End": {"Type": "Pass", "End": true}
        }}));
        history.done("Look", 1.0, "pending");
        history.waited("Pause", 30.0);
        history.done("Look", 2.0, "");
        let expected = Run { looks: 2, seconds: 3.0, waited: 30.0, ..Run::default() };
        assert_eq!(history.runs.into_iter().collect::<Vec<_>>(), [("Look".to_owned(), expected)]);
    }

    #[test]
    fn a_state_whose_later_attempt_succeeded_is_done_and_one_without_is_failed() {
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
