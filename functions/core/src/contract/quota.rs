//! Input and output of the quota steps `instance-quota` and `request-quotas`.

use serde::{Deserialize, Serialize};

use crate::onboarding::Quota;

/// The state of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuotaStatus {
    /// The applied value is sufficient.
    #[default]
    Sufficient,
    /// A request is open.
    Pending,
    /// AWS denied a request, or closed its support case without changing the quota's value.
    Denied,
}

/// Input of `instance-quota`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceQuotaInput {
    /// The alias of the instance to create. If an instance with this alias already exists, no quota increase is needed.
    pub alias: String,
    /// The output of the previous poll of the quota.
    #[serde(default)]
    pub previous: Option<QuotaResult>,
}

/// The result for one quota. Each poll passes this result to the next poll.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct QuotaResult {
    /// The quota code.
    pub code: String,
    /// The friendly name, or the code if there is none.
    pub name: String,
    /// The required value.
    pub desired: f64,
    /// The quota's current value for the account or instance.
    pub value: f64,
    /// The state of the quota.
    pub status: QuotaStatus,
    /// Whether the onboarding fails if AWS denies the request.
    #[serde(default)]
    pub required: bool,
    /// The id of the request, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The support case that Service Quotas opened for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// The status of the request in Service Quotas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_status: Option<String>,
    /// Information for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The number of polls since AWS decided on the request, as long as the quota's value has not changed.
    #[serde(default, rename = "finalLooks")]
    pub final_polls: u32,
    /// The number of polls so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next poll, while a request is open.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// Input of `request-quotas`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestQuotasInput {
    /// The instance's ARN, which is the `ContextId` of the instance's quotas.
    pub instance_arn: String,
    /// The quotas to check, each with its required value.
    pub quotas: Vec<Quota>,
    /// The number of users that the instance will have. The step derives the required value of the users quota from
    /// this number.
    #[serde(default)]
    pub users: u64,
    /// The output of the previous poll of the quotas.
    #[serde(default)]
    pub previous: Option<RequestQuotasOutput>,
}

/// Output of `request-quotas`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestQuotasOutput {
    /// One result for each quota.
    pub quotas: Vec<QuotaResult>,
    /// Whether AWS has not yet decided on a quota request.
    pub pending: bool,
    /// The number of polls so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next poll.
    #[serde(default)]
    pub wait_seconds: u64,
}
