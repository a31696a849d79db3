//! Tests of the AWS services of the local cloud over HTTP.
#![expect(clippy::unwrap_used, reason = "a missing part of a response fails the test")]

mod common;
mod connect;
mod first_call;
mod front;
mod quotas;
mod saml;
mod support;
