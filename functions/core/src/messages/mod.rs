//! All notifications, in English and Japanese.
//!
//! A state machine (or an EventBridge rule) sends a [`Message`] to the step `notify`. The step
//! converts the message to a [`Notification`] and publishes the notification to the Amazon SNS topic. Each notification
//! states what happened, to which object, and what to do next, with commands that are ready to copy.

mod commands;
mod content;
mod notification;
mod telephony;
#[cfg(test)]
mod tests;
mod texts;

use serde::{Deserialize, Serialize};

pub(crate) use self::telephony::topic_name;
pub use self::{
    notification::{MAX_SUBJECT, Notification},
    telephony::{News, telephony_news},
};
use crate::{
    contract::{DriftFinding, OpenItem, PlanItem},
    onboarding::Language,
    sync::{Outcome, WaitingPart},
};

/// Input of the step `notify`.
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

/// Output of the step `notify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyOutput {
    /// The message id that Amazon SNS returned.
    pub message_id: String,
    /// The reference number in the message. Repeated notifications of the same event have the same reference number.
    pub reference: String,
}

/// All messages. In JSON, the field `kind` contains the name of the variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Users can sign in. The steps for phone numbers and quotas may still be running.
    SignInReady {
        /// The instance's alias.
        alias: String,
        /// Display names of the groups whose members can sign in.
        groups: Vec<String>,
        /// The URL that users open to sign in.
        sso_url: String,
        /// The URL of the page that opens after sign-in. `None` if the input does not specify a page.
        #[serde(default)]
        destination_url: Option<String>,
        /// Whether the sign-in check passed.
        passed: bool,
        /// The execution's ARN.
        execution: String,
    },
    /// News about phone numbers and Support cases. The step that sends this message composes its text with
    /// [`telephony_news`].
    TelephonyNews {
        /// The instance's alias.
        alias: String,
        /// The text of the notification, in the language that the input specifies.
        message: String,
        /// The execution's ARN.
        execution: String,
    },
    /// The onboarding has finished and its report is available.
    OnboardingFinished {
        /// The instance's alias.
        alias: String,
        /// The URL that users open to sign in.
        sso_url: String,
        /// The open items, which an operator must resolve.
        #[serde(default)]
        open_items: Vec<OpenItem>,
        /// Whether AWS denied a quota or a phone number that the input marks as required. If so, the execution fails.
        #[serde(default)]
        failed: bool,
        /// The execution's ARN.
        execution: String,
    },
    /// A part of a user sync plan waits for approval.
    UnsafePlan {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        #[serde(default)]
        alias: String,
        /// The reasons why a part of the plan needs approval.
        #[serde(default)]
        reasons: Vec<String>,
        /// How many actions of each kind the plan contains.
        counts: Box<Outcome>,
        /// The part of the plan that waits for approval. A state machine of an earlier release does not send this
        /// field.
        #[serde(default)]
        waiting: Box<WaitingPart>,
        /// The digest of the request for approval. An operator approves or rejects the request by this digest.
        digest: String,
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
    /// A signing certificate must be replaced, and an operator must complete the rotation.
    RotationNeedsPerson {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        alias: String,
        /// The thumbprint of the certificate that signs SAML responses, or that will sign them after the rotation.
        /// Empty if the certificate is unknown.
        #[serde(default)]
        thumbprint: String,
        /// Expiry time of the certificate with this thumbprint (RFC 3339). Empty if the certificate is unknown.
        #[serde(default)]
        expires: String,
        /// The reason why the stack cannot replace the certificate.
        detail: String,
        /// The execution's ARN.
        execution: String,
    },
    /// Settings were changed outside Connect Onboarding.
    DriftFound {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        alias: String,
        /// The differences from the input of the last onboarding.
        findings: Vec<DriftFinding>,
        /// The total number of differences. The field `findings` may contain only some of the differences.
        count: usize,
        /// The execution's ARN.
        execution: String,
    },
    /// A teardown has finished.
    TeardownFinished {
        /// The instance id.
        instance_id: String,
        /// The instance's alias.
        alias: String,
        /// The items of the approved plan.
        items: Vec<PlanItem>,
        /// One open item for each object that was kept and for each remaining action of an operator.
        #[serde(default)]
        open_items: Vec<OpenItem>,
        /// The execution's ARN.
        execution: String,
    },
    /// An execution of an onboarding, a certificate rotation, a drift check or a teardown failed, timed out or was
    /// aborted.
    ExecutionFailed {
        /// The field `detail` of the EventBridge event "Step Functions Execution Status Change".
        detail: ExecutionDetail,
    },
}

/// The fields of the EventBridge event "Step Functions Execution Status Change" that the notification contains.
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
    /// The error name.
    #[serde(default)]
    pub error: Option<String>,
    /// The error message. If a Lambda function failed, the value is a JSON object that contains the error message in
    /// the field `errorMessage`.
    #[serde(default)]
    pub cause: Option<String>,
}

impl ExecutionDetail {
    /// The logical name of the state machine, and the name of the execution.
    fn names(&self) -> (&str, &str) {
        let last = |arn: &'_ str| arn.rfind(':').map_or(0, |colon| colon + 1);
        // CloudFormation creates the name of the state machine from its logical ID and a random suffix.
        let machine = &self.state_machine_arn[last(&self.state_machine_arn)..];
        let machine = machine.split_once("StateMachine").map_or(machine, |(name, _)| name);
        let machine = machine.rsplit('-').next().unwrap_or(machine);
        (machine, &self.execution_arn[last(&self.execution_arn)..])
    }
}

impl Message {
    /// The values of `kind` for all variants.
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

    /// The value of `kind` for this message.
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

    /// Composes the notification for this message in one language.
    #[must_use]
    pub fn compose(&self, language: Language) -> Notification {
        Notification::new(self, language)
    }

    /// The ARN of the execution that sends this message.
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

    /// The text that distinguishes this message from other messages of the same kind from the same execution, for
    /// example the digest of the plan.
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
