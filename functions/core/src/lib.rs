//! The pure part of Connect Onboarding: the contracts between the states, the names of errors and objects, the documents
//! of SAML and IAM, and the planner of the user sync.
//!
//! Nothing here talks to a cloud, reads the environment or looks at the clock, so everything here is tested in seconds.

pub mod backoff;
pub mod contract;
pub mod entra;
pub mod error;
pub mod iam;
pub mod inspection;
pub mod messages;
pub mod names;
pub mod onboarding;
pub mod parse;
pub mod quota;
pub mod report;
pub mod rotation;
pub mod saml;
pub mod sync;
pub mod telephony;
pub mod text;

pub use error::{StepError, StepErrorKind};
