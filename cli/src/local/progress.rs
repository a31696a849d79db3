//! Reads an execution's history as it grows and says what happens, state by state.
//!
//! The emulator tells less than AWS: inside `Parallel` it notes no entered and exited states, only that a task with some
//! resource was scheduled, succeeded or failed. The machine's definition says which state that resource belongs to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One event of a history, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A state was entered.
    Entered(String),
    /// A state was left.
    Exited(String),
    /// A task was handed to its resource.
    Scheduled(String),
    /// A resource answered.
    Succeeded {
        /// The resource.
        resource: String,
        /// What it answered, as JSON.
        output: String,
    },
    /// A resource failed; a retry may follow.
    Failed {
        /// The resource.
        resource: String,
        /// The error's name.
        error: String,
        /// What happened, as the service reports it.
        cause: String,
    },
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A state is done.
    Done {
        /// The state.
        state: String,
        /// Seconds from its start to its end.
        seconds: f64,
        /// What it found, in a word or two.
        note: String,
        /// Whether it only waited.
        waited: bool,
    },
    /// A task failed. Whether it is tried again, the next events tell.
    Failed {
        /// The state.
        state: String,
        /// The error's name.
        error: String,
        /// What happened.
        message: String,
    },
}

#[derive(Debug)]
struct Running {
    since: f64,
    entered: bool,
    note: String,
}

/// What a state machine's definition says about its states.
#[derive(Debug, Default)]
pub struct Machine {
    /// Names of the task states by their resource.
    tasks: BTreeMap<String, Vec<String>>,
    kinds: BTreeMap<String, String>,
    /// States inside `Parallel` and `Map`, whose entering the emulator does not note.
    inner: BTreeSet<String>,
    /// The states that lead to a state.
    before: BTreeMap<String, Vec<String>>,
}

impl Machine {
    /// Reads a definition (Amazon States Language, with resources filled in).
    #[must_use]
    pub fn read(definition: &Value) -> Self {
        let mut machine = Self::default();
        machine.collect(definition, false);
        machine
    }

    fn collect(&mut self, level: &Value, inner: bool) {
        for (name, state) in level["States"].as_object().into_iter().flatten() {
            let kind = state["Type"].as_str().unwrap_or_default();
            self.kinds.insert(name.clone(), kind.to_owned());
            if let Some(resource) = state["Resource"].as_str() {
                self.tasks.entry(resource.to_owned()).or_default().push(name.clone());
            }
            if inner {
                self.inner.insert(name.clone());
            }
            let exits = [&state["Catch"], &state["Choices"]].into_iter().filter_map(Value::as_array).flatten();
            let next = exits.map(|exit| &exit["Next"]).chain([&state["Next"], &state["Default"]]);
            for next in next.filter_map(Value::as_str) {
                self.before.entry(next.to_owned()).or_default().push(name.clone());
            }
            state["Branches"].as_array().into_iter().flatten().for_each(|branch| self.collect(branch, true));
            self.collect(&state["ItemProcessor"], true);
        }
    }

    /// The task states from which a state can be reached without passing another task.
    fn tasks_before(&self, state: &str) -> BTreeSet<&str> {
        let mut open = vec![state];
        let (mut seen, mut tasks) = (BTreeSet::new(), BTreeSet::new());
        while let Some(state) = open.pop() {
            for before in self.before.get(state).into_iter().flatten() {
                if self.is(before, "Task") {
                    tasks.insert(before.as_str());
                } else if seen.insert(before.as_str()) {
                    open.push(before);
                }
            }
        }
        tasks
    }

    fn is(&self, state: &str, kind: &str) -> bool {
        self.kinds.get(state).is_some_and(|known| known == kind)
    }
}

/// Follows one execution.
#[derive(Debug)]
pub struct Progress {
    machine: Machine,
    running: BTreeMap<String, Running>,
    /// The tasks that are done, the last one last.
    done: Vec<String>,
    failed: Option<String>,
}

impl Progress {
    /// An execution of this machine that has just started.
    #[must_use]
    pub const fn new(machine: Machine) -> Self {
        Self { machine, running: BTreeMap::new(), done: Vec::new(), failed: None }
    }

    /// The state whose task failed last and did not succeed since.
    #[must_use]
    pub fn failed_state(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// What runs now, each with the moment of its start. States that only hold others are left out.
    pub fn running(&self) -> impl Iterator<Item = (&str, f64)> {
        let shown =
            self.running.iter().filter(|(name, _)| !self.machine.is(name, "Parallel") && !self.machine.is(name, "Map"));
        shown.map(|(name, running)| (name.as_str(), running.since))
    }

    /// Takes in an event of the given moment (seconds since the epoch).
    pub fn observe(&mut self, event: &Event, at: f64) -> Option<News> {
        match event {
            Event::Entered(state) => {
                if self.machine.is(state, "Fail") {
                    self.failed.get_or_insert_with(|| state.clone());
                }
                self.running.insert(state.clone(), Running { since: at, entered: true, note: String::new() });
                None
            }
            Event::Exited(state) => self.done(state, at),
            Event::Scheduled(resource) => {
                let state = self.state_of(resource);
                self.running.entry(state).or_insert(Running { since: at, entered: false, note: String::new() });
                None
            }
            Event::Succeeded { resource, output } => {
                let state = self.state_of(resource);
                if self.failed.as_ref() == Some(&state) {
                    self.failed = None;
                }
                let running = self.running.get_mut(&state)?;
                running.note = note(output);
                if running.entered { None } else { self.done(&state, at) }
            }
            Event::Failed { resource, error, cause } => {
                let state = self.state_of(resource);
                self.failed = Some(state.clone());
                Some(News::Failed { state, error: error.clone(), message: message(cause) })
            }
        }
    }

    fn done(&mut self, state: &str, at: f64) -> Option<News> {
        let running = self.running.remove(state)?;
        self.done.retain(|earlier| earlier != state);
        self.done.push(state.to_owned());
        // They take no time and say nothing.
        if self.machine.is(state, "Choice") || self.machine.is(state, "Pass") || self.machine.is(state, "Succeed") {
            return None;
        }
        let waited = self.machine.is(state, "Wait");
        Some(News::Done { state: state.to_owned(), seconds: (at - running.since).max(0.0), note: running.note, waited })
    }

    /// The state that a resource's event belongs to. Where several share the resource, it is the one that runs, else the
    /// inner one (others would have been entered) that comes after the task that was done last.
    fn state_of(&self, resource: &str) -> String {
        let states = self.machine.tasks.get(resource).map(Vec::as_slice).unwrap_or_default();
        let place = |task: &str| self.done.iter().position(|done| done == task);
        let last = |state: &String| self.machine.tasks_before(state).into_iter().filter_map(place).max();
        let running = states.iter().find(|state| self.running.contains_key(*state));
        let inner =
            || states.iter().filter(|state| self.machine.inner.contains(*state)).max_by_key(|state| last(state));
        running
            .or_else(inner)
            .or_else(|| states.first())
            .cloned()
            .unwrap_or_else(|| resource.rsplit(':').next().unwrap_or(resource).to_owned())
    }
}

/// The message in a cause: Lambda wraps it in JSON.
#[must_use]
pub fn message(cause: &str) -> String {
    let wrapped: Option<Value> = serde_json::from_str(cause).ok();
    wrapped.and_then(|cause| cause["errorMessage"].as_str().map(ToOwned::to_owned)).unwrap_or_else(|| cause.to_owned())
}

/// What is worth telling of a task's output: its status, or that it found what it wanted.
fn note(output: &str) -> String {
    let output: Value = serde_json::from_str(output).unwrap_or_default();
    let status = output["status"].as_str().unwrap_or_default().to_lowercase().replace('_', " ");
    match (status.is_empty(), output["adopted"] == true) {
        (true, false) => String::new(),
        (false, false) => status,
        (true, true) => "was there already".into(),
        (false, true) => format!("{status}, was there already"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn progress() -> Progress {
        Progress::new(Machine::read(&json!({"States": {
            "First": {"Type": "Task", "Resource": "arn:first"},
            "Another": {"Type": "Task", "Resource": "arn:right"},
            "Ready": {"Type": "Choice"},
            "Pause": {"Type": "Wait"},
            "Both": {"Type": "Parallel", "Branches": [
                {"States": {"Left": {"Type": "Task", "Resource": "arn:left"}}},
                {"States": {"Right": {"Type": "Task", "Resource": "arn:right"}}}
            ]}
        }})))
    }

    fn scheduled(resource: &str) -> Event {
        Event::Scheduled(resource.into())
    }

    fn succeeded(resource: &str, output: &Value) -> Event {
        Event::Succeeded { resource: resource.into(), output: output.to_string() }
    }

    fn done(state: &str, seconds: f64, note: &str) -> Option<News> {
        Some(News::Done { state: state.into(), seconds, note: note.into(), waited: false })
    }

    #[test]
    fn a_state_is_done_when_it_is_left_not_when_its_task_answers() {
        let mut progress = progress();
        assert_eq!(progress.observe(&Event::Entered("First".into()), 10.0), None);
        assert_eq!(progress.observe(&scheduled("arn:first"), 10.0), None);
        assert_eq!(progress.observe(&succeeded("arn:first", &json!({"status": "IN_PROGRESS"})), 10.5), None);
        assert_eq!(progress.observe(&Event::Exited("First".into()), 11.0), done("First", 1.0, "in progress"));
    }

    #[test]
    fn states_inside_parallel_are_known_by_their_resource() {
        let mut progress = progress();
        progress.observe(&Event::Entered("Both".into()), 0.0);
        progress.observe(&scheduled("arn:left"), 0.0);
        progress.observe(&scheduled("arn:right"), 1.0);
        assert_eq!(progress.running().map(|(name, _)| name).collect::<Vec<_>>(), ["Left", "Right"]);
        assert_eq!(
            progress.observe(&succeeded("arn:right", &json!({"adopted": true})), 3.0),
            done("Right", 2.0, "was there already")
        );
        assert_eq!(progress.running().map(|(name, _)| name).collect::<Vec<_>>(), ["Left"]);
    }

    #[test]
    fn a_retried_task_counts_from_its_first_attempt_and_tells_its_failure_in_plain_words() {
        let mut progress = progress();
        progress.observe(&scheduled("arn:left"), 0.0);
        let cause = json!({"errorType": "Throttled", "errorMessage": "too many calls"}).to_string();
        let failed = Event::Failed { resource: "arn:left".into(), error: "Throttled".into(), cause };
        let news = progress.observe(&failed, 1.0);
        assert_eq!(
            news,
            Some(News::Failed { state: "Left".into(), error: "Throttled".into(), message: "too many calls".into() })
        );
        assert_eq!(progress.failed_state(), Some("Left"));
        progress.observe(&scheduled("arn:left"), 2.0);
        assert_eq!(progress.observe(&succeeded("arn:left", &json!({})), 5.0), done("Left", 5.0, ""));
        assert_eq!(progress.failed_state(), None, "the retry mended it");
    }

    #[test]
    fn of_inner_states_that_share_a_resource_it_is_the_one_that_comes_next() {
        let branch = |task: &str, tell: &str| {
            json!({"States": {
                task: {"Type": "Task", "Resource": format!("arn:{task}"), "Next": format!("{task}Ok")},
                format!("{task}Ok"): {"Type": "Choice", "Choices": [{"Next": tell}], "Default": "End"},
                tell: {"Type": "Task", "Resource": "arn:publish"}
            }})
        };
        let branches = [branch("left", "TellLeft"), branch("right", "TellRight")];
        let definition = json!({"States": {"Both": {"Type": "Parallel", "Branches": branches}}});
        let mut progress = Progress::new(Machine::read(&definition));
        for (task, tell) in [("arn:right", "TellRight"), ("arn:left", "TellLeft")] {
            progress.observe(&scheduled(task), 0.0);
            progress.observe(&succeeded(task, &json!({})), 1.0);
            progress.observe(&scheduled("arn:publish"), 1.0);
            assert_eq!(progress.observe(&succeeded("arn:publish", &json!({})), 2.0), done(tell, 1.0, ""));
        }
    }

    #[test]
    fn choices_are_not_worth_a_line_and_waits_are_told_apart() {
        let mut progress = progress();
        for state in ["Ready", "Pause"] {
            progress.observe(&Event::Entered(state.into()), 0.0);
        }
        assert_eq!(progress.observe(&Event::Exited("Ready".into()), 0.0), None);
        assert!(matches!(progress.observe(&Event::Exited("Pause".into()), 2.0), Some(News::Done { waited: true, .. })));
    }
}
