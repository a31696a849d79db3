//! The look for what somebody changed by hand: `detect-drift`, and what the state machine around it hands on.

use serde::{Deserialize, Serialize};

use super::{EntraApplication, EntraGroup};
use crate::onboarding::{Language, Onboarding};

/// The most findings of one instance that a report holds.
pub const MAX_FINDINGS: usize = 50;

/// Input of `detect-drift`. Without an instance: every registered one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetectDriftInput {
    /// Only this instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Whether what is found may be mended, whatever the instance's input says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<bool>,
    /// What was found before it was mended. With it, the same instances are read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DriftReport>,
    /// The instances that were to be mended and were left as they are, because another execution holds their alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedInstance>,
}

/// An instance that was left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedInstance {
    /// The instance.
    pub instance_id: String,
    /// Why.
    pub message: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftReport {
    /// Each instance.
    pub instances: Vec<InstanceDrift>,
}

impl DriftReport {
    /// The most bytes of a report: Step Functions allows 256 KiB for what a state is given, and the second check is given the
    /// report of the first (developer guide of Step Functions, "Service quotas").
    pub const MAX_BYTES: usize = 200 * 1024;

    /// Shortens the report of many instances: first the findings that are listed of each, whose number stays, then what is to
    /// be reverted. An instance that is not reverted in this run has its turn in the next one, in which those before it are
    /// in order.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        for listed in [20, 5, 1] {
            if self.fits() {
                return self;
            }
            self.instances.iter_mut().for_each(|instance| instance.findings.truncate(listed));
        }
        while !self.fits() {
            let Some(last) = self.instances.iter_mut().rev().find(|instance| instance.mending.is_some()) else { break };
            last.mending = None;
        }
        self
    }

    fn fits(&self) -> bool {
        serde_json::to_string(self).is_ok_and(|text| text.len() <= Self::MAX_BYTES)
    }
}

/// What was found of one instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceDrift {
    /// The instance.
    pub instance_id: String,
    /// Its alias.
    pub alias: String,
    /// What differs from the input, at most [`MAX_FINDINGS`].
    pub findings: Vec<DriftFinding>,
    /// The language of messages about it.
    #[serde(default)]
    pub language: Language,
    /// How many differences there are.
    #[serde(default)]
    pub count: usize,
    /// A digest of the findings: the same findings are told once.
    #[serde(default)]
    pub digest: String,
    /// What the steps need that mend; only where something is to be mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mending: Option<Mending>,
}

/// One difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftFinding {
    /// Where, for example `IAM role AmazonConnect-acme: trust policy`.
    pub place: String,
    /// What the input wants.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// Whether it was set back.
    #[serde(default)]
    pub mended: bool,
    /// Whether it lets somebody in who should not be.
    #[serde(default)]
    pub security: bool,
    /// Whether a step of the onboarding sets it back; what is not, a person has to look at.
    #[serde(default)]
    pub mendable: bool,
    /// What an operator does about it, with the command that helps; empty if a step of the onboarding sets it back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// What the steps of an onboarding need to set an instance back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mending {
    /// The Region.
    pub region: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The SAML provider.
    pub saml_provider_arn: String,
    /// The policy.
    pub policy_arn: String,
    /// The role.
    pub role_arn: String,
    /// The input of the last onboarding.
    pub onboarding: Onboarding,
    /// The application.
    pub application: EntraApplication,
    /// Whether the application does not exist any more: no step in Entra can do anything then.
    #[serde(default)]
    pub application_gone: bool,
    /// The groups.
    pub groups: Vec<EntraGroup>,
}
