//! Deploys the checkout's `template.yaml` to the emulator.

use std::{collections::BTreeMap, fs, io, path::Path, process::Stdio};

use serde_json::json;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    child::{self, Group},
    credentials::Credentials,
    error::NotStarted,
    stack::{REGION, Stack},
    venv::Venv,
    workspace::Workspace,
};

const PROGRAM: &str = include_str!("deploy.py");
const LOGS: &str = include_str!("logs.py");

/// The settings of a deployment.
#[derive(Clone, Copy)]
pub struct Deployment<'a> {
    /// The Python environment that runs the deployment.
    pub venv: &'a Venv,
    /// The checkout that contains the template.
    pub workspace: &'a Workspace,
    /// The functions' binary.
    pub bootstrap: &'a Path,
    /// The directory of the local run.
    pub folder: &'a Path,
    /// The emulator's URL.
    pub emulator: &'a str,
    /// The stack's name.
    pub stack: &'a str,
    /// The stack's parameters, except the ARNs of secrets.
    pub parameters: &'a BTreeMap<&'static str, String>,
    /// The credentials that the functions use for Entra.
    pub credentials: &'a Credentials,
    /// The stand-in's URL for AWS services.
    pub stand_in: &'a str,
    /// S3 object keys of the documents that the input names.
    pub documents: &'a [String],
}

impl Deployment<'_> {
    /// Deploys the stack.
    ///
    /// # Errors
    /// Fails with CloudFormation's reasons if the stack can't be created.
    pub async fn run(&self) -> Result<Stack, NotStarted> {
        let settings = json!({
            "root": self.workspace.root,
            "stack": self.stack,
            "bootstrap": self.bootstrap,
            "folder": self.folder,
            "emulator": self.emulator,
            "parameters": self.parameters,
            "secrets": self.credentials.secrets,
            "federation": self.credentials.federation,
            "standIn": self.stand_in,
            "documents": self.documents,
        });
        let mut command = python(self.venv, self.folder, PROGRAM);
        let output = run_with_input(&mut command, settings.to_string().as_bytes())
            .await
            .map_err(|error| NotStarted::NotDeployed(error.to_string()))?;
        if !output.status.success() {
            return Err(NotStarted::NotDeployed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        serde_json::from_slice(&output.stdout).map_err(NotStarted::OutputsUnreadable)
    }
}

/// Writes the functions' logs to `functions.log` in the run's directory.
///
/// # Errors
/// Fails if the emulator does not return the logs.
pub async fn save_function_logs(venv: &Venv, folder: &Path, emulator: &str) -> io::Result<()> {
    let output = child::output(python(venv, folder, LOGS).arg(emulator)).await?;
    fs::write(folder.join("functions.log"), [output.stdout, output.stderr].concat())
}

/// Returns the command that runs a Python program as a client of the emulator. The program does not get the operator's
/// own AWS settings.
fn python(venv: &Venv, folder: &Path, program: &str) -> Command {
    let mut command = Command::new(venv.python());
    command
        .args(["-I", "-c", program])
        .env_clear()
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs a command that reads `input` from its standard input.
async fn run_with_input(command: &mut Command, input: &[u8]) -> std::io::Result<std::process::Output> {
    let mut group = Group::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    if let Some(mut stdin) = group.child.stdin.take() {
        stdin.write_all(input).await?;
    }
    group.output().await
}
