//! Locates the files of the project (a checkout, or the files that this program contains) and the directories of a
//! local run.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::{bundle, error::NotStarted};

const A_DAY: Duration = Duration::from_secs(24 * 3600);
/// The file in a run's directory that the running process keeps locked.
const LOCK: &str = "lock";

/// The directory of one run. Dropping the value removes the directory.
#[derive(Debug)]
pub struct RunFolder {
    folder: TempDir,
    /// While this file is locked, no other run removes the directory. The operating system releases the lock when the
    /// process ends.
    _lock: File,
}

impl RunFolder {
    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The files from which the stack is deployed.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The root directory, which contains template.yaml.
    pub root: PathBuf,
    /// The directory for all files that local runs keep.
    cache: PathBuf,
}

impl Workspace {
    /// Finds the files of the project. The first of these sources that exists is used: the files that this program
    /// contains, the checkout that contains the current directory, and the checkout from which this program was built.
    ///
    /// # Errors
    /// Fails if there is no checkout, or if the files of this program can't be unpacked.
    pub fn find() -> Result<Self, NotStarted> {
        if let Some((root, cache)) = bundle::unpacked()? {
            return Ok(Self { root, cache });
        }
        let here = std::env::current_dir().unwrap_or_default();
        let built_from = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let found = here.ancestors().chain([built_from]).find(|folder| is_checkout(folder));
        let root = found.and_then(|folder| folder.canonicalize().ok()).ok_or(NotStarted::NoCheckout)?;
        Ok(Self::of(root))
    }

    /// A checkout with this root directory.
    fn of(root: PathBuf) -> Self {
        let cache = root.join("target").join("local-cloud");
        Self { root, cache }
    }

    /// The directory for all files that local runs keep.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Creates a directory for one run. The directory is not in the system's temporary directory, which may forbid the
    /// execution of programs.
    ///
    /// # Errors
    /// Fails if the directory can't be created.
    pub fn run_folder(&self) -> Result<RunFolder, NotStarted> {
        let cache = self.cache();
        let created = fs::create_dir_all(cache).and_then(|()| {
            self.sweep(A_DAY);
            let folder = tempfile::Builder::new().prefix("run-").tempdir_in(cache)?;
            let lock = File::create(folder.path().join(LOCK))?;
            lock.lock()?;
            Ok(RunFolder { folder, _lock: lock })
        });
        created.map_err(|error| NotStarted::NotWritable { path: cache.into(), reason: error.to_string() })
    }

    /// Removes the directories of killed runs and killed installations. A directory that was changed more recently than
    /// `unchanged` ago is kept.
    fn sweep(&self, unchanged: Duration) {
        for entry in fs::read_dir(self.cache()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let ours = ["run-", "venv-new-"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix));
            let age = entry.metadata().and_then(|about| about.modified()).ok().and_then(|then| then.elapsed().ok());
            if ours && age.is_some_and(|age| age >= unchanged) && !is_locked(&entry.path()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Copies the logs of a failed run to a directory that only the next failed run replaces. Returns this directory,
    /// or `None` if the run has no logs.
    ///
    /// # Errors
    /// Fails if the logs can't be copied.
    pub fn keep_logs(&self, run: &Path) -> io::Result<Option<PathBuf>> {
        let is_log = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "log");
        let logs: Vec<fs::DirEntry> = fs::read_dir(run)?.flatten().filter(is_log).collect();
        if logs.is_empty() {
            return Ok(None);
        }
        let kept = self.cache().join("last-run");
        if kept.exists() {
            fs::remove_dir_all(&kept)?;
        }
        fs::create_dir_all(&kept)?;
        for log in logs {
            fs::copy(log.path(), kept.join(log.file_name()))?;
        }
        Ok(Some(kept))
    }
}

/// Whether the process of a run is still running.
fn is_locked(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err())
}

fn is_checkout(folder: &Path) -> bool {
    folder.join("template.yaml").is_file() && folder.join("statemachine").is_dir()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn the_directory_of_a_running_local_cloud_is_never_removed() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::of(root.path().into());
        let running = workspace.run_folder().unwrap();
        let killed = workspace.cache().join("run-killed");
        fs::create_dir(&killed).unwrap();
        workspace.sweep(Duration::ZERO);
        assert!(running.path().is_dir() && !killed.exists());
    }

    #[test]
    fn only_the_logs_of_the_last_failed_run_are_kept() {
        let (root, run) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let workspace = Workspace::of(root.path().into());
        fs::write(run.path().join("first.log"), "1").unwrap();
        fs::write(run.path().join("bootstrap.zip"), "big").unwrap();
        workspace.keep_logs(run.path()).unwrap();
        fs::rename(run.path().join("first.log"), run.path().join("second.log")).unwrap();
        let kept = workspace.keep_logs(run.path()).unwrap().unwrap();
        let names: Vec<_> = fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["second.log"]);
    }
}
