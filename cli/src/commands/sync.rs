//! `onboard sync`: starts a user sync, or with `--plan` shows what a sync would change.

use onboarding_core::sync::{SyncStatus, SyncUsersOutput};
use serde_json::{Value, json};

use crate::{
    args::SyncArgs,
    cloud::{Cloud, Machine, error::CommandError, executions::name_of},
    commands::{
        follow,
        follower::{Ending, FollowOptions, Follower},
    },
    exit::Exit,
    ui::{Console, Tone},
};

/// An approval can take days, so the command stops waiting when approval is requested.
const OPTIONS: FollowOptions = FollowOptions { until_approval: true, events: false, in_this_process: false };

/// Runs the command.
///
/// # Errors
/// Fails if the sync fails or waits for approval, or the cloud is not usable.
pub async fn run(args: SyncArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(args.instance.as_deref()).await?;
    let mode = if args.plan { "plan" } else { "apply" };
    let input = json!({ "instanceId": entry.instance_id, "mode": mode, "reason": "operator" });
    let subject = format!("{}-{}", entry.alias, if args.plan { "sync-plan" } else { "sync" });
    let arn = cloud.start(Machine::UserSync, &subject, &input).await?;
    if !args.wait && !args.plan {
        console.result(&json!({ "execution": arn, "name": name_of(&arn), "alias": entry.alias }));
        console.line(&console.paint(Tone::Good, &words.started(name_of(&arn))));
        console.line(&words.follow_with(name_of(&arn), &cloud.options));
        return Ok(Exit::Done);
    }
    let mut follower = Follower::new(&cloud, cloud.describe(&arn).await?).await?;
    match follow(&mut follower, OPTIONS, console).await? {
        Ending::Interrupted => return Ok(Exit::Interrupted),
        Ending::AwaitsApproval => {
            let digest =
                cloud.entry(&entry.instance_id).await?.and_then(|entry| entry.approval_digest).unwrap_or_default();
            return Err(CommandError::undecided(
                "UnsafePlan",
                words.plan_waits(&entry.alias, &digest),
                words.approve_or_reject(&entry.alias, &digest, &cloud.options),
            ));
        }
        Ending::Ended => {}
    }
    let described = &follower.executions.root.described;
    let Some(output) = &described.output else {
        return Err(CommandError::ended(described, follower.executions.failure().map(|(state, _, _)| state), words));
    };
    console.result(output);
    Ok(print(output, console))
}

/// Prints the result of a sync.
fn print(output: &Value, console: &Console) -> Exit {
    let words = console.words();
    let Ok(result) = serde_json::from_value::<SyncUsersOutput>(output.clone()) else {
        // If the status is `BUSY`, another sync was running, and the output has fewer fields.
        let busy = output["status"] == "BUSY";
        console.line(&if busy { words.sync_busy() } else { format!("{output:#}") });
        return Exit::Done;
    };
    let done = &result.counts.done;
    let head = match result.status {
        SyncStatus::Planned => words.sync_planned(&result.digest),
        SyncStatus::Busy => words.sync_busy(),
        SyncStatus::NotApproved => words.sync_not_approved(),
        SyncStatus::UnsafePlan => words.approval_already_requested(&result.digest),
        SyncStatus::Done | SyncStatus::More => words.sync_done(),
    };
    let good = matches!(result.status, SyncStatus::Planned | SyncStatus::Done | SyncStatus::More | SyncStatus::Busy);
    console.line(&console.paint(if good { Tone::Good } else { Tone::Warn }, &head));
    if result.status == SyncStatus::Planned || !good {
        print_plan(&result, console);
    } else if result.status != SyncStatus::Busy {
        let removals = words.done_removals(done.deletions_scheduled, done.removed, done.stripped, done.signed_out);
        let counts = words.done_counts(done.created, done.adopted, done.updated, removals, done.failed);
        console.line(&format!("  {counts}"));
        lists(&result, console);
    }
    if good { Exit::Done } else { Exit::Undecided }
}

/// Prints the plan of a user sync: the counts and the lists of users.
pub(crate) fn print_plan(result: &SyncUsersOutput, console: &Console) {
    let planned = &result.counts.planned;
    let words = console.words();
    let removals =
        words.planned_removals(planned.schedule_deletion, planned.delete, planned.strip, planned.end_sessions);
    let counts = words.planned_counts(planned.create, planned.adopt, planned.update, removals, planned.managed);
    console.line(&format!("  {counts}"));
    lists(result, console);
}

fn lists(result: &SyncUsersOutput, console: &Console) {
    let words = console.words();
    let lists: [(String, Vec<String>); 5] = [
        (words.approval_reasons(), result.reasons.clone()),
        (words.removed_users(), result.removals.clone()),
        (words.failed_list(), result.failures.iter().map(|one| format!("{}: {}", one.username, one.reason)).collect()),
        (words.skipped_list(), result.skipped.iter().map(|one| format!("{}: {}", one.username, one.reason)).collect()),
        (words.findings_list(), result.findings.clone()),
    ];
    for (head, lines) in lists.iter().filter(|(_, lines)| !lines.is_empty()) {
        console.line(&console.paint(Tone::Strong, head));
        lines.iter().for_each(|line| console.line(&format!("  - {line}")));
    }
}
