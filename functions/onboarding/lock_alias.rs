//! `lock-alias`: acquires or releases the lease of an alias (messages call the lease "lock"). The lease ensures that
//! only one execution at a time creates, changes or deletes objects of the alias. The state machines call this step
//! before their first write and after their last write. The state machines pass the acquired lease to the steps in
//! between.
//!
//! * Reads: `dynamodb:Scan` and `dynamodb:GetItem` on the registry; `states:DescribeExecution` on the execution that
//!   holds the lease.
//! * Writes: `dynamodb:UpdateItem` on the registry ([`crate::registry::lease`]).
//! * Safe to repeat: an execution that already holds the lease can acquire it again. An execution releases only its own
//!   lease.
//!
//! If another execution holds the lease, this is not an error. The step then returns the holder of the lease and the
//! time to wait. The state machine decides what happens after the last attempt.

use onboarding_core::{
    StepError, backoff,
    contract::{LockAction, LockAliasInput, LockAliasOutput, LockScope, LockStatus},
};
use tracing::info;

use crate::{
    context::Context,
    registry::{Acquisition, Holder, Registry, Scope},
};

/// Runs the step.
///
/// # Errors
/// `Conflict` if the registry contains an alias that differs from this alias only in case.
pub async fn run(ctx: &Context, input: LockAliasInput) -> Result<LockAliasOutput, StepError> {
    let registry = Registry::new(ctx)?;
    let alias = input.alias.as_str();
    let scopes: &[Scope] = match input.scope {
        LockScope::Alias => &[Scope::Alias],
        LockScope::Numbers => &[Scope::Numbers],
        LockScope::All => &[Scope::Alias, Scope::Numbers],
    };
    if input.action == LockAction::Release {
        for scope in scopes {
            registry.release_lease((*scope, alias), &input.execution).await?;
        }
        return Ok(LockAliasOutput { status: LockStatus::Released, ..LockAliasOutput::default() });
    }
    let attempt = input.previous.as_ref().map_or(0, |previous| previous.attempt) + 1;
    let mut first = None;
    for scope in scopes {
        match registry.acquire_lease(ctx.step_functions(), (*scope, alias), &input.execution).await? {
            Acquisition::Acquired(lease) => {
                info!(?scope, attempt, number = lease.number, "lease acquired");
                first.get_or_insert(lease);
            }
            Acquisition::HeldByOther(holder) => return Ok(held_by_other(&input, *scope, &holder, attempt)),
            Acquisition::Revoked(holder) => return Ok(revoked(&input, *scope, &holder, attempt)),
        }
    }
    // The spelling is checked only after this execution has acquired the lease, because the previous holder of the
    // lease may have registered the alias.
    if let Some(spelled) = registry.other_spelling(alias).await? {
        return Err(StepError::conflict(format!(
            "the alias {alias} is onboarded as {spelled}, and aliases that differ only in case are the same; use \
             {spelled} in instance.alias and start again. Nothing was changed"
        )));
    }
    Ok(LockAliasOutput { attempt, lease: first, ..LockAliasOutput::default() })
}

fn held_by_other(input: &LockAliasInput, scope: Scope, holder: &Holder, attempt: u32) -> LockAliasOutput {
    let message = holder.message(scope, &input.alias);
    let waits = match (input.scope, scope) {
        (LockScope::All, Scope::Numbers) => false,
        _ => attempt < input.attempts.unwrap_or(backoff::LAST_LOCK_ATTEMPT),
    };
    info!(attempt, waits, "{message}");
    LockAliasOutput {
        status: if waits { LockStatus::Waiting } else { LockStatus::Taken },
        attempt,
        wait_seconds: if waits { backoff::lock(attempt) } else { 0 },
        holder: holder.execution.rsplit(':').next().map(ToOwned::to_owned),
        message,
        ..LockAliasOutput::default()
    }
}

/// Returns the output of the step if the execution that held the lease has finished. The lease can be acquired after a
/// short wait. So this execution waits if the holder has finished, even if it would not wait for a running holder.
fn revoked(input: &LockAliasInput, scope: Scope, holder: &Holder, attempt: u32) -> LockAliasOutput {
    let message = holder.revoked_message(scope, &input.alias);
    let attempts = input.attempts.unwrap_or(backoff::LAST_LOCK_ATTEMPT) + backoff::MAX_TAKEOVERS;
    let waits = attempt < attempts;
    info!(attempt, waits, "{message}");
    LockAliasOutput {
        status: if waits { LockStatus::Waiting } else { LockStatus::Taken },
        attempt,
        wait_seconds: if waits { backoff::TAKEOVER } else { 0 },
        message,
        ..LockAliasOutput::default()
    }
}
