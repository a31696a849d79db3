//! `watch-expiry`: what ends by itself, and when.

use serde::{Deserialize, Serialize};

use crate::entra::Identity;

/// Input of `watch-expiry`: everything is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchExpiryInput {}

/// Output of `watch-expiry`. What is not known is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchExpiryOutput {
    /// The credentials by which the stack signs in to Microsoft Graph; one without a secret never ends and is not here.
    #[serde(default)]
    pub credentials: Vec<CredentialExpiry>,
    /// What belongs to each registered instance.
    #[serde(default)]
    pub instances: Vec<InstanceExpiry>,
}

/// When a credential ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialExpiry {
    /// Whose it is.
    pub identity: Identity,
    /// Whole days until then; negative where it has ended.
    pub days_left: i64,
}

/// When what an instance's sign-in and user sync rest on ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceExpiry {
    /// The instance.
    pub instance_id: String,
    /// Its alias.
    pub alias: String,
    /// Whole days until the certificate ends that signs the assertions; negative where it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_certificate_days_left: Option<i64>,
    /// Whole hours until the first of its groups' subscriptions ends; 0 where a group has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_hours_left: Option<i64>,
}
