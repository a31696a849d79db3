//! The last steps, `register-instance`, `verify-sign-in` and `report`, and what the branches leave for them.

use serde::{Deserialize, Serialize};

use super::{
    AssignGroupsOutput, ConfigureEntraClaimsOutput, ConfigureInstanceOutput, CreateInstanceOutput, EntraApplication,
    EntraGroup, EntraSignOn, OpenItem, PreflightOutput, QuotaResult, StorageLocation, SubscribeGroupsOutput,
};
use crate::{
    onboarding::{Onboarding, UsernameAttribute},
    sync::SyncUsersOutput,
    telephony::{CaseOrder, NumberResult},
};

/// Input of `register-instance`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterInstanceInput {
    /// The whole input with defaults.
    pub onboarding: Onboarding,
    /// The instance.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The Entra tenant.
    pub tenant_id: String,
    /// The groups.
    pub groups: Vec<EntraGroup>,
    /// The application.
    pub application: EntraApplication,
    /// Whether the instance was there before and carries no mark of ours; `None` in the state of an older release.
    #[serde(default)]
    pub instance_adopted: Option<bool>,
}

/// Output of `register-instance`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterInstanceOutput {
    /// The registry's key.
    pub instance_id: String,
    /// Whether the entry was new or different.
    pub changed: bool,
}

/// Input of `verify-sign-in`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifySignInInput {
    /// The Region of the instance.
    pub region: String,
    /// The instance.
    pub instance_id: String,
    /// The application.
    pub application: EntraApplication,
    /// The application's sign-on settings.
    pub sign_on: EntraSignOn,
    /// The IAM provider.
    pub saml_provider_arn: String,
    /// The role.
    pub role_arn: String,
    /// The policy.
    pub policy_arn: String,
    /// The attribute that is username and role session name.
    pub username: UsernameAttribute,
    /// ISO 8601.
    pub session_duration: String,
    /// The groups, one member of which is looked up.
    pub groups: Vec<EntraGroup>,
}

/// Output of `verify-sign-in`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifySignInOutput {
    /// Whether every check holds.
    pub passed: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// The user access URL: what people open.
    pub sso_url: String,
}

/// One thing that a sign-in needs, read back and compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What is compared.
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Input of `report`: what every branch of the workflow left.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportInput {
    /// The execution's ARN.
    pub execution: String,
    /// When it started (RFC 3339).
    pub started_at: String,
    /// Preflight's output.
    pub preflight: PreflightOutput,
    /// The instance.
    pub instance: CreateInstanceOutput,
    /// Its configuration.
    pub configuration: ConfigureInstanceOutput,
    /// What the telephony branch left.
    pub telephony: TelephonyResult,
    /// What the single sign-on branch left.
    pub sign_on: SignOnResult,
}

/// What the telephony branch leaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelephonyResult {
    /// The instance's quotas.
    #[serde(default)]
    pub quotas: Vec<QuotaResult>,
    /// The phone numbers that meet the input's wishes.
    #[serde(default)]
    pub numbers: Vec<NumberResult>,
    /// What was asked of AWS Support, or is to be asked by a person.
    #[serde(default)]
    pub orders: Vec<CaseOrder>,
    /// What a person should know.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// Why the quotas broke off, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BranchFailure>,
    /// Why the numbers broke off, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers_failure: Option<BranchFailure>,
}

/// Why a branch of the workflow broke off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BranchFailure {
    /// The name of the error.
    pub error: String,
    /// Its message; from Lambda a JSON object with `errorMessage`.
    pub cause: String,
}

/// What the single sign-on branch leaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOnResult {
    /// The application.
    pub application: EntraApplication,
    /// Its settings.
    pub sign_on: EntraSignOn,
    /// The IAM provider.
    pub saml_provider_arn: String,
    /// The policy.
    pub policy_arn: String,
    /// The role.
    pub role_arn: String,
    /// Relay state and claims.
    pub claims: ConfigureEntraClaimsOutput,
    /// The assignments.
    pub assignment: AssignGroupsOutput,
    /// By what changes of the groups are heard of.
    #[serde(default)]
    pub notifications: SubscribeGroupsOutput,
    /// What the user sync did.
    pub users: SyncUsersOutput,
    /// The login check.
    pub verification: VerifySignInOutput,
}

/// The report: the output of the onboarding.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The instance's alias.
    pub alias: String,
    /// The URL that people open to sign in.
    pub sso_url: String,
    /// Whether every login check holds.
    pub sign_in_verified: bool,
    /// The AWS account.
    pub account: String,
    /// The AWS Region.
    pub region: String,
    /// The Entra tenant.
    pub tenant_id: String,
    /// The execution's ARN.
    pub execution: String,
    /// When it started (RFC 3339).
    pub started_at: String,
    /// The instance.
    pub instance: CreateInstanceOutput,
    /// Where it stores what.
    pub storage: Vec<StorageLocation>,
    /// What single sign-on consists of.
    pub sign_on: SignOnResult,
    /// The groups.
    pub groups: Vec<EntraGroup>,
    /// Quotas and numbers.
    pub telephony: TelephonyResult,
    /// What waits for a person.
    pub open_items: Vec<OpenItem>,
}
