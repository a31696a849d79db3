//! Input and output of the IAM steps: `create-saml-provider`, `create-policy`, `create-role`.

use serde::{Deserialize, Serialize};

use super::EntraSignOn;

/// Input of `create-saml-provider`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSamlProviderInput {
    /// The instance's alias.
    pub alias: String,
    /// The provider's name.
    pub name: String,
    /// The sign-on settings of the application. The federation metadata must match these settings.
    pub sign_on: EntraSignOn,
}

/// Output of `create-saml-provider`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSamlProviderOutput {
    /// The provider's ARN.
    pub saml_provider_arn: String,
}

/// Input of `create-policy`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatePolicyInput {
    /// The instance's alias.
    pub alias: String,
    /// The policy's name.
    pub name: String,
    /// The id of the instance to which the policy allows users to sign in.
    pub instance_id: String,
}

/// Output of `create-policy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatePolicyOutput {
    /// The policy's ARN.
    pub policy_arn: String,
}

/// Input of `create-role`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRoleInput {
    /// The instance's alias.
    pub alias: String,
    /// The role's name.
    pub name: String,
    /// The AWS Region, whose sign-in endpoint is one of the two audiences in the trust policy.
    pub region: String,
    /// The ARN of the SAML provider, the only principal that the role trusts.
    pub saml_provider_arn: String,
    /// The ARN of the only policy to attach to the role.
    pub policy_arn: String,
    /// The maximum session duration, as an ISO 8601 duration from `PT1H` to `PT12H`.
    pub session_duration: String,
    /// The global sign-in endpoint, if the instance is replicated to another Region.
    #[serde(default)]
    pub global_sign_in_endpoint: Option<String>,
}

/// Output of `create-role`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRoleOutput {
    /// The role's ARN.
    pub role_arn: String,
}
