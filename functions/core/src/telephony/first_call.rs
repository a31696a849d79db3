//! Inputs and outputs of the steps `create-starter-flow` and `test-first-call`, and the result of the test call.

use serde::{Deserialize, Serialize};

use crate::{StepError, backoff, contract::OpenItem, names, onboarding::Language};

/// Input of `create-starter-flow`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateStarterFlowInput {
    /// The instance's alias.
    pub alias: String,
    /// The id of the instance.
    pub instance_id: String,
    /// The language of the greeting.
    #[serde(default)]
    pub language: Language,
}

/// Output of `create-starter-flow`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateStarterFlowOutput {
    /// The id of the starter flow. `None` if the phone numbers can't use a starter flow.
    pub flow_id: Option<String>,
    /// Open items for the operator.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

impl CreateStarterFlowOutput {
    /// The output if Amazon Connect rejects the starter flow.
    #[must_use]
    pub fn without_flow(error: &StepError) -> Self {
        let item = OpenItem::new(
            "starter flow",
            error.message.clone(),
            "Create a flow in Amazon Connect and name it in phoneNumbers, or solve the problem. Then start the same \
             input again.",
        );
        Self { flow_id: None, open_items: vec![item] }
    }
}

/// Input of `test-first-call`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestFirstCallInput {
    /// The instance's alias.
    pub alias: String,
    /// The id of the instance.
    pub instance_id: String,
    /// The id of this execution. This id is part of the client token, so a repeated poll of this execution does not
    /// start a second test.
    pub execution_id: String,
    /// The id of the starter flow.
    pub flow_id: String,
    /// The output of the previous poll.
    #[serde(default)]
    pub previous: Option<TestFirstCallOutput>,
}

/// Output of `test-first-call`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestFirstCallOutput {
    /// Whether another poll is needed.
    pub pending: bool,
    /// The number of polls so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next poll.
    #[serde(default)]
    pub wait_seconds: u64,
    /// The id of the test case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_case_id: Option<String>,
    /// The id of the test case execution that the step has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_execution_id: Option<String>,
    /// The result of the test call. `None` while the test is running.
    #[serde(default)]
    pub result: Option<FirstCall>,
    /// Open items for the operator.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// The result of the test call to the starter flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FirstCall {
    /// The name of the flow.
    pub flow: String,
    /// The id of the flow.
    pub flow_id: String,
    /// Whether the flow answered the call.
    pub status: FirstCallStatus,
    /// The time at which the test ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested_at: Option<String>,
}

/// Whether the starter flow answered the test call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FirstCallStatus {
    /// The call was answered with the greeting.
    Answered,
    /// The call was not answered with the greeting.
    NotAnswered,
    /// The call could not be tested.
    #[default]
    NotTested,
}

/// Whether a test case execution is running or has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestState {
    /// The test is queued or running.
    Running,
    /// The test ended with this result.
    Ended(FirstCallStatus),
}

impl TestState {
    /// Converts a status that `GetTestCaseExecutionSummary` returned. An unknown status is treated as running, which is
    /// safe because the number of polls is limited.
    #[must_use]
    pub fn of(status: Option<&str>) -> Self {
        match status {
            Some("PASSED") => Self::Ended(FirstCallStatus::Answered),
            Some("FAILED") => Self::Ended(FirstCallStatus::NotAnswered),
            Some("STOPPED") => Self::Ended(FirstCallStatus::NotTested),
            _ => Self::Running,
        }
    }
}

/// Whether a passed test that started at `started` is still valid. A passed test is valid if neither the flow nor the
/// test case was changed after the start, and if all times are known. All times are seconds since 1970.
#[must_use]
pub fn is_proof(started: Option<i64>, changes: [Option<i64>; 2]) -> bool {
    started.is_some_and(|started| changes.into_iter().all(|change| change.is_some_and(|change| change <= started)))
}

impl TestFirstCallInput {
    /// The output while the test is running. After the last poll, the output contains the result "not tested".
    #[must_use]
    pub fn waiting(&self, test_case_id: String, test_execution_id: String) -> TestFirstCallOutput {
        let attempt = self.previous.as_ref().map_or(0, |previous| previous.attempt) + 1;
        if attempt >= backoff::LAST_FIRST_CALL_POLL {
            return self.not_tested(format!("the test case execution {test_execution_id} has not ended yet"));
        }
        TestFirstCallOutput {
            pending: true,
            attempt,
            wait_seconds: backoff::first_call(attempt),
            test_case_id: Some(test_case_id),
            test_execution_id: Some(test_execution_id),
            ..TestFirstCallOutput::default()
        }
    }

    /// The output if the starter flow answered the test call.
    #[must_use]
    pub fn answered(&self, tested_at: Option<String>) -> TestFirstCallOutput {
        TestFirstCallOutput { result: Some(self.result(FirstCallStatus::Answered, tested_at)), ..Default::default() }
    }

    /// The output if the starter flow did not answer the test call. `failed` contains the ids of the failed
    /// observations.
    #[must_use]
    pub fn not_answered(&self, execution: &str, failed: &[String], tested_at: Option<String>) -> TestFirstCallOutput {
        let failed = if failed.is_empty() { "no details".to_owned() } else { failed.join(", ") };
        let item = OpenItem::new(
            "first call",
            format!(
                "the test call did not hear the greeting of the flow {} (test case execution {execution}, failed \
                 observations: {failed})",
                names::STARTER_FLOW
            ),
            "Open the test run of the test case Connect Onboarding first call in the Amazon Connect admin website. \
             To test again, start the same input again.",
        );
        TestFirstCallOutput {
            result: Some(self.result(FirstCallStatus::NotAnswered, tested_at)),
            open_items: vec![item],
            ..TestFirstCallOutput::default()
        }
    }

    /// The output if no test call was possible.
    #[must_use]
    pub fn not_tested(&self, why: impl Into<String>) -> TestFirstCallOutput {
        let action = "Call one of the numbers to check the flow. Test cases need a Region of Amazon Connect that offers \
                      them and the permissions of the function test-first-call.";
        TestFirstCallOutput {
            result: Some(self.result(FirstCallStatus::NotTested, None)),
            open_items: vec![OpenItem::new("first call", why, action)],
            ..TestFirstCallOutput::default()
        }
    }

    fn result(&self, status: FirstCallStatus, tested_at: Option<String>) -> FirstCall {
        FirstCall { flow: names::STARTER_FLOW.into(), flow_id: self.flow_id.clone(), status, tested_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(polls: u32) -> TestFirstCallInput {
        TestFirstCallInput {
            alias: "acme".into(),
            instance_id: "i".into(),
            execution_id: "e".into(),
            flow_id: "f".into(),
            previous: Some(TestFirstCallOutput { attempt: polls, pending: true, ..TestFirstCallOutput::default() }),
        }
    }

    #[test]
    fn only_a_passed_test_after_the_last_change_is_proof() {
        for (started, flow, test, proof) in [
            (Some(10), Some(9), Some(10), true),
            (Some(10), Some(11), Some(1), false),
            (Some(10), Some(1), Some(11), false),
            (Some(10), None, Some(1), false),
            (None, Some(1), Some(1), false),
        ] {
            assert_eq!(is_proof(started, [flow, test]), proof, "{started:?} {flow:?} {test:?}");
        }
    }

    #[test]
    fn each_status_of_aws_has_a_state_and_an_unknown_status_is_polled_again() {
        for (status, state) in [
            (Some("PASSED"), TestState::Ended(FirstCallStatus::Answered)),
            (Some("FAILED"), TestState::Ended(FirstCallStatus::NotAnswered)),
            (Some("STOPPED"), TestState::Ended(FirstCallStatus::NotTested)),
            (Some("INITIATED"), TestState::Running),
            (Some("IN_PROGRESS"), TestState::Running),
            (Some("QUEUED"), TestState::Running),
            (None, TestState::Running),
        ] {
            assert_eq!(TestState::of(status), state, "{status:?}");
        }
    }

    #[test]
    fn polls_end_with_an_open_item_that_names_the_execution() {
        let first = input(0).waiting("case".into(), "run".into());
        assert!(first.pending && first.wait_seconds > 0 && first.result.is_none(), "{first:?}");
        let last = input(backoff::LAST_FIRST_CALL_POLL - 1).waiting("case".into(), "run".into());
        assert!(!last.pending && last.open_items[0].what.contains("run"), "{last:?}");
        assert_eq!(last.result.map(|result| result.status), Some(FirstCallStatus::NotTested));
    }

    #[test]
    fn every_result_without_an_answer_is_an_open_item() {
        let failed = input(3).not_answered("run", &["greeting".into()], Some("2026-12-01T00:00:00Z".into()));
        assert!(failed.open_items[0].what.contains("greeting") && failed.open_items[0].what.contains("run"));
        let (denied, answered) = (input(3).not_tested("denied"), input(3).answered(None));
        assert_eq!((denied.open_items.len(), answered.open_items.len()), (1, 0));
        assert!([failed, denied, answered].iter().all(|output| !output.pending && output.result.is_some()));
    }
}
