//! Input and output of the Entra ID steps: `create-entra-application`, `configure-entra-sign-on`,
//! `configure-entra-claims`, `assign-groups`.

use serde::{Deserialize, Serialize};

use super::EntraGroup;
use crate::onboarding::{Assignment, SignIn, UsernameAttribute};

/// Input of `create-entra-application`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateEntraApplicationInput {
    /// The instance's alias.
    pub alias: String,
    /// The application's display name.
    pub application_name: String,
    /// The output of the previous poll of the new application.
    #[serde(default)]
    pub previous: Option<EntraApplication>,
    /// The number of retries of this state so far (`$states.context.State.RetryCount`). A failed attempt may already
    /// have created the application, and Entra lists a new application only after a delay. A retry therefore searches
    /// for the application several times before it creates one.
    #[serde(default)]
    pub retry_count: u32,
}

/// Output of `create-entra-application`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntraApplication {
    /// The application object's id.
    pub application_id: String,
    /// The application (client) id.
    pub app_id: String,
    /// The service principal's object id.
    pub service_principal_id: String,
    /// `REPLICATING` until the application and its service principal can be read, then `READY`.
    pub status: String,
    /// Whether the application existed before the onboarding. An onboarding adopts such an application, and a teardown
    /// never deletes it.
    #[serde(default)]
    pub adopted: bool,
    /// Whether an earlier search of this execution found no application with the name. If an application with this name
    /// appears later, this execution created the application with a request whose response was lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub searched: bool,
    /// The id of the app role that is assigned to groups or users.
    #[serde(default)]
    pub app_role_id: String,
    /// The number of polls so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next poll, while the application replicates.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// Input of `configure-entra-sign-on`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureEntraSignOnInput {
    /// The instance's alias.
    pub alias: String,
    /// The AWS Region, whose sign-in endpoint is one of the reply URLs.
    pub region: String,
    /// The Entra application.
    pub application: EntraApplication,
    /// The email addresses to which Entra sends notifications about the expiry of the certificate.
    #[serde(default)]
    pub notification_emails: Vec<String>,
    /// The number of earlier attempts of this step. A failed attempt may already have changed the application.
    #[serde(default)]
    pub attempts: u32,
    /// The global sign-in endpoint, if the instance is replicated to another Region.
    #[serde(default)]
    pub global_sign_in_endpoint: Option<String>,
}

/// Output of `configure-entra-sign-on`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntraSignOn {
    /// The identifier (entity ID) that AWS receives as the audience. The identifier ends in `#<n>` if another
    /// application of the tenant uses the identifier without this suffix.
    pub identifier_uri: String,
    /// The reply URLs; the Region's URL comes first. If the application uses the global sign-in of a replicated instance,
    /// the reply URLs of this sign-in.
    pub reply_urls: Vec<String>,
    /// SHA-1 thumbprint of the active signing certificate: upper-case hexadecimal, as in Entra.
    pub certificate_thumbprint: String,
    /// Expiry time of the active signing certificate (RFC 3339).
    pub certificate_expires: String,
    /// The issuer of the tenant's SAML assertions, which is the `entityID` in the federation metadata.
    pub entity_id: String,
    /// URL of the application's federation metadata.
    pub metadata_url: String,
}

/// Input of `configure-entra-claims`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureEntraClaimsInput {
    /// The instance's alias.
    pub alias: String,
    /// The AWS Region of the instance.
    pub region: String,
    /// The id of the instance that opens after sign-in. This id is part of the relay state.
    pub instance_id: String,
    /// The Entra application.
    pub application: EntraApplication,
    /// The thumbprint of the active signing certificate.
    pub certificate_thumbprint: String,
    /// The ARN of the role, for the `Role` claim.
    pub role_arn: String,
    /// The ARN of the SAML provider, for the `Role` claim.
    pub saml_provider_arn: String,
    /// The user attribute for the `RoleSessionName` claim.
    pub username: UsernameAttribute,
    /// The session duration for the `SessionDuration` claim, as an ISO 8601 duration.
    pub session_duration: String,
    /// The page that opens after sign-in. The path of this page is part of the relay state.
    #[serde(default)]
    pub sign_in: SignIn,
    /// The global sign-in endpoint, if the instance is replicated to another Region.
    #[serde(default)]
    pub global_sign_in_endpoint: Option<String>,
}

/// Output of `configure-entra-claims`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConfigureEntraClaimsOutput {
    /// The id of the claims mapping policy.
    pub claims_policy_id: String,
    /// The relay state; empty if the application uses the global sign-in of a replicated instance, which needs none.
    pub relay_state: String,
    /// The URL of the page that opens after sign-in; `null` if Amazon Connect opens its own start page.
    #[serde(default)]
    pub destination_url: Option<String>,
}

/// Input of `assign-groups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignGroupsInput {
    /// The Entra application.
    pub application: EntraApplication,
    /// The groups to assign.
    pub groups: Vec<EntraGroup>,
    /// Whether the groups themselves or their members are assigned to the application.
    #[serde(default)]
    pub assignment: Assignment,
    /// Whether members of nested groups are also assigned.
    #[serde(default)]
    pub nested: bool,
}

/// Output of `assign-groups`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AssignGroupsOutput {
    /// Number of new assignments.
    pub assigned: u64,
    /// Number of assignments that existed before this step.
    pub existing: u64,
}
