//! The commands that work on a deployed stack. Each is one file; what they share stands here.

pub mod approve;
pub mod doctor;
pub mod init;
pub mod list;
pub mod machines;
pub mod replay;
pub mod report;
pub mod start;
pub mod status;
pub mod sync;
pub mod watch;

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cloud::{Cloud, executions::Described, trouble::Trouble},
    console::{Console, Tone},
    exit::Exit,
    follow::{self, Ending, Follower, Manner, progress},
    input::BadInput,
    words::Words,
};

/// Runs a command's work on a runtime of its own and tells how it ended.
pub fn run(console: &Console, work: impl Future<Output = Result<Exit, Trouble>>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.error(&error.to_string());
            return Exit::Failed;
        }
    };
    match runtime.block_on(work) {
        Ok(exit) => exit,
        Err(trouble) => tell(console, &trouble),
    }
}

/// Tells what went wrong, to people and to programs.
pub fn tell(console: &Console, trouble: &Trouble) -> Exit {
    console.result(&trouble.json());
    console.error(&console.paint(Tone::Bad, &trouble.what));
    if !trouble.action.is_empty() {
        console.error(&console.words().what_to_do(&trouble.action));
    }
    trouble.exit
}

impl Trouble {
    /// A file that can't be used.
    #[must_use]
    pub fn file(bad: &BadInput, words: Words) -> Self {
        Self::input(bad.told(words), words.correct_the_file())
    }

    /// An execution that did not end well.
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

/// Follows an execution in a manner, or until somebody presses Ctrl-C, which leaves it running.
///
/// # Errors
/// Where Step Functions refuses.
pub async fn follow(follower: &mut Follower<'_>, manner: Manner, console: &Console) -> Result<Ending, Trouble> {
    let arn = follower.root.described.execution.arn.clone();
    let name = follower.root.described.execution.name.clone();
    let options = follower.cloud.options.clone();
    let result = tokio::select! {
        result = follow::to_the_end(follower, manner, console) => result?,
        () = interrupted() => Ending::Interrupted,
    };
    if result == Ending::Interrupted {
        console.status(None);
        console.line(&console.words().goes_on(&name));
        console.line(&format!("  onboard watch {name}{options}"));
        if manner.events {
            console.event(&serde_json::json!({ "event": "interrupted", "execution": arn }));
        }
    }
    Ok(result)
}

/// Ends when somebody wants this program to end.
pub async fn interrupted() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (signal(kinds[0]), signal(kinds[1]), signal(kinds[2]))
    else {
        // Without handlers a signal ends the program.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Follows an execution to its end and says how it ended.
///
/// # Errors
/// Where it failed, or Step Functions refuses.
pub async fn watched(
    cloud: &Cloud,
    described: Described,
    manner: Manner,
    console: &Console,
) -> Result<Option<Described>, Trouble> {
    let mut follower = Follower::new(cloud, described).await?;
    if follow(&mut follower, manner, console).await? == Ending::Interrupted {
        return Ok(None);
    }
    if *follower.status() != aws_sdk_sfn::types::ExecutionStatus::Succeeded {
        let state = follower.failure().map(|(state, _, _)| state);
        return Err(Trouble::ended(&follower.root.described, state, console.words()));
    }
    Ok(Some(follower.root.described))
}
