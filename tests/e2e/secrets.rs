//! Checks that no secret leaks. After complete onboardings with each kind of credential, the tests search all outputs
//! of the run for the known secrets, keys, tokens and documents.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use super::{
    cloud::{Cloud, Mailbox, until},
    common::local,
    local::descendants,
};
use regex::Regex;
use serde_json::{Value, json};
use test_support::{TIMEOUT, between};

/// The text of a sample document.
const DOCUMENT: &str = "A sample document of Connect Onboarding";

/// A finished run whose cloud is still running.
struct Run {
    cloud: Cloud,
    folder: tempfile::TempDir,
    queue: String,
}

impl Run {
    async fn by(credential: &str, input: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = local();
        command.args(["--keep", "--idle", "--users", "2", "--credential", credential, "--input", input]);
        command.arg("--record").arg(folder.path().join("record.jsonl"));
        let cloud = Cloud::of(&command, tempfile::tempdir().unwrap());
        let queue = Mailbox::open(&cloud, "listener").await.queue;
        let input: Value =
            serde_json::from_str(&fs::read_to_string(super::common::root().join(input)).unwrap()).unwrap();
        cloud.run("OnboardingStateMachineArn", &input).await;
        Self { cloud, folder, queue }
    }

    /// Everything that the run wrote, by place: terminal output, logs, files and stored state.
    async fn remains(&self) -> BTreeMap<&'static str, String> {
        let cloud = &self.cloud;
        let mut histories = String::new();
        for machine in ["OnboardingStateMachineArn", "UserSyncStateMachineArn"] {
            for execution in cloud.execution_arns(machine, None).await {
                histories += &json!(cloud.history(&execution).await).to_string();
                let body = json!({ "executionArn": execution });
                histories += &cloud.call("states", "AWSStepFunctions.DescribeExecution", body).await.to_string();
            }
        }
        let table = json!({ "TableName": cloud.output("RegistryTable") });
        let mailbox = Mailbox { cloud, queue: self.queue.clone() };
        let mut messages = String::new();
        while let Some(message) = mailbox.receive().await {
            messages += &message.to_string();
        }
        // The emulator runs in the run's directory and writes its log there.
        let folders = descendants(cloud.addresses.process_id)
            .into_iter()
            .filter_map(|id| fs::read_link(format!("/proc/{id}/cwd")).ok());
        let emulator = folders.filter_map(|folder| fs::read_to_string(folder.join("emulator.log")).ok()).next();
        BTreeMap::from([
            ("record", fs::read_to_string(self.folder.path().join("record.jsonl")).unwrap()),
            ("inventory", cloud.inventory().await.to_string()),
            ("calls", cloud.admin("GET", "calls", &Value::Null).await.to_string()),
            ("registry", cloud.call("dynamodb", "DynamoDB_20120810.Scan", table).await.to_string()),
            ("functions' log", cloud.log().await.join("\n")),
            ("emulator's log", emulator.unwrap()),
            ("messages", messages),
            ("histories", histories),
        ])
    }

    /// Two lists: the names of all secrets in Secrets Manager, and the physical names of the secrets that the stack
    /// created.
    async fn secret_names(&self) -> (Vec<String>, Vec<String>) {
        let listed = self.cloud.call("secretsmanager", "secretsmanager.ListSecrets", json!({})).await;
        let name = |secret: &Value| secret["Name"].as_str().unwrap().to_owned();
        let listed = listed["SecretList"].as_array().unwrap().iter().map(name).collect();
        let stack = [("StackName", self.cloud.addresses.stack.as_str())];
        let resources = self.cloud.query("cloudformation", "DescribeStackResources", &stack).await;
        let secrets = resources.split("<member>").filter(|resource| resource.contains("AWS::SecretsManager::Secret<"));
        let id = |resource: &str| between(resource, "<PhysicalResourceId>", "</PhysicalResourceId>").to_owned();
        (listed, secrets.map(id).collect())
    }

    /// All secrets in Secrets Manager. Waits until the list contains the secrets of the stack, because the emulator's
    /// list was once empty on a busy machine.
    async fn secrets(&self) -> Vec<String> {
        let started = Instant::now();
        let names = loop {
            let (listed, of_stack) = self.secret_names().await;
            let is_listed = |id: &String| listed.iter().any(|name| id == name || id.contains(&format!(":{name}-")));
            if !of_stack.is_empty() && of_stack.iter().all(is_listed) {
                break listed;
            }
            let elapsed = started.elapsed();
            assert!(elapsed < TIMEOUT, "after {elapsed:?}, ListSecrets returns {listed:?}, the stack has {of_stack:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let mut found = Vec::new();
        for name in names {
            let body = json!({ "SecretId": name });
            let value = self.cloud.call("secretsmanager", "secretsmanager.GetSecretValue", body).await;
            let text = value["SecretString"].as_str().unwrap();
            match serde_json::from_str::<Value>(text) {
                Ok(fields) => {
                    found.extend(fields["clientSecret"].as_str().map(str::to_owned));
                    // Each line of a private key counts as a secret.
                    let key = fields["privateKey"].as_str().unwrap_or_default();
                    found.extend(key.lines().filter(|line| line.len() == 64).map(str::to_owned));
                }
                Err(_) => found.push(text.to_owned()),
            }
        }
        found
    }
}

async fn nothing_secret_is_left(credential: &str, input: &str, secrets: usize) {
    let run = Run::by(credential, input).await;
    let mut marks = run.secrets().await;
    assert!(
        marks.len() >= secrets && marks.iter().all(|mark| mark.len() >= 16),
        "{} secrets, expected {secrets} or more, each with 16 characters or more",
        marks.len()
    );
    marks.push(DOCUMENT.to_owned());
    marks.push("PRIVATE KEY".to_owned());
    // All kinds of tokens are JSON Web Tokens.
    let token = Regex::new(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ").unwrap();
    let remains = until("the sync has published its messages", async || {
        let remains = run.remains().await;
        (!remains["messages"].is_empty()).then_some(remains)
    })
    .await;
    for (place, text) in &remains {
        assert!(text.len() > 100, "{place} is empty, so nothing was searched");
        for mark in &marks {
            assert!(
                !text.contains(mark.as_str()),
                "{credential}: a secret ({} characters) is in the {place}",
                mark.len()
            );
        }
        if let Some(found) = token.find(text) {
            panic!(
                "{credential}: a token is in the {place}: …{}",
                &text[found.start().saturating_sub(200)..found.start()]
            );
        }
    }
    assert!(remains["record"].contains("***"), "the record contains no masked value");
}

#[tokio::test]
async fn without_secrets_no_token_leaks() {
    // In a stack without Entra secrets, the only secret is the HMAC key from which the clientState values of the Graph
    // subscriptions are derived.
    nothing_secret_is_left("keyless", "examples/smallest.json", 1).await;
}

#[tokio::test]
async fn no_private_key_token_or_document_leaks() {
    nothing_secret_is_left("certificate", "examples/tokyo-callcenter.json", 40).await;
}

#[tokio::test]
async fn no_client_secret_or_token_leaks() {
    nothing_secret_is_left("secret", "examples/smallest.json", 3).await;
}
