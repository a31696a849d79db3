//! `onboard list`: the onboarded instances and the latest executions.

use crate::{
    args::ListArgs,
    cloud::{
        Cloud, Machine,
        error::CommandError,
        executions::{Described, Execution},
        registry::{ApprovalRequest, Entry},
    },
    commands::follower::now,
    exit::Exit,
    output::{ListedExecution, ListedInstance, Listing, WaitingRequest},
    ui::{
        Console, Tone, padded,
        time::{duration, iso},
    },
};

/// Runs the command.
///
/// # Errors
/// Fails if the cloud is not usable.
pub async fn run(args: ListArgs, console: &Console) -> Result<Exit, CommandError> {
    let cloud = Cloud::open(&args.target, console.words()).await?;
    let entries = cloud.entries().await?;
    let mut executions: Vec<(Execution, Option<Described>)> = Vec::new();
    for machine in Machine::ALL {
        // A stack of an older release has fewer state machines.
        if machine != Machine::Onboarding && (!args.all || cloud.machine(machine).is_err()) {
            continue;
        }
        for execution in cloud.executions(machine, None, i32::from(args.most)).await? {
            let described =
                if machine == Machine::Onboarding { Some(cloud.describe(&execution.arn).await?) } else { None };
            executions.push((execution, described));
        }
    }
    if console.is_json() {
        let listed = |(execution, described): &(Execution, Option<Described>)| {
            execution_output(execution, described.as_ref().and_then(Described::alias))
        };
        console.result(&Listing {
            instances: entries.iter().map(entry_output).collect(),
            executions: executions.iter().map(listed).collect(),
        });
        return Ok(Exit::Done);
    }
    print(&entries, &executions, console);
    Ok(Exit::Done)
}

fn print(entries: &[Entry], executions: &[(Execution, Option<Described>)], console: &Console) {
    let words = console.words();
    console.line(&console.paint(Tone::Strong, &words.instances()));
    if entries.is_empty() {
        console.line(&format!("  {}", words.none()));
    }
    for entry in entries {
        let synced = entry
            .last_success_at
            .map_or_else(|| words.never_synced(), |at| words.synced_ago(duration(now() - at / 1_000.0)));
        console.line(&format!("  {:<24} {}  {}", entry.alias, entry.instance_id, console.paint(Tone::Faint, &synced)));
        if let Some(approval) = open_request(entry) {
            console.line(&format!(
                "    {}",
                console.paint(Tone::Warn, &words.waits_for_approval(&entry.alias, &approval.digest))
            ));
        }
        if let Some((at, failure)) = &entry.last_failure
            && entry.last_success_at.is_none_or(|success| success < *at)
        {
            console.line(&format!("    {}", console.paint(Tone::Bad, &words.last_sync_failed(failure))));
        }
    }
    console.line(&console.paint(Tone::Strong, &words.executions()));
    if executions.is_empty() {
        console.line(&format!("  {}", words.none()));
    }
    for (execution, described) in executions {
        let alias = described.as_ref().and_then(Described::alias).unwrap_or_default();
        let took = duration(execution.stopped.unwrap_or_else(now) - execution.started);
        console.line(&format!(
            "  {}  {} {:<18} {alias:<24} {took:>12}  {}",
            iso(execution.started),
            padded(&words.status(&execution.status), 12),
            execution.machine.name(),
            console.paint(Tone::Faint, &execution.name)
        ));
    }
}

/// The request of an instance that waits for an answer.
fn open_request(entry: &Entry) -> Option<&ApprovalRequest> {
    entry.approval.as_ref().filter(|request| request.is_open(now() * 1_000.0))
}

fn entry_output(entry: &Entry) -> ListedInstance {
    let time = |milliseconds: f64| iso(milliseconds / 1_000.0);
    ListedInstance {
        alias: entry.alias.clone(),
        instance_id: entry.instance_id.clone(),
        last_success_at: entry.last_success_at.map(time),
        last_run: entry.last_run.clone(),
        last_failure_at: entry.last_failure.as_ref().map(|(at, _)| time(*at)),
        last_failure: entry.last_failure.as_ref().map(|(_, failure)| failure.clone()),
        waits_for_approval: open_request(entry)
            .map(|request| WaitingRequest { digest: request.digest.clone(), until: time(request.until) }),
    }
}

fn execution_output(execution: &Execution, alias: Option<&str>) -> ListedExecution {
    ListedExecution {
        execution: execution.arn.clone(),
        name: execution.name.clone(),
        machine: execution.machine.name().to_owned(),
        status: execution.status.as_str().to_owned(),
        alias: alias.map(str::to_owned),
        started: iso(execution.started),
        stopped: execution.stopped.map(iso),
    }
}
