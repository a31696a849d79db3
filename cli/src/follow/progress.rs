//! Where an execution stands, from its history as it grows: which states run, which wait and until when, which are done.
//!
//! The emulator tells less than AWS: inside `Parallel` it notes no entered and exited states, only that a task with some
//! resource was scheduled, succeeded or failed. The machine's definition says which state that resource belongs to, and
//! which `Wait` follows an answer that asks for one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    history::{Event, What},
    machine::Machine,
};

/// What a task found, in a word or two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The status that it answered, as it stands there.
    pub status: String,
    /// Whether what it was to make was there already.
    pub adopted: bool,
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
        /// What it found.
        note: Note,
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

/// A state that runs or waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Running {
    /// Since when, in seconds since the epoch.
    pub since: f64,
    /// Until when, where it waits and the answer before said how long.
    pub until: Option<f64>,
    /// How many attempts failed so far.
    pub failures: u32,
    /// Whether the history says that it was entered.
    entered: bool,
    note: Note,
}

/// A state that is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finished {
    /// How long it took the last time, in seconds.
    pub seconds: f64,
    /// What it found the last time.
    pub note: Note,
    /// How often it was done.
    pub times: u32,
    /// Its place in the order of ends.
    order: u64,
}

/// Follows one execution.
#[derive(Debug)]
pub struct Progress {
    /// The state machine.
    pub machine: Machine,
    running: BTreeMap<String, Running>,
    finished: BTreeMap<String, Finished>,
    /// The seconds until the next look that a task asked for last.
    looks: BTreeMap<String, u64>,
    /// Which state an event belongs to.
    owners: BTreeMap<i64, String>,
    failed: Option<(String, String, String)>,
    ends: u64,
    /// How many seconds a second of a `Wait` lasts: less than one in the local cloud.
    scale: f64,
}

impl Progress {
    /// An execution of this machine that has just started, where a second of waiting lasts `scale` seconds.
    #[must_use]
    pub const fn new(machine: Machine, scale: f64) -> Self {
        Self {
            machine,
            running: BTreeMap::new(),
            finished: BTreeMap::new(),
            looks: BTreeMap::new(),
            owners: BTreeMap::new(),
            failed: None,
            ends: 0,
            scale,
        }
    }

    /// The state whose task failed last and did not succeed since, with the error and its message.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str, &str)> {
        self.failed.as_ref().map(|(state, error, message)| (state.as_str(), error.as_str(), message.as_str()))
    }

    /// What runs or waits now. States that only hold others are left out.
    pub fn running(&self) -> impl Iterator<Item = (&str, &Running)> {
        let holds = |name: &str| self.machine.is(name, "Parallel") || self.machine.is(name, "Map");
        self.running.iter().map(|(name, running)| (name.as_str(), running)).filter(move |(name, _)| !holds(name))
    }

    /// How a state runs, if it does.
    #[must_use]
    pub fn run_of(&self, state: &str) -> Option<&Running> {
        self.running.get(state)
    }

    /// How a state ended the last time, if it did.
    #[must_use]
    pub fn end_of(&self, state: &str) -> Option<&Finished> {
        self.finished.get(state)
    }

    /// Takes in an event.
    pub fn observe(&mut self, event: &Event) -> Option<News> {
        let known = self.owners.get(&event.previous).cloned();
        let at = event.at;
        let (owner, news) = match &event.what {
            What::Entered(state) => (Some(state.clone()), self.enter(state, at)),
            What::Exited(state, output) => {
                self.remember(state, output);
                (Some(state.clone()), self.done(state, at))
            }
            What::Scheduled(resource) => {
                let state = known.unwrap_or_else(|| self.state_of(resource));
                self.schedule(&state, at);
                (Some(state), None)
            }
            What::Succeeded { resource, output } => {
                let state = known.unwrap_or_else(|| self.state_of(resource));
                let news = self.succeed(&state, output, at);
                (Some(state), news)
            }
            What::Failed { resource, error, cause } => {
                let state = known.unwrap_or_else(|| self.state_of(resource));
                let message = message(cause);
                self.failed = Some((state.clone(), error.clone(), message.clone()));
                if let Some(running) = self.running.get_mut(&state) {
                    running.failures += 1;
                }
                let news = News::Failed { state: state.clone(), error: error.clone(), message };
                (Some(state), Some(news))
            }
            What::Other => (known, None),
        };
        if let Some(owner) = owner {
            self.owners.insert(event.id, owner);
        }
        news
    }

    fn enter(&mut self, state: &str, at: f64) -> Option<News> {
        if self.machine.is(state, "Fail") {
            self.failed.get_or_insert_with(|| (state.to_owned(), String::new(), String::new()));
        }
        let until = if self.machine.is(state, "Wait") { self.look(state).map(|seconds| at + seconds) } else { None };
        self.running.insert(state.to_owned(), Running { since: at, until, entered: true, ..Running::default() });
        None
    }

    fn schedule(&mut self, state: &str, at: f64) {
        // Whoever waited before this task, and was only inferred, waits no more.
        let waited: Vec<String> = self
            .running
            .iter()
            .filter(|(name, running)| !running.entered && self.machine.next(name) == Some(state))
            .filter(|(name, _)| self.machine.is(name, "Wait"))
            .map(|(name, _)| name.clone())
            .collect();
        for wait in waited {
            self.running.remove(&wait);
        }
        self.running.entry(state.to_owned()).or_insert(Running { since: at, ..Running::default() });
    }

    fn succeed(&mut self, state: &str, output: &str, at: f64) -> Option<News> {
        if self.failed.as_ref().is_some_and(|(failed, _, _)| failed == state) {
            self.failed = None;
        }
        self.remember(state, output);
        let running = self.running.get_mut(state)?;
        running.note = note(output);
        if running.entered {
            return None;
        }
        let news = self.done(state, at);
        if self.machine.is_inner(state) {
            self.infer_wait(state, at);
        }
        news
    }

    /// The emulator does not say that a branch waits; the answer of its task does.
    fn infer_wait(&mut self, task: &str, at: f64) {
        let waits = self.machine.waits_after(task).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
        for wait in waits {
            if let Some(seconds) = self.look(&wait) {
                let until = Some(at + seconds);
                self.running.insert(wait, Running { since: at, until, ..Running::default() });
            }
        }
    }

    /// How long a `Wait` waits, as the task behind it said when it was done last.
    fn look(&self, wait: &str) -> Option<f64> {
        let asked = self.machine.next(wait).and_then(|task| self.looks.get(task)).copied();
        let seconds = self.machine.seconds(wait).or(asked)?;
        #[expect(clippy::cast_precision_loss, reason = "waits are far below 2^52 seconds")]
        let seconds = seconds as f64;
        Some(seconds * self.scale)
    }

    fn remember(&mut self, task: &str, output: &str) {
        if !self.machine.is(task, "Task") {
            return;
        }
        let output: Value = serde_json::from_str(output).unwrap_or_default();
        match output["waitSeconds"].as_u64() {
            Some(seconds) if seconds > 0 && output["pending"] != false => self.looks.insert(task.to_owned(), seconds),
            _ => self.looks.remove(task),
        };
    }

    fn done(&mut self, state: &str, at: f64) -> Option<News> {
        if ["Parallel", "Map"].iter().any(|kind| self.machine.is(state, kind)) {
            // Nothing inside runs any more, whatever was inferred.
            let machine = &self.machine;
            self.running.retain(|name, running| running.entered || !machine.is_inner(name));
        }
        let running = self.running.remove(state)?;
        self.ends += 1;
        let finished = self.finished.entry(state.to_owned()).or_default();
        finished.seconds = (at - running.since).max(0.0);
        finished.note.clone_from(&running.note);
        finished.times += 1;
        finished.order = self.ends;
        let seconds = finished.seconds;
        // They take no time and say nothing.
        if ["Choice", "Pass", "Succeed"].iter().any(|kind| self.machine.is(state, kind)) {
            return None;
        }
        let waited = self.machine.is(state, "Wait");
        Some(News::Done { state: state.to_owned(), seconds, note: running.note, waited })
    }

    /// The state that a resource's event belongs to. Where several share the resource, it is the one that runs, else the
    /// inner one (others would have been entered) that comes after the task that was done last.
    fn state_of(&self, resource: &str) -> String {
        let states = self.machine.tasks_of(resource);
        let place = |task: &str| self.finished.get(task).map(|finished| finished.order);
        let last = |state: &String| self.machine.tasks_before(state).into_iter().filter_map(place).max();
        let running = states.iter().find(|state| self.running.contains_key(*state));
        let inner = || states.iter().filter(|state| self.machine.is_inner(state)).max_by_key(|state| last(state));
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

/// What is worth telling of a task's output: its status, and that it found what it wanted.
fn note(output: &str) -> Note {
    let output: Value = serde_json::from_str(output).unwrap_or_default();
    let status = output["status"].as_str().unwrap_or_default().to_lowercase().replace('_', " ");
    Note { status, adopted: output["adopted"] == true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// An execution whose events name none before them, as the emulator's don't.
    struct Emulated(Progress, i64);

    impl Emulated {
        fn observe(&mut self, what: &What, at: f64) -> Option<News> {
            self.1 += 1;
            self.0.observe(&Event { id: self.1, previous: 0, at, what: what.clone() })
        }

        fn running(&self) -> Vec<&str> {
            self.0.running().map(|(name, _)| name).collect()
        }
    }

    fn read(definition: &Value) -> Emulated {
        Emulated(Progress::new(Machine::read(definition), 0.5), 0)
    }

    fn progress() -> Emulated {
        read(&json!({"StartAt": "First", "States": {
            "First": {"Type": "Task", "Resource": "arn:first"},
            "Another": {"Type": "Task", "Resource": "arn:right"},
            "Ready": {"Type": "Choice"},
            "Pause": {"Type": "Wait"},
            "Both": {"Type": "Parallel", "Branches": [
                {"States": {"Left": {"Type": "Task", "Resource": "arn:left"}}},
                {"States": {"Right": {"Type": "Task", "Resource": "arn:right"}}}
            ]}
        }}))
    }

    fn scheduled(resource: &str) -> What {
        What::Scheduled(resource.into())
    }

    fn succeeded(resource: &str, output: &Value) -> What {
        What::Succeeded { resource: resource.into(), output: output.to_string() }
    }

    fn done(state: &str, seconds: f64, note: &str) -> Option<News> {
        let note = match note {
            "was there already" => Note { status: String::new(), adopted: true },
            status => Note { status: status.into(), adopted: false },
        };
        Some(News::Done { state: state.into(), seconds, note, waited: false })
    }

    #[test]
    fn a_state_is_done_when_it_is_left_not_when_its_task_answers() {
        let mut progress = progress();
        assert_eq!(progress.observe(&What::Entered("First".into()), 10.0), None);
        assert_eq!(progress.observe(&scheduled("arn:first"), 10.0), None);
        assert_eq!(progress.observe(&succeeded("arn:first", &json!({"status": "IN_PROGRESS"})), 10.5), None);
        assert_eq!(
            progress.observe(&What::Exited("First".into(), String::new()), 11.0),
            done("First", 1.0, "in progress")
        );
    }

    #[test]
    fn states_inside_parallel_are_known_by_their_resource() {
        let mut progress = progress();
        progress.observe(&What::Entered("Both".into()), 0.0);
        progress.observe(&scheduled("arn:left"), 0.0);
        progress.observe(&scheduled("arn:right"), 1.0);
        assert_eq!(progress.running(), ["Left", "Right"]);
        assert_eq!(
            progress.observe(&succeeded("arn:right", &json!({"adopted": true})), 3.0),
            done("Right", 2.0, "was there already")
        );
        assert_eq!(progress.running(), ["Left"]);
    }

    #[test]
    fn a_retried_task_counts_from_its_first_attempt_and_tells_its_failure_in_plain_words() {
        let mut progress = progress();
        progress.observe(&scheduled("arn:left"), 0.0);
        let cause = json!({"errorType": "Throttled", "errorMessage": "too many calls"}).to_string();
        let failed = What::Failed { resource: "arn:left".into(), error: "Throttled".into(), cause };
        let news = progress.observe(&failed, 1.0);
        assert_eq!(
            news,
            Some(News::Failed { state: "Left".into(), error: "Throttled".into(), message: "too many calls".into() })
        );
        assert_eq!(progress.0.failure().map(|(state, _, _)| state), Some("Left"));
        progress.observe(&scheduled("arn:left"), 2.0);
        assert_eq!(progress.observe(&succeeded("arn:left", &json!({})), 5.0), done("Left", 5.0, ""));
        assert_eq!(progress.0.failure(), None, "the retry mended it");
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
        let mut progress = read(&definition);
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
            progress.observe(&What::Entered(state.into()), 0.0);
        }
        assert_eq!(progress.observe(&What::Exited("Ready".into(), String::new()), 0.0), None);
        assert!(matches!(
            progress.observe(&What::Exited("Pause".into(), String::new()), 2.0),
            Some(News::Done { waited: true, .. })
        ));
    }

    /// A look that repeats behind a wait, inside a branch.
    fn waiting() -> Emulated {
        read(
            &json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [{"StartAt": "Look", "States": {
                "Look": {"Type": "Task", "Resource": "arn:look", "Next": "Settled"},
                "Settled": {"Type": "Choice", "Choices": [{"Next": "Pause"}], "Default": "End"},
                "Pause": {"Type": "Wait", "Next": "Look"},
                "End": {"Type": "Pass"}
            }}]}}}),
        )
    }

    #[test]
    fn a_branch_waits_as_long_as_its_task_asked_for_although_the_emulator_does_not_say_so() {
        let mut progress = waiting();
        progress.observe(&What::Entered("Both".into()), 0.0);
        progress.observe(&scheduled("arn:look"), 0.0);
        progress.observe(&succeeded("arn:look", &json!({"pending": true, "waitSeconds": 900})), 1.0);
        assert_eq!(progress.running(), ["Pause"]);
        assert_eq!(
            progress.0.run_of("Pause").and_then(|run| run.until),
            Some(451.0),
            "the local clock runs at half speed"
        );
        progress.observe(&scheduled("arn:look"), 451.0);
        assert_eq!(progress.running(), ["Look"]);
        progress.observe(&succeeded("arn:look", &json!({"pending": false, "waitSeconds": 900})), 452.0);
        assert_eq!(progress.running(), [""; 0]);
        assert_eq!(progress.0.end_of("Look").map(|end| end.times), Some(2));
    }

    #[test]
    fn on_aws_the_event_before_tells_which_state_a_task_belongs_to() {
        let branch = |task: &str| json!({"StartAt": task, "States": {task: {"Type": "Task", "Resource": "arn:same"}}});
        let definition = json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [branch("Left"), branch("Right")]}}});
        let mut progress = Progress::new(Machine::read(&definition), 1.0);
        let mut observe =
            |id, previous, what| progress.observe(&Event { id, previous, at: f64::from(id as i32), what });
        observe(2, 0, What::Entered("Both".into()));
        observe(3, 2, What::Other);
        observe(4, 3, What::Entered("Left".into()));
        observe(5, 3, What::Entered("Right".into()));
        observe(6, 5, scheduled("arn:same"));
        observe(7, 6, What::Other);
        let failed = What::Failed { resource: String::new(), error: "Unavailable".into(), cause: "no".into() };
        let news = observe(8, 7, failed);
        assert_eq!(
            news,
            Some(News::Failed { state: "Right".into(), error: "Unavailable".into(), message: "no".into() })
        );
        observe(9, 4, scheduled("arn:same"));
        observe(10, 9, succeeded("", &json!({"status": "READY"})));
        assert_eq!(observe(11, 10, What::Exited("Left".into(), String::new())), done("Left", 7.0, "ready"));
        assert_eq!(progress.failure().map(|(state, _, _)| state), Some("Right"));
    }
}
