//! Checks that every polling loop of a state machine ends before the execution reaches a limit of Step Functions (one
//! year, 25,000 events). The loop must end with a report or a named error. At a limit, Step Functions would stop the
//! execution without a report.

use std::collections::{BTreeMap, BTreeSet};

use onboarding_core::{backoff, rotation};
use serde_json::Value;

use super::{machines, read, states};

const YEAR: u64 = 365 * 24 * 3_600;
const EVENTS: u64 = 25_000;
/// The part of the limit of one year, in seconds, that polling must not use. The execution needs this remaining time
/// for its other work, for approvals and for syncs that are already running.
const SPARE_SECONDS: u64 = 7 * 24 * 3_600;
/// The part of the limit of 25,000 events that polling must not use. The execution needs these remaining events for
/// retries.
const SPARE_EVENTS: u64 = 4_000;

/// Maximum number of calls of `rotate-certificate` in one execution.
const ROTATION_ROUNDS: u32 = 200;

/// Maximum number of waits for the lease of an instance.
const LEASE_WAITS: u32 = 600;
/// Maximum number of additional passes of a user sync.
const EXTRA_PASSES: u32 = 200;
/// Maximum number of attempts of a drift remediation to acquire the lock of an alias.
const REMEDIATION_ATTEMPTS: u32 = 10;

/// A polling loop: the name of its Wait state, a function that returns the seconds before each poll, and the maximum
/// number of polls.
struct Loop {
    wait: &'static str,
    seconds: fn(u32) -> u64,
    polls: u32,
}

const fn looped(wait: &'static str, seconds: fn(u32) -> u64, polls: u32) -> Loop {
    Loop { wait, seconds, polls }
}

const fn takeover(_: u32) -> u64 {
    backoff::TAKEOVER
}

const fn longest_wait_of_a_rotation(_: u32) -> u64 {
    rotation::SWITCH_PROPAGATION
}

/// Seconds to wait before an attempt to acquire the lease of an instance. A sync of 100,000 users holds the lease for
/// half an hour.
const fn lease(wait: u32) -> u64 {
    if wait < 120 { 30 } else { 300 }
}

/// Seconds for which a user sync gathers changes before an additional pass.
const fn gathering(pass: u32) -> u64 {
    match pass {
        0 => 10,
        1 => 20,
        _ => 30,
    }
}

fn loops(machine: &str) -> Vec<Loop> {
    match machine {
        "onboarding.asl.json" => vec![
            looped("WaitForInstanceQuota", backoff::approval, backoff::LAST_INSTANCE_QUOTA_POLL),
            looped("WaitForAlias", backoff::lock, backoff::LAST_LOCK_ATTEMPT),
            looped("WaitForInstance", backoff::instance_creation, backoff::LAST_CREATION_POLL),
            looped("WaitForQuotas", backoff::approval, backoff::LAST_QUOTA_POLL),
            looped("WaitForNumbersLock", takeover, backoff::MAX_TAKEOVERS),
            looped("WaitForNumbers", backoff::phone_numbers, backoff::LAST_NUMBER_POLL),
            looped("WaitForFirstCall", backoff::first_call, backoff::LAST_FIRST_CALL_POLL),
            looped("WaitForEntraApplication", backoff::entra_replication, backoff::LAST_REPLICATION_POLL),
        ],
        "rotate-certificate.asl.json" => {
            vec![looped("WaitUntilKnown", longest_wait_of_a_rotation, ROTATION_ROUNDS)]
        }
        "teardown.asl.json" => {
            vec![
                looped("WaitForAlias", backoff::lock, backoff::LAST_LOCK_ATTEMPT),
                looped("WaitForLease", lease, LEASE_WAITS),
                looped("WaitForInvocations", takeover, backoff::MAX_TAKEOVERS),
                looped("WaitForInstance", backoff::instance_creation, backoff::LAST_DELETION_POLL),
            ]
        }
        "user-sync.asl.json" => vec![
            looped("WaitForLease", lease, LEASE_WAITS),
            looped("WaitForInvocations", takeover, backoff::MAX_TAKEOVERS),
            looped("GatherChanges", gathering, EXTRA_PASSES),
        ],
        "drift.asl.json" => vec![looped("WaitForAlias", backoff::lock, REMEDIATION_ATTEMPTS)],
        _ => vec![],
    }
}

/// The number of history events of a state. There is an event when the state is entered and when it is exited. For a
/// task, there are further events when the task is scheduled, is started and has finished.
fn events(state: &Value) -> u64 {
    if state["Type"] == "Task" { 5 } else { 2 }
}

fn next(state: &Value) -> BTreeSet<&str> {
    let ways = ["Choices", "Catch"].iter().flat_map(|list| state[*list].as_array().into_iter().flatten());
    ways.chain([state]).filter_map(|way| way["Next"].as_str()).chain(state["Default"].as_str()).collect()
}

/// The number of history events on the longest path between two states that contains no state twice. `None` if there is
/// no path.
fn longest<'a>(all: &'a BTreeMap<String, Value>, from: &'a str, to: &str, passed: &mut Vec<&'a str>) -> Option<u64> {
    if from == to && !passed.is_empty() {
        return Some(0);
    }
    if passed.contains(&from) {
        return None;
    }
    passed.push(from);
    let rest = next(&all[from]).into_iter().filter_map(|state| longest(all, state, to, passed)).max();
    passed.pop();
    rest.map(|rest| rest + events(&all[from]))
}

/// The maximum time that the polling loops in a scope can take, in seconds. The times of sequential loops are added. Of
/// parallel branches, only the branch with the longest time counts.
fn seconds(scope: &Value, loops: &[Loop]) -> u64 {
    let own = |name: &str| -> u64 {
        let found = loops.iter().filter(|entry| entry.wait == name);
        found.flat_map(|entry| (0..entry.polls).map(|poll| (entry.seconds)(poll))).sum()
    };
    let states = scope["States"].as_object().unwrap();
    let inner = |state: &Value| -> u64 {
        let branches = state["Branches"].as_array().into_iter().flatten().chain(state.get("ItemProcessor"));
        branches.map(|branch| seconds(branch, loops)).max().unwrap_or_default()
    };
    states.iter().map(|(name, state)| own(name) + inner(state)).sum()
}

#[test]
fn every_wait_belongs_to_a_loop_that_ends() {
    for (file, machine) in machines() {
        let waits: BTreeSet<String> =
            states(&machine).into_iter().filter(|(_, state)| state["Type"] == "Wait").map(|(name, _)| name).collect();
        let listed: BTreeSet<String> = loops(&file).iter().map(|entry| entry.wait.to_owned()).collect();
        assert_eq!(waits, listed, "{file}: its Wait states (left) and the loops with a known limit (right)");
    }
}

#[test]
fn all_polls_of_an_execution_together_stay_below_its_limits_of_time_and_events() {
    for (file, machine) in machines() {
        let (loops, all) = (loops(&file), states(&machine));
        let waited = seconds(&machine, &loops);
        assert!(waited + SPARE_SECONDS < YEAR, "{file} may wait {} days", waited / 86_400);
        let polled: u64 = loops
            .iter()
            .map(|entry| {
                let round = longest(&all, entry.wait, entry.wait, &mut Vec::new()).expect("a loop");
                u64::from(entry.polls) * round
            })
            .sum();
        let once: u64 = all.values().map(events).sum();
        assert!(polled + once + SPARE_EVENTS < EVENTS, "{file} may make {} events", polled + once);
    }
}

#[test]
fn the_limits_in_the_state_machines_equal_the_limits_in_this_table() {
    for (file, condition) in [
        (
            "onboarding",
            format!("$instanceQuotas.pending and $instanceQuotas.attempt < {} %}}", backoff::LAST_QUOTA_POLL),
        ),
        ("user-sync", format!("$leaseWaits >= {LEASE_WAITS} %}}")),
        ("user-sync", "$leaseWaits < 120 ? 30 : 300 %}".into()),
        ("user-sync", format!("$takeovers < {} %}}", backoff::MAX_TAKEOVERS)),
        ("user-sync", format!("\"Seconds\": {},", backoff::TAKEOVER)),
        ("user-sync", format!("$extraRounds >= {EXTRA_PASSES} %}}")),
        ("user-sync", format!("\"gatherSeconds\": {},", gathering(0))),
        ("user-sync", format!("$min([{}, 2 * $gatherSeconds]) %}}", gathering(EXTRA_PASSES))),
        ("teardown", format!("$takeovers < {} %}}", backoff::MAX_TAKEOVERS)),
        ("teardown", format!("\"Seconds\": {},", backoff::TAKEOVER)),
        ("teardown", format!("$leaseWaits >= {LEASE_WAITS} %}}")),
        ("teardown", "$leaseWaits < 120 ? 30 : 300 %}".into()),
        ("drift", format!("\"attempts\": {REMEDIATION_ATTEMPTS},")),
        ("rotate-certificate", format!("$waitSeconds > 0 and $rounds < {ROTATION_ROUNDS} %}}")),
    ] {
        let definition = read(format!("statemachine/{file}.asl.json"));
        assert!(definition.contains(&condition), "{file} has no {condition}");
    }
}
