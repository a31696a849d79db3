//! Tests that `onboard deploy` deploys the template to a local cloud: as an update of a running stack, and as a new
//! stack.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{between, member};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string_contains, method},
};

use super::{
    cloud::Cloud,
    commands::{
        interrupt::{CTRL_C, typing},
        output,
    },
    common::{err, onboard, out, root},
};

/// The title of the schema for the command's output.
const SCHEMA: &str = "deploy";

/// A local cloud, and a script that starts the functions' debug binary. The script replaces a binary that is built for
/// Lambda.
struct Fixture {
    cloud: Cloud,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let id = "00000000-0000-4000-8000-000000000001";
        let members = [member(id, "agent1@example.com", "Agent 1")];
        let cloud = Cloud::idle(&json!({ "groups": [{ "displayName": "Support agents", "members": members }] }));
        let folder = tempfile::tempdir().unwrap();
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_onboard")).with_file_name("bootstrap");
        let script = folder.path().join("bootstrap");
        fs::write(&script, format!("#!/bin/sh\nexec '{}'\n", binary.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { cloud, folder }
    }

    /// Runs `onboard deploy` for the stack of the local cloud.
    fn upgrade(&self, arguments: &[&str]) -> Output {
        self.upgrading(arguments).output().unwrap()
    }

    fn upgrading(&self, arguments: &[&str]) -> Command {
        let mut command = self.cloud.onboard(&["deploy"]);
        command.arg("--bootstrap").arg(self.folder.path().join("bootstrap")).args(arguments);
        command
    }

    /// Runs `onboard deploy` for another stack. The AWS settings are in environment variables, as an operator sets
    /// them.
    fn create(&self, stack: &str, arguments: &[&str]) -> Output {
        let addresses = &self.cloud.addresses;
        let mut command: Command = onboard();
        command.args(["deploy", "--json", "--stack", stack, "--bootstrap"]).arg(self.folder.path().join("bootstrap"));
        command.arg("--folder").arg(root()).current_dir(self.folder.path());
        command.env("AWS_ENDPOINT_URL", &addresses.stand_in).env("AWS_REGION", &addresses.region);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.args(["--parameter", "Stage=local", "--parameter", &format!("GraphUrl={}", addresses.graph_url)]);
        command.args(["--parameter", &format!("LoginUrl={}", addresses.login_url)]);
        for name in ["TenantId", "SetupClientId", "RuntimeClientId"] {
            command.args(["--parameter", &format!("{name}=b0000000-0000-4000-8000-000000000001")]);
        }
        command.args(arguments).output().unwrap()
    }

    /// For each of these operations, one call takes effect, but its response is lost.
    async fn lose_responses(&self, operations: &[&str]) {
        let rules = operations.iter().map(|operation| json!({ "match": operation, "break": true }));
        self.cloud.fault(&rules.collect()).await;
    }

    /// The hashes of the functions' code.
    async fn code(&self) -> BTreeSet<String> {
        let found = self.cloud.rest("lambda", "GET", "/2015-03-31/functions/?MaxItems=200", &Value::Null).await;
        let functions = found["Functions"].as_array().unwrap().iter();
        functions.map(|function| function["CodeSha256"].as_str().unwrap().to_owned()).collect()
    }

    /// The value of a parameter of the local cloud's stack.
    async fn parameter(&self, name: &str) -> String {
        let stack = ("StackName", self.cloud.addresses.stack.as_str());
        let text = self.cloud.query("cloudformation", "DescribeStacks", &[stack]).await;
        let (_, after) = text.split_once(&format!("<ParameterKey>{name}</ParameterKey>")).unwrap();
        between(after, "<ParameterValue>", "<").to_owned()
    }

    async fn status(&self, stack: &str) -> Option<String> {
        let aws = test_support::Aws { url: &self.cloud.addresses.endpoint, region: &self.cloud.addresses.region };
        let response = aws.query("cloudformation", "DescribeStacks", &[("StackName", stack)]).await;
        response.succeeded().then(|| between(&response.text, "<StackStatus>", "<").to_owned())
    }
}

fn printed(output: &Output) -> String {
    format!("exit code {:?}\n{}\n{}", output.status.code(), out(output), err(output))
}

/// Returns the lines of the output, and checks that they match the schema.
fn lines(output: &Output) -> Vec<Value> {
    let lines: Vec<Value> = out(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let titled = lines.iter().map(|line| match line["error"].is_object() {
        true => json!(["all commands: an error", line]),
        false => json!([SCHEMA, line]),
    });
    let titled: Value = titled.collect();
    // The validator starts its own async runtime, which is allowed only in a blocking section.
    assert_eq!(tokio::task::block_in_place(|| output::faults(&titled)), "");
    lines
}

#[test]
fn the_build_writes_the_marker_of_the_source_files_into_the_binary() {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_onboard")).with_file_name("bootstrap");
    let home = tempfile::tempdir().unwrap();
    let mut deploy = onboard();
    deploy.args(["deploy", "--json", "--region", "eu-west-1", "--folder"]).arg(root()).arg("--bootstrap").arg(binary);
    deploy.current_dir(home.path()).env("HOME", home.path()).env("AWS_EC2_METADATA_DISABLED", "true");
    let output = deploy.output().unwrap();
    // The binary is accepted, and the command stops only because there are no credentials.
    assert_eq!(lines(&output)[0]["error"]["name"], "NoCredentials", "{}", printed(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_deployed_over_a_running_stack_after_the_changes_are_confirmed() {
    let fixture = Fixture::new();
    let before = fixture.code().await;
    let asked = fixture.upgrade(&[]);
    assert_eq!(asked.status.code(), Some(5), "{}", printed(&asked));
    assert!(out(&asked).contains("~ AWS::Lambda::Function: "), "{}", printed(&asked));
    assert!(out(&asked).contains("0 added") && out(&asked).contains("0 replaced, 0 removed"), "{}", printed(&asked));
    assert_eq!(fixture.code().await, before);

    fixture.lose_responses(&["PUT .*[.]zip", "CreateChangeSet", "ExecuteChangeSet"]).await;
    let deployed = fixture.upgrade(&["--yes", "--json"]);
    assert_eq!(deployed.status.code(), Some(0), "{}", printed(&deployed));
    let [planned, done] = lines(&deployed).try_into().unwrap();
    assert_eq!((&planned["status"], &done["status"]), (&"PLANNED".into(), &"UPDATE_COMPLETE".into()));
    assert_eq!(done["outputs"], json!(fixture.cloud.addresses.outputs));
    let after = fixture.code().await;
    assert!(after.len() == 1 && after.is_disjoint(&before), "{before:?} {after:?}");

    let again = fixture.upgrade(&["--json"]);
    assert_eq!(again.status.code(), Some(0), "{}", printed(&again));
    assert_eq!(lines(&again)[0]["changes"], json!([]));
    let onboarded = fixture.cloud.onboard(&["start", "examples/smallest.json", "--watch"]).output().unwrap();
    assert_eq!(onboarded.status.code(), Some(0), "{}", printed(&onboarded));

    for parameter in ["Nonsense=1", "LogRetentionDays=3", "Language=fr"] {
        let refused = fixture.upgrade(&["--yes", "--json", "--parameter", parameter]);
        assert_eq!(refused.status.code(), Some(2), "{parameter}: {}", printed(&refused));
        assert_eq!(fixture.status(&fixture.cloud.addresses.stack).await.as_deref(), Some("UPDATE_COMPLETE"));
    }
    let changed = fixture.upgrade(&["--yes", "--json", "--parameter", "LogRetentionDays=30"]);
    assert_eq!(changed.status.code(), Some(0), "{}", printed(&changed));
    assert!(lines(&changed)[0]["changes"].to_string().contains("AWS::Logs::LogGroup"), "{}", printed(&changed));

    // A parameter that the command omits keeps its value, and an empty value replaces it.
    let id = fixture.parameter("SetupClientId").await;
    let emptied = fixture.upgrade(&["--yes", "--json", "--parameter", "SetupClientId="]);
    assert_eq!(emptied.status.code(), Some(0), "{}", printed(&emptied));
    assert!(!id.is_empty() && fixture.parameter("SetupClientId").await.is_empty(), "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_deployment_that_failed_is_repeated_and_shows_its_cause() {
    let fixture = Fixture::new();
    let role = format!("centre-{}-graph-setup", fixture.cloud.addresses.region);
    let trust = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
    let fields = [("RoleName", role.as_str()), ("AssumeRolePolicyDocument", trust.as_str())];
    fixture.cloud.iam("CreateRole", &fields).await;

    let failed = fixture.create("centre", &["--yes"]);
    assert_eq!(failed.status.code(), Some(1), "{}", printed(&failed));
    let error = lines(&failed).pop().unwrap()["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("already exists") && message.contains("AWS::IAM::Role"), "{error}");
    assert_eq!(fixture.status("centre").await.as_deref(), Some("ROLLBACK_COMPLETE"));

    let asked = fixture.create("centre", &[]);
    assert_eq!(asked.status.code(), Some(5), "{}", printed(&asked));
    assert_eq!(fixture.status("centre").await.as_deref(), Some("ROLLBACK_COMPLETE"));

    fixture.cloud.iam("DeleteRole", &fields[..1]).await;
    let deployed = fixture.create("centre", &["--yes"]);
    assert_eq!(deployed.status.code(), Some(0), "{}", printed(&deployed));
    let [planned, done] = lines(&deployed).try_into().unwrap();
    assert!(planned["changes"].as_array().unwrap().iter().all(|change| change["action"] == "add"), "{planned}");
    assert_eq!(done["status"], "CREATE_COMPLETE");
    assert!(done["outputs"]["OnboardingStateMachineArn"].is_string(), "{done}");

    // The bucket that the command created is not public and contains the code.
    let stacks = [("StackName", "connect-onboarding-deployments")];
    let text = fixture.cloud.query("cloudformation", "DescribeStacks", &stacks).await;
    let bucket = between(&text, "<OutputValue>", "<").to_owned();
    let get = async |path: &str| fixture.cloud.rest("s3", "GET", path, &Value::Null).await.to_string();
    let blocked = get(&format!("/{bucket}?publicAccessBlock")).await;
    assert_eq!(blocked.matches(">true<").count(), 4, "{blocked}");
    assert!(get(&format!("/{bucket}?encryption")).await.contains("AES256"));
    let objects = get(&format!("/{bucket}?list-type=2")).await;
    assert_eq!(objects.matches("<Key>").count(), 8, "{objects}");
}

#[tokio::test]
async fn after_ctrl_c_the_deployment_continues() {
    let fixture = Fixture::new();
    // The command reads the events once before it executes the change set, so the gate holds the first read after the
    // execution.
    let held = json!({ "service": "cloudformation", "match": "DescribeStackEvents", "after": 1, "gate": "events" });
    fixture.cloud.fault(&held).await;
    let before = fixture.code().await;
    let (code, text) = typing(&fixture.upgrading(&["--yes"]), &[("Deploying connect", CTRL_C)]);
    assert!(code == Some(130) && text.contains("continues in CloudFormation"), "{code:?} {text}");
    fixture.cloud.admin("POST", "gates", &json!({ "open": "events" })).await;
    let again = fixture.upgrade(&["--yes"]);
    assert_eq!(again.status.code(), Some(0), "{}", printed(&again));
    assert!(out(&again).contains("up to date"), "{}", printed(&again));
    assert!(fixture.code().await.is_disjoint(&before));
}

/// A command that sends its AWS requests to this server.
fn with_endpoint(server: &MockServer, arguments: &[&str]) -> Command {
    let mut command = onboard();
    command.args(arguments);
    command.env("AWS_ENDPOINT_URL", server.uri()).env("AWS_REGION", "eu-west-1");
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_was_never_deployed_is_missing_and_a_failed_first_deployment_is_named() {
    for (status, error, message) in [
        ("REVIEW_IN_PROGRESS", "NoStack", "does not exist"),
        ("ROLLBACK_COMPLETE", "OldStack", "first deployment of stack connect-onboarding failed (ROLLBACK_COMPLETE)"),
    ] {
        let server = MockServer::start().await;
        answer(&server, "DescribeStacks", 9, stack(status)).await;
        let mut command = with_endpoint(&server, &["list", "--json"]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(4), "{}", printed(&output));
        let found = lines(&output).pop().unwrap();
        assert_eq!(found["error"]["name"], error, "{found}");
        assert!(found["error"]["message"].as_str().unwrap().contains(message), "{found}");
    }
}

/// Returns this response to the first `times` calls of an operation of CloudFormation.
async fn answer(server: &MockServer, action: &str, times: u64, xml: String) {
    let text = format!("<{action}Response><{action}Result>{xml}</{action}Result></{action}Response>");
    let operation = Mock::given(method("POST")).and(body_string_contains(format!("Action={action}&")));
    operation.respond_with(ResponseTemplate::new(200).set_body_string(text)).up_to_n_times(times).mount(server).await;
}

fn stack(status: &str) -> String {
    format!("<Stacks><member><StackId>arn:s</StackId><StackStatus>{status}</StackStatus></member></Stacks>")
}

#[tokio::test]
async fn a_running_update_is_awaited_first_and_a_late_status_is_not_the_result() {
    let server = MockServer::start().await;
    Mock::given(method("HEAD")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    answer(&server, "DescribeStacks", 2, stack("UPDATE_IN_PROGRESS")).await;
    // The stack has this status before the change set is executed, and keeps this status for a short time afterwards.
    answer(&server, "DescribeStacks", 3, stack("UPDATE_COMPLETE")).await;
    answer(&server, "DescribeStacks", 1, stack("UPDATE_ROLLBACK_IN_PROGRESS")).await;
    answer(&server, "DescribeStacks", 9, stack("UPDATE_ROLLBACK_COMPLETE")).await;
    answer(&server, "CreateChangeSet", 1, String::new()).await;
    let change = "<Changes><member><ResourceChange><Action>Modify</Action><LogicalResourceId>A</LogicalResourceId>\
        </ResourceChange></member></Changes>";
    let set = |execution: &str| {
        format!("<Status>CREATE_COMPLETE</Status><ExecutionStatus>{execution}</ExecutionStatus>{change}")
    };
    answer(&server, "DescribeChangeSet", 1, set("AVAILABLE")).await;
    answer(&server, "DescribeChangeSet", 9, set("EXECUTE_IN_PROGRESS")).await;
    answer(&server, "ExecuteChangeSet", 1, String::new()).await;
    let event = |id: u32, status: &str, reason: &str| {
        format!(
            "<member><EventId>{id}</EventId><LogicalResourceId>A</LogicalResourceId><ResourceType>T</ResourceType>\
             <ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason></member>"
        )
    };
    let old = event(1, "UPDATE_FAILED", "of an earlier update");
    answer(&server, "DescribeStackEvents", 1, format!("<StackEvents>{old}</StackEvents>")).await;
    let new = event(2, "UPDATE_FAILED", "no permission");
    answer(&server, "DescribeStackEvents", 9, format!("<StackEvents>{new}{old}</StackEvents>")).await;

    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("bootstrap");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    let arguments = ["deploy", "--yes", "--json", "--bucket", "code", "--bootstrap", script.to_str().unwrap()];
    let mut command = with_endpoint(&server, &arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    let message = out(&output).lines().last().unwrap().to_owned();
    assert!(message.contains("UPDATE_ROLLBACK_COMPLETE") && message.contains("A (T): no permission"), "{message}");
}
