//! All notifications, in English and Japanese.
//!
//! A state machine (or an EventBridge rule) sends a [`Message`] to the step `notify`. The texts are in
//! [`english`](self) and [`japanese`](self); a [`Letter`] is the form that is published to the topic. Each message
//! names what happened, to which object, and what to do next, with commands that are ready to copy.

mod english;
mod japanese;
mod letter;
mod telephony;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use self::telephony::what;
pub use self::{
    letter::{Letter, MAX_SUBJECT},
    telephony::{News, tell},
};
use crate::{
    contract::{DriftFinding, OpenItem, PlanItem},
    onboarding::Language,
    sync::Outcome,
};

/// Input of `notify`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyInput {
    /// The message to publish.
    #[serde(flatten)]
    pub message: Message,
    /// The language of the onboarding. Default: the language of the stack.
    #[serde(default)]
    pub language: Option<Language>,
}

/// Output of `notify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyOutput {
    /// The message id that Amazon SNS returned.
    pub message_id: String,
    /// The reference in the message. Repeated notifications of the same event have the same reference.
    pub reference: String,
}

/// All notifications. `kind` in JSON is the name of the variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Users can sign in. Telephony may still be pending.
    SignInReady {
        /// The instance's alias.
        alias: String,
        /// Display names of the groups whose members can sign in.
        groups: Vec<String>,
        /// The URL that users open to sign in.
        sso_url: String,
        /// Whether the sign-in check passed.
        passed: bool,
        /// The execution's ARN.
        execution: String,
    },
    /// News about phone numbers and Support cases, with the text that [`tell`] composed when the step found the news.
    TelephonyNews {
        /// The instance's alias.
        alias: String,
        /// The text, in the language of the input.
        message: String,
        /// The execution's ARN.
        execution: String,
    },
    /// The onboarding finished and its report is available.
    OnboardingFinished {
        /// The instance's alias.
        alias: String,
        /// The URL that users open to sign in.
        sso_url: String,
        /// Actions left for an operator.
        #[serde(default)]
        open_items: Vec<OpenItem>,
        /// Whether a required item was denied, so that the execution fails.
        #[serde(default)]
        failed: bool,
        /// The execution's ARN.
        execution: String,
    },
    /// A plan of the user sync exceeds the removal limit.
    UnsafePlan {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        #[serde(default)]
        alias: String,
        /// Why the plan is unsafe.
        #[serde(default)]
        reasons: Vec<String>,
        /// The counts of the plan.
        counts: Box<Outcome>,
        /// The first usernames that the plan removes.
        #[serde(default)]
        removals: Vec<String>,
        /// The digest to approve.
        digest: String,
        /// The task token that answers the waiting execution. It is in the message and, encrypted, in the registry.
        task_token: String,
        /// The execution's ARN.
        execution: String,
    },
    /// A signing certificate was replaced.
    CertificateRotated {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        alias: String,
        /// The thumbprint of the new certificate.
        thumbprint: String,
        /// Expiry time of the new certificate (RFC 3339).
        expires: String,
        /// The execution's ARN.
        execution: String,
    },
    /// A signing certificate must be replaced, and the stack cannot do it alone.
    RotationNeedsPerson {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        alias: String,
        /// The thumbprint of the certificate that signs, or will sign; empty if it is not known.
        #[serde(default)]
        thumbprint: String,
        /// Expiry time of that certificate (RFC 3339); empty if it is not known.
        #[serde(default)]
        expires: String,
        /// The reason why the stack cannot replace the certificate.
        detail: String,
        /// The execution's ARN.
        execution: String,
    },
    /// Settings were changed manually.
    DriftFound {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        alias: String,
        /// The differences from the input of the last onboarding.
        findings: Vec<DriftFinding>,
        /// The total number of differences.
        count: usize,
        /// The execution's ARN.
        execution: String,
    },
    /// A teardown finished.
    TeardownFinished {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        alias: String,
        /// The items of the approved plan.
        items: Vec<PlanItem>,
        /// What was kept, and what an operator must do.
        #[serde(default)]
        open_items: Vec<OpenItem>,
        /// The execution's ARN.
        execution: String,
    },
    /// An execution that an operator started failed, timed out or was aborted.
    ExecutionFailed {
        /// The detail of the event "Step Functions Execution Status Change".
        detail: ExecutionDetail,
    },
}

/// The fields of an EventBridge event "Step Functions Execution Status Change" that the notification uses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionDetail {
    /// The execution's ARN.
    pub execution_arn: String,
    /// The state machine's ARN.
    #[serde(default)]
    pub state_machine_arn: String,
    /// `FAILED`, `TIMED_OUT` or `ABORTED`.
    #[serde(default)]
    pub status: String,
    /// The name of the error.
    #[serde(default)]
    pub error: Option<String>,
    /// The error message. From Lambda, a JSON object with `errorMessage`.
    #[serde(default)]
    pub cause: Option<String>,
}

impl ExecutionDetail {
    /// The logical name of the state machine, and the name of the execution.
    fn names(&self) -> (&str, &str) {
        let last = |arn: &'_ str| arn.rfind(':').map_or(0, |colon| colon + 1);
        // CloudFormation names the state machine after its logical id, with a random suffix.
        let machine = &self.state_machine_arn[last(&self.state_machine_arn)..];
        let machine = machine.split_once("StateMachine").map_or(machine, |(name, _)| name);
        let machine = machine.rsplit('-').next().unwrap_or(machine);
        (machine, &self.execution_arn[last(&self.execution_arn)..])
    }
}

/// The text of a message in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// One line: what happened, to which object.
    pub(crate) title: String,
    /// The full description.
    pub(crate) what: String,
    /// What to do next, in order.
    pub(crate) steps: Vec<Step>,
}

/// One action for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) say: String,
    /// Alternative commands for the action. Each command alone is sufficient.
    pub(crate) commands: Vec<String>,
}

impl Step {
    fn new(say: impl Into<String>) -> Self {
        Self { say: say.into(), commands: Vec::new() }
    }

    fn run(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

impl Message {
    /// The value of `kind` for each variant.
    pub const KINDS: [&str; 9] = [
        "signInReady",
        "telephonyNews",
        "onboardingFinished",
        "unsafePlan",
        "certificateRotated",
        "rotationNeedsPerson",
        "driftFound",
        "teardownFinished",
        "executionFailed",
    ];

    /// The value of `kind`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SignInReady { .. } => "signInReady",
            Self::TelephonyNews { .. } => "telephonyNews",
            Self::OnboardingFinished { .. } => "onboardingFinished",
            Self::UnsafePlan { .. } => "unsafePlan",
            Self::CertificateRotated { .. } => "certificateRotated",
            Self::RotationNeedsPerson { .. } => "rotationNeedsPerson",
            Self::DriftFound { .. } => "driftFound",
            Self::TeardownFinished { .. } => "teardownFinished",
            Self::ExecutionFailed { .. } => "executionFailed",
        }
    }

    /// The notification in one language.
    #[must_use]
    pub fn compose(&self, language: Language) -> Letter {
        let words = match language {
            Language::En => english::words(self),
            Language::Ja => japanese::words(self),
        };
        Letter::new(self, words, language)
    }

    /// The ARN of the execution that sends the message.
    const fn execution(&self) -> &String {
        match self {
            Self::SignInReady { execution, .. }
            | Self::TelephonyNews { execution, .. }
            | Self::OnboardingFinished { execution, .. }
            | Self::UnsafePlan { execution, .. }
            | Self::CertificateRotated { execution, .. }
            | Self::RotationNeedsPerson { execution, .. }
            | Self::DriftFound { execution, .. }
            | Self::TeardownFinished { execution, .. } => execution,
            Self::ExecutionFailed { detail } => &detail.execution_arn,
        }
    }

    /// The part of the message that distinguishes it from other messages of this kind and execution.
    fn topic(&self) -> &str {
        match self {
            Self::TelephonyNews { message, .. } => message,
            Self::UnsafePlan { digest, .. } => digest,
            Self::CertificateRotated { instance_id, .. } | Self::RotationNeedsPerson { instance_id, .. } => instance_id,
            Self::DriftFound { instance_id, .. } | Self::TeardownFinished { instance_id, .. } => instance_id,
            Self::SignInReady { .. } | Self::OnboardingFinished { .. } | Self::ExecutionFailed { .. } => "",
        }
    }
}

/// The name of an instance in a message: the alias, or the id if the state of an older release has no alias.
fn name<'a>(alias: &'a str, instance_id: &'a str) -> &'a str {
    if alias.is_empty() { instance_id } else { alias }
}

/// The command `aws stepfunctions send-task-success` that approves a plan.
fn approve(digest: &str, token: &str) -> String {
    format!(
        r#"aws stepfunctions send-task-success --task-output '{{"approvedDigest":"{digest}"}}' --task-token '{token}'"#
    )
}

/// The command `aws stepfunctions send-task-failure` that rejects a plan.
fn refuse(token: &str) -> String {
    format!("aws stepfunctions send-task-failure --error NotApproved --task-token '{token}'")
}

/// The `onboard` command that approves a plan.
fn onboard_approve(instance: &str, digest: &str) -> String {
    format!("onboard approve {instance} --digest {digest}")
}

/// The `onboard` command that prints the report of an execution, also if the execution failed at its end.
fn onboard_report(execution: &str) -> String {
    format!("onboard report {}", execution.rsplit(':').next().unwrap_or_default())
}

/// The command that prints the output of a successful execution.
fn read_output(execution: &str) -> String {
    format!("aws stepfunctions describe-execution --execution-arn {execution} --query output --output text")
}

/// The command that prints the report of an execution that failed at its end.
fn read_report_in_history(execution: &str) -> String {
    format!(
        "aws stepfunctions get-execution-history --execution-arn {execution} --reverse-order --query \
         \"events[?stateExitedEventDetails.name=='Report'].stateExitedEventDetails.output | [0]\" --output text"
    )
}

/// The command that starts the certificate rotation of one instance. The ARN of its state machine is the ARN of the
/// execution without the execution name.
fn rotate(execution: &str, instance_id: &str) -> String {
    let machine = execution.replacen(":execution:", ":stateMachine:", 1);
    let machine = machine.rsplit_once(':').map_or(machine.as_str(), |(machine, _)| machine);
    format!(
        r#"aws stepfunctions start-execution --state-machine-arn {machine} --input '{{"instanceId":"{instance_id}"}}'"#
    )
}

/// The command that prints the error of a failed execution.
fn read_failure(execution: &str) -> String {
    format!(
        "aws stepfunctions describe-execution --execution-arn {execution} --query '[status,error,cause]' --output text"
    )
}
