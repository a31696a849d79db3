//! The commands that work on a deployed stack, from outside, against a local cloud that is kept: what they print, what they
//! change, how they end.

mod follow;
mod japanese;
mod offline;
mod operate;
mod users;

use std::process::Output;

use crate::common::{err, out};
use serde_json::Value;

/// Exit code and both outputs, for messages of failed tests.
fn told(output: &Output) -> String {
    format!("exit code {:?}\n{}\n{}", output.status.code(), out(output), err(output))
}

/// Standard output as the one JSON document that it has to be.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(output)))
}
