//! `onboarding.json`: the start input of the workflow.
//!
//! Serde reads these types leniently, because an execution may wait for weeks across deployments, and a step then reads
//! the state of an older release. Only [`Onboarding::parse`] is strict: it reports all faults of the start input
//! together.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// The input of one onboarding: an Amazon Connect instance, an Entra application for sign-in, and the Entra groups
/// whose members become users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Onboarding {
    /// URL or path of the JSON Schema for this file, used by editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Amazon Connect instance.
    pub instance: Instance,
    /// Minimum values of service quotas: by name (`"concurrentActiveCalls": 20`), by code (`"L-12AB7C57": 20`), with
    /// `{ "value": 20, "required": true }` instead of a number, or as a list of `{ "code", "value", "required" }`.
    #[serde(default)]
    pub quotas: Quotas,
    /// The phone numbers of the instance.
    #[serde(default)]
    pub phone_numbers: Vec<PhoneNumber>,
    /// The documents for an order of Japanese phone numbers, as object keys in the stack's documents bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<Documents>,
    /// How to order phone numbers that can't be claimed by API, and other telephony requests to AWS.
    #[serde(default)]
    pub telephony: Telephony,
    /// The enterprise application in Microsoft Entra ID.
    #[serde(default)]
    pub entra: Entra,
    /// The IAM objects of the federation.
    #[serde(default)]
    pub iam: Iam,
    /// The groups whose members become Connect users, and the rules of the user sync.
    pub users: Users,
    /// What to do about settings that were changed manually.
    #[serde(default)]
    pub drift: Drift,
    /// The language of notifications and reports.
    #[serde(default)]
    pub language: Language,
}

/// The Amazon Connect instance to create or adopt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// The first label of the access URL: 1 to 45 letters, digits and inner hyphens, not beginning with `d-`; unique
    /// among all Amazon Connect customers, and impossible to change. An existing instance with this alias in the
    /// account and Region is adopted.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 45), regex(pattern = r"^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?$"))
    )]
    pub alias: String,
    /// Whether the instance accepts inbound calls.
    #[serde(default = "yes")]
    pub inbound_calls: bool,
    /// Whether the instance allows outbound calls.
    #[serde(default = "yes")]
    pub outbound_calls: bool,
    /// Whether flow logs are written to CloudWatch Logs.
    #[serde(default = "yes")]
    pub flow_logs: bool,
    /// Whether Contact Lens conversational analytics is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_lens: Option<bool>,
    /// Whether early media is enabled (audio from the carrier before an outbound call is answered).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_media: Option<bool>,
    /// The data that the instance stores in the stack's bucket.
    #[serde(default)]
    pub storage: Storage,
}

/// The data that the instance stores. Each kind has its own prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Call recordings.
    #[serde(default = "yes")]
    pub call_recordings: bool,
    /// Chat transcripts.
    #[serde(default = "yes")]
    pub chat_transcripts: bool,
    /// Exported and scheduled reports.
    #[serde(default = "yes")]
    pub scheduled_reports: bool,
}

impl Default for Storage {
    fn default() -> Self {
        Self { call_recordings: true, chat_transcripts: true, scheduled_reports: true }
    }
}

/// The quotas and their minimum values, in the order of the input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quotas(pub Vec<Quota>);

#[cfg(feature = "schema")]
impl JsonSchema for Quotas {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quotas".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = serde_json::json!({ "type": "number", "minimum": 1, "maximum": 10_000_000_000_u64 });
        let required = serde_json::json!({
            "description": "Whether a denied request fails the onboarding; otherwise the onboarding continues and reports the denial.",
            "type": "boolean",
            "default": false
        });
        let names: Vec<&str> = QUOTA_NAMES.iter().map(|(name, _, _)| *name).collect();
        let wish = serde_json::json!({ "anyOf": [
            value,
            { "type": "object", "properties": { "value": value, "required": required }, "required": ["value"], "additionalProperties": false }
        ] });
        let by_name: serde_json::Map<String, serde_json::Value> =
            names.iter().map(|name| ((*name).to_owned(), wish.clone())).collect();
        schemars::json_schema!({ "anyOf": [
            { "type": "object", "properties": by_name, "patternProperties": { "^L-[0-9A-Fa-f]{8}$": wish }, "additionalProperties": false },
            { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "code": { "anyOf": [{ "type": "string", "enum": names }, { "type": "string", "pattern": "^L-[0-9A-Fa-f]{8}$" }] },
                    "value": value,
                    "required": required
                },
                "required": ["code", "value"],
                "additionalProperties": false
            } }
        ] })
    }
}

/// One quota of the service `connect`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// The quota code, `L-` and eight hexadecimal digits in upper case.
    #[serde(deserialize_with = "upper_case")]
    pub code: String,
    /// The minimum value.
    pub value: f64,
    /// Whether a denied request fails the onboarding. If not, the onboarding continues and reports the denial.
    #[serde(default)]
    pub required: bool,
}

/// Reads a quota code in any case and converts it to upper case, as in Service Quotas.
fn upper_case<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|code| code.to_ascii_uppercase())
}

/// The Connect quotas that have a friendly name: name, code, whether the quota belongs to an instance (Amazon Connect
/// administrator guide, service quotas).
pub const QUOTA_NAMES: [(&str, &str, bool); 9] = [
    ("instances", "L-AA17A6B9", false),
    ("phoneNumbers", "L-8F812903", true),
    ("concurrentActiveCalls", "L-12AB7C57", true),
    ("users", "L-9A46857E", true),
    ("securityProfiles", "L-F325A715", true),
    ("routingProfiles", "L-D3E7BE26", true),
    ("queues", "L-19A87C94", true),
    ("contactFlows", "L-22922690", true),
    ("concurrentActiveChats", "L-D4BA6F6E", true),
];

/// The quota that limits how many instances an account may have in a Region.
pub const INSTANCES_QUOTA: &str = "L-AA17A6B9";
/// The quota that limits how many users an instance may have.
pub const USERS_QUOTA: &str = "L-9A46857E";

/// The quota that limits how many phone numbers an instance may have.
pub const PHONE_NUMBERS_QUOTA: &str = "L-8F812903";

/// The friendly name of a quota code, or the code itself.
#[must_use]
pub fn quota_name(code: &str) -> &str {
    QUOTA_NAMES.iter().find(|(_, known, _)| *known == code).map_or(code, |(name, _, _)| name)
}

/// Whether a quota belongs to an instance; a request for such a quota has the instance ARN as `ContextId`. Returns true
/// for unknown codes, because almost all adjustable quotas of Connect belong to an instance.
#[must_use]
pub fn quota_is_per_instance(code: &str) -> bool {
    QUOTA_NAMES.iter().find(|(_, known, _)| *known == code).is_none_or(|(_, _, per_instance)| *per_instance)
}

/// One or more phone numbers of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumber {
    /// ISO 3166-1 alpha-2 country code, for example `JP`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[A-Z]{2}$")))]
    pub country: String,
    /// The type of the number.
    #[serde(rename = "type")]
    pub kind: PhoneNumberType,
    /// The first digits in E.164 format, for example `+813` (Tokyo), `+8150`, `+81120`, `+81800`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^\+[0-9]{1,14}$")))]
    pub prefix: Option<String>,
    /// The number of phone numbers.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub quantity: u32,
    /// A description for each number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name of the flow that handles calls to the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_flow: Option<String>,
}

/// The types of phone numbers, with their names in Connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PhoneNumberType {
    /// Direct inward dialling: a local number (03, 050).
    #[default]
    Did,
    /// Toll-free (0120, 0800).
    TollFree,
    /// Universal international freephone number.
    Uifn,
}

/// The three documents for an order of Japanese phone numbers, as object keys in the stack's documents bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Documents {
    /// A government-issued identity document of the representative.
    pub identity: String,
    /// A proof of the company's address; a bill must not be older than six months. 03 numbers require an address in
    /// Tokyo.
    pub address: String,
    /// A proof of the relationship between the representative and the company.
    pub relationship: String,
}

/// How to order phone numbers that are not available in Connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Telephony {
    /// Who files the order: the workflow through the Support API, or an operator with a prepared text.
    #[serde(default)]
    pub order: NumberOrder,
    /// Whether to request outbound calls to Japanese mobile numbers (070, 080, 090), which new instances block.
    #[serde(default)]
    pub outbound_to_japanese_mobiles: bool,
}

/// Who files an order of phone numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum NumberOrder {
    /// The workflow, if the account's support plan includes the Support API; otherwise an operator.
    #[default]
    Automatic,
    /// An operator, with a prepared text.
    Manual,
}

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

/// What is assigned to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Assignment {
    /// The groups (requires Entra ID P1). Only direct members of an assigned group can sign in.
    #[default]
    Groups,
    /// Each member individually.
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

/// The groups whose members become Connect users, and the rules of the user sync.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// The user attribute that is the Connect username and also the role session name from Entra.
    #[serde(default)]
    pub username: UsernameAttribute,
    /// The groups in order of priority. A user in several groups gets the routing profile of the first group.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 300)))]
    pub groups: Vec<UserGroup>,
    /// Whether members of nested groups become users. Entra's assignment does not include nested groups, so `flatten`
    /// requires `entra.assignment: "users"`.
    #[serde(default)]
    pub nested_groups: NestedGroups,
    /// Whether guests become users. A guest can't sign in with the user principal name, so `true` requires `mail` or
    /// `objectId` as the username.
    #[serde(default)]
    pub guests: bool,
    /// What happens to the Connect user of a member who left all groups.
    #[serde(default)]
    pub removed: Removed,
    /// The removal limit: how many removals a run may make without approval.
    #[serde(default)]
    pub brake: Brake,
}

impl Users {
    /// Maximum number of groups in an input. The state of an execution contains each group several times.
    pub const MAX_GROUPS: usize = 300;

    /// The hierarchy group paths that the groups use.
    #[must_use]
    pub fn hierarchy_groups(&self) -> Vec<&str> {
        self.groups.iter().filter_map(|group| group.hierarchy_group.as_deref()).collect()
    }
}

/// The user attributes that can be the Connect username.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UsernameAttribute {
    /// The user principal name.
    #[default]
    UserPrincipalName,
    /// The email address.
    Mail,
    /// The object id. It never changes and works for guests, but users can't recognize it.
    ObjectId,
}

impl UsernameAttribute {
    /// The source attribute in a claims mapping policy (Microsoft: "Table 3", user sources).
    #[must_use]
    pub const fn claim_source(self) -> &'static str {
        match self {
            Self::UserPrincipalName => "userprincipalname",
            Self::Mail => "mail",
            Self::ObjectId => "objectid",
        }
    }
}

/// One group and the Connect settings of its members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct UserGroup {
    /// The group's object id or its exact display name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256)))]
    pub group: String,
    /// The names of one to ten security profiles. There is no default, because the profiles decide which permissions
    /// the members have.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10)))]
    pub security_profiles: Vec<String>,
    /// The name of the routing profile.
    #[serde(default = "basic_routing_profile")]
    pub routing_profile: String,
    /// The path of the agent hierarchy group from the top level, separated by ` / `, for example `Japan / Tokyo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchy_group: Option<String>,
    /// The phone settings of the members.
    #[serde(default)]
    pub phone: Phone,
}

/// The phone settings of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Phone {
    /// Whether calls are accepted automatically.
    #[serde(default)]
    pub auto_accept: bool,
    /// Seconds of after contact work; 0 means no limit.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = 2_000_000)))]
    pub after_contact_work_seconds: u32,
}

/// Whether members of nested groups become users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum NestedGroups {
    /// No. The nested group is reported.
    #[default]
    Report,
    /// Yes. These members are assigned to the application individually.
    Flatten,
}

/// What happens to the Connect user of a member who left all groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Keep the user, or delete the user after the grace period.
    #[serde(default)]
    pub action: RemovalAction,
    /// Days between leaving the groups and the deletion.
    #[serde(default = "seven")]
    #[cfg_attr(feature = "schema", schemars(range(max = 3650)))]
    pub grace_days: u32,
}

impl Default for Removed {
    fn default() -> Self {
        Self { action: RemovalAction::default(), grace_days: seven() }
    }
}

/// The action for the Connect user of a member who left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RemovalAction {
    /// The user is kept and reported. Without a group, the member can't sign in any more.
    #[default]
    Keep,
    /// The user is deleted after the grace period.
    Delete,
}

/// The removal limit: how many removals a run may make without approval. Above either limit, an operator must approve
/// the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Brake {
    /// Maximum number of removed users.
    #[serde(default = "ten")]
    pub max_removals: u32,
    /// Maximum percentage of the managed users.
    #[serde(default = "ten")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub max_removals_percent: u32,
}

impl Default for Brake {
    fn default() -> Self {
        Self { max_removals: ten(), max_removals_percent: ten() }
    }
}

/// What to do about settings that were changed manually in AWS or Entra ID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Whether manual changes are only reported, or also reverted as far as an onboarding can.
    #[serde(default)]
    pub mend: Mend,
}

/// Whether manual changes are reverted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Mend {
    /// Manual changes are only reported.
    #[default]
    Report,
    /// Manual changes are reported and reverted, as far as another run of the onboarding would revert them.
    Mend,
}

/// The language of notifications and reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

const fn yes() -> bool {
    true
}
const fn one() -> u32 {
    1
}
const fn seven() -> u32 {
    7
}
const fn ten() -> u32 {
    10
}
fn twelve_hours() -> String {
    "PT12H".into()
}
/// The routing profile that every new instance has.
pub(crate) fn basic_routing_profile() -> String {
    "Basic Routing Profile".into()
}
