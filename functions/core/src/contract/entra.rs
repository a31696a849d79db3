//! The steps in Entra ID: `create-entra-application`, `configure-entra-sign-on`, `configure-entra-claims`, `assign-groups`.

use serde::{Deserialize, Serialize};

use super::EntraGroup;
use crate::onboarding::{Assignment, UsernameAttribute};

/// Input of `create-entra-application`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateEntraApplicationInput {
    /// The instance's alias.
    pub alias: String,
    /// The application's display name.
    pub application_name: String,
    /// What the previous look found.
    #[serde(default)]
    pub previous: Option<EntraApplication>,
    /// Which retry of the state this is (`$states.context.State.RetryCount`): an application that the attempt before made
    /// without living to tell shows up in lists late, so a retry looks for some time before it makes one.
    #[serde(default)]
    pub retry_count: u32,
}

/// Output of `create-entra-application`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntraApplication {
    /// The application object's id.
    pub application_id: String,
    /// The application (client) id.
    pub app_id: String,
    /// The service principal's object id.
    pub service_principal_id: String,
    /// `REPLICATING` until both objects can be read, then `READY`.
    pub status: String,
    /// Whether it existed before its onboarding, which only uses it.
    #[serde(default)]
    pub adopted: bool,
    /// Whether this execution found no application of the name at first: one that appears since then was made by an attempt
    /// whose answer was lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub searched: bool,
    /// The app role that people are assigned.
    #[serde(default)]
    pub app_role_id: String,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look, where it is replicating.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// Input of `configure-entra-sign-on`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureEntraSignOnInput {
    /// The instance's alias.
    pub alias: String,
    /// The Region, whose sign-in endpoint is the reply URL.
    pub region: String,
    /// The application.
    pub application: EntraApplication,
    /// Who gets Entra's mails before the certificate expires.
    #[serde(default)]
    pub notification_emails: Vec<String>,
    /// How many attempts came before this one, and may have died after they did something.
    #[serde(default)]
    pub attempts: u32,
}

/// Output of `configure-entra-sign-on`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntraSignOn {
    /// The identifier (entity id) that AWS sees as audience, with a `#<n>` where another application has the plain one.
    pub identifier_uri: String,
    /// The reply URLs, the regional one first.
    pub reply_urls: Vec<String>,
    /// SHA-1 thumbprint of the active signing certificate, upper-case hex as Entra writes it.
    pub certificate_thumbprint: String,
    /// When that certificate expires (RFC 3339).
    pub certificate_expires: String,
    /// The tenant's issuer, which the metadata names as entityID.
    pub entity_id: String,
    /// Where the federation metadata of this application stands.
    pub metadata_url: String,
}

/// Input of `configure-entra-claims`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureEntraClaimsInput {
    /// The instance's alias.
    pub alias: String,
    /// The Region of the instance.
    pub region: String,
    /// The instance that the relay state leads to.
    pub instance_id: String,
    /// The application.
    pub application: EntraApplication,
    /// The active certificate.
    pub certificate_thumbprint: String,
    /// The role of the Role claim.
    pub role_arn: String,
    /// The provider of the Role claim.
    pub saml_provider_arn: String,
    /// The attribute of the `RoleSessionName` claim.
    pub username: UsernameAttribute,
    /// The `SessionDuration` claim: ISO 8601.
    pub session_duration: String,
}

/// Output of `configure-entra-claims`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureEntraClaimsOutput {
    /// The claims mapping policy.
    pub claims_policy_id: String,
    /// The relay state.
    pub relay_state: String,
}

/// Input of `assign-groups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignGroupsInput {
    /// The application.
    pub application: EntraApplication,
    /// The groups.
    pub groups: Vec<EntraGroup>,
    /// Whether the groups or their members are assigned.
    #[serde(default)]
    pub assignment: Assignment,
    /// Whether members of nested groups are assigned too.
    #[serde(default)]
    pub nested: bool,
}

/// Output of `assign-groups`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignGroupsOutput {
    /// How many assignments were made.
    pub assigned: u64,
    /// How many were there before.
    pub existing: u64,
}
