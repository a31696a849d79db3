//! `register-instance`: writes the instance to the registry, so that later user syncs can read the settings for its
//! users. The settings are the groups whose members become users, the profiles of the users, and the action for users
//! who left.
//!
//! * Reads: `dynamodb:GetItem`.
//! * Writes: `dynamodb:UpdateItem`.
//! * Safe to repeat: the step writes the registry entry only if it has changed.

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
