//! `onboard watch`: follows an execution live. On a terminal a tree of its states with timers, elsewhere a line for each state
//! that ends; with `--json` one JSON object for each. Ctrl-C leaves the execution running.

use crate::{
    args::WatchArgs,
    cloud::{Cloud, executions::Described, trouble::Trouble},
    commands::{report, watched},
    console::Console,
    exit::Exit,
    follow::Manner,
};

/// News are told one by one.
const MANNER: Manner = Manner { until_asked: false, events: true };

/// Runs the command.
///
/// # Errors
/// Where the execution failed, or the cloud can't be used.
pub async fn run(args: WatchArgs, console: &Console) -> Result<Exit, Trouble> {
    let cloud = Cloud::open(&args.on, console.words()).await?;
    let described = cloud.meant(args.execution.as_deref()).await?;
    watch(&cloud, described, console).await
}

/// Follows an execution, and prints an onboarding's report at its end.
///
/// # Errors
/// Where the execution failed, or the cloud can't be used.
pub async fn watch(cloud: &Cloud, described: Described, console: &Console) -> Result<Exit, Trouble> {
    match watched(cloud, described, MANNER, console).await? {
        None => Ok(Exit::Interrupted),
        Some(ended) => {
            console.event(&serde_json::json!({ "event": "ended", "status": "SUCCEEDED", "output": ended.output }));
            report::print(&ended, console);
            Ok(Exit::Done)
        }
    }
}
