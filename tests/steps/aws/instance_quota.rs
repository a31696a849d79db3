//! Tests of the step `instance-quota`.

use std::collections::BTreeMap;

use local_cloud::stand_in::{Behaviour, QuotaOutcome, QuotaPath};
use onboarding_core::{
    StepError, backoff,
    contract::{InstanceQuotaInput, QuotaResult, QuotaStatus},
};

use super::cloud::Cloud;
use connect_onboarding::onboarding::instance_quota::run;

const INSTANCES: &str = "L-AA17A6B9";

/// Polls as the state machine does, until the result is final.
async fn follow(cloud: &Cloud) -> Result<QuotaResult, StepError> {
    let mut previous = None;
    loop {
        let result = run(&cloud.ctx, InstanceQuotaInput { alias: "acme".into(), previous: previous.clone() }).await?;
        if result.status != QuotaStatus::Pending {
            return Ok(result);
        }
        assert!(result.wait_seconds >= 900 && result.attempt < 50, "{result:?}");
        cloud.wait(result.wait_seconds);
        previous = Some(result);
    }
}

fn account_with(quota: f64, outcome: QuotaOutcome) -> Behaviour {
    Behaviour {
        quotas: BTreeMap::from([(INSTANCES.to_owned(), quota)]),
        quota_paths: BTreeMap::from([(INSTANCES.to_owned(), QuotaPath::ending(outcome))]),
        ..Behaviour::default()
    }
}

#[tokio::test]
async fn an_account_with_a_sufficient_quota_is_only_read() {
    let cloud = Cloud::start(account_with(2.0, QuotaOutcome::Denied)).await;
    cloud.instance("other").await;
    let result = follow(&cloud).await.unwrap();
    assert_eq!((result.status, result.value, result.desired), (QuotaStatus::Sufficient, 2.0, 2.0));
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn an_account_with_a_quota_of_zero_requests_one_instance_and_waits() {
    let cloud = Cloud::start(account_with(0.0, QuotaOutcome::Approved)).await;
    let result = follow(&cloud).await.unwrap();
    assert_eq!((result.status, result.value, result.desired), (QuotaStatus::Sufficient, 1.0, 1.0));
    assert!(result.request_id.is_some() && result.case_id.is_some());
    assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"]);
    // A later execution reads the new value and sends no request.
    assert_eq!(follow(&cloud).await.unwrap().status, QuotaStatus::Sufficient);
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn a_denied_request_fails_with_advice() {
    for outcome in
        [QuotaOutcome::Denied, QuotaOutcome::NotApproved, QuotaOutcome::CaseClosedRefused, QuotaOutcome::InvalidRequest]
    {
        let cloud = Cloud::start(account_with(1.0, outcome)).await;
        cloud.instance("other").await;
        let error = follow(&cloud).await.unwrap_err();
        assert_eq!(error.name(), "QuotaDenied", "{outcome:?}");
        for part in ["acme", "support case", "delete an instance"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"], "{outcome:?}");
    }
}

#[tokio::test]
async fn an_existing_instance_needs_no_quota() {
    let cloud = Cloud::start(account_with(1.0, QuotaOutcome::Denied)).await;
    cloud.instance("acme").await;
    assert_eq!(follow(&cloud).await.unwrap().status, QuotaStatus::Sufficient);
    assert_eq!(cloud.calls(), ["ListInstances", "ListInstances"], "an empty page, then the instance");
}

#[tokio::test]
async fn an_undecided_request_ends_the_loop_with_a_named_error_and_leaves_time_for_the_next_steps() {
    let cloud = Cloud::start(account_with(0.0, QuotaOutcome::Never)).await;
    let (mut previous, mut waited) = (None, 0);
    let error = loop {
        let input = InstanceQuotaInput { alias: "acme".into(), previous: previous.clone() };
        match run(&cloud.ctx, input).await {
            Ok(result) => {
                assert!(result.attempt < backoff::LAST_INSTANCE_QUOTA_POLL, "{result:?}");
                waited += result.wait_seconds;
                cloud.wait(result.wait_seconds);
                previous = Some(result);
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.name(), "LimitExceeded");
    for part in ["acme", "two months", "AWS Support", "same request"] {
        assert!(error.message.contains(part), "{error}");
    }
    assert!((58..62).contains(&(waited / 86_400)), "{waited} s");
    assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"]);
}
