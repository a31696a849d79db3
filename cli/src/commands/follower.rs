//! Polls executions and displays them until they end. The module [`crate::follow`] computes the progress from the
//! polled events, and draws it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::{
    cloud::{
        Cloud, Machine,
        error::CommandError,
        executions::{Described, name_of},
    },
    follow::{
        Executions, Followed, event,
        history::{Event, What},
        line,
        progress::Transition,
        tree::{self, Frame},
    },
    ui::{Console, Screen},
};

/// Polling interval in a local cloud.
const LOCAL_POLL_INTERVAL: Duration = Duration::from_millis(150);
/// Polling interval in AWS. The interval is long, because all callers in an account share the API rate limit of
/// `GetExecutionHistory`.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Interval at which the drawing is updated. It is shorter than [`POLL_INTERVAL`], so that the displayed timers also
/// advance between two polls.
const FRAME: Duration = Duration::from_millis(250);
/// Number of events on one page of an execution's history.
const PAGE: i32 = 500;
/// How many of the latest user syncs are searched for the syncs that the followed onboarding started.
const RECENT_SYNCS: i32 = 20;

/// Polls an execution and the user syncs that it started.
#[derive(Debug)]
pub struct Follower<'a> {
    /// The cloud in which the execution runs.
    pub cloud: &'a Cloud,
    /// The execution and its user syncs, as of the last poll.
    pub executions: Executions,
    /// ARNs of user syncs that the execution did not start.
    foreign: Vec<String>,
}

/// A change to report, and the nesting depth of the execution in which it happened: 0 for the followed execution, 1 for
/// its user syncs.
pub type NestedNews = (usize, Transition);

impl<'a> Follower<'a> {
    /// Follows an execution.
    ///
    /// # Errors
    /// Fails if the execution does not exist or Step Functions rejects a request.
    pub async fn new(cloud: &'a Cloud, described: Described) -> Result<Self, CommandError> {
        let root = followed(cloud, described).await?;
        Ok(Self { cloud, executions: Executions { root, syncs: Vec::new() }, foreign: Vec::new() })
    }

    /// Polls all executions and returns the changes to report.
    ///
    /// # Errors
    /// Fails if Step Functions rejects a request.
    pub async fn poll(&mut self) -> Result<Vec<NestedNews>, CommandError> {
        // The status is read before the history. If the status is final, the history that is then read is complete.
        self.executions.root.described = self.cloud.describe(&self.executions.root.described.execution.arn).await?;
        let mut transitions = Vec::new();
        if self.executions.root.described.execution.machine == Machine::Onboarding {
            self.find_syncs().await?;
        }
        // A sync that has already finished when it is found is also polled once, because its history must be read.
        for sync in self.executions.syncs.iter_mut().filter(|sync| !sync.complete) {
            if sync.described.execution.status == ExecutionStatus::Running {
                sync.described = self.cloud.describe(&sync.described.execution.arn).await?;
            }
            transitions.extend(observe(self.cloud, sync).await?.into_iter().map(|transition| (1, transition)));
        }
        transitions.extend(
            observe(self.cloud, &mut self.executions.root).await?.into_iter().map(|transition| (0, transition)),
        );
        Ok(transitions)
    }

    /// Adds user syncs that this onboarding has started since the last poll.
    async fn find_syncs(&mut self) -> Result<(), CommandError> {
        let started = self.executions.root.described.execution.started;
        let root = &self.executions.root.described.execution.arn;
        let mut listed = self.cloud.executions(Machine::UserSync, None, RECENT_SYNCS).await?;
        listed.retain(|sync| {
            // A sync that the execution started has a later start time than the execution. A difference of one second
            // is allowed, because the two times come from two responses.
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

/// The state machine definition with which an execution was started.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub(crate) async fn definition(cloud: &Cloud, arn: &str) -> Result<Value, CommandError> {
    // The execution may have been started before the last deployment. The state machine's current definition can
    // therefore be a different one.
    let machine = cloud
        .sfn
        .describe_state_machine_for_execution()
        .execution_arn(arn)
        .send()
        .await
        .map_err(|error| CommandError::of(cloud.words, &cloud.words.describing(name_of(arn)), &error))?;
    Ok(serde_json::from_str(&machine.definition).unwrap_or_default())
}

/// Starts to follow an execution: reads the state machine definition with which it was started.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub(crate) async fn followed(cloud: &Cloud, described: Described) -> Result<Followed, CommandError> {
    let definition = definition(cloud, &described.execution.arn).await?;
    Ok(Followed::new(described, &definition, cloud.local.unwrap_or(1.0)))
}

/// Polls an execution and returns the changes to report.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub(crate) async fn observe(cloud: &Cloud, followed: &mut Followed) -> Result<Vec<Transition>, CommandError> {
    let mut transitions = Vec::new();
    for event in new_events(cloud, &followed.described.execution.arn, followed.seen()).await? {
        transitions.extend(followed.observe(&event));
    }
    // The status was read before the history, so the history of a finished execution is complete.
    if followed.described.execution.status != ExecutionStatus::Running {
        followed.finish();
    }
    if followed.described.execution.machine == Machine::UserSync
        && followed.described.execution.status == ExecutionStatus::Running
        && let Some(instance) = followed.described.input["instanceId"].as_str()
    {
        let entry = cloud.entry(instance).await?.unwrap_or_default();
        followed.users.observe(&entry.progress, followed.described.execution.started);
    }
    Ok(transitions)
}

/// The events after the event with the id `seen`, oldest first. The history is read from its end, so that a poll of a
/// long history reads only one page.
async fn new_events(cloud: &Cloud, arn: &str, seen: i64) -> Result<Vec<Event>, CommandError> {
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
            .map_err(|error| CommandError::of(cloud.words, &cloud.words.describing(name_of(arn)), &error))?;
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
pub struct FollowOptions {
    /// With `--json`, print each change as a line of JSON.
    pub events: bool,
    /// Whether this process runs the local cloud. If so, Ctrl-C also ends the execution.
    pub in_this_process: bool,
}

/// Why the command stopped following an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The followed execution ended.
    Ended,
    /// The operator pressed Ctrl-C.
    Interrupted,
}

/// The output with which the execution last left a state, or `None` if it has not left this state yet.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub async fn last_output(cloud: &Cloud, arn: &str, state: &str) -> Result<Option<String>, CommandError> {
    let events = new_events(cloud, arn, 0).await?;
    Ok(events.into_iter().rev().find_map(|event| match event.what {
        What::Exited(name, output) if name == state => Some(output),
        _ => None,
    }))
}

/// Follows and displays an execution until it ends. The caller can drop the future to stop earlier. On a terminal, the
/// drawing is removed at the end.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub async fn follow_to_end(
    follower: &mut Follower<'_>,
    options: FollowOptions,
    console: &Console,
) -> Result<Ending, CommandError> {
    let pause = if follower.cloud.local.is_some() { LOCAL_POLL_INTERVAL } else { POLL_INTERVAL };
    let mut screen = console.is_live().then(|| Screen::take(console.stream()));
    let words = console.words();
    let foot = if options.in_this_process { words.ctrl_c_stops_local_cloud() } else { words.ctrl_c_stops_watching() };
    loop {
        let transitions = follower.poll().await?;
        let ended = *follower.executions.status() != ExecutionStatus::Running;
        for (depth, transition) in &transitions {
            if screen.is_none() {
                console.note(&line(console, *depth, transition));
            }
            if options.events {
                console.result(&event(*depth, transition));
            }
        }
        if ended {
            return Ok(Ending::Ended);
        }
        let next = tokio::time::Instant::now() + pause;
        while tokio::time::Instant::now() < next {
            if let Some(screen) = &mut screen {
                let frame = Frame { rows: screen.size().1, foot: &foot };
                screen.show(&tree::draw(&follower.executions, console, now(), Some(frame)));
            }
            let frame = tokio::time::Instant::now() + FRAME;
            tokio::time::sleep_until(frame.min(next)).await;
        }
    }
}

/// On a terminal, prints the drawing once more, so that it stays visible. [`follow_to_end`] draws on the terminal's
/// alternate screen, whose content is lost when the program leaves this screen.
pub fn leave_drawing(follower: &Follower<'_>, console: &Console) {
    if console.is_live() {
        tree::draw(&follower.executions, console, now(), None).iter().for_each(|line| console.line(line));
    }
}

/// Current time in seconds since the epoch.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
