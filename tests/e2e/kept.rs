//! A local cloud with the real stack that is shared by a group of tests.

use std::{
    fs::File,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::common::{http, local, onboard};
use onboard_cli::cloud::kept::{FILE, Kept};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Timeout for any operation in the local cloud, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running local cloud.
pub(crate) struct Cloud {
    pub(crate) kept: Kept,
    folder: TempDir,
    // Closing its standard input stops the cloud, also if a test program exits without dropping statics.
    _program: Child,
}

/// A finished execution.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: String,
    pub(crate) output: Value,
}

impl Cloud {
    /// Deploys the stack for this tenant without an onboarding.
    pub(crate) fn idle(tenant: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("tenant.json"), tenant.to_string()).unwrap();
        let mut command = local();
        command.args(["--keep", "--idle", "--tenant"]).arg(path("tenant.json"));
        Self::of(&command, folder)
    }

    /// Deploys the stack for this tenant, with an input file and a clock factor.
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

    /// Onboards this many users with the smallest input.
    pub(crate) fn onboarded(people: usize) -> Self {
        let mut command = local();
        command.args(["--keep", "--input", "examples/smallest.json", "--users", &people.to_string()]);
        Self::of(&command, tempfile::tempdir().unwrap())
    }

    /// Onboards this many users with the example that contains all options.
    pub(crate) fn with_everything(people: usize) -> Self {
        let mut command = local();
        command.args(["--keep", "--input", "examples/everything.json", "--users", &people.to_string()]);
        Self::of(&command, tempfile::tempdir().unwrap())
    }

    /// The local cloud that this command starts.
    pub(crate) fn of(command: &Command, folder: TempDir) -> Self {
        let (kept, program) = start(command, &folder.path().join("current.json"), &folder.path().join("log"));
        Self { kept, folder, _program: program }
    }

    /// The program with these arguments, connected to this cloud.
    pub(crate) fn onboard(&self, arguments: &[&str]) -> Command {
        let mut command = onboard();
        command.args(arguments).arg("--local").env(FILE, self.folder.path().join("current.json"));
        command
    }

    /// Calls the emulator in the AWS JSON protocol.
    pub(crate) async fn call(&self, service: &str, target: &str, body: Value) -> Value {
        self.attempt(service, target, body).await.unwrap_or_else(|refusal| panic!("{target}: {refusal}"))
    }

    /// Calls the emulator in the AWS JSON protocol. Returns an error response as an error.
    pub(crate) async fn attempt(&self, service: &str, target: &str, body: Value) -> Result<Value, String> {
        let request = http()
            .post(&self.kept.endpoint)
            .header("authorization", signature(service, &self.kept.region))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        if status.is_success() { Ok(serde_json::from_str(&text).unwrap_or_default()) } else { Err(text) }
    }

    /// Calls an AWS service in the REST protocol: the stand-in for Amazon Connect, the emulator for all others.
    pub(crate) async fn rest(&self, service: &str, method: &str, path: &str, body: &Value) -> Value {
        self.rest_with(service, method, path, body, &[]).await
    }

    /// Calls an AWS service in the REST protocol with additional headers.
    pub(crate) async fn rest_with(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&'static str, &'static str)],
    ) -> Value {
        let door = if service == "connect" { &self.kept.stand_in } else { &self.kept.endpoint };
        let request = http()
            .request(method.parse().unwrap(), format!("{door}{path}"))
            .header("authorization", signature(service, &self.kept.region))
            .header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|_| if text.is_empty() { Value::Null } else { text.into() })
    }

    /// Sets an applied quota value of the account. Synchronous, because shared clouds are created outside the tests'
    /// runtimes.
    pub(crate) fn set_quota(&self, code: &str, value: usize) {
        let address = self.kept.stand_in.trim_start_matches("http://");
        let body = json!({ "code": code, "value": value }).to_string();
        let head = format!("host: {address}\r\nconnection: close\r\ncontent-length: {}", body.len());
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "POST /_admin/quota HTTP/1.1\r\n{head}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Calls the stand-in's admin API.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/_admin/{path}", self.kept.stand_in);
        let answer = http().request(method.parse().unwrap(), url).body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sends a notification to the URL of a subscription, as Graph does. Returns the HTTP status.
    pub(crate) async fn notify(&self, subscription: &Value, body: &Value) -> u16 {
        let url: reqwest::Url = subscription["notificationUrl"].as_str().unwrap().parse().unwrap();
        let request =
            http().post(format!("{}{}", self.kept.endpoint, url.path())).header("host", url.host_str().unwrap());
        request.json(body).send().await.unwrap().status().as_u16()
    }

    /// Subscribes a queue to the stack's notifications.
    pub(crate) async fn subscribe(&self, queue_arn: &str) {
        let topic = self.output("NotificationTopicArn");
        let name = queue_arn.rsplit(':').next().unwrap();
        let queue = self.call("sqs", "AmazonSQS.GetQueueUrl", json!({ "QueueName": name })).await;
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": queue_arn,
            "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
        }] });
        let body = json!({ "QueueUrl": queue["QueueUrl"], "Attributes": { "Policy": policy.to_string() } });
        self.call("sqs", "AmazonSQS.SetQueueAttributes", body).await;
        self.query("sns", "Subscribe", &[("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", queue_arn)]).await;
    }

    /// Calls the emulator in the AWS query protocol. Returns the XML response.
    pub(crate) async fn query(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let request = http().post(&self.kept.endpoint).header("authorization", signature(service, &self.kept.region));
        let form: Vec<(&str, &str)> = [("Action", action)].into_iter().chain(fields.iter().copied()).collect();
        let answer = request.form(&form).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{action}: {text}");
        text
    }

    /// Ends a subscription, as Graph does when it expires.
    pub(crate) async fn unsubscribe(&self, id: &str) {
        self.admin("POST", "subscriptions/end", &json!({ "id": id })).await;
    }

    /// The functions' logs.
    pub(crate) async fn log(&self) -> Vec<String> {
        let groups = self.call("logs", "Logs_20140328.DescribeLogGroups", json!({})).await;
        let mut lines = Vec::new();
        for group in groups["logGroups"].as_array().unwrap() {
            let mut page = json!({ "logGroupName": group["logGroupName"] });
            loop {
                let found = self.call("logs", "Logs_20140328.FilterLogEvents", page.clone()).await;
                let events = found["events"].as_array().unwrap().iter();
                lines.extend(events.map(|event| event["message"].as_str().unwrap().trim_end().to_owned()));
                if found["nextToken"].is_null() {
                    break;
                }
                page["nextToken"] = found["nextToken"].clone();
            }
        }
        lines
    }

    /// Waits until all queues of the stack are empty.
    pub(crate) async fn until_queues_are_empty(&self) {
        let queues = self.call("sqs", "AmazonSQS.ListQueues", json!({})).await;
        for url in queues["QueueUrls"].as_array().unwrap() {
            until("the queue is empty", async || {
                let body = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
                let found = self.call("sqs", "AmazonSQS.GetQueueAttributes", body).await;
                let counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
                counts.iter().all(|count| found["Attributes"][*count] == "0").then_some(())
            })
            .await;
        }
    }

    /// An output of the stack.
    pub(crate) fn output(&self, name: &str) -> &str {
        self.kept.outputs.get(name).unwrap_or_else(|| panic!("the stack has no output {name}"))
    }

    /// Starts the state machine whose ARN is in this output. Returns the execution's ARN.
    pub(crate) async fn start(&self, machine: &str, input: &Value) -> String {
        let body = json!({ "stateMachineArn": self.output(machine), "input": input.to_string() });
        let started = self.call("states", "AWSStepFunctions.StartExecution", body).await;
        started["executionArn"].as_str().unwrap().to_owned()
    }

    /// ARN and input of each execution of the state machine whose ARN is in this output.
    pub(crate) async fn executions(&self, machine: &str) -> Vec<(String, Value)> {
        let body = json!({ "stateMachineArn": self.output(machine) });
        let list = self.call("states", "AWSStepFunctions.ListExecutions", body).await;
        let mut found = Vec::new();
        for execution in list["executions"].as_array().unwrap() {
            let arn = execution["executionArn"].as_str().unwrap();
            let described =
                self.call("states", "AWSStepFunctions.DescribeExecution", json!({ "executionArn": arn })).await;
            found.push((arn.to_owned(), serde_json::from_str(described["input"].as_str().unwrap()).unwrap()));
        }
        found
    }

    /// Number of times that an execution entered a state.
    pub(crate) async fn entered(&self, execution: &str, state: &str) -> usize {
        let body = json!({ "executionArn": execution, "maxResults": 1000 });
        let history = self.call("states", "AWSStepFunctions.GetExecutionHistory", body).await;
        let events = history["events"].as_array().unwrap().clone();
        events.iter().filter(|event| event["stateEnteredEventDetails"]["name"] == state).count()
    }

    /// Waits until an execution ends.
    pub(crate) async fn end_of(&self, execution: &str) -> Ended {
        let ended = until("an execution has ended", async || {
            let body = json!({ "executionArn": execution });
            let found = self.call("states", "AWSStepFunctions.DescribeExecution", body).await;
            (found["status"] != "RUNNING").then_some(found)
        })
        .await;
        let output = match ended["output"].as_str() {
            Some(output) => serde_json::from_str(output).unwrap(),
            None if ended["error"].is_string() => json!({ "Error": ended["error"], "Cause": ended["cause"] }),
            None => ended.clone(),
        };
        Ended { status: ended["status"].as_str().unwrap().to_owned(), output }
    }
}

/// Polls until the function returns a value.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "timeout after {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs a program until the program or standard input ends.
const WATCHED: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- & program=$!
(cat <&3 >/dev/null; kill -TERM $program) & watch=$!
wait $program; status=$?
kill $watch 2>/dev/null
exit $status
"#;

/// Starts the program and waits until it publishes the cloud's addresses.
fn start(command: &Command, file: &Path, log: &Path) -> (Kept, Child) {
    // A static is never dropped, but its pipe closes when the process exits. The shell then stops the program.
    let mut shell = Command::new("sh");
    shell.args(["-c", WATCHED, "sh"]);
    shell
        .arg(command.get_program())
        .args(command.get_args())
        .envs(command.get_envs().filter_map(|(n, v)| Some((n, v?))));
    shell.current_dir(command.get_current_dir().unwrap()).env_remove("ONBOARD_BOOTSTRAP").env(FILE, file);
    let out = File::create(log).unwrap();
    let mut child = shell.stdin(Stdio::piped()).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
    let started = Instant::now();
    loop {
        if let Ok(kept) = Kept::read(file) {
            return (kept, child);
        }
        let log = || std::fs::read_to_string(log).unwrap_or_default();
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the local cloud ended ({status}):\n{}", log());
        }
        assert!(started.elapsed() < 2 * PATIENCE, "the local cloud did not start:\n{}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The authorization header, from which the emulator reads service and Region. It checks nothing else.
fn signature(service: &str, region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

#[test]
#[should_panic(expected = "the local cloud ended (exit status: 3):\nno room for it")]
fn a_local_cloud_that_exits_fails_its_test_at_once_with_its_log() {
    let mut command = Command::new("sh");
    command.current_dir("/").args(["-c", "echo no room for it; exit 3"]);
    Cloud::of(&command, tempfile::tempdir().unwrap());
}
