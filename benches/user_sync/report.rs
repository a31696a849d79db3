//! The report of the user sync benchmark, as text and as JSON.

use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::Value;

use crate::{
    figures::{Target, megabytes, number},
    fixture::Calls,
    lambda::Synced,
    planning::{Case, Planned},
    script::Run,
};

/// All measurements of the benchmark.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    creation: Creation,
    no_change: NoChange,
    planning: Vec<Planned>,
    targets: Vec<Target>,
}

/// The measurements of the product and of the script, which both create the same users.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Creation {
    users: u32,
    rate: f64,
    floor_seconds: f64,
    ours: Created,
    script: Created,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    name: &'static str,
    created: usize,
    failed: usize,
    seconds: f64,
    times_floor: f64,
    created_per_second: f64,
    peak_mb: f64,
    calls: Calls,
    /// The durations of the sync's phases in milliseconds, as the product itself reports them.
    durations: Value,
}

/// The measurements of a sync without changes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NoChange {
    users: u32,
    seconds: f64,
    peak_mb: f64,
    most_calls: u32,
    calls: Calls,
    /// The duration and the calls of an incremental sync without changes.
    incremental_seconds: f64,
    incremental_calls: Calls,
}

impl Creation {
    /// Compares the durations of the product and of the script with the shortest duration that the rate limit allows.
    /// The burst of the limit is 2.5 times its rate, as in AWS (a burst of 5 at 2 requests per second).
    pub(crate) fn new(
        users: u32,
        rate: f64,
        (ours, our_calls): (Synced, Calls),
        (script, calls): (Run, Calls),
    ) -> Self {
        let floor_seconds = (f64::from(users) - 2.5 * rate) / rate;
        let created = |name, (created, failed), wall: Duration, peak_kb, calls, durations| {
            let seconds = wall.as_secs_f64();
            Created {
                name,
                created,
                failed,
                seconds,
                times_floor: seconds / floor_seconds,
                created_per_second: number(created) / seconds,
                peak_mb: megabytes(peak_kb),
                calls,
                durations,
            }
        };
        let count = |name: &str| {
            let count = ours.output["counts"][name].as_u64();
            count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
        };
        let done = (count("created"), count("failed"));
        let durations = ours.output["durations"].clone();
        let printed = &script.printed;
        Self {
            users,
            rate,
            floor_seconds,
            ours: created("bootstrap, sync-users", done, ours.wall, ours.peak_kb, our_calls, durations),
            script: created(
                "create_users.py, boto3",
                (printed.created, printed.failed),
                script.wall,
                printed.peak_kb,
                calls,
                Value::Null,
            ),
        }
    }
}

impl NoChange {
    /// Compares the number of calls of the full comparison with the target: one call per 999 members, one call per 500
    /// users, ten other calls, of which four prepare incremental syncs, and the calls that reserve requests: at most two
    /// calls for each five pages of users, and for each of at most five other reservations.
    pub(crate) fn new(
        users: u32,
        (sync, calls): (Synced, Calls),
        (between, incremental_calls): (Synced, Calls),
    ) -> Self {
        let (members, pages) = (users.div_ceil(999), users.div_ceil(500));
        let most_calls = members + pages + 10 + 2 * (pages.div_ceil(5) + 5);
        Self {
            users,
            seconds: sync.wall.as_secs_f64(),
            peak_mb: megabytes(sync.peak_kb),
            most_calls,
            calls,
            incremental_seconds: between.wall.as_secs_f64(),
            incremental_calls,
        }
    }
}

impl Report {
    pub(crate) fn new(creation: Creation, no_change: NoChange, planning: Vec<Planned>) -> Self {
        let most = planning.iter().map(|planned| megabytes(planned.peak_kb)).fold(0.0, f64::max);
        let targets = vec![
            Target::at_most("times the minimum duration of the creations", creation.ours.times_floor, 1.05),
            Target::at_most("calls for no change", number(no_change.calls.total), f64::from(no_change.most_calls)),
            Target::at_most(
                "calls for no change in an incremental sync",
                number(no_change.incremental_calls.total),
                5.0,
            ),
            Target::at_most(
                "times the duration of a full comparison, incremental sync",
                no_change.incremental_seconds / no_change.seconds,
                0.1,
            ),
            Target::at_most("MB, peak memory of the planner", most, 256.0),
        ];
        Self { creation, no_change, planning, targets }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { creation, no_change, planning, targets } = self;
        writeln!(f, "{creation}\n")?;
        writeln!(
            f,
            "A sync of {} users without a change: {} calls (at most {}), {:.2} s, peak memory {:.1} MB",
            no_change.users, no_change.calls.total, no_change.most_calls, no_change.seconds, no_change.peak_mb
        )?;
        for (operation, count) in &no_change.calls.by_operation {
            writeln!(f, "{count:>6}  {operation}")?;
        }
        writeln!(
            f,
            "\nAn incremental sync of these users: {} calls, {:.2} s",
            no_change.incremental_calls.total, no_change.incremental_seconds
        )?;
        for (operation, count) in &no_change.incremental_calls.by_operation {
            writeln!(f, "{count:>6}  {operation}")?;
        }
        writeln!(f, "\n{:<52}{:>12}{:>12}{:>16}{:>14}", "Planning", "plan", "digest", "directories", "peak memory")?;
        for planned in planning {
            let what = match planned.case {
                Case::InStep => "no differences",
                Case::OnePercent => "1 % joined, 1 % left, 1 % renamed",
                Case::Strangers => "all users created, all users deleted",
            };
            writeln!(
                f,
                "{:<52}{:>12}{:>12}{:>16}{:>14}",
                format!("{0} x {0}, {what}", planned.people),
                format!("{:.0} ms", planned.plan_ms),
                format!("{:.0} ms", planned.digest_ms),
                format!("{:.1} MB", megabytes(planned.directories_kb)),
                format!("{:.1} MB", megabytes(planned.peak_kb)),
            )?;
        }
        for target in targets {
            write!(f, "\n{target}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Creation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, script) = (&self.ours, &self.script);
        writeln!(
            f,
            "Creating {} users, CreateUser at {} a second with a burst of {}: {:.2} s at least\n",
            self.users,
            self.rate,
            2.5 * self.rate,
            self.floor_seconds
        )?;
        writeln!(f, "{:<24}{:>24}{:>26}{:>18}", "", ours.name, script.name, "ours / script")?;
        let mut row = |what: &str, value: fn(&Created) -> f64, digits: usize, unit: &str| {
            let (one, other) = (value(ours), value(script));
            let show = |value: f64| format!("{value:.digits$}{unit}");
            let ratio = if other > 0.0 { format!("{:.3}", one / other) } else { "-".into() };
            writeln!(f, "{what:<24}{:>24}{:>26}{ratio:>18}", show(one), show(other))
        };
        row("wall time", |run| run.seconds, 2, " s")?;
        row("times the floor", |run| run.times_floor, 3, "")?;
        row("created", |run| number(run.created), 0, "")?;
        row("failed", |run| number(run.failed), 0, "")?;
        row("created a second", |run| run.created_per_second, 2, "")?;
        row("calls", |run| number(run.calls.total), 0, "")?;
        row("of them throttled", |run| number(run.calls.throttled), 0, "")?;
        row("peak memory", |run| run.peak_mb, 1, " MB")
    }
}
