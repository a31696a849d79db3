//! No secret leaks: after complete onboardings with each kind of credential, all outputs of a run are searched for the
//! known secrets, keys, tokens and documents.

use std::{collections::BTreeMap, fs};

use super::{
    common::local,
    kept::{Cloud, until},
    local::descendants,
};
use regex::Regex;
use serde_json::{Value, json};

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
        let made = cloud.call("sqs", "AmazonSQS.CreateQueue", json!({ "QueueName": "listener" })).await;
        let queue = made["QueueUrl"].as_str().unwrap().to_owned();
        let arn = format!("arn:aws:sqs:{}:{}:listener", cloud.kept.region, cloud.kept.account);
        cloud.subscribe(&arn).await;
        let input: Value =
            serde_json::from_str(&fs::read_to_string(super::common::root().join(input)).unwrap()).unwrap();
        let ended = cloud.end_of(&cloud.start("OnboardingStateMachineArn", &input).await).await;
        assert_eq!(ended.status, "SUCCEEDED", "{:?}", ended.output);
        Self { cloud, folder, queue }
    }

    /// All outputs of the run, by source.
    async fn remains(&self) -> BTreeMap<&'static str, String> {
        let cloud = &self.cloud;
        let mut histories = String::new();
        for machine in ["OnboardingStateMachineArn", "UserSyncStateMachineArn"] {
            let body = json!({ "stateMachineArn": cloud.output(machine) });
            let listed = cloud.call("states", "AWSStepFunctions.ListExecutions", body).await;
            for execution in listed["executions"].as_array().unwrap() {
                let body = json!({ "executionArn": execution["executionArn"], "maxResults": 1000 });
                let described = json!({ "executionArn": execution["executionArn"] });
                histories += &cloud.call("states", "AWSStepFunctions.GetExecutionHistory", body).await.to_string();
                histories += &cloud.call("states", "AWSStepFunctions.DescribeExecution", described).await.to_string();
            }
        }
        let table = json!({ "TableName": cloud.output("RegistryTable") });
        let mut messages = String::new();
        loop {
            let body = json!({ "QueueUrl": self.queue, "MaxNumberOfMessages": 10 });
            let received = cloud.call("sqs", "AmazonSQS.ReceiveMessage", body).await;
            let Some(some) = received["Messages"].as_array().filter(|some| !some.is_empty()) else { break };
            messages += &received.to_string();
            for message in some {
                let body = json!({ "QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"] });
                cloud.call("sqs", "AmazonSQS.DeleteMessage", body).await;
            }
        }
        // The emulator runs in the run's directory and writes its log there.
        let folders = descendants(cloud.kept.process_id)
            .into_iter()
            .filter_map(|id| fs::read_link(format!("/proc/{id}/cwd")).ok());
        let emulator = folders.filter_map(|folder| fs::read_to_string(folder.join("emulator.log")).ok()).next();
        BTreeMap::from([
            ("record", fs::read_to_string(self.folder.path().join("record.jsonl")).unwrap()),
            ("inventory", cloud.admin("GET", "inventory", &Value::Null).await.to_string()),
            ("calls", cloud.admin("GET", "calls", &Value::Null).await.to_string()),
            ("registry", cloud.call("dynamodb", "DynamoDB_20120810.Scan", table).await.to_string()),
            ("functions' log", cloud.log().await.join("\n")),
            ("emulator's log", emulator.unwrap()),
            ("messages", messages),
            ("histories", histories),
        ])
    }

    /// All secrets in Secrets Manager.
    async fn secrets(&self) -> Vec<String> {
        let listed = self.cloud.call("secretsmanager", "secretsmanager.ListSecrets", json!({})).await;
        let mut found = Vec::new();
        for secret in listed["SecretList"].as_array().unwrap() {
            let body = json!({ "SecretId": secret["ARN"] });
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
    assert!(marks.len() >= secrets && marks.iter().all(|mark| mark.len() >= 16), "{} secrets", marks.len());
    marks.push(DOCUMENT.to_owned());
    marks.push("PRIVATE KEY".to_owned());
    // All kinds of tokens are JSON Web Tokens.
    let token = Regex::new(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ").unwrap();
    let remains = until("the sync's notifications have arrived", async || {
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
    assert!(remains["record"].contains("***"), "the record contains redacted values");
}

#[tokio::test]
async fn without_secrets_no_token_leaks() {
    // The only secret is the key for the client states.
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
