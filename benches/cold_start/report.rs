//! The report of the cold start benchmark, as text and as JSON.

use std::fmt;

use serde::Serialize;

use crate::{
    figures::{Spread, Target, megabytes},
    run::Sample,
};

/// All measurements of the benchmark.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    runs: usize,
    binary_bytes: u64,
    zip_bytes: u64,
    programs: [Summary; 3],
    targets: [Target; 4],
}

/// The cold starts of one program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    name: &'static str,
    ready_ms: Spread,
    answered_ms: Spread,
    peak_mb: Spread,
    samples: Vec<Sample>,
}

impl Summary {
    pub(crate) fn new(name: &'static str, samples: Vec<Sample>) -> Self {
        let of = |value: fn(&Sample) -> f64| Spread::of(samples.iter().map(value).collect());
        Self {
            name,
            ready_ms: of(|sample| sample.ready_ms),
            answered_ms: of(|sample| sample.answered_ms),
            peak_mb: of(|sample| megabytes(sample.peak_kb)),
            samples,
        }
    }
}

impl Report {
    /// Compares the programs. `programs` contains the empty program, the product's binary and the Python handler, in
    /// this order.
    pub(crate) fn new(programs: [Summary; 3], binary_bytes: u64, zip_bytes: u64) -> Self {
        let [empty, ours, python] = &programs;
        let zip = f64::from(u32::try_from(zip_bytes).unwrap_or(u32::MAX)) / 1e6;
        let targets = [
            Target::at_most(
                "percent of Python's time",
                100.0 * ours.answered_ms.median / python.answered_ms.median,
                100.0 / 35.0,
            ),
            Target::at_most("times the empty program's time", ours.answered_ms.median / empty.answered_ms.median, 3.5),
            Target::at_most(
                "percent of Python's peak memory",
                100.0 * ours.peak_mb.median / python.peak_mb.median,
                25.0,
            ),
            Target::at_most("MB of zip", zip, 4.0),
        ];
        Self { runs: ours.samples.len(), binary_bytes, zip_bytes, programs, targets }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} cold starts of each program, alternately; medians, with the 90th percentile in brackets\n",
            self.runs
        )?;
        writeln!(f, "{:<30}{:>18}{:>24}{:>18}", "", "exec to ready", "exec to first answer", "peak memory")?;
        for program in &self.programs {
            writeln!(
                f,
                "{:<30}{:>18}{:>24}{:>18}",
                program.name,
                format!("{:.2} ms ({:.2})", program.ready_ms.median, program.ready_ms.p90),
                format!("{:.2} ms ({:.2})", program.answered_ms.median, program.answered_ms.p90),
                format!("{:.1} MB", program.peak_mb.median),
            )?;
        }
        writeln!(f)?;
        for target in &self.targets {
            writeln!(f, "{target}")?;
        }
        write!(f, "\nbootstrap: {} bytes, zipped {} bytes", self.binary_bytes, self.zip_bytes)
    }
}
