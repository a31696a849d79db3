//! Tests that the time until each expiry date is measured daily. The alarms must notify the operator early enough to
//! act, but not much earlier than necessary.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    cloud::{Cloud, until},
    common::local,
};

const NAMESPACE: &str = "ConnectOnboarding";
/// Each metric with its alarm.
const METRICS: [(&str, &str); 3] = [
    ("SigningCertificateDaysLeft", "SigningCertificateExpiringAlarm"),
    ("CredentialDaysLeft", "CredentialExpiringAlarm"),
    ("SubscriptionHoursLeft", "SubscriptionLapsingAlarm"),
];

/// An onboarded instance in a stack whose identities use client secrets.
struct Fixture(Cloud);

impl Fixture {
    fn start() -> Self {
        let mut command = local();
        command.args(["--keep", "--users", "2", "--input", "examples/smallest.json", "--credential", "secret"]);
        Self(Cloud::of(&command, tempfile::tempdir().unwrap()))
    }

    /// Runs the daily expiry watch and returns its output. Forwards the logged metrics to CloudWatch, as AWS does.
    async fn watched(&self) -> Value {
        let (before, finished) = (self.figures().await.len(), self.finished().await);
        let output = self.0.invoke("WatchExpiryFunction", &json!({})).await;
        // The log of an invocation is complete only some time after the function's response.
        let logged = async || (self.finished().await > finished).then_some(());
        until("the log shows the end of the daily watch", logged).await;
        for line in &self.figures().await[before..] {
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                let value = line[name].to_string();
                let fields = [
                    ("Namespace", NAMESPACE),
                    ("MetricData.member.1.MetricName", name),
                    ("MetricData.member.1.Value", &value),
                ];
                self.0.query("monitoring", "PutMetricData", &fields).await;
            }
        }
        output
    }

    /// The log lines with metrics of the expiry watch.
    async fn figures(&self) -> Vec<Value> {
        let lines = self.0.log_records().await.into_iter();
        lines.filter(|line| METRICS.iter().any(|(metric, _)| line[metric].is_number())).collect()
    }

    /// Number of finished expiry watches in the log.
    async fn finished(&self) -> usize {
        let lines = self.0.log_records().await.into_iter();
        lines.filter(|line| line["span"]["step"] == "watch-expiry" && line["fields"]["message"] == "step done").count()
    }

    /// The state of each alarm after its evaluation.
    async fn alarms(&self) -> BTreeMap<&'static str, String> {
        // The emulator evaluates alarms when metrics arrive and when alarms are described.
        let found = self.0.query("monitoring", "DescribeAlarms", &[]).await;
        let state = |alarm: &str| {
            let of_it =
                found.split("<member>").find(|part| part.contains(alarm)).unwrap_or_else(|| panic!("no {alarm}"));
            of_it.split("<StateValue>").nth(1).unwrap().split('<').next().unwrap().to_owned()
        };
        METRICS.iter().map(|(metric, alarm)| (*metric, state(alarm))).collect()
    }

    async fn secret(&self, identity: &str, operation: &str, mut body: Value) -> Value {
        body["SecretId"] = json!(format!("connect-onboarding/graph-{identity}"));
        self.0.call("secretsmanager", &format!("secretsmanager.{operation}"), body).await
    }
}

fn all(state: &str) -> BTreeMap<&'static str, String> {
    METRICS.iter().map(|(metric, _)| (*metric, state.to_owned())).collect()
}

#[tokio::test]
async fn an_alarm_is_raised_in_time_for_each_upcoming_expiry_and_for_nothing_else() {
    let fixture = Fixture::start();
    let output = fixture.watched().await;
    let days: Vec<i64> =
        output["credentials"].as_array().unwrap().iter().map(|one| one["daysLeft"].as_i64().unwrap()).collect();
    assert!(days.len() == 2 && days.iter().all(|days| (360..=365).contains(days)), "{output}");
    let instance = &output["instances"][0];
    assert!(instance["signingCertificateDaysLeft"].as_i64().unwrap() > 1000, "three years: {output}");
    assert!(instance["subscriptionHoursLeft"].as_i64().unwrap() > 168, "{output}");
    assert!(fixture.alarms().await.values().all(|state| state != "ALARM"), "{:?}", fixture.alarms().await);

    // The expiry date of the setup secret is in its tag, and the expiry date of the runtime secret is in its value. The
    // changed dates take effect without a deployment.
    let soon = OffsetDateTime::now_utc() + Duration::days(9) + Duration::hours(1);
    let day = soon.date().to_string();
    let tags = json!({ "Tags": [{ "Key": "expires", "Value": day }] });
    fixture.secret("setup", "TagResource", tags).await;
    let held = fixture.secret("runtime", "GetSecretValue", json!({})).await;
    let mut value: Value = serde_json::from_str(held["SecretString"].as_str().unwrap()).unwrap();
    value["expires"] = json!(soon.format(&Rfc3339).unwrap());
    fixture.secret("runtime", "PutSecretValue", json!({ "SecretString": value.to_string() })).await;
    // Adds a certificate that expires soon and makes it active. The application's other certificate remains valid for
    // years.
    let inventory = fixture.0.inventory().await;
    let principal =
        format!("/servicePrincipals/{}", inventory["graph"]["servicePrincipals"][0]["id"].as_str().unwrap());
    let certificate = json!({ "displayName": "CN=Expires soon", "endDateTime": soon.format(&Rfc3339).unwrap() });
    let made = fixture.0.graph("POST", &format!("{principal}/addTokenSigningCertificate"), &certificate).await;
    let active = json!({ "preferredTokenSigningKeyThumbprint": made["thumbprint"] });
    fixture.0.graph("PATCH", &principal, &active).await;
    let subscription = inventory["graph"]["subscriptions"][0]["id"].as_str().unwrap().to_owned();
    fixture.0.unsubscribe(&subscription).await;

    let output = fixture.watched().await;
    let days: BTreeMap<String, i64> = output["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["identity"].as_str().unwrap().to_owned(), one["daysLeft"].as_i64().unwrap()))
        .collect();
    assert_eq!((days["runtime"], (8..=9).contains(&days["setup"])), (9, true), "{output}");
    let instance = &output["instances"][0];
    let left = (&instance["signingCertificateDaysLeft"], &instance["subscriptionHoursLeft"]);
    assert_eq!(left, (&json!(9), &json!(0)), "{output}");
    assert_eq!(fixture.alarms().await, all("ALARM"));
}
