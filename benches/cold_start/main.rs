//! `cargo bench --bench cold_start`: measures cold starts.
//!
//! Starts three programs repeatedly and alternately: the product's binary as the function `instance-quota`, with an
//! event that requires exactly one AWS call; a Python handler that makes the same call with boto3; and a program with
//! only `lambda_runtime`. The programs call a small Runtime API and a stub of Amazon Connect on the local machine.
//! benches/README.md explains the results.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod cloud;
#[path = "../figures.rs"]
#[expect(dead_code, reason = "the other benchmarks use the other items")]
mod figures;
mod programs;
mod report;
mod run;
#[path = "../runtime_api.rs"]
mod runtime_api;
#[path = "../tools.rs"]
mod tools;

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;

use crate::{
    report::{Report, Summary},
    run::cold_start,
};

/// Measures cold starts of the release binary, of an empty function and of a Python function.
#[derive(Debug, Parser)]
struct Args {
    /// Number of cold starts of each program.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Write all measurements, including those of each start, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Cargo passes this option to every benchmark. It has no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    figures::end("cold_start", measure(Args::parse()).await)
}

async fn measure(args: Args) -> Result<Report, String> {
    let programs = programs::prepare(args.bootstrap)?;
    let all = [&programs.empty, &programs.ours, &programs.python];
    let mut samples = [const { Vec::new() }; 3];
    // The first start of each program is not counted, because it includes the time to read the program from disk.
    for counted in (0..=args.runs).map(|round| round > 0) {
        for (program, samples) in all.iter().zip(&mut samples) {
            let sample = cold_start(program).await?;
            if counted {
                samples.push(sample);
            }
        }
    }
    let size = |file: &PathBuf| {
        fs::metadata(file).map(|file| file.len()).map_err(|error| format!("{}: {error}", file.display()))
    };
    let [empty, ours, python] = samples;
    let summaries = [
        Summary::new(programs.empty.name, empty),
        Summary::new(programs.ours.name, ours),
        Summary::new(programs.python.name, python),
    ];
    let report = Report::new(summaries, size(&programs.bootstrap)?, size(&programs.zip)?);
    figures::write(args.json.as_deref(), &report)?;
    Ok(report)
}
