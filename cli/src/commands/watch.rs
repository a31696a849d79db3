//! `onboard watch`: follows an execution live. On a terminal, the command shows a tree of the states with timers.
//! Without a terminal, the command prints one line whenever a state ends. With `--json`, it prints one JSON object for
//! each event. After Ctrl-C, the execution continues.

use crate::{
    args::WatchArgs,
    cloud::{Cloud, error::CommandError, executions::Described},
    commands::{follower::FollowOptions, report, watched},
    exit::Exit,
    output::Event,
    ui::Console,
};

/// Options for `onboard watch`: with `--json`, the command prints each event and not only the result.
const OPTIONS: FollowOptions = FollowOptions { events: true, in_this_process: false };

/// Runs the command.
///
/// # Errors
/// Fails if the execution failed or a request to AWS or the local cloud fails.
pub async fn run(args: WatchArgs, console: &Console) -> Result<Exit, CommandError> {
    let cloud = Cloud::open(&args.target, console.words()).await?;
    let described = cloud.resolve_execution(args.execution.as_deref()).await?;
    watch(&cloud, described, console).await
}

/// Follows an execution. If the execution is an onboarding, prints the report.
///
/// # Errors
/// Fails if the execution failed or a request to AWS or the local cloud fails.
pub async fn watch(cloud: &Cloud, described: Described, console: &Console) -> Result<Exit, CommandError> {
    match watched(cloud, described, OPTIONS, console).await? {
        None => Ok(Exit::Interrupted),
        Some(ended) => {
            console.result(&Event::Ended { status: "SUCCEEDED".into(), output: ended.output.clone() });
            report::print(&ended, console);
            Ok(Exit::Done)
        }
    }
}
