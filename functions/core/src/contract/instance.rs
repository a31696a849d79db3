//! Input and output of the steps for the Amazon Connect instance: `create-instance` and `configure-instance`.

use serde::{Deserialize, Serialize};

use super::OpenItem;
use crate::onboarding::Instance;

/// Input of `create-instance`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceInput {
    /// The instance to create or adopt.
    pub instance: Instance,
    /// The id of this execution. This id is part of the client token of the request that creates the instance, so a
    /// repeated request of this execution creates no second instance.
    pub execution_id: String,
    /// The output of the previous poll.
    #[serde(default)]
    pub previous: Option<CreateInstanceOutput>,
}

/// Output of `create-instance`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceOutput {
    /// The instance's id.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The status of the instance: `CREATION_IN_PROGRESS` or `ACTIVE`.
    pub status: String,
    /// Whether the instance existed before the onboarding.
    #[serde(default)]
    pub adopted: bool,
    /// The access URL, as soon as Connect returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_url: Option<String>,
    /// The global sign-in endpoint, if the instance is replicated to another Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_sign_in_endpoint: Option<String>,
    /// The number of polls so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next poll, while the instance is being created.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// Input of `configure-instance`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureInstanceInput {
    /// The instance's id.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The settings to apply.
    pub instance: Instance,
}

/// Output of `configure-instance`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureInstanceOutput {
    /// The storage locations: the resource type and the location as `s3://bucket/prefix`.
    pub storage: Vec<StorageLocation>,
    /// The approved origins in the input.
    #[serde(default)]
    pub approved_origins: Vec<ApprovedOrigin>,
    /// The names of the settings that the step changed: instance attributes, storage resource types, approved origins,
    /// and the security profile without permissions. Empty if all settings already matched the input.
    pub changed: Vec<String>,
    /// Open items; for example, a storage location that another administrator chose was kept.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// A website that may embed the Contact Control Panel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovedOrigin {
    /// The origin, for example `https://crm.example.com`.
    pub origin: String,
    /// Whether another administrator added the origin. A teardown never removes such an origin.
    #[serde(default)]
    pub adopted: bool,
}

/// The storage location of one resource type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageLocation {
    /// The resource type: `CALL_RECORDINGS`, `CHAT_TRANSCRIPTS` or `SCHEDULED_REPORTS`.
    pub resource_type: String,
    /// The location, in the format `s3://bucket/prefix`.
    pub location: String,
}
