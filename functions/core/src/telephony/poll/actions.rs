//! The actions of a poll, and the responses to them.

use std::collections::HashMap;

use crate::telephony::{
    case::{CaseText, Topic},
    contract::{CaseOrder, NumberResult, NumberStatus},
};

/// The next action of a poll. The step performs the action and adds the response to [`Responses`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// List the phone numbers of the instance.
    ListNumbers,
    /// Read a phone number. If the claim of the number has finished, set the description, flow and tags of the number.
    /// A number that the instance already had gets no tags.
    Configure(Box<NumberResult>),
    /// Read the instance's quota of phone numbers.
    ReadQuota,
    /// Search Connect's inventory for a desired number. The values are the index of the desired number and the maximum
    /// number of results.
    Search(usize, usize),
    /// Claim an available phone number with this client token.
    Claim(Box<NumberResult>, String),
    /// Find the case of an order: by its id if the id is known, otherwise by its marker.
    FindCase(Box<CaseOrder>),
    /// File a case.
    FileCase(Box<NewCase>),
}

/// A case to file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCase {
    /// The topic of the case.
    pub topic: Topic,
    /// The marker in the subject of the case.
    pub marker: String,
    /// The subject and text of the case.
    pub text: CaseText,
    /// Whether to attach the three documents.
    pub documents: bool,
}

/// The responses to the actions of one poll so far.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    /// The response to [`Action::ListNumbers`]: the phone numbers of the instance.
    pub held: Option<Vec<NumberResult>>,
    /// The responses to [`Action::Configure`], by phone number id: the status of the number, and the reason why the
    /// claim failed or the flow is not set. `None` if Connect has no such number.
    pub configured: HashMap<String, Option<(NumberStatus, Option<String>)>>,
    /// The response to [`Action::ReadQuota`]: the value in force.
    pub quota: Option<f64>,
    /// The responses to [`Action::Search`], by index of the desired number: available phone numbers in E.164 format.
    pub searches: HashMap<usize, Vec<String>>,
    /// The responses to [`Action::Claim`], by phone number.
    pub claims: HashMap<String, Claim>,
    /// The responses to [`Action::FindCase`], by marker.
    pub cases: HashMap<String, FoundCase>,
    /// The responses to [`Action::FileCase`], by marker.
    pub filed: HashMap<String, FiledCase>,
}

/// The response to the claim of a phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Connect has started to claim the number. The value is the id of the number.
    Started(String),
    /// Another customer has claimed the number.
    Taken,
    /// The account has claimed and released too many numbers. The value is Connect's message.
    Blocked(String),
    /// Connect refused to claim the number. The value is Connect's message.
    Refused(String),
}

/// The result of a search for a Support case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundCase {
    /// The case exists.
    Case(SupportCase),
    /// There is no case.
    None,
    /// The account can't use the Support API.
    Unavailable,
}

/// The result of filing a Support case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FiledCase {
    /// The case is filed.
    Case(SupportCase),
    /// The case can't be filed now. The value is the reason.
    Later(String),
    /// The documents can't be attached. The values are the reasons.
    UnusableDocuments(Vec<String>),
    /// The account can't use the Support API, or AWS Support has no suitable category.
    Unavailable,
}

/// A case that the step filed, or that an operator filed with the prepared text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SupportCase {
    /// The id of the case.
    pub id: String,
    /// The case number that Support Center shows.
    pub display_id: Option<String>,
    /// The status of the case, as AWS Support returns it.
    pub status: String,
    /// The newest message of a case that awaits a reply or is resolved; `None` if it can't be read.
    pub newest_message: Option<String>,
}

impl SupportCase {
    /// The number of the case in Support Center, or the case id.
    #[must_use]
    pub fn number(&self) -> &str {
        self.display_id.as_deref().unwrap_or(&self.id)
    }

    /// Whether AWS waits for a reply.
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        self.status == "pending-customer-action"
    }

    /// Whether AWS has resolved the case.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        self.status == "resolved"
    }
}
