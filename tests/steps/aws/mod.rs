//! Tests of the steps that call only AWS, with the real SDK clients over loopback. The stand-in emulates Connect and
//! Service Quotas, and a small fake emulates IAM and STS.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod clients;
mod cloud;
mod configure_instance;
mod create_instance;
mod delete_federation;
mod fake_iam;
mod first_call;
mod instance_quota;
mod order_numbers;
mod policy;
mod request_quotas;
mod role;
mod saml_provider;
mod sign_in;
mod telephony;
