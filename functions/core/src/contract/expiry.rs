//! Input and output of the step `watch-expiry`, which checks the expiry dates of credentials, certificates and
//! subscriptions.

use serde::{Deserialize, Serialize};

use crate::entra::Identity;

/// Input of `watch-expiry`. The input has no fields, because the step always checks all expiry dates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchExpiryInput {}

/// Output of `watch-expiry`. Unknown expiry dates are omitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchExpiryOutput {
    /// The credentials with which the stack signs in to Microsoft Graph. A credential that uses AWS tokens instead of a
    /// secret never expires and is omitted.
    #[serde(default)]
    pub credentials: Vec<CredentialExpiry>,
    /// The expiry dates of each registered instance.
    #[serde(default)]
    pub instances: Vec<InstanceExpiry>,
}

/// The expiry of one credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialExpiry {
    /// The Entra identity (setup or runtime) to which the credential belongs.
    pub identity: Identity,
    /// Whole days until expiry; negative if the credential has expired.
    pub days_left: i64,
}

/// When the signing certificate and the group subscriptions of an instance expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceExpiry {
    /// The instance id.
    pub instance_id: String,
    /// The instance's alias.
    pub alias: String,
    /// Whole days until the certificate that signs the SAML assertions expires; negative if it has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_certificate_days_left: Option<i64>,
    /// Whole hours until the first of the instance's group subscriptions expires; 0 if a group has no subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_hours_left: Option<i64>,
}
