//! The actions that a poll needs, and the responses to these actions.

use std::collections::HashMap;

use crate::telephony::{
    case::{CaseText, Topic},
    contract::{CaseOrder, NumberResult, NumberStatus},
};

/// The next action that a poll needs. The step performs the action and adds the response to [`Responses`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// List the phone numbers of the instance.
    ListNumbers,
    /// Describe a phone number. If the claim of the phone number has succeeded, set its description, flow and tags. A
    /// phone number that the instance already had gets no tags.
    Configure(Box<NumberResult>),
    /// Read the instance's quota of phone numbers.
    ReadQuota,
    /// Search Connect's inventory for available phone numbers. The values are the index of the entry in `phoneNumbers`
    /// and the maximum number of results.
    Search(usize, usize),
    /// Claim an available phone number with this client token.
    Claim(Box<NumberResult>, String),
    /// Find the Support case of an order: by the id of the case if the id is known, and otherwise by the marker of the
    /// case.
    FindCase(Box<CaseOrder>),
    /// File a Support case.
    FileCase(Box<NewCase>),
}

/// A Support case to file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCase {
    /// The topic of the Support case.
    pub topic: Topic,
    /// The marker in the subject of the Support case.
    pub marker: String,
    /// The subject and text of the Support case.
    pub text: CaseText,
    /// Whether to attach the three documents.
    pub documents: bool,
}

/// All responses that one poll has received so far.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    /// The response to [`Action::ListNumbers`]: the phone numbers of the instance.
    pub held: Option<Vec<NumberResult>>,
    /// The responses to [`Action::Configure`], by phone number id: the status of the phone number, and the reason if
    /// the claim failed or the flow could not be set. `None` if Connect has no such phone number.
    pub configured: HashMap<String, Option<(NumberStatus, Option<String>)>>,
    /// The response to [`Action::ReadQuota`]: the quota value in force.
    pub quota: Option<f64>,
    /// The responses to [`Action::Search`], by the index of the entry in `phoneNumbers`: available phone numbers in
    /// E.164 format.
    pub searches: HashMap<usize, Vec<String>>,
    /// The responses to [`Action::Claim`], by phone number.
    pub claims: HashMap<String, Claim>,
    /// The responses to [`Action::FindCase`], by the marker of the Support case.
    pub cases: HashMap<String, FoundCase>,
    /// The responses to [`Action::FileCase`], by the marker of the Support case.
    pub filed: HashMap<String, FiledCase>,
}

/// The response of Connect to the claim of a phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Connect has started to claim the phone number. The value is the id of the phone number.
    Started(String),
    /// Another customer has already claimed the phone number.
    Taken,
    /// Connect rejected the claim, because the account has reached the limit for claims and releases. The value is the
    /// error message from Connect.
    Blocked(String),
    /// Connect rejected the claim for another reason. The value is the error message from Connect.
    Refused(String),
}

/// The result of a search for a Support case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundCase {
    /// The Support case exists.
    Case(SupportCase),
    /// No Support case has this id or marker.
    None,
    /// The account can't use the Support API.
    Unavailable,
}

/// The result of filing a Support case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FiledCase {
    /// The Support case has been filed.
    Case(SupportCase),
    /// The Support case can't be filed now, but maybe later. The value is the reason.
    Later(String),
    /// The documents can't be attached to the Support case. The values are the reasons.
    UnusableDocuments(Vec<String>),
    /// The account can't use the Support API, or AWS Support has no suitable category.
    Unavailable,
}

/// A Support case that the step filed, or that an operator filed with the prepared text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SupportCase {
    /// The id of the Support case.
    pub id: String,
    /// The case number that Support Center shows.
    pub display_id: Option<String>,
    /// The status of the Support case, as AWS Support returns it.
    pub status: String,
    /// The newest message of a Support case that awaits a reply or is resolved. `None` if the messages can't be read.
    pub newest_message: Option<String>,
}

impl SupportCase {
    /// The case number in Support Center. If the case number is unknown, the case id.
    #[must_use]
    pub fn number(&self) -> &str {
        self.display_id.as_deref().unwrap_or(&self.id)
    }

    /// Whether AWS waits for a reply of the operator.
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        self.status == "pending-customer-action"
    }

    /// Whether AWS has resolved the Support case.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        self.status == "resolved"
    }
}
