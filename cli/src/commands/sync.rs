//! `onboard sync`: starts a user sync. With `--plan`, shows what a sync would change.

use onboarding_core::sync::{GuardedUser, SyncStatus, SyncUsersOutput, WaitingPart};
use serde_json::{Value, json};

use crate::{
    args::SyncArgs,
    cloud::{Cloud, Machine, error::CommandError, executions::name_of},
    commands::{
        follow,
        follower::{Ending, FollowOptions, Follower},
        planned_users,
    },
    exit::Exit,
    output::Started,
    ui::{Console, Tone},
};

/// Runs the command.
///
/// # Errors
/// Fails if the sync fails or a request to AWS or the local cloud fails.
pub async fn run(args: SyncArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(args.instance.as_deref()).await?;
    let mode = if args.plan { "plan" } else { "apply" };
    let input = json!({ "instanceId": entry.instance_id, "mode": mode, "reason": "operator" });
    let subject = format!("{}-{}", entry.alias, if args.plan { "sync-plan" } else { "sync" });
    let arn = cloud.start(Machine::UserSync, &subject, &input).await?;
    if !args.wait && !args.plan {
        console.result(&Started { execution: arn.clone(), name: name_of(&arn).to_owned(), alias: entry.alias.clone() });
        console.line(&console.paint(Tone::Good, &words.started(name_of(&arn))));
        console.note(&words.follow_with(name_of(&arn)));
        return Ok(Exit::Done);
    }
    let mut follower = Follower::new(&cloud, cloud.describe(&arn).await?).await?;
    if follow(&mut follower, FollowOptions::default(), console).await? == Ending::Interrupted {
        return Ok(Exit::Interrupted);
    }
    let described = &follower.executions.root.described;
    let Some(output) = &described.output else {
        return Err(CommandError::ended(described, follower.executions.failure().map(|(state, _, _)| state), words));
    };
    console.result(output);
    Ok(print(output, &entry.alias, console))
}

/// Prints the result of a sync of the instance with this alias.
fn print(output: &Value, alias: &str, console: &Console) -> Exit {
    let words = console.words();
    let Ok(result) = serde_json::from_value::<SyncUsersOutput>(output.clone()) else {
        // If another sync was running, the status is `BUSY`, and the output has fewer fields.
        let busy = output["status"] == "BUSY";
        console.line(&if busy { words.sync_busy() } else { format!("{output:#}") });
        return Exit::Done;
    };
    let done = &result.counts.done;
    let head = match result.status {
        SyncStatus::Planned => words.sync_planned(&result.digest),
        SyncStatus::Busy => words.sync_busy(),
        SyncStatus::NotApproved => words.sync_not_approved(),
        SyncStatus::UnsafePlan => words.part_waits(alias, &result.digest),
        SyncStatus::Done | SyncStatus::More => words.sync_done(),
    };
    let good = matches!(result.status, SyncStatus::Planned | SyncStatus::Done | SyncStatus::More | SyncStatus::Busy);
    console.line(&console.paint(if good { Tone::Good } else { Tone::Warn }, &head));
    if matches!(result.status, SyncStatus::Planned | SyncStatus::NotApproved) {
        print_plan(&result, console);
    } else if result.status != SyncStatus::Busy {
        let removals = words.done_removals(done.deletions_scheduled, done.removed, done.stripped, done.signed_out);
        let counts = words.done_counts(done.created, done.adopted, done.updated, removals, done.failed);
        console.line(&format!("  {counts}"));
        if done.quick_connects_deleted + done.quick_connects_transferred > 0 {
            let line = words.quick_connects_done(done.quick_connects_deleted, done.quick_connects_transferred);
            console.line(&format!("  {line}"));
        }
        if let Some(approved) = &result.approved {
            console.line(&format!(
                "  {}",
                words.approved_by(approved.actions, &approved.approved_by, &approved.approved_at)
            ));
        }
        lists(&result, console);
    }
    if result.status == SyncStatus::UnsafePlan {
        console.line(&words.approve_or_reject(alias, &result.digest));
    }
    if good { Exit::Done } else { Exit::Undecided }
}

/// Prints the plan of a user sync: the counts and the lists of users.
fn print_plan(result: &SyncUsersOutput, console: &Console) {
    let planned = &result.counts.planned;
    let words = console.words();
    let removals =
        words.planned_removals(planned.schedule_deletion, planned.delete, planned.strip, planned.end_sessions);
    let counts = words.planned_counts(planned.create, planned.adopt, planned.update, removals, planned.managed);
    console.line(&format!("  {counts}"));
    if planned.quick_connects > 0 {
        console.line(&format!("  {}", words.quick_connects_planned(planned.quick_connects)));
    }
    planned_users::print(&result.planned_users, console);
    list(console, &console.words().removed_users(), &result.removals);
    lists(result, console);
}

fn lists(result: &SyncUsersOutput, console: &Console) {
    let words = console.words();
    if let Some(waiting) = &result.waiting {
        print_waiting(waiting, console);
    }
    let failures = result.failures.iter().map(|one| format!("{}: {}", one.username, one.reason)).collect::<Vec<_>>();
    list(console, &words.failed_list(), &failures);
    let skipped = result.skipped.iter().map(|one| format!("{}: {}", one.username, one.reason)).collect::<Vec<_>>();
    list(console, &words.skipped_list(), &skipped);
    list(console, &words.findings_list(), &result.findings);
}

/// Prints the changes that wait for approval.
pub(crate) fn print_waiting(waiting: &WaitingPart, console: &Console) {
    let words = console.words();
    let users = |users: &[GuardedUser]| -> Vec<String> {
        users.iter().map(|one| format!("{}: {}", one.username, words.guarded_action(one.action))).collect()
    };
    list(console, &words.approval_reasons(), &waiting.reasons);
    list(console, &words.waiting_users(waiting.actions), &users(&waiting.users));
    list(console, &words.added_users(waiting.added), &users(&waiting.added_users));
    if let Some(operator) = &waiting.rejected_by {
        console.line(&words.rejected_by(operator));
    }
}

fn list(console: &Console, head: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    console.line(&console.paint(Tone::Strong, head));
    lines.iter().for_each(|line| console.line(&format!("  - {line}")));
}
