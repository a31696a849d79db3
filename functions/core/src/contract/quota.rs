//! The quota steps: `instance-quota` and `request-quotas`.

use serde::{Deserialize, Serialize};

use crate::onboarding::Quota;

/// Where a quota stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuotaStatus {
    /// The applied value is enough.
    #[default]
    Sufficient,
    /// A request is open.
    Pending,
    /// A request was refused, or closed without the value.
    Denied,
}

/// Input of `instance-quota`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceQuotaInput {
    /// The alias of the instance to come; an existing one needs no room.
    pub alias: String,
    /// What the previous look found.
    #[serde(default)]
    pub previous: Option<QuotaResult>,
}

/// One quota's result; also the state that a poll carries on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaResult {
    /// The quota code.
    pub code: String,
    /// The friendly name, or the code.
    pub name: String,
    /// What is wanted.
    pub desired: f64,
    /// What the account or instance has now.
    pub value: f64,
    /// Where it stands.
    pub status: QuotaStatus,
    /// Whether a refusal fails the onboarding.
    #[serde(default)]
    pub required: bool,
    /// The request's id, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The Support case that Service Quotas opened for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// The request's own status in Service Quotas' words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_status: Option<String>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How many looks there were since the request got its final status without the value having followed.
    #[serde(default)]
    pub final_looks: u32,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look, where it is pending.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// Input of `request-quotas`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestQuotasInput {
    /// The instance's ARN: the `ContextId` of its quotas.
    pub instance_arn: String,
    /// The quotas to hold at least.
    pub quotas: Vec<Quota>,
    /// How many people want to be users of the instance (the users quota is asked for by itself).
    #[serde(default)]
    pub users: u64,
    /// What the previous look found.
    #[serde(default)]
    pub previous: Option<RequestQuotasOutput>,
}

/// Output of `request-quotas`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestQuotasOutput {
    /// Each quota's result.
    pub quotas: Vec<QuotaResult>,
    /// Whether any is pending.
    pub pending: bool,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look.
    #[serde(default)]
    pub wait_seconds: u64,
}
