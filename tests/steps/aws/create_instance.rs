//! Tests of the step `create-instance`.

use aws_sdk_connect::types::DirectoryType;
use local_cloud::stand_in::{Behaviour, made_up::REGION};
use onboarding_core::{
    StepError, backoff,
    contract::{CreateInstanceInput, CreateInstanceOutput},
    onboarding::Instance,
};

use super::cloud::Cloud;
use connect_onboarding::onboarding::create_instance::run;

fn input(execution: &str) -> CreateInstanceInput {
    CreateInstanceInput {
        instance: Instance { alias: "acme".into(), inbound_calls: true, outbound_calls: false, ..Instance::default() },
        execution_id: execution.into(),
        previous: None,
    }
}

/// Polls as the state machine does, until the instance is active.
async fn follow(cloud: &Cloud, mut input: CreateInstanceInput) -> Result<CreateInstanceOutput, StepError> {
    loop {
        let output = run(&cloud.ctx, input.clone()).await?;
        if output.status == "ACTIVE" {
            return Ok(output);
        }
        assert!(
            output.status == "CREATION_IN_PROGRESS" && output.wait_seconds > 0 && output.attempt < 50,
            "{output:?}"
        );
        cloud.wait(output.wait_seconds);
        input.previous = Some(output);
    }
}

#[tokio::test]
async fn a_new_instance_is_polled_until_it_is_active_and_a_second_execution_only_reads() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let created = follow(&cloud, input("one")).await.unwrap();
    assert!(!created.adopted && created.attempt > 1, "{created:?}");
    assert_eq!(created.access_url.as_deref(), Some("https://acme.my.connect.aws"));
    assert_eq!(cloud.writes(), ["CreateInstance"]);

    let found = follow(&cloud, input("two")).await.unwrap();
    assert_eq!(found, CreateInstanceOutput { attempt: 1, ..created });
    assert_eq!(cloud.writes(), [""; 0]);

    let instance =
        cloud.ctx.connect().describe_instance().instance_id(&found.instance_id).send().await.unwrap().instance.unwrap();
    assert_eq!(instance.identity_management_type(), Some(&DirectoryType::Saml));
    assert_eq!((instance.inbound_calls_enabled(), instance.outbound_calls_enabled()), (Some(true), Some(false)));
    assert_eq!(instance.tags().unwrap()["onboarding"], "acme");
}

#[tokio::test]
async fn a_lost_response_creates_no_second_instance() {
    let cloud = Cloud::start(Behaviour::default()).await;
    cloud.lose_answer("CreateInstance");
    let error = run(&cloud.ctx, input("one")).await.unwrap_err();
    assert_eq!(error.name(), "Unavailable", "{error}");
    follow(&cloud, input("one")).await.unwrap();
    let listed =
        cloud.ctx.connect().list_instances().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    assert_eq!(listed.unwrap().len(), 1);
}

#[tokio::test]
async fn an_existing_instance_of_the_alias_is_adopted_if_it_uses_saml() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (id, _) = cloud.instance("ACME").await;
    let found = follow(&cloud, input("one")).await.unwrap();
    assert!(found.adopted && found.instance_id == id, "{found:?}");
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn an_instance_with_the_alias_that_does_not_use_saml_is_a_conflict() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let made = cloud.ctx.connect().create_instance().identity_management_type(DirectoryType::ConnectManaged);
    made.instance_alias("acme").inbound_calls_enabled(true).outbound_calls_enabled(true).send().await.unwrap();
    let error = run(&cloud.ctx, input("one")).await.unwrap_err();
    assert_eq!(error.name(), "Conflict");
    assert!(error.message.contains("CONNECT_MANAGED") && error.message.contains("another alias"), "{error}");
}

#[tokio::test]
async fn an_alias_of_another_aws_customer_is_a_conflict_with_that_reason() {
    let cloud = Cloud::start(Behaviour { taken_aliases: ["acme".to_owned()].into(), ..Behaviour::default() }).await;
    let error = run(&cloud.ctx, input("one")).await.unwrap_err();
    assert_eq!(error.name(), "Conflict");
    assert!(error.message.contains("all AWS customers"), "{error}");
}

#[tokio::test]
async fn a_failed_creation_reports_the_reason_and_a_new_execution_tries_again() {
    let reason = "The service-linked role could not be created.";
    let cloud = Cloud::start(Behaviour { instance_failure: Some(reason.into()), ..Behaviour::default() }).await;
    let error = follow(&cloud, input("one")).await.unwrap_err();
    assert_eq!(error.name(), "Internal");
    assert!(error.message.contains(reason), "{error}");
    assert_eq!(cloud.writes(), ["CreateInstance"]);

    let again = run(&cloud.ctx, input("one")).await.unwrap();
    assert_eq!(
        again.status, "CREATION_IN_PROGRESS",
        "the retry uses another client token, so the failed request is not repeated"
    );
    assert_eq!(cloud.writes(), ["CreateInstance"]);
}

#[tokio::test]
async fn the_meanings_of_a_quota_error_are_distinguished() {
    let full = || Behaviour { quotas: [("L-AA17A6B9".to_owned(), 1.0)].into(), ..Behaviour::default() };
    let cloud = Cloud::start(full()).await;
    cloud.instance("other").await;
    assert_eq!(run(&cloud.ctx, input("one")).await.unwrap_err().name(), "LimitExceeded");
    // The instance that uses up the quota is still being created. If the creation of this instance fails, the quota is
    // no longer used up.
    let cloud = Cloud::start(full()).await;
    run(
        &cloud.ctx,
        CreateInstanceInput { instance: Instance { alias: "other".into(), ..Instance::default() }, ..input("zero") },
    )
    .await
    .unwrap();
    assert_eq!(run(&cloud.ctx, input("one")).await.unwrap_err().name(), "NotConsistentYet");
}

#[tokio::test]
async fn an_instance_that_can_not_be_described_counts_as_in_creation_and_later_as_missing() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let mut polling = input("one");
    polling.previous = Some(run(&cloud.ctx, polling.clone()).await.unwrap());
    cloud.fail("DescribeInstance", 0, 404, "ResourceNotFoundException");
    let polled = run(&cloud.ctx, polling.clone()).await.unwrap();
    assert_eq!((polled.status.as_str(), polled.attempt), ("CREATION_IN_PROGRESS", 2));
    polling.previous = Some(CreateInstanceOutput { attempt: 12, ..polled });
    let error = run(&cloud.ctx, polling).await.unwrap_err();
    assert!(error.message.contains("no longer exists"), "{error}");
}

#[tokio::test]
async fn a_creation_that_never_ends_ends_the_loop_with_a_named_error() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let mut polling = input("one");
    let pending = run(&cloud.ctx, polling.clone()).await.unwrap();
    for (polls, ends) in [(backoff::LAST_CREATION_POLL - 2, false), (backoff::LAST_CREATION_POLL - 1, true)] {
        polling.previous = Some(CreateInstanceOutput { attempt: polls, ..pending.clone() });
        match run(&cloud.ctx, polling.clone()).await {
            Ok(output) => assert!(!ends && output.attempt == polls + 1, "{output:?}"),
            Err(error) => {
                assert!(ends && error.name() == "NotConsistentYet", "{error}");
                assert!(
                    error.message.contains(&pending.instance_id) && error.message.contains("AWS Support"),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_source_is_adopted_with_its_global_sign_in_and_a_replica_is_refused() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (id, _) = cloud.instance("acme").await;
    assert_eq!(run(&cloud.ctx, input("one")).await.unwrap().global_sign_in_endpoint, None);
    cloud.replicate(&id, REGION, "ap-northeast-3");
    let endpoint = format!("https://{id}.{REGION}.sign-in.connect.aws/saml");
    assert_eq!(run(&cloud.ctx, input("one")).await.unwrap().global_sign_in_endpoint, Some(endpoint));
    cloud.replicate(&id, "us-west-2", REGION);
    let error = run(&cloud.ctx, input("one")).await.unwrap_err();
    assert_eq!(error.name(), "Conflict");
    assert!(error.message.contains("run this in us-west-2 with the alias of the source"), "{error}");
    assert_eq!(cloud.writes(), [""; 0]);
}
