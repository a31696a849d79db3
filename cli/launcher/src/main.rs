//! `cargo onboard` (the alias in `.cargo/config.toml`): builds `onboard` and then becomes it.
//!
//! It has no dependency, so it runs a second after a checkout. From there the first run is prepared as one: for `onboard
//! local` a single cargo builds the tool and the functions, and the emulator's environment is made beside it. What both do
//! is shown, at least every few seconds.

mod cargo;
mod environment;
mod progress;

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use progress::Progress;

/// The checkout that this program was built from.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Names the functions' binary to `onboard local`; see `cli/src/args/local.rs`.
const BOOTSTRAP: &str = "ONBOARD_BOOTSTRAP";
/// Cargo's own exit code when a build fails.
const NOT_BUILT: u8 = 101;

fn main() -> ExitCode {
    match launch(std::env::args_os().skip(1).collect()) {
        Ok(code) => code,
        Err(what) => {
            eprintln!("cargo onboard: {what}");
            ExitCode::from(NOT_BUILT)
        }
    }
}

/// Builds what the arguments need, and becomes `onboard`; returns only if that fails.
fn launch(arguments: Vec<OsString>) -> Result<ExitCode, String> {
    let programs = programs()?;
    let local = arguments.iter().any(|argument| argument == "local");
    let given = std::env::var_os(BOOTSTRAP).is_some() || arguments.iter().any(|argument| argument == "--bootstrap");
    let build_functions = local && !given;
    let progress = Progress::default();
    let environment = local.then(|| environment::prepare(Path::new(ROOT), &progress));
    let built = cargo::build(Path::new(ROOT), build_functions, &progress)?;
    if !built {
        return Ok(ExitCode::from(NOT_BUILT));
    }
    if let Some(environment) = environment {
        // Its failure is not told here: `onboard local` makes the environment again and explains what is missing.
        let _ = environment.join();
    }
    progress.end();
    let mut onboard = Command::new(programs.join("onboard"));
    onboard.args(arguments);
    if build_functions {
        onboard.env(BOOTSTRAP, programs.join("bootstrap"));
    }
    Err(format!("{} did not start: {}", programs.join("onboard").display(), onboard.exec()))
}

/// The folder into which cargo has put this program, and puts the others.
fn programs() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| format!("the path of this program is unknown: {error}"))?;
    program.parent().map(Path::to_path_buf).ok_or_else(|| format!("{} has no folder", program.display()))
}
