//! `onboarding.json`: the start input of the workflow.
//!
//! Serde reads these types leniently, because an execution may wait for weeks across deployments, and a step then reads
//! the state of an older release. Only [`Onboarding::parse`] is strict: it reports all faults of the start input
//! together.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// One onboarding: one Amazon Connect instance, signed in to through one Entra application, used by some Entra groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Onboarding {
    /// Where editors find the JSON Schema of this file.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Amazon Connect instance.
    pub instance: Instance,
    /// Service quotas to hold at least: by name (`"concurrentActiveCalls": 20`), by code (`"L-12AB7C57": 20`), with
    /// `{ "value": 20, "required": true }` instead of a number, or as a list of `{ "code", "value", "required" }`.
    #[serde(default)]
    pub quotas: Quotas,
    /// Phone numbers that the instance shall have.
    #[serde(default)]
    pub phone_numbers: Vec<PhoneNumber>,
    /// The documents that a Japanese number order needs, as object keys in the stack's documents bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<Documents>,
    /// How numbers that need an order are ordered, and what else telephony asks AWS for.
    #[serde(default)]
    pub telephony: Telephony,
    /// The enterprise application in Microsoft Entra ID.
    #[serde(default)]
    pub entra: Entra,
    /// The IAM objects of the federation.
    #[serde(default)]
    pub iam: Iam,
    /// Who becomes a Connect user.
    pub users: Users,
    /// What happens about changes that somebody makes by hand.
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
    /// The access URL's first label: 1 to 45 letters, digits and inner hyphens, not beginning with `d-`; unique among all
    /// Amazon Connect customers and never changeable. An instance of this alias in the account and Region is adopted.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 45), regex(pattern = r"^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?$"))
    )]
    pub alias: String,
    /// Whether calls can come in.
    #[serde(default = "yes")]
    pub inbound_calls: bool,
    /// Whether calls can go out.
    #[serde(default = "yes")]
    pub outbound_calls: bool,
    /// Whether flow logs are written to CloudWatch Logs.
    #[serde(default = "yes")]
    pub flow_logs: bool,
    /// Whether Contact Lens conversational analytics is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_lens: Option<bool>,
    /// Whether early media (carrier sounds before an outbound call is answered) is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_media: Option<bool>,
    /// What the instance stores in the stack's bucket.
    #[serde(default)]
    pub storage: Storage,
}

/// What the instance stores, each under a prefix of its own.
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
            "description": "Whether the onboarding fails when the quota is refused; otherwise it goes on and reports.",
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

/// Phone numbers of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumber {
    /// ISO 3166-1 alpha-2 country code, for example `JP`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[A-Z]{2}$")))]
    pub country: String,
    /// What kind of number.
    #[serde(rename = "type")]
    pub kind: PhoneNumberType,
    /// The first digits in E.164 form, for example `+813` (Tokyo), `+8150`, `+81120`, `+81800`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^\+[0-9]{1,14}$")))]
    pub prefix: Option<String>,
    /// How many.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub quantity: u32,
    /// A description for each of the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name of the flow that answers the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_flow: Option<String>,
}

/// The kinds of numbers that the input can ask for, in Connect's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PhoneNumberType {
    /// Direct inward dialling: a local number (03, 050).
    #[default]
    Did,
    /// Free to the caller (0120, 0800).
    TollFree,
    /// Universal international freephone number.
    Uifn,
}

/// The three documents of a Japanese number order, as object keys in the stack's documents bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Documents {
    /// A government-issued identity document of the representative.
    pub identity: String,
    /// A proof of the company's address, not older than six months for a bill; for 03 numbers an address in Tokyo.
    pub address: String,
    /// A proof of the representative's relation to the company.
    pub relationship: String,
}

/// How numbers are ordered where Connect's own inventory has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Telephony {
    /// Who files the order: the workflow through the Support API, or a person with the text that the workflow prepares.
    #[serde(default)]
    pub order: NumberOrder,
    /// Whether to ask AWS to allow outbound calls to Japanese mobile numbers (070, 080, 090), which new instances refuse.
    #[serde(default)]
    pub outbound_to_japanese_mobiles: bool,
}

/// Who files a number order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum NumberOrder {
    /// The Support API where the account's plan has it, else a person.
    #[default]
    Automatic,
    /// A person, with the prepared text.
    Manual,
}

/// The enterprise application in Entra ID.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Entra {
    /// The application's display name; default `Amazon Connect <alias>`. One application of this name made from the
    /// gallery's "AWS Single-Account Access" is adopted.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 120)))]
    pub application_name: String,
    /// Whether the groups are assigned to the application, or each of their members (Entra ID without P1 licence).
    #[serde(default)]
    pub assignment: Assignment,
    /// Who gets Entra's mails before the signing certificate expires; at most five addresses.
    #[serde(default)]
    pub notification_emails: Vec<String>,
}

/// What is assigned to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Assignment {
    /// The groups (needs Entra ID P1); Entra lets their direct members in.
    #[default]
    Groups,
    /// Each member, one by one.
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
    /// The role's name; default `AmazonConnect-<alias>`. Never change it after people have signed in: Connect ties each
    /// user to the role of the first sign-in.
    #[serde(default)]
    pub role_name: String,
    /// How long the role's session lasts: an ISO 8601 duration from `PT1H` to `PT12H`.
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

/// Who becomes a Connect user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// The attribute that is both the Connect username and the role session name that Entra emits.
    #[serde(default)]
    pub username: UsernameAttribute,
    /// The groups, most important first: where a user is in several, the first one's routing profile counts.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 300)))]
    pub groups: Vec<UserGroup>,
    /// Whether members of groups within the groups count. Entra's assignment does not cascade, so `flatten` goes only
    /// with `entra.assignment: "users"`.
    #[serde(default)]
    pub nested_groups: NestedGroups,
    /// Whether guests become users. Their user principal name can't sign in, so it goes with `mail` or `objectId`.
    #[serde(default)]
    pub guests: bool,
    /// What happens to the Connect user of somebody who left all groups.
    #[serde(default)]
    pub removed: Removed,
    /// How many removals one run may do without a person's approval.
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

/// Attributes that can be a Connect username.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UsernameAttribute {
    /// The user principal name.
    #[default]
    UserPrincipalName,
    /// The mail address.
    Mail,
    /// The object id: survives renames, works for guests, tells people nothing.
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

/// One group and what its members get in Connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct UserGroup {
    /// The group's object id or its exact display name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256)))]
    pub group: String,
    /// Security profiles by name, one to ten. A required choice: everyone an `Admin` is no default.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10)))]
    pub security_profiles: Vec<String>,
    /// The routing profile by name.
    #[serde(default = "basic_routing_profile")]
    pub routing_profile: String,
    /// The agent hierarchy group by its path from the top, levels parted by ` / `, for example `Japan / Tokyo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchy_group: Option<String>,
    /// How the members' phones behave.
    #[serde(default)]
    pub phone: Phone,
}

/// How an agent's phone behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Phone {
    /// Whether calls are accepted by themselves.
    #[serde(default)]
    pub auto_accept: bool,
    /// Seconds of after contact work; 0 for no limit.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = 2_000_000)))]
    pub after_contact_work_seconds: u32,
}

/// Whether members of nested groups count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum NestedGroups {
    /// They don't; the nested group is reported.
    #[default]
    Report,
    /// They do, and are assigned to the application one by one.
    Flatten,
}

/// What happens to the Connect user of somebody who left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Keep the user, or delete it after the grace period.
    #[serde(default)]
    pub action: RemovalAction,
    /// Days between leaving and deletion.
    #[serde(default = "seven")]
    #[cfg_attr(feature = "schema", schemars(range(max = 3650)))]
    pub grace_days: u32,
}

impl Default for Removed {
    fn default() -> Self {
        Self { action: RemovalAction::default(), grace_days: seven() }
    }
}

/// What removal means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RemovalAction {
    /// The user stays as it is and is reported. Without the group the person can't sign in any more.
    #[default]
    Keep,
    /// The user is deleted after the grace period.
    Delete,
}

/// How many removals one run may do by itself. Above either limit a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Brake {
    /// At most so many users.
    #[serde(default = "ten")]
    pub max_removals: u32,
    /// At most this share of the managed users, in percent.
    #[serde(default = "ten")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub max_removals_percent: u32,
}

impl Default for Brake {
    fn default() -> Self {
        Self { max_removals: ten(), max_removals_percent: ten() }
    }
}

/// What happens about changes that somebody makes by hand in either cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Whether they are only reported, or also set back where an onboarding would.
    #[serde(default)]
    pub mend: Mend,
}

/// Whether drift is set back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Mend {
    /// It is reported.
    #[default]
    Report,
    /// It is reported and set back, as far as starting the onboarding again would.
    Mend,
}

/// The language of what people read.
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
