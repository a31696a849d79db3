//! Runs onboardings in the local cloud and displays their progress.

use std::path::Path;

use aws_sdk_sfn::types::ExecutionStatus;
use local_cloud::emulator::{Stack, stack::REGION};
use onboarding_core::contract::Report;
use serde_json::Value;

use super::failure::Failure;
use crate::{
    cloud::{self, Cloud, Machine, error::CommandError},
    commands::{
        follower::{FollowOptions, Follower, follow_to_end, leave_drawing},
        page,
    },
    follow::progress::message,
    ui::Console,
};

/// The workflow that is deployed in the local cloud. The calls to it never use the operator's own AWS configuration.
#[derive(Debug)]
pub struct Workflow<'a> {
    cloud: Cloud,
    console: &'a Console,
}

impl<'a> Workflow<'a> {
    /// Connects to the workflow in the AWS emulator at the URL `emulator`. `clock_scale` is the number of seconds that
    /// the local cloud takes for what takes one second in AWS.
    #[must_use]
    pub fn new(emulator: &str, stack: &Stack, clock_scale: f64, console: &'a Console) -> Self {
        let stack = cloud::stack::Stack {
            name: Stack::NAME.into(),
            status: "CREATE_COMPLETE".into(),
            outputs: stack.outputs.clone(),
        };
        let cloud = Cloud::at(emulator, REGION, stack, Some(clock_scale), console.words());
        Self { cloud, console }
    }

    /// Writes the HTML page of a report.
    ///
    /// # Errors
    /// Fails if the file can't be written.
    pub async fn write_page(&self, file: &Path, report: &Report) -> Result<(), Failure> {
        let described = self.cloud.describe(&report.execution).await.map_err(lost)?;
        let written = page::write(file, report, &self.cloud, described, self.console.words()).await;
        written.map_err(|error| Failure::NotWritten(error.what))
    }

    /// Runs one onboarding until it ends and returns its output.
    ///
    /// # Errors
    /// Fails if the onboarding does not succeed. The error contains the failed state, the error name and the error
    /// message.
    pub async fn run(&self, subject: &str, input: &Value) -> Result<Value, Failure> {
        let arn = self.cloud.start(Machine::Onboarding, subject, input).await.map_err(lost)?;
        let described = self.cloud.describe(&arn).await.map_err(lost)?;
        let mut follower = Follower::new(&self.cloud, described).await.map_err(lost)?;
        let options = FollowOptions { in_this_process: true, ..FollowOptions::default() };
        let followed = follow_to_end(&mut follower, options, self.console).await;
        leave_drawing(&follower, self.console);
        followed.map_err(lost)?;
        let state = follower.executions.failure().map(|(state, _, _)| state.to_owned());
        let ended = follower.executions.root.described;
        match (ended.execution.status, ended.output) {
            (ExecutionStatus::Succeeded, Some(output)) => Ok(output),
            (status, _) => Err(Failure::Workflow {
                state,
                error: ended.error.unwrap_or_else(|| status.as_str().to_owned()),
                cause: message(&ended.cause.unwrap_or_default()),
            }),
        }
    }
}

/// Converts an error of a call to the emulator to a failure of the local run, which states that the emulator no longer
/// responds.
fn lost(error: CommandError) -> Failure {
    Failure::not_started(|words| (words.emulator_not_responding(&error.what), words.check_emulator()))
}
