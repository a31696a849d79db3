//! Phone numbers: allocation of numbers to the input, orders to AWS Support, and requirements for documents.
//!
//! The numbers of most countries can be found and claimed by API. Japanese numbers (03, 050, 0120, 0800) require an AWS
//! Support case with three documents, and appear on the instance two to six weeks later (Amazon Connect administrator
//! guide, "Request numbers" and "Tokyo Region").

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
