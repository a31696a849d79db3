//! The progress of an execution, for `onboard watch`, `status`, `start --wait`, `sync --wait` and `onboard local`. This
//! module neither calls AWS or a local cloud nor reads the clock. `commands/follower.rs` does both.
//!
//! [`history`] converts the events of Step Functions, [`machine`] reads the definition of the state machine, and
//! [`progress`] derives the status of each state from both. On a terminal, [`tree`] draws the states. Without a
//! terminal, a line is printed when a state ends.
//!
//! A running user sync writes the number of processed users to the registry, from which the progress of the users is
//! derived ([`users`]). The execution history is not sufficient: one call of the sync's function takes minutes, and the
//! history contains the numbers only after the call. Counting the users in Connect would use up the API rate limit that
//! the sync needs.

pub mod history;
pub mod machine;
pub mod progress;
pub mod tree;
pub mod users;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use self::{
    history::Event,
    machine::Machine,
    progress::{End, Progress, Transition},
    users::Users,
};
use crate::{
    cloud::executions::Described,
    output,
    ui::{
        Console, Tone,
        time::{duration, iso},
    },
    words::Words,
};

/// An execution whose progress is displayed.
#[derive(Debug)]
pub struct Followed {
    /// The latest description of the execution.
    pub described: Described,
    /// Progress of the execution's states.
    pub progress: Progress,
    /// Progress of the users, if the execution is a user sync.
    pub users: Users,
    /// Whether the execution has finished and its whole history was processed.
    pub complete: bool,
    seen: i64,
}

impl Followed {
    /// Starts to follow an execution whose history has not been read yet. `definition` is the definition of its state
    /// machine. `scale` is the number of seconds that a `Wait` of one second takes: 1 in AWS, and less in a local
    /// cloud.
    #[must_use]
    pub fn new(described: Described, definition: &Value, scale: f64) -> Self {
        let progress = Progress::new(Machine::read(definition), scale);
        Self { described, progress, users: Users::default(), complete: false, seen: 0 }
    }

    /// Id of the last event that was processed.
    #[must_use]
    pub const fn seen(&self) -> i64 {
        self.seen
    }

    /// The status of this execution as `--json` prints it, without the user syncs that the execution started.
    fn output(&self) -> output::ExecutionStatus {
        let execution = &self.described.execution;
        let running = self.progress.running().map(|(name, run)| output::RunningState {
            state: name.to_owned(),
            since: iso(run.since),
            until: run.until.map(iso),
            failures: run.failures,
        });
        output::ExecutionStatus {
            execution: execution.arn.clone(),
            name: execution.name.clone(),
            machine: execution.machine.name().to_owned(),
            status: execution.status.as_str().to_owned(),
            started: iso(execution.started),
            stopped: execution.stopped.map(iso),
            alias: self.described.alias().map(str::to_owned),
            running: running.collect(),
            failed_state: self.progress.failure().map(|(state, _, _)| state.to_owned()),
            error: self.described.error.clone(),
            cause: self.described.cause.as_deref().map(progress::message),
            users: self.users.output(),
            user_syncs: None,
        }
    }

    /// Processes the next event of the history and returns the change to report, if there is one.
    pub fn observe(&mut self, event: &Event) -> Option<Transition> {
        self.seen = event.id;
        self.progress.observe(event)
    }

    /// Records that the execution has finished and that its whole history was read.
    pub fn finish(&mut self) {
        self.complete = true;
        let execution = &self.described.execution;
        let end = if execution.status == ExecutionStatus::Succeeded { End::Succeeded } else { End::Failed };
        self.progress.finish(end, execution.stopped.unwrap_or(execution.started));
    }
}

/// An execution and the user syncs that it started.
#[derive(Debug)]
pub struct Executions {
    /// The execution that the operator follows.
    pub root: Followed,
    /// The user syncs that the execution started, oldest first.
    pub syncs: Vec<Followed>,
}

impl Executions {
    /// Status of the execution that the operator follows.
    #[must_use]
    pub const fn status(&self) -> &ExecutionStatus {
        &self.root.described.execution.status
    }

    /// The failed state, the error name and the error message, if the execution has failed. A failure in one of its
    /// user syncs takes precedence.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str, &str)> {
        let nested = self.syncs.iter().filter_map(|sync| sync.progress.failure()).next_back();
        nested.or_else(|| self.root.progress.failure())
    }

    /// Returns the complete status of the execution as the tool prints it with `--json`.
    #[must_use]
    pub fn output(&self) -> output::ExecutionStatus {
        let mut root = self.root.output();
        root.user_syncs = Some(self.syncs.iter().map(Followed::output).collect());
        root
    }
}

/// Formats a change as one line of text.
#[must_use]
pub fn line(console: &Console, depth: usize, transition: &Transition) -> String {
    let indent = "  ".repeat(depth);
    match transition {
        Transition::Done { state, seconds, note, waited } => {
            let (tone, mark) = if *waited { (Tone::Faint, "·") } else { (Tone::Good, "✓") };
            let mark = console.paint(tone, mark);
            let note = console.words().note(note);
            let note = if note.is_empty() { note } else { console.paint(Tone::Faint, &format!("  {note}")) };
            let width = 28 - indent.len();
            format!("  {indent}{mark} {state:<width$}{:>10}{note}", duration(*seconds))
        }
        Transition::Caught { state, seconds, caught } => {
            let (tone, mark) = if caught.expected { (Tone::Faint, "·") } else { (Tone::Warn, "!") };
            let note = console.paint(Tone::Faint, &format!("  {}", console.words().caught_error(caught)));
            let width = 28 - indent.len();
            format!("  {indent}{} {state:<width$}{:>10}{note}", console.paint(tone, mark), duration(*seconds))
        }
        Transition::Failed { state, error, message } => {
            let head = console.paint(Tone::Warn, &format!("! {state}: {error}"));
            format!("  {indent}{head}\n  {indent}    {}", message.trim().replace('\n', &format!("\n  {indent}    ")))
        }
    }
}

/// Returns a change as the event that the tool prints with `--json`.
#[must_use]
pub fn event(depth: usize, transition: &Transition) -> output::Event {
    match transition.clone() {
        Transition::Done { state, seconds, note, waited } => {
            let end = output::StateEnd { state, depth, seconds, status: note.status, adopted: note.adopted };
            if waited { output::Event::Waited(end) } else { output::Event::Done(end) }
        }
        Transition::Caught { state, seconds, caught } => {
            output::Event::Caught { state, depth, seconds, error: caught.error, expected: caught.expected }
        }
        Transition::Failed { state, error, message } => output::Event::Failed { state, depth, error, message },
    }
}

impl Words {
    /// Formats a caught error. An expected error (see [`progress::Caught`]) is described as a regular outcome and not
    /// as a failure.
    #[must_use]
    pub fn caught_error(self, caught: &progress::Caught) -> String {
        match (caught.expected, caught.error.as_str()) {
            (true, "DynamoDB.ConditionalCheckFailedException") => self.entry_changed(),
            (_, error) => self.caught(error),
        }
    }

    /// Formats the summary of a task's output.
    #[must_use]
    pub fn note(self, note: &progress::Note) -> String {
        match (note.status.as_str(), note.adopted) {
            ("", true) => self.already_existed(),
            (status, true) => format!("{status}, {}", self.already_existed()),
            (status, false) => status.to_owned(),
        }
    }
}
