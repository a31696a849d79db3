//! `cargo bench --bench event_path`: measures the time from a change in Entra to the user in Connect, with ten thousand
//! existing users.
//!
//! The whole stack runs on the local cloud: the emulated Microsoft Graph sends a notification to the URL of a function.
//! From this function, the event passes through an event bus, a queue, a second function and a state machine to the
//! function that creates the user. benches/README.md explains the results.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod cloud;
#[path = "../figures.rs"]
#[expect(dead_code, reason = "the other benchmarks use the other items")]
mod figures;
#[path = "../tools.rs"]
#[expect(dead_code, reason = "the other benchmarks use the other items")]
mod tools;

use std::{
    fmt,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use serde::Serialize;

use crate::{
    cloud::Cloud,
    figures::{Spread, Target},
};

/// The target for the median, in seconds.
const TARGET_SECONDS: f64 = 2.0;
/// The default of the template parameter `SyncSchedule`, in minutes.
const SCHEDULE_MINUTES: f64 = 15.0;

/// Measures the time from a new group member in Entra to the new user in Connect, for one member after the other.
#[derive(Debug, Parser)]
struct Args {
    /// Number of members who already have users.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=90_000))]
    users: u32,
    /// Number of members who join the group.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    changes: u32,
    /// Write all measurements to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this binary of the functions instead of building one.
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Run the local cloud with this `onboard` binary instead of building one.
    #[arg(long, value_name = "FILE")]
    onboard: Option<PathBuf>,
    /// Cargo passes this option to every benchmark. It has no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The measured times from a change to the user, in seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    users: u32,
    seconds: Vec<f64>,
    spread: Spread,
    target: Target,
}

#[tokio::main]
async fn main() -> ExitCode {
    figures::end("event_path", measure(Args::parse()).await)
}

async fn measure(args: Args) -> Result<Report, String> {
    let bootstrap = args.bootstrap.map_or_else(|| tools::build("bootstrap"), Ok)?;
    let onboard = args.onboard.map_or_else(|| tools::build("onboard"), Ok)?;
    let cloud = Cloud::start(&onboard, &bootstrap, args.users).await?;
    let mut seconds = Vec::new();
    for number in 0..args.changes {
        // Only one change at a time is made, because the benchmark does not measure how several changes affect each
        // other.
        cloud.until_idle().await?;
        let seen = cloud.created(0).await?.0;
        let started = Instant::now();
        cloud.joins(number).await?;
        let mut next = seen;
        loop {
            let (calls, created) = cloud.created(next).await?;
            next += calls;
            if created > 0 {
                break;
            }
            if started.elapsed() > Duration::from_secs(120) {
                return Err(format!("change {number} did not reach Connect within two minutes"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    let report = Report::new(args.users, seconds);
    figures::write(args.json.as_deref(), &report)?;
    Ok(report)
}

impl Report {
    fn new(users: u32, seconds: Vec<f64>) -> Self {
        let spread = Spread::of(seconds.clone());
        let target = Target::at_most("s in the median", spread.median, TARGET_SECONDS);
        Self { users, seconds, spread, target }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "From a change in Entra to the user in Connect, {} users, {} changes\n",
            self.users,
            self.seconds.len()
        )?;
        writeln!(f, "{:<44}{:>12}{:>12}{:>12}", "", "median", "p90", "worst")?;
        let ours = [self.spread.median, self.spread.p90, self.spread.worst].map(|value| format!("{value:.2} s"));
        writeln!(f, "{:<44}{:>12}{:>12}{:>12}", "notification, this stack", ours[0], ours[1], ours[2])?;
        let minutes = |value: f64| format!("{value} min");
        let schedule = [0.5, 0.9, 1.0].map(|part| minutes(SCHEDULE_MINUTES * part));
        writeln!(
            f,
            "{:<44}{:>12}{:>12}{:>12}",
            "schedule alone, rate(15 minutes) [computed]", schedule[0], schedule[1], schedule[2]
        )?;
        writeln!(f, "{:<44}{:>36}\n", "Entra's provisioning service [documented]", "a cycle every 20 to 40 min")?;
        write!(f, "{}", self.target)
    }
}
