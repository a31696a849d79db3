//! Following executions: one mechanism for `onboard watch`, `status`, `start --watch`, `sync --wait` and `onboard local`.
//!
//! [`history`] reads what Step Functions tells, [`machine`] the definition, [`progress`] puts the two together; [`tree`] draws
//! it, and [`screen`] shows the picture in place. Where nobody looks at a terminal, each state becomes a line as it ends.
//!
//! How many users are done, the running sync itself writes into the registry ([`users`]): a history tells only at the end of
//! a round, which takes minutes, and counting Connect's users would cost calls at the rate that the sync needs.

pub mod history;
pub mod machine;
pub mod page;
pub mod progress;
pub mod screen;
pub mod tree;
pub mod users;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};

use self::{
    history::Event,
    machine::Machine,
    progress::{News, Progress},
    screen::Screen,
    users::Users,
};
use crate::{
    cloud::{
        Cloud,
        executions::{Described, name_of},
        trouble::Trouble,
    },
    console::{Console, Tone},
    words::Words,
};

/// How often a local cloud is looked at.
const LOCAL_LOOK: Duration = Duration::from_millis(150);
/// How often AWS is looked at: `GetExecutionHistory` has a rate that all of an account share.
const LOOK: Duration = Duration::from_secs(2);
/// How often the picture is drawn: timers go on between looks.
const FRAME: Duration = Duration::from_millis(250);
/// Events in a page of a history.
const PAGE: i32 = 500;
/// The state in which a user sync waits for a person.
const ASKS: &str = "AskApproval";
/// How many of the latest user syncs are looked through for those that an onboarding started.
const SYNCS: i32 = 20;

/// An execution that is followed.
#[derive(Debug)]
pub struct Followed {
    /// The execution, as it was described last.
    pub described: Described,
    /// Where it stands.
    pub progress: Progress,
    /// How far it is with users.
    pub users: Users,
    seen: i64,
}

/// An execution and the user syncs that it started.
#[derive(Debug)]
pub struct Follower<'a> {
    /// Where it runs.
    pub cloud: &'a Cloud,
    /// The execution itself.
    pub root: Followed,
    /// The user syncs that it started, the first one first.
    pub syncs: Vec<Followed>,
    /// User syncs that somebody else started.
    foreign: Vec<String>,
}

/// What a look brought, with the depth of the execution that it is about.
pub type Told = (usize, News);

impl<'a> Follower<'a> {
    /// Follows an execution.
    ///
    /// # Errors
    /// Where there is none, or Step Functions refuses.
    pub async fn new(cloud: &'a Cloud, described: Described) -> Result<Self, Trouble> {
        let root = follow(cloud, described).await?;
        Ok(Self { cloud, root, syncs: Vec::new(), foreign: Vec::new() })
    }

    /// Looks at everything once more; gives what is new.
    ///
    /// # Errors
    /// Where Step Functions refuses.
    pub async fn look(&mut self) -> Result<Vec<Told>, Trouble> {
        // First the status, then the history: what the history holds then is all there is.
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

    /// User syncs that this onboarding started since the last look.
    async fn find_syncs(&mut self) -> Result<(), Trouble> {
        let started = self.root.described.execution.started;
        let root = &self.root.described.execution.arn;
        let mut listed = self.cloud.executions(crate::cloud::Machine::UserSync, None, SYNCS).await?;
        listed.retain(|sync| {
            // A second is what clocks may differ by in the two answers.
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

    /// How it stands.
    #[must_use]
    pub const fn status(&self) -> &ExecutionStatus {
        &self.root.described.execution.status
    }

    /// The state that failed, where one did: the innermost.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str, &str)> {
        let nested = self.syncs.iter().filter_map(|sync| sync.progress.failure()).next_back();
        nested.or_else(|| self.root.progress.failure())
    }

    /// The executions, each with its depth.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Followed)> {
        std::iter::once((0, &self.root)).chain(self.syncs.iter().map(|sync| (1, sync)))
    }

    /// Where everything stands, for programs.
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

/// The definition that an execution was started with.
async fn definition(cloud: &Cloud, arn: &str) -> Result<Value, Trouble> {
    // Not the machine as it is now: the execution may be older than the last deployment.
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

/// The events after `seen`, oldest first. They are read from the end, so that a look at a long history costs one page.
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

/// How an execution is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Only until a person is asked for approval.
    pub until_asked: bool,
    /// With `--json`, each piece of news is a line of its own.
    pub events: bool,
}

/// How following ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The execution ended.
    Ended,
    /// It waits for a person's approval.
    Asks,
    /// The person who looked wanted to stop looking.
    Interrupted,
}

/// The output that a state of an execution had last, if it was left.
///
/// # Errors
/// Where Step Functions refuses.
pub async fn last_output(cloud: &Cloud, arn: &str, state: &str) -> Result<Option<String>, Trouble> {
    let events = new_events(cloud, arn, 0).await?;
    Ok(events.into_iter().rev().find_map(|event| match event.what {
        history::What::Exited(name, output) if name == state => Some(output),
        _ => None,
    }))
}

/// Follows to the end, or until a person is asked, and shows it. Whoever wants to stop earlier drops this.
///
/// # Errors
/// Where Step Functions refuses.
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

/// A piece of news as one line.
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

/// Seconds as people read them: `0.35 s`, `12 min 03 s`, `2 h 05 min`, `3 d 04 h`.
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

/// A moment in ISO 8601, to the second.
#[must_use]
pub fn iso(at: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a moment of this age")]
    let moment = time::OffsetDateTime::from_unix_timestamp(at as i64).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    moment.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// Now, in seconds since the epoch.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl Words {
    /// What a task found.
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
    fn durations_are_told_in_two_units_at_most() {
        let text = [0.346, 59.0, 723.0, 7_500.0, 273_700.0].map(duration);
        assert_eq!(text, ["0.35 s", "59.00 s", "12 min 03 s", "2 h 05 min", "3 d 04 h"]);
    }

    #[test]
    fn moments_are_in_iso_8601() {
        assert_eq!(iso(1_795_615_200.9), "2026-11-25T14:00:00Z");
    }
}
