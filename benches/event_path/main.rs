//! `cargo bench --bench event_path`: measures the time from a new group member in Entra to the user in Connect, and from
//! the removal of the member to the end of the user's sessions, with ten thousand existing users.
//!
//! The whole stack runs on the local cloud: the emulated Microsoft Graph sends a notification to the URL of a function.
//! From this function, the event passes through an event bus, a queue, a second function and a state machine to the
//! function that creates the user or ends its sessions. benches/README.md explains the results.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod burst;
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

/// The target for the median of each kind of change, in seconds: a third of the time that an early version
/// (commit 0a74502) needed to create a user, 1.5 seconds.
const TARGET_SECONDS: f64 = 0.5;
/// The maximum time until a change reaches Connect.
const PATIENCE: Duration = Duration::from_secs(120);
/// The default of the template parameter `SyncSchedule`, in minutes.
const SCHEDULE_MINUTES: f64 = 15.0;

/// Measures the time from a new group member in Entra to the new user in Connect, and from the removal of the member to
/// the end of the user's sessions, for one member after the other.
#[derive(Debug, Parser)]
struct Args {
    /// Number of members who already have users.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=90_000))]
    users: u32,
    /// Number of members who join the group and then leave it.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    changes: u32,
    /// Measure a burst instead: 1,000 members join 200 groups of 50 instances within a minute.
    #[arg(long, conflicts_with_all = ["users", "changes"])]
    burst: bool,
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

/// The measured times, in seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    users: u32,
    joiners: Times,
    leavers: Times,
}

/// The times of all changes of one kind.
#[derive(Debug, Serialize)]
struct Times {
    seconds: Vec<f64>,
    spread: Spread,
    target: Target,
}

/// A kind of change in Entra.
#[derive(Clone, Copy, Debug)]
enum Change {
    Join,
    Leave,
}

#[tokio::main]
async fn main() -> ExitCode {
    figures::end("event_path", measure(Args::parse()).await)
}

async fn measure(args: Args) -> Result<Box<dyn fmt::Display>, String> {
    let bootstrap = args.bootstrap.map_or_else(|| tools::build("bootstrap"), Ok)?;
    let onboard = args.onboard.map_or_else(|| tools::build("onboard"), Ok)?;
    if args.burst {
        let burst = burst::measure(&onboard, &bootstrap).await?;
        figures::write(args.json.as_deref(), &burst)?;
        return Ok(Box::new(burst));
    }
    let cloud = Cloud::onboarded(&onboard, &bootstrap, args.users).await?;
    let joiners = cloud.times(Change::Join, args.changes).await?;
    let leavers = cloud.times(Change::Leave, args.changes).await?;
    let report = Report { users: args.users, joiners, leavers };
    figures::write(args.json.as_deref(), &report)?;
    Ok(Box::new(report))
}

impl Cloud {
    /// Makes one change for each number below `changes`, and measures each of them.
    async fn times(&self, change: Change, changes: u32) -> Result<Times, String> {
        let mut seconds = Vec::new();
        for number in 0..changes {
            // Only one change at a time is made, because the benchmark does not measure how several changes affect each
            // other.
            self.until_idle().await?;
            seconds.push(self.time(change, number).await?);
        }
        let spread = Spread::of(seconds.clone());
        let target = Target::at_most(change.target(), spread.median, TARGET_SECONDS);
        Ok(Times { seconds, spread, target })
    }

    /// Returns the seconds from a change to the response to the operation that the change causes.
    async fn time(&self, change: Change, number: u32) -> Result<f64, String> {
        let mut next = self.calls(0, change.operation()).await?.0;
        let started = Instant::now();
        match change {
            Change::Join => self.joins(number).await?,
            Change::Leave => self.leaves(number).await?,
        }
        while started.elapsed() < PATIENCE {
            let (calls, succeeded) = self.calls(next, change.operation()).await?;
            if succeeded > 0 {
                return Ok(started.elapsed().as_secs_f64());
            }
            next += calls;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("change {number} ({change:?}) did not reach Connect within {} seconds", PATIENCE.as_secs()))
    }
}

impl Change {
    /// The Connect operation that the change causes.
    const fn operation(self) -> &'static str {
        match self {
            Self::Join => "CreateUser",
            Self::Leave => "DeleteAllEntitySessions",
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::Join => "s from the new member to the user, in the median",
            Self::Leave => "s from the removal to the end of the sessions, in the median",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "From a change in Entra to Connect, {} users, {} changes of each kind\n",
            self.users,
            self.joiners.seconds.len()
        )?;
        writeln!(f, "{:<44}{:>12}{:>12}{:>12}", "", "median", "p90", "worst")?;
        for (what, times) in [("new member: user created", &self.joiners), ("removal: sessions ended", &self.leavers)] {
            let spread = &times.spread;
            let [median, p90, worst] = [spread.median, spread.p90, spread.worst].map(|value| format!("{value:.2} s"));
            writeln!(f, "{what:<44}{median:>12}{p90:>12}{worst:>12}")?;
        }
        let minutes = |value: f64| format!("{value} min");
        let schedule = [0.5, 0.9, 1.0].map(|part| minutes(SCHEDULE_MINUTES * part));
        writeln!(
            f,
            "{:<44}{:>12}{:>12}{:>12}",
            "schedule alone, rate(15 minutes) [computed]", schedule[0], schedule[1], schedule[2]
        )?;
        writeln!(f, "{:<44}{:>36}\n", "Entra's provisioning service [documented]", "a cycle every 20 to 40 min")?;
        write!(f, "{}\n{}", self.joiners.target, self.leavers.target)
    }
}
