//! `register-instance`: enters the instance into the registry (in the how-to people are added by hand for ever), so that
//! later runs of the user sync know it: whose members become users, with which profiles, and what happens to those who
//! leave.
//!
//! * Reads: `dynamodb:GetItem`.
//! * Writes: `dynamodb:UpdateItem`.
//! * Safe to repeat: an entry that says the same is not written again.

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
