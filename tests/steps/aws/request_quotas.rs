//! Tests of the step `request-quotas`: every outcome of a quota request, for required and optional quotas.

use std::collections::BTreeMap;

use local_cloud::stand_in::{Behaviour, QuotaOutcome, QuotaPath};
use onboarding_core::{
    StepError,
    contract::{QuotaStatus, RequestQuotasInput, RequestQuotasOutput},
    onboarding::Quota,
};

use super::cloud::Cloud;
use connect_onboarding::{aws::quotas::check_codes, onboarding::request_quotas::run};

const CALLS: &str = "L-12AB7C57";
const NUMBERS: &str = "L-8F812903";
const QUEUES: &str = "L-19A87C94";
const USERS: &str = "L-9A46857E";
const CREATE_USER_RATE: &str = "L-CBDEE3E4";

fn quota(code: &str, value: f64) -> Quota {
    Quota { code: code.into(), value, required: false }
}

fn input(instance_arn: &str, quotas: &[Quota]) -> RequestQuotasInput {
    RequestQuotasInput { instance_arn: instance_arn.into(), quotas: quotas.into(), users: 0, previous: None }
}

/// Calls the step again and again as the state machine does, at most `polls` times.
async fn follow(cloud: &Cloud, mut input: RequestQuotasInput, polls: u32) -> Result<RequestQuotasOutput, StepError> {
    loop {
        let output = run(&cloud.ctx, input.clone()).await?;
        if !output.pending || output.attempt >= polls {
            return Ok(output);
        }
        assert!(output.wait_seconds >= 900, "{output:?}");
        cloud.wait(output.wait_seconds);
        input.previous = Some(output);
    }
}

fn ending(path: QuotaPath) -> Behaviour {
    Behaviour { quota_path: path, ..Behaviour::default() }
}

#[tokio::test]
async fn every_final_status_leads_to_its_result_for_required_and_optional_quotas() {
    use QuotaOutcome::{Approved, CaseClosedGranted, CaseClosedRefused, Denied, InvalidRequest, Never, NotApproved};
    for (outcome, granted, word) in [
        (Approved, Some(true), "APPROVED"),
        (CaseClosedGranted, Some(true), "CASE_CLOSED"),
        (CaseClosedRefused, Some(false), "CASE_CLOSED"),
        (Denied, Some(false), "DENIED"),
        (NotApproved, Some(false), "NOT_APPROVED"),
        (InvalidRequest, Some(false), "INVALID_REQUEST"),
        (Never, None, "CASE_OPENED"),
    ] {
        for required in [false, true] {
            let cloud = Cloud::start(ending(QuotaPath::ending(outcome))).await;
            let (_, arn) = cloud.instance("acme").await;
            let wanted = Quota { required, ..quota(CALLS, 20.0) };
            let result = follow(&cloud, input(&arn, &[wanted]), 30).await;
            assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"], "{outcome:?} is requested once");
            match (result, granted) {
                (Err(error), Some(false)) if required => {
                    assert_eq!(error.name(), "QuotaDenied");
                    assert!(error.message.contains(word) && error.message.contains("Support"), "{error}");
                }
                (Ok(output), Some(false)) if !required => {
                    let result = &output.quotas[0];
                    assert_eq!((result.status, result.value, output.pending), (QuotaStatus::Denied, 10.0, false));
                    let message = result.message.as_deref().unwrap();
                    assert!(message.contains(word) && message.contains("concurrentActiveCalls"), "{message}");
                }
                (Ok(output), Some(true)) => {
                    let result = &output.quotas[0];
                    assert_eq!((result.status, result.value), (QuotaStatus::Sufficient, 20.0), "{outcome:?}");
                    assert_eq!(result.request_status.as_deref(), Some(word));
                }
                (Ok(output), None) => {
                    assert!(output.pending && output.quotas[0].request_status.as_deref() == Some(word), "{output:?}");
                }
                (result, _) => panic!("{outcome:?}, required {required}: {result:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_denial_after_ten_polls_is_still_a_result() {
    let path = QuotaPath { decided: 12.0 * 3600.0, ..QuotaPath::ending(QuotaOutcome::Denied) };
    let cloud = Cloud::start(ending(path)).await;
    let (_, arn) = cloud.instance("acme").await;
    let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 100).await.unwrap();
    assert_eq!(output.quotas[0].status, QuotaStatus::Denied);
    assert!(output.attempt > 10, "{}", output.attempt);
}

#[tokio::test]
async fn an_approved_value_is_awaited_for_about_a_day() {
    for (lag, status) in [(12.0 * 3600.0, QuotaStatus::Sufficient), (1e9, QuotaStatus::Denied)] {
        let path = QuotaPath { value_lag: lag, ..QuotaPath::default() };
        let cloud = Cloud::start(ending(path)).await;
        let (_, arn) = cloud.instance("acme").await;
        let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 100).await.unwrap();
        assert_eq!(output.quotas[0].status, status, "{output:?}");
        assert_eq!(output.quotas[0].request_status.as_deref(), Some("APPROVED"));
    }
}

#[tokio::test]
async fn a_smaller_value_than_requested_is_reported() {
    let cloud = Cloud::start(ending(QuotaPath { granted: Some(15.0), ..QuotaPath::default() })).await;
    let (_, arn) = cloud.instance("acme").await;
    let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 100).await.unwrap();
    let result = &output.quotas[0];
    assert_eq!((result.status, result.value), (QuotaStatus::Denied, 15.0));
    assert!(result.message.as_deref().is_some_and(|message| message.contains("is 15 but must be 20")), "{result:?}");
}

#[tokio::test]
async fn a_sufficient_quota_is_not_requested_and_a_quota_of_zero_is() {
    let zero = Behaviour { quotas: BTreeMap::from([(CALLS.to_owned(), 0.0)]), ..Behaviour::default() };
    let cloud = Cloud::start(zero).await;
    let (_, arn) = cloud.instance("acme").await;
    let output = follow(&cloud, input(&arn, &[quota(NUMBERS, 5.0), quota(CALLS, 10.0)]), 30).await.unwrap();
    let values: Vec<_> =
        output.quotas.iter().map(|result| (result.name.as_str(), result.value, result.status)).collect();
    let enough = QuotaStatus::Sufficient;
    assert_eq!(values, [("phoneNumbers", 5.0, enough), ("concurrentActiveCalls", 10.0, enough)]);
    assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"], "a request only for the calls quota");

    follow(&cloud, input(&arn, &[quota(NUMBERS, 5.0), quota(CALLS, 10.0)]), 30).await.unwrap();
    assert_eq!(cloud.writes(), [""; 0], "a second execution must only read");
}

#[tokio::test]
async fn an_open_request_by_another_user_is_adopted() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (_, arn) = cloud.instance("acme").await;
    let request = cloud.ctx.quotas().request_service_quota_increase().service_code("connect").quota_code(CALLS);
    let request = request.desired_value(50.0).context_id(&arn).send().await.unwrap();
    cloud.calls();
    let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 30).await.unwrap();
    assert_eq!((output.quotas[0].status, output.quotas[0].value), (QuotaStatus::Sufficient, 50.0));
    assert_eq!(output.quotas[0].request_id, request.requested_quota.unwrap().id);
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn after_a_smaller_open_request_is_decided_the_required_value_is_requested() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (_, arn) = cloud.instance("acme").await;
    let request = cloud.ctx.quotas().request_service_quota_increase().service_code("connect").quota_code(CALLS);
    request.desired_value(12.0).context_id(&arn).send().await.unwrap();
    cloud.calls();
    let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 30).await.unwrap();
    assert_eq!((output.quotas[0].status, output.quotas[0].value), (QuotaStatus::Sufficient, 20.0));
    assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"]);
}

#[tokio::test]
async fn a_lost_response_creates_no_second_request() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (_, arn) = cloud.instance("acme").await;
    cloud.lose_answer("RequestServiceQuotaIncrease");
    let error = run(&cloud.ctx, input(&arn, &[quota(CALLS, 20.0)])).await.unwrap_err();
    assert_eq!(error.name(), "Unavailable", "{error}");
    let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 30).await.unwrap();
    assert_eq!(output.quotas[0].status, QuotaStatus::Sufficient);
    assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"]);
}

#[tokio::test]
async fn a_temporary_limit_on_requests_delays_the_request() {
    for code in ["ResourceAlreadyExistsException", "QuotaExceededException"] {
        let cloud = Cloud::start(Behaviour::default()).await;
        let (_, arn) = cloud.instance("acme").await;
        cloud.fail("RequestServiceQuotaIncrease", 2, 400, code);
        let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 30).await.unwrap();
        assert_eq!(output.quotas[0].status, QuotaStatus::Sufficient, "{code}");
        assert!(output.quotas[0].attempt > 3, "{code}: two failed polls, then the request");
    }
}

#[tokio::test]
async fn a_quota_that_was_never_increased_has_the_value_of_the_account_or_the_default() {
    // There are two kinds of AWS accounts. For one kind, Service Quotas returns the AWS default as the account's value.
    // For the other kind, Service Quotas returns no account value.
    for account_quotas_applied in [false, true] {
        let behaviour = Behaviour {
            account_quotas_applied,
            quotas: BTreeMap::from([(CALLS.to_owned(), 30.0)]),
            ..Behaviour::default()
        };
        let cloud = Cloud::start(behaviour).await;
        let (_, arn) = cloud.instance("acme").await;
        let required = |code, value| Quota { required: true, ..quota(code, value) };
        let output =
            run(&cloud.ctx, input(&arn, &[required(CALLS, 25.0), required(QUEUES, 100.0), required(USERS, 25.0)]));
        let output = output.await.unwrap();
        let found: Vec<_> = output.quotas.iter().map(|result| (result.status, result.value)).collect();
        let enough = QuotaStatus::Sufficient;
        assert_eq!(found, [(enough, 30.0), (enough, 100.0), (enough, 500.0)]);
        assert_eq!(cloud.writes(), [""; 0]);
    }
}

#[tokio::test]
async fn an_approved_value_that_one_operation_never_returns_is_read_with_the_other() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (_, arn) = cloud.instance("acme").await;
    cloud.fail("GetServiceQuota", 0, 400, "NoSuchResourceException");
    let required = [Quota { required: true, ..quota(CALLS, 20.0) }];
    for writes in [&["RequestServiceQuotaIncrease"][..], &[]] {
        let output = follow(&cloud, input(&arn, &required), 30).await.unwrap();
        let result = &output.quotas[0];
        assert_eq!((result.status, result.value), (QuotaStatus::Sufficient, 20.0));
        assert_eq!(result.request_status.as_deref(), Some("APPROVED"));
        assert_eq!(cloud.writes(), writes, "a second execution must only read");
    }
}

#[tokio::test]
async fn a_request_rejected_because_the_quota_is_high_enough_is_sufficient() {
    for (code, message) in [
        ("IllegalArgumentException", "You must provide a quota value greater than the current quota value"),
        ("InvalidResourceStateException", "You must provide a quota value greater than the current quota value."),
    ] {
        let cloud = Cloud::start(Behaviour::default()).await;
        let (_, arn) = cloud.instance("acme").await;
        cloud.fail_saying("RequestServiceQuotaIncrease", 400, code, message);
        let required = Quota { required: true, ..quota(CALLS, 20.0) };
        let output = run(&cloud.ctx, input(&arn, &[required])).await.unwrap();
        assert_eq!((output.quotas[0].status, output.quotas[0].value), (QuotaStatus::Sufficient, 20.0), "{code}");
    }
    // If the request is rejected with another message, the step reads the quota's value again. In this test, the reads
    // before the request returned no value.
    let cloud = Cloud::start(Behaviour { quotas: BTreeMap::from([(CALLS.to_owned(), 50.0)]), ..Behaviour::default() });
    let cloud = cloud.await;
    let (_, arn) = cloud.instance("acme").await;
    cloud.fail("GetServiceQuota", 2, 400, "NoSuchResourceException");
    cloud.fail_saying(
        "RequestServiceQuotaIncrease",
        400,
        "IllegalArgumentException",
        "DesiredValue is not acceptable.",
    );
    let output = run(&cloud.ctx, input(&arn, &[quota(CALLS, 20.0)])).await.unwrap();
    assert_eq!((output.quotas[0].status, output.quotas[0].value), (QuotaStatus::Sufficient, 50.0));
}

#[tokio::test]
async fn a_lost_response_to_a_request_approved_before_its_value_shows_creates_no_second_request() {
    let path = QuotaPath { value_lag: 4.0 * 3600.0, ..QuotaPath::default() };
    let cloud = Cloud::start(ending(path)).await;
    let (_, arn) = cloud.instance("acme").await;
    cloud.lose_answer("RequestServiceQuotaIncrease");
    run(&cloud.ctx, input(&arn, &[quota(CALLS, 20.0)])).await.unwrap_err();
    cloud.wait(2 * 3600);
    let output = run(&cloud.ctx, input(&arn, &[quota(CALLS, 20.0)])).await.unwrap();
    let result = &output.quotas[0];
    assert_eq!((result.status, result.request_status.as_deref()), (QuotaStatus::Pending, Some("APPROVED")));
    let output = follow(&cloud, input(&arn, &[quota(CALLS, 20.0)]), 30).await.unwrap();
    assert_eq!((output.quotas[0].status, output.quotas[0].value), (QuotaStatus::Sufficient, 20.0));
    assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"]);
}

#[tokio::test]
async fn an_unknown_code_is_a_fault_of_the_input_with_the_nearest_known_code() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let known = [quota(CALLS, 20.0), quota(CREATE_USER_RATE, 200.0), quota("L-3481440F", 3.0)];
    check_codes(cloud.ctx.quotas(), cloud.ctx.region(), &known).await.unwrap();
    let error =
        check_codes(cloud.ctx.quotas(), cloud.ctx.region(), &[quota("L-12AB7C75", 20.0), quota("L-00000000", 1.0)])
            .await
            .unwrap_err();
    assert_eq!(error.name(), "InvalidInput");
    for part in ["L-12AB7C75", "did you mean L-12AB7C57 (concurrentActiveCalls)?", "L-00000000"] {
        assert!(error.message.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_quota_of_the_account_is_requested_without_an_instance() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (_, arn) = cloud.instance("acme").await;
    let output = follow(&cloud, input(&arn, &[quota(CREATE_USER_RATE, 200.0)]), 30).await.unwrap();
    assert_eq!((output.quotas[0].status, output.quotas[0].value), (QuotaStatus::Sufficient, 200.0));
}

#[tokio::test]
async fn an_unknown_code_counts_as_denied_and_the_other_quotas_are_requested() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (_, arn) = cloud.instance("acme").await;
    let output = follow(&cloud, input(&arn, &[quota("L-00000000", 1.0), quota(CALLS, 20.0)]), 30).await.unwrap();
    let statuses: Vec<_> = output.quotas.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [QuotaStatus::Denied, QuotaStatus::Sufficient]);
    let unknown = Quota { required: true, ..quota("L-00000000", 1.0) };
    let error = run(&cloud.ctx, input(&arn, &[unknown])).await.unwrap_err();
    assert!(error.name() == "QuotaDenied" && error.message.contains("L-00000000"), "{error}");
}

#[tokio::test]
async fn more_members_than_the_users_quota_allows_lead_to_a_request_for_that_quota() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (_, arn) = cloud.instance("acme").await;
    let with_users = |users| RequestQuotasInput { users, ..input(&arn, &[quota(NUMBERS, 5.0)]) };
    let output = run(&cloud.ctx, with_users(600)).await.unwrap();
    let users = &output.quotas[1];
    assert_eq!((users.code.as_str(), users.status, users.desired), (USERS, QuotaStatus::Pending, 600.0));
    assert!(users.message.as_deref().is_some_and(|message| message.contains("500 users in total")), "{users:?}");
    let output = follow(&cloud, with_users(600), 30).await.unwrap();
    assert_eq!(output.quotas[1].value, 660.0, "ten percent more than needed");
    assert_eq!(cloud.writes(), ["RequestServiceQuotaIncrease"]);

    // 650 members do not exceed the quota of 660, so no request is needed.
    assert_eq!(run(&cloud.ctx, with_users(650)).await.unwrap().quotas[1].status, QuotaStatus::Sufficient);
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn unmanaged_users_count_for_the_users_quota_and_our_users_are_not_counted_twice() {
    let cloud =
        Cloud::start(Behaviour { quotas: BTreeMap::from([(USERS.to_owned(), 4.0)]), ..Behaviour::default() }).await;
    let (id, arn) = cloud.instance("acme").await;
    let connect = cloud.ctx.connect();
    let security = connect
        .list_security_profiles()
        .instance_id(&id)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let security = security.await.unwrap()[0].id.clone().unwrap();
    let routing =
        connect.list_routing_profiles().instance_id(&id).into_paginator().items().send().collect::<Result<Vec<_>, _>>();
    let routing = routing.await.unwrap()[0].id.clone().unwrap();
    for (name, ours) in [("by-hand", false), ("ours-1", true), ("ours-2", true)] {
        let tags =
            ours.then(|| onboarding_core::names::tags("acme").map(|(key, value)| (key.to_owned(), value)).into());
        let names = aws_sdk_connect::types::UserIdentityInfo::builder().first_name("A").last_name("B").build();
        let user =
            connect.create_user().instance_id(&id).username(name).identity_info(names).routing_profile_id(&routing);
        user.security_profile_ids(&security).set_tags(tags).send().await.unwrap();
    }
    cloud.wait(60);
    for (users, status) in [(3, QuotaStatus::Sufficient), (4, QuotaStatus::Pending)] {
        let output = run(&cloud.ctx, RequestQuotasInput { users, ..input(&arn, &[]) }).await.unwrap();
        assert_eq!(
            (output.quotas[0].status, output.quotas[0].desired),
            (status, f64::from(u32::try_from(users).unwrap()) + 1.0)
        );
    }
}
