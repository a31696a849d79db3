//! `onboard logs`: prints what the functions logged during an execution, oldest first.

use serde_json::{Value, json};

use crate::{
    args::LogsArgs,
    cloud::{Cloud, error::CommandError, executions::Described},
    commands::follower::definition,
    exit::Exit,
    output::{ExecutionLog, LogLine},
    ui::{Console, Tone, time::iso},
};

/// The log is read up to this number of milliseconds after the end of an execution, because the last log lines can have
/// a later time than this end.
const LATE: i64 = 60_000;

/// One line of a function's log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Time of the log line, in milliseconds since the epoch.
    pub(crate) at: i64,
    level: String,
    /// The name of the handler that the function runs.
    step: String,
    message: String,
    /// The JSON object that the function logged.
    pub(crate) logged: Value,
}

/// Runs the command.
///
/// # Errors
/// Fails if the execution or the state does not exist, or if a request to AWS or the local cloud fails.
pub async fn run(args: LogsArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let described = cloud.resolve_execution(args.execution.as_deref()).await?;
    let step = match &args.state {
        Some(state) => Some(handler(&cloud, &described, state).await?),
        None => None,
    };
    let mut lines = of_execution(&cloud, &described).await?;
    lines.retain(|line| step.as_ref().is_none_or(|step| *step == line.step));
    console.result(&ExecutionLog {
        execution: described.execution.arn.clone(),
        lines: lines.iter().map(|line| LogLine { at: line.at, line: line.logged.clone() }).collect(),
    });
    for line in &lines {
        let tone = match line.level.as_str() {
            "ERROR" => Tone::Bad,
            "WARN" => Tone::Warn,
            _ => Tone::Faint,
        };
        let level = console.paint(tone, &format!("{:<5}", line.level));
        console.line(&format!("{} {level} {:<28} {}", iso(seconds(line.at)), line.step, line.message));
    }
    if lines.is_empty() {
        console.line(&words.no_log_lines(&described.execution.name));
    }
    Ok(Exit::Done)
}

/// Reads the log lines of an execution. Returns the lines in chronological order.
///
/// # Errors
/// Fails if CloudWatch Logs rejects a request.
pub(crate) async fn of_execution(cloud: &Cloud, described: &Described) -> Result<Vec<Line>, CommandError> {
    let execution = &described.execution;
    let until = execution.stopped.map(|stopped| milliseconds(stopped) + LATE);
    let mut lines = matching(cloud, &phrase(&execution.arn), milliseconds(execution.started), until).await?;
    lines.retain(|line| line.logged["span"]["execution"] == execution.arn.as_str());
    Ok(lines)
}

/// The filter pattern for log lines that contain this text. The pattern is a quoted phrase, because such a pattern
/// matches both log lines in JSON and log lines in plain text.
fn phrase(text: &str) -> String {
    format!("\"{text}\"")
}

/// The filter pattern for log lines that contain an alias in any combination of upper and lower case
/// ([`onboarding_core::names::same_alias`]). A quoted phrase is case-sensitive, and filter patterns have no option to
/// ignore case. The pattern is therefore a regular expression with both cases of each letter (user guide of CloudWatch
/// Logs, "Supported regular expressions (regex) syntax"). All characters of an alias are allowed in this regular
/// expression, and none has a special meaning.
pub(crate) fn alias_pattern(alias: &str) -> String {
    let both_cases = |letter: char| match letter.is_ascii_alphabetic() {
        true => format!("[{}{}]", letter.to_ascii_uppercase(), letter.to_ascii_lowercase()),
        false => letter.to_string(),
    };
    format!("%{}%", alias.chars().map(both_cases).collect::<String>())
}

/// The log lines that match a filter pattern, oldest first. `from` and `until` are in milliseconds since the epoch.
///
/// # Errors
/// Fails if CloudWatch Logs rejects a request.
pub(crate) async fn matching(
    cloud: &Cloud,
    pattern: &str,
    from: i64,
    until: Option<i64>,
) -> Result<Vec<Line>, CommandError> {
    let mut request = json!({
        "logGroupName": cloud.stack.output("FunctionLogGroup", cloud.words)?,
        "filterPattern": pattern,
        "startTime": from,
    });
    if let Some(until) = until {
        request["endTime"] = until.into();
    }
    let mut lines = Vec::new();
    loop {
        let page = cloud.signed.logs(&cloud.words.reading_logs(), "FilterLogEvents", &request).await?;
        lines.extend(page["events"].as_array().into_iter().flatten().filter_map(Line::read));
        match page["nextToken"].as_str() {
            Some(token) => request["nextToken"] = token.into(),
            None => break,
        }
    }
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

impl Line {
    /// Reads one log event. Returns `None` if Lambda itself wrote the event, and not a function.
    pub(crate) fn read(event: &Value) -> Option<Self> {
        let logged: Value = serde_json::from_str(event["message"].as_str()?).ok()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(Self {
            at: event["timestamp"].as_i64().unwrap_or_default(),
            level: text(&logged["level"]),
            step: text(&logged["span"]["step"]),
            message: message(&logged["fields"]),
            logged,
        })
    }
}

/// The message of a log line, followed by the other fields of the line.
fn message(fields: &Value) -> String {
    let mut text = fields["message"].as_str().unwrap_or_default().to_owned();
    for (name, value) in fields.as_object().into_iter().flatten().filter(|(name, _)| *name != "message") {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        text += &format!(" {name}={value}");
    }
    text.trim_start().to_owned()
}

/// Returns the name of the handler that the function of a state runs. Each log line of the function contains this name.
async fn handler(cloud: &Cloud, described: &Described, state: &str) -> Result<String, CommandError> {
    let words = cloud.words;
    let definition = definition(cloud, &described.execution.arn).await?;
    let unknown = || CommandError::input(words.no_such_state(state), words.list_states(&described.execution.name));
    let function = function(&definition, state).ok_or_else(unknown)?;
    let configuration = cloud.signed.function_configuration(&words.reading_logs(), &function).await?;
    Ok(configuration["Handler"].as_str().unwrap_or_default().to_owned())
}

/// The ARN of the function that a state of the definition invokes.
fn function(definition: &Value, state: &str) -> Option<String> {
    match definition {
        Value::Object(fields) => {
            let found = fields.get("States").and_then(|states| states.get(state)).and_then(|state| {
                let arns = [&state["Resource"], &state["Arguments"]["FunctionName"]];
                arns.into_iter().filter_map(Value::as_str).find(|arn| arn.contains(":function:"))
            });
            found.map(ToOwned::to_owned).or_else(|| fields.values().find_map(|value| function(value, state)))
        }
        Value::Array(values) => values.iter().find_map(|value| function(value, state)),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a current time fits")]
const fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

#[expect(clippy::cast_precision_loss, reason = "a current time fits")]
const fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_of_an_alias_matches_each_of_its_spellings() {
        assert_eq!(alias_pattern("Acme-2x"), "%[Aa][Cc][Mm][Ee]-2[Xx]%");
    }

    #[test]
    fn a_line_of_lambda_itself_is_ignored() {
        let event = |message: &str| json!({ "timestamp": 1_500, "message": message });
        let ours = json!({
            "level": "WARN", "fields": { "message": "throttled", "tries": 2 },
            "span": { "step": "sync-users", "execution": "arn:e" },
        });
        let read = Line::read(&event(&ours.to_string()));
        let read = read.map(|line| (line.at, line.level, line.step, line.message));
        assert_eq!(read, Some((1_500, "WARN".into(), "sync-users".into(), "throttled tries=2".into())));
        assert_eq!(Line::read(&event("START RequestId: 1")), None);
    }

    #[test]
    fn the_function_of_a_state_is_found_in_every_branch() {
        let task = |arn: &str| json!({ "Type": "Task", "Resource": arn });
        let inner = json!({ "StartAt": "Inner", "States": { "Inner": task("arn:aws:lambda:r:1:function:inner") } });
        let definition = json!({ "StartAt": "Both", "States": {
            "Both": { "Type": "Parallel", "Branches": [inner] },
            "Write": task("arn:aws:states:::dynamodb:updateItem"),
        }});
        assert_eq!(function(&definition, "Inner").as_deref(), Some("arn:aws:lambda:r:1:function:inner"));
        assert_eq!(function(&definition, "Write"), None);
        assert_eq!(function(&definition, "Nowhere"), None);
    }
}
