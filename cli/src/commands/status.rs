//! `onboard status`: shows the current status of an execution in the same form as `onboard watch`. The exit code is 1
//! if the execution failed.

use aws_sdk_sfn::types::ExecutionStatus;

use crate::{
    args::StatusArgs,
    cloud::{Cloud, error::CommandError},
    commands::follower::{Follower, now},
    exit::Exit,
    follow::tree,
    ui::Console,
};

/// Runs the command.
///
/// # Errors
/// Fails if a request to AWS or the local cloud fails.
pub async fn run(args: StatusArgs, console: &Console) -> Result<Exit, CommandError> {
    let cloud = Cloud::open(&args.target, console.words()).await?;
    let described = cloud.resolve_execution(args.execution.as_deref()).await?;
    let mut follower = Follower::new(&cloud, described).await?;
    follower.poll().await?;
    console.result(&follower.executions.output());
    if !console.is_json() {
        tree::draw(&follower.executions, console, now(), None).iter().for_each(|line| console.line(line));
    }
    match follower.executions.status() {
        ExecutionStatus::Running | ExecutionStatus::PendingRedrive | ExecutionStatus::Succeeded => Ok(Exit::Done),
        _ => {
            let state = follower.executions.failure().map(|(state, _, _)| state);
            let error = CommandError::ended(&follower.executions.root.described, state, console.words());
            if !console.is_json() {
                console.line(&error.what);
                console.line(&console.words().what_to_do(&error.action));
            }
            Ok(Exit::Failed)
        }
    }
}
