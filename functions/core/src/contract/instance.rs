//! The steps of the Amazon Connect instance: `create-instance` and `configure-instance`.

use serde::{Deserialize, Serialize};

use super::OpenItem;
use crate::onboarding::Instance;

/// Input of `create-instance`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceInput {
    /// The instance that is wanted.
    pub instance: Instance,
    /// The execution: part of the client token, so that a repeated call in this execution makes no second instance.
    pub execution_id: String,
    /// What the previous look found.
    #[serde(default)]
    pub previous: Option<CreateInstanceOutput>,
}

/// Output of `create-instance`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceOutput {
    /// The instance's id.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// `CREATION_IN_PROGRESS` or `ACTIVE`.
    pub status: String,
    /// Whether it was there before.
    #[serde(default)]
    pub adopted: bool,
    /// The access URL, once Connect says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_url: Option<String>,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look, where it is still in creation.
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
    /// What is wanted of it.
    pub instance: Instance,
}

/// Output of `configure-instance`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureInstanceOutput {
    /// Where the instance stores what: resource type and `s3://bucket/prefix`.
    pub storage: Vec<StorageLocation>,
    /// What was changed, by attribute or resource type; empty where all was as wanted.
    pub changed: Vec<String>,
    /// What a person should know, for example a storage place that somebody else chose and that was left alone.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// Where an instance stores one kind of thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageLocation {
    /// `CALL_RECORDINGS`, `CHAT_TRANSCRIPTS` or `SCHEDULED_REPORTS`.
    pub resource_type: String,
    /// `s3://bucket/prefix`.
    pub location: String,
}
