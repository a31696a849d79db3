//! Input and output of the last steps: `register-instance`, `verify-sign-in` and `report`. Also the results of the
//! workflow branches, which are the input of `report`.

use serde::{Deserialize, Serialize};

use super::{
    ApprovedOrigin, AssignGroupsOutput, ConfigureEntraClaimsOutput, ConfigureInstanceOutput, CreateInstanceOutput,
    EntraApplication, EntraGroup, EntraSignOn, OpenItem, PreflightOutput, QuotaResult, StorageLocation,
    SubscribeGroupsOutput,
};
use crate::{
    onboarding::{Onboarding, SignIn, UsernameAttribute},
    sync::SyncUsersOutput,
    telephony::{CaseOrder, FirstCall, NumberResult},
};

/// Input of `register-instance`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterInstanceInput {
    /// The whole execution input, with all default values added.
    pub onboarding: Onboarding,
    /// The id of the instance.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The id of the Entra tenant.
    pub tenant_id: String,
    /// The Entra groups.
    pub groups: Vec<EntraGroup>,
    /// The Entra application.
    pub application: EntraApplication,
    /// Whether the instance existed before the onboarding and does not have the tags of an onboarding. `None` if a step
    /// of an older release wrote this input.
    #[serde(default)]
    pub instance_adopted: Option<bool>,
}

/// Output of `register-instance`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterInstanceOutput {
    /// The id of the instance, which is the partition key of its registry entry.
    pub instance_id: String,
    /// Whether the step created or changed the registry entry.
    pub changed: bool,
}

/// Input of `verify-sign-in`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifySignInInput {
    /// The Region of the instance.
    pub region: String,
    /// The id of the instance.
    pub instance_id: String,
    /// The Entra application.
    pub application: EntraApplication,
    /// The application's sign-on settings.
    pub sign_on: EntraSignOn,
    /// The ARN of the SAML provider.
    pub saml_provider_arn: String,
    /// The ARN of the role.
    pub role_arn: String,
    /// The ARN of the policy.
    pub policy_arn: String,
    /// The user attribute whose value is the Connect username and the role session name.
    pub username: UsernameAttribute,
    /// The maximum session duration, as an ISO 8601 duration.
    pub session_duration: String,
    /// The groups whose assignments to the application are checked.
    pub groups: Vec<EntraGroup>,
    /// The page that opens after sign-in.
    #[serde(default)]
    pub sign_in: SignIn,
}

/// Output of `verify-sign-in`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VerifySignInOutput {
    /// Whether every check passed.
    pub passed: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// The URL that users open to sign in.
    pub sso_url: String,
}

/// The check of one requirement for sign-in: the expected value and the value that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The requirement that is checked.
    pub name: String,
    /// Whether the check passed.
    pub passed: bool,
    /// The expected value.
    pub expected: String,
    /// The value that was found.
    pub found: String,
}

/// Input of `report`: the outputs of all branches of the workflow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportInput {
    /// The execution's ARN.
    pub execution: String,
    /// Start time of the execution (RFC 3339).
    pub started_at: String,
    /// The output of `preflight`.
    pub preflight: PreflightOutput,
    /// The output of `create-instance`.
    pub instance: CreateInstanceOutput,
    /// The output of `configure-instance`.
    pub configuration: ConfigureInstanceOutput,
    /// The result of the telephony branch.
    pub telephony: TelephonyResult,
    /// The result of the single sign-on branch.
    pub sign_on: SignOnResult,
}

/// The result of the telephony branch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TelephonyResult {
    /// The instance's quotas.
    #[serde(default)]
    pub quotas: Vec<QuotaResult>,
    /// The phone numbers that match the input.
    #[serde(default)]
    pub numbers: Vec<NumberResult>,
    /// The requests to AWS Support, and the requests that an operator must file.
    #[serde(default)]
    pub orders: Vec<CaseOrder>,
    /// The result of the test call to the starter flow; absent if there is no starter flow, or no phone number that has
    /// the starter flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_call: Option<FirstCall>,
    /// Open items for the operator.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// The error with which the quota steps failed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BranchFailure>,
    /// The error with which the phone number steps failed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers_failure: Option<BranchFailure>,
}

/// The error with which a branch of the workflow failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BranchFailure {
    /// The name of the error.
    pub error: String,
    /// The error message. If a Lambda function failed, this is a JSON object with the field `errorMessage`.
    pub cause: String,
}

/// The result of the single sign-on branch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignOnResult {
    /// The application.
    pub application: EntraApplication,
    /// The application's sign-on settings.
    pub sign_on: EntraSignOn,
    /// The IAM provider.
    pub saml_provider_arn: String,
    /// The policy.
    pub policy_arn: String,
    /// The role.
    pub role_arn: String,
    /// The claims and the relay state.
    pub claims: ConfigureEntraClaimsOutput,
    /// The assignments of the application.
    pub assignment: AssignGroupsOutput,
    /// The Graph subscriptions that report changes of the groups.
    #[serde(default)]
    pub notifications: SubscribeGroupsOutput,
    /// The result of the user sync.
    pub users: SyncUsersOutput,
    /// The result of the sign-in check.
    pub verification: VerifySignInOutput,
}

/// The report: the output of the onboarding.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The instance's alias.
    pub alias: String,
    /// The URL that users open to sign in.
    pub sso_url: String,
    /// Whether every sign-in check passed.
    pub sign_in_verified: bool,
    /// The AWS account.
    pub account: String,
    /// The AWS Region.
    pub region: String,
    /// The Entra tenant.
    pub tenant_id: String,
    /// The execution's ARN.
    pub execution: String,
    /// Start time (RFC 3339).
    pub started_at: String,
    /// The instance.
    pub instance: CreateInstanceOutput,
    /// The storage locations of the instance.
    pub storage: Vec<StorageLocation>,
    /// The websites that may embed the Contact Control Panel.
    #[serde(default)]
    pub approved_origins: Vec<ApprovedOrigin>,
    /// The objects of the single sign-on.
    pub sign_on: SignOnResult,
    /// The groups.
    pub groups: Vec<EntraGroup>,
    /// Quotas and phone numbers.
    pub telephony: TelephonyResult,
    /// Actions left for an operator.
    pub open_items: Vec<OpenItem>,
}
