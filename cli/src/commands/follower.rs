//! Polls executions and displays them until they end. [`crate::follow`] keeps and draws what was polled.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::{
    cloud::{
        Cloud, Machine,
        executions::{Described, name_of},
        trouble::Trouble,
    },
    follow::{
        Executions, Followed, event,
        history::{Event, What},
        line,
        progress::News,
        tree,
    },
    ui::{Console, Screen},
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

/// Polls an execution and the user syncs that it started.
#[derive(Debug)]
pub struct Follower<'a> {
    /// The cloud in which the execution runs.
    pub cloud: &'a Cloud,
    /// The execution and its user syncs, as of the last poll.
    pub executions: Executions,
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
        let root = followed(cloud, described).await?;
        Ok(Self { cloud, executions: Executions { root, syncs: Vec::new() }, foreign: Vec::new() })
    }

    /// Polls all executions and returns the news.
    ///
    /// # Errors
    /// Fails if Step Functions rejects a request.
    pub async fn look(&mut self) -> Result<Vec<Told>, Trouble> {
        // The status is read before the history. If the status is final, the history read afterwards is complete.
        self.executions.root.described = self.cloud.describe(&self.executions.root.described.execution.arn).await?;
        let mut told = Vec::new();
        if self.executions.root.described.execution.machine == Machine::Onboarding {
            self.find_syncs().await?;
        }
        let mut ended = Vec::new();
        for sync in &mut self.executions.syncs {
            if sync.described.execution.status == ExecutionStatus::Running {
                sync.described = self.cloud.describe(&sync.described.execution.arn).await?;
                ended.push(sync.described.execution.arn.clone());
            }
        }
        for sync in &mut self.executions.syncs {
            if ended.contains(&sync.described.execution.arn) {
                told.extend(observe(self.cloud, sync).await?.into_iter().map(|news| (1, news)));
            }
        }
        told.extend(observe(self.cloud, &mut self.executions.root).await?.into_iter().map(|news| (0, news)));
        Ok(told)
    }

    /// Adds user syncs that this onboarding has started since the last poll.
    async fn find_syncs(&mut self) -> Result<(), Trouble> {
        let started = self.executions.root.described.execution.started;
        let root = &self.executions.root.described.execution.arn;
        let mut listed = self.cloud.executions(Machine::UserSync, None, SYNCS).await?;
        listed.retain(|sync| {
            // Allows one second of clock difference between the two responses.
            sync.started + 1.0 >= started
                && !self.foreign.contains(&sync.arn)
                && !self.executions.syncs.iter().any(|known| known.described.execution.arn == sync.arn)
        });
        for sync in listed.into_iter().rev() {
            let described = self.cloud.describe(&sync.arn).await?;
            if described.input["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"] == root.as_str() {
                self.executions.syncs.push(followed(self.cloud, described).await?);
            } else {
                self.foreign.push(sync.arn);
            }
        }
        Ok(())
    }
}

/// The definition with which an execution was started.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub(crate) async fn definition(cloud: &Cloud, arn: &str) -> Result<Value, Trouble> {
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

/// Starts to follow an execution.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub(crate) async fn followed(cloud: &Cloud, described: Described) -> Result<Followed, Trouble> {
    let definition = definition(cloud, &described.execution.arn).await?;
    Ok(Followed::new(described, &definition, cloud.local.unwrap_or(1.0)))
}

/// Polls an execution and returns the news.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub(crate) async fn observe(cloud: &Cloud, followed: &mut Followed) -> Result<Vec<News>, Trouble> {
    let mut told = Vec::new();
    for event in new_events(cloud, &followed.described.execution.arn, followed.seen()).await? {
        told.extend(followed.observe(&event));
    }
    if followed.described.execution.machine == Machine::UserSync
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
        What::Exited(name, output) if name == state => Some(output),
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
        let ended = *follower.executions.status() != ExecutionStatus::Running;
        for (depth, news) in &told {
            if screen.is_none() {
                console.line(&line(console, *depth, news));
            }
            if manner.events {
                console.event(&event(*depth, news));
            }
        }
        let asks = manner.until_asked && follower.executions.root.progress.run_of(ASKS).is_some();
        if ended || asks {
            if let Some(screen) = screen.take() {
                drop(screen);
                tree::draw(&follower.executions, console, now(), None).iter().for_each(|line| console.line(line));
            }
            return Ok(if ended { Ending::Ended } else { Ending::Asks });
        }
        let next = tokio::time::Instant::now() + pause;
        while tokio::time::Instant::now() < next {
            if let Some(screen) = &mut screen {
                screen.show(&tree::draw(&follower.executions, console, now(), Some(screen.size())));
            }
            let frame = tokio::time::Instant::now() + FRAME;
            tokio::time::sleep_until(frame.min(next)).await;
        }
    }
}

/// Current time in seconds since the epoch.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
