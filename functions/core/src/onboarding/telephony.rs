//! The input sections `phoneNumbers`, `documents` and `telephony`.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

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
    /// Whether phone numbers without a flow get a starter flow, which answers calls with a greeting. A test call checks
    /// the flow. The flow of a number that has one is never changed.
    #[serde(default)]
    pub starter_flow: bool,
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

const fn one() -> u32 {
    1
}
