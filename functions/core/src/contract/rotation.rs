//! The step `rotate-certificate`, and the output of the state machine of that name.

use serde::{Deserialize, Serialize};

use crate::onboarding::Language;

/// Input of `rotate-certificate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateCertificateInput {
    /// The instance; without one, all that are registered.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// Rotate although the certificate is good for long enough. A rotation that has begun is finished instead.
    #[serde(default)]
    pub force: bool,
    /// The execution that asks: only one may add a certificate at a time.
    #[serde(default)]
    pub execution: String,
    /// What the round before left; empty in the first.
    #[serde(default)]
    pub previous: Vec<Rotation>,
}

/// Output of `rotate-certificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateCertificateOutput {
    /// How far each instance is.
    pub instances: Vec<Rotation>,
    /// Seconds until the next round; 0 where none is needed.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// How far the rotation for one instance is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The instance.
    pub instance_id: String,
    /// Its alias.
    pub alias: String,
    /// The language of its notifications.
    #[serde(default)]
    pub language: Language,
    /// How far it is.
    pub status: RotationStatus,
    /// SHA-1 thumbprint of the certificate that signs, or is going to.
    #[serde(default)]
    pub thumbprint: String,
    /// When that one expires (RFC 3339).
    #[serde(default)]
    pub expires: String,
    /// What a person should know or do; empty where nothing.
    #[serde(default)]
    pub detail: String,
    /// How many rounds in a row a cloud did not answer, or did not show yet what is waited for.
    #[serde(default)]
    pub failures: u32,
    /// Whether a removal left something else than it should: the execution then removes no other instance's certificates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub halts_removals: bool,
}

/// How far a rotation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RotationStatus {
    /// Nothing was known yet.
    #[default]
    Started,
    /// The certificate is good for long enough.
    NotDue,
    /// Another execution is at it.
    Busy,
    /// A new certificate is there and signs nothing yet.
    Added,
    /// IAM trusts the new certificate beside the old one; wait until all of AWS knows.
    Trusted,
    /// The new certificate signs; the old one stays until all of Entra knows.
    Switched,
    /// The new certificate signs, the old one is gone.
    Rotated,
    /// It needs something that this stack may not or can't do.
    NeedsPerson,
    /// It broke off; the next run goes on from here.
    Failed,
}

impl RotationStatus {
    /// Whether another round is needed.
    #[must_use]
    pub const fn pending(self) -> bool {
        matches!(self, Self::Started | Self::Added | Self::Trusted | Self::Switched)
    }
}
