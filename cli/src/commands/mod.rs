//! The commands. Each command has its own file or directory. Functions that several commands use are in this module, in
//! [`follower`] and in [`page`].

pub mod adopt;
pub mod approve;
mod as_found;
pub mod check;
pub mod deploy;
pub mod doctor;
pub mod entra_setup;
pub mod evidence;
pub mod export;
pub mod follower;
pub mod init;
pub mod list;
pub mod live_check;
pub mod local;
pub mod logs;
pub mod machines;
pub mod man;
pub mod open;
pub mod page;
mod planned_users;
pub mod prompt;
pub mod replay;
pub mod report;
mod result_file;
pub mod schema;
pub mod sign_out;
pub mod start;
pub mod status;
pub mod stop;
pub mod sync;
pub mod watch;

use std::{
    future::Future,
    pin::pin,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch::Sender,
};

use self::follower::{Ending, FollowOptions, Follower, follow_to_end, leave_drawing};
use crate::{
    args::bad_input::BadInput,
    cloud::{Cloud, error::CommandError, executions::Described},
    exit::Exit,
    follow::progress,
    output::Event,
    ui::{Console, Stream},
    words::Words,
};

/// Whether the command must continue after an interruption, because the part that is running must still clean up or
/// report.
static ENDS_ITSELF: AtomicBool = AtomicBool::new(false);
/// Whether the operator has interrupted the command.
static INTERRUPTED: LazyLock<Sender<bool>> = LazyLock::new(Sender::default);

/// Runs a command on a new async runtime until the command ends or the operator interrupts it. Reports the error if the
/// command fails.
pub fn run(console: &Console, work: impl Future<Output = Result<Exit, CommandError>>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return print_error(console, &CommandError::failed("NoRuntime", console.words().no_threads(error), ""));
        }
    };
    let result = runtime.block_on(async {
        // Installs the signal handlers. From now on, a signal no longer ends the process.
        let interrupted = interrupted();
        let mut work = pin!(work);
        tokio::select! {
            biased;
            result = &mut work => return Some(result),
            () = interrupted => {}
        }
        INTERRUPTED.send_replace(true);
        if ENDS_ITSELF.load(Ordering::Relaxed) { Some(work.await) } else { None }
    });
    match result {
        Some(Ok(exit)) => exit,
        Some(Err(error)) => print_error(console, &error),
        None => interruption(console),
    }
}

/// Runs a part of a command until this part ends or the operator interrupts the command. Returns `None` after an
/// interruption, and the caller must then end the command.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    ENDS_ITSELF.store(true, Ordering::Relaxed);
    let mut interruption = INTERRUPTED.subscribe();
    let result = tokio::select! {
        biased;
        _ = interruption.wait_for(|interrupted| *interrupted) => None,
        result = work => Some(result),
    };
    if result.is_some() {
        ENDS_ITSELF.store(false, Ordering::Relaxed);
    }
    result
}

/// Runs a part of a command that must clean up after an interruption. If the operator interrupts the command, this
/// function calls `interrupt`, which must notify the part, and waits until the part has cleaned up. The caller must
/// then end the command.
pub(crate) async fn ends_itself<T>(work: impl Future<Output = T>, interrupt: impl FnOnce()) -> T {
    ENDS_ITSELF.store(true, Ordering::Relaxed);
    let mut interruption = INTERRUPTED.subscribe();
    let mut work = pin!(work);
    tokio::select! {
        biased;
        result = &mut work => return result,
        _ = interruption.wait_for(|interrupted| *interrupted) => {}
    }
    interrupt();
    work.await
}

/// Reports that the operator interrupted the command.
pub(crate) fn interruption(console: &Console) -> Exit {
    let error = CommandError::interrupted(console.words());
    console.result(&error.output(console.words(), |text| console.complete(text)));
    console.error(&error.what);
    error.exit
}

/// Reports an error as text and, with `--json`, as JSON.
pub fn print_error(console: &Console, error: &CommandError) -> Exit {
    console.result(&error.output(console.words(), |text| console.complete(text)));
    match &error.bad_input {
        Some(bad) => print_faults(console, bad),
        None => console.failure(&error.what),
    }
    if !error.action.is_empty() {
        console.error(&console.words().what_to_do(&error.action));
    }
    error.exit
}

/// Prints the errors in an input file, each with its position in the file.
fn print_faults(console: &Console, bad: &BadInput) {
    let words = console.words();
    console.failure(&bad.head(words));
    console.error(&bad.drawn(words, Stream::Err.has_colour(), Stream::Err.size().0));
}

impl CommandError {
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
        let action = words.advice(&error);
        Self::failed(error, what, action)
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
    let result = unless_interrupted(follow_to_end(follower, options, console)).await;
    leave_drawing(follower, console);
    if let Some(result) = result {
        return result;
    }
    let execution = &follower.executions.root.described.execution;
    if options.events {
        console.result(&Event::Interrupted { execution: execution.arn.clone() });
    }
    console.result(&CommandError::interrupted(console.words()).output(console.words(), |text| console.complete(text)));
    console.error(&console.words().continues(&execution.name));
    Ok(Ending::Interrupted)
}

/// Installs handlers for SIGINT, SIGTERM and SIGHUP. The returned future completes when the process receives one of
/// these signals.
pub fn interrupted() -> impl Future<Output = ()> {
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    async {
        let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = signals else {
            // If the handlers can't be installed, a signal ends the process. The future then never completes.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
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
