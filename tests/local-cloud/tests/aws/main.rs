//! The AWS half of the local cloud, called over the wire.
#![expect(clippy::unwrap_used, reason = "a missing part of an answer is a failed test")]

mod common;
mod connect;
mod front;
mod quotas;
mod support;
