//! Drift detection: the input and output of the step `detect-drift` and of its state machine.

use serde::{Deserialize, Serialize};

use super::{EntraApplication, EntraGroup};
use crate::onboarding::{Language, Onboarding};

/// Maximum number of findings that a report lists for one instance.
pub const MAX_FINDINGS: usize = 50;

/// Input of `detect-drift`. If `instance_id` is absent, the step checks every registered instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetectDriftInput {
    /// The id of the instance to check; if absent, every registered instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Whether the run may revert findings. Overrides the field `drift.mend` in the input of the instance's onboarding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<bool>,
    /// The report of the first check, before the findings were reverted. If this report is present, the step checks the
    /// instances in this report again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DriftReport>,
    /// The report of the previous call of the step in the first check, if the time was not sufficient for all
    /// instances. If present, the step continues with the other instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<DriftReport>,
    /// Instances whose findings could not be reverted, because another execution held the lock of their alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedInstance>,
}

/// An instance whose findings were not reverted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedInstance {
    /// The instance id.
    pub instance_id: String,
    /// The reason why the instance was skipped.
    pub message: String,
}

/// Output of `detect-drift`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DriftReport {
    /// One entry per instance.
    pub instances: Vec<InstanceDrift>,
    /// Whether the time was not sufficient for all instances, so that the step is called again. Absent in the report of a
    /// complete check.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

impl DriftReport {
    /// Maximum size of a report in bytes. Step Functions limits the input of a state to 256 KiB (developer guide of
    /// Step Functions, "Service quotas"). The second check, after the findings were reverted, gets the report of the
    /// first check as a part of its input.
    pub const MAX_BYTES: usize = 200 * 1024;

    /// Shortens the report to [`Self::MAX_BYTES`]. First, shortens the list of findings of each instance; the field
    /// `count` still contains the total number of findings. If the report is still too large, removes the field
    /// `remediation` of instances, starting with the last instance. A later run reverts the findings of these
    /// instances, after the findings of the other instances have been reverted.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        for listed in [20, 5, 1] {
            if self.fits() {
                return self;
            }
            self.instances.iter_mut().for_each(|instance| instance.findings.truncate(listed));
        }
        while !self.fits() {
            let Some(last) = self.instances.iter_mut().rev().find(|instance| instance.remediation.is_some()) else {
                break;
            };
            last.remediation = None;
        }
        self
    }

    /// The findings of an instance.
    #[must_use]
    pub fn of(&self, instance_id: &str) -> Option<&InstanceDrift> {
        self.instances.iter().find(|instance| instance.instance_id == instance_id)
    }

    fn fits(&self) -> bool {
        serde_json::to_string(self).is_ok_and(|text| text.len() <= Self::MAX_BYTES)
    }
}

/// The findings of one instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceDrift {
    /// The instance id.
    pub instance_id: String,
    /// The instance's alias.
    pub alias: String,
    /// The differences from the input, at most [`MAX_FINDINGS`].
    pub findings: Vec<DriftFinding>,
    /// The language of notifications about the instance.
    #[serde(default)]
    pub language: Language,
    /// The total number of differences.
    #[serde(default)]
    pub count: usize,
    /// A digest of the findings. Findings with the same digest are reported once.
    #[serde(default)]
    pub digest: String,
    /// The input for the steps that revert findings; present only if there is something to revert.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "mending")]
    pub remediation: Option<Remediation>,
}

/// A difference between the input and the current settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DriftFinding {
    /// The setting that differs, for example `IAM role AmazonConnect-acme: trust policy`.
    pub place: String,
    /// The value that the input requires.
    pub expected: String,
    /// The value that was found in AWS or Entra.
    pub found: String,
    /// Whether the setting was reverted.
    #[serde(default, rename = "mended")]
    pub reverted: bool,
    /// Whether the difference can grant access to an unauthorized user.
    #[serde(default)]
    pub security: bool,
    /// Whether a step of the onboarding can revert the difference. If not, an operator must correct the setting.
    #[serde(default, rename = "mendable")]
    pub revertible: bool,
    /// The action that an operator must take, with a command if a command can help; empty if a step of the onboarding
    /// reverts the difference.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// Input for the onboarding steps that revert the findings of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Remediation {
    /// The AWS Region.
    pub region: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The ARN of the SAML provider.
    pub saml_provider_arn: String,
    /// The ARN of the policy.
    pub policy_arn: String,
    /// The ARN of the role.
    pub role_arn: String,
    /// The input of the last onboarding.
    pub onboarding: Onboarding,
    /// The Entra application.
    pub application: EntraApplication,
    /// The global sign-in endpoint, if the instance is replicated to another Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_sign_in_endpoint: Option<String>,
    /// Whether the Entra application no longer exists. If it does not exist, no step that changes Entra can run.
    #[serde(default)]
    pub application_gone: bool,
    /// The groups.
    pub groups: Vec<EntraGroup>,
}
