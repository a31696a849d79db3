//! Helpers for all tests of the program.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The built program, run in the checkout's root without environment variables of the caller that affect it.
pub(crate) fn onboard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onboard"));
    command.current_dir(root());
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if ["AWS_", "ONBOARD_", "LC_", "LANG"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&variable);
        }
    }
    command
}

/// The checkout's root directory.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Standard output of the program.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error of the program.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `onboard local` with the functions' binary from the directory that contains the program `onboard`.
pub(crate) fn local() -> Command {
    let bootstrap = PathBuf::from(env!("CARGO_BIN_EXE_onboard")).with_file_name("bootstrap");
    assert!(bootstrap.is_file(), "{} is missing: run the tests of the whole workspace", bootstrap.display());
    let mut command = onboard();
    command.arg("local").arg("--bootstrap").arg(bootstrap);
    command
}
