//! Reads the current settings of an onboarding in AWS and Entra from the log of a drift check. The stack runs this
//! drift check, so the operator needs no permission in Entra. The drift check changes nothing, and logs the settings
//! that it finds.

use std::{collections::BTreeMap, time::Duration};

use onboarding_core::{log_messages, names};
use serde_json::{Value, json};

use super::{follower::FollowOptions, logs, watched};
use crate::{
    cloud::{Cloud, Machine, error::CommandError, executions::Described, registry::Entry},
    ui::Console,
};

/// The maximum number of times that a log is read until it is complete, and the interval between two reads.
const PATIENCE: (u32, Duration) = (60, Duration::from_secs(2));

/// A setting that the drift check compared with the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Setting {
    /// The name of the object and of the setting.
    pub(crate) place: String,
    /// The value that the input requires.
    pub(crate) expected: String,
    /// The value that the drift check found.
    pub(crate) found: String,
    /// Whether the drift check accepts the found value.
    pub(crate) passed: bool,
}

/// The results of a drift check.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AsFound {
    /// The compared settings, sorted.
    pub(crate) settings: Vec<Setting>,
    /// The enterprise application with its certificates and claims. Null if the application could not be read.
    pub(crate) application: Value,
    /// The assignments of users and groups to the enterprise application.
    pub(crate) assignments: Vec<Value>,
}

/// Runs a drift check of an instance without reverting any difference, and reads the results from its log. Returns
/// `None` if the operator interrupts the command while the check runs.
///
/// # Errors
/// Fails if the drift check fails, if its log does not become complete, or if a request to AWS or the local cloud
/// fails.
pub(crate) async fn read(cloud: &Cloud, entry: &Entry, console: &Console) -> Result<Option<AsFound>, CommandError> {
    let input = json!({ "instanceId": entry.instance_id, "mend": false });
    let execution = cloud.start(Machine::Drift, &format!("{}-as-found", entry.alias), &input).await?;
    let Some(ended) = watched(cloud, cloud.describe(&execution).await?, FollowOptions::default(), console).await?
    else {
        return Ok(None);
    };
    let lines = complete_log(cloud, &ended, |lines| is_complete(lines, &entry.alias)).await?;
    Ok(Some(AsFound::of(&lines, &entry.alias)))
}

/// Reads all log lines of an execution until `complete` returns true for them, and returns the fields of each line. One
/// read is not enough, because CloudWatch Logs returns a line only some seconds after the function has written it.
///
/// # Errors
/// Fails if the lines are still not complete after the last read, or if CloudWatch Logs rejects a request.
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

/// The log lines with this message about the instance with this alias.
fn with<'l>(lines: &'l [Value], alias: &str, message: &str) -> impl Iterator<Item = &'l Value> {
    let is_ours =
        move |line: &&'l Value| line["instance"].as_str().is_some_and(|other| names::same_alias(other, alias));
    lines.iter().filter(is_ours).filter(move |line| line["message"] == message)
}

/// The JSON document in a field of a log line.
fn document(line: &Value, field: &str) -> Option<Value> {
    serde_json::from_str(line[field].as_str()?).ok()
}

/// The enterprise application, from the log lines. If the drift check was repeated because of a temporary error,
/// several lines contain an application, and the last of them is used.
fn application(lines: &[Value], alias: &str) -> Option<Value> {
    with(lines, alias, log_messages::APPLICATION).filter_map(|line| document(line, "application")).last()
}

/// The list of the application's assignments, which is logged in several numbered parts. If the drift check was
/// repeated because of a temporary error, the last line of each part is used.
fn assignment_parts(lines: &[Value], alias: &str) -> BTreeMap<u64, Value> {
    with(lines, alias, log_messages::ASSIGNMENTS)
        .filter_map(|line| Some((line["part"].as_u64()?, document(line, "assignments")?)))
        .collect()
}

/// Whether the log lines contain all results of the drift check. It is not sufficient to look for the last line,
/// because CloudWatch Logs does not always return the lines in the order in which they were written.
fn is_complete(lines: &[Value], alias: &str) -> bool {
    let expected = application(lines, alias).and_then(|application| application["assignmentParts"].as_u64());
    let parts = assignment_parts(lines, alias);
    (0..expected.unwrap_or_default()).all(|part| parts.contains_key(&part))
        && lines.iter().any(|line| line["message"] == log_messages::COMPARED)
}

impl AsFound {
    /// Extracts the results from the log lines of a drift check.
    fn of(lines: &[Value], alias: &str) -> Self {
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let mut settings: Vec<Setting> = with(lines, alias, log_messages::SETTING)
            .map(|line| Setting {
                place: text(line, "place"),
                expected: text(line, "expected"),
                found: text(line, "found"),
                passed: line["passed"] == true,
            })
            .collect();
        settings.sort();
        settings.dedup();
        let application = application(lines, alias).unwrap_or_default();
        let parts = application["assignmentParts"].as_u64().unwrap_or(u64::MAX);
        let by_id: BTreeMap<String, Value> = assignment_parts(lines, alias)
            .range(..parts)
            .flat_map(|(_, list)| list.as_array().cloned().unwrap_or_default())
            .map(|assignment| (assignment["id"].to_string(), assignment))
            .collect();
        Self { settings, application, assignments: by_id.into_values().collect() }
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

    #[test]
    fn the_last_attempt_of_a_repeated_check_counts_and_all_of_its_parts_are_awaited() {
        let application = |parts: u64| {
            let application = json!({ "assignmentParts": parts }).to_string();
            json!({ "message": log_messages::APPLICATION, "instance": "acme", "application": application })
        };
        let part = |part: u64, ids: &[&str]| {
            let list = Value::from_iter(ids.iter().map(|id| json!({ "id": id }))).to_string();
            json!({ "message": log_messages::ASSIGNMENTS, "instance": "acme", "part": part, "assignments": list })
        };
        let compared = json!({ "message": log_messages::COMPARED });
        let mut lines = vec![application(2), part(0, &["1", "2"]), part(1, &["3"])];
        assert!(!is_complete(&lines, "acme"), "the check has not ended");
        lines.extend([application(1), part(0, &["1", "4"]), compared.clone()]);
        assert!(is_complete(&lines, "acme"));
        assert_eq!(AsFound::of(&lines, "acme").assignments, [json!({ "id": "1" }), json!({ "id": "4" })]);

        let late = [application(2), part(1, &["3"]), compared];
        assert!(!is_complete(&late, "acme"), "a part is not visible yet");
    }
}
