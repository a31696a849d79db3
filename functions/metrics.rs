//! Figures for CloudWatch, which takes them out of the log: one line of JSON on standard output in the embedded metric
//! format (EMF), so that no function needs a permission or a call for them.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use serde::Serialize;
use time::OffsetDateTime;

/// The namespace of all of them.
pub const NAMESPACE: &str = "ConnectOnboarding";
/// The dimension that holds the instance's alias. Each figure also stands without it, for the whole stack.
pub const INSTANCE: &str = "Instance";

/// The figures, each by its name in CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Metric {
    /// Users created by a round of the user sync.
    UsersCreated,
    /// Users that a round changed in any other way: adopted, changed, marked for deletion or freed from their mark.
    UsersUpdated,
    /// Users that a round deleted.
    UsersRemoved,
    /// Users for whom something failed, at the end of a run.
    UsersFailed,
    /// Members who got no user, at the end of a run.
    UsersSkipped,
    /// How long a run took in all its rounds.
    SyncDuration,
    /// Requests to Connect and Graph.
    SyncCalls,
    /// Requests that Connect throttled.
    SyncThrottles,
    /// 1 where a run stopped before a plan above the brake, else 0.
    UnsafePlans,
    /// What differs from the input of the last onboarding and was not set back.
    DriftFindings,
    /// How long ago a sync left the instance in step; before the first one, how long ago the instance was registered.
    SecondsSinceSync,
    /// Days until the certificate ends that signs the assertions of an instance's application.
    SigningCertificateDaysLeft,
    /// Days until the first of the stack's credentials for Microsoft Graph ends.
    CredentialDaysLeft,
    /// Hours until the first subscription to a group of an instance ends; 0 where a group has none.
    SubscriptionHoursLeft,
    /// Entries of the registry that can't be understood, where there are any.
    UnreadableEntries,
}

impl Metric {
    /// All of them.
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

    /// The unit, by CloudWatch's name for it.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::SyncDuration => "Milliseconds",
            Self::SecondsSinceSync => "Seconds",
            _ => "Count",
        }
    }
}

/// Figures of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics<'a> {
    instance: Option<&'a str>,
    values: BTreeMap<Metric, i64>,
}

impl<'a> Metrics<'a> {
    /// Figures of the instance with this alias.
    #[must_use]
    pub const fn of_instance(alias: &'a str) -> Self {
        Self { instance: Some(alias), values: BTreeMap::new() }
    }

    /// Figures that belong to no instance.
    #[must_use]
    pub const fn of_stack() -> Self {
        Self { instance: None, values: BTreeMap::new() }
    }

    /// The same with this figure.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: impl TryInto<i64>) -> Self {
        self.values.insert(metric, value.try_into().unwrap_or(i64::MAX));
        self
    }

    /// Writes the line. One that can't be written stops no work.
    pub fn emit(&self) {
        if let Some(line) = self.line(OffsetDateTime::now_utc()) {
            // In one piece: the log's lines come from the same process.
            drop(io::stdout().lock().write_all(line.as_bytes()));
        }
    }

    /// The line, with its end; `None` where there are no figures.
    #[must_use]
    pub fn line(&self, at: OffsetDateTime) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let metrics = self.values.keys().map(|metric| Definition { name: *metric, unit: metric.unit() }).collect();
        let dimensions = if self.instance.is_some() { vec![vec![], vec![INSTANCE]] } else { vec![vec![]] };
        let line = Line {
            aws: Metadata {
                timestamp: i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX),
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
    #![expect(clippy::unwrap_used, reason = "a test that can't unwrap has failed")]
    use serde_json::{Value, json};

    use super::*;

    fn written(metrics: &Metrics<'_>) -> Value {
        serde_json::from_str(&metrics.line(OffsetDateTime::UNIX_EPOCH + time::Duration::SECOND).unwrap()).unwrap()
    }

    #[test]
    fn a_line_is_what_the_specification_of_the_embedded_metric_format_asks_for() {
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
        assert_eq!(written(&metrics), expected);
    }

    #[test]
    fn every_reference_of_a_line_has_its_target_beside_it_whatever_is_measured() {
        let all = Metric::ALL.into_iter().fold(Metrics::of_instance("a"), |metrics, metric| metrics.with(metric, 1));
        for metrics in [all.clone(), Metrics { instance: None, ..all }] {
            let line = written(&metrics);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            for dimension in directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
            {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension} has no target");
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert_eq!(metrics.len(), Metric::ALL.len());
            for metric in metrics {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric} has no target");
            }
        }
    }

    #[test]
    fn it_is_one_line_and_without_figures_none() {
        let line = Metrics::of_stack().with(Metric::UnsafePlans, 0).line(OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(line.find('\n'), Some(line.len() - 1));
        assert_eq!(Metrics::of_instance("acme-support").line(OffsetDateTime::UNIX_EPOCH), None);
    }

    #[test]
    fn a_figure_that_is_too_large_is_written_as_the_largest() {
        let line = written(&Metrics::of_stack().with(Metric::SyncCalls, u64::MAX));
        assert_eq!(line["SyncCalls"], json!(i64::MAX));
    }
}
