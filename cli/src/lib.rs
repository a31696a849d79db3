//! The operator's command-line tool of Connect Onboarding.
//!
//! A module may use only modules that follow it in this list. A contract test checks this.
//!
//! * [`commands`] — one file or directory for each command.
//! * [`follow`] — the progress of an execution, and how it is drawn. Calls no cloud and reads no clock.
//! * [`report`] — the report of an onboarding on the terminal and as an HTML page.
//! * [`cloud`] — AWS or a running local cloud: the stack, executions, the registry.
//! * [`ui`] — the terminal.
//! * [`args`] — the command line and the files that it names.
//! * [`words`] — all texts in English and Japanese.
//! * [`exit`] — the exit codes. They have their own module because both [`commands`] and the errors of [`cloud`] use
//!   them.

pub mod args;
pub mod cloud;
pub mod commands;
pub mod exit;
pub mod follow;
pub mod report;
pub mod ui;
pub mod words;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, error::ErrorKind};

use crate::{
    args::{Args, Command},
    commands::{
        approve, check, doctor, entra_setup, init, list, live_check, local, logs, machines, open, replay, run, schema,
        sign_out, start, status, stop, sync, watch,
    },
    exit::Exit,
    ui::Console,
    words::{Lang, Words},
};

/// `onboard` without a command prints the help.
const NO_COMMAND: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

/// Parses the arguments of the process and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    // Help and argument errors are translated too, so the language is determined before the arguments are parsed.
    let lang = Lang::of_arguments(std::env::args_os().skip(1))
        .unwrap_or_else(|| Lang::of_environment(|name| std::env::var(name).ok()));
    let command = || if lang == Lang::Ja { words::translated(Args::command()) } else { Args::command() };
    let args = command().try_get_matches().and_then(|matches| Args::from_arg_matches(&matches));
    let args = match args {
        Ok(args) => args,
        Err(error) if lang == Lang::Ja && error.use_stderr() && error.kind() != NO_COMMAND => {
            eprintln!("{}", words::refused(&error));
            return Exit::BadInput.into();
        }
        Err(error) => error.exit(),
    };
    let console = Console::of_this_process(Words(lang), args.json);
    let exit = match args.command {
        Command::Local(local) => local::run(*local, &console),
        Command::EntraSetup(args) => entra_setup::run(&args, &console),
        Command::Check(check) => check::run(&check, &console),
        Command::Schema => schema::run(&console),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut command(), "onboard", &mut std::io::stdout());
            Exit::Done
        }
        Command::Start(args) => run(&console, start::run(args, &console)),
        Command::Watch(args) => run(&console, watch::run(args, &console)),
        Command::Status(args) => run(&console, status::run(args, &console)),
        Command::Stop(args) => run(&console, stop::run(args, &console)),
        Command::Logs(args) => run(&console, logs::run(args, &console)),
        Command::Open(args) => run(&console, open::run(args, &console)),
        Command::List(args) => run(&console, list::run(args, &console)),
        Command::Report(args) => run(&console, commands::report::run(args, &console)),
        Command::Sync(args) => run(&console, sync::run(args, &console)),
        Command::SignOut(args) => run(&console, sign_out::run(args, &console)),
        Command::Init(args) => run(&console, async { init::run(*args, &console) }),
        Command::Doctor(args) => run(&console, doctor::run(args, &console)),
        Command::Plan(args) => run(&console, machines::plan(args, &console)),
        Command::Approve(args) => run(&console, approve::approve(args, &console)),
        Command::Reject(args) => run(&console, approve::reject(args, &console)),
        Command::Replay(args) => run(&console, replay::run(args, &console)),
        Command::RotateCertificate(args) => run(&console, machines::rotate(args, &console)),
        Command::Drift(args) => run(&console, machines::drift(args, &console)),
        Command::LiveCheck(args) => run(&console, live_check::run(args, &console)),
        Command::Teardown(args) => run(&console, machines::teardown(args, &console)),
    };
    exit.into()
}
