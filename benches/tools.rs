//! Builds and runs the measured programs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The list of Python packages with pinned versions and hashes, which the local cloud also uses.
const REQUIREMENTS: &str = include_str!("../local-cloud/emulator/requirements.txt");
/// boto3 and its dependencies.
const BOTO3: [&str; 7] = ["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"];

/// Builds a Rust program with the release profile. The same packages and features are selected as for a deployment.
pub(crate) fn build(name: &str) -> Result<PathBuf, String> {
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

/// Returns the Python interpreter of a private environment that contains boto3. Creates the environment if it does not
/// exist.
pub(crate) fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("boto3");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let (venv, installed) = (folder.join("venv"), folder.join("requirements.txt"));
    let python = venv.join("bin").join("python");
    let pins = pins();
    if python.exists() && fs::read_to_string(&installed).is_ok_and(|installed| installed == pins) {
        return Ok(python);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&venv);
    output(make, "python3 -m venv")?;
    let fresh = folder.join("requirements.new");
    fs::write(&fresh, &pins).map_err(|error| format!("{}: {error}", fresh.display()))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"])
        .args(["--only-binary", ":all:", "--requirement"])
        .arg(&fresh);
    output(pip, "pip install boto3")?;
    // The list gets its final name only after the installation has succeeded, so that an interrupted installation is
    // repeated.
    fs::rename(&fresh, &installed).map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(python)
}

/// The lines of [`REQUIREMENTS`] for boto3: each pinned version and its hashes.
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

/// Runs a program and returns its output. Fails if the program does not exit successfully.
pub(crate) fn output(mut command: Command, name: &str) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
    let output = output.map_err(|error| format!("{name} did not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name} failed; its output is above"))
    }
}

/// The peak resident memory of a process, given by its ID or as `self`.
pub(crate) fn peak_kb(process: &str) -> Result<u64, String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).ok_or_else(|| "there is no VmHWM".into())
}
