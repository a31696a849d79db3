//! Follows executions for `onboard watch`, `status`, `start --watch`, `sync --wait` and `onboard local`.
//!
//! [`history`] reads the events of Step Functions, [`machine`] reads the definition, and [`progress`] combines both.
//! [`tree`] draws the states, and [`Screen`] updates the drawing in place. Without a terminal, each state is printed as
//! a line when it ends.
//!
//! The user counts come from the running sync, which writes them to the registry ([`users`]). The history is too
//! coarse: it contains counts only at the end of a round, which takes minutes. Counting the Connect users would consume
//! the API rate that the sync needs.

pub mod history;
pub mod machine;
pub mod page;
pub mod progress;
pub mod tree;
pub mod users;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};

use self::{
    history::Event,
    machine::Machine,
    progress::{News, Progress},
    users::Users,
};
use crate::{
    cloud::{
        Cloud,
        executions::{Described, name_of},
        trouble::Trouble,
    },
    ui::{Console, Screen, Tone},
    words::Words,
};

/// Polling interval in a local cloud.
const LOCAL_LOOK: Duration = Duration::from_millis(150);
/// Polling interval in AWS. All callers in an account share the rate limit of `GetExecutionHistory`.
const LOOK: Duration = Duration::from_secs(2);
/// Redraw interval. Timers advance between polls.
const FRAME: Duration = Duration::from_millis(250);
/// Events per history page.
const PAGE: i32 = 500;
/// The state in which a user sync waits for approval.
const ASKS: &str = "AskApproval";
/// The number of latest user syncs that are searched for the ones an onboarding started.
const SYNCS: i32 = 20;

/// An execution that is being followed.
#[derive(Debug)]
pub struct Followed {
    /// The latest description of the execution.
    pub described: Described,
    /// Progress of the states.
    pub progress: Progress,
    /// Progress of the users.
    pub users: Users,
    seen: i64,
}

/// An execution and the user syncs it started.
#[derive(Debug)]
pub struct Follower<'a> {
    /// The cloud in which the execution runs.
    pub cloud: &'a Cloud,
    /// The execution.
    pub root: Followed,
    /// The user syncs that the execution started, oldest first.
    pub syncs: Vec<Followed>,
    /// User syncs that the execution did not start.
    foreign: Vec<String>,
}

/// A piece of news with the nesting depth of its execution.
pub type Told = (usize, News);

impl<'a> Follower<'a> {
    /// Follows an execution.
    ///
    /// # Errors
    /// Fails if the execution does not exist or Step Functions rejects a request.
    pub async fn new(cloud: &'a Cloud, described: Described) -> Result<Self, Trouble> {
        let root = follow(cloud, described).await?;
        Ok(Self { cloud, root, syncs: Vec::new(), foreign: Vec::new() })
    }

    /// Polls all executions and returns the news.
    ///
    /// # Errors
    /// Fails if Step Functions rejects a request.
    pub async fn look(&mut self) -> Result<Vec<Told>, Trouble> {
        // The status is read before the history. If the status is final, the history read afterwards is complete.
        self.root.described = self.cloud.describe(&self.root.described.execution.arn).await?;
        let mut told = Vec::new();
        if self.root.described.execution.machine == crate::cloud::Machine::Onboarding {
            self.find_syncs().await?;
        }
        let mut ended = Vec::new();
        for sync in &mut self.syncs {
            if sync.described.execution.status == ExecutionStatus::Running {
                sync.described = self.cloud.describe(&sync.described.execution.arn).await?;
                ended.push(sync.described.execution.arn.clone());
            }
        }
        for sync in &mut self.syncs {
            if ended.contains(&sync.described.execution.arn) {
                told.extend(observe(self.cloud, sync).await?.into_iter().map(|news| (1, news)));
            }
        }
        told.extend(observe(self.cloud, &mut self.root).await?.into_iter().map(|news| (0, news)));
        Ok(told)
    }

    /// Adds user syncs that this onboarding has started since the last poll.
    async fn find_syncs(&mut self) -> Result<(), Trouble> {
        let started = self.root.described.execution.started;
        let root = &self.root.described.execution.arn;
        let mut listed = self.cloud.executions(crate::cloud::Machine::UserSync, None, SYNCS).await?;
        listed.retain(|sync| {
            // Allows one second of clock difference between the two responses.
            sync.started + 1.0 >= started
                && !self.foreign.contains(&sync.arn)
                && !self.syncs.iter().any(|known| known.described.execution.arn == sync.arn)
        });
        for sync in listed.into_iter().rev() {
            let described = self.cloud.describe(&sync.arn).await?;
            if described.input["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"] == root.as_str() {
                self.syncs.push(follow(self.cloud, described).await?);
            } else {
                self.foreign.push(sync.arn);
            }
        }
        Ok(())
    }

    /// Status of the execution.
    #[must_use]
    pub const fn status(&self) -> &ExecutionStatus {
        &self.root.described.execution.status
    }

    /// State, error and message of the failure, if there is one. A failed nested execution takes precedence.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str, &str)> {
        let nested = self.syncs.iter().filter_map(|sync| sync.progress.failure()).next_back();
        nested.or_else(|| self.root.progress.failure())
    }

    /// All followed executions with their depth.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Followed)> {
        std::iter::once((0, &self.root)).chain(self.syncs.iter().map(|sync| (1, sync)))
    }

    /// The complete status as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let state = |followed: &Followed| {
            let execution = &followed.described.execution;
            let running: Vec<Value> = followed
                .progress
                .running()
                .map(|(name, run)| json!({"state": name, "since": iso(run.since), "until": run.until.map(iso), "failures": run.failures}))
                .collect();
            json!({
                "execution": execution.arn,
                "name": execution.name,
                "machine": execution.machine.name(),
                "status": execution.status.as_str(),
                "started": iso(execution.started),
                "stopped": execution.stopped.map(iso),
                "alias": followed.described.alias(),
                "running": running,
                "failedState": followed.progress.failure().map(|(state, _, _)| state),
                "error": followed.described.error,
                "cause": followed.described.cause.as_deref().map(progress::message),
                "users": followed.users.json(),
            })
        };
        let mut root = state(&self.root);
        root["userSyncs"] = self.syncs.iter().map(state).collect();
        root
    }
}

/// The definition with which an execution was started.
async fn definition(cloud: &Cloud, arn: &str) -> Result<Value, Trouble> {
    // The current definition of the state machine can differ: the execution can be older than the last deployment.
    let machine = cloud
        .sfn
        .describe_state_machine_for_execution()
        .execution_arn(arn)
        .send()
        .await
        .map_err(|error| Trouble::of(cloud.words, &cloud.words.describing(name_of(arn)), &error))?;
    Ok(serde_json::from_str(&machine.definition).unwrap_or_default())
}

async fn follow(cloud: &Cloud, described: Described) -> Result<Followed, Trouble> {
    let definition = definition(cloud, &described.execution.arn).await?;
    let progress = Progress::new(Machine::read(&definition), cloud.local.unwrap_or(1.0));
    Ok(Followed { described, progress, users: Users::default(), seen: 0 })
}

async fn observe(cloud: &Cloud, followed: &mut Followed) -> Result<Vec<News>, Trouble> {
    let mut told = Vec::new();
    for event in new_events(cloud, &followed.described.execution.arn, followed.seen).await? {
        followed.seen = event.id;
        told.extend(followed.progress.observe(&event));
    }
    if followed.described.execution.machine == crate::cloud::Machine::UserSync
        && followed.described.execution.status == ExecutionStatus::Running
        && let Some(instance) = followed.described.input["instanceId"].as_str()
    {
        let entry = cloud.entry(instance).await?.unwrap_or_default();
        followed.users.observe(&entry.progress, followed.described.execution.started);
    }
    Ok(told)
}

/// The events after `seen`, oldest first. They are read from the end, so that polling a long history takes one page.
async fn new_events(cloud: &Cloud, arn: &str, seen: i64) -> Result<Vec<Event>, Trouble> {
    let mut events: Vec<Event> = Vec::new();
    let mut token = None;
    loop {
        let page = cloud
            .sfn
            .get_execution_history()
            .execution_arn(arn)
            .reverse_order(true)
            .max_results(PAGE)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| Trouble::of(cloud.words, &cloud.words.describing(name_of(arn)), &error))?;
        events.extend(page.events.iter().map(Event::from).take_while(|event| event.id > seen));
        token = page.next_token;
        if token.is_none() || page.events.last().is_none_or(|event| event.id <= seen + 1) {
            events.reverse();
            return Ok(events);
        }
    }
}

/// Options for following an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Stop when the execution requests approval.
    pub until_asked: bool,
    /// With `--json`, print each piece of news as a line.
    pub events: bool,
}

/// Why following stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The execution ended.
    Ended,
    /// The execution waits for approval.
    Asks,
    /// The operator interrupted.
    Interrupted,
}

/// The latest output of a state, if the state has been exited.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub async fn last_output(cloud: &Cloud, arn: &str, state: &str) -> Result<Option<String>, Trouble> {
    let events = new_events(cloud, arn, 0).await?;
    Ok(events.into_iter().rev().find_map(|event| match event.what {
        history::What::Exited(name, output) if name == state => Some(output),
        _ => None,
    }))
}

/// Follows and displays an execution until it ends or, with `until_asked`, requests approval. To stop earlier, drop the
/// future.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub async fn to_the_end(follower: &mut Follower<'_>, manner: Manner, console: &Console) -> Result<Ending, Trouble> {
    let pause = if follower.cloud.local.is_some() { LOCAL_LOOK } else { LOOK };
    let mut screen = console.is_live().then(Screen::take);
    loop {
        let told = follower.look().await?;
        let ended = *follower.status() != ExecutionStatus::Running;
        for (depth, news) in &told {
            if screen.is_none() {
                console.line(&line(console, *depth, news));
            }
            if manner.events {
                console.event(&event(*depth, news));
            }
        }
        let asks = manner.until_asked && follower.root.progress.run_of(ASKS).is_some();
        if ended || asks {
            if let Some(screen) = screen.take() {
                drop(screen);
                tree::draw(follower, console, now(), None).iter().for_each(|line| console.line(line));
            }
            return Ok(if ended { Ending::Ended } else { Ending::Asks });
        }
        let next = tokio::time::Instant::now() + pause;
        while tokio::time::Instant::now() < next {
            if let Some(screen) = &mut screen {
                screen.show(&tree::draw(follower, console, now(), Some(screen.size())));
            }
            let frame = tokio::time::Instant::now() + FRAME;
            tokio::time::sleep_until(frame.min(next)).await;
        }
    }
}

/// Formats a piece of news as one line.
#[must_use]
pub fn line(console: &Console, depth: usize, news: &News) -> String {
    let indent = "  ".repeat(depth);
    match news {
        News::Done { state, seconds, note, waited } => {
            let (tone, mark) = if *waited { (Tone::Faint, "·") } else { (Tone::Good, "✓") };
            let mark = console.paint(tone, mark);
            let note = console.words().note(note);
            let note = if note.is_empty() { note } else { console.paint(Tone::Faint, &format!("  {note}")) };
            let width = 28 - indent.len();
            format!("  {indent}{mark} {state:<width$}{:>10}{note}", duration(*seconds))
        }
        News::Caught { state, seconds, caught } => {
            let (tone, mark) = if caught.expected { (Tone::Faint, "·") } else { (Tone::Warn, "!") };
            let note = console.paint(Tone::Faint, &format!("  {}", console.words().caught(&caught.error)));
            let width = 28 - indent.len();
            format!("  {indent}{} {state:<width$}{:>10}{note}", console.paint(tone, mark), duration(*seconds))
        }
        News::Failed { state, error, message } => {
            let head = console.paint(Tone::Warn, &format!("! {state}: {error}"));
            format!("  {indent}{head}\n  {indent}    {}", message.trim().replace('\n', &format!("\n  {indent}    ")))
        }
    }
}

fn event(depth: usize, news: &News) -> Value {
    match news {
        News::Done { state, seconds, note, waited } => json!({
            "event": if *waited { "waited" } else { "done" }, "state": state, "depth": depth, "seconds": seconds,
            "status": note.status, "adopted": note.adopted,
        }),
        News::Caught { state, seconds, caught } => json!({
            "event": "caught", "state": state, "depth": depth, "seconds": seconds, "error": caught.error,
            "expected": caught.expected,
        }),
        News::Failed { state, error, message } => {
            json!({ "event": "failed", "state": state, "depth": depth, "error": error, "message": message })
        }
    }
}

/// Formats a duration: `0.35 s`, `12 min 03 s`, `2 h 05 min`, `3 d 04 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{:.2} s", seconds.max(0.0));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and years at most")]
    let whole = seconds as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {:02} s", whole % 60),
        (0, _) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours:02} h"),
    }
}

/// Formats a time in ISO 8601, to the second.
#[must_use]
pub fn iso(at: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a moment of this age")]
    let moment = time::OffsetDateTime::from_unix_timestamp(at as i64).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    moment.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// Current time in seconds since the epoch.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl Words {
    /// Formats the status of a task's output.
    #[must_use]
    pub fn note(self, note: &progress::Note) -> String {
        match (note.status.as_str(), note.adopted) {
            ("", true) => self.was_there(),
            (status, true) => format!("{status}, {}", self.was_there()),
            (status, false) => status.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        let text = [0.346, 59.0, 723.0, 7_500.0, 273_700.0].map(duration);
        assert_eq!(text, ["0.35 s", "59.00 s", "12 min 03 s", "2 h 05 min", "3 d 04 h"]);
    }

    #[test]
    fn times_are_formatted_in_iso_8601() {
        assert_eq!(iso(1_795_615_200.9), "2026-11-25T14:00:00Z");
    }
}
