//! The parts that the reports of all benchmarks share.

use std::{
    fmt::{self, Display},
    fs,
    path::Path,
    process::ExitCode,
};

use serde::Serialize;

/// A target value, and whether the measurement meets the target.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    what: &'static str,
    value: f64,
    limit: f64,
    met: bool,
}

impl Target {
    pub(crate) const fn at_most(what: &'static str, value: f64, limit: f64) -> Self {
        Self { what, value, limit, met: value <= limit }
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, value, limit, met } = self;
        let verdict = if *met { "PASS" } else { "FAIL" };
        write!(f, "{verdict}  {value:.3} {what} (at most {limit:.2})")
    }
}

/// Percentiles by the nearest-rank method: `median` is the 50th and `p90` the 90th percentile, `worst` is the maximum.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) p90: f64,
    pub(crate) worst: f64,
}

impl Spread {
    /// Computes the percentiles of measured values.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |tenths: usize| {
            values.get((values.len() * tenths).div_ceil(10).saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        Self { median: rank(5), p90: rank(9), worst: rank(10) }
    }
}

/// Converts a count to `f64`, the type of all measurements.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Converts kernel kB (1,024 bytes) to MB (1,000,000 bytes).
pub(crate) fn megabytes(kb: u64) -> f64 {
    f64::from(u32::try_from(kb).unwrap_or(u32::MAX)) * 1024.0 / 1e6
}

/// Writes the report as JSON if a file is given.
pub(crate) fn write(file: Option<&Path>, report: &impl Serialize) -> Result<(), String> {
    let Some(file) = file else { return Ok(()) };
    let json = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    fs::write(file, json + "\n").map_err(|error| format!("{}: {error}", file.display()))
}

/// Prints the report or, if the benchmark failed, the error. Returns the matching exit code.
pub(crate) fn end(bench: &str, report: Result<impl Display, String>) -> ExitCode {
    match report {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(what) => {
            eprintln!("{bench}: {what}");
            ExitCode::FAILURE
        }
    }
}
