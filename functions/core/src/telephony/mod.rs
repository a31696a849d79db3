//! Phone numbers: which of the wishes an instance already meets, what is ordered from AWS Support in which words, and
//! what a document must be before it is sent.
//!
//! Two ways lead to a number. Most countries' numbers are searched and claimed by API. Japanese ones (03, 050, 0120, 0800)
//! need a case with three documents; they then appear on the instance by themselves, two to six weeks later (Amazon
//! Connect administrator guide, "Request numbers" and "Tokyo Region").

mod case;
mod catalogue;
mod contract;
mod documents;
mod numbers;
mod words;

pub use case::{CaseText, Line, Topic, lines, marker, number_name};
pub use catalogue::{Service, choose};
pub use contract::{
    CaseOrder, Notification, NumberResult, NumberStatus, Offer, OrderNumbersInput, OrderNumbersOutput, OrderStatus,
};
pub use documents::{DocumentKind, MAX_DOCUMENT_BYTES, check, keys};
pub use numbers::{HeldNumber, allocate, claim_token, needs_documents, type_name};
pub use words::{notification, older_plans_end, open_item};
