//! Runs an onboarding through all its phases (an end-to-end run) once for each kind of fault. Calls fail in every state
//! of every state machine. Each phase must have the same result as in an end-to-end run without faults, so that no
//! resource is missing and no resource exists twice. The test prints the number of failed calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use test_support::with;

use super::{
    common::root,
    life::{Call, Life, Machine, Phase},
};

/// Number of end-to-end runs at the same time, in addition to the end-to-end runs that mostly wait for timeouts.
const LIVES: usize = 3;
/// Delay of a response, in milliseconds. The delay is longer than the shortest timeout of a function or state (eight
/// seconds).
const SILENCE_MS: u64 = 9_500;
/// Number of end-to-end runs in which calls get no response. One end-to-end run with a timeout in every state would
/// take too long, so each of these runs covers a part of the states.
const SILENT_LIVES: usize = 6;

/// A way in which a call fails.
struct Kind {
    name: &'static str,
    effect: Value,
    /// Whether the operator may have to restart an execution.
    restarts: bool,
    /// Maximum number of failing operations per state. Each failing operation uses up one of the state's retries.
    most: usize,
    /// If set, only every [`SILENT_LIVES`]-th caller gets faults, starting with the caller that has this number.
    part: Option<usize>,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, effect, restarts| Kind { name, effect, restarts, most: 5, part: None };
    let mut kinds = vec![
        kind("503", json!({ "status": 503 }), false),
        kind("throttled", json!({ "status": 429, "code": "ThrottlingException" }), false),
        kind("malformed", json!({ "truncate": true }), false),
        kind("broken", json!({ "break": true }), false),
        Kind { most: 2, ..kind("denied", json!({ "status": 403 }), true) },
        kind("dies before", json!({ "kill": "before" }), true),
        kind("dies after", json!({ "kill": "after" }), true),
    ];
    let silence = json!({ "answerDelayMs": SILENCE_MS });
    let silent = |part| Kind { name: "silent", effect: silence.clone(), restarts: false, most: 1, part: Some(part) };
    kinds.extend((0..SILENT_LIVES).map(silent));
    kinds
}

/// States in which the functions make no call during an end-to-end run, each with the reason.
const REASONS: [(&str, &str); 11] = [
    ("onboarding/SyncWaitingUsers", "only if members had to wait for a quota; the same call as SyncUsers"),
    ("onboarding/Report", "only combines its input"),
    ("onboarding/NotifyNumbers", "only during a Support case, whose days pass too fast here: tests/steps/aws"),
    ("plan/DescribeOnboarding", "only for onboard adopt, and only reads: commands/adopt.rs"),
    ("user-sync/RenewLease", "only if one function run is too short for the work: tests/steps/user_sync/rounds.rs"),
    ("user-sync/ClearDirty", "only if a change is reported during a sync: user_sync/lease.rs"),
    ("user-sync/ReleaseAnyway", "only after 200 rounds: .ci/judges/control-flow/paths.py"),
    ("user-sync/ReleaseAfterFailure", "only after a failure, as in the run with denied calls"),
    ("teardown/RenewLease", "as in user-sync"),
    ("teardown/UnlockPlanned", "only if the plan under the lock differs from the approved plan"),
    ("rotate-certificate/NotifyNeedsPerson", "only if a cloud denies the rotation: rotation.rs"),
];

/// All tasks of the definitions as `machine/State`, and the number of other states.
fn states() -> (Vec<String>, usize) {
    fn walk(machine: &str, part: &Value, tasks: &mut Vec<String>, others: &mut usize) {
        for (name, state) in part["States"].as_object().unwrap() {
            match state["Type"].as_str() {
                Some("Task") => tasks.push(format!("{machine}/{name}")),
                _ => *others += 1,
            }
            for branch in state["Branches"].as_array().into_iter().flatten().chain(state.get("ItemProcessor")) {
                walk(machine, branch, tasks, others);
            }
        }
    }
    let (mut tasks, mut others) = (Vec::new(), 0);
    for machine in Machine::ALL {
        let file = root().join(format!("statemachine/{}.asl.json", machine.file()));
        let definition: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        walk(machine.file(), &definition, &mut tasks, &mut others);
    }
    (tasks, others)
}

/// Makes one end-to-end run. If `fault` is given, calls fail in the given way. The failing operations of a phase are
/// selected from the operations that the run without faults called in this phase.
async fn run_life(fault: Option<(&[Phase], &Kind)>) -> Vec<Phase> {
    let life = Life::start().await;
    let mut phases = Vec::new();
    for (number, machine) in Machine::ALL.into_iter().enumerate() {
        if let Some((clean, kind)) = fault {
            life.cloud.fault(&rules(&clean[number], kind)).await;
        }
        phases.push(life.phase(machine).await);
    }
    phases
}

/// The fault rules of a phase. In every state, at least one operation fails, and at most the maximum number of
/// operations per state. Every operation fails in at least one state.
fn rules(clean: &Phase, kind: &Kind) -> Value {
    let calls = clean.operations();
    let mut chosen: BTreeMap<&str, Vec<(&str, &str)>> =
        calls.iter().map(|(caller, ..)| (caller.as_str(), Vec::new())).collect();
    let operations: BTreeSet<(&str, &str)> = calls.iter().map(|(_, service, name)| (*service, *name)).collect();
    for operation in operations {
        let of_it = calls.iter().filter(|(_, service, name)| (*service, *name) == operation);
        let callers = of_it.map(|(caller, ..)| caller.as_str());
        let caller = callers.min_by_key(|caller| chosen[caller].len()).unwrap();
        chosen.get_mut(caller).unwrap().push(operation);
    }
    for (caller, service, name) in &calls {
        let of_caller = chosen.get_mut(caller.as_str()).unwrap();
        if of_caller.is_empty() {
            of_caller.push((*service, *name));
        }
    }
    let mut rules = Vec::new();
    let functions = clean.functions();
    for (number, (caller, mut operations)) in chosen.into_iter().enumerate() {
        if kind.part.is_some_and(|part| number % SILENT_LIVES != part) {
            continue;
        }
        operations.truncate(kind.most);
        // In each state that invokes a function, the invocation itself also fails once.
        if functions.contains(caller) {
            operations.push(("lambda", "Invoke"));
        }
        for (service, name) in operations {
            let rule = json!({
                "caller": pattern(caller), "service": service, "match": format!("^{}$", regex::escape(name)),
            });
            rules.push(with(rule, &kind.effect));
        }
    }
    rules.into()
}

/// The pattern that matches this caller in the text `function machine/state` of a call.
fn pattern(caller: &str) -> String {
    match caller.split_once('/') {
        Some((file, state)) => {
            let machine = Machine::ALL.into_iter().find(|machine| machine.file() == file).unwrap();
            format!("(^|[ -]){}[^/]*/{state}$", machine.id())
        }
        None => format!("-{caller}Function-[^ ]*$"),
    }
}

/// The result of an end-to-end run with faults.
struct Outcome<'a> {
    kind: &'a Kind,
    /// Number of failed calls by caller.
    hits: BTreeMap<String, usize>,
    /// Number of restarted executions.
    restarts: usize,
    /// The differences between this run and the end-to-end run without injected faults.
    faults: Vec<String>,
}

impl<'a> Outcome<'a> {
    async fn through(clean: &[Phase], kind: &'a Kind) -> Self {
        let mut outcome = Self { kind, hits: BTreeMap::new(), restarts: 0, faults: Vec::new() };
        for (phase, clean) in run_life(Some((clean, kind))).await.iter().zip(clean) {
            let what = format!("{}, {:?}", kind.name, phase.machine);
            if !kind.restarts && !phase.restarts.is_empty() {
                outcome.faults.push(format!("{what}: restarted: {:#?}", phase.restarts));
            }
            outcome.restarts += phase.restarts.len();
            outcome.faults.extend(difference(clean, phase).map(|difference| format!("{what}: {difference}")));
            for caller in phase.calls.iter().filter(|call| call.simulated).filter_map(Call::caller) {
                *outcome.hits.entry(caller).or_default() += 1;
            }
        }
        outcome
    }
}

/// The first difference between the results of a phase with and without faults.
fn difference(clean: &Phase, found: &Phase) -> Option<String> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let (expected, found) = (pretty(&clean.end_state), pretty(&found.end_state));
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let line = (0..expected.len().max(found.len())).find(|&line| expected.get(line) != found.get(line))?;
    let around = |lines: &[&str]| lines[line.saturating_sub(12)..(line + 4).min(lines.len())].join("\n");
    Some(format!(
        "the result differs from the result of the run without faults:\n{}\n-- this run:\n{}",
        around(&expected),
        around(&found)
    ))
}

#[tokio::test]
async fn every_state_of_every_state_machine_survives_every_fault() {
    let clean = &run_life(None).await;
    let kinds = kinds();
    let (waiting, working): (Vec<&Kind>, Vec<&Kind>) = kinds.iter().partition(|kind| kind.part.is_some());
    let through = |kind| Outcome::through(clean, kind);
    let work = stream::iter(working.into_iter().map(through)).buffered(LIVES).collect::<Vec<_>>();
    let wait = stream::iter(waiting.into_iter().map(through)).buffered(SILENT_LIVES).collect::<Vec<_>>();
    let (mut lives, silent) = tokio::join!(work, wait);
    lives.extend(silent);

    let called: BTreeSet<String> = clean.iter().flat_map(Phase::operations).map(|(caller, ..)| caller).collect();
    let (table, mut faults) = table(&lives, &called);
    eprintln!("{table}");
    faults.extend(lives.iter().flat_map(|outcome| outcome.faults.iter().cloned()));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns the table of callers and kinds of faults, and the cells of the table that are empty without a reason.
fn table(lives: &[Outcome<'_>], called: &BTreeSet<String>) -> (String, Vec<String>) {
    let mut names: Vec<&str> = lives.iter().map(|outcome| outcome.kind.name).collect();
    names.dedup();
    let sum = |name: &str, of: &dyn Fn(&Outcome<'_>) -> usize| -> usize {
        lives.iter().filter(|outcome| outcome.kind.name == name).map(of).sum()
    };
    let line = |head: &str, cells: Vec<String>, reason: &str| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        format!("{head:<44}{cells}   {reason}").trim_end().to_owned() + "\n"
    };
    let mut text = line("Calls that failed", names.iter().map(ToString::to_string).collect(), "");
    let (mut missing, mut total) = (Vec::new(), 0);
    let (tasks, others) = states();
    for caller in tasks.iter().chain(called.iter().filter(|caller| !caller.contains('/'))) {
        let count = |name: &&str| sum(name, &|outcome| outcome.hits.get(caller).copied().unwrap_or_default());
        let counts: Vec<usize> = names.iter().map(count).collect();
        total += counts.iter().sum::<usize>();
        let reason = REASONS.iter().find(|(state, _)| state == caller).map(|(_, reason)| *reason);
        text += &line(caller, counts.iter().map(ToString::to_string).collect(), reason.unwrap_or_default());
        let is_state = caller.contains('/');
        match (called.contains(caller), reason) {
            (true, None) if is_state && counts.contains(&0) => missing.push(format!("{caller}: a fault is missing")),
            (true, Some(_)) => missing.push(format!("{caller}: has a reason, but makes calls")),
            (false, None) => missing.push(format!("{caller}: neither calls nor a reason")),
            _ => {}
        }
    }
    let restarts = |name: &&str| sum(name, &|outcome| outcome.restarts).to_string();
    text += &line("executions that an operator restarted", names.iter().map(restarts).collect(), "");
    let lives = lives.len();
    let _ =
        writeln!(text, "{total} calls failed in {lives} runs; {others} further states (Choice, Wait, …) make no call");
    (text, missing)
}
