//! `onboard replay`: reprocesses failed events. The command starts an SQS message move task, which moves the events
//! from the queue of failed events back to the queue whose events start user syncs.

use serde_json::json;

use crate::{
    args::ReplayArgs,
    cloud::{Cloud, error::CommandError},
    exit::Exit,
    output::Replay,
    ui::{Console, Tone},
};

/// Runs the command.
///
/// # Errors
/// Fails if a request to AWS or the local cloud fails.
pub async fn run(args: ReplayArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let (waiting, source) = waiting(&cloud).await?;
    if waiting == 0 || args.count {
        console.result(&Replay { waiting, replaying: 0, task: None });
        console.line(&words.events_wait(waiting));
        return Ok(Exit::Done);
    }
    let target = cloud.stack.output("HintQueueArn", words)?;
    let task = json!({ "SourceArn": source, "DestinationArn": target });
    let started = cloud.signed.sqs(&words.replaying_events(), "StartMessageMoveTask", &task).await?;
    let task = started["TaskHandle"].as_str().map(str::to_owned);
    console.result(&Replay { waiting, replaying: waiting, task });
    console.line(&console.paint(Tone::Good, &words.events_replay(waiting)));
    Ok(Exit::Done)
}

/// Returns the number of failed events, and the ARN of the queue that contains them.
///
/// # Errors
/// Fails if a request to AWS or the local cloud fails.
pub async fn waiting(cloud: &Cloud) -> Result<(u64, String), CommandError> {
    let queue = cloud.stack.output("FailedEventQueue", cloud.words)?;
    let request = json!({ "QueueUrl": queue, "AttributeNames": ["QueueArn", "ApproximateNumberOfMessages"] });
    let answer = cloud.signed.sqs(&cloud.words.counting_events(), "GetQueueAttributes", &request).await?;
    let attribute = |name: &str| answer["Attributes"][name].as_str().unwrap_or_default().to_owned();
    Ok((attribute("ApproximateNumberOfMessages").parse().unwrap_or_default(), attribute("QueueArn")))
}
