//! The current settings of an onboarding in AWS and Entra. The drift check of the stack reads them, so the operator
//! needs no permission in Entra. The check changes nothing and writes what it found into its log.

use std::time::Duration;

use onboarding_core::log_messages;
use serde_json::{Value, json};

use super::{follower::FollowOptions, logs, watched};
use crate::{
    cloud::{Cloud, Machine, error::CommandError, executions::Described, registry::Entry},
    ui::Console,
};

/// The time until all log lines of a function are available, and the interval between two reads.
const PATIENCE: (u32, Duration) = (60, Duration::from_secs(2));

/// A setting with its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Setting {
    /// The object and the setting.
    pub(crate) place: String,
    /// The value that the input requires.
    pub(crate) expected: String,
    /// The value that was found.
    pub(crate) found: String,
    /// Whether the value is as required.
    pub(crate) passed: bool,
}

/// What the drift check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AsFound {
    /// The settings, sorted.
    pub(crate) settings: Vec<Setting>,
    /// The enterprise application with its certificates and claims. Null if it could not be read.
    pub(crate) application: Value,
    /// The assignments of the enterprise application.
    pub(crate) assignments: Vec<Value>,
}

/// Runs the drift check for an instance, without remediation, and reads what it found. Returns `None` if the operator
/// interrupts the wait.
///
/// # Errors
/// Fails if the drift check fails, its log lines do not become available, or the cloud is not usable.
pub(crate) async fn read(cloud: &Cloud, entry: &Entry, console: &Console) -> Result<Option<AsFound>, CommandError> {
    let input = json!({ "instanceId": entry.instance_id, "mend": false });
    let execution = cloud.start(Machine::Drift, &format!("{}-as-found", entry.alias), &input).await?;
    let Some(ended) = watched(cloud, cloud.describe(&execution).await?, FollowOptions::default(), console).await?
    else {
        return Ok(None);
    };
    let complete = |lines: &[Value]| lines.iter().any(|line| line["message"] == log_messages::COMPARED);
    let lines = complete_log(cloud, &ended, complete).await?;
    Ok(Some(AsFound::of(&lines, &entry.alias)))
}

/// Reads the fields of all log lines of an execution, and reads them again until they are complete. CloudWatch Logs
/// shows a line some seconds after the function has written it.
///
/// # Errors
/// Fails if the lines do not become complete, or CloudWatch Logs rejects a request.
pub(crate) async fn complete_log(
    cloud: &Cloud,
    described: &Described,
    complete: impl Fn(&[Value]) -> bool,
) -> Result<Vec<Value>, CommandError> {
    let (reads, interval) = PATIENCE;
    for _ in 0..reads {
        let lines: Vec<Value> =
            logs::of_execution(cloud, described).await?.into_iter().map(|line| line.logged["fields"].clone()).collect();
        if complete(&lines) {
            return Ok(lines);
        }
        tokio::time::sleep(interval.mul_f64(cloud.local.unwrap_or(1.0))).await;
    }
    let words = cloud.words;
    Err(CommandError::cloud("NoLog", words.log_incomplete(&described.execution.name), words.repeat_later()))
}

impl AsFound {
    /// Reads the log lines of a drift check.
    fn of(lines: &[Value], alias: &str) -> Self {
        let ours = || lines.iter().filter(|line| line["instance"] == alias);
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let document =
            |line: &Value, field: &str| line[field].as_str().and_then(|text| serde_json::from_str(text).ok());
        let with = |message: &'static str| ours().filter(move |line| line["message"] == message);
        let mut settings: Vec<Setting> = with(log_messages::SETTING)
            .map(|line| Setting {
                place: text(line, "place"),
                expected: text(line, "expected"),
                found: text(line, "found"),
                passed: line["passed"] == true,
            })
            .collect();
        settings.sort();
        settings.dedup();
        let assignments = with(log_messages::ASSIGNMENTS);
        let mut assignments: Vec<Value> = assignments
            .filter_map(|line| document(line, "assignments"))
            .flat_map(|list: Value| list.as_array().cloned().unwrap_or_default())
            .collect();
        assignments.sort_by_key(|assignment| assignment["id"].to_string());
        let application = with(log_messages::APPLICATION).filter_map(|line| document(line, "application")).next_back();
        Self { settings, application: application.unwrap_or_default(), assignments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_the_instance_are_read() {
        let setting = |instance: &str, place: &str| {
            json!({
                "message": log_messages::SETTING, "instance": instance, "place": place, "expected": "a", "found": "b",
                "passed": false,
            })
        };
        let lines = [
            setting("acme", "IAM role r: trust policy"),
            setting("other", "IAM role o: trust policy"),
            json!({ "message": log_messages::APPLICATION, "instance": "acme", "application": r#"{"certificates":[]}"# }),
            json!({
                "message": log_messages::ASSIGNMENTS, "instance": "acme", "part": 0,
                "assignments": r#"[{"id":"2"},{"id":"1"}]"#,
            }),
        ];
        let found = AsFound::of(&lines, "acme");
        assert_eq!(found.settings.len(), 1);
        assert_eq!((found.settings[0].place.as_str(), found.settings[0].passed), ("IAM role r: trust policy", false));
        assert_eq!(found.application, json!({ "certificates": [] }));
        assert_eq!(found.assignments, [json!({ "id": "1" }), json!({ "id": "2" })]);
    }
}
