//! State `RegisterInstance` · how-to: none (there, people are added by hand for ever)
//!
//! Enters the instance into the registry, so that the schedule and the membership events know it: whose members become
//! users, with which profiles, and what happens to those who leave.
//!
//! * Calls: DynamoDB GetItem, UpdateItem.
//! * Permissions: those two on the registry table, and its key.
//! * Repetition: an entry that says the same is not written again.

use onboarding_core::{
    StepError,
    contract::{RegisterInstanceInput, RegisterInstanceOutput},
};

use crate::{
    clients::Clients,
    registry::{Entry, Registry},
};

/// Runs the step.
///
/// # Errors
/// Whatever keeps DynamoDB from answering.
pub async fn run(cx: &Clients, input: RegisterInstanceInput) -> Result<RegisterInstanceOutput, StepError> {
    let entry = Entry::from(input);
    let changed = Registry::new(cx)?.write(&entry).await?;
    Ok(RegisterInstanceOutput { instance_id: entry.instance_id, changed })
}
