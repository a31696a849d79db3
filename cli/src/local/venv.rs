//! The private Python environment with the emulator: made once per set of requirements, at the first run, from files whose
//! hashes are pinned in `requirements.txt`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Output,
};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{child, failure::Failure, workspace::Workspace};
use crate::console::{Console, Tone};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Names under which an interpreter may be found. The plain one first: it is what people chose.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Prints major and minor version and the interpreter's own path.
const WHO: &str = "import os, sys; print(sys.version_info[0], sys.version_info[1], os.path.realpath(sys.executable))";

/// An environment that is ready.
#[derive(Clone, Debug)]
pub struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// Its interpreter.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin").join("python")
    }

    /// Botocore's `data` folder: AWS's own service models.
    #[must_use]
    pub fn service_models(&self) -> Option<PathBuf> {
        let libraries = fs::read_dir(self.folder.join("lib")).ok()?;
        libraries.flatten().map(|lib| lib.path().join("site-packages/botocore/data")).find(|data| data.is_dir())
    }
}

/// Gives the environment, made now where this checkout has none yet.
///
/// # Errors
/// Where Python, its `venv` module or a package is missing.
pub async fn prepare(workspace: &Workspace, console: &Console) -> Result<Venv, Failure> {
    let interpreter = find_interpreter().await?;
    let cache = workspace.cache();
    fs::create_dir_all(&cache).map_err(|error| no_room(&cache, &error))?;
    let folder = cache.join(format!("venv-{}", key(&interpreter)));
    let venv = Venv { folder: folder.clone() };
    if venv.python().exists() {
        return Ok(venv);
    }
    // Two runs at once make one environment: the second waits for the first.
    let lock = lock(&cache.join("venv.lock"), console).await?;
    if !venv.python().exists() {
        console.line(&console.paint(Tone::Faint, &console.words().installing_emulator()));
        let fresh =
            tempfile::Builder::new().prefix("venv-new-").tempdir_in(&cache).map_err(|error| no_room(&cache, &error))?;
        fill(&interpreter, fresh.path()).await?;
        fs::rename(fresh.path(), &folder).map_err(|error| no_room(&folder, &error))?;
    }
    drop(lock);
    Ok(venv)
}

/// An interpreter that is new enough.
#[derive(Debug)]
struct Interpreter {
    program: PathBuf,
    version: (u32, u32),
}

async fn find_interpreter() -> Result<Interpreter, Failure> {
    let mut too_old = None;
    for name in NAMES {
        let Ok(output) = child::output(Command::new(name).args(["-I", "-c", WHO])).await else { continue };
        match who(&output) {
            Some(interpreter) if interpreter.version >= (3, 10) => return Ok(interpreter),
            Some(interpreter) => too_old = too_old.or(Some(interpreter)),
            None => {}
        }
    }
    Err(Failure::not_started(|words| {
        let what = too_old.as_ref().map_or_else(
            || words.no_python(),
            |old| words.old_python(old.program.display(), old.version.0, old.version.1),
        );
        (what, words.install_python())
    }))
}

fn who(output: &Output) -> Option<Interpreter> {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.trim().splitn(3, ' ');
    let version = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    output.status.success().then(|| Interpreter { program: words.next().unwrap_or_default().into(), version })
}

/// The environment belongs to these requirements and this interpreter; another of either makes another environment.
fn key(interpreter: &Interpreter) -> String {
    let (major, minor) = interpreter.version;
    let text = format!("{REQUIREMENTS}\n{}\n{major}.{minor}", interpreter.program.display());
    Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

async fn lock(path: &Path, console: &Console) -> Result<File, Failure> {
    let file = File::create(path).map_err(|error| no_room(path, &error))?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    console.line(&console.paint(Tone::Faint, &console.words().waits_for_installation()));
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    locked.map_err(std::io::Error::other).and_then(|locked| locked).map_err(|error| no_room(path, &error))
}

async fn fill(interpreter: &Interpreter, folder: &Path) -> Result<(), Failure> {
    let made = child::output(python(&interpreter.program).args(["-I", "-m", "venv"]).arg(folder)).await;
    let made = made.map_err(|error| {
        Failure::not_started(|words| (words.program_not_started("python3", &error), words.install_python_again()))
    })?;
    if !made.status.success() {
        let (major, minor) = interpreter.version;
        return Err(Failure::not_started(|words| (words.no_venv(said(&made)), words.install_venv(major, minor))));
    }
    let wishes = folder.join("requirements.txt");
    fs::write(&wishes, REQUIREMENTS).map_err(|error| no_room(&wishes, &error))?;
    let mut pip = python(&folder.join("bin").join("python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-warn-script-location",
    ])
    .args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
    .arg(&wishes);
    let installed = child::output(&mut pip).await;
    let installed = installed.map_err(|error| {
        Failure::not_started(|words| (words.program_not_started("pip", &error), words.install_python_again()))
    })?;
    if installed.status.success() {
        return Ok(());
    }
    Err(Failure::not_started(|words| (words.not_installed(said(&installed)), words.look_at_pip())))
}

/// An interpreter that is not led astray by the caller's Python settings. Pip's index, proxy and certificate stay.
fn python(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in
        ["PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_CONSTRAINT"]
    {
        command.env_remove(name);
    }
    command
}

fn said(output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(12)..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn no_room(path: &Path, error: &std::io::Error) -> Failure {
    Failure::not_started(|words| (words.not_writable(path.display(), error), words.make_room()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
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

    #[test]
    fn another_interpreter_gets_another_environment() {
        let one = Interpreter { program: "/usr/bin/python3".into(), version: (3, 11) };
        let other = Interpreter { program: "/usr/bin/python3".into(), version: (3, 12) };
        assert_ne!(key(&one), key(&other));
    }

    #[tokio::test]
    async fn a_program_that_is_no_python_is_not_taken_for_one() {
        let output = child::output(Command::new("echo").arg("hello world")).await.unwrap();
        assert!(who(&output).is_none());
        let output = child::output(Command::new("echo").arg("3 9 /opt/my python/bin/python3")).await.unwrap();
        let old = who(&output).unwrap();
        assert_eq!((old.version, old.program), ((3, 9), "/opt/my python/bin/python3".into()));
    }
}
