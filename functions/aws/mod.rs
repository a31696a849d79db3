//! AWS services other than the users of Amazon Connect: one module for each, and the classification of their errors.

pub mod error;
pub mod event_bus;
pub mod http;
pub mod iam;
pub mod instances;
pub mod phone_numbers;
pub mod quotas;
pub(crate) mod response_integrity;
pub mod s3;
