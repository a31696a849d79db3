//! Phone numbers: the decisions of a poll ([`poll()`]), the allocation of phone numbers to the entries of
//! `phoneNumbers`, the texts of orders to AWS Support, and the requirements for documents.
//!
//! In most countries, phone numbers can be found and claimed by API. Japanese phone numbers (03, 050, 0120, 0800)
//! require a Support case with three documents. Ordered Japanese phone numbers appear in the instance two to six weeks
//! later (Amazon Connect administrator guide, "Request numbers" and "Tokyo Region").

mod case;
mod catalog;
mod contract;
mod documents;
mod first_call;
mod numbers;
mod open_items;
mod poll;
mod starter_flow;

pub use case::{CaseText, Topic, marker, number_name};
pub use catalog::{Service, choose};
pub use contract::{
    CaseOrder, Notification, NumberResult, NumberStatus, Offer, OrderNumbersInput, OrderNumbersOutput, OrderStatus,
};
pub use documents::{MAX_DOCUMENT_BYTES, check, keys};
pub use first_call::{
    CreateStarterFlowInput, CreateStarterFlowOutput, FirstCall, FirstCallStatus, TestFirstCallInput,
    TestFirstCallOutput, TestState, is_proof,
};
pub use numbers::{allocate, needs_documents, type_name};
pub use open_items::{older_plans_end, open_item};
pub use poll::{Action, Claim, FiledCase, FoundCase, NewCase, Responses, SupportCase, poll};
pub use starter_flow::{TEST_VERSIONS, flow_content, is_same_content, test_content};
