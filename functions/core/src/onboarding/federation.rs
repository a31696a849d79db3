//! The input sections `entra` and `iam`: the enterprise application, and the IAM objects for the federation.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// The enterprise application in Entra ID.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Entra {
    /// The application's display name; default `Amazon Connect <alias>`. A single application with this name that was
    /// created from the gallery's "AWS Single-Account Access" is adopted.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 120)))]
    pub application_name: String,
    /// Whether the groups or each of their members are assigned to the application. Entra ID without a P1 license
    /// allows only the assignment of members.
    #[serde(default)]
    pub assignment: Assignment,
    /// The recipients of Entra's notification before the signing certificate expires; at most five email addresses.
    #[serde(default)]
    pub notification_emails: Vec<String>,
}

/// The type of objects that are assigned to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Assignment {
    /// The groups (requires Entra ID P1). Only direct members of an assigned group can sign in.
    #[default]
    Groups,
    /// Each member of the groups is assigned individually.
    Users,
}

/// The IAM objects of the federation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Iam {
    /// The SAML provider's name; default `AmazonConnect-<alias>`.
    #[serde(default)]
    pub saml_provider_name: String,
    /// The policy's name; default `AmazonConnect-<alias>-Federation`.
    #[serde(default)]
    pub policy_name: String,
    /// The role's name; default `AmazonConnect-<alias>`. Do not change it after users have signed in: Connect links
    /// each user to the role of the first sign-in.
    #[serde(default)]
    pub role_name: String,
    /// The duration of the role's session: an ISO 8601 duration from `PT1H` to `PT12H`.
    #[serde(default = "twelve_hours")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^PT([0-9]+H)?([0-9]+M)?([0-9]+S)?$")))]
    pub session_duration: String,
}

impl Default for Iam {
    fn default() -> Self {
        Self {
            saml_provider_name: String::new(),
            policy_name: String::new(),
            role_name: String::new(),
            session_duration: twelve_hours(),
        }
    }
}

fn twelve_hours() -> String {
    "PT12H".into()
}
