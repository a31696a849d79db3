//! Derives from the history of an execution which states are running, until when they wait, and which states have
//! finished.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    history::{Event, What},
    machine::Machine,
};

/// Short summary of the output of a task (a state that calls a function or a service).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The status in the task's output.
    pub status: String,
    /// Whether the task found an existing resource instead of creating it.
    pub adopted: bool,
}

/// A change in an execution that is reported to the operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Transition {
    /// A state finished.
    Done {
        /// Name of the finished state.
        state: String,
        /// Duration of the state in seconds.
        seconds: f64,
        /// Summary of the state's output.
        note: Note,
        /// Whether the finished state is a `Wait` state.
        waited: bool,
    },
    /// A state failed, and the state machine caught the error. The execution continues without the state's result.
    Caught {
        /// Name of the failed state.
        state: String,
        /// Duration of the state in seconds.
        seconds: f64,
        /// The error that the state machine caught.
        caught: Caught,
    },
    /// A task failed. Later events show whether it is retried.
    Failed {
        /// Name of the state whose task failed.
        state: String,
        /// Name of the task's error.
        error: String,
        /// Message of the task's error.
        message: String,
    },
}

/// An error that the state machine caught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caught {
    /// Name of the caught error.
    pub error: String,
    /// Whether the state's `Catch` field lists this error by name. If so, the error is a regular outcome.
    pub expected: bool,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The execution ended with the result of the state machine.
    Succeeded,
    /// The execution ended with an error, after a timeout, or because it was stopped.
    Failed,
}

/// The status of a state that is running or waiting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Running {
    /// Start time in seconds since the epoch.
    pub since: f64,
    /// If the state is a `Wait` state of known duration, the time at which it ends, in seconds since the epoch.
    pub until: Option<f64>,
    /// How many attempts of the state have failed so far.
    pub failures: u32,
    /// The error of the last failed attempt. `None` if a later attempt succeeded.
    error: Option<String>,
    note: Note,
}

/// The result of a state that has finished.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finished {
    /// Duration of the last run in seconds.
    pub seconds: f64,
    /// Summary of the last run's output.
    pub note: Note,
    /// The caught error of the last run. A state inside a `Map` state runs once for each item: if the last run has no
    /// caught error, this is the caught error of an earlier run.
    pub caught: Option<Caught>,
    /// Number of times that the state ran.
    pub times: u32,
}

/// Progress of one execution.
#[derive(Debug)]
pub struct Progress {
    /// The state machine's definition.
    pub machine: Machine,
    running: BTreeMap<String, Running>,
    finished: BTreeMap<String, Finished>,
    /// For each task whose last output contains a wait time (`waitSeconds`), this time in seconds.
    reported_waits: BTreeMap<String, u64>,
    /// For each event id, the state to which the event belongs.
    owners: BTreeMap<i64, String>,
    failed: Option<(String, String, String)>,
    /// The states that were running when the execution ended, each with its duration in seconds.
    stopped: BTreeMap<String, f64>,
    /// How the execution ended, if it has ended.
    end: Option<End>,
    /// Clock scale: how many seconds a `Wait` of one second takes. 1 in AWS, and less in a local cloud.
    scale: f64,
}

impl Progress {
    /// The progress of an execution of which no event has been processed yet. A `Wait` of one second takes `scale`
    /// seconds.
    #[must_use]
    pub const fn new(machine: Machine, scale: f64) -> Self {
        Self {
            machine,
            running: BTreeMap::new(),
            finished: BTreeMap::new(),
            reported_waits: BTreeMap::new(),
            owners: BTreeMap::new(),
            failed: None,
            stopped: BTreeMap::new(),
            end: None,
            scale,
        }
    }

    /// The state, the error name and the message of the last failed task, unless this task has succeeded since then.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str, &str)> {
        self.failed.as_ref().map(|(state, error, message)| (state.as_str(), error.as_str(), message.as_str()))
    }

    /// The running and waiting states. `Parallel` and `Map` states are not included, because only the states inside
    /// them do work.
    pub fn running(&self) -> impl Iterator<Item = (&str, &Running)> {
        let is_container = |name: &str| self.machine.is(name, "Parallel") || self.machine.is(name, "Map");
        self.running.iter().map(|(name, running)| (name.as_str(), running)).filter(move |(name, _)| !is_container(name))
    }

    /// The state with this name, if it is running.
    #[must_use]
    pub fn run_of(&self, state: &str) -> Option<&Running> {
        self.running.get(state)
    }

    /// The last finished run of a state, if there is one.
    #[must_use]
    pub fn end_of(&self, state: &str) -> Option<&Finished> {
        self.finished.get(state)
    }

    /// If the state was running when the execution ended, its duration in seconds.
    #[must_use]
    pub fn stop_of(&self, state: &str) -> Option<f64> {
        self.stopped.get(state).copied()
    }

    /// How the execution ended, or `None` if the execution is still running.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    /// Records that the execution ended at the time `at`, in seconds since the epoch. The history of a failed execution
    /// contains no exit events for the states that were running, so these states are recorded as stopped.
    pub fn finish(&mut self, end: End, at: f64) {
        self.end = Some(end);
        let running = std::mem::take(&mut self.running);
        self.stopped.extend(running.into_iter().map(|(state, run)| (state, (at - run.since).max(0.0))));
    }

    /// Processes the next event of the history. Returns the change to report, if there is one.
    pub fn observe(&mut self, event: &Event) -> Option<Transition> {
        let owner = match &event.what {
            What::Entered(state) | What::Exited(state, _) => state.clone(),
            // Events of the execution itself, such as its start and end, belong to no state.
            _ => self.owners.get(&event.previous)?.clone(),
        };
        self.owners.insert(event.id, owner.clone());
        let state = owner.as_str();
        match &event.what {
            What::Entered(_) => self.enter(state, event.at),
            What::Exited(..) => return self.done(state, event.at),
            What::Succeeded(output) => self.succeed(state, output),
            What::Failed { error, cause } => {
                let failed = self.fail(state, error, message(cause));
                // An error that the state's `Catch` lists by name is a regular outcome. Such an error is reported only
                // when the state exits.
                return Some(failed).filter(|_| !self.machine.catches(state, error));
            }
            What::Other => {}
        }
        None
    }

    fn enter(&mut self, state: &str, at: f64) {
        if self.machine.is(state, "Fail") {
            self.failed.get_or_insert_with(|| (state.to_owned(), String::new(), String::new()));
        }
        let until =
            if self.machine.is(state, "Wait") { self.wait_seconds(state).map(|seconds| at + seconds) } else { None };
        self.running.insert(state.to_owned(), Running { since: at, until, ..Running::default() });
    }

    fn succeed(&mut self, state: &str, output: &str) {
        if self.failed.as_ref().is_some_and(|(failed, _, _)| failed == state) {
            self.failed = None;
        }
        self.record_wait(state, output);
        if let Some(running) = self.running.get_mut(state) {
            running.note = note(output);
            running.error = None;
        }
    }

    fn fail(&mut self, state: &str, error: &str, message: String) -> Transition {
        self.failed = Some((state.to_owned(), error.to_owned(), message.clone()));
        if let Some(running) = self.running.get_mut(state) {
            running.failures += 1;
            running.error = Some(error.to_owned());
        }
        Transition::Failed { state: state.to_owned(), error: error.to_owned(), message }
    }

    /// Duration of a `Wait` state in seconds. The duration is fixed in the definition, or the task after the `Wait`
    /// state has reported it in its last output, because the `Wait` state is part of a polling loop.
    fn wait_seconds(&self, wait: &str) -> Option<f64> {
        let reported = self.machine.next(wait).and_then(|task| self.reported_waits.get(task)).copied();
        let seconds = self.machine.seconds(wait).or(reported)?;
        #[expect(clippy::cast_precision_loss, reason = "waits are far below 2^52 seconds")]
        let seconds = seconds as f64;
        Some(seconds * self.scale)
    }

    fn record_wait(&mut self, task: &str, output: &str) {
        let output: Value = serde_json::from_str(output).unwrap_or_default();
        match output["waitSeconds"].as_u64() {
            Some(seconds) if seconds > 0 && output["pending"] != false => {
                self.reported_waits.insert(task.to_owned(), seconds)
            }
            _ => self.reported_waits.remove(task),
        };
    }

    fn done(&mut self, state: &str, at: f64) -> Option<Transition> {
        // If a branch fails, the history contains no exit events for the states that were running in any branch. When
        // the `Parallel` or `Map` state ends, these states are therefore removed from the running states.
        let machine = &self.machine;
        let within = |name: &str| machine.is_within(name, state);
        let failed = self.running.iter().find(|(name, running)| within(name) && running.error.is_some());
        let inner = failed.and_then(|(_, running)| running.error.clone());
        self.running.retain(|name, _| !within(name));
        let running = self.running.remove(state)?;
        let error = running.error.clone().or(inner);
        let caught = error.map(|error| Caught { expected: machine.catches(state, &error), error });
        let inside_map = machine.is_inside_map(state);
        let finished = self.finished.entry(state.to_owned()).or_default();
        finished.seconds = (at - running.since).max(0.0);
        finished.note.clone_from(&running.note);
        finished.times += 1;
        finished.caught = caught.clone().or_else(|| finished.caught.take().filter(|_| inside_map));
        let seconds = finished.seconds;
        if let Some(caught) = caught {
            return Some(Transition::Caught { state: state.to_owned(), seconds, caught });
        }
        // States of these types take no time and have no result, so they are not reported.
        if ["Choice", "Pass", "Succeed"].iter().any(|kind| self.machine.is(state, kind)) {
            return None;
        }
        let waited = self.machine.is(state, "Wait");
        Some(Transition::Done { state: state.to_owned(), seconds, note: running.note, waited })
    }
}

/// Extracts the error message from the `cause` of an error. If a Lambda function failed, the cause is a JSON object
/// that contains the message.
#[must_use]
pub fn message(cause: &str) -> String {
    let wrapped: Option<Value> = serde_json::from_str(cause).ok();
    wrapped.and_then(|cause| cause["errorMessage"].as_str().map(ToOwned::to_owned)).unwrap_or_else(|| cause.to_owned())
}

/// Summarises a task's output: the status, the execution that the task waits for, and whether the resource already
/// existed.
fn note(output: &str) -> Note {
    let output: Value = serde_json::from_str(output).unwrap_or_default();
    let mut status = output["status"].as_str().unwrap_or_default().to_lowercase().replace('_', " ");
    if let Some(holder) = output["holder"].as_str() {
        status = format!("{status}: {holder}");
    }
    Note { status, adopted: output["adopted"] == true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A [`Progress`] that processes test events, and the id of the last event.
    struct Fixture(Progress, i64);

    impl Fixture {
        /// Adds an event after the event with this id. Returns the new id.
        fn after(&mut self, previous: i64, at: f64, what: What) -> (i64, Option<Transition>) {
            self.1 += 1;
            (self.1, self.0.observe(&Event { id: self.1, previous, at, what }))
        }

        fn enters(&mut self, state: &str, at: f64) -> i64 {
            self.after(0, at, What::Entered(state.into())).0
        }

        fn leaves(&mut self, state: &str, at: f64) -> Option<Transition> {
            self.after(0, at, What::Exited(state.into(), String::new())).1
        }

        fn answers(&mut self, task: i64, output: &Value) {
            self.after(task, 0.0, What::Succeeded(output.to_string()));
        }

        fn running(&self) -> Vec<&str> {
            self.0.running().map(|(name, _)| name).collect()
        }
    }

    fn fixture(definition: &Value) -> Fixture {
        Fixture(Progress::new(Machine::read(definition), 0.5), 1)
    }

    /// Creates a state machine with two parallel tasks. One of the tasks is repeated after a wait.
    fn both() -> Fixture {
        fixture(&json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [
            {"StartAt": "Look", "States": {
                "Look": {"Type": "Task", "Resource": "arn:same", "Next": "Settled"},
                "Settled": {"Type": "Choice", "Choices": [{"Next": "Pause"}], "Default": "End"},
                "Pause": {"Type": "Wait", "Next": "Look"},
                "End": {"Type": "Pass"}
            }},
            {"StartAt": "Other", "States": {"Other": {"Type": "Task", "Resource": "arn:same"}}}
        ]}}}))
    }

    fn done(state: &str, seconds: f64, status: &str) -> Option<Transition> {
        let note = Note { status: status.into(), adopted: false };
        Some(Transition::Done { state: state.into(), seconds, note, waited: false })
    }

    #[test]
    fn a_finished_state_is_reported_with_the_status_of_its_task() {
        let mut fixture = both();
        let (poll, other) = (fixture.enters("Look", 10.0), fixture.enters("Other", 10.0));
        fixture.answers(other, &json!({"adopted": true}));
        fixture.answers(poll, &json!({"status": "IN_PROGRESS"}));
        assert_eq!(fixture.running(), ["Look", "Other"]);
        assert_eq!(fixture.leaves("Look", 11.0), done("Look", 1.0, "in progress"));
        let note = Note { status: String::new(), adopted: true };
        let adopted = Transition::Done { state: "Other".into(), seconds: 2.0, note, waited: false };
        assert_eq!(fixture.leaves("Other", 12.0), Some(adopted));
    }

    #[test]
    fn a_failure_is_attributed_to_its_state_and_its_message_is_unwrapped() {
        let mut fixture = both();
        let both = fixture.enters("Both", 0.0);
        let (started, _) = fixture.after(both, 0.0, What::Other);
        let (_, other) = (fixture.enters("Look", 0.0), fixture.after(started, 0.0, What::Entered("Other".into())).0);
        let (scheduled, _) = fixture.after(other, 0.0, What::Other);
        let (running, _) = fixture.after(scheduled, 0.0, What::Other);
        let cause = json!({"errorType": "Throttled", "errorMessage": "too many calls"}).to_string();
        let (failed, transition) = fixture.after(running, 1.0, What::Failed { error: "Throttled".into(), cause });
        let expected =
            Transition::Failed { state: "Other".into(), error: "Throttled".into(), message: "too many calls".into() };
        assert_eq!(transition, Some(expected));
        assert_eq!(fixture.0.failure().map(|(state, _, _)| state), Some("Other"));
        assert_eq!(fixture.0.run_of("Other").map(|run| run.failures), Some(1));
        fixture.answers(failed, &json!({}));
        assert_eq!(fixture.leaves("Other", 5.0), done("Other", 5.0, ""), "the time starts with the first attempt");
        assert_eq!(fixture.0.failure(), None, "the retry succeeded");
    }

    /// Creates a state machine with two tasks: one catches all errors, the other catches one error by name.
    fn catching() -> Fixture {
        fixture(
            &json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Assign", "States": {
                "Assign": {"Type": "Task", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Lease"}], "Next": "Lease"},
                "Lease": {"Type": "Task", "Catch": [{"ErrorEquals": ["Taken"], "Next": "End"}], "Next": "End"},
                "End": {"Type": "Pass"}
            }}}}}),
        )
    }

    fn fails(fixture: &mut Fixture, state: &str, error: &str) -> Option<Transition> {
        let entered = fixture.enters(state, 0.0);
        fixture.after(entered, 1.0, What::Failed { error: error.into(), cause: String::new() });
        fixture.leaves(state, 2.0)
    }

    #[test]
    fn a_caught_failure_is_not_reported_as_done() {
        let mut fixture = catching();
        fixture.enters("Each", 0.0);
        let caught = |error: &str, expected| Caught { error: error.into(), expected };
        let transition = |state: &str, caught| Some(Transition::Caught { state: state.into(), seconds: 2.0, caught });
        assert_eq!(
            fails(&mut fixture, "Assign", "NotConsistentYet"),
            transition("Assign", caught("NotConsistentYet", false))
        );
        assert_eq!(fails(&mut fixture, "Lease", "Taken"), transition("Lease", caught("Taken", true)));
        // The state succeeds for the next item, but its result still contains the error of the first item.
        fixture.enters("Assign", 3.0);
        assert_eq!(fixture.leaves("Assign", 4.0), done("Assign", 1.0, ""));
        let end = fixture.0.end_of("Assign").and_then(|end| end.caught.clone());
        assert_eq!(end, Some(caught("NotConsistentYet", false)));
    }

    #[test]
    fn a_failed_branch_that_is_caught_outside_is_not_reported_as_done() {
        let mut fixture = both();
        fixture.enters("Both", 0.0);
        let poll = fixture.enters("Look", 0.0);
        fixture.after(poll, 1.0, What::Failed { error: "AccessDenied".into(), cause: String::new() });
        let caught = Caught { error: "AccessDenied".into(), expected: false };
        assert_eq!(
            fixture.leaves("Both", 2.0),
            Some(Transition::Caught { state: "Both".into(), seconds: 2.0, caught })
        );
    }

    #[test]
    fn choices_are_not_reported_and_waits_are_marked() {
        let mut fixture = both();
        for state in ["Settled", "Pause"] {
            fixture.enters(state, 0.0);
        }
        assert_eq!(fixture.leaves("Settled", 0.0), None);
        assert!(matches!(fixture.leaves("Pause", 2.0), Some(Transition::Done { waited: true, .. })));
    }

    #[test]
    fn a_wait_lasts_as_long_as_its_task_last_returned() {
        let mut fixture = both();
        let poll = fixture.enters("Look", 0.0);
        fixture.answers(poll, &json!({"pending": true, "waitSeconds": 900}));
        fixture.leaves("Look", 1.0);
        fixture.enters("Pause", 1.0);
        let until = |fixture: &Fixture| fixture.0.run_of("Pause").and_then(|run| run.until);
        assert_eq!(until(&fixture), Some(451.0), "the local clock runs at half speed");
        fixture.leaves("Pause", 451.0);
        let poll = fixture.enters("Look", 451.0);
        fixture.answers(poll, &json!({"pending": false, "waitSeconds": 900}));
        fixture.leaves("Look", 452.0);
        assert_eq!(fixture.0.end_of("Look").map(|end| end.times), Some(2));
        fixture.enters("Pause", 452.0);
        assert_eq!(until(&fixture), None);
    }

    #[test]
    fn after_a_failed_branch_no_state_of_the_parallel_is_running() {
        let mut fixture = both();
        for state in ["Both", "Look", "Other"] {
            fixture.enters(state, 0.0);
        }
        assert_eq!(fixture.running(), ["Look", "Other"]);
        fixture.leaves("Both", 1.0);
        assert_eq!(fixture.running(), [""; 0]);
    }
}
