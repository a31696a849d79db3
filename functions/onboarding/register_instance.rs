//! `register-instance`: writes the instance to the registry, so that later user syncs find the settings of its users:
//! the groups whose members become users, their profiles, and the removal action for leavers.
//!
//! * Reads: `dynamodb:GetItem`.
//! * Writes: `dynamodb:UpdateItem`.
//! * Safe to repeat: an unchanged entry is not written again.

use onboarding_core::{
    StepError,
    contract::{RegisterInstanceInput, RegisterInstanceOutput},
};

use crate::{
    context::Context,
    registry::{Entry, Registry},
};

/// Runs the step.
///
/// # Errors
/// If DynamoDB returns an error.
pub async fn run(ctx: &Context, input: RegisterInstanceInput) -> Result<RegisterInstanceOutput, StepError> {
    let entry = Entry::from(input);
    let changed = Registry::new(ctx)?.write(&entry).await?;
    Ok(RegisterInstanceOutput { instance_id: entry.instance_id, changed })
}
