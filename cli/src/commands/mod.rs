//! The commands, one file or directory each. Shared functions are in this module, in [`follower`] and in
//! [`page`].

pub mod approve;
pub mod check;
pub mod doctor;
pub mod entra_setup;
pub mod follower;
pub mod init;
pub mod list;
pub mod live_check;
pub mod local;
pub mod logs;
pub mod machines;
pub mod open;
pub mod page;
pub mod replay;
pub mod report;
pub mod schema;
pub mod sign_out;
pub mod start;
pub mod status;
pub mod stop;
pub mod sync;
pub mod watch;

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

use self::follower::{Ending, FollowOptions, Follower, follow_to_end};
use crate::{
    args::input::BadInput,
    cloud::{Cloud, error::CommandError, executions::Described},
    exit::Exit,
    follow::progress,
    ui::{Console, Tone},
    words::Words,
};

/// Runs a command on a new async runtime and, if the command fails, reports the error.
pub fn run(console: &Console, work: impl Future<Output = Result<Exit, CommandError>>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.error(&error.to_string());
            return Exit::Failed;
        }
    };
    match runtime.block_on(work) {
        Ok(exit) => exit,
        Err(error) => print_error(console, &error),
    }
}

/// Reports an error as text and, with `--json`, as JSON.
pub fn print_error(console: &Console, error: &CommandError) -> Exit {
    console.result(&error.json());
    console.error(&console.paint(Tone::Bad, &error.what));
    if !error.action.is_empty() {
        console.error(&console.words().what_to_do(&error.action));
    }
    error.exit
}

impl CommandError {
    /// The error for an invalid file.
    #[must_use]
    pub fn file(bad: &BadInput, words: Words) -> Self {
        Self::input(bad.message(words), words.correct_the_file())
    }

    /// The error for an execution that did not succeed.
    #[must_use]
    pub fn ended(described: &Described, state: Option<&str>, words: Words) -> Self {
        let execution = &described.execution;
        let error = described.error.clone().unwrap_or_else(|| execution.status.as_str().to_owned());
        let cause = described.cause.as_deref().map(progress::message).unwrap_or_default();
        let what = match state {
            Some(state) => words.failed_in(execution.machine.name(), &execution.name, state, &error, cause.trim()),
            None => words.failed(execution.machine.name(), &execution.name, &error, cause.trim()),
        };
        Self { exit: Exit::Failed, action: words.advice(&error).to_owned(), name: error, what }
    }
}

/// Follows an execution until it ends or the operator presses Ctrl-C. The execution continues after Ctrl-C.
///
/// # Errors
/// Fails if Step Functions rejects a request.
pub async fn follow(
    follower: &mut Follower<'_>,
    options: FollowOptions,
    console: &Console,
) -> Result<Ending, CommandError> {
    let arn = follower.executions.root.described.execution.arn.clone();
    let name = follower.executions.root.described.execution.name.clone();
    let stack_options = follower.cloud.options.clone();
    let result = tokio::select! {
        result = follow_to_end(follower, options, console) => result?,
        () = interrupted() => Ending::Interrupted,
    };
    if result == Ending::Interrupted {
        console.status(None);
        console.line(&console.words().continues(&name));
        console.line(&format!("  onboard watch {name}{stack_options}"));
        if options.events {
            console.event(&serde_json::json!({ "event": "interrupted", "execution": arn }));
        }
    }
    Ok(result)
}

/// Completes when the process receives SIGINT, SIGTERM or SIGHUP.
pub async fn interrupted() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (signal(kinds[0]), signal(kinds[1]), signal(kinds[2]))
    else {
        // If no handlers can be installed, a signal terminates the process, so nothing needs to complete.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Follows an execution until it ends. Returns `None` if the operator interrupts the wait.
///
/// # Errors
/// Fails if the execution failed or Step Functions rejects a request.
pub async fn watched(
    cloud: &Cloud,
    described: Described,
    options: FollowOptions,
    console: &Console,
) -> Result<Option<Described>, CommandError> {
    let mut follower = Follower::new(cloud, described).await?;
    if follow(&mut follower, options, console).await? == Ending::Interrupted {
        return Ok(None);
    }
    if *follower.executions.status() != aws_sdk_sfn::types::ExecutionStatus::Succeeded {
        let state = follower.executions.failure().map(|(state, _, _)| state);
        return Err(CommandError::ended(&follower.executions.root.described, state, console.words()));
    }
    Ok(Some(follower.executions.root.described))
}
