//! Every call of an onboarding fails once, is cut short once, or costs the function its life once, and the end is the
//! same: nothing twice, nothing lost.

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};

use super::common::{err, local, out};
use regex::Regex;
use serde_json::{Value, json};

/// What one run left behind.
struct Run {
    report: Value,
    /// The inventory without what chance decides: ids, certificates, times, the order of lists.
    end_state: Value,
    /// How many functions died.
    deaths: usize,
    /// Each call: service, operation, whether a fault rule answered it.
    calls: Vec<(String, String, bool)>,
}

/// Runs an onboarding of six people with these fault rules, then a second one, which must find nothing to do.
fn onboarding(rules: &[Value]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("faults.json"), Value::from(rules).to_string()).unwrap();
    let mut command = local();
    command.args(["--users", "6", "--again", "--input", "examples/smallest.json"]);
    for name in ["faults", "report", "inventory", "record"] {
        command.arg(format!("--{name}")).arg(path(&format!("{name}.json")));
    }
    let output = command.output().unwrap();
    let (text, errors) = (out(&output), err(&output));
    assert_eq!(output.status.code(), Some(0), "{text}\n{errors}");
    assert!(text.contains("changed nothing"), "the second execution changed something:\n{text}");
    let read = |name: &str| -> Value { serde_json::from_str(&fs::read_to_string(path(name)).unwrap()).unwrap() };
    Run {
        report: read("report.json"),
        end_state: without_chance(&read("inventory.json")),
        deaths: text.matches("Runtime.ExitError").count(),
        calls: calls(&path("record.json")),
    }
}

fn calls(record: &Path) -> Vec<(String, String, bool)> {
    let text = fs::read_to_string(record).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    lines.map(|line| (word(&line, "service"), word(&line, "operation"), line["simulated"] == true)).collect()
}

fn without_chance(value: &Value) -> Value {
    static CHANCE: OnceLock<Regex> = OnceLock::new();
    let chance = CHANCE.get_or_init(|| {
        let iam_id = "A[A-Z]{3}[0-9A-F]{16,17}";
        let guid = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
        let time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?";
        Regex::new(&format!(
            r"{guid}|{iam_id}|{time}|[0-9A-F]{{40}}|[A-Za-z0-9+/=_-]{{28,}}|\d{{9,}}(\.\d+)?|127\.0\.0\.1:\d+"
        ))
        .unwrap()
    });
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(without_chance).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "mailNickname")
            .map(|(key, value)| (chance.replace_all(key, "*").into_owned(), without_chance(value)))
            .collect(),
        Value::String(text) => chance.replace_all(text, "*").into_owned().into(),
        Value::Number(number) => chance.replace_all(&number.to_string(), "*").into_owned().into(),
        other => other.clone(),
    }
}

/// The run without any fault, against which the others are held.
fn clean() -> &'static Run {
    static CLEAN: OnceLock<Run> = OnceLock::new();
    CLEAN.get_or_init(|| onboarding(&[]))
}

/// A rule for each operation of the clean run, but for those that `left_out` names.
fn rule_for_each_operation(effect: &Value, left_out: &[&str]) -> Vec<Value> {
    let mut operations: BTreeMap<(String, String), ()> = BTreeMap::new();
    for (service, operation, _) in &clean().calls {
        if !left_out.contains(&operation.as_str()) {
            operations.insert((service.clone(), operation.clone()), ());
        }
    }
    let rule = |(service, operation): (String, String)| {
        let mut rule = json!({ "service": service, "match": format!("^{}$", regex::escape(&operation)) });
        rule.as_object_mut().unwrap().extend(effect.as_object().unwrap().clone());
        rule
    };
    operations.into_keys().map(rule).collect()
}

/// The end is that of the clean run, everybody can sign in, and each rule hit its call.
fn assert_same_end(run: &Run, rules: &[Value]) {
    assert_eq!(run.report["signInVerified"], true, "{}", run.report);
    assert_eq!(run.report["openItems"], json!([]), "nothing is left open");
    let hits = run.deaths + run.calls.iter().filter(|(_, _, simulated)| *simulated).count();
    assert!(hits >= rules.len(), "{hits} calls were hit by {} rules", rules.len());
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let (expected, found) = (pretty(&clean().end_state), pretty(&run.end_state));
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    if let Some(line) = (0..expected.len().max(found.len())).find(|&line| expected.get(line) != found.get(line)) {
        let around = |lines: &[&str]| lines[line.saturating_sub(12)..(line + 4).min(lines.len())].join("\n");
        panic!(
            "the end state differs from that of the clean run:\n{}\n-- here it is:\n{}",
            around(&expected),
            around(&found)
        );
    }
}

fn assert_survives(effect: &Value, left_out: &[&str]) {
    let rules = rule_for_each_operation(effect, left_out);
    assert_same_end(&onboarding(&rules), &rules);
}

#[test]
fn every_call_may_fail_once_with_503() {
    assert_survives(&json!({ "status": 503 }), &[]);
}

#[test]
fn every_call_may_be_throttled_once() {
    assert_survives(&json!({ "status": 429, "code": "ThrottlingException" }), &[]);
}

#[test]
fn every_answer_may_be_cut_short_once() {
    assert_survives(&json!({ "truncate": true }), &[]);
}

/// The calls of the clean run in three parts: a state gives up after six deaths, so not all calls of a step may kill it.
fn assert_survives_deaths(when: &str) {
    let rules = rule_for_each_operation(&json!({ "kill": when }), &[]);
    for part in 0..3 {
        let rules: Vec<Value> = rules.iter().skip(part).step_by(3).cloned().collect();
        assert_same_end(&onboarding(&rules), &rules);
    }
}

#[test]
fn the_function_may_die_once_before_every_call() {
    assert_survives_deaths("before");
}

#[test]
fn the_function_may_die_once_after_the_effect_of_every_call() {
    assert_survives_deaths("after");
}
