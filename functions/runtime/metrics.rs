//! CloudWatch metrics. Each metric is written to the log as one line of JSON in the embedded metric format (EMF). So
//! the functions need neither a permission nor a request to record metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use serde::Serialize;
use time::OffsetDateTime;

use super::clock::epoch_millis;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "ConnectOnboarding";
/// The dimension that contains the alias of the instance. Each metric is also recorded without this dimension, for the
/// stack as a whole.
pub const INSTANCE: &str = "Instance";

/// The metrics, with their names in CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Metric {
    /// The number of users that one round created. A round is one invocation of the function that syncs users.
    UsersCreated,
    /// The number of users that one round changed. The metric counts users who were adopted or updated, users whose
    /// deletion was scheduled, and users whose scheduled deletion was canceled.
    UsersUpdated,
    /// The number of users that one round deleted.
    UsersRemoved,
    /// The number of users for whom a request failed. This metric is recorded at the end of a sync.
    UsersFailed,
    /// The number of group members for whom no user can be created. This metric is recorded at the end of a sync.
    UsersSkipped,
    /// The total duration of a sync, including all its rounds.
    SyncDuration,
    /// The number of requests that were sent to Connect and Graph.
    SyncCalls,
    /// The number of requests that Connect throttled.
    SyncThrottles,
    /// Whether a sync stopped because its plan exceeds the removal limit: 1 if it stopped, otherwise 0.
    UnsafePlans,
    /// The number of manual changes since the last onboarding that were not reverted.
    DriftFindings,
    /// The number of seconds since the last successful sync of an instance. If no sync was successful yet, the number
    /// of seconds since the instance was registered.
    SecondsSinceSync,
    /// The number of days until a signing certificate expires. Entra signs the assertions for an instance with this
    /// certificate.
    SigningCertificateDaysLeft,
    /// The number of days until a credential for Microsoft Graph expires. If the stack has several credentials, the one
    /// that expires first counts.
    CredentialDaysLeft,
    /// The number of hours until a group subscription of an instance expires. If there are several subscriptions, the
    /// one that expires first counts. The value is 0 if a group has no subscription.
    SubscriptionHoursLeft,
    /// The number of registry entries that can't be read. This metric is recorded only if there are such entries.
    UnreadableEntries,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Self; 15] = [
        Self::UsersCreated,
        Self::UsersUpdated,
        Self::UsersRemoved,
        Self::UsersFailed,
        Self::UsersSkipped,
        Self::SyncDuration,
        Self::SyncCalls,
        Self::SyncThrottles,
        Self::UnsafePlans,
        Self::DriftFindings,
        Self::SecondsSinceSync,
        Self::SigningCertificateDaysLeft,
        Self::CredentialDaysLeft,
        Self::SubscriptionHoursLeft,
        Self::UnreadableEntries,
    ];

    /// Returns the unit of the metric, as CloudWatch names it.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::SyncDuration => "Milliseconds",
            Self::SecondsSinceSync => "Seconds",
            _ => "Count",
        }
    }
}

/// Metric values that are recorded at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics<'a> {
    instance: Option<&'a str>,
    values: BTreeMap<Metric, i64>,
}

impl<'a> Metrics<'a> {
    /// Creates an empty set of metric values for the instance with this alias.
    #[must_use]
    pub const fn of_instance(alias: &'a str) -> Self {
        Self { instance: Some(alias), values: BTreeMap::new() }
    }

    /// Creates an empty set of metric values that belong to no instance.
    #[must_use]
    pub const fn of_stack() -> Self {
        Self { instance: None, values: BTreeMap::new() }
    }

    /// Adds a value to the set.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: impl TryInto<i64>) -> Self {
        self.values.insert(metric, value.try_into().unwrap_or(i64::MAX));
        self
    }

    /// Writes the metric values as one log line. A failed write is ignored.
    pub fn emit(&self) {
        if let Some(line) = self.line(OffsetDateTime::now_utc()) {
            // The log line is written with one call, so that other log lines of this process can't interrupt it.
            drop(io::stdout().lock().write_all(line.as_bytes()));
        }
    }

    /// Returns the log line with a line break at the end, or `None` if there are no values.
    #[must_use]
    pub fn line(&self, at: OffsetDateTime) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let metrics = self.values.keys().map(|metric| Definition { name: *metric, unit: metric.unit() }).collect();
        let dimensions = if self.instance.is_some() { vec![vec![], vec![INSTANCE]] } else { vec![vec![]] };
        let line = Line {
            aws: Metadata {
                timestamp: epoch_millis(at),
                directives: [Directive { namespace: NAMESPACE, dimensions, metrics }],
            },
            instance: self.instance,
            values: &self.values,
        };
        serde_json::to_string(&line).ok().map(|line| line + "\n")
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Metadata,
    #[serde(rename = "Instance", skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(flatten)]
    values: &'a BTreeMap<Metric, i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: Vec<Vec<&'static str>>,
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: Metric,
    unit: &'static str,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use serde_json::{Value, json};

    use super::*;

    fn parsed(metrics: &Metrics<'_>) -> Value {
        serde_json::from_str(&metrics.line(OffsetDateTime::UNIX_EPOCH + time::Duration::SECOND).unwrap()).unwrap()
    }

    #[test]
    fn a_line_follows_the_embedded_metric_format() {
        let metrics =
            Metrics::of_instance("acme-support").with(Metric::UsersCreated, 3).with(Metric::SyncDuration, 250);
        let expected = json!({
            "_aws": {
                "Timestamp": 1000,
                "CloudWatchMetrics": [{
                    "Namespace": "ConnectOnboarding",
                    "Dimensions": [[], ["Instance"]],
                    "Metrics": [
                        { "Name": "UsersCreated", "Unit": "Count" },
                        { "Name": "SyncDuration", "Unit": "Milliseconds" },
                    ],
                }],
            },
            "Instance": "acme-support",
            "UsersCreated": 3,
            "SyncDuration": 250,
        });
        assert_eq!(parsed(&metrics), expected);
    }

    #[test]
    fn every_dimension_and_metric_named_in_a_line_has_a_value() {
        let all = Metric::ALL.into_iter().fold(Metrics::of_instance("a"), |metrics, metric| metrics.with(metric, 1));
        for metrics in [all.clone(), Metrics { instance: None, ..all }] {
            let line = parsed(&metrics);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            for dimension in directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
            {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension} has no value");
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert_eq!(metrics.len(), Metric::ALL.len());
            for metric in metrics {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric} has no value");
            }
        }
    }

    #[test]
    fn metrics_are_one_line_and_no_line_without_values() {
        let line = Metrics::of_stack().with(Metric::UnsafePlans, 0).line(OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(line.find('\n'), Some(line.len() - 1));
        assert_eq!(Metrics::of_instance("acme-support").line(OffsetDateTime::UNIX_EPOCH), None);
    }

    #[test]
    fn a_value_that_is_too_large_is_written_as_the_maximum() {
        let line = parsed(&Metrics::of_stack().with(Metric::SyncCalls, u64::MAX));
        assert_eq!(line["SyncCalls"], json!(i64::MAX));
    }
}
