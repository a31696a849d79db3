//! `onboard list`: the onboarded instances and the latest executions.

use futures_util::{
    StreamExt, TryStreamExt,
    future::{ready, try_join_all},
    stream,
};

use crate::{
    args::ListArgs,
    cloud::{
        Cloud, Machine,
        error::CommandError,
        executions::{AT_ONCE, Described, Execution},
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

/// If the operator specifies a prefix, the number of the latest executions that are searched for it. One call of
/// `ListExecutions` returns at most this number of executions.
const SEARCHED: usize = 1_000;

/// Runs the command.
///
/// # Errors
/// Fails if a request to AWS or the local cloud fails.
pub async fn run(args: ListArgs, console: &Console) -> Result<Exit, CommandError> {
    let cloud = Cloud::open(&args.target, console.words()).await?;
    // A stack that was deployed from an older release can lack some state machines.
    let listed = |machine: &Machine| *machine == Machine::Onboarding || (args.all && cloud.machine(*machine).is_ok());
    let machines = Machine::ALL.into_iter().filter(listed);
    let most = usize::from(args.most);
    let executions = try_join_all(machines.map(|machine| executions_of(&cloud, machine, args.prefix.as_deref(), most)));
    let (mut entries, executions) = tokio::try_join!(cloud.entries(), executions)?;
    entries.retain(|entry| begins(&entry.alias, args.prefix.as_deref()));
    let executions = executions.concat();
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

/// The latest executions of a state machine. With a prefix, returns only executions whose name begins with the prefix,
/// and onboardings whose instance alias begins with the prefix.
async fn executions_of(
    cloud: &Cloud,
    machine: Machine,
    prefix: Option<&str>,
    most: usize,
) -> Result<Vec<(Execution, Option<Described>)>, CommandError> {
    let searched = if prefix.is_some() { SEARCHED } else { most };
    let executions = cloud.executions(machine, None, i32::try_from(searched).unwrap_or(i32::MAX)).await?;
    if machine != Machine::Onboarding {
        let listed = executions.into_iter().filter(|execution| begins(&execution.name, prefix));
        return Ok(listed.take(most).map(|execution| (execution, None)).collect());
    }
    let described = stream::iter(executions)
        .map(async |execution| cloud.describe(&execution.arn).await.map(|described| (execution, Some(described))))
        .buffered(AT_ONCE);
    let listed = described.try_filter(|(execution, described)| {
        let alias = described.as_ref().and_then(Described::alias).unwrap_or_default();
        ready(begins(&execution.name, prefix) || begins(alias, prefix))
    });
    listed.take(most).try_collect().await
}

/// Whether a name begins with the prefix. Case is ignored, because aliases that differ only in case are the same alias.
fn begins(name: &str, prefix: Option<&str>) -> bool {
    prefix.is_none_or(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
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

/// The instance's request for approval, if the request is still waiting for a decision.
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
