//! Input and output of the step `order-numbers`. Both contain the S3 object keys of the documents, but never the
//! content of a document.

use serde::{Deserialize, Serialize};

use super::case::{CaseText, Topic};
use crate::{
    contract::OpenItem,
    onboarding::{Documents, Language, NumberOrder, PhoneNumber, Quota, Telephony},
};

/// Input of `order-numbers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderNumbersInput {
    /// The instance's alias.
    pub alias: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The id of this execution. This id is part of the client tokens, so a repeated poll of this execution does not
    /// claim additional phone numbers.
    pub execution_id: String,
    /// The desired phone numbers, from the input section `phoneNumbers`.
    #[serde(default)]
    pub phone_numbers: Vec<PhoneNumber>,
    /// The S3 object keys of the documents.
    #[serde(default)]
    pub documents: Option<Documents>,
    /// How phone numbers are ordered, and other telephony requests.
    #[serde(default)]
    pub telephony: Telephony,
    /// The required quota values, from the input section `quotas`. If the instance has reached its quota of phone
    /// numbers, these values show whether the onboarding also requests a sufficient increase of this quota.
    #[serde(default)]
    pub quotas: Vec<Quota>,
    /// The id of the starter flow, which is set for phone numbers without another flow.
    #[serde(default)]
    pub starter_flow: Option<String>,
    /// The language of Support cases and notifications.
    #[serde(default)]
    pub language: Language,
    /// The output of the previous poll.
    #[serde(default)]
    pub previous: Option<OrderNumbersOutput>,
}

impl OrderNumbersInput {
    /// Whether an operator must file the Support case of this order.
    #[must_use]
    pub fn is_manual(&self, order: &CaseOrder) -> bool {
        order.status == OrderStatus::Manual || self.telephony.order == NumberOrder::Manual
    }
}

/// Output of `order-numbers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderNumbersOutput {
    /// The phone numbers that match the input, and the phone numbers that could not be claimed.
    pub numbers: Vec<NumberResult>,
    /// The Support cases that the step filed, and the texts of Support cases that an operator must file.
    #[serde(default)]
    pub orders: Vec<CaseOrder>,
    /// Whether another poll is needed.
    pub pending: bool,
    /// The number of polls so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next poll.
    #[serde(default)]
    pub wait_seconds: u64,
    /// Open items for the operator.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// The notification to send now. Each notification is sent once.
    #[serde(default)]
    pub notify: Option<Notification>,
    /// Available phone numbers that the next poll may claim. A poll claims only phone numbers that the previous poll
    /// stored here. A repeated poll therefore claims the same phone numbers with the same client tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
    /// The day (YYYY-MM-DD) on which Connect accepts claims of phone numbers again at the latest, unless the account
    /// releases further phone numbers before that day. Set if Connect rejected a claim because the account has reached
    /// the limit for claims and releases of phone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_blocked_until: Option<String>,
}

/// A phone number that was available when the inventory of Connect was searched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// Index of the entry in `phoneNumbers` for which this phone number can be claimed, starting from 0.
    #[serde(rename = "wish")]
    pub desired_number: usize,
    /// The phone number in E.164 format.
    pub phone_number: String,
}

/// A phone number of the instance, or a number that is being claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NumberResult {
    /// The number in E.164 format.
    pub phone_number: String,
    /// The id of the phone number.
    pub phone_number_id: String,
    /// ISO 3166-1 alpha-2 country code.
    pub country: String,
    /// The type of the phone number: `DID`, `TOLL_FREE` or `UIFN`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The state of the number.
    #[serde(default)]
    pub status: NumberStatus,
    /// Index of the entry in `phoneNumbers` that this phone number matches, starting from 0.
    #[serde(default, rename = "wish")]
    pub desired_number: usize,
    /// Whether the instance already held the number at the first poll.
    #[serde(default)]
    pub adopted: bool,
    /// The reason why the claim failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The state of a phone number, with the names that Connect uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NumberStatus {
    /// The claim of the number is in progress.
    #[default]
    InProgress,
    /// The instance has the number, and the description, tags and flow of the number are set.
    Claimed,
    /// The claim of the number failed.
    Failed,
}

/// A request to AWS Support: a case, or the text of a case that an operator must file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaseOrder {
    /// The topic of the request.
    pub topic: Topic,
    /// The marker in the case's subject, by which a repeated step finds the case.
    pub marker: String,
    /// The state of the request.
    pub status: OrderStatus,
    /// The case id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// The case number that Support Center shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_id: Option<String>,
    /// The status of the case, as AWS returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_status: Option<String>,
    /// Information for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The text to file, if the Support API is not available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<CaseText>,
    /// The number of polls of this case.
    #[serde(default, rename = "looks")]
    pub polls: u32,
    /// The number of polls since the case was resolved.
    #[serde(default, rename = "finalLooks")]
    pub final_polls: u32,
    /// Digest of the last notification about this request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notified: String,
}

/// The state of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// AWS is processing the case, or the case could not be filed yet.
    #[default]
    Open,
    /// AWS waits for a reply.
    CustomerAction,
    /// An operator must file the case.
    Manual,
    /// AWS has fulfilled the request.
    Done,
    /// The request can't be filed as it is, or AWS closed the case and did not fulfil the request.
    Refused,
    /// The case is filed, but can't be read, for example because the account can no longer use the Support API.
    Unreadable,
}

impl CaseOrder {
    /// Whether another poll can find a new state of this request.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        match self.status {
            OrderStatus::Open | OrderStatus::CustomerAction => true,
            // Even if the Support case can't be read, a poll can still find new phone numbers in the instance. For a
            // request to allow calls to Japanese mobile numbers, polls are not useful, because no API shows whether AWS
            // has allowed these calls.
            OrderStatus::Manual | OrderStatus::Unreadable => matches!(self.topic, Topic::PhoneNumbers),
            OrderStatus::Done | OrderStatus::Refused => false,
        }
    }

    /// The case number in Support Center. If the case number is unknown, the case id.
    #[must_use]
    pub fn case_number(&self) -> Option<&str> {
        self.display_id.as_deref().or(self.case_id.as_deref())
    }

    /// The subject and text of a Support case that an operator must file.
    pub(crate) fn text_to_paste(&self) -> String {
        self.text.as_ref().map(CaseText::to_paste).unwrap_or_default()
    }
}

/// The content of the message [`TelephonyNews`](crate::messages::Message::TelephonyNews).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The text of the notification, in the language of the input.
    pub message: String,
}
