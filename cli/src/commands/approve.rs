//! `onboard approve` and `onboard reject`: record the operator's decision about changes to users that wait for
//! approval.
//!
//! The registry stores the request for approval with its digest. Both commands write the decision and the caller's ARN
//! into the registry, but only if the request still has the digest that the operator has seen. `approve` then starts a
//! user sync, which applies the approved changes. If this sync can't be started, the next user sync applies the
//! changes.

use serde_json::json;

use crate::{
    args::{ApproveArgs, RejectArgs},
    cloud::{
        Cloud, Machine,
        error::CommandError,
        executions::name_of,
        registry::{ApprovalRequest, Decision, Entry},
    },
    commands::{follower::now, interruption, prompt::confirmed, sync},
    exit::Exit,
    output::{Approved, Rejected},
    ui::{Console, Tone},
    words::Words,
};

/// Runs `approve`.
///
/// # Errors
/// Fails if no request waits for approval, if the specified digest differs from the digest of the request, or if a
/// request to AWS or the local cloud fails.
pub async fn approve(args: ApproveArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(args.instance.as_deref()).await?;
    // An operator may also approve a request that was rejected before.
    let request = current(&entry, words, |request| request.until > now() * 1_000.0)?;
    match &args.digest {
        Some(seen) if *seen == request.digest => {}
        Some(seen) => return Err(another_request(&entry, seen, words)),
        None => {
            show(&entry, &request, console);
            let Some(confirmed) = confirmed(&words.approve_question(), console).await else {
                return Ok(interruption(console));
            };
            if !confirmed {
                return Err(CommandError::undecided(
                    "NotConfirmed",
                    words.not_confirmed(),
                    words.specify_digest(&request.digest),
                ));
            }
        }
    }
    if !cloud.decide(&entry.instance_id, &request.digest, Decision::Approve).await? {
        return Err(another_request(&entry, &request.digest, words));
    }
    console.line(&console.paint(Tone::Good, &words.approved(&request.digest)));
    let input = json!({ "instanceId": entry.instance_id, "reason": "operator", "approvedDigest": request.digest });
    let execution = cloud.start(Machine::UserSync, &format!("{}-approved", entry.alias), &input).await?;
    console.line(&words.started(name_of(&execution)));
    console.note(&words.follow_with(name_of(&execution)));
    console.result(&Approved {
        alias: entry.alias,
        approved_digest: request.digest,
        name: name_of(&execution).to_owned(),
        execution,
    });
    Ok(Exit::Done)
}

/// Runs `reject`.
///
/// # Errors
/// Fails if there is no open request for approval, or if a request to AWS or the local cloud fails.
pub async fn reject(args: RejectArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(args.instance.as_deref()).await?;
    let request = current(&entry, words, |request| request.is_open(now() * 1_000.0))?;
    if !cloud.decide(&entry.instance_id, &request.digest, Decision::Reject).await? {
        return Err(another_request(&entry, &request.digest, words));
    }
    console.line(&console.paint(Tone::Good, &words.rejected(&request.digest)));
    console.result(&Rejected { alias: entry.alias, rejected_digest: request.digest });
    Ok(Exit::Done)
}

/// Returns the request for approval in the registry entry. Fails if there is none, or if `accepts` returns false for
/// it.
fn current(
    entry: &Entry,
    words: Words,
    accepts: impl Fn(&ApprovalRequest) -> bool,
) -> Result<ApprovalRequest, CommandError> {
    let request = entry.approval.clone().filter(accepts);
    let request = request
        .ok_or_else(|| CommandError::input(words.nothing_waits(&entry.alias), words.show_the_plan(&entry.alias)))?;
    if request.outdated {
        return Err(CommandError::undecided(
            "OutdatedRequest",
            words.outdated_request(&entry.alias),
            words.request_again(&entry.alias),
        ));
    }
    Ok(request)
}

fn another_request(entry: &Entry, seen: &str, words: Words) -> CommandError {
    CommandError::undecided("AnotherPlan", words.another_request(seen), words.show_the_request(&entry.alias))
}

/// Prints the changes that wait for approval.
fn show(entry: &Entry, request: &ApprovalRequest, console: &Console) {
    console.line(&console.paint(Tone::Strong, &console.words().request_of(&entry.alias, &request.digest)));
    sync::print_waiting(&request.waiting, console);
}
