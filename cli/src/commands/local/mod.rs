//! `onboard local`: runs a complete onboarding on this machine. The real template, state machines and functions run
//! against an AWS emulator, and against the stand-in, which is the part of this project that emulates the services that
//! the AWS emulator lacks (Connect, Service Quotas, Support and Entra ID).
//!
//! Steps of a run: [`plan`] reads and validates the input. [`bootstrap`] finds the binary of the Lambda functions. The
//! crate `local_cloud` starts the emulator and the stand-in, and deploys the stack. [`execution`] runs the workflow.
//! [`rehearsal`] tests the sign-in of a user. [`report`] prints the result. Dropping [`Cloud`] stops all started
//! processes, even after an error.

pub mod again;
pub mod bootstrap;
pub mod execution;
pub mod failure;
pub mod plan;
pub mod rehearsal;
pub mod tenant;

use std::{
    cell::Cell,
    fmt::Write,
    fs,
    future::Future,
    path::Path,
    time::{Duration, Instant},
};

use local_cloud::{
    cloud::{Cloud, Settings},
    emulator::{Deployment, Stack, Venv, Workspace, deploy, launcher, venv},
    stand_in::assumptions::{self, Text},
};
use onboarding_core::contract::Report;
use serde_json::Value;

use self::{again::Call, execution::Workflow, failure::Failure, plan::Plan};
use crate::{
    args::{HELP, LocalArgs},
    cloud::kept::{Kept, Published},
    commands::{interrupted, print_error},
    exit::Exit,
    output::{Event, Information},
    report,
    ui::{Console, Tone, padded},
    words::{Lang, Words},
};

/// After this time without output, a progress message is printed.
const SILENCE: Duration = Duration::from_secs(4);

/// Runs the command.
pub fn run(args: LocalArgs, console: &Console) -> Exit {
    if args.assume.iter().any(|name| name == HELP) {
        let list = listed(console.words()).trim_end().to_owned();
        if console.is_json() {
            console.result(&Information { text: list });
        } else {
            console.raw(&list);
        }
        return Exit::Done;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::not_started(|words| (words.no_threads(&error), words.try_again()));
            return print_error(console, &failure.error(console.words()));
        }
    };
    match runtime.block_on(prepared(args, console)) {
        Ok(()) => Exit::Done,
        Err(failure) => print_error(console, &failure.error(console.words())),
    }
}

/// The text that lists all assumptions of the local cloud, each with both readings.
fn listed(words: Words) -> String {
    let text = |text: Text| if words.0 == Lang::Ja { text.ja } else { text.en };
    let mut all = String::new();
    for row in assumptions::all() {
        let (assumed, other) = (text(row.assumed), text(row.other));
        let _ = writeln!(all, "{}\n  {}\n  {}\n", row.name, words.assumed(assumed), words.other_reading(other));
    }
    all
}

/// Validates the input, creates the directory of the run, and runs the onboarding. If the run fails, copies the logs
/// from this directory, so that they are kept.
async fn prepared(args: LocalArgs, console: &Console) -> Result<(), Failure> {
    let workspace = Workspace::find()?;
    let plan = Plan::read(&args, &workspace)?;
    let folder = workspace.run_folder()?;
    let kept = Cell::new(None);
    let result = tokio::select! {
        result = onboard(args, &plan, &workspace, folder.path(), console, &kept) => result,
        // With `--keep`, Ctrl-C is the normal way to end the run. The result is then the one that `kept` contains.
        () = interrupted() => kept.take().unwrap_or(Err(Failure::Interrupted)),
    };
    if matches!(
        result,
        Err(Failure::NotStarted(_) | Failure::Workflow { .. } | Failure::SignIn { .. } | Failure::Changed(_))
    ) && let Ok(Some(kept)) = workspace.keep_logs(folder.path())
    {
        console.error(&console.words().logs_of_this_run(kept.display()));
    }
    result
}

async fn onboard(
    args: LocalArgs,
    plan: &Plan,
    workspace: &Workspace,
    folder: &Path,
    console: &Console,
    kept: &Cell<Option<Result<(), Failure>>>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let alias = &plan.onboarding.instance.alias;
    let words = console.words();
    console.note(&console.paint(Tone::Strong, &words.onboarding_locally(alias)));
    let bootstrap = bootstrap::find(args.bootstrap.clone(), workspace)?;
    let venv = phase(&words.tools_ready(), console, installed(workspace, console)).await?;
    let cloud = phase(&words.cloud_started(), console, start_cloud(&args, plan, &venv, folder)).await?;
    let stack =
        phase(&words.stack_deployed(), console, deployed(&cloud, plan, &venv, workspace, folder, &bootstrap)).await?;
    // Fault rules (which make calls fail on purpose) must not apply to the calls of the deployment, so they are added
    // after the deployment.
    for (index, rule) in plan.faults.iter().enumerate() {
        cloud.stand_in().add_fault(rule.clone()).map_err(|error| {
            plan::invalid_rule(args.faults.as_deref().unwrap_or(Path::new("faults")), index, &error)
        })?;
    }
    if args.idle {
        let published = publish(&cloud, &stack, args.clock_scale, workspace, console)?;
        return keep(published, Ok(()), kept).await;
    }
    let workflow = Workflow::new(cloud.emulator_url(), &stack, args.clock_scale, console);
    let result = executions(&workflow, &cloud, args.again, plan, console).await;
    if result.is_err() {
        // If the logs can't be saved, this error is ignored, because it would hide why the run failed.
        let _ = deploy::save_function_logs(&venv, folder, cloud.emulator_url()).await;
    }
    // The inventory (a list of all resources in the local cloud) is written even if the run failed, because it helps to
    // find the cause.
    let mut written = match &args.inventory {
        Some(file) => write(file, &cloud.stand_in().inventory().await, words),
        None => Ok(()),
    };
    for rule in cloud.stand_in().unused_faults() {
        console.line(&console.paint(Tone::Warn, &words.unused_fault_rule(rule)));
    }
    let (output, report) = result?;
    if let Some(rehearsal) = rehearsal::run(cloud.stand_in(), &report).await? {
        let told = match rehearsal.page {
            Some(page) => words.signed_in_on(rehearsal.username, page),
            None => words.signed_in_as(rehearsal.username),
        };
        console.line(&format!("  {} {told}", console.paint(Tone::Good, "✓")));
    }
    for violation in cloud.stand_in().violations() {
        console.line(&console.paint(Tone::Warn, &words.violates_models(violation)));
    }
    // The report is printed before the files are written, so that the report is not lost if the disk is full.
    console.result(&output);
    report::print(&report, console);
    written = written.and(recorded(&args, &cloud, folder, words));
    if let Some(file) = &args.output {
        written = written.and(write(file, &output, words));
    }
    if let Some(file) = &args.html {
        written = written.and(workflow.write_page(file, &report).await);
    }
    let changed = if args.again { compared(&cloud, console) } else { Ok(()) };
    if args.keep && changed.is_ok() {
        if let Err(failure) = &written {
            console.failure(&failure.error(words).what);
        }
        let published = publish(&cloud, &stack, args.clock_scale, workspace, console)?;
        return keep(published, written, kept).await;
    }
    cloud.stop().await;
    let took = format!("{:.1}", started.elapsed().as_secs_f64());
    console.note(&console.paint(Tone::Faint, &format!("\n{}", words.cloud_stopped(took))));
    changed.and(written)
}

/// Checks that the local cloud was able to write all calls to the file of `--record`, and all expressions to the file
/// of `--record-expressions`.
fn recorded(args: &LocalArgs, cloud: &Cloud, folder: &Path, words: Words) -> Result<(), Failure> {
    let calls = args.record.as_ref().zip(cloud.stand_in().record_incomplete().map(ToOwned::to_owned));
    let expressions = args.record_expressions.as_ref().zip(launcher::expressions_incomplete(folder));
    match calls.or(expressions) {
        Some((file, error)) => Err(Failure::NotWritten(words.not_written(file.display(), error))),
        None => Ok(()),
    }
}

/// Deploys the stack into the emulator.
async fn deployed(
    cloud: &Cloud,
    plan: &Plan,
    venv: &Venv,
    workspace: &Workspace,
    folder: &Path,
    bootstrap: &Path,
) -> Result<Stack, Failure> {
    let deployment = Deployment {
        venv,
        workspace,
        bootstrap,
        folder,
        emulator: cloud.emulator_url(),
        stack: Stack::NAME,
        parameters: &cloud.parameters(),
        credentials: cloud.credentials(),
        stand_in: &cloud.stand_in().aws_url(),
        documents: &plan.documents(),
    };
    Ok(deployment.run().await?)
}

/// Runs the onboarding. If `again` is true, runs it a second time afterwards. Returns the output and the report of the
/// first execution.
async fn executions(
    workflow: &Workflow<'_>,
    cloud: &Cloud,
    again: bool,
    plan: &Plan,
    console: &Console,
) -> Result<(Value, Report), Failure> {
    let output = execution(workflow, cloud, 1, plan, console).await?;
    let report = read(&output)?;
    if again {
        execution(workflow, cloud, 2, plan, console).await?;
    }
    Ok((output, report))
}

/// Installs the emulator if it is not installed yet, and shows pip's messages.
async fn installed(workspace: &Workspace, console: &Console) -> Result<Venv, Failure> {
    let mut begun = false;
    let installed = venv::prepare(workspace, &mut |progress| {
        if !begun {
            console
                .note(&console.paint(Tone::Faint, &console.words().installing_emulator(workspace.cache().display())));
        }
        begun = true;
        console.status(Some(progress));
    })
    .await;
    console.status(None);
    Ok(installed?)
}

/// Starts the local cloud with the settings from the arguments and the input files.
async fn start_cloud(args: &LocalArgs, plan: &Plan, venv: &Venv, folder: &Path) -> Result<Cloud, Failure> {
    let settings = Settings {
        tenant: plan.tenant.clone(),
        credential: args.credential.into(),
        clock_scale: args.clock_scale,
        assume: plan.assume.clone(),
        real_rates: args.real_rates,
        fresh_account: args.fresh_account,
        record: args.record.clone(),
        record_expressions: args.record_expressions.clone(),
    };
    Ok(Cloud::start(settings, venv, folder).await?)
}

/// Writes the addresses of the local cloud to the file that commands with `--local` read. Dropping the returned value
/// removes this file.
fn publish(
    cloud: &Cloud,
    stack: &Stack,
    clock_scale: f64,
    workspace: &Workspace,
    console: &Console,
) -> Result<Published, Failure> {
    let file = Kept::file(workspace);
    let published = Kept::of(cloud, stack, clock_scale)
        .publish(file.clone())
        .map_err(|error| Failure::NotWritten(console.words().not_written(file.display(), error)))?;
    console.result(&Event::Running { file: file.display().to_string() });
    console.line(&format!("\n{}", console.words().cloud_keeps_running(file.display())));
    Ok(published)
}

/// Keeps the local cloud running: stores `result` and never returns. When the operator interrupts the program, the
/// program ends with `result`.
async fn keep(
    _published: Published,
    result: Result<(), Failure>,
    kept: &Cell<Option<Result<(), Failure>>>,
) -> Result<(), Failure> {
    kept.set(Some(result));
    std::future::pending().await
}

/// Runs one execution of the onboarding state machine and shows its progress.
async fn execution(
    workflow: &Workflow<'_>,
    cloud: &Cloud,
    number: u32,
    plan: &Plan,
    console: &Console,
) -> Result<Value, Failure> {
    let alias = &plan.onboarding.instance.alias;
    cloud.stand_in().set_run(number);
    let words = console.words();
    let head = if number == 1 { words.the_workflow() } else { words.the_workflow_again() };
    console.note(&console.paint(Tone::Strong, &head));
    let started = Instant::now();
    let run = format!("{alias}-{number}");
    let execution = workflow.run(&run, &plan.input);
    // On a terminal, the drawing of the states is updated continuously, so no further progress messages are needed.
    let output = if console.is_live() { execution.await } else { never_silent(&head, console, execution).await }?;
    took(&words.workflow_succeeded(), started, console);
    Ok(output)
}

/// Checks that the second execution of the onboarding changed no resource.
fn compared(cloud: &Cloud, console: &Console) -> Result<(), Failure> {
    let calls = cloud.stand_in().calls();
    // Two kinds of changes are expected and ignored. First, every onboarding acquires and releases the lock of the
    // alias, which prevents simultaneous onboardings (function `LockAlias`). Second, the function `SyncUsers` and Step
    // Functions itself, without a function, write the registry: for example the lease, which prevents simultaneous
    // changes to the users.
    let leases = |function: &String, service: &str| {
        function.contains("LockAlias") || (function.contains("SyncUsers") && service == "dynamodb")
    };
    let second = calls.iter().filter(|call| call.run == 2).filter(|call| match &call.function {
        Some(function) => !leases(function, &call.service),
        None => call.state.is_none(),
    });
    let count = second.clone().count();
    let changing = again::changing(second.map(|call| Call {
        service: &call.service,
        operation: &call.operation,
        method: &call.method,
        path: &call.path,
        status: call.status,
    }));
    if changing.is_empty() {
        console.line(&console.paint(Tone::Good, &console.words().nothing_changed_by_second_run(count)));
        Ok(())
    } else {
        Err(Failure::Changed(changing))
    }
}

/// Runs one phase of a local run and prints its duration.
async fn phase<T>(name: &str, console: &Console, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let started = Instant::now();
    let result = never_silent(name, console, work).await?;
    console.status(None);
    took(name, started, console);
    Ok(result)
}

/// Runs `work`, which is one phase of a local run. Prints a progress message whenever there was no output for
/// [`SILENCE`].
async fn never_silent<T>(name: &str, console: &Console, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    tokio::pin!(work);
    loop {
        let patience = SILENCE.saturating_sub(console.silent_for()).max(Duration::from_millis(100));
        if let Ok(result) = tokio::time::timeout(patience, &mut work).await {
            return result;
        }
        let waits = format!("  {}", console.words().waits_for(name, started.elapsed().as_secs()));
        if console.is_live() {
            console.status(Some(&waits));
        } else if console.silent_for() >= SILENCE {
            console.note(&waits);
        }
    }
}

fn took(what: &str, started: Instant, console: &Console) {
    let (mark, seconds) = (console.paint(Tone::Good, "✓"), started.elapsed().as_secs_f64());
    console.note(&format!("  {mark} {}{seconds:>8.2} s", padded(what, 28)));
}

fn read(output: &Value) -> Result<Report, Failure> {
    serde_json::from_value(output.clone()).map_err(|error| Failure::Workflow {
        state: None,
        error: "States.Runtime".into(),
        cause: format!("the execution's output is not a report: {error}"),
    })
}

fn write(file: &Path, value: &Value, words: Words) -> Result<(), Failure> {
    fs::write(file, format!("{value:#}\n"))
        .map_err(|error| Failure::NotWritten(words.not_written(file.display(), error)))
}
