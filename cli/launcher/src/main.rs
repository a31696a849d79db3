//! `cargo onboard` (the alias in `.cargo/config.toml`): builds `onboard`, then replaces its own process with `onboard`.
//!
//! The launcher has no dependencies, so in a new checkout it is compiled and started within about a second. For
//! `onboard local`, one cargo process builds both the tool and the Lambda functions. At the same time, the launcher
//! creates the Python environment of the AWS emulator. Progress is shown at least every few seconds.

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

/// Root of the checkout from which this program was built.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Environment variable with the path of the Lambda functions' binary, for `onboard local`; see
/// `cli/src/args/local.rs`.
const BOOTSTRAP: &str = "ONBOARD_BOOTSTRAP";
/// Environment variable with the command that started the tool. The tool uses this command in its messages; see
/// `cli/src/args/hints.rs`.
const CALLED_AS: &str = "ONBOARD_CALLED_AS";
/// Exit code of cargo if a build fails.
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

/// Builds the required binaries and replaces this process with `onboard`. Returns only if the build or the start of
/// `onboard` fails.
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
        // If the environment could not be created, the launcher does not report the error: `onboard local` tries again
        // and explains it.
        let _ = environment.join();
    }
    progress.end();
    let mut onboard = Command::new(programs.join("onboard"));
    onboard.args(arguments).env(CALLED_AS, "cargo onboard");
    if build_functions {
        onboard.env(BOOTSTRAP, programs.join("bootstrap"));
    }
    Err(format!("{} did not start: {}", programs.join("onboard").display(), onboard.exec()))
}

/// The directory of this program, where cargo also puts the other binaries.
fn programs() -> Result<PathBuf, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("can't determine the path of this program: {error}"))?;
    program.parent().map(Path::to_path_buf).ok_or_else(|| format!("{} has no parent directory", program.display()))
}
