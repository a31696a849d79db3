//! Writes the report of an onboarding as an HTML page. The page also shows the history of the execution.

use std::path::Path;

use onboarding_core::contract::Report;

use super::{
    follower::{definition, followed, observe},
    result_file,
};
use crate::{
    cloud::{Cloud, error::CommandError, executions::Described},
    follow::progress::Transition,
    report::page::{History, render},
    words::Words,
};

/// Writes the page for the report of an execution.
///
/// # Errors
/// Fails if Step Functions rejects a request or the file can't be written.
pub async fn write(
    file: &Path,
    report: &Report,
    cloud: &Cloud,
    described: Described,
    words: Words,
) -> Result<(), CommandError> {
    let history = history(cloud, described, words).await?;
    result_file::write(file, &render(report, &history, words.language()), words)
}

async fn history(cloud: &Cloud, described: Described, words: Words) -> Result<History, CommandError> {
    let execution = &described.execution;
    let mut history = History::new(&definition(cloud, &execution.arn).await?);
    history.seconds = execution.stopped.map_or(0.0, |stopped| stopped - execution.started);
    let mut execution = followed(cloud, described).await?;
    for transition in observe(cloud, &mut execution).await? {
        match transition {
            Transition::Done { state, seconds, waited: true, .. } => history.waited(&state, seconds),
            Transition::Done { state, seconds, note, .. } => history.done(&state, seconds, words.note(&note)),
            Transition::Caught { state, seconds, caught } => {
                history.done(&state, seconds, "");
                if !caught.expected {
                    history.left_failed(&state, &caught.error);
                }
            }
            Transition::Failed { state, error, .. } => history.failed(&state, &error),
        }
    }
    Ok(history)
}
