//! Starts the AWS emulator (ministack) with only the environment variables that this module sets, because the functions
//! that the emulator runs inherit the emulator's environment.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    os::fd::OwnedFd,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::{ChildStdin, Command};

use super::{
    child::Group,
    error::{EmulatorFault, NotStarted},
    stack::REGION,
    venv::Venv,
};

/// Limit of concurrent Lambda executions in a new account. The limit of an older account is 1,000.
pub const FRESH_ACCOUNT: u32 = 10;

/// The Python program that changes and starts the emulator. The Python program runs in a process group of its own.
const LAUNCHER: &str = concat!(
    include_str!("patches.py"),
    include_str!("history.py"),
    include_str!("definitions.py"),
    include_str!("states.py"),
    include_str!("account.py"),
    include_str!("condition_keys.py"),
    include_str!("evaluator.py"),
    include_str!("expressions.py"),
    include_str!("delays.py"),
    include_str!("function_logs.py"),
    include_str!("emulator.py")
);

/// Services whose calls are sent to the stand-in, which either emulates the service itself or forwards the call to the
/// emulator.
const BEHIND_THE_STAND_IN: [&str; 11] = [
    "CONNECT",
    "SERVICE_QUOTAS",
    "SUPPORT",
    "IAM",
    "STS",
    "SECRETS_MANAGER",
    "DYNAMODB",
    "EVENTBRIDGE",
    "S3",
    "SNS",
    "SFN",
];

/// A running emulator. Dropping the value stops the emulator.
#[derive(Debug)]
pub struct Emulator {
    group: Group,
    // The write end of a pipe to the emulator. The emulator exits when the pipe is closed. If this program is killed,
    // the operating system closes the pipe.
    _alive: Option<ChildStdin>,
}

/// Opens a listening socket on loopback for the emulator. Returns the socket and its port.
///
/// The socket listens before the emulator starts, so that no other program can use the port. If a client connects
/// before the emulator is ready, the connection is queued and not refused.
///
/// # Errors
/// Fails if the operating system has no free port.
pub fn listen() -> Result<(TcpListener, u16), NotStarted> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr().map(|address| (listener, address.port())));
    listener.map_err(NotStarted::NoPort)
}

/// The URL of an emulator on this port.
#[must_use]
pub fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Settings of an emulator.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The emulator's port on the loopback interface.
    pub port: u16,
    /// The stand-in's URL for AWS services.
    pub stand_in: &'a str,
    /// Clock scale: how many seconds an operation in the local cloud takes for each second that the operation takes in
    /// the real cloud.
    pub clock_scale: f64,
    /// The emulated account's limit of concurrent Lambda executions, or `None` for the limit of an older account.
    pub concurrency: Option<u32>,
    /// The file that records all evaluated JSONata expressions. If `None`, no file is written.
    pub expressions: Option<&'a Path>,
    /// The directory of the run, for logs and temporary files.
    pub folder: &'a Path,
}

/// Why the recording of the JSONata expressions in a run's directory is incomplete. `None` if the recording is
/// complete.
#[must_use]
pub fn expressions_incomplete(folder: &Path) -> Option<String> {
    std::fs::read_to_string(folder.join("expressions-incomplete")).ok()
}

impl Settings<'_> {
    fn environment(&self) -> Vec<(String, String)> {
        let temporary = self.folder.display().to_string();
        let mut environment: Vec<(String, String)> = [
            ("BIND_HOST", "127.0.0.1"),
            ("GATEWAY_PORT", &self.port.to_string()),
            ("MINISTACK_HOST", "127.0.0.1"),
            ("SFN_WAIT_SCALE", &self.clock_scale.to_string()),
            // The functions also inherit this variable, and scale their waiting times with it.
            ("CLOCK_SCALE", &self.clock_scale.to_string()),
            ("LOG_LEVEL", "INFO"),
            // The emulator runs each function with the credentials and permissions of the function's own role.
            ("AUTH", "true"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL", &url(self.port)),
            ("PYTHONUNBUFFERED", "1"),
            ("HOME", &temporary),
            ("TMPDIR", &temporary),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        environment.push(("PATH".into(), std::env::var("PATH").unwrap_or_default()));
        if let Some(limit) = self.concurrency {
            environment.push(("LAMBDA_ACCOUNT_CONCURRENCY".into(), limit.to_string()));
        }
        // The path must be absolute because the emulator runs in the run's directory.
        if let Some(file) = self.expressions.and_then(|file| std::path::absolute(file).ok()) {
            environment.push(("RECORD_EXPRESSIONS".into(), file.display().to_string()));
        }
        for service in BEHIND_THE_STAND_IN {
            environment.push((format!("AWS_ENDPOINT_URL_{service}"), self.stand_in.to_owned()));
        }
        environment
    }
}

impl Emulator {
    /// Starts the emulator on the socket from [`listen`] and waits until it responds.
    ///
    /// # Errors
    /// Fails with the last log lines if the emulator does not start or does not respond in time.
    pub async fn start(venv: &Venv, settings: &Settings<'_>, listener: TcpListener) -> Result<Self, NotStarted> {
        let log = settings.folder.join("emulator.log");
        let failed = |fault| NotStarted::Emulator { fault, log: last_lines(&log) };
        let mut emulator =
            Self::spawn(venv, settings, listener, &log).map_err(|error| failed(EmulatorFault::DidNotStart(error)))?;
        let started = Instant::now();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(2)).build();
        let http = http.map_err(|error| failed(EmulatorFault::NoClient(error)))?;
        let ready = format!("{}/_ministack/ready", url(settings.port));
        loop {
            if http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(emulator);
            }
            if let Ok(Some(status)) = emulator.group.child.try_wait() {
                return Err(failed(EmulatorFault::Exited(status)));
            }
            if started.elapsed() > Duration::from_secs(60) {
                return Err(failed(EmulatorFault::NotReady));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn spawn(venv: &Venv, settings: &Settings<'_>, listener: TcpListener, log: &Path) -> io::Result<Self> {
        let out = File::create(log)?;
        let mut command = Command::new(venv.python());
        command
            .args(["-I", "-c", LAUNCHER])
            .current_dir(settings.folder)
            .env_clear()
            .envs(settings.environment())
            .stdin(Stdio::piped())
            // The emulator inherits the listening socket as its standard output, so its messages go to standard error.
            .stdout(OwnedFd::from(listener))
            .stderr(out);
        let mut group = Group::spawn(&mut command)?;
        let alive = group.child.stdin.take();
        Ok(Self { group, _alive: alive })
    }

    /// Stops the emulator and the functions that it runs.
    pub async fn stop(self) {
        self.group.stop().await;
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn environment() -> Vec<(String, String)> {
        let settings = Settings {
            port: 4570,
            stand_in: "http://127.0.0.1:4571",
            clock_scale: 0.005,
            concurrency: Some(FRESH_ACCOUNT),
            expressions: Some(Path::new("expressions.jsonl")),
            folder: Path::new("/tmp/run"),
        };
        settings.environment()
    }

    fn value(name: &str) -> Option<String> {
        environment().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    #[test]
    fn the_emulator_listens_on_loopback_only() {
        assert_eq!(value("BIND_HOST").as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn the_functions_reach_connect_through_the_stand_in_and_the_rest_of_aws_through_the_emulator() {
        assert_eq!(value("AWS_ENDPOINT_URL_CONNECT").as_deref(), Some("http://127.0.0.1:4571"));
        assert_eq!(value("AWS_ENDPOINT_URL").as_deref(), Some("http://127.0.0.1:4570"));
    }

    #[test]
    fn an_emulator_that_lacks_a_patched_function_is_rejected() {
        python(concat!(include_str!("patches.py"), include_str!("patches_test.py")));
    }

    #[test]
    fn each_rule_for_state_machine_definitions_is_enforced() {
        python(concat!(include_str!("definitions.py"), include_str!("definitions_test.py")));
    }

    #[test]
    fn the_partition_keys_of_a_request_are_available_to_policies() {
        python(concat!(include_str!("condition_keys.py"), include_str!("condition_keys_test.py")));
    }

    /// Runs Python tests that need only a Python interpreter, and no installed emulator.
    fn python(tests: &str) {
        let output = std::process::Command::new("python3").args(["-I", "-c", tests]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn a_new_account_has_ten_concurrent_executions() {
        assert_eq!(value("LAMBDA_ACCOUNT_CONCURRENCY").as_deref(), Some("10"));
    }

    #[test]
    fn the_emulator_gets_an_absolute_path_for_recorded_expressions() {
        assert!(value("RECORD_EXPRESSIONS").unwrap().ends_with("/expressions.jsonl"));
    }

    #[test]
    fn the_functions_get_no_aws_settings_of_the_caller() {
        let foreign = ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_CONFIG_FILE"];
        assert!(foreign.iter().all(|name| value(name).is_none()));
        assert_eq!(value("AWS_ACCESS_KEY_ID").as_deref(), Some("test"));
        // The AWS SDK finds ~/.aws/config through HOME, so HOME must not be the caller's home directory.
        assert_eq!(value("HOME").as_deref(), Some("/tmp/run"));
    }
}
