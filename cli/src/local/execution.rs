//! Starts an execution of the deployed state machine and tells what happens until it ends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sfn::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{ExecutionStatus, HistoryEvent, HistoryEventType},
};
use serde_json::Value;

use super::{
    deploy::Stack,
    emulator,
    failure::Failure,
    progress::{Event, Machine, News, Progress, message},
};
use crate::console::{Console, Tone};

/// How often the history is read.
const LOOK: Duration = Duration::from_millis(150);

/// Step Functions of the local cloud, and what is deployed there. The caller's own AWS settings are never read.
#[derive(Debug)]
pub struct Workflow<'a> {
    client: Client,
    stack: &'a Stack,
    console: &'a Console,
}

/// An execution that is followed.
#[derive(Debug)]
struct Followed {
    arn: String,
    indent: &'static str,
    progress: Progress,
    seen: usize,
}

impl<'a> Workflow<'a> {
    /// The workflow that is deployed to the emulator at this URL.
    #[must_use]
    pub fn new(emulator: &str, stack: &'a Stack, console: &'a Console) -> Self {
        let config = aws_sdk_sfn::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(emulator::REGION))
            .endpoint_url(emulator)
            .credentials_provider(Credentials::new("test", "test", None, None, "local cloud"))
            .build();
        Self { client: Client::from_conf(config), stack, console }
    }

    /// Runs one onboarding to its end and gives its output.
    ///
    /// # Errors
    /// Where it does not succeed: the state, the error, the cause.
    pub async fn run(&self, name: &str, input: &Value) -> Result<Value, Failure> {
        let earlier = self.user_syncs().await;
        let started = self
            .client
            .start_execution()
            .state_machine_arn(self.stack.onboarding_state_machine_arn())
            .name(name)
            .input(input.to_string())
            .send()
            .await
            .map_err(|error| lost(&error))?;
        let mut onboarding = self.follow(started.execution_arn, self.stack.onboarding_state_machine_arn(), "").await?;
        let mut syncs: Vec<Followed> = Vec::new();
        loop {
            // First the status, then the history: what the history holds then is all there is.
            let now = self
                .client
                .describe_execution()
                .execution_arn(&onboarding.arn)
                .send()
                .await
                .map_err(|error| lost(&error))?;
            for arn in self.user_syncs().await {
                if !earlier.contains(&arn) && !syncs.iter().any(|sync| sync.arn == arn) {
                    syncs.push(self.follow(arn, self.stack.user_sync_state_machine_arn(), "  ").await?);
                }
            }
            for sync in &mut syncs {
                self.tell(sync).await?;
            }
            self.tell(&mut onboarding).await?;
            let running = status(std::iter::once(&onboarding).chain(&syncs));
            self.console.status((!running.is_empty()).then_some(running.as_str()));
            match now.status {
                ExecutionStatus::Running => tokio::time::sleep(LOOK).await,
                ExecutionStatus::Succeeded => {
                    self.console.status(None);
                    let output = now.output.unwrap_or_default();
                    return serde_json::from_str(&output)
                        .map_err(|error| failure(None, "States.Runtime", &error.to_string()));
                }
                _ => {
                    self.console.status(None);
                    let nested = syncs.iter().filter_map(|sync| sync.progress.failed_state()).next_back();
                    let state = nested.or_else(|| onboarding.progress.failed_state()).map(ToOwned::to_owned);
                    let error = now.error.unwrap_or_else(|| now.status.as_str().to_owned());
                    return Err(failure(state, &error, &now.cause.unwrap_or_default()));
                }
            }
        }
    }

    async fn follow(&self, arn: String, machine: &str, indent: &'static str) -> Result<Followed, Failure> {
        let described = self
            .client
            .describe_state_machine()
            .state_machine_arn(machine)
            .send()
            .await
            .map_err(|error| lost(&error))?;
        let definition: Value = serde_json::from_str(&described.definition).unwrap_or_default();
        Ok(Followed { arn, indent, progress: Progress::new(Machine::read(&definition)), seen: 0 })
    }

    /// ARNs of the user sync's executions.
    async fn user_syncs(&self) -> Vec<String> {
        let machine = self.stack.user_sync_state_machine_arn();
        let listed = self.client.list_executions().state_machine_arn(machine).send().await;
        listed
            .map(|listed| listed.executions.into_iter().map(|execution| execution.execution_arn).collect())
            .unwrap_or_default()
    }

    async fn tell(&self, followed: &mut Followed) -> Result<(), Failure> {
        for event in self.history(&followed.arn).await?.iter().skip(followed.seen) {
            followed.seen += 1;
            let Some(read) = read(event) else { continue };
            if let Some(news) = followed.progress.observe(&read, event.timestamp.as_secs_f64()) {
                self.console.line(&self.text(&news, followed.indent));
            }
        }
        Ok(())
    }

    async fn history(&self, arn: &str) -> Result<Vec<HistoryEvent>, Failure> {
        let mut events = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .client
                .get_execution_history()
                .execution_arn(arn)
                .max_results(1000)
                .set_next_token(token)
                .send()
                .await;
            let page = page.map_err(|error| lost(&error))?;
            events.extend(page.events);
            token = page.next_token;
            if token.is_none() {
                return Ok(events);
            }
        }
    }

    fn text(&self, news: &News, indent: &str) -> String {
        match news {
            News::Done { state, seconds, note, waited } => {
                let (tone, mark) = if *waited { (Tone::Faint, "·") } else { (Tone::Good, "✓") };
                let mark = self.console.paint(tone, mark);
                let note =
                    if note.is_empty() { String::new() } else { self.console.paint(Tone::Faint, &format!("  {note}")) };
                let width = 28 - indent.len();
                format!("  {indent}{mark} {state:<width$}{seconds:>7.2} s{note}")
            }
            News::Failed { state, error, message } => {
                let head = self.console.paint(Tone::Warn, &format!("! {state}: {error}"));
                format!(
                    "  {indent}{head}\n  {indent}    {}",
                    message.trim().replace('\n', &format!("\n  {indent}    "))
                )
            }
        }
    }
}

fn status<'a>(followed: impl Iterator<Item = &'a Followed>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let running = followed.flat_map(|followed| followed.progress.running());
    running.map(|(name, since)| format!("{name} {:.0} s", (now - since).max(0.0))).collect::<Vec<_>>().join(" · ")
}

fn read(event: &HistoryEvent) -> Option<Event> {
    if let Some(details) = &event.state_entered_event_details {
        return Some(Event::Entered(details.name.clone()));
    }
    if let Some(details) = &event.state_exited_event_details {
        return Some(Event::Exited(details.name.clone()));
    }
    match event.r#type {
        HistoryEventType::TaskScheduled => {
            event.task_scheduled_event_details.as_ref().map(|details| Event::Scheduled(details.resource.clone()))
        }
        HistoryEventType::TaskSucceeded => event.task_succeeded_event_details.as_ref().map(|details| {
            Event::Succeeded { resource: details.resource.clone(), output: details.output.clone().unwrap_or_default() }
        }),
        HistoryEventType::TaskFailed => event.task_failed_event_details.as_ref().map(|details| Event::Failed {
            resource: details.resource.clone(),
            error: details.error.clone().unwrap_or_default(),
            cause: details.cause.clone().unwrap_or_default(),
        }),
        _ => None,
    }
}

fn failure(state: Option<String>, error: &str, cause: &str) -> Failure {
    Failure::Workflow { state, error: error.to_owned(), cause: message(cause) }
}

/// The emulator does not answer any more.
fn lost(error: &impl std::error::Error) -> Failure {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    Failure::not_started(
        format!("its Step Functions does not answer ({text})"),
        "look at the emulator's log and try again",
    )
}
