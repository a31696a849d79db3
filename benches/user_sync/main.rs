//! `cargo bench --bench user_sync`: measures the speed, the number of calls and the memory of a user sync.
//!
//! The product's binary runs as the function `sync-users` against the local cloud, which limits request rates as
//! Connect does. There are three measurements: the binary and a boto3 script each create the same users, the binary
//! syncs a directory without changes, and the planner plans for one hundred thousand users. benches/README.md explains
//! the results.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

#[path = "../figures.rs"]
#[expect(dead_code, reason = "the other benchmarks use the other items")]
mod figures;
mod fixture;
mod lambda;
mod planning;
mod report;
#[path = "../runtime_api.rs"]
mod runtime_api;
mod script;
#[path = "../tools.rs"]
mod tools;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, ValueEnum};

use crate::{
    fixture::Fixture,
    planning::Case,
    report::{Creation, NoChange, Report},
};

/// Connect's default rate for `CreateUser`, per second.
const REAL_RATE: f64 = 2.0;
/// A high rate limit for `CreateUser`, per second. With this limit, the users that must exist before a measurement are
/// created within seconds.
const NO_THROTTLE: f64 = 10_000.0;

/// Measures the user sync under Connect's rate limits and compares it with a boto3 script.
#[derive(Debug, Parser)]
struct Args {
    /// Number of users to create.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(200..=90_000))]
    users: u32,
    /// Rate limit for the creation of users, per second. The burst is 2.5 times this rate.
    #[arg(long, default_value_t = 50.0, value_parser = rate)]
    rate: f64,
    /// Use Connect's real rate limit, 2 users per second with a burst of 5. Each of the two measurements then takes 8
    /// minutes and 18 seconds for 1,000 users.
    #[arg(long, conflicts_with = "rate")]
    real_rates: bool,
    /// Number of users for the sync without changes.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=90_000))]
    unchanged: u32,
    /// Number of group members and of Connect users for the planner.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    planned: u32,
    /// Write all measurements to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Run the planner for this case in this process and print the measurements.
    #[arg(long, hide = true)]
    plan_case: Option<Case>,
    /// Cargo passes this option to every benchmark. It has no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1.0..=50.0).contains(&rate) { Ok(rate) } else { Err("from 1 to 50".into()) }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let report = match args.plan_case {
        Some(case) => plan(case, args.planned),
        None => measure(args).map(|report| report.to_string()),
    };
    figures::end("user_sync", report)
}

fn plan(case: Case, people: u32) -> Result<String, String> {
    let planned = planning::run(case, people as usize)?;
    serde_json::to_string(&planned).map_err(|error| error.to_string())
}

#[tokio::main]
async fn measure(args: Args) -> Result<Report, String> {
    let bootstrap = args.bootstrap.clone().map_or_else(|| tools::build("bootstrap"), Ok)?;
    let python = tools::python()?;
    let planning: Result<_, _> =
        Case::value_variants().iter().map(|case| planning::measure(*case, args.planned as usize)).collect();
    let no_change = no_change(&bootstrap, args.unchanged).await?;
    let rate = if args.real_rates { REAL_RATE } else { args.rate };
    let creation = creation(&bootstrap, &python, args.users, rate).await?;
    let report = Report::new(creation, no_change, planning?);
    figures::write(args.json.as_deref(), &report)?;
    Ok(report)
}

/// Measures how the product and the script create the same users, each in a separate instance.
async fn creation(bootstrap: &Path, python: &Path, users: u32, rate: f64) -> Result<Creation, String> {
    let mut fixture = Fixture::new(users as usize, rate).await?;
    let ours = (lambda::sync(bootstrap, &fixture, false).await?, fixture.calls());
    let mut fixture = Fixture::new(users as usize, rate).await?;
    let script = (script::run(python, &fixture).await?, fixture.calls());
    Ok(Creation::new(users, rate, ours, script))
}

/// The expected field `incremental` of an output: `true`, or missing if the sync was not incremental.
fn json_flag(incremental: bool) -> serde_json::Value {
    if incremental { true.into() } else { serde_json::Value::Null }
}

/// Measures a full comparison and an incremental sync that find no differences, because another sync has created all
/// users before.
async fn no_change(bootstrap: &Path, users: u32) -> Result<NoChange, String> {
    let mut fixture = Fixture::new(users as usize, NO_THROTTLE).await?;
    lambda::sync(bootstrap, &fixture, false).await?;
    fixture.settle();
    fixture.calls();
    let mut measured = Vec::new();
    for incremental in [false, true] {
        let sync = lambda::sync(bootstrap, &fixture, incremental).await?;
        if sync.output["counts"]["unchanged"] != users || sync.output["incremental"] != json_flag(incremental) {
            return Err(format!("{users} users must stay unchanged: {}", sync.output));
        }
        measured.push((sync, fixture.calls()));
        fixture.age_changes()?;
    }
    let between = measured.pop().ok_or("nothing was measured")?;
    let complete = measured.pop().ok_or("nothing was measured")?;
    Ok(NoChange::new(users, complete, between))
}
