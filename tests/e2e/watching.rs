//! The stack's notifications in both languages and for chat, its alarms, and its logs.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex, OnceLock},
};

use super::kept::{Cloud, Ended, until};
use serde_json::{Value, json};

const MACHINE: &str = "OnboardingStateMachineArn";
/// The instance quota, sufficient for all tests.
const INSTANCES: usize = 4;

fn cloud() -> &'static Cloud {
    static CLOUD: OnceLock<Cloud> = OnceLock::new();
    CLOUD.get_or_init(|| {
        let member = |number: usize, name: &str| {
            json!({
                "@odata.type": "#microsoft.graph.user", "id": format!("77000000-0000-4000-8000-{number:012}"),
                "userPrincipalName": name, "displayName": "A Person", "givenName": "A", "surname": "Person",
                "mail": null, "accountEnabled": true, "userType": "Member",
            })
        };
        let group = |name: &str, members: Vec<Value>| json!({ "displayName": name, "members": members });
        Cloud::idle(&json!({ "groups": [
            group("Agents", vec![member(1, "agent@contoso.example")]),
            group("Others", vec![member(2, "other@contoso.example"), member(3, "third@contoso.example")]),
        ] }))
    })
}

/// Onboards this alias with this group.
async fn onboard(alias: &str, group: &str, language: &str) -> (String, Ended) {
    let input = json!({
        "instance": { "alias": alias }, "language": language,
        "users": { "groups": [{ "group": group, "securityProfiles": ["Agent"] }] },
    });
    cloud().admin("POST", "quota", &json!({ "code": "L-AA17A6B9", "value": INSTANCES })).await;
    let execution = cloud().start(MACHINE, &input).await;
    let ended = cloud().end_of(&execution).await;
    (execution, ended)
}

/// A queue that receives the notifications.
struct Mailbox(String);

impl Mailbox {
    async fn new(name: &str) -> Self {
        let cloud = cloud();
        let made = cloud.call("sqs", "AmazonSQS.CreateQueue", json!({ "QueueName": name })).await;
        let arn = format!("arn:aws:sqs:{}:{}:{name}", cloud.kept.region, cloud.kept.account);
        cloud.subscribe(&arn).await;
        Self(made["QueueUrl"].as_str().unwrap().to_owned())
    }

    /// Subject and text of the next message that contains this text. Other messages are discarded.
    async fn next(&self, with: &str) -> (String, String) {
        until(&format!("a mail with {with:?}"), async || {
            let body = json!({ "QueueUrl": self.0, "MaxNumberOfMessages": 1 });
            let found = cloud().call("sqs", "AmazonSQS.ReceiveMessage", body).await;
            let mail = found["Messages"].as_array()?.first()?.clone();
            let body = json!({ "QueueUrl": self.0, "ReceiptHandle": mail["ReceiptHandle"] });
            cloud().call("sqs", "AmazonSQS.DeleteMessage", body).await;
            let envelope: Value = serde_json::from_str(mail["Body"].as_str().unwrap()).unwrap();
            let text = envelope["Message"].as_str().unwrap().to_owned();
            text.contains(with).then(|| (envelope["Subject"].as_str().unwrap().to_owned(), text))
        })
        .await
    }
}

/// An HTTP server that receives notifications like a chat application, but without TLS.
struct Listener(Arc<Mutex<Vec<Value>>>);

impl Listener {
    async fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", socket.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let mut length = 0;
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                shared.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                reader
                    .get_mut()
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        let listener = Self(heard);
        let topic = cloud().output("NotificationTopicArn");
        let fields = [("TopicArn", topic), ("Protocol", "http"), ("Endpoint", &*url)];
        cloud().query("sns", "Subscribe", &fields).await;
        let hello = listener.next(|body| body["Type"] == "SubscriptionConfirmation").await;
        let token = hello["Token"].as_str().unwrap();
        cloud().query("sns", "ConfirmSubscription", &[("TopicArn", topic), ("Token", token)]).await;
        listener
    }

    async fn next(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        until("a message to a listener", async || self.0.lock().unwrap().iter().find(|body| is_it(body)).cloned()).await
    }
}

/// Parses a line of the log. Returns `None` if it is not a log record of a step.
fn line_of(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok().filter(|line| line["fields"]["message"].is_string())
}

#[tokio::test]
async fn an_onboarding_sends_mail_and_chat_notifications_in_the_language_of_its_input() {
    let (mail, chat) = (Mailbox::new("both-languages").await, Listener::new().await);
    for (language, ready, finished) in [
        ("en", "users can sign in", "onboarding finished"),
        ("ja", "サインインできるようになりました", "オンボーディングが完了しました"),
    ] {
        let (execution, ended) = onboard("told", "Agents", language).await;
        assert_eq!(ended.status, "SUCCEEDED", "{}", ended.output);
        for title in [ready, finished] {
            let (subject, text) = mail.next(&execution).await;
            assert_eq!(subject, format!("Amazon Connect told: {title}"));
            assert!(text.starts_with(&subject) && text.contains(ended.output["ssoUrl"].as_str().unwrap()), "{text}");
        }
        let is_it = |body: &Value| {
            body["Message"].as_str().is_some_and(|text| text.contains(&execution) && text.contains(finished))
        };
        let heard = chat.next(is_it).await;
        let custom: Value = serde_json::from_str(heard["Message"].as_str().unwrap()).unwrap();
        assert_eq!((&custom["version"], &custom["source"]), (&json!("1.0"), &json!("custom")));
        assert!(custom["content"]["nextSteps"][0].as_str().unwrap().contains("aws stepfunctions"), "{custom}");
    }
}

#[tokio::test]
async fn a_failed_onboarding_is_notified_with_its_reason_and_the_recommended_action() {
    let mail = Mailbox::new("failed").await;
    let (execution, ended) = onboard("failed", "No such group", "en").await;
    assert_eq!(ended.status, "FAILED");
    let (subject, text) = mail.next(&execution).await;
    assert_eq!(subject, "Connect Onboarding: Onboarding failed");
    assert!(text.contains("InvalidInput: ") && text.contains("No such group"), "{text}");
    assert!(text.contains("Correct the input as described in the message, then start again."), "{text}");
}

#[tokio::test]
async fn a_user_rejected_by_connect_raises_an_alarm_with_the_recommended_action() {
    let cloud = cloud();
    let mail = Mailbox::new("alarm").await;
    // The instance is created first, so that the fault rule affects only this test's users. Its second user is always
    // rejected.
    cloud.admin("POST", "quota", &json!({ "code": "L-AA17A6B9", "value": INSTANCES })).await;
    let wish = json!({
        "IdentityManagementType": "SAML", "InstanceAlias": "refused", "InboundCallsEnabled": true, "OutboundCallsEnabled": true,
    });
    let made = cloud.rest("connect", "PUT", "/instance", &wish).await;
    let users = format!("PUT /users/{}$", made["Id"].as_str().unwrap());
    let rule = json!([{ "match": users, "after": 1, "times": 0, "status": 400, "code": "InvalidParameterException" }]);
    cloud.admin("POST", "fault", &rule).await;
    let (_, ended) = onboard("refused", "Others", "en").await;
    assert_eq!(ended.output["signOn"]["users"]["counts"]["failed"], 1, "{}", ended.output);

    // Extracts the metrics from the log. CloudWatch does this in AWS; the emulator does not.
    let figures = cloud.log().await;
    let figures = figures.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let figures: Vec<Value> =
        figures.filter(|line| line["Instance"] == "refused" && line["UsersFailed"] == 1).collect();
    assert_eq!(figures.len(), 1, "one metric per run");
    let figure = &figures[0]["_aws"]["CloudWatchMetrics"][0];
    let namespace = figure["Namespace"].as_str().unwrap();
    let fields = [
        ("Namespace", namespace),
        ("MetricData.member.1.MetricName", "UsersFailed"),
        ("MetricData.member.1.Value", "1"),
        ("MetricData.member.1.Unit", "Count"),
    ];
    cloud.query("monitoring", "PutMetricData", &fields).await;
    let (subject, text) = mail.next("UsersFailedAlarm").await;
    assert!(subject.starts_with("ALARM: "), "{subject}");
    let alarm: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&alarm["NewStateValue"], &alarm["Trigger"]["Namespace"]),
        (&json!("ALARM"), figure.get("Namespace").unwrap())
    );
    let says = alarm["AlarmDescription"].as_str().unwrap();
    let command = format!("--state-machine-arn {}", cloud.output("UserSyncStateMachineArn"));
    assert!(says.starts_with("Some users could not be created") && says.contains(&command), "{says}");
}

#[tokio::test]
async fn every_log_line_of_a_step_contains_execution_instance_and_request() {
    let (execution, ended) = onboard("logged", "Agents", "en").await;
    assert_eq!(ended.status, "SUCCEEDED", "{}", ended.output);
    let log = cloud().log().await;
    let lines: Vec<Value> = log.iter().filter_map(|line| line_of(line)).collect();
    assert!(lines.iter().all(|line| line["span"]["requestId"].is_string() && line["span"]["step"].is_string()));
    let of_it: Vec<&Value> = lines.iter().filter(|line| line["span"]["execution"] == *execution).collect();
    let steps: BTreeSet<&str> = of_it.iter().map(|line| line["span"]["step"].as_str().unwrap()).collect();
    for step in ["create-instance", "create-role", "assign-groups", "verify-sign-in", "report", "notify"] {
        assert!(steps.contains(step), "{step} is not among {steps:?}");
    }
    let nameless = |line: &&&Value| line["span"]["alias"] != "logged" && line["span"]["step"] != "preflight";
    assert_eq!(of_it.iter().filter(nameless).count(), 0, "{of_it:?}");
    let sync = lines.iter().filter(|line| line["span"]["step"] == "sync-users" && line["span"]["alias"] == "logged");
    assert!(sync.count() > 0, "a sync logs its alias");
}
