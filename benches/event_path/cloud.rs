//! The running local cloud on which the benchmark measures.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_support::{Aws, Response, member, registry_config, until};

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
    pub(crate) async fn onboarded(onboard: &Path, bootstrap: &Path, users: u32) -> Result<Self, String> {
        Self::start(onboard, bootstrap, &["--input", "examples/smallest.json", "--users", &users.to_string()]).await
    }

    /// Starts `onboard local --keep` with further arguments. Waits until the cloud is ready.
    pub(crate) async fn start(onboard: &Path, bootstrap: &Path, arguments: &[&str]) -> Result<Self, String> {
        let file = env::temp_dir().join(format!("event-path-{}.json", std::process::id()));
        let program = Command::new(onboard)
            .args(["local", "--keep"])
            .args(arguments)
            .arg("--bootstrap")
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
        let member = member(&member_id(number), &format!("joiner{number}@contoso.example"), "New Member");
        self.add_member(GROUP, &member).await
    }

    /// Removes the member with this number from the group.
    pub(crate) async fn leaves(&self, number: u32) -> Result<(), String> {
        let body = json!({ "group": GROUP, "memberId": member_id(number) });
        self.admin("POST", "members/remove", &body).await.map(drop)
    }

    /// Returns the number of calls after the first `after` calls, and how many of these calls were successful calls of
    /// `operation`.
    pub(crate) async fn calls(&self, after: usize, operation: &str) -> Result<(usize, usize), String> {
        let calls = self.admin("GET", &format!("calls?after={after}"), &Value::Null).await?;
        let calls = calls.as_array().map(Vec::as_slice).unwrap_or_default();
        let succeeded = calls.iter().filter(|call| call["operation"] == operation && call["status"] == 200);
        Ok((calls.len(), succeeded.count()))
    }

    /// Returns the name of the instance of each execution of the user sync, once for each execution.
    pub(crate) async fn synced_instances(&self) -> Result<Vec<String>, String> {
        let machine = &self.addresses["outputs"]["UserSyncStateMachineArn"];
        let mut found = Vec::new();
        let mut request = json!({ "stateMachineArn": machine, "maxResults": 1000 });
        loop {
            let page = self.states("ListExecutions", &request).await?;
            for execution in page["executions"].as_array().into_iter().flatten() {
                let body = json!({ "executionArn": execution["executionArn"] });
                let described = self.states("DescribeExecution", &body).await?;
                let input: Value = serde_json::from_str(described["input"].as_str().unwrap_or_default())
                    .map_err(|error| format!("the input of an execution: {error}"))?;
                found.push(input["instanceId"].as_str().unwrap_or_default().to_owned());
            }
            if page["nextToken"].is_null() {
                return Ok(found);
            }
            request["nextToken"] = page["nextToken"].clone();
        }
    }

    /// Sets the applied value of a quota of the account.
    pub(crate) async fn set_quota(&self, code: &str, value: usize) -> Result<(), String> {
        self.admin("POST", "quota", &json!({ "code": code, "value": value })).await.map(drop)
    }

    /// Creates an instance and registers it with these groups (IDs and display names). Returns the ID of the instance.
    pub(crate) async fn register(&self, alias: &str, groups: &[(String, String)]) -> Result<String, String> {
        let settings = json!({
            "IdentityManagementType": "SAML", "InstanceAlias": alias, "InboundCallsEnabled": true,
            "OutboundCallsEnabled": true,
        });
        let made = result(&self.endpoint("standIn").rest("connect", "PUT", "/instance", &settings).await)?;
        let text = |name: &str| made[name].as_str().unwrap_or_default();
        let (instance, arn) = (text("Id"), text("Arn"));
        let path = format!("/instance/{instance}");
        until("the instance is active", async || {
            let found = self.endpoint("standIn").rest("connect", "GET", &path, &Value::Null).await.json();
            (found["Instance"]["InstanceStatus"] == "ACTIVE").then_some(())
        })
        .await;
        let config = registry_config(instance, arn, alias, groups).to_string();
        let body = json!({
            "TableName": self.addresses["outputs"]["RegistryTable"],
            "Item": { "instanceId": { "S": instance }, "config": { "S": config } },
        });
        result(&self.endpoint("endpoint").json("dynamodb", "DynamoDB_20120810.PutItem", &body).await)?;
        Ok(instance.to_owned())
    }

    /// Invokes the function whose name contains `part`.
    pub(crate) async fn invoke(&self, part: &str) -> Result<(), String> {
        let lambda = self.endpoint("endpoint");
        let list = lambda.rest("lambda", "GET", "/2015-03-31/functions/?MaxItems=200", &Value::Null).await;
        let list = result(&list)?;
        let names = list["Functions"].as_array().into_iter().flatten().filter_map(|one| one["FunctionName"].as_str());
        let name = names.into_iter().find(|name| name.contains(part)).ok_or(format!("no function is named {part}"))?;
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let output = result(&lambda.rest("lambda", "POST", &path, &json!({})).await)?;
        if output["errorType"].is_null() { Ok(()) } else { Err(format!("{part}: {output}")) }
    }

    /// Adds a member to the group with this ID.
    pub(crate) async fn add_member(&self, group: &str, member: &Value) -> Result<(), String> {
        self.admin("POST", "members/add", &json!({ "group": group, "member": member })).await.map(drop)
    }

    /// Returns the status of each call of a Connect operation.
    pub(crate) async fn statuses(&self, operation: &str) -> Result<Vec<u64>, String> {
        let calls = self.admin("GET", "calls", &Value::Null).await?;
        let calls = calls.as_array().into_iter().flatten().filter(|call| call["operation"] == operation);
        Ok(calls.filter_map(|call| call["status"].as_u64()).collect())
    }

    /// Returns the number of users of each instance that has the ID `instances`.
    pub(crate) async fn users(&self, instances: &[String]) -> Result<Vec<usize>, String> {
        let inventory = self.admin("GET", "inventory", &Value::Null).await?;
        let all = inventory["connect"]["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
        let users = |id: &String| {
            let instance = all.iter().find(|instance| instance["Id"] == id.as_str());
            instance.and_then(|instance| instance["users"].as_array()).map_or(0, Vec::len)
        };
        Ok(instances.iter().map(users).collect())
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

fn member_id(number: u32) -> String {
    format!("00000000-0000-4000-b000-{number:012x}")
}

fn result(response: &Response) -> Result<Value, String> {
    if response.succeeded() { Ok(response.json()) } else { Err(format!("{}: {}", response.status, response.text)) }
}
