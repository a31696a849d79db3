//! What goes into each step and what comes out: the state machine's data. Fields may be added (with a default), never
//! renamed: an execution that waits for weeks meets the next releases.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    onboarding::{Assignment, Instance, Onboarding, Quota, UsernameAttribute},
    sync::SyncUsersOutput,
    telephony::{CaseOrder, NumberResult},
};

/// Something that a person should know or do although the workflow goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenItem {
    /// What it is about, for example `quota users` or `group Support agents`.
    pub subject: String,
    /// What is the case.
    pub what: String,
    /// What to do about it.
    pub action: String,
}

impl OpenItem {
    /// An open item.
    #[must_use]
    pub fn new(subject: impl Into<String>, what: impl Into<String>, action: impl Into<String>) -> Self {
        Self { subject: subject.into(), what: what.into(), action: action.into() }
    }
}

/// A group as Entra knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntraGroup {
    /// The object id.
    pub id: String,
    /// The display name.
    pub display_name: String,
    /// How many of its members would become Connect users.
    #[serde(default)]
    pub users: u64,
}

/// Input of `preflight`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightInput {
    /// The start input as the person wrote it.
    pub onboarding: Value,
}

/// Output of `preflight`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightOutput {
    /// The input with every default filled in.
    pub onboarding: Onboarding,
    /// The AWS account.
    pub account: String,
    /// The AWS Region.
    pub region: String,
    /// The AWS partition, `aws`.
    pub partition: String,
    /// The Entra tenant.
    pub tenant_id: String,
    /// The groups of the input, in its order.
    pub groups: Vec<EntraGroup>,
    /// How many people would become Connect users (each counted once).
    pub users: u64,
    /// What a person should know.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// Where a quota stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuotaStatus {
    /// The applied value is enough.
    #[default]
    Sufficient,
    /// A request is open.
    Pending,
    /// A request was refused, or closed without the value.
    Denied,
}

/// Input of `instance-quota`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceQuotaInput {
    /// The alias of the instance to come; an existing one needs no room.
    pub alias: String,
    /// What the previous look found.
    #[serde(default)]
    pub previous: Option<QuotaResult>,
}

/// One quota's result; also the state that a poll carries on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaResult {
    /// The quota code.
    pub code: String,
    /// The friendly name, or the code.
    pub name: String,
    /// What is wanted.
    pub desired: f64,
    /// What the account or instance has now.
    pub value: f64,
    /// Where it stands.
    pub status: QuotaStatus,
    /// Whether a refusal fails the onboarding.
    #[serde(default)]
    pub required: bool,
    /// The request's id, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The Support case that Service Quotas opened for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// The request's own status in Service Quotas' words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_status: Option<String>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How many looks there were since the request got its final status without the value having followed.
    #[serde(default)]
    pub final_looks: u32,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look, where it is pending.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// Input of `request-quotas`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestQuotasInput {
    /// The instance's ARN: the `ContextId` of its quotas.
    pub instance_arn: String,
    /// The quotas to hold at least.
    pub quotas: Vec<Quota>,
    /// How many people want to be users of the instance (the users quota is asked for by itself).
    #[serde(default)]
    pub users: u64,
    /// What the previous look found.
    #[serde(default)]
    pub previous: Option<RequestQuotasOutput>,
}

/// Output of `request-quotas`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestQuotasOutput {
    /// Each quota's result.
    pub quotas: Vec<QuotaResult>,
    /// Whether any is pending.
    pub pending: bool,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look.
    #[serde(default)]
    pub wait_seconds: u64,
}

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
    /// Whether it was there before.
    #[serde(default)]
    pub adopted: bool,
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

/// Input of `create-saml-provider`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSamlProviderInput {
    /// The instance's alias.
    pub alias: String,
    /// The provider's name.
    pub name: String,
    /// What the metadata must say.
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
    /// The instance that people may federate into.
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
    /// The Region, whose sign-in endpoint is one of the two audiences.
    pub region: String,
    /// The only principal that the role trusts.
    pub saml_provider_arn: String,
    /// The only policy that the role needs.
    pub policy_arn: String,
    /// The longest session: ISO 8601, `PT1H` to `PT12H`.
    pub session_duration: String,
}

/// Output of `create-role`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRoleOutput {
    /// The role's ARN.
    pub role_arn: String,
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
