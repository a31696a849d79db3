//! The running local cloud on which the benchmark measures.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_support::{Aws, Response, member};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The maximum time until the local cloud has onboarded all users. Creating ten thousand users takes minutes.
const PATIENCE: Duration = Duration::from_secs(1800);
const GROUP: &str = "Support agents";

/// A complete stack with all users onboarded, in a local cloud. Dropping the value stops the local cloud.
pub(crate) struct Cloud {
    program: Child,
    file: PathBuf,
    addresses: Value,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        // The killed program can't remove its address file itself.
        let _ = fs::remove_file(&self.file);
    }
}

impl Cloud {
    /// Onboards `users` users and keeps the local cloud running.
    pub(crate) async fn start(onboard: &Path, bootstrap: &Path, users: u32) -> Result<Self, String> {
        let file = env::temp_dir().join(format!("event-path-{}.json", std::process::id()));
        let program = Command::new(onboard)
            .args([
                "local",
                "--keep",
                "--input",
                "examples/smallest.json",
                "--users",
                &users.to_string(),
                "--bootstrap",
            ])
            .arg(bootstrap)
            .current_dir(ROOT)
            .env("ONBOARD_LOCAL_CLOUD", &file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", onboard.display()))?;
        let mut cloud = Self { program, file, addresses: Value::Null };
        let started = Instant::now();
        loop {
            if let Ok(text) = fs::read_to_string(&cloud.file) {
                cloud.addresses = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                return Ok(cloud);
            }
            if let Ok(Some(status)) = cloud.program.try_wait() {
                return Err(format!("the local cloud exited with {status}; its output is above"));
            }
            if started.elapsed() > PATIENCE {
                return Err("the local cloud was not ready in time".into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until no user sync is running and none is about to start.
    pub(crate) async fn until_idle(&self) -> Result<(), String> {
        let mut quiet = 0;
        while quiet < 5 {
            let machine = &self.addresses["outputs"]["UserSyncStateMachineArn"];
            let body = json!({ "stateMachineArn": machine, "statusFilter": "RUNNING" });
            let none = self.states("ListExecutions", &body).await?["executions"].as_array().is_none_or(Vec::is_empty);
            quiet = if none { quiet + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// Adds a new member to the group. The member's ID and username contain this number.
    pub(crate) async fn joins(&self, number: u32) -> Result<(), String> {
        let id = format!("00000000-0000-4000-b000-{number:012x}");
        let member = member(&id, &format!("joiner{number}@contoso.example"), "New Member");
        self.admin("POST", "members/add", &json!({ "group": GROUP, "member": member })).await.map(drop)
    }

    /// Returns the number of calls after the first `after` calls, and how many of these calls created a user.
    pub(crate) async fn created(&self, after: usize) -> Result<(usize, usize), String> {
        let calls = self.admin("GET", &format!("calls?after={after}"), &Value::Null).await?;
        let calls = calls.as_array().map(Vec::as_slice).unwrap_or_default();
        let created = calls.iter().filter(|call| call["operation"] == "CreateUser" && call["status"] == 200);
        Ok((calls.len(), created.count()))
    }

    async fn admin(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        result(&self.endpoint("standIn").rest("connect", method, &format!("/_admin/{path}"), body).await)
    }

    async fn states(&self, operation: &str, body: &Value) -> Result<Value, String> {
        result(&self.endpoint("endpoint").json("states", &format!("AWSStepFunctions.{operation}"), body).await)
    }

    fn endpoint(&self, name: &str) -> Aws<'_> {
        let text = |name: &str| self.addresses[name].as_str().unwrap_or_default();
        Aws { url: text(name), region: text("region") }
    }
}

fn result(response: &Response) -> Result<Value, String> {
    if response.succeeded() { Ok(response.json()) } else { Err(format!("{}: {}", response.status, response.text)) }
}
