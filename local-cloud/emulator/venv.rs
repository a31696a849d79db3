//! The private Python environment of the emulator. The environment is created at the first run, and again whenever the
//! list of requirements changes. The hashes of all installed files are pinned in `requirements.txt`. Both this module
//! and the launcher (`cargo onboard`) create the environment with `environment.py`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use super::{child::Group, error::NotStarted, workspace::Workspace};

const REQUIREMENTS: &str = include_str!("requirements.txt");
const PROGRAM: &str = include_str!("environment.py");

/// Names of Python interpreters. `python3` is first because it is the operator's default.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// A Python environment that is ready for use.
#[derive(Clone, Debug)]
pub struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The path of the environment's Python interpreter.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin").join("python")
    }

    /// Botocore's `data` directory, which contains AWS's service models.
    #[must_use]
    pub fn service_models(&self) -> Option<PathBuf> {
        let libraries = fs::read_dir(self.folder.join("lib")).ok()?;
        libraries.flatten().map(|lib| lib.path().join("site-packages/botocore/data")).find(|data| data.is_dir())
    }
}

/// Returns the Python environment. If there is no environment yet, creates the environment and passes pip's messages to
/// `progress`.
///
/// # Errors
/// Fails if Python, its `venv` module or a package is missing, or the directory is not writable.
pub async fn prepare(workspace: &Workspace, progress: &mut dyn FnMut(&str)) -> Result<Venv, NotStarted> {
    // Without PATH, the operating system may still find a Python interpreter in its default directories. Such an
    // interpreter can't create an environment, because it can't determine its own path.
    if std::env::var_os("PATH").is_none_or(|path| path.is_empty()) {
        return Err(NotStarted::NoPath);
    }
    let mut too_old = None;
    for name in NAMES {
        match install(name, workspace.cache(), progress).await {
            Some(Line::Ready { ready }) => return Ok(Venv { folder: ready }),
            Some(Line::Failed { failed: Cause::Python, version, .. }) => too_old = too_old.or(Some((name, version))),
            Some(Line::Failed { failed, text, version }) => return Err(failure(failed, text, version, workspace)),
            Some(Line::Progress { .. }) | None => {}
        }
    }
    Err(match too_old {
        Some((program, version)) => NotStarted::OldPython { program, version },
        None => NotStarted::NoPython,
    })
}

/// One line of the output of `environment.py`. Each line is a JSON object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Progress { progress: String },
    Ready { ready: PathBuf },
    Failed { failed: Cause, text: String, version: String },
}

/// Why the environment could not be created.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Cause {
    /// The Python interpreter is too old.
    Python,
    /// The `venv` module does not work. The member `text` of the line contains the output of the module.
    Venv,
    /// A package can't be installed. The member `text` of the line contains the output of pip.
    Pip,
    /// The directory is not writable. The member `text` of the line contains the operating system's error message.
    Folder,
}

/// Runs `environment.py` with an interpreter. Returns the last line, or `None` if there is no interpreter of this name.
async fn install(name: &str, cache: &Path, progress: &mut dyn FnMut(&str)) -> Option<Line> {
    let mut command = Command::new(name);
    command.args(["-I", "-c", PROGRAM]).arg(cache);
    lines(&mut command, progress).await.ok().flatten()
}

async fn lines(command: &mut Command, report: &mut dyn FnMut(&str)) -> io::Result<Option<Line>> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut group = Group::spawn(command)?;
    if let Some(mut input) = group.child.stdin.take() {
        // A program named `python3` that is not Python may exit without reading its input.
        let _ = input.write_all(REQUIREMENTS.as_bytes()).await;
    }
    let mut last = None;
    if let Some(output) = group.child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            let Ok(line) = serde_json::from_str(&line) else { continue };
            if let Line::Progress { progress } = &line {
                report(progress);
            }
            last = Some(line);
        }
    }
    group.wait().await?;
    Ok(last)
}

fn failure(cause: Cause, text: String, version: String, workspace: &Workspace) -> NotStarted {
    match cause {
        Cause::Python => NotStarted::NoPython,
        Cause::Venv => NotStarted::NoVenvModule { output: text, version },
        Cause::Pip => NotStarted::NotInstalled { output: text },
        Cause::Folder => NotStarted::NotWritable { path: workspace.cache().into(), reason: text },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn every_requirement_is_pinned_and_has_a_hash() {
        let joined = REQUIREMENTS.replace("\\\n", " ");
        let lines: Vec<&str> =
            joined.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
        assert!(lines.len() > 20);
        for line in lines {
            assert!(line.contains("==") && line.contains("--hash=sha256:"), "{line}");
        }
        assert!(joined.contains("ministack==1.5.33 ") && joined.contains("aws-sam-translator==1.115.0 "));
    }

    /// The directory that `environment.py` reports as ready for an interpreter and a list of requirements.
    fn folder(executable: &str, version: &str, requirements: &str) -> String {
        let interpreter = format!(
            "import os, sys\nos.path.exists = lambda path: True\nsys.executable, sys.version_info = {executable:?}, {version}\n"
        );
        let mut command = std::process::Command::new("python3");
        command.args(["-I", "-c", &format!("{interpreter}{PROGRAM}"), "/cache"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), requirements.as_bytes()).unwrap();
        let printed = child.wait_with_output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&printed.stdout).unwrap()["ready"].as_str().unwrap().to_owned()
    }

    #[test]
    fn another_interpreter_or_requirement_gets_another_environment() {
        let one = folder("/opt/one/bin/python3", "(3, 11, 2)", "a==1");
        assert_eq!(one, folder("/opt/one/bin/python3", "(3, 11, 9)", "a==1"));
        assert!(one.starts_with("/cache/venv-"), "{one}");
        for other in [
            folder("/opt/one/bin/python3", "(3, 12, 2)", "a==1"),
            folder("/opt/other/bin/python3", "(3, 11, 2)", "a==1"),
            folder("/opt/one/bin/python3", "(3, 11, 2)", "a==2"),
        ] {
            assert_ne!(one, other);
        }
    }

    /// What `environment.py` reports if `venv` fails while this many blocks of the disk are free.
    fn failed(free: u64) -> serde_json::Value {
        let cache = tempfile::tempdir().unwrap();
        let disk = format!(
            "import os, sys, types\nos.statvfs = lambda path: types.SimpleNamespace(f_bavail={free}, f_frsize=4096)\nsys.executable = 'false'\n"
        );
        let mut command = std::process::Command::new("python3");
        command.args(["-I", "-c", &format!("{disk}{PROGRAM}")]).arg(cache.path());
        let printed = command.stdin(Stdio::null()).output().unwrap().stdout;
        serde_json::from_slice(printed.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap()).unwrap()
    }

    #[test]
    fn a_failure_on_a_full_disk_names_the_disk() {
        assert_eq!((&failed(1)["failed"], &failed(1)["text"]), (&"folder".into(), &"No space left on device".into()));
        assert_eq!(failed(1_000_000)["failed"], "venv");
    }

    async fn last(program: &str) -> Option<Line> {
        lines(Command::new("sh").args(["-c", program]), &mut |_| {}).await.unwrap()
    }

    #[tokio::test]
    async fn a_program_that_is_not_python_is_ignored() {
        assert!(last("echo hello world; exit 1").await.is_none());
    }

    #[tokio::test]
    async fn the_last_line_of_the_installation_is_the_result() {
        let ready = last(r#"echo '{"progress": "Collecting boto3"}'; echo '{"ready": "/tmp/venv"}'"#).await;
        assert!(matches!(ready, Some(Line::Ready { ready }) if ready == Path::new("/tmp/venv")));
        let failed = last(r#"echo '{"failed": "pip", "text": "no network", "version": "3.11"}'; exit 1"#).await;
        assert!(matches!(failed, Some(Line::Failed { failed: Cause::Pip, text, .. }) if text == "no network"));
    }
}
