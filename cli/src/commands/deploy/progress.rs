//! Executes a change set and shows the progress of the deployment, which is derived from the stack's events.

use std::collections::BTreeSet;

use crate::{
    cloud::{
        change_set::{Polls, StackEvent, StackState, Stacks},
        error::CommandError,
    },
    commands::unless_interrupted,
    exit::Exit,
    output::Change,
    ui::{Console, Tone},
    words::Words,
};

/// The resource type in events about the stack itself.
const STACK: &str = "AWS::CloudFormation::Stack";
/// The status reason of a resource contains this word if its creation or update was cancelled because another resource
/// failed.
const CANCELLED: &str = "cancelled";

/// The state of the deployment according to the events that were read so far.
#[derive(Debug, Default)]
struct Seen {
    /// Id of the newest event that was read.
    newest: Option<String>,
    /// The resources whose creation, update or deletion is complete.
    complete: BTreeSet<String>,
    /// The first failure: the name of the resource, its type, and the reason.
    failure: Option<(String, String, String)>,
}

impl Seen {
    /// Adds events, newest first. Returns the failures among them.
    fn add(&mut self, events: Vec<StackEvent>) -> Vec<String> {
        if let Some(event) = events.first() {
            self.newest = Some(event.id.clone());
        }
        let mut failures = Vec::new();
        for event in events.into_iter().rev().filter(|event| event.kind != STACK) {
            if event.status.ends_with("_FAILED") && !event.reason.contains(CANCELLED) {
                failures.push(format!("{} ({}): {}", event.resource, event.kind, event.reason));
                self.failure.get_or_insert((event.resource, event.kind, event.reason));
            } else if ["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"].contains(&event.status.as_str()) {
                self.complete.insert(event.resource);
            }
        }
        failures
    }
}

/// Executes the change set and waits until the deployment has finished. Returns `None` if the operator interrupts the
/// wait.
///
/// # Errors
/// Fails if CloudFormation rejects the execution, or if the deployment fails.
pub(super) async fn execute(
    stacks: Stacks<'_>,
    change_set: &str,
    changes: &[Change],
    console: &Console,
) -> Result<Option<StackState>, CommandError> {
    let words = console.words();
    let newest = stacks.events(None).await?.first().map(|event| event.id.clone());
    let mut seen = Seen { newest, ..Seen::default() };
    stacks.execute(change_set).await?;
    let finished = unless_interrupted(follow(stacks, change_set, changes, &mut seen, console)).await;
    console.status(None);
    let stack = match finished {
        None => return Ok(None),
        Some(Ok(stack)) => stack,
        // The progress can't be read, but the deployment continues. The recommended action is therefore to follow it
        // again.
        Some(Err(error)) => return Err(CommandError { action: words.follow_again(), ..error }),
    };
    if ["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&stack.status.as_str()) {
        return Ok(Some(stack));
    }
    Err(failed(stacks.stack, &stack, seen.failure, words))
}

/// Reports that the deployment continues after the operator has interrupted the command.
pub(super) fn continues(stack: &str, console: &Console) -> Exit {
    let words = console.words();
    let (what, how) = (words.deployment_continues(stack), words.follow_again());
    let error = CommandError::new(Exit::Interrupted, "Interrupted", what, how);
    console.result(&error.output(words, |text| console.complete(text)));
    console.error(&error.what);
    console.error(&error.action);
    error.exit
}

async fn follow(
    stacks: Stacks<'_>,
    change_set: &str,
    changes: &[Change],
    seen: &mut Seen,
    console: &Console,
) -> Result<StackState, CommandError> {
    let words = console.words();
    console.note(&words.deploying(stacks.stack));
    let mut polls = Polls::default();
    // Shortly after the command has executed the change set, CloudFormation can still return the previous status of the
    // stack.
    let mut begun = false;
    loop {
        let stack = stacks.find().await?.unwrap_or_default();
        begun = begun || stack.is_changing();
        let ended = !stack.is_changing() && (begun || has_ended(stacks, change_set).await?);
        for failure in seen.add(stacks.events(seen.newest.as_deref()).await?) {
            console.line(&format!("  {} {failure}", console.paint(Tone::Bad, "✗")));
        }
        let progress = words.deployed_resources(seen.complete.len().min(changes.len()), changes.len(), &stack.status);
        if ended {
            console.note(&format!("  {progress}"));
            return Ok(stack);
        }
        if console.is_live() {
            console.status(Some(&format!("  {progress}")));
        } else if console.silent_for() >= super::SILENCE {
            console.note(&format!("  {progress}"));
        }
        polls.wait().await;
    }
}

/// Whether the execution of the change set has ended.
async fn has_ended(stacks: Stacks<'_>, change_set: &str) -> Result<bool, CommandError> {
    let execution = stacks.change_set(change_set).await?.execution;
    Ok(["EXECUTE_COMPLETE", "EXECUTE_FAILED"].contains(&execution.as_str()))
}

fn failed(name: &str, stack: &StackState, failure: Option<(String, String, String)>, words: Words) -> CommandError {
    let cause = match failure {
        Some((resource, kind, reason)) => format!("{resource} ({kind}): {reason}"),
        None => stack.reason.clone(),
    };
    let action = match stack.status.as_str() {
        "ROLLBACK_COMPLETE" => words.first_deployment_rolled_back(),
        "UPDATE_ROLLBACK_COMPLETE" => words.update_rolled_back(),
        _ => words.repair_stack(name),
    };
    CommandError::failed("DeploymentFailed", words.deployment_failed(name, &stack.status, cause), action)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, resource: &str, kind: &str, status: &str, reason: &str) -> StackEvent {
        let [id, resource, kind, status, reason] = [id, resource, kind, status, reason].map(str::to_owned);
        StackEvent { id, resource, kind, status, reason }
    }

    #[test]
    fn the_first_failure_is_the_cause_and_cancelled_resources_are_not() {
        let mut seen = Seen::default();
        // The events are in the order in which CloudFormation returns them, newest first.
        let failures = seen.add(vec![
            event("5", "s", STACK, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed"),
            event("4", "B", "Role", "CREATE_FAILED", "Resource creation cancelled"),
            event("3", "C", "Queue", "CREATE_FAILED", "another reason"),
            event("2", "A", "Table", "CREATE_FAILED", "no permission"),
            event("1", "D", "Topic", "CREATE_COMPLETE", ""),
        ]);
        assert_eq!(failures, ["A (Table): no permission", "C (Queue): another reason"]);
        assert_eq!(seen.newest.as_deref(), Some("5"));
        assert_eq!(seen.complete.len(), 1);
        let stack = StackState { status: "ROLLBACK_COMPLETE".into(), ..StackState::default() };
        let error = failed("acme", &stack, seen.failure, Words::default());
        assert!(error.what.contains("A (Table): no permission"), "{}", error.what);
    }

    #[test]
    fn without_new_events_the_newest_event_stays() {
        let mut seen = Seen { newest: Some("1".into()), ..Seen::default() };
        assert!(seen.add(Vec::new()).is_empty());
        assert_eq!(seen.newest.as_deref(), Some("1"));
    }
}
