//! A local cloud with the deployed stack. A group of tests shares the cloud.

mod administrator;
mod aws;
mod executions;
mod mailbox;
mod registry;

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::common::{local, onboard};
pub(crate) use executions::Ended;
pub(crate) use mailbox::{Mail, Mailbox};
use onboard_cli::cloud::kept::{FILE, Kept};
use serde_json::Value;
use tempfile::TempDir;
use test_support::TIMEOUT;
pub(crate) use test_support::until;

/// A running local cloud.
pub(crate) struct Cloud {
    pub(crate) addresses: Kept,
    folder: TempDir,
    // The local cloud stops when its standard input is closed. The standard input is also closed if the test program
    // exits without dropping this value.
    _program: Child,
}

impl Cloud {
    /// Deploys the stack for this tenant without an onboarding.
    pub(crate) fn idle(tenant: &Value) -> Self {
        Self::idle_with(tenant, &[])
    }

    /// Deploys the stack for this tenant without an onboarding, in a local cloud with these options.
    pub(crate) fn idle_with(tenant: &Value, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("tenant.json"), tenant.to_string()).unwrap();
        let mut command = local();
        command.args(["--keep", "--idle", "--tenant"]).arg(path("tenant.json")).args(options);
        Self::of(&command, folder)
    }

    /// Deploys the stack for this tenant, with an input file and a clock scale.
    pub(crate) fn idle_for(tenant: &Value, input: &Value, clock_scale: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &Value| {
            std::fs::write(folder.path().join(name), content.to_string()).unwrap();
            folder.path().join(name)
        };
        let mut command = local();
        command.args(["--keep", "--idle", "--clock-scale", clock_scale, "--tenant"]);
        command.arg(file("tenant.json", tenant)).arg("--input").arg(file("input.json", input));
        Self::of(&command, folder)
    }

    /// Starts a local cloud with these options, and onboards this many users with the smallest onboarding input.
    pub(crate) fn onboarded(users: usize, options: &[&str]) -> Self {
        let mut command = local();
        command.args(["--keep", "--input", "examples/smallest.json", "--users", &users.to_string()]).args(options);
        Self::of(&command, tempfile::tempdir().unwrap())
    }

    /// Starts a local cloud and onboards this many users with the example that contains all options.
    pub(crate) fn with_everything(users: usize) -> Self {
        let mut command = local();
        command.args(["--keep", "--input", "examples/everything.json", "--users", &users.to_string()]);
        Self::of(&command, tempfile::tempdir().unwrap())
    }

    /// The local cloud that this command starts.
    pub(crate) fn of(command: &Command, folder: TempDir) -> Self {
        let (addresses, program) = start(command, &folder.path().join("current.json"), &folder.path().join("log"));
        let cloud = Self { addresses, folder, _program: program };
        // A thread of its own, because the caller can already be in an asynchronous test.
        std::thread::scope(|scope| scope.spawn(|| blocking(cloud.disable_scheduled_syncs())).join()).unwrap();
        cloud
    }

    /// The program `onboard` with these arguments, connected to this cloud.
    pub(crate) fn onboard(&self, arguments: &[&str]) -> Command {
        let mut command = onboard();
        command.args(arguments).arg("--local").env(FILE, self.folder.path().join("current.json"));
        command
    }

    /// An output of the stack.
    pub(crate) fn output(&self, name: &str) -> &str {
        self.addresses.outputs.get(name).unwrap_or_else(|| panic!("the stack has no output {name}"))
    }
}

/// Waits for the future in a runtime of its own.
fn blocking<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Shell script that runs a program until the program ends or standard input is closed.
const UNTIL_EITHER_ENDS: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- & program=$!
(cat <&3 >/dev/null; kill -TERM $program) & watcher=$!
wait $program; status=$?
kill $watcher 2>/dev/null
exit $status
"#;

/// Starts the program and waits until it publishes the cloud's addresses.
fn start(command: &Command, file: &Path, log: &Path) -> (Kept, Child) {
    // The cloud is in a static variable, which Rust never drops. However, when the test process exits, the pipe from
    // the test process to the shell is closed, and the shell stops the program.
    let mut shell = Command::new("sh");
    shell.args(["-c", UNTIL_EITHER_ENDS, "sh"]);
    shell
        .arg(command.get_program())
        .args(command.get_args())
        .envs(command.get_envs().filter_map(|(n, v)| Some((n, v?))));
    shell.current_dir(command.get_current_dir().unwrap()).env_remove("ONBOARD_BOOTSTRAP").env(FILE, file);
    let out = File::create(log).unwrap();
    let mut child = shell.stdin(Stdio::piped()).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
    let started = Instant::now();
    loop {
        if let Ok(addresses) = Kept::read(file) {
            return (addresses, child);
        }
        let log = || std::fs::read_to_string(log).unwrap_or_default();
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the local cloud exited ({status}):\n{}", log());
        }
        assert!(started.elapsed() < 2 * TIMEOUT, "the local cloud did not start in time:\n{}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[should_panic(expected = "the local cloud exited (exit status: 3):\nno space left")]
fn a_local_cloud_that_exits_fails_its_test_at_once_with_its_log() {
    let mut command = Command::new("sh");
    command.current_dir("/").args(["-c", "echo no space left; exit 3"]);
    Cloud::of(&command, tempfile::tempdir().unwrap());
}
