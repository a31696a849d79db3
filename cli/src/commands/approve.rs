//! `onboard approve` and `onboard reject`: the operator's decision about a plan above the removal limit.
//!
//! The registry stores the plan's digest and, encrypted, the task token of the execution that waits for approval. The
//! token resumes exactly this execution, and this execution applies exactly the plan with this digest. Tokens are never
//! printed or logged.

use std::io::{self, BufRead, IsTerminal, Write};

use aws_sdk_sfn::types::ExecutionStatus;
use onboarding_core::sync::SyncUsersOutput;
use serde_json::json;

use crate::{
    args::{ApproveArgs, RejectArgs},
    cloud::{
        Cloud, Machine,
        error::CommandError,
        registry::{Approval, Entry},
    },
    commands::{
        follower::{last_output, now},
        sync,
    },
    exit::Exit,
    ui::{Console, Tone},
    words::Words,
};

/// Runs `approve`.
///
/// # Errors
/// Fails if no plan waits for approval, the given digest is not that of the waiting plan, or the cloud is not usable.
pub async fn approve(args: ApproveArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(args.instance.as_deref()).await?;
    let approval = waiting(&entry, words)?;
    match &args.digest {
        Some(seen) if *seen == approval.digest => {}
        Some(seen) => {
            return Err(CommandError::undecided(
                "AnotherPlan",
                words.another_plan(seen, &approval.digest),
                words.show_the_plan(&entry.alias),
            ));
        }
        None => {
            show(&cloud, &entry, &approval, console).await?;
            if !confirmed(&words.approve_question(), console) {
                return Err(CommandError::undecided(
                    "NotConfirmed",
                    words.not_confirmed(),
                    words.specify_digest(&approval.digest),
                ));
            }
        }
    }
    let answer = json!({ "approvedDigest": approval.digest });
    let sent = cloud.sfn.send_task_success().task_token(&approval.token).output(answer.to_string()).send().await;
    sent.map_err(|error| {
        let gone =
            error.as_service_error().is_some_and(|error| error.is_task_does_not_exist() || error.is_task_timed_out());
        if gone { gone_trouble(&entry, words) } else { CommandError::of(words, &words.responding(), &error) }
    })?;
    console.result(&json!({ "alias": entry.alias, "approvedDigest": approval.digest }));
    console.line(&console.paint(Tone::Good, &words.approved(&approval.digest)));
    Ok(Exit::Done)
}

/// Runs `reject`.
///
/// # Errors
/// Fails if no plan waits for approval or the cloud is not usable.
pub async fn reject(args: RejectArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(args.instance.as_deref()).await?;
    let approval = waiting(&entry, words)?;
    let sent = cloud.sfn.send_task_failure().task_token(&approval.token).error("NotApproved").send().await;
    sent.map_err(|error| {
        let gone =
            error.as_service_error().is_some_and(|error| error.is_task_does_not_exist() || error.is_task_timed_out());
        if gone { gone_trouble(&entry, words) } else { CommandError::of(words, &words.responding(), &error) }
    })?;
    console.result(&json!({ "alias": entry.alias, "rejectedDigest": approval.digest }));
    console.line(&console.paint(Tone::Good, &words.rejected(&approval.digest)));
    Ok(Exit::Done)
}

fn waiting(entry: &Entry, words: Words) -> Result<Approval, CommandError> {
    let approval = entry.approval.clone().filter(|approval| approval.until > now() * 1_000.0);
    approval.ok_or_else(|| CommandError::input(words.nothing_waits(&entry.alias), words.show_the_plan(&entry.alias)))
}

fn gone_trouble(entry: &Entry, words: Words) -> CommandError {
    CommandError::undecided("NobodyWaits", words.no_execution_waits(&entry.alias), words.show_the_plan(&entry.alias))
}

/// Prints the plan that waits for approval. The plan is read from the history of the execution that requested approval.
async fn show(cloud: &Cloud, entry: &Entry, approval: &Approval, console: &Console) -> Result<(), CommandError> {
    console.line(&console.paint(Tone::Strong, &console.words().plan_of(&entry.alias, &approval.digest)));
    for execution in cloud.executions(Machine::UserSync, Some(ExecutionStatus::Running), 100).await? {
        let Some(output) = last_output(cloud, &execution.arn, "SyncUsers").await? else { continue };
        let Ok(output) = serde_json::from_str::<SyncUsersOutput>(&output) else { continue };
        if output.digest == approval.digest {
            sync::print_plan(&output, console);
            return Ok(());
        }
    }
    Ok(())
}

/// Asks a yes/no question on the terminal. Returns false without a terminal.
pub(crate) fn confirmed(question: &str, console: &Console) -> bool {
    if console.is_json() || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return false;
    }
    print_question(question);
    let answer = io::stdin().lock().lines().next().and_then(Result::ok).unwrap_or_default();
    ["y", "yes", "はい"].contains(&answer.trim().to_lowercase().as_str())
}

/// Prints a question without a line break, so that the operator types the answer on the same line.
pub(crate) fn print_question(question: &str) {
    let mut out = io::stdout().lock();
    let _ = write!(out, "{question} ");
    let _ = out.flush();
}
