//! Leases. A lease is the right of one execution to change certain objects (docs/theory.md, "Leases" and "Fence").
//!
//! Each lease is part of a registry item. There are three kinds:
//!
//! * The lease of an alias. The partition key of the item is `alias#` and the alias in lower case, because Amazon
//!   Connect ignores the case of an alias. The attribute `holder` contains the holder. [`Registry::acquire_lease`]
//!   acquires the lease.
//! * The lease of the phone number orders of an alias. The partition key is the same, with `#numbers` at the end.
//!   Orders take weeks, and other executions must be able to acquire the lease of the alias during this time.
//! * The lease of the users of an instance. The partition key is the instance ID. The attribute `lease` contains the
//!   holder. The state machines `user-sync` and `teardown` acquire the lease.
//!
//! The other attributes have the same names in all items. `leaseNumber` increases with each acquisition and is never
//! reset. `leaseRevokedAt` is the time at which another execution found that the holder has finished. The lease of an
//! alias also stores the time at which it was acquired (`since`). The lease of the users also stores its expiry
//! (`leaseUntil`). The number of this lease also increases with each invocation that runs under the lease. Times are in
//! milliseconds since the epoch.
//!
//! Each write of a lease is conditional on the current holder. If an execution finds that the holder has finished, it
//! first revokes the lease, then waits, and only then acquires the lease. After the revocation, no invocation of the
//! former holder can confirm the lease again. After the wait, no request of such an invocation is in progress.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::types::ExecutionStatus;
use futures_util::FutureExt as _;
use onboarding_core::{StepError, backoff, contract::Lease};
use time::OffsetDateTime;
use tracing::warn;

use super::{Item, Registry, now_ms, number, number_in, string, text, time};
use crate::{
    aws::error::CallResult as _,
    context::Context,
    runtime::{
        clock::epoch_millis,
        fence::{Confirmation, Fence, Turn},
    },
};

/// The prefix of the partition keys of alias leases.
const PREFIX: &str = "alias#";
/// Maximum number of attempts to acquire a lease. An attempt fails if another execution acquires or releases the lease
/// at the same time.
const MAX_TRIES: u32 = 5;
/// The time after a confirmation during which an invocation may start requests. The sum of this time and the longest
/// attempt of a request (20 seconds) is less than [`backoff::TAKEOVER`]. The difference between the two allows for
/// clocks that differ.
const TERM: Duration = Duration::from_secs(10);
/// The time after which the lease of an instance's users expires if it is not renewed. The state machines use the same
/// value.
pub(super) const USERS_LEASE: Duration = Duration::from_secs(3600);

/// Returns whether a partition key in the registry belongs to the lease of an alias.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The objects that a lease of an alias protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The instance, the single sign-on configuration and the registration.
    Alias,
    /// The phone number orders.
    Numbers,
}

impl Scope {
    /// Returns the partition key of the item that contains the lease.
    pub(super) fn key(self, alias: &str) -> String {
        let alias = alias.to_ascii_lowercase();
        match self {
            Self::Alias => format!("{PREFIX}{alias}"),
            Self::Numbers => format!("{PREFIX}{alias}#numbers"),
        }
    }

    /// Returns the name of this scope in messages.
    const fn label(self) -> &'static str {
        match self {
            Self::Alias => "the alias",
            Self::Numbers => "the phone numbers of the alias",
        }
    }
}

/// The execution that holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The ARN of the execution that holds the lease.
    pub execution: String,
    /// The time at which this execution acquired the lease.
    pub since: Option<OffsetDateTime>,
}

/// The result of an attempt to acquire a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquisition {
    /// This execution holds the lease. The execution has just acquired the lease, or already held it.
    Acquired(Lease),
    /// Another execution holds the lease and is still running.
    HeldByOther(Holder),
    /// The holder has finished, and the lease was revoked. The lease can be acquired [`backoff::TAKEOVER`] seconds
    /// after the revocation.
    Revoked(Holder),
}

impl Holder {
    /// Returns a message that states the holder of the lease and the action that the operator must take.
    #[must_use]
    pub fn message(&self, scope: Scope, alias: &str) -> String {
        let since = self.since.map_or_else(String::new, |since| format!(" since {}", super::rfc3339(since)));
        format!(
            "the execution {} holds the lock of {} {alias}{since} and is still running; wait until it finishes, or stop it (aws \
             stepfunctions stop-execution --execution-arn {}), then start again",
            self.execution.rsplit(':').next().unwrap_or_default(),
            scope.label(),
            self.execution
        )
    }

    /// Returns a message about a revoked lease, which can be acquired soon.
    #[must_use]
    pub fn revoked_message(&self, scope: Scope, alias: &str) -> String {
        format!(
            "the execution {} has finished without releasing the lock of {} {alias}; the lock is free in {} seconds",
            self.execution.rsplit(':').next().unwrap_or_default(),
            scope.label(),
            backoff::TAKEOVER
        )
    }
}

/// Returns the fence for an invocation that runs under this lease.
///
/// # Errors
/// `Internal` if the settings do not contain the name of the registry table.
pub fn fence(ctx: &Context, lease: Lease) -> Result<std::sync::Arc<Fence>, StepError> {
    let (client, table) = (ctx.dynamodb().clone(), ctx.settings.registry_table()?.to_owned());
    let clock = ctx.settings.clock();
    let confirm = move |lease: Lease, turn: Turn| -> Confirmation {
        let (client, table) = (client.clone(), table.clone());
        async move { Registry { client: &client, table: &table, clock }.confirm_lease(lease, turn).await }.boxed()
    };
    Ok(Fence::new(lease, clock.wait(TERM), Box::new(confirm)))
}

impl Registry<'_> {
    /// Acquires the lease of an alias for an execution. If the holder of the lease has finished, this call revokes the
    /// lease, and a later call acquires it.
    ///
    /// # Errors
    /// If `DynamoDB` or Step Functions returns an error.
    pub async fn acquire_lease(
        &self,
        step_functions: &aws_sdk_sfn::Client,
        (scope, alias): (Scope, &str),
        execution: &str,
    ) -> Result<Acquisition, StepError> {
        let key = scope.key(alias);
        for _ in 0..MAX_TRIES {
            if let Some(lease) = self.set_holder(&key, execution, None).await? {
                return Ok(Acquisition::Acquired(lease));
            }
            let Some(item) = self.item(&key).await? else { continue };
            let Some(execution_before) = text(&item, "holder") else { continue };
            let holder = Holder { execution: execution_before.to_owned(), since: time(&item, "since") };
            if is_running(step_functions, &holder.execution).await? {
                return Ok(Acquisition::HeldByOther(holder));
            }
            let Some(revoked_at) = self.revoke_lease(&key, &holder.execution).await? else { continue };
            if (OffsetDateTime::now_utc() - revoked_at) < self.clock.wait(Duration::from_secs(backoff::TAKEOVER)) {
                return Ok(Acquisition::Revoked(holder));
            }
            if let Some(lease) = self.set_holder(&key, execution, Some(&holder.execution)).await? {
                warn!(holder = holder.execution, "took over the lease of an execution that has finished");
                return Ok(Acquisition::Acquired(lease));
            }
        }
        let label = scope.label();
        Err(StepError::unavailable(format!("other executions acquired the lock of {label} {alias} {MAX_TRIES} times")))
    }

    /// Releases the lease of an alias if the execution holds it. The number of the lease remains in the item.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn release_lease(&self, (scope, alias): (Scope, &str), execution: &str) -> Result<(), StepError> {
        let doing = format!("releasing the lock of {} {alias}", scope.label());
        let update = "REMOVE holder, since, leaseRevokedAt";
        let values = [(":me", string(execution))];
        self.update_if(&doing, &scope.key(alias), "holder = :me", update, &values).await.map(drop)
    }

    /// Makes an execution the holder of the lease of an alias, and returns the lease. If `before` is given, `before`
    /// must be the current holder, and the lease must be revoked. Otherwise, the lease must be free, or the execution
    /// must already hold it. If the condition is not met, returns `None`.
    async fn set_holder(&self, key: &str, execution: &str, before: Option<&str>) -> Result<Option<Lease>, StepError> {
        let doing = format!("acquiring the lease {key}");
        let mut values = vec![(":me", string(execution)), (":now", now_ms()), (":one", number(1))];
        values.extend(before.map(|before| (":before", string(before))));
        let (condition, since) = match before {
            // The condition is also true if an earlier attempt of this execution acquired the lease and the response
            // was lost.
            None => ("attribute_not_exists(holder) OR holder = :me", "if_not_exists(since, :now)"),
            Some(_) => ("holder = :before AND attribute_exists(leaseRevokedAt)", ":now"),
        };
        let update = format!("SET holder = :me, since = {since} REMOVE leaseRevokedAt ADD leaseNumber :one");
        let updated = self.update_returning(&doing, key, condition, &update, &values).await?;
        updated.map(|item| lease_in(&item, key, execution)).transpose()
    }

    /// Revokes the lease of a finished execution, so that the functions of this execution can no longer confirm the
    /// lease. Returns the time of the first revocation, or `None` if the execution no longer holds the lease.
    async fn revoke_lease(&self, key: &str, holder: &str) -> Result<Option<OffsetDateTime>, StepError> {
        let doing = format!("revoking the lease {key}");
        let values = [(":before", string(holder)), (":now", now_ms())];
        let update = "SET leaseRevokedAt = if_not_exists(leaseRevokedAt, :now)";
        let updated = self.update_returning(&doing, key, "holder = :before", update, &values).await?;
        Ok(updated.and_then(|item| time(&item, "leaseRevokedAt")))
    }

    /// Confirms a lease. Returns `None` if the lease has another holder or another number, or if it was revoked.
    async fn confirm_lease(&self, lease: Lease, turn: Turn) -> Result<Option<Lease>, StepError> {
        if is_key(&lease.key) {
            // This confirmation only reads, because most functions that run under the lease of an alias have no
            // permission to write to the registry.
            let item = self.item(&lease.key).await?.unwrap_or_default();
            let is_held = text(&item, "holder") == Some(&lease.holder)
                && number_in(&item, "leaseNumber") == Some(lease.number)
                && !item.contains_key("leaseRevokedAt");
            return Ok(is_held.then_some(lease));
        }
        let doing = format!("confirming the lease {}", lease.key);
        // With its first confirmation, an invocation increases the number of the lease. As a result, an earlier
        // invocation of the same execution, whose result Step Functions no longer waits for, loses the lease.
        let (comparison, add) = match turn {
            Turn::First => (">=", " ADD leaseNumber :one"),
            Turn::Later => ("=", ""),
        };
        let mut renewal = Renewal::new(&lease, comparison);
        renewal.values.extend((turn == Turn::First).then(|| (":one", number(1))));
        let update = format!("SET {}{add}", Renewal::SET);
        let updated = self.update_returning(&doing, &lease.key, renewal.condition.as_str(), &update, &renewal.values);
        let updated = updated.await?;
        match turn {
            Turn::First => updated.map(|item| lease_in(&item, &lease.key, &lease.holder)).transpose(),
            Turn::Later => Ok(updated.map(|_| lease)),
        }
    }
}

/// The renewal of the lease of an instance's users. Each write to the registry under this lease also renews it.
pub(super) struct Renewal {
    /// The condition that the execution still holds the lease.
    pub(super) condition: String,
    /// The values for the placeholders in the condition and in [`Self::SET`].
    pub(super) values: Vec<(&'static str, AttributeValue)>,
}

impl Renewal {
    /// The update expression that extends the validity of the lease.
    pub(super) const SET: &str = "leaseUntil = :until";

    /// Creates the renewal of a lease. `comparison` is the operator that compares the number in the registry with the
    /// number of the lease.
    pub(super) fn new(lease: &Lease, comparison: &str) -> Self {
        let until = OffsetDateTime::now_utc() + USERS_LEASE;
        Self {
            condition: format!(
                "lease = :me AND leaseNumber {comparison} :number AND attribute_not_exists(leaseRevokedAt)"
            ),
            values: vec![
                (":me", string(&lease.holder)),
                (":number", number(lease.number)),
                (":until", number(epoch_millis(until))),
            ],
        }
    }
}

/// Returns the lease. The number of the lease is read from an updated item.
fn lease_in(item: &Item, key: &str, holder: &str) -> Result<Lease, StepError> {
    let number = number_in(item, "leaseNumber")
        .ok_or_else(|| StepError::internal(format!("the lease {key} in the registry has no number")))?;
    Ok(Lease { key: key.to_owned(), holder: holder.to_owned(), number })
}

/// Returns whether an execution is still running. An execution with a pending redrive or an unknown status counts as
/// running.
pub(super) async fn is_running(client: &aws_sdk_sfn::Client, execution: &str) -> Result<bool, StepError> {
    let sent = client.describe_execution().execution_arn(execution).send().await;
    let found = sent.none_if(&["ExecutionDoesNotExist", "InvalidArn"]);
    let found = found.doing(format_args!("reading the state of the execution {execution}"))?;
    Ok(found.is_some_and(|found| {
        !matches!(
            found.status(),
            ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_has_the_same_key_for_every_case_of_its_alias() {
        assert_eq!(Scope::Alias.key("Acme-Support"), "alias#acme-support");
        assert_eq!(Scope::Numbers.key("ACME"), "alias#acme#numbers");
        assert!(is_key(&Scope::Numbers.key("acme")) && !is_key("0b1c2d3e"));
    }

    #[test]
    fn the_message_has_the_execution_and_the_command_to_stop_it() {
        let arn = "arn:aws:states:eu-central-1:123456789012:execution:OnboardingStateMachine-x:acme-1";
        let holder = Holder { execution: arn.into(), since: Some(OffsetDateTime::UNIX_EPOCH) };
        let message = holder.message(Scope::Alias, "acme");
        assert!(
            message.starts_with("the execution acme-1 holds the lock of the alias acme since 1970-01-01T00:00:00Z"),
            "{message}"
        );
        assert!(message.contains(&format!("stop-execution --execution-arn {arn}")), "{message}");
    }
}
