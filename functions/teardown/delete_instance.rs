//! `delete-instance`: deletes the Amazon Connect instance of an onboarding during the teardown. For this, the operator
//! must request the deletion and type the alias of the instance as a confirmation. The users, flows, profiles, contact
//! records and phone numbers of the instance are also permanently deleted.
//!
//! * Reads: `connect:DescribeInstance`, `connect:ListPhoneNumbersV2`.
//! * Writes: `connect:DeleteInstance`, which also requires `ds:DescribeDirectories`, `ds:DeleteDirectory` and
//!   `ds:UnauthorizeApplication`.
//! * Safe to repeat: if the instance no longer exists, the deletion counts as successful. The step reads the alias, the
//!   tags and the phone numbers immediately before the deletion. An instance that does not have the tags of this
//!   onboarding, or that has a phone number that is not in the approved plan, is kept.
//! * The step does not release phone numbers before the deletion. Connect may reject the deletion, because an account
//!   may create and delete only 100 instances in total within 30 days. The phone numbers would then be lost although
//!   the instance still exists.
//! * If the response to an earlier call was lost, the deletion may be in progress, and Connect may reject another call.
//!   Therefore, the step continues to poll after a rejection. If the instance still exists after these polls, the step
//!   fails with the error of the rejected call.
//! * Each invocation polls once. The state machine waits between polls.

use aws_sdk_connect::types::Instance;
use onboarding_core::{
    StepError, StepErrorKind, backoff,
    contract::{RefusedDeletion, RemoveInput, RemoveOutput, RemoveStatus, TeardownTarget},
    names,
};
use tracing::info;

use crate::{
    aws::{self, phone_numbers},
    context::Context,
    inspect::instance,
};

/// Deletes the instance, or checks whether it is deleted.
///
/// # Errors
/// `Conflict` if the instance is not the one in the approved plan.
pub async fn run(ctx: &Context, input: RemoveInput) -> Result<RemoveOutput, StepError> {
    let target = &input.target;
    let id = target.instance_id.as_str();
    let previous = input.previous.unwrap_or_default();
    let polls = previous.attempt;
    let mut refusal = previous.refusal;
    let Some(found) = instance::describe(ctx, id).await? else {
        info!(instance = target.alias, "instance gone");
        return Ok(RemoveOutput { removed: 1, attempt: polls, ..RemoveOutput::default() });
    };
    if let Some(RefusedDeletion { error, message }) = refusal.as_ref().filter(|_| polls >= backoff::LAST_DELETION_POLL)
    {
        let kind = StepErrorKind::from_name(error).unwrap_or(StepErrorKind::Internal);
        let alias = &target.alias;
        let message =
            format!("{message}; the instance {alias} still exists after {polls} polls, so it is not being deleted");
        return Err(StepError::new(kind, message));
    }
    if polls >= backoff::LAST_DELETION_POLL {
        return Err(StepError::internal(format!(
            "the Amazon Connect instance {id} ({}) still exists after {polls} polls. Check its deletion in the \
             Amazon Connect console, then start the same teardown again",
            target.alias
        )));
    }
    if polls == 0 {
        check(ctx, target, &found.instance).await?;
        refusal = request_deletion(ctx, target).await?;
    }
    Ok(RemoveOutput {
        status: RemoveStatus::More,
        attempt: polls + 1,
        wait_seconds: backoff::instance_creation(polls),
        refusal,
        ..RemoveOutput::default()
    })
}

/// Checks again that the approved plan contains this instance and all its phone numbers.
async fn check(ctx: &Context, target: &TeardownTarget, found: &Instance) -> Result<(), StepError> {
    let named = found.instance_alias().is_some_and(|alias| names::same_alias(alias, &target.alias));
    if !named || !instance::is_ours(found, &target.alias) {
        return Err(StepError::conflict(format!(
            "the Amazon Connect instance {} no longer has the alias and tags of the onboarding {}, so it is not deleted",
            target.instance_id, target.alias
        )));
    }
    let held = phone_numbers::in_e164(ctx.connect(), &target.instance_arn).await?;
    let new: Vec<&str> =
        held.iter().filter(|number| !target.phone_numbers.contains(number)).map(String::as_str).collect();
    if new.is_empty() {
        return Ok(());
    }
    Err(StepError::conflict(format!(
        "the instance {} has phone numbers that are not in the approved plan: {}. Released numbers can be lost \
         permanently, so nothing is deleted. Create a new teardown plan",
        target.alias,
        new.join(", ")
    )))
}

/// Requests the deletion of the instance. If Connect rejects the request, but an earlier deletion may have been
/// successful, returns the rejection.
async fn request_deletion(ctx: &Context, target: &TeardownTarget) -> Result<Option<RefusedDeletion>, StepError> {
    let id = target.instance_id.as_str();
    match ctx.connect().delete_instance().instance_id(id).send().await {
        Ok(_) => info!(instance = target.alias, "instance is being deleted"),
        Err(error) if aws::error::is_not_found(&error) => {}
        Err(error) => {
            let error = aws::error::step_error(format_args!("deleting the Amazon Connect instance {id}"), &error);
            // An earlier request may have been successful although the response was lost. AWS does not document the
            // error with which Connect rejects another request in this situation. Connect may report it as invalid, or
            // as denied, because the tags that the policy requires can no longer be read.
            if !matches!(error.kind, StepErrorKind::InvalidInput | StepErrorKind::AccessDenied) {
                return Err(error);
            }
            info!(instance = target.alias, error = error.name(), message = error.message, "deletion refused");
            return Ok(Some(RefusedDeletion { error: error.name().into(), message: error.message }));
        }
    }
    Ok(None)
}
