//! What people are told: the one catalogue of messages, in English and Japanese.
//!
//! A state machine (or a rule) hands a [`Message`] to the step `notify`; the words are in [`english`](self) and
//! [`japanese`](self); [`Letter`] is what goes to the topic. Each message says what happened, to which
//! object, and what to do next, with commands that can be pasted as they are.

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

/// Input of `notify`: a message, and the language of who reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyInput {
    /// What is told.
    #[serde(flatten)]
    pub message: Message,
    /// The language of the onboarding; without one, the stack's.
    #[serde(default)]
    pub language: Option<Language>,
}

/// Output of `notify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyOutput {
    /// The id that Amazon SNS gave the message.
    pub message_id: String,
    /// What stands in the message as its reference: the same when the same thing is told again.
    pub reference: String,
}

/// Everything that people are told. `kind` in JSON names the variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Sign-in works, whatever telephony still waits for.
    SignInReady {
        /// The instance's alias.
        alias: String,
        /// Display names of the groups whose members can sign in.
        groups: Vec<String>,
        /// The URL that they open.
        sso_url: String,
        /// Whether the login check passed.
        passed: bool,
        /// The execution's ARN.
        execution: String,
    },
    /// Something about numbers and Support cases, composed by [`tell`] when it was found.
    TelephonyNews {
        /// The instance's alias.
        alias: String,
        /// The text, in the language of the input.
        message: String,
        /// The execution's ARN.
        execution: String,
    },
    /// The onboarding's report is there.
    OnboardingFinished {
        /// The instance's alias.
        alias: String,
        /// The URL that people open.
        sso_url: String,
        /// What waits for a person.
        #[serde(default)]
        open_items: Vec<OpenItem>,
        /// Whether something required was refused, so that the execution fails now.
        #[serde(default)]
        failed: bool,
        /// The execution's ARN.
        execution: String,
    },
    /// A plan of the user sync is above the brake.
    UnsafePlan {
        /// The instance.
        instance_id: String,
        /// Its alias.
        #[serde(default)]
        alias: String,
        /// Why the plan is unsafe.
        #[serde(default)]
        reasons: Vec<String>,
        /// The plan in numbers.
        counts: Box<Outcome>,
        /// The first usernames that it removes.
        #[serde(default)]
        removals: Vec<String>,
        /// What is approved.
        digest: String,
        /// By which the waiting execution is answered. It is in the message and, encrypted, in the registry.
        task_token: String,
        /// The execution's ARN.
        execution: String,
    },
    /// A signing certificate was replaced.
    CertificateRotated {
        /// The instance.
        instance_id: String,
        /// Its alias.
        alias: String,
        /// The thumbprint of the certificate that signs now.
        thumbprint: String,
        /// When it expires (RFC 3339).
        expires: String,
        /// The execution's ARN.
        execution: String,
    },
    /// A signing certificate should be replaced, and the stack can't do it alone.
    RotationNeedsPerson {
        /// The instance.
        instance_id: String,
        /// Its alias.
        alias: String,
        /// The thumbprint of the certificate that signs, or was going to; empty where it is not known.
        #[serde(default)]
        thumbprint: String,
        /// When it expires (RFC 3339); empty where it is not known.
        #[serde(default)]
        expires: String,
        /// What is in the way.
        detail: String,
        /// The execution's ARN.
        execution: String,
    },
    /// Somebody changed something by hand.
    DriftFound {
        /// The instance.
        instance_id: String,
        /// Its alias.
        alias: String,
        /// What differs from the input of the last onboarding.
        findings: Vec<DriftFinding>,
        /// How many differences there are.
        count: usize,
        /// The execution's ARN.
        execution: String,
    },
    /// What an onboarding made is gone.
    TeardownFinished {
        /// The instance.
        instance_id: String,
        /// Its alias.
        alias: String,
        /// What the approved plan said of each object.
        items: Vec<PlanItem>,
        /// What stays for a person.
        #[serde(default)]
        open_items: Vec<OpenItem>,
        /// The execution's ARN.
        execution: String,
    },
    /// An execution that a person started has failed, timed out or was stopped.
    ExecutionFailed {
        /// The detail of the event "Step Functions Execution Status Change".
        detail: ExecutionDetail,
    },
}

/// The detail of an EventBridge event "Step Functions Execution Status Change", as far as it is told.
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
    /// Its message; from Lambda a JSON object with `errorMessage`.
    #[serde(default)]
    pub cause: Option<String>,
}

impl ExecutionDetail {
    /// What people call the state machine, and the execution's name.
    fn names(&self) -> (&str, &str) {
        let last = |arn: &'_ str| arn.rfind(':').map_or(0, |colon| colon + 1);
        // CloudFormation names it after the logical id, with a random end.
        let machine = &self.state_machine_arn[last(&self.state_machine_arn)..];
        let machine = machine.split_once("StateMachine").map_or(machine, |(name, _)| name);
        let machine = machine.rsplit('-').next().unwrap_or(machine);
        (machine, &self.execution_arn[last(&self.execution_arn)..])
    }
}

/// The words of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// What happened, to which object, in one line.
    pub(crate) title: String,
    /// The same in full.
    pub(crate) what: String,
    /// What to do next, in this order.
    pub(crate) steps: Vec<Step>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) say: String,
    /// Commands that do it, each alone.
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
    /// The names of all kinds, as `kind` has them.
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

    /// The name of this kind.
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

    /// The message as it goes to the topic.
    #[must_use]
    pub fn compose(&self, language: Language) -> Letter {
        let words = match language {
            Language::En => english::words(self),
            Language::Ja => japanese::words(self),
        };
        Letter::new(self, words, language)
    }

    /// The execution that tells it.
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

    /// What tells this message from others of its kind and execution.
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

/// The name of an instance in a message: the alias, or where an older state has none, the id.
fn name<'a>(alias: &'a str, instance_id: &'a str) -> &'a str {
    if alias.is_empty() { instance_id } else { alias }
}

/// `aws stepfunctions send-task-success` with the approval of this plan.
fn approve(digest: &str, token: &str) -> String {
    format!(
        r#"aws stepfunctions send-task-success --task-output '{{"approvedDigest":"{digest}"}}' --task-token '{token}'"#
    )
}

/// `aws stepfunctions send-task-failure` that refuses a plan.
fn refuse(token: &str) -> String {
    format!("aws stepfunctions send-task-failure --error NotApproved --task-token '{token}'")
}

/// The same with our own tool.
fn onboard_approve(instance: &str, digest: &str) -> String {
    format!("onboard approve {instance} --digest {digest}")
}

/// Reads a report with our own tool, whether the execution succeeded or failed at its end.
fn onboard_report(execution: &str) -> String {
    format!("onboard report {}", execution.rsplit(':').next().unwrap_or_default())
}

/// Prints the output of an execution that succeeded.
fn read_output(execution: &str) -> String {
    format!("aws stepfunctions describe-execution --execution-arn {execution} --query output --output text")
}

/// Prints the report of an execution that failed at its end.
fn read_report_in_history(execution: &str) -> String {
    format!(
        "aws stepfunctions get-execution-history --execution-arn {execution} --reverse-order --query \
         \"events[?stateExitedEventDetails.name=='Report'].stateExitedEventDetails.output | [0]\" --output text"
    )
}

/// Starts the certificate rotation of one instance. Its state machine stands beside that of the execution that tells it.
fn rotate(execution: &str, instance_id: &str) -> String {
    let machine = execution.replacen(":execution:", ":stateMachine:", 1);
    let machine = machine.rsplit_once(':').map_or(machine.as_str(), |(machine, _)| machine);
    format!(
        r#"aws stepfunctions start-execution --state-machine-arn {machine} --input '{{"instanceId":"{instance_id}"}}'"#
    )
}

/// Prints why an execution failed.
fn read_failure(execution: &str) -> String {
    format!(
        "aws stepfunctions describe-execution --execution-arn {execution} --query '[status,error,cause]' --output text"
    )
}
