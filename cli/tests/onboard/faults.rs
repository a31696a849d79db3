//! The whole life of an onboarding, in which every call fails once: the end is that of a life without faults, nothing twice
//! and nothing lost. Each test is one kind of fault; it prints what it hit, state by state.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use super::life::{Life, PHASES, Phase};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The life without faults, against which the others are held.
async fn clean() -> &'static Vec<Phase> {
    static CLEAN: OnceCell<Vec<Phase>> = OnceCell::const_new();
    CLEAN.get_or_init(|| live(None)).await
}

/// A life; in each of its phases every operation that the clean one called there has this effect once.
async fn live(fault: Option<(&[Phase], &Value)>) -> Vec<Phase> {
    let life = Life::start().await;
    let mut phases = Vec::new();
    for (number, machine) in PHASES.iter().enumerate() {
        if let Some((clean, effect)) = fault {
            life.cloud.admin("POST", "fault", &rules(&clean[number], effect)).await;
        }
        phases.push(life.phase(machine).await);
    }
    phases
}

/// A rule for each operation of a phase.
fn rules(phase: &Phase, effect: &Value) -> Value {
    let operations: BTreeSet<(&str, &str)> =
        phase.calls.iter().map(|call| (call.service.as_str(), call.operation.as_str())).collect();
    let rule = |(service, operation): (&str, &str)| {
        let mut rule = json!({ "service": service, "match": format!("^{}$", regex::escape(operation)) });
        rule.as_object_mut().unwrap().extend(effect.as_object().unwrap().clone());
        rule
    };
    operations.into_iter().map(rule).collect()
}

/// Every phase ends as in the clean life. `restarts`: whether a person may have to start an execution again.
async fn assert_survives(kind: &str, effect: Value, restarts: bool) {
    let clean = clean().await;
    let phases = live(Some((clean, &effect))).await;
    let mut table = format!("{kind}: calls that failed, by state machine and state\n");
    for (phase, clean) in phases.iter().zip(clean) {
        let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
        for call in phase.calls.iter().filter(|call| call.simulated) {
            *hits.entry(call.state().unwrap_or("Graph, login")).or_default() += 1;
        }
        let total: usize = hits.values().sum();
        let _ = writeln!(table, "  {:<20}{total:>4}   started again {}", phase.machine, phase.restarts);
        for (state, count) in hits {
            let _ = writeln!(table, "    {state:<34}{count:>4}");
        }
        let operations = clean.operations().len();
        assert!(
            total * 10 >= operations * 9,
            "{}: {total} of {operations} operations were hit\n{table}",
            phase.machine
        );
        assert!(restarts || phase.restarts == 0, "{}: somebody had to start it again\n{table}", phase.machine);
        assert_same_end(&phase.machine, clean, phase);
    }
    eprintln!("{table}");
}

fn assert_same_end(machine: &str, clean: &Phase, found: &Phase) {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let (expected, found) = (pretty(&clean.end_state), pretty(&found.end_state));
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    if let Some(line) = (0..expected.len().max(found.len())).find(|&line| expected.get(line) != found.get(line)) {
        let around = |lines: &[&str]| lines[line.saturating_sub(12)..(line + 4).min(lines.len())].join("\n");
        panic!(
            "{machine}: the end state differs from that of the clean life:\n{}\n-- here it is:\n{}",
            around(&expected),
            around(&found)
        );
    }
}

#[tokio::test]
async fn every_call_may_fail_once_with_503() {
    assert_survives("503", json!({ "status": 503 }), false).await;
}

#[tokio::test]
async fn every_call_may_be_throttled_once() {
    assert_survives("throttled", json!({ "status": 429, "code": "ThrottlingException" }), false).await;
}

#[tokio::test]
async fn every_answer_may_be_cut_short_once() {
    assert_survives("malformed answer", json!({ "truncate": true }), false).await;
}

#[tokio::test]
async fn the_connection_may_break_off_once_during_every_answer() {
    assert_survives("connection broken", json!({ "break": true }), false).await;
}

#[tokio::test]
async fn every_call_may_be_denied_once() {
    assert_survives("access denied", json!({ "status": 403 }), true).await;
}

#[tokio::test]
async fn the_function_may_die_once_before_every_call() {
    assert_survives("death before the call", json!({ "kill": "before" }), true).await;
}

#[tokio::test]
async fn the_function_may_die_once_after_the_effect_of_every_call() {
    assert_survives("death after the call", json!({ "kill": "after" }), true).await;
}

#[tokio::test]
async fn a_service_that_does_not_answer_at_all_is_asked_again() {
    // Longer than the functions wait for Connect, and for Graph.
    let silent = |service: &str, operation: &str| json!({ "service": service, "match": operation, "delayMs": 40_000 });
    let life = Life::start().await;
    life.cloud
        .admin("POST", "fault", &json!([silent("connect", "^ListInstances$"), silent("graph", "/members")]))
        .await;
    let phase = life.phase(&PHASES[0]).await;
    assert_eq!(phase.restarts, 0);
    assert_same_end(PHASES[0].name, &clean().await[0], &phase);
}
