//! What goes into `order-numbers` and what comes out. Of the documents there are only the object keys of the start input;
//! neither their content nor anything read from it ever gets here.

use serde::{Deserialize, Serialize};

use super::case::{CaseText, Topic};
use crate::{
    contract::OpenItem,
    onboarding::{Documents, Language, PhoneNumber, Quota, Telephony},
};

/// Input of `order-numbers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderNumbersInput {
    /// The instance's alias.
    pub alias: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The execution: part of the client tokens, so that a repeated poll of this execution claims no second number.
    pub execution_id: String,
    /// The numbers that the instance shall have.
    #[serde(default)]
    pub phone_numbers: Vec<PhoneNumber>,
    /// Where the documents lie.
    #[serde(default)]
    pub documents: Option<Documents>,
    /// Who orders, and what else is asked for.
    #[serde(default)]
    pub telephony: Telephony,
    /// The quotas that are being asked for: whether a full instance will get room.
    #[serde(default)]
    pub quotas: Vec<Quota>,
    /// The language of the case and of notifications.
    #[serde(default)]
    pub language: Language,
    /// What the previous look found.
    #[serde(default)]
    pub previous: Option<OrderNumbersOutput>,
}

/// Output of `order-numbers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderNumbersOutput {
    /// The numbers that meet the wishes, and claims that failed.
    pub numbers: Vec<NumberResult>,
    /// The cases, and the prepared texts of those that a person files.
    #[serde(default)]
    pub orders: Vec<CaseOrder>,
    /// Whether something is still to come.
    pub pending: bool,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look.
    #[serde(default)]
    pub wait_seconds: u64,
    /// What a person should know or do.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// What a person is told now; each message once.
    #[serde(default)]
    pub notify: Option<Notification>,
    /// Numbers of Connect's inventory that the next poll may claim. A poll claims only numbers that the state before it
    /// names: a repeated poll then claims the same numbers with the same tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
    /// The day (YYYY-MM-DD) from which Connect accepts claims again at the latest, if it refused one because of its limit on
    /// claims and releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_blocked_until: Option<String>,
}

/// A number of Connect's inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// Which wish of the input it meets, counted from 0.
    pub wish: usize,
    /// The number in E.164 form.
    pub phone_number: String,
}

/// One phone number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberResult {
    /// The number in E.164 form.
    pub phone_number: String,
    /// Its id.
    pub phone_number_id: String,
    /// ISO 3166-1 alpha-2 country code.
    pub country: String,
    /// `DID`, `TOLL_FREE` or `UIFN`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands.
    #[serde(default)]
    pub status: NumberStatus,
    /// Which wish of the input it meets, counted from 0.
    #[serde(default)]
    pub wish: usize,
    /// Whether it was there at the first look.
    #[serde(default)]
    pub adopted: bool,
    /// Why the claim failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where a number stands, in Connect's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NumberStatus {
    /// Being claimed.
    #[default]
    InProgress,
    /// On the instance, with its description, tags and flow.
    Claimed,
    /// The claim failed.
    Failed,
}

/// A request to AWS Support: a case, or the text of one that a person files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseOrder {
    /// What it is about.
    pub topic: Topic,
    /// What stands in the case's subject, and by which a repeated step finds it.
    pub marker: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// The case's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// The case's number as Support Center shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_id: Option<String>,
    /// The case's status in AWS's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_status: Option<String>,
    /// What a person should know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The text for a person to file, where no API can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<CaseText>,
    /// How many looks there were at it.
    #[serde(default)]
    pub looks: u32,
    /// How many of them came after the case was resolved.
    #[serde(default)]
    pub final_looks: u32,
    /// Digest of the last message that a person was told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notified: String,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// AWS works on the case, or it could not be filed yet.
    #[default]
    Open,
    /// AWS waits for an answer.
    CustomerAction,
    /// A person has to file it.
    Manual,
    /// Everything that was ordered is there.
    Done,
    /// It can't be filed as it is, or AWS closed it without what was ordered.
    Refused,
    /// It is filed, and the account's support plan does not let the Support API read it any more.
    Unreadable,
}

impl CaseOrder {
    /// Whether it is worth looking again.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        match self.status {
            OrderStatus::Open | OrderStatus::CustomerAction => true,
            // Numbers show themselves when they are there; a country on an allow-list does not.
            OrderStatus::Manual | OrderStatus::Unreadable => matches!(self.topic, Topic::PhoneNumbers),
            OrderStatus::Done | OrderStatus::Refused => false,
        }
    }
}

/// What goes into the message [`TelephonyNews`](crate::messages::Message::TelephonyNews).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The text, in the language of the input.
    pub message: String,
}
