//! The operator's command-line tool of Connect Onboarding.
//!
//! A module may use only modules that come after it in this list. A contract test checks this rule.
//!
//! * [`commands`] — one file or directory for each command.
//! * [`follow`] — the progress of an execution, and how it is drawn. This module calls neither AWS nor a local cloud,
//!   and does not read the clock.
//! * [`report`] — the report of an onboarding on the terminal and as an HTML page.
//! * [`cloud`] — access to AWS or to a running local cloud: the CloudFormation stack, its executions, and the registry
//!   (the table of the onboarded instances).
//! * [`ui`] — output on the terminal.
//! * [`args`] — the arguments, and the input files that the arguments name.
//! * [`words`] — all texts in English and Japanese.
//! * [`output`] — the objects that `--json` prints.
//! * [`exit`] — the exit codes. They have their own module because both [`commands`] and the errors of [`cloud`] use
//!   them.

pub mod args;
pub mod cloud;
pub mod commands;
pub mod exit;
pub mod follow;
pub mod output;
pub mod report;
pub mod ui;
pub mod words;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, error::ErrorKind};

use crate::{
    args::{Args, Command, groups::grouped, hints::Hints},
    cloud::error::CommandError,
    commands::{
        adopt, approve, check, deploy, doctor, entra_setup, evidence, export, init, list, live_check, local, logs,
        machines, man, open, print_error, replay, run, schema, sign_out, start, status, stop, sync, watch,
    },
    exit::Exit,
    output::{CompletionScript, Information},
    ui::{Console, Preferences},
    words::{Lang, Words},
};

/// The error kind that clap returns for `onboard` without a command. In this case the help is printed.
const NO_COMMAND: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

/// Parses the arguments of the process and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    // Help texts and argument errors are also translated, so the language must be known before the arguments are
    // parsed.
    let lang = Lang::of_arguments(std::env::args_os().skip(1))
        .unwrap_or_else(|| Lang::of_environment(|name| std::env::var(name).ok()));
    let words = Words(lang);
    let command =
        || grouped(if lang == Lang::Ja { words::translated(Args::command()) } else { Args::command() }, words);
    let program = Hints::program_of_this_process();
    let matches = command().try_get_matches();
    let hints = Hints::new(program, matches.as_ref().ok());
    let args = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return without_arguments(&error, words, hints).into(),
    };
    let preferences = Preferences {
        json: args.json,
        prints_text: args.command.prints_text(),
        quiet: args.quiet,
        verbose: args.verbose,
        yes: args.yes,
        no_input: args.no_input,
    };
    let console = Console::of_this_process(words, preferences, hints);
    let exit = execute(args.command, &console, command);
    let lost = exit == Exit::Done && console.has_lost_output();
    ExitCode::from(if lost { Exit::Failed } else { exit })
}

/// Prints the help, the version, or an error in the arguments.
fn without_arguments(error: &clap::Error, words: Words, hints: Hints) -> Exit {
    // The arguments could not be parsed, so this function looks for the option `--json` in the unparsed arguments.
    let json = std::env::args_os().skip(1).take_while(|argument| argument != "--").any(|argument| argument == "--json");
    let console = Console::of_this_process(words, Preferences { json, ..Preferences::default() }, hints);
    let fault = error.use_stderr() && error.kind() != NO_COMMAND;
    let text = if fault && words.0 == Lang::Ja { words::refused(error) } else { error.render().to_string() };
    match (json, fault) {
        (false, true) if words.0 == Lang::Ja => console.error(&text),
        (false, _) => match error.print() {
            // If standard output is a closed pipe, the program that reads from the pipe has ended, and no message is
            // needed.
            Err(reason) if reason.kind() != std::io::ErrorKind::BrokenPipe && !error.use_stderr() => {
                console.error(&words.output_lost(reason));
                return Exit::Failed;
            }
            _ => {}
        },
        (true, true) => {
            console.error(text.trim_end());
            let error = CommandError::arguments(text.trim_end(), words);
            console.result(&error.output(words, |text| console.complete(text)));
        }
        (true, false) => console.result(&Information { text }),
    }
    match error.use_stderr() {
        true => Exit::BadInput,
        false if console.has_lost_output() => Exit::Failed,
        false => Exit::Done,
    }
}

/// Runs the command.
fn execute(command: Command, console: &Console, definition: impl Fn() -> clap::Command) -> Exit {
    match command {
        Command::Local(local) => local::run(*local, console),
        Command::EntraSetup(args) => run(console, entra_setup::run(args, console)),
        Command::Check(check) => check::run(&check, console),
        Command::Schema(args) => schema::run(&args, console),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut definition(), "onboard", &mut script);
            let script = String::from_utf8_lossy(&script);
            if console.is_json() {
                console.result(&CompletionScript { shell: shell.to_string(), script: script.into_owned() });
            } else {
                console.raw(script.trim_end());
            }
            Exit::Done
        }
        Command::Man(args) => {
            man::run(&args, definition(), console).unwrap_or_else(|error| print_error(console, &error))
        }
        Command::Start(args) => run(console, start::run(args, console)),
        Command::Watch(args) => run(console, watch::run(args, console)),
        Command::Status(args) => run(console, status::run(args, console)),
        Command::Stop(args) => run(console, stop::run(args, console)),
        Command::Logs(args) => run(console, logs::run(args, console)),
        Command::Open(args) => run(console, open::run(args, console)),
        Command::SignOut(args) => run(console, sign_out::run(args, console)),
        Command::List(args) => run(console, list::run(args, console)),
        Command::Evidence(args) => run(console, evidence::run(args, console)),
        Command::Adopt(args) => run(console, adopt::run(args, console)),
        Command::Export(args) => run(console, export::run(args, console)),
        Command::Report(args) => run(console, commands::report::run(args, console)),
        Command::Sync(args) => run(console, sync::run(args, console)),
        Command::Init(args) => run(console, init::run(*args, console)),
        Command::Doctor(args) => run(console, doctor::run(args, console)),
        Command::Deploy(args) => run(console, deploy::run(args, console)),
        Command::Plan(args) => run(console, machines::plan(args, console)),
        Command::Approve(args) => run(console, approve::approve(args, console)),
        Command::Reject(args) => run(console, approve::reject(args, console)),
        Command::Replay(args) => run(console, replay::run(args, console)),
        Command::RotateCertificate(args) => run(console, machines::rotate(args, console)),
        Command::Drift(args) => run(console, machines::drift(args, console)),
        Command::LiveCheck(args) => run(console, live_check::run(args, console)),
        Command::Teardown(args) => run(console, machines::teardown(args, console)),
    }
}
