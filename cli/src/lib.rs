//! The operator's tool of Connect Onboarding.
//!
//! One module for each command; [`args`] is the map of them. What the commands share: [`exit`] (exit codes), [`input`]
//! (reading files that people wrote), [`console`] (what people see).

pub mod args;
pub mod check;
pub mod console;
pub mod exit;
pub mod input;
pub mod local;
pub mod page;
pub mod schema;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Args, Command},
    console::Console,
};

/// Runs the command that the process's arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let console = Console::of_this_process();
    let exit = match Args::parse().command {
        Command::Local(local) => local::run(*local, &console),
        Command::Check(check) => check::run(&check, &console),
        Command::Schema => schema::run(&console),
    };
    exit.into()
}
