//! Checks that the inputs, outputs and variables of an onboarding do not exceed the limit of Step Functions (256 KiB).
//! A state machine can't catch the error that occurs if data exceeds this limit. An input that would exceed the limit
//! is rejected before anything is created.

use connect_onboarding::registry::Entry;
use onboarding_core::contract::{
    Check, DriftFinding, DriftReport, GroupSubscription, InstanceDrift, PreflightOutput, RegisterInstanceInput,
    Remediation, ReportInput, SubscriptionAction,
};

use super::sample_event;

const LIMIT: usize = PreflightOutput::MAX_STATE;
/// Maximum size in bytes of the outputs of the telephony branches and of the user sync together. The telephony branches
/// need up to 64 KiB, as measured by the tests that simulate a year. The user sync needs 40 KiB, because each of its
/// lists has at most fifty entries.
const TELEPHONY_AND_USERS: usize = (64 + 40) * 1024;

/// The sample input of `report` with this number of groups and with the outputs of all steps for each group.
fn report(groups: usize, length_of_names: usize) -> ReportInput {
    let mut report: ReportInput = serde_json::from_value(sample_event("report", &serde_json::Value::Null)).unwrap();
    let (wanted, found) = (report.preflight.onboarding.users.groups.clone(), report.preflight.groups.clone());
    report.preflight.onboarding.users.groups = wanted.into_iter().cycle().take(groups).collect();
    report.preflight.groups = found.into_iter().cycle().take(groups).collect();
    report.preflight.onboarding.telephony.outbound_to_japanese_mobiles = true;
    for (place, group) in report.preflight.groups.iter_mut().enumerate() {
        group.display_name = format!("{place:0length_of_names$}");
        report.preflight.onboarding.users.groups[place].group.clone_from(&group.display_name);
        report.sign_on.verification.checks.push(Check {
            name: format!("assignment of {}", group.display_name),
            passed: true,
            expected: "assigned".into(),
            found: "its members are assigned one by one".into(),
        });
        report.sign_on.notifications.subscriptions.push(GroupSubscription {
            group_id: group.id.clone(),
            subscription_id: group.id.clone(),
            expires_at: "2026-12-29T05:59:41Z".into(),
            action: SubscriptionAction::Created,
        });
    }
    report
}

fn bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).unwrap().len()
}

#[test]
fn an_input_that_is_too_large_for_the_state_machine_is_rejected_before_anything_is_created() {
    for length in [4, 60, 256] {
        let fits = |groups: &usize| report(*groups, length).preflight.within_limits().is_ok();
        let most = (1..2_000).take_while(fits).count();
        assert!(most >= 80, "{most} groups with names of {length} characters fit");
        let refused = report(most + 1, length).preflight.within_limits().unwrap_err();
        assert_eq!(refused.name(), "InvalidInput");
        for part in ["KiB", "name fewer groups", &(most + 1).to_string()] {
            assert!(refused.message.contains(part), "{refused}");
        }
        let all = report(most, length);
        assert!(bytes(&all) + TELEPHONY_AND_USERS < LIMIT, "{most} groups: {} bytes", bytes(&all));
        // The state NoteInstance stores the input as text, in which each quotation mark needs an escape character.
        let noted = bytes(&serde_json::to_string(&all.preflight.onboarding).unwrap());
        assert!(noted + 1_024 < LIMIT, "{most} groups: {noted} bytes");
    }
}

/// Maximum size of an item of DynamoDB in bytes (developer guide of DynamoDB, "Quotas").
const MAX_ITEM: usize = 400 * 1024;
/// Maximum size in bytes of the other attributes in the registry item of an instance. These attributes store up to 100
/// origins, the approved plan of a teardown, the last failure (32 KiB), the results and the requests for approval.
const OTHER_ATTRIBUTES: usize = 160 * 1024;

#[test]
fn the_registry_can_store_every_input_that_is_accepted() {
    let mut report = report(1, 4);
    report.preflight.onboarding.telephony.outbound_to_japanese_mobiles = false;
    report.preflight.onboarding.phone_numbers.clear();
    // One group with many settings, because the outputs of the other steps grow with the number of groups.
    while report.preflight.carried() <= LIMIT - 2_000 {
        report.preflight.onboarding.users.groups[0].security_profiles.push("p".repeat(1_000));
    }
    let preflight = report.preflight.clone().within_limits().unwrap();
    assert!(bytes(&preflight.onboarding.users) > 190 * 1024, "this input would be too large if it was stored twice");
    let entry = Entry::from(RegisterInstanceInput {
        onboarding: preflight.onboarding,
        instance_id: report.instance.instance_id,
        instance_arn: report.instance.instance_arn,
        tenant_id: preflight.tenant_id,
        groups: preflight.groups,
        application: report.sign_on.application,
        instance_adopted: Some(false),
    });
    let stored = entry.to_json().unwrap();
    assert!(stored.len() + OTHER_ATTRIBUTES < MAX_ITEM, "{} bytes", stored.len());
    assert_eq!(Entry::from_json(&stored).unwrap(), entry);
}

/// The drift of an instance with this number of groups, after all of its settings were changed manually.
fn drifted(place: usize, groups: usize) -> InstanceDrift {
    let report = report(groups, 60);
    let finding = DriftFinding {
        place: "p".repeat(60),
        expected: "e".repeat(400),
        found: "f".repeat(400),
        ..DriftFinding::default()
    };
    InstanceDrift {
        instance_id: format!("instance {place}"),
        findings: vec![finding; 50],
        count: 70,
        remediation: Some(Remediation {
            region: report.preflight.region,
            instance_arn: report.instance.instance_arn,
            saml_provider_arn: String::new(),
            policy_arn: String::new(),
            role_arn: String::new(),
            onboarding: report.preflight.onboarding,
            application: report.sign_on.application,
            groups: report.preflight.groups,
            global_sign_in_endpoint: Some("e".repeat(128)),
            application_gone: false,
        }),
        ..InstanceDrift::default()
    }
}

#[test]
fn a_drift_report_of_many_instances_is_shortened_to_the_limit_and_keeps_every_instance() {
    let few = DriftReport { instances: vec![drifted(0, 3)], more: false };
    assert_eq!(few.clone().within_limits(), few);
    let many = DriftReport { instances: (0..30).map(|place| drifted(place, 40)).collect(), more: false };
    assert!(bytes(&many) > LIMIT);
    let short = many.clone().within_limits();
    assert!(bytes(&short) <= DriftReport::MAX_BYTES, "{} bytes", bytes(&short));
    assert!(short.instances[0].remediation.is_some() && short.instances[29].remediation.is_none());
    for (short, long) in short.instances.iter().zip(&many.instances) {
        assert_eq!(
            (&short.instance_id, short.count, short.findings.first()),
            (&long.instance_id, 70, long.findings.first())
        );
    }
    let largest = DriftReport { instances: vec![drifted(0, 300)], more: false }.within_limits();
    assert!(largest.instances[0].remediation.is_some(), "the largest onboarding can be reverted");
}
