//! Input and output of the step `rotate-certificate`, and the output of its state machine. The state machine calls this
//! step several times during one rotation. In this module, a round is one call of the step.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::onboarding::Language;

/// Input of `rotate-certificate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateCertificateInput {
    /// The id of the instance to check; if absent, the step checks every registered instance.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// Whether to rotate a certificate even if it does not expire soon. If a rotation has already started, the step
    /// finishes that rotation instead.
    #[serde(default)]
    pub force: bool,
    /// The ARN of this execution. Only one execution at a time may add a certificate.
    #[serde(default)]
    pub execution: String,
    /// The output of the previous round; empty in the first round.
    #[serde(default)]
    pub previous: Vec<Rotation>,
}

/// Output of `rotate-certificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RotateCertificateOutput {
    /// The progress of the rotation for each instance.
    pub instances: Vec<Rotation>,
    /// Seconds until the next round; 0 if no further round is needed.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// The progress of the rotation for one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The instance id.
    pub instance_id: String,
    /// The instance's alias.
    pub alias: String,
    /// The language of notifications about the instance.
    #[serde(default)]
    pub language: Language,
    /// The stage that the rotation has reached.
    pub status: RotationStatus,
    /// SHA-1 thumbprint of the certificate that signs SAML responses, or that will sign them after the rotation.
    #[serde(default)]
    pub thumbprint: String,
    /// Expiry time (RFC 3339) of the certificate that signs SAML responses, or that will sign them after the rotation.
    #[serde(default)]
    pub expires: String,
    /// Information for the operator; empty if there is none.
    #[serde(default)]
    pub detail: String,
    /// The number of consecutive rounds in which AWS or Entra did not respond, or did not yet show the expected change.
    #[serde(default)]
    pub failures: u32,
    /// Whether an attempt to remove a certificate had an unexpected result. If so, the execution removes no certificates
    /// of other instances.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub halts_removals: bool,
    /// The removal of certificates that this execution begins in the next round, or has begun and not verified yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<CertificateRemoval>,
}

/// A removal of certificates from an application. A round returns the removal before the next round carries it out, so
/// that each later round can verify the result, even if a round is interrupted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CertificateRemoval {
    /// The `keyId`s of the credentials to remove from both credential lists.
    #[serde(default)]
    pub removed: BTreeSet<String>,
    /// The credentials to keep, each as the name of its list and its `keyId`.
    #[serde(default)]
    pub kept: BTreeSet<String>,
}

/// The stages of a rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RotationStatus {
    /// The certificate has not been checked yet.
    #[default]
    Started,
    /// The certificate is valid for long enough.
    NotDue,
    /// Another execution is rotating the certificate.
    Busy,
    /// A new certificate exists, and Entra does not sign with it yet.
    Added,
    /// IAM trusts the new certificate in addition to the old one; the change is propagating in AWS.
    Trusted,
    /// Entra signs with the new certificate. The old certificate is kept until the change has propagated in Entra.
    Switched,
    /// Entra signs with the new certificate, and the old certificate is removed.
    Rotated,
    /// The stack cannot finish the rotation, or a permission is missing. An operator must finish the rotation.
    NeedsPerson,
    /// The rotation failed. The next run continues it.
    Failed,
}

impl RotationStatus {
    /// Whether the step must be called again for this rotation.
    #[must_use]
    pub const fn pending(self) -> bool {
        matches!(self, Self::Started | Self::Added | Self::Trusted | Self::Switched)
    }
}
