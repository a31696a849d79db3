//! The running local cloud on which the benchmark measures.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The creation of ten thousand users takes minutes.
const PATIENCE: Duration = Duration::from_secs(1800);
const GROUP: &str = "Support agents";

/// A complete stack with all users onboarded. Stops when dropped.
pub(crate) struct Cloud {
    program: Child,
    http: reqwest::Client,
    file: PathBuf,
    kept: Value,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        // A killed program cannot remove its own file.
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
        let http = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        let mut cloud = Self { program, http, file, kept: Value::Null };
        let started = Instant::now();
        loop {
            if let Ok(text) = fs::read_to_string(&cloud.file) {
                cloud.kept = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                return Ok(cloud);
            }
            if let Ok(Some(status)) = cloud.program.try_wait() {
                return Err(format!("the local cloud ended with {status}; its own words stand above"));
            }
            if started.elapsed() > PATIENCE {
                return Err("the local cloud was not ready in time".into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until no sync is running or about to start.
    pub(crate) async fn until_idle(&self) -> Result<(), String> {
        let mut quiet = 0;
        while quiet < 5 {
            let machine = &self.kept["outputs"]["UserSyncStateMachineArn"];
            let body = json!({ "stateMachineArn": machine, "statusFilter": "RUNNING" });
            let none = self.states("ListExecutions", &body).await?["executions"].as_array().is_none_or(Vec::is_empty);
            quiet = if none { quiet + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// Adds a new member to the group.
    pub(crate) async fn joins(&self, number: u32) -> Result<(), String> {
        let member = json!({
            "@odata.type": "#microsoft.graph.user", "id": format!("00000000-0000-4000-b000-{number:012x}"),
            "userPrincipalName": format!("newcomer{number}@contoso.example"), "givenName": "New", "surname": "Comer",
            "displayName": "New Comer", "mail": null, "accountEnabled": true, "userType": "Member",
        });
        let body = json!({ "group": GROUP, "member": member });
        self.ask(self.http.post(self.admin("members/add")).body(body.to_string())).await.map(drop)
    }

    /// The number of calls after the given call number, and how many of them created a user.
    pub(crate) async fn created(&self, after: usize) -> Result<(usize, usize), String> {
        let calls = self.ask(self.http.get(self.admin(&format!("calls?after={after}")))).await?;
        let calls = calls.as_array().map(Vec::as_slice).unwrap_or_default();
        let created = calls.iter().filter(|call| call["operation"] == "CreateUser" && call["status"] == 200);
        Ok((calls.len(), created.count()))
    }

    fn admin(&self, path: &str) -> String {
        format!("{}/_admin/{path}", self.kept["standIn"].as_str().unwrap_or_default())
    }

    async fn states(&self, operation: &str, body: &Value) -> Result<Value, String> {
        let region = self.kept["region"].as_str().unwrap_or_default();
        // The emulator identifies services by the signature's scope and does not verify the signature.
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=test/20260101/{region}/states/aws4_request, SignedHeaders=host");
        let request = self
            .http
            .post(self.kept["endpoint"].as_str().unwrap_or_default())
            .header("authorization", scope)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"));
        self.ask(request.body(body.to_string())).await
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Value, String> {
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let text = answer.map_err(|error| error.to_string())?.text().await.map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}
