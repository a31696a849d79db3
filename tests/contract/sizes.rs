//! What the onboarding carries from state to state stays below the limit of Step Functions, 256 KiB, which no state machine
//! can catch: an input that would exceed it is refused before anything is created.

use onboarding_core::contract::{PreflightOutput, ReportInput};

use super::sample_event;

const LIMIT: usize = 262_144;
/// The most that both branches of telephony add, as the tests of a year of waiting measure it.
const TELEPHONY: usize = 64 * 1024;

/// The sample input of `report` with this many groups, whose names are as long as names of groups are.
fn report(groups: usize) -> ReportInput {
    let mut report: ReportInput = serde_json::from_value(sample_event("report", &serde_json::Value::Null)).unwrap();
    let (wanted, found) = (report.preflight.onboarding.users.groups.clone(), report.preflight.groups.clone());
    report.preflight.onboarding.users.groups = wanted.into_iter().cycle().take(groups).collect();
    report.preflight.groups = found.into_iter().cycle().take(groups).collect();
    for (place, group) in report.preflight.groups.iter_mut().enumerate() {
        group.display_name = format!("Support agents of the contact centre in Osaka, team {place:04}");
        report.preflight.onboarding.users.groups[place].group.clone_from(&group.display_name);
    }
    report
}

fn bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).unwrap().len()
}

#[test]
fn an_input_that_the_state_machine_can_not_carry_is_refused_before_anything_is_created() {
    let most = (1..2_000).take_while(|groups| report(*groups).preflight.within_limits().is_ok()).count();
    assert!((300..1_000).contains(&most), "{most} groups fit");
    let refused = report(most + 1).preflight.within_limits().unwrap_err();
    assert_eq!(refused.name(), "InvalidInput");
    for part in ["KiB", "name fewer groups", &(most + 1).to_string()] {
        assert!(refused.message.contains(part), "{refused}");
    }
    let all = report(most);
    assert!(bytes(&all.preflight) <= PreflightOutput::MAX_BYTES);
    assert!(bytes(&all) + TELEPHONY < LIMIT, "{} bytes without telephony", bytes(&all));
}
