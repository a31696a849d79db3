//! `test-first-call`: runs a test case of Amazon Connect that calls the starter flow, to check that the first call will
//! be answered. A test case only simulates a call and does not dial a phone number. Each invocation polls once. The
//! state machine waits between polls.
//!
//! * Reads: `connect:ListContactFlows`, `connect:DescribeContactFlow`, `connect:ListTestCases`,
//!   `connect:DescribeTestCase`, `connect:ListTestCaseExecutions`, `connect:GetTestCaseExecutionSummary`,
//!   `connect:ListTestCaseExecutionRecords`.
//! * Writes: `connect:CreateTestCase` with the tags of the onboarding (`connect:TagResource`),
//!   `connect:UpdateTestCase`, `connect:StartTestCaseExecution`.
//! * Safe to repeat: the step finds the test case by its name. A test run is not repeated if it passed, and if it
//!   started after the last change to the flow and to the test case. The client token is the same for all attempts.
//! * The Service Authorization Reference lists no actions for test cases, and not every Region offers test cases. If
//!   the test can't run or fails, the report contains an open item, and the onboarding does not fail.

use aws_sdk_connect::types::{
    ExecutionRecordStatus, TestCaseEntryPoint, TestCaseEntryPointType, TestCaseExecutionStatus, TestCaseStatus,
    VoiceCallEntryPointParameters,
};
use aws_smithy_types::{DateTime, date_time::Format};
use onboarding_core::{
    StepError, digest, names,
    sync::Ownership,
    telephony::{
        FirstCallStatus, TEST_VERSIONS, TestFirstCallInput, TestFirstCallOutput, TestState, is_proof, test_content,
    },
};
use tracing::info;

use crate::{
    aws::error::{CallResult as _, is, step_error},
    context::Context,
    inspect::{instance::fresh, starter_flow},
};

/// The error code with which Connect rejects the content of a test case.
const INVALID: [&str; 1] = ["InvalidTestCaseException"];

/// Polls the test run once.
///
/// # Errors
/// Errors that the state machine retries.
pub async fn run(ctx: &Context, input: TestFirstCallInput) -> Result<TestFirstCallOutput, StepError> {
    match poll(ctx, &input).await {
        Err(error) if error.kind.fails_optional_step() => Err(error),
        Err(error) => Ok(input.not_tested(error.message)),
        polled => polled,
    }
}

async fn poll(ctx: &Context, input: &TestFirstCallInput) -> Result<TestFirstCallOutput, StepError> {
    let previous = input.previous.as_ref();
    if let Some((case, execution)) =
        previous.and_then(|previous| previous.test_case_id.as_ref().zip(previous.test_execution_id.as_ref()))
    {
        return follow(ctx, input, case, execution).await;
    }
    let found = starter_flow::test_case(ctx.connect(), &input.instance_id, &input.alias).await?;
    let case = match found {
        None => create(ctx, input).await?,
        Some(found) if found.owner != Ownership::Ours => {
            return Err(StepError::conflict(format!(
                "the instance already has a test case with the name {:?}, which has no tag of this onboarding, so it is \
                 not used",
                names::FIRST_CALL_TEST
            )));
        }
        Some(found) if found.is_current(&input.flow_id) => {
            let flow = starter_flow::flow(ctx.connect(), &input.instance_id, &input.alias).await?;
            let changes = [flow.and_then(|flow| flow.changed), found.changed];
            if let Some((_, ended)) =
                passed(ctx, input, &found.id).await?.filter(|(started, _)| is_proof(*started, changes))
            {
                return Ok(input.answered(ended));
            }
            found.id
        }
        Some(found) => {
            update(ctx, input, &found.id).await?;
            found.id
        }
    };
    start(ctx, input, case).await
}

fn entry_point(flow_id: &str) -> TestCaseEntryPoint {
    let parameters = VoiceCallEntryPointParameters::builder().flow_id(flow_id).build();
    TestCaseEntryPoint::builder()
        .r#type(TestCaseEntryPointType::VoiceCall)
        .voice_call_entry_point_parameters(parameters)
        .build()
}

/// Creates the test case in the first version of Connect's testing language that Connect accepts.
async fn create(ctx: &Context, input: &TestFirstCallInput) -> Result<String, StepError> {
    let doing = format!("creating the test case of the instance {}", input.instance_id);
    let mut refusal = None;
    for version in TEST_VERSIONS {
        let sent = ctx
            .connect()
            .create_test_case()
            .instance_id(&input.instance_id)
            .name(names::FIRST_CALL_TEST)
            .description("Calls the starter flow and expects its greeting.")
            .content(test_content(version).to_string())
            .entry_point(entry_point(&input.flow_id))
            .status(TestCaseStatus::Published)
            .set_tags(Some(names::tags(&input.alias).map(|(key, value)| (key.to_owned(), value)).into()))
            .send()
            .await;
        match sent {
            Ok(output) => {
                let id = output.test_case_id.unwrap_or_default();
                info!(instance = input.alias, test_case = id, version, "test case created");
                return Ok(id);
            }
            // An earlier attempt of this step has created the test case, but Connect does not list it yet.
            Err(error) if is(&error, &["DuplicateResourceException"]) => {
                return Err(StepError::not_consistent_yet(step_error(doing, &error).message));
            }
            Err(error) if is(&error, &INVALID) => refusal = refusal.or(Some(step_error(&doing, &error))),
            Err(error) => return Err(fresh(&doing, &error)),
        }
    }
    Err(refusal.unwrap_or_else(|| StepError::conflict(doing)))
}

/// Resets the content, the flow and the status of the test case to the expected values.
async fn update(ctx: &Context, input: &TestFirstCallInput, id: &str) -> Result<(), StepError> {
    let doing = format!("updating the test case {id} of the instance {}", input.instance_id);
    let mut refusal = None;
    for version in TEST_VERSIONS {
        let update = ctx.connect().update_test_case().instance_id(&input.instance_id).test_case_id(id);
        let update = update.content(test_content(version).to_string()).entry_point(entry_point(&input.flow_id));
        match update.status(TestCaseStatus::Published).send().await {
            Ok(_) => {
                info!(instance = input.alias, test_case = id, version, "test case updated");
                return Ok(());
            }
            Err(error) if is(&error, &INVALID) => refusal = refusal.or(Some(step_error(&doing, &error))),
            Err(error) => return Err(step_error(&doing, &error)),
        }
    }
    Err(refusal.unwrap_or_else(|| StepError::conflict(doing)))
}

/// Returns the start time (in seconds since 1970) and the end time (in RFC 3339 format) of the last test run that
/// passed.
async fn passed(
    ctx: &Context,
    input: &TestFirstCallInput,
    id: &str,
) -> Result<Option<(Option<i64>, Option<String>)>, StepError> {
    let list = ctx.connect().list_test_case_executions().instance_id(&input.instance_id).test_case_id(id);
    let list = list.status(TestCaseExecutionStatus::Passed);
    let (mut newest, mut token) = (None, None);
    loop {
        let page = list.clone().set_next_token(token).send().await;
        let page = page.doing(format_args!("listing the executions of the test case {id}"))?;
        for execution in page.test_case_executions.unwrap_or_default() {
            let started = execution.start_time.map(|time| time.secs());
            if newest.as_ref().is_none_or(|(latest, _)| *latest < started) {
                newest = Some((started, execution.end_time.and_then(rfc3339)));
            }
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(newest);
        }
    }
}

fn rfc3339(time: DateTime) -> Option<String> {
    time.fmt(Format::DateTime).ok()
}

async fn start(ctx: &Context, input: &TestFirstCallInput, case: String) -> Result<TestFirstCallOutput, StepError> {
    let request = ctx.connect().start_test_case_execution().instance_id(&input.instance_id).test_case_id(&case);
    let token = digest::of_parts([input.execution_id.as_str(), case.as_str(), "first call"], 16);
    let sent = request.client_token(token).send().await;
    let started = sent.map_err(|error| fresh(&format!("starting the test case {case}"), &error))?;
    let Some(execution) = started.test_case_execution_id else {
        return Ok(input.not_tested("Amazon Connect has started the test call without an id"));
    };
    info!(instance = input.alias, test_case = case, execution, "test call started");
    Ok(input.waiting(case, execution))
}

async fn follow(
    ctx: &Context,
    input: &TestFirstCallInput,
    case: &str,
    execution: &str,
) -> Result<TestFirstCallOutput, StepError> {
    let request = ctx.connect().get_test_case_execution_summary().instance_id(&input.instance_id);
    let sent = request.test_case_id(case).test_case_execution_id(execution).send().await;
    let summary = sent.map_err(|error| fresh(&format!("reading the test case execution {execution}"), &error))?;
    let ended = summary.end_time.and_then(rfc3339);
    let state = TestState::of(summary.status.as_ref().map(TestCaseExecutionStatus::as_str));
    info!(instance = input.alias, execution, state = ?state, "test call polled");
    Ok(match state {
        TestState::Running => input.waiting(case.to_owned(), execution.to_owned()),
        TestState::Ended(FirstCallStatus::Answered) => input.answered(ended),
        TestState::Ended(FirstCallStatus::NotAnswered) => {
            input.not_answered(execution, &failed(ctx, input, case, execution).await?, ended)
        }
        TestState::Ended(FirstCallStatus::NotTested) => {
            input.not_tested(format!("the test case execution {execution} was stopped"))
        }
    })
}

/// Returns the IDs of the observations in the test case that failed.
async fn failed(
    ctx: &Context,
    input: &TestFirstCallInput,
    case: &str,
    execution: &str,
) -> Result<Vec<String>, StepError> {
    let list = ctx.connect().list_test_case_execution_records().instance_id(&input.instance_id);
    let list = list.test_case_id(case).test_case_execution_id(execution);
    let (mut failed, mut token) = (Vec::new(), None);
    loop {
        let page = list.clone().set_next_token(token).send().await;
        let page = page.doing(format_args!("reading the records of the test case execution {execution}"))?;
        let records = page.execution_records.unwrap_or_default().into_iter();
        let records = records.filter(|record| record.status == Some(ExecutionRecordStatus::Failed));
        failed.extend(records.filter_map(|record| record.observation_id));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(failed);
        }
    }
}
