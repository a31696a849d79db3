//! Tests of the steps `create-starter-flow` and `test-first-call`, and of the connection of phone numbers to a flow.

use connect_onboarding::onboarding::{create_starter_flow, test_first_call};
use local_cloud::stand_in::Behaviour;
use onboarding_core::{
    StepErrorKind, names,
    onboarding::Language,
    telephony::{CreateStarterFlowInput, FirstCallStatus, TestFirstCallInput, TestFirstCallOutput, flow_content},
};
use serde_json::{Value, json};

use super::{
    cloud::Cloud,
    telephony::{Telephony, america},
};

/// A flow that ends the call without a greeting.
fn silent() -> String {
    let end = json!({ "Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {} });
    json!({ "Version": "2019-10-30", "StartAction": "end", "Actions": [end] }).to_string()
}

fn input(instance: &str) -> CreateStarterFlowInput {
    CreateStarterFlowInput { alias: "acme".into(), instance_id: instance.into(), language: Language::Ja }
}

/// Creates the starter flow and returns its id.
async fn flow(cloud: &Cloud, instance: &str) -> String {
    create_starter_flow::run(&cloud.ctx, input(instance)).await.unwrap().flow_id.unwrap()
}

async fn overwrite(cloud: &Cloud, instance: &str, flow: &str, content: String) {
    let update = cloud.ctx.connect().update_contact_flow_content().instance_id(instance).contact_flow_id(flow);
    update.content(content).send().await.unwrap();
    cloud.calls();
}

/// Calls the step again and again as the state machine does.
async fn tested(cloud: &Cloud, instance: &str, flow: &str, execution: &str) -> TestFirstCallOutput {
    let mut input = TestFirstCallInput {
        alias: "acme".into(),
        instance_id: instance.into(),
        execution_id: execution.into(),
        flow_id: flow.into(),
        previous: None,
    };
    loop {
        let output = test_first_call::run(&cloud.ctx, input.clone()).await.unwrap();
        if !output.pending {
            return output;
        }
        cloud.wait(output.wait_seconds);
        input.previous = Some(output);
    }
}

fn status(output: &TestFirstCallOutput) -> FirstCallStatus {
    output.result.as_ref().unwrap().status
}

/// The flows of the instance, except the default flows.
async fn flows(cloud: &Cloud) -> Vec<Value> {
    let flows = cloud.inventory().await["connect"]["instances"][0]["contactFlows"].clone();
    flows.as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_starter_flow_is_created_once_with_tags_and_a_changed_flow_is_restored() {
    for flow_content_completed in [false, true] {
        let cloud = Cloud::start(Behaviour { flow_content_completed, ..Behaviour::default() }).await;
        let (instance, _) = cloud.instance("acme").await;
        let id = flow(&cloud, &instance).await;
        assert_eq!(cloud.writes(), ["CreateContactFlow"]);
        assert_eq!(flow(&cloud, &instance).await, id);
        assert_eq!(cloud.writes(), [""; 0], "a second run only reads");

        overwrite(&cloud, &instance, &id, silent()).await;
        assert_eq!(flow(&cloud, &instance).await, id);
        assert_eq!(cloud.writes(), ["UpdateContactFlowContent"]);
        let flows = flows(&cloud).await;
        assert_eq!((flows.len(), &flows[0]["Tags"]["onboarding"]), (1, &json!("acme")));
        assert_eq!(flows[0]["Content"], flow_content(Language::Ja));
    }
}

#[tokio::test]
async fn a_creation_whose_response_was_lost_creates_no_second_flow() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (instance, _) = cloud.instance("acme").await;
    cloud.break_answer("CreateContactFlow");
    let lost = create_starter_flow::run(&cloud.ctx, input(&instance)).await.unwrap_err();
    assert_eq!(lost.kind, StepErrorKind::Unavailable);
    flow(&cloud, &instance).await;
    assert_eq!(flows(&cloud).await.len(), 1);
}

#[tokio::test]
async fn a_flow_of_another_administrator_is_not_changed_and_not_used() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (instance, _) = cloud.instance("acme").await;
    let create = cloud.ctx.connect().create_contact_flow().instance_id(&instance).name(names::STARTER_FLOW);
    let create = create.r#type(aws_sdk_connect::types::ContactFlowType::ContactFlow).content(silent());
    create.send().await.unwrap();
    cloud.calls();
    let output = create_starter_flow::run(&cloud.ctx, input(&instance)).await.unwrap();
    assert_eq!((output.flow_id, cloud.writes()), (None, Vec::new()));
    assert!(output.open_items[0].what.contains("no tag of this onboarding"), "{:?}", output.open_items);
}

#[tokio::test]
async fn a_rejected_flow_is_an_open_item_with_the_problem() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (instance, _) = cloud.instance("acme").await;
    cloud.fail_saying("CreateContactFlow", 400, "InvalidContactFlowException", "Action is missing required error");
    let output = create_starter_flow::run(&cloud.ctx, input(&instance)).await.unwrap();
    assert_eq!(output.flow_id, None);
    assert!(output.open_items[0].what.contains("Action is missing required error"), "{:?}", output.open_items);
}

#[tokio::test]
async fn an_answered_call_is_not_repeated_until_the_flow_changes() {
    for testing_language in ["2019-10-30", "2025-06-21"] {
        let cloud = Cloud::start(Behaviour { testing_language, ..Behaviour::default() }).await;
        let (instance, _) = cloud.instance("acme").await;
        let id = flow(&cloud, &instance).await;
        cloud.calls();
        let first = tested(&cloud, &instance, &id, "first").await;
        assert_eq!((status(&first), first.open_items.len()), (FirstCallStatus::Answered, 0), "{first:?}");
        assert!(first.result.as_ref().unwrap().tested_at.as_deref().is_some_and(|at| at.ends_with('Z')), "{first:?}");
        let writes = cloud.writes();
        let starts = writes.iter().filter(|call| *call == "StartTestCaseExecution").count();
        assert_eq!((starts, writes.last().unwrap().as_str()), (1, "StartTestCaseExecution"), "{writes:?}");

        let second = tested(&cloud, &instance, &id, "second").await;
        assert_eq!((second.result, cloud.writes()), (first.result, Vec::new()), "the passed test is still valid");

        cloud.wait(5);
        overwrite(&cloud, &instance, &id, silent()).await;
        let third = tested(&cloud, &instance, &id, "third").await;
        assert_eq!(status(&third), FirstCallStatus::NotAnswered);
        assert!(third.open_items[0].what.contains("failed observations: greeting"), "{:?}", third.open_items);
        assert_eq!(cloud.writes(), ["StartTestCaseExecution"]);
    }
}

#[tokio::test]
async fn a_changed_test_case_is_restored_and_then_runs_again() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (instance, _) = cloud.instance("acme").await;
    let id = flow(&cloud, &instance).await;
    tested(&cloud, &instance, &id, "first").await;
    let case = cloud.ctx.connect().list_test_cases().instance_id(&instance).into_paginator().items().send();
    let case = case.try_collect().await.unwrap()[0].id.clone().unwrap();
    let update = cloud.ctx.connect().update_test_case().instance_id(&instance).test_case_id(&case);
    update.content("{}").status(aws_sdk_connect::types::TestCaseStatus::Saved).send().await.unwrap();
    cloud.calls();
    assert_eq!(status(&tested(&cloud, &instance, &id, "second").await), FirstCallStatus::Answered);
    assert_eq!(cloud.writes(), ["UpdateTestCase", "StartTestCaseExecution"]);
}

#[tokio::test]
async fn a_start_whose_response_was_lost_starts_no_second_call() {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (instance, _) = cloud.instance("acme").await;
    let id = flow(&cloud, &instance).await;
    cloud.break_answer("StartTestCaseExecution");
    let input = TestFirstCallInput {
        alias: "acme".into(),
        instance_id: instance.clone(),
        execution_id: "first".into(),
        flow_id: id.clone(),
        previous: None,
    };
    assert_eq!(test_first_call::run(&cloud.ctx, input).await.unwrap_err().kind, StepErrorKind::Unavailable);
    assert_eq!(status(&tested(&cloud, &instance, &id, "first").await), FirstCallStatus::Answered);
    let listed = cloud.ctx.connect().list_test_case_executions().instance_id(&instance).max_results(2);
    let mut token = None;
    let mut count = 0;
    loop {
        let page = listed.clone().set_next_token(token).send().await.unwrap();
        count += page.test_case_executions().len();
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_region_without_test_cases_is_an_error_and_a_full_queue_is_an_open_item() {
    let cloud = Cloud::start(Behaviour { test_cases_offered: false, ..Behaviour::default() }).await;
    let (instance, _) = cloud.instance("acme").await;
    let id = flow(&cloud, &instance).await;
    let input = TestFirstCallInput {
        alias: "acme".into(),
        instance_id: instance,
        execution_id: "first".into(),
        flow_id: id,
        previous: None,
    };
    let error = test_first_call::run(&cloud.ctx, input).await;
    let handled = match &error {
        Ok(output) => status(output) == FirstCallStatus::NotTested && output.open_items.len() == 1,
        // The state machine retries the error and then reports it as an open item.
        Err(error) => StepErrorKind::RETRIED.contains(&error.kind),
    };
    assert!(handled, "{error:?}");

    let cloud = Cloud::start(Behaviour::default()).await;
    let (instance, _) = cloud.instance("acme").await;
    let id = flow(&cloud, &instance).await;
    cloud.fail("StartTestCaseExecution", 1, 402, "ServiceQuotaExceededException");
    let full = tested(&cloud, &instance, &id, "first").await;
    assert_eq!((status(&full), full.open_items.len()), (FirstCallStatus::NotTested, 1));
}

#[tokio::test]
async fn numbers_without_a_flow_get_the_starter_flow_and_other_numbers_keep_their_flow() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let instance = telephony.arn.rsplit('/').next().unwrap().to_owned();
    let id = flow(&telephony.cloud, &instance).await;
    let mut input = telephony.input(&[america(2)]);
    telephony.follow(input.clone(), 30).await;
    let ids = async || {
        let flow = |number: &Value| number["ContactFlowId"].as_str().map(ToOwned::to_owned);
        telephony.numbers().await.iter().map(flow).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, [None, None]);

    // An administrator connects one phone number to a flow.
    let number = telephony.numbers().await[0]["PhoneNumberId"].as_str().unwrap().to_owned();
    let connect = telephony.cloud.ctx.connect();
    let listed = connect.list_contact_flows().instance_id(&instance).into_paginator().items().send();
    let other = listed.try_collect().await.unwrap()[0].id.clone().unwrap();
    let associate = connect.associate_phone_number_contact_flow().phone_number_id(number).instance_id(&instance);
    associate.contact_flow_id(&other).send().await.unwrap();

    input.starter_flow = Some(id.clone());
    telephony.cloud.calls();
    telephony.follow(input.clone(), 30).await;
    assert_eq!(ids().await, [Some(other), Some(id)]);
    assert_eq!(telephony.cloud.writes(), ["AssociatePhoneNumberContactFlow"]);
    telephony.follow(input, 30).await;
    assert_eq!(telephony.cloud.writes(), [""; 0], "a second execution must only read");
}
