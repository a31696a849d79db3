//! Tests of the steps that work on all instances, if an invocation has no time left.

use connect_onboarding::{
    certificates::{rotate_certificate, watch_expiry},
    drift::detect_drift,
    runtime::{adapter::Invocation, clock::epoch_millis},
};
use onboarding_core::{
    StepErrorKind,
    contract::{
        DetectDriftInput, EntraApplication, RotateCertificateInput, Rotation, RotationStatus, WatchExpiryInput,
    },
};

use serde_json::json;
use time::OffsetDateTime;

use super::fixture::{Fixture, INSTANCE};
use crate::steps::support::entry;

const NO_TIME: Invocation = Invocation { deadline_ms: 0 };

#[tokio::test]
async fn a_rotation_continues_in_the_next_round_with_the_instances_for_which_there_was_no_time() {
    let fixture = Fixture::start().await;
    let rotation = |id: &str| Rotation {
        instance_id: id.into(),
        alias: id.into(),
        status: RotationStatus::Added,
        ..Rotation::default()
    };
    let previous = vec![rotation("not registered"), rotation(INSTANCE)];
    let input = RotateCertificateInput { previous, execution: "e".into(), ..RotateCertificateInput::default() };
    let output = rotate_certificate::run(&fixture.ctx, input, NO_TIME).await.unwrap();
    assert!(output.wait_seconds > 0, "{output:?}");
    assert_eq!(output.instances[0], rotation(INSTANCE), "the next round begins with this instance");
    assert_eq!(output.instances[1].status, RotationStatus::NotDue);
    let calls = fixture.cloud.operations();
    assert!(calls.iter().all(|call| call == "Scan"), "only the registry is read: {calls:?}");
}

#[tokio::test]
async fn an_expiry_check_without_time_for_an_instance_fails_and_lambda_invokes_it_again() {
    let fixture = Fixture::start().await;
    let failed = watch_expiry::run(&fixture.ctx, WatchExpiryInput {}, NO_TIME).await.unwrap_err();
    assert_eq!(failed.kind, StepErrorKind::Unavailable, "{failed}");
    assert!(failed.message.contains("in time"), "{failed}");
}

#[tokio::test]
async fn an_expiry_check_names_the_instances_whose_signing_certificate_could_not_be_read_in_time() {
    let fixture = Fixture::start().await;
    let mut entry = entry(INSTANCE, "arn");
    entry["application"] = serde_json::to_value(EntraApplication::default()).unwrap();
    fixture.sync_runs(json!({ "config": { "S": entry.to_string() } }), "");
    fixture.fault(json!({ "service": "login", "match": "federationmetadata", "times": 0, "delayMs": 120_000 }));
    let deadline_ms = u64::try_from(epoch_millis(OffsetDateTime::now_utc())).unwrap() + 8_000;
    let failed = watch_expiry::run(&fixture.ctx, WatchExpiryInput {}, Invocation { deadline_ms }).await.unwrap_err();
    assert_eq!(failed.kind, StepErrorKind::Unavailable, "{failed}");
    assert!(failed.message.contains("signing certificates of 1 instances, for example acme-support"), "{failed}");
}

#[tokio::test]
async fn a_drift_check_without_time_for_any_instance_fails_and_is_retried() {
    let fixture = Fixture::start().await;
    let failed = detect_drift::run(&fixture.ctx, DetectDriftInput::default(), NO_TIME).await.unwrap_err();
    assert_eq!(failed.kind, StepErrorKind::Unavailable, "{failed}");
    assert!(failed.message.contains("in time"), "{failed}");
}
