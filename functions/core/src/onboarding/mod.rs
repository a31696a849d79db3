//! `onboarding.json`: the execution input of an onboarding.
//!
//! An execution may wait for weeks, and a step of a new release then reads data that an older release stored. When
//! serde deserializes such data, it therefore ignores unknown fields and adds default values. Only
//! [`Onboarding::parse`] is strict, and reports all errors in the execution input together.

mod channels;
mod federation;
mod quotas;
mod sign_in;
mod telephony;
mod users;

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

pub use self::{
    channels::{Channel, ChannelSettings, Channels, VoiceEnhancement, VoiceSettings},
    federation::{Assignment, Entra, Iam},
    quotas::{
        INSTANCES_QUOTA, PHONE_NUMBERS_QUOTA, QUOTA_NAMES, Quota, Quotas, USERS_QUOTA, quota_is_per_instance,
        quota_name,
    },
    sign_in::{Destination, Page, SignIn},
    telephony::{Documents, NumberOrder, PhoneNumber, PhoneNumberType, Telephony},
    users::{
        NestedGroups, Phone, Proficiency, QuickConnects, RemovalAction, RemovalLimit, Removed, UserGroup,
        UsernameAttribute, Users,
    },
};

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
    /// What users see after they have signed in.
    #[serde(default)]
    pub sign_in: SignIn,
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
    /// The websites that may embed the Contact Control Panel or the agent workspace: `https://`, the host name, and the
    /// port if it is not 443. Origins that another administrator added are kept. If this field is absent, these origins
    /// are not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(max = 100),
            inner(length(max = 267), regex(pattern = r"^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?$"))
        )
    )]
    pub approved_origins: Option<Vec<String>>,
    /// The data that the instance stores in the stack's bucket.
    #[serde(default)]
    pub storage: Storage,
}

impl Instance {
    /// The maximum number of approved origins in an input. Amazon Connect documents no quota for approved origins.
    pub const MAX_ORIGINS: usize = 100;

    /// The approved origins in the input.
    #[must_use]
    pub fn approved_origins(&self) -> &[String] {
        self.approved_origins.as_deref().unwrap_or_default()
    }
}

/// The data that the instance stores. Each kind has its own prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Whether call recordings are stored.
    #[serde(default = "yes")]
    pub call_recordings: bool,
    /// Whether chat transcripts are stored.
    #[serde(default = "yes")]
    pub chat_transcripts: bool,
    /// Whether exported and scheduled reports are stored.
    #[serde(default = "yes")]
    pub scheduled_reports: bool,
}

impl Default for Storage {
    fn default() -> Self {
        Self { call_recordings: true, chat_transcripts: true, scheduled_reports: true }
    }
}

/// What to do about settings that were changed manually in AWS or Entra ID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Whether manual changes are only reported, or also reverted as far as an onboarding can.
    #[serde(default, rename = "mend")]
    pub response: DriftResponse,
}

/// Whether manual changes are reverted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DriftResponse {
    /// Manual changes are only reported.
    #[default]
    Report,
    /// Manual changes are reported and reverted, as far as another run of the onboarding would revert them.
    #[serde(rename = "mend")]
    Revert,
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
