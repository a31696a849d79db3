//! The commands for a deployed stack, run against a local cloud: their output, their effects and their exit codes.

mod adopt;
mod evidence;
mod follow;
mod hints;
pub(crate) mod interrupt;
mod japanese;
mod manage;
mod offline;
mod operate;
pub(crate) mod output;
mod sign_out;
mod users;

use std::process::Output;

use crate::common::{err, out};
use serde_json::Value;

/// Exit code, standard output and standard error, for the messages of failed tests.
fn printed(output: &Output) -> String {
    format!("exit code {:?}\n{}\n{}", output.status.code(), out(output), err(output))
}

/// Standard output, which must be one JSON document.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", printed(output)))
}
