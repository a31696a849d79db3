//! Tests of the stack's notifications in both languages and for chat applications, of its alarms, and of its logs.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex, OnceLock},
};

use super::cloud::{Cloud, Ended, Mail, Mailbox, until};
use serde_json::{Value, json};
use test_support::member;

const MACHINE: &str = "OnboardingStateMachineArn";
/// The instance quota, sufficient for all tests.
const INSTANCES: usize = 4;

fn cloud() -> &'static Cloud {
    static CLOUD: OnceLock<Cloud> = OnceLock::new();
    CLOUD.get_or_init(|| {
        let member = |number: usize, username: &str| {
            member(&format!("77000000-0000-4000-8000-{number:012}"), username, "Example Member")
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
    cloud().allow_instances(INSTANCES).await;
    let execution = cloud().start(MACHINE, &input).await;
    let ended = cloud().end_of(&execution).await;
    (execution, ended)
}

/// An HTTP server that receives notifications like a chat application, but without TLS.
struct Listener(Arc<Mutex<Vec<Value>>>);

impl Listener {
    async fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", socket.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&received);
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
        let listener = Self(received);
        let topic = cloud().output("NotificationTopicArn");
        let fields = [("TopicArn", topic), ("Protocol", "http"), ("Endpoint", &*url)];
        cloud().query("sns", "Subscribe", &fields).await;
        let hello = listener.next(|body| body["Type"] == "SubscriptionConfirmation").await;
        let token = hello["Token"].as_str().unwrap();
        cloud().query("sns", "ConfirmSubscription", &[("TopicArn", topic), ("Token", token)]).await;
        listener
    }

    async fn next(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        until("a message to the HTTP listener", async || {
            self.0.lock().unwrap().iter().find(|body| is_it(body)).cloned()
        })
        .await
    }
}

#[tokio::test]
async fn an_onboarding_sends_mail_and_chat_notifications_in_the_language_of_its_input() {
    let (mail, chat) = (Mailbox::open(cloud(), "both-languages").await, Listener::new().await);
    for (language, ready, finished) in [
        ("en", "users can sign in", "onboarding finished"),
        ("ja", "サインインできるようになりました", "オンボーディングが完了しました"),
    ] {
        let (execution, ended) = onboard("notified", "Agents", language).await;
        assert_eq!(ended.status, "SUCCEEDED", "{}", ended.output);
        for title in [ready, finished] {
            let Mail { subject, text } = mail.next(&execution).await;
            assert_eq!(subject, format!("Amazon Connect notified: {title}"));
            assert!(text.starts_with(&subject) && text.contains(ended.output["ssoUrl"].as_str().unwrap()), "{text}");
        }
        let is_it = |body: &Value| {
            body["Message"].as_str().is_some_and(|text| text.contains(&execution) && text.contains(finished))
        };
        let message = chat.next(is_it).await;
        let custom: Value = serde_json::from_str(message["Message"].as_str().unwrap()).unwrap();
        assert_eq!((&custom["version"], &custom["source"]), (&json!("1.0"), &json!("custom")));
        assert!(custom["content"]["nextSteps"][0].as_str().unwrap().contains("aws stepfunctions"), "{custom}");
    }
}

#[tokio::test]
async fn a_failed_onboarding_is_notified_with_its_reason_and_the_recommended_action() {
    let mail = Mailbox::open(cloud(), "failed").await;
    let (execution, ended) = onboard("failed", "No such group", "en").await;
    assert_eq!(ended.status, "FAILED");
    let Mail { subject, text } = mail.next(&execution).await;
    assert_eq!(subject, "Connect Onboarding: Onboarding failed");
    assert!(text.contains("InvalidInput: ") && text.contains("No such group"), "{text}");
    assert!(text.contains("Correct the input as described in the message, then start again."), "{text}");
}

#[tokio::test]
async fn a_user_rejected_by_connect_raises_an_alarm_with_the_recommended_action() {
    let cloud = cloud();
    let mail = Mailbox::open(cloud, "alarm").await;
    // The instance is created first, so that the fault rule affects only this test's users. The rule always rejects the
    // creation of the second user.
    cloud.allow_instances(INSTANCES).await;
    let (instance, _) = cloud.create_instance("refused").await;
    let users = format!("PUT /users/{instance}$");
    let rule = json!([{ "match": users, "after": 1, "times": 0, "status": 400, "code": "InvalidParameterException" }]);
    cloud.fault(&rule).await;
    let (_, ended) = onboard("refused", "Others", "en").await;
    assert_eq!(ended.output["signOn"]["users"]["counts"]["failed"], 1, "{}", ended.output);

    // Extracts the metrics from the log. In AWS, CloudWatch extracts metrics from logs, but the emulator does not.
    let mut metrics = cloud.log_records().await;
    metrics.retain(|line| line["Instance"] == "refused" && line["UsersFailed"] == 1);
    assert_eq!(metrics.len(), 1, "each run logs one metric");
    let metric = &metrics[0]["_aws"]["CloudWatchMetrics"][0];
    let namespace = metric["Namespace"].as_str().unwrap();
    let fields = [
        ("Namespace", namespace),
        ("MetricData.member.1.MetricName", "UsersFailed"),
        ("MetricData.member.1.Value", "1"),
        ("MetricData.member.1.Unit", "Count"),
    ];
    cloud.query("monitoring", "PutMetricData", &fields).await;
    let Mail { subject, text } = mail.next("UsersFailedAlarm").await;
    assert!(subject.starts_with("ALARM: "), "{subject}");
    let alarm: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&alarm["NewStateValue"], &alarm["Trigger"]["Namespace"]),
        (&json!("ALARM"), metric.get("Namespace").unwrap())
    );
    let description = alarm["AlarmDescription"].as_str().unwrap();
    let command = format!("--state-machine-arn {}", cloud.output("UserSyncStateMachineArn"));
    assert!(
        description.starts_with("Some users could not be created") && description.contains(&command),
        "{description}"
    );
}

#[tokio::test]
async fn every_log_line_of_a_step_contains_execution_instance_and_request() {
    let (execution, ended) = onboard("logged", "Agents", "en").await;
    assert_eq!(ended.status, "SUCCEEDED", "{}", ended.output);
    let mut lines = cloud().log_records().await;
    // Metrics are not log records of a step.
    lines.retain(|line| line["fields"]["message"].is_string());
    assert!(lines.iter().all(|line| line["span"]["requestId"].is_string() && line["span"]["step"].is_string()));
    let of_it: Vec<&Value> = lines.iter().filter(|line| line["span"]["execution"] == *execution).collect();
    let steps: BTreeSet<&str> = of_it.iter().map(|line| line["span"]["step"].as_str().unwrap()).collect();
    for step in ["create-instance", "create-role", "assign-groups", "verify-sign-in", "report", "notify"] {
        assert!(steps.contains(step), "{step} is not among {steps:?}");
    }
    let nameless = |line: &&&Value| line["span"]["alias"] != "logged" && line["span"]["step"] != "preflight";
    assert_eq!(of_it.iter().filter(nameless).count(), 0, "{of_it:?}");
    let sync = lines.iter().filter(|line| line["span"]["step"] == "sync-users" && line["span"]["alias"] == "logged");
    assert!(sync.count() > 0, "the log of a sync names the alias");
}
