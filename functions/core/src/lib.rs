//! The part of Connect Onboarding that has no side effects: the inputs and outputs of the steps, the names of errors
//! and objects, SAML and IAM documents, and the planner of the user sync.
//!
//! No code in this crate calls a cloud service or reads the environment or the clock. The tests of this crate therefore
//! need no cloud and run in seconds.

pub mod adoption;
pub mod backoff;
pub mod contract;
pub mod digest;
pub mod entra;
pub mod error;
pub mod iam;
pub mod inspection;
pub mod log_messages;
pub mod messages;
pub mod names;
pub mod onboarding;
pub mod origin;
pub mod parse;
pub mod quota;
pub mod replication;
pub mod report;
pub mod rotation;
pub mod saml;
pub mod sources;
pub mod sync;
pub mod telephony;
pub mod text;

pub use error::{StepError, StepErrorKind};
