//! The commands `plan`, `drift`, `rotate-certificate` and `teardown`. Each command starts a state machine, waits until
//! it finishes, and prints the result.

use aws_sdk_sfn::types::ExecutionStatus;
use onboarding_core::names;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::{
    args::{ApplicationDisposition, Disposition, DriftArgs, PlanArgs, RotateArgs, TeardownArgs, input},
    cloud::{Cloud, Machine, error::CommandError, executions::Described, registry::Entry},
    commands::{
        follow,
        follower::{Ending, FollowOptions, Follower},
        interruption, planned_users,
        prompt::{Answer, ask},
        watched,
    },
    exit::Exit,
    ui::{Console, Tone, columns, padded},
    words::quoted,
};

/// Runs `plan`: shows the changes that an onboarding would make. Changes nothing.
///
/// # Errors
/// Fails if the input is invalid, the plan fails, or a request to AWS or the local cloud fails.
pub async fn plan(args: PlanArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let (input, onboarding) = input::onboarding(&args.file).map_err(|bad| CommandError::file(&bad, words))?;
    let cloud = Cloud::open(&args.target, words).await?;
    let Some(output) =
        finished(&cloud, Machine::Plan, &format!("{}-plan", onboarding.instance.alias), &input, console).await?
    else {
        return Ok(Exit::Interrupted);
    };
    console.result(&output);
    console.line(&console.paint(Tone::Strong, &words.plan_head(&onboarding.instance.alias)));
    items(&output, console);
    planned_users::print(&Vec::deserialize(&output["plannedUsers"]).unwrap_or_default(), console);
    let conflicts =
        output["items"].as_array().into_iter().flatten().filter(|item| item["action"] == "conflict").count();
    if conflicts > 0 {
        console.line(&console.paint(Tone::Warn, &words.conflicts(conflicts)));
        return Ok(Exit::Undecided);
    }
    console.note(&words.nothing_written(quoted(&args.file.display().to_string())));
    Ok(Exit::Done)
}

/// Runs `drift`: shows the differences between the settings in AWS and Entra and the input of the onboarding.
///
/// # Errors
/// Fails if the drift check fails or a request to AWS or the local cloud fails.
pub async fn drift(args: DriftArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let (subject, mut input) = about(&cloud, args.instance.as_deref(), "drift").await?;
    if args.fix {
        input["mend"] = true.into();
    }
    let Some(output) = finished(&cloud, Machine::Drift, &subject, &input, console).await? else {
        return Ok(Exit::Interrupted);
    };
    console.result(&output);
    let mut open = 0;
    for instance in output["instances"].as_array().into_iter().flatten() {
        let findings = instance["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let head = words.findings_of(text(instance, "alias"), findings.len());
        console.line(&console.paint(if findings.is_empty() { Tone::Good } else { Tone::Warn }, &head));
        for finding in findings {
            let reverted = finding["mended"] == true;
            open += usize::from(!reverted);
            let mark = if reverted { words.reverted() } else { String::new() };
            console.line(&format!("  - {} {}", text(finding, "place"), console.paint(Tone::Good, &mark)));
            console
                .line(&format!("    {}", words.expected_found(shown(&finding["expected"]), shown(&finding["found"]))));
            let advice = text(finding, "advice");
            if !reverted && !advice.is_empty() {
                console.line(&format!("    {advice}"));
            }
        }
    }
    Ok(if open == 0 { Exit::Done } else { Exit::Undecided })
}

/// Runs `rotate-certificate`: replaces the SAML signing certificate.
///
/// # Errors
/// Fails if the rotation fails or a request to AWS or the local cloud fails.
pub async fn rotate(args: RotateArgs, console: &Console) -> Result<Exit, CommandError> {
    let cloud = Cloud::open(&args.target, console.words()).await?;
    let (subject, mut input) = about(&cloud, args.instance.as_deref(), "rotate-certificate").await?;
    if args.force {
        input["force"] = true.into();
    }
    let Some(output) = finished(&cloud, Machine::RotateCertificate, &subject, &input, console).await? else {
        return Ok(Exit::Interrupted);
    };
    console.result(&output);
    let mut undecided = false;
    for instance in output["instances"].as_array().into_iter().flatten() {
        let (status, detail) = (text(instance, "status"), text(instance, "detail"));
        let needs_person = status == "NEEDS_PERSON";
        undecided |= needs_person;
        console.line(&format!(
            "{:<24} {} {}",
            text(instance, "alias"),
            console.paint(if needs_person { Tone::Warn } else { Tone::Good }, &padded(status, 12)),
            console.words().certificate(text(instance, "thumbprint"), text(instance, "expires"))
        ));
        if !detail.is_empty() {
            console.line(&format!("    {detail}"));
        }
    }
    Ok(if undecided { Exit::Undecided } else { Exit::Done })
}

/// Runs `teardown`: shows the resources that would be deleted. With `--apply`, deletes them after the operator has
/// typed the alias. The input of the state machine contains the digest of the displayed plan, so that only this plan is
/// applied.
///
/// # Errors
/// Fails if the operator does not confirm the teardown, if the teardown fails, or if a request to AWS or the local
/// cloud fails.
pub async fn teardown(args: TeardownArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(Some(&args.instance)).await?;
    if args.apply && !without_sync(&cloud, &entry, console).await? {
        return Ok(Exit::Interrupted);
    }
    let mut input = json!({
        "instanceId": entry.instance_id,
        "mode": "plan",
        "confirmAlias": entry.alias,
        "users": disposition(args.users),
        "instance": disposition(args.connect_instance),
        "application": match args.application {
            ApplicationDisposition::Keep => "keep",
            ApplicationDisposition::Empty => "empty",
            ApplicationDisposition::Delete => "delete",
        },
    });
    let subject = format!("{}-teardown-plan", entry.alias);
    let Some(plan) = finished(&cloud, Machine::Teardown, &subject, &input, console).await? else {
        return Ok(Exit::Interrupted);
    };
    console.line(&console.paint(Tone::Strong, &words.teardown_head(&entry.alias)));
    items(&plan, console);
    let apply = apply_command(&entry.alias, &input);
    if !args.apply {
        console.result(&plan);
        console.note(&words.teardown_apply(apply));
        return Ok(Exit::Done);
    }
    let typed = match args.confirm {
        Some(typed) => typed,
        None if console.can_ask() => match ask(&words.type_the_alias(&entry.alias), console).await {
            Answer::Typed(typed) => typed,
            Answer::End => String::new(),
            Answer::Interrupted => return Ok(interruption(console)),
        },
        None => String::new(),
    };
    if !names::same_alias(typed.trim(), &entry.alias) {
        return Err(CommandError::undecided(
            "NotConfirmed",
            words.not_confirmed(),
            words.confirm_with(format!("{apply} --confirm {}", entry.alias)),
        ));
    }
    input["mode"] = "apply".into();
    input["approvedDigest"] = plan["digest"].clone();
    let subject = format!("{}-teardown", entry.alias);
    let Some(output) = finished(&cloud, Machine::Teardown, &subject, &input, console).await? else {
        return Ok(Exit::Interrupted);
    };
    if output["status"] != "DONE" {
        // The plan has changed since it was displayed, so nothing was deleted. The new plan is printed.
        items(&output, console);
        let (what, how) = match running_sync(&cloud, &entry).await? {
            Some(sync) => (words.plan_changed_beside(&sync.execution.name), words.repeat_after_sync()),
            None => (words.plan_changed(), words.review_and_repeat()),
        };
        return Err(CommandError::undecided("AnotherPlan", what, how));
    }
    console.result(&output);
    items(&output, console);
    console.line(&console.paint(Tone::Good, &words.torn_down(&entry.alias)));
    Ok(Exit::Done)
}

/// Waits until no user sync of the instance is running. Otherwise, the sync could change users after the plan was
/// created, and the teardown would then reject the plan. Returns false if the operator interrupts the wait.
async fn without_sync(cloud: &Cloud, entry: &Entry, console: &Console) -> Result<bool, CommandError> {
    while let Some(sync) = running_sync(cloud, entry).await? {
        console.line(&console.words().waits_for_sync(&sync.execution.name, &entry.alias));
        let mut follower = Follower::new(cloud, sync).await?;
        // The result of the sync is not checked, because a teardown is also possible after a failed sync.
        if follow(&mut follower, FollowOptions::default(), console).await? == Ending::Interrupted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The running user sync of the instance, if there is one. The registry names it: it holds the lease of the instance
/// (only the holder may change the users), or it has released the lease and gathers requests for another pass.
async fn running_sync(cloud: &Cloud, entry: &Entry) -> Result<Option<Described>, CommandError> {
    let holder = cloud.entry(&entry.instance_id).await?.and_then(|entry| entry.lease.or(entry.gatherer));
    let Some(holder) = holder else { return Ok(None) };
    let running = |found: &Described| {
        found.execution.machine == Machine::UserSync && found.execution.status == ExecutionStatus::Running
    };
    Ok(cloud.find(&holder).await?.filter(running))
}

/// The command line with which the operator applies the teardown that has this input.
fn apply_command(alias: &str, input: &Value) -> String {
    let options = [
        ("users", "users", "keep"),
        ("connect-instance", "instance", "keep"),
        ("application", "application", "delete"),
    ];
    let specified = options.into_iter().filter(|(_, field, default)| input[field] != *default);
    let specified = specified.map(|(option, field, _)| format!(" --{option} {}", text(input, field)));
    format!("onboard teardown {alias}{} --apply", specified.collect::<String>())
}

const fn disposition(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Keep => "keep",
        Disposition::Delete => "delete",
    }
}

/// Returns the start of the execution name, and the input, for a state machine that handles either one instance or all
/// instances. The returned name ends with `what`.
async fn about(cloud: &Cloud, instance: Option<&str>, what: &str) -> Result<(String, Value), CommandError> {
    let Some(instance) = instance else { return Ok((what.to_owned(), json!({}))) };
    let entry = cloud.resolve_entry(Some(instance)).await?;
    Ok((format!("{}-{what}", entry.alias), json!({ "instanceId": entry.instance_id })))
}

/// Starts an execution and waits until it finishes. Returns `None` if the operator interrupts the wait.
///
/// # Errors
/// Fails if the execution fails or Step Functions rejects a request.
pub(super) async fn finished(
    cloud: &Cloud,
    machine: Machine,
    subject: &str,
    input: &Value,
    console: &Console,
) -> Result<Option<Value>, CommandError> {
    let arn = cloud.start(machine, subject, input).await?;
    let ended = watched(cloud, cloud.describe(&arn).await?, FollowOptions::default(), console).await?;
    Ok(ended.map(|ended| ended.output.unwrap_or_default()))
}

/// Prints the items of a plan (fields `area`, `kind`, `name`, `action`, `detail`), grouped by area. Then prints the
/// open items.
fn items(output: &Value, console: &Console) {
    let items = output["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let width = items
        .iter()
        .map(|item| columns(text(item, "kind")) + columns(text(item, "name")) + 1)
        .max()
        .unwrap_or_default();
    // The items are in the order in which the teardown or onboarding processes them, so the items of one area are not
    // always adjacent.
    let mut areas: Vec<&str> = Vec::new();
    for area in items.iter().map(|item| text(item, "area")) {
        if !areas.contains(&area) {
            areas.push(area);
        }
    }
    for area in areas {
        console.line(&console.paint(Tone::Strong, console.words().area(area)));
        for item in items.iter().filter(|item| text(item, "area") == area) {
            console.line(&line(item, width, console));
        }
    }
    let open = output["openItems"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !open.is_empty() {
        console.line(&console.paint(Tone::Strong, &console.words().open_items()));
    }
    for item in open {
        console.line(&format!("  - {}: {}", console.paint(Tone::Warn, text(item, "subject")), text(item, "what")));
        console.line(&format!("    {}", text(item, "action")));
    }
}

/// Formats an item as one line that starts with a symbol for the item's action.
fn line(item: &Value, width: usize, console: &Console) -> String {
    let action = text(item, "action");
    let (tone, mark) = match action {
        "create" => (Tone::Good, "+"),
        "change" => (Tone::Warn, "~"),
        "delete" | "empty" | "release" => (Tone::Bad, "-"),
        "conflict" => (Tone::Bad, "!"),
        "adopt" => (Tone::Good, "="),
        "wait" => (Tone::Warn, "…"),
        _ => (Tone::Faint, " "),
    };
    let what = format!("{} {}", text(item, "kind"), text(item, "name"));
    let gap = " ".repeat(width.saturating_sub(columns(&what)));
    let action = console.paint(tone, &padded(&console.words().action(action), 10));
    let line = format!("  {} {what}{gap}  {action} {}", console.paint(tone, mark), text(item, "detail"));
    line.trim_end().to_owned()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// Formats a JSON value as text: strings without quotes, other values as JSON.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_applies_a_teardown_repeats_the_options_that_differ_from_the_defaults() {
        let command = |input: &Value| apply_command("acme", input);
        let defaults = json!({ "users": "keep", "instance": "keep", "application": "delete" });
        assert_eq!(command(&defaults), "onboard teardown acme --apply");
        let all = json!({ "users": "delete", "instance": "delete", "application": "empty" });
        assert_eq!(
            command(&all),
            "onboard teardown acme --users delete --connect-instance delete --application empty --apply"
        );
    }
}
