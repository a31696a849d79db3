//! `onboard report`: prints the report of an onboarding. An onboarding that could not obtain a required quota or phone
//! number fails, but only after its state `Report` has created the report. Such an onboarding therefore also has a
//! report.

use onboarding_core::contract::Report;
use serde_json::Value;

use crate::{
    args::ReportArgs,
    cloud::{
        Cloud, Machine,
        error::CommandError,
        executions::{Described, RECENT},
    },
    commands::{follower::last_output, page, result_file},
    exit::Exit,
    report,
    ui::Console,
};

/// The name of the state that creates the report of an onboarding.
const STATE: &str = "Report";

/// Runs the command.
///
/// # Errors
/// Fails if there is no report, or if a request to AWS or the local cloud fails.
pub async fn run(args: ReportArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let (described, output) = find(&cloud, args.execution.as_deref(), console).await?;
    let Some(output) = output else {
        return Err(match described.execution.status {
            aws_sdk_sfn::types::ExecutionStatus::Running => CommandError::undecided(
                "NoReportYet",
                words.no_report_yet(&described.execution.name),
                words.follow_with(&described.execution.name),
            ),
            _ => CommandError::ended(&described, None, words),
        });
    };
    if let Some(file) = &args.output {
        result_file::write(file, &format!("{output:#}\n"), words)?;
    }
    if let Some(file) = &args.html {
        let report: Report = serde_json::from_value(output.clone())
            .map_err(|error| CommandError::input(words.not_a_report(error), words.read_it_as_json()))?;
        page::write(file, &report, &cloud, described, words).await?;
    }
    console.result(&output);
    if !console.is_json() {
        show(&output, console);
    }
    Ok(Exit::Done)
}

/// Finds a report. The argument is the ARN or the name of an execution, or the alias of an instance. For an alias,
/// returns the latest report of the instance. Without an argument, returns the latest report of all instances. If none
/// of these executions has a report, returns only the execution to which the argument refers.
///
/// # Errors
/// Fails if no execution matches or Step Functions rejects a request.
pub async fn find(
    cloud: &Cloud,
    what: Option<&str>,
    console: &Console,
) -> Result<(Described, Option<Value>), CommandError> {
    let described = cloud.resolve_execution(what).await?;
    let output = of(cloud, &described).await?;
    let newest = &described.execution;
    if output.is_some() || what.is_some_and(|what| what == newest.arn || what == newest.name) {
        return Ok((described, output));
    }
    for execution in cloud.executions(Machine::Onboarding, None, RECENT).await? {
        let other = cloud.describe(&execution.arn).await?;
        if what.is_none_or(|alias| other.is_of(alias))
            && let Some(output) = of(cloud, &other).await?
        {
            console.error(&console.words().earlier_report(&newest.name, &execution.name));
            return Ok((other, Some(output)));
        }
    }
    Ok((described, None))
}

/// The report of an onboarding, if its `Report` state has finished.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub async fn of(cloud: &Cloud, described: &Described) -> Result<Option<Value>, CommandError> {
    if described.output.is_some() || described.execution.machine != Machine::Onboarding {
        return Ok(described.output.clone());
    }
    let output = last_output(cloud, &described.execution.arn, STATE).await?;
    Ok(output.and_then(|output| serde_json::from_str(&output).ok()))
}

/// Prints the report of a successful onboarding.
pub fn print(described: &Described, console: &Console) {
    if described.execution.machine == Machine::Onboarding
        && let Some(output) = &described.output
    {
        show(output, console);
    }
}

fn show(output: &Value, console: &Console) {
    match serde_json::from_value::<Report>(output.clone()) {
        Ok(report) => report::print(&report, console),
        // A report that another release created can have other fields, so it is printed as JSON.
        Err(_) => console.line(&format!("{output:#}")),
    }
}
