//! The three programs: built or set up as they would be deployed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::run::Program;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Pins and hashes, shared with the local cloud.
const REQUIREMENTS: &str = include_str!("../../cli/src/local/requirements.txt");
/// boto3 and what it needs.
const BOTO3: [&str; 7] = ["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"];

/// The programs in the order of the report, and the zip that is deployed.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) empty: Program,
    pub(crate) ours: Program,
    pub(crate) python: Program,
    pub(crate) bootstrap: PathBuf,
    pub(crate) zip: PathBuf,
}

/// Makes all of it; what is there already is used again, and so is a given `bootstrap`.
pub(crate) fn prepare(bootstrap: Option<PathBuf>) -> Result<Programs, String> {
    let empty = build("empty-lambda")?;
    let bootstrap = bootstrap.map_or_else(|| build("bootstrap"), Ok)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cold-start");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let python = python(&folder)?;
    let zip = zip(&python, &bootstrap, &folder)?;
    let handler = Path::new(env!("CARGO_MANIFEST_DIR")).join("handler.py");
    Ok(Programs {
        empty: Program { name: "empty lambda_runtime program", command: vec![empty], calls: 0 },
        ours: Program { name: "bootstrap, instance-quota", command: vec![bootstrap.clone()], calls: 1 },
        python: Program { name: "Python boto3 handler", command: vec![python, handler], calls: 1 },
        bootstrap,
        zip,
    })
}

/// A Rust program with the release profile, and with the package selection that a deployment builds with.
fn build(name: &str) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--bin", name, "--message-format", "json-render-diagnostics"])
        .current_dir(ROOT)
        .stderr(Stdio::inherit());
    let messages = output(command, "cargo build --release")?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = messages
        .filter(|message| message["target"]["name"] == name)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    path.ok_or_else(|| format!("cargo did not say where {name} is"))
}

/// The interpreter of a private environment with boto3.
fn python(folder: &Path) -> Result<PathBuf, String> {
    let (venv, wishes) = (folder.join("venv"), folder.join("requirements.txt"));
    let python = venv.join("bin").join("python");
    let pins = pins();
    if python.exists() && fs::read_to_string(&wishes).is_ok_and(|installed| installed == pins) {
        return Ok(python);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&venv);
    output(make, "python3 -m venv")?;
    let fresh = folder.join("requirements.new");
    fs::write(&fresh, &pins).map_err(|error| format!("{}: {error}", fresh.display()))?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ])
    .arg("--requirement")
    .arg(&fresh);
    output(pip, "pip install boto3")?;
    // Only now: an installation that was broken off is made again.
    fs::rename(&fresh, &wishes).map_err(|error| format!("{}: {error}", wishes.display()))?;
    Ok(python)
}

/// The lines of [`REQUIREMENTS`] for boto3: a pin each, and the hashes that follow it.
fn pins() -> String {
    let mut wanted = false;
    let lines = REQUIREMENTS.lines().filter(|line| {
        if let Some((name, _)) = line.split_once("==") {
            wanted = BOTO3.contains(&name);
        }
        wanted && !line.trim_start().starts_with('#')
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The zip as `sam deploy` makes it: by Python's zipfile, deflated.
fn zip(python: &Path, bootstrap: &Path, folder: &Path) -> Result<PathBuf, String> {
    let zip = folder.join("bootstrap.zip");
    let mut command = Command::new(python);
    command.args(["-m", "zipfile", "--create"]).arg(&zip).arg(bootstrap);
    output(command, "python -m zipfile")?;
    Ok(zip)
}

fn output(mut command: Command, name: &str) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
    let output = output.map_err(|error| format!("{name} did not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name} failed; its own words stand above"))
    }
}
