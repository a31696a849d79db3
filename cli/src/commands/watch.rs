//! `onboard watch`: follows an execution live. On a terminal, it shows a tree of the states with timers; elsewhere, one
//! line for each state that ends; with `--json`, one JSON object per event. After Ctrl-C the execution continues.

use crate::{
    args::WatchArgs,
    cloud::{Cloud, executions::Described, trouble::Trouble},
    commands::{follower::Manner, report, watched},
    exit::Exit,
    ui::Console,
};

/// With `--json`, prints each event separately.
const MANNER: Manner = Manner { until_asked: false, events: true };

/// Runs the command.
///
/// # Errors
/// Fails if the execution failed or the cloud is not usable.
pub async fn run(args: WatchArgs, console: &Console) -> Result<Exit, Trouble> {
    let cloud = Cloud::open(&args.on, console.words()).await?;
    let described = cloud.meant(args.execution.as_deref()).await?;
    watch(&cloud, described, console).await
}

/// Follows an execution. Prints the report if it is an onboarding.
///
/// # Errors
/// Fails if the execution failed or the cloud is not usable.
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
