//! Runs the script with which the product is compared: `create_users.py`, which creates the same users with boto3.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::fixture::{Fixture, GROUP};

/// The measurements of one run of the script.
#[derive(Debug)]
pub(crate) struct Run {
    /// The time from the start of the script (`exec`) to its exit.
    pub(crate) wall: Duration,
    pub(crate) printed: Printed,
}

/// The output of the script.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Printed {
    pub(crate) created: usize,
    pub(crate) failed: usize,
    pub(crate) peak_kb: u64,
}

pub(crate) async fn run(python: &Path, fixture: &Fixture) -> Result<Run, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("create_users.py");
    let program = [python.into(), script, PathBuf::from(&fixture.instance_id), PathBuf::from(GROUP)];
    let mut command = fixture.command(&program);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let exec = Instant::now();
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    let wall = exec.elapsed();
    let fault = |what: String| format!("create_users.py: {what}");
    let Output { status, stdout, .. } =
        ended.map_err(|error| fault(error.to_string()))?.map_err(|error| fault(error.to_string()))?;
    if !status.success() {
        return Err(fault(format!("exited with {status}; its output is above")));
    }
    let printed = serde_json::from_slice(&stdout).map_err(|error| fault(error.to_string()))?;
    Ok(Run { wall, printed })
}
