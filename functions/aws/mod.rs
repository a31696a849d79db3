//! The clients of the AWS services, with one module for each service, and the classification of AWS errors. The API
//! calls for Amazon Connect users are in the separate module `connect`.

pub mod approved_origins;
pub mod error;
pub mod event_bus;
pub mod http;
pub mod iam;
pub mod instances;
pub mod phone_numbers;
pub mod quotas;
pub(crate) mod response_integrity;
pub mod retries;
pub mod s3;
pub mod sessions;
mod signed;
