//! A lock per alias for all writers except the user sync: onboarding, remediation of drift, certificate rotation and
//! teardown. The user sync uses the lease of its instance instead (docs/theory.md, "Lock and lease").
//!
//! A lock is an item of the registry. Its key is `alias#` and the alias in lower case, because Amazon Connect ignores
//! case. The item contains the ARN of the execution that acquired the lock (`holder`) and the time (`since`,
//! milliseconds since the epoch). The holder deletes the item to release the lock. If the holder has finished without
//! releasing the lock, the next execution takes the lock over. Each write is conditional on the holder, so that only
//! one of several executions acquires the lock.
//!
//! Orders of phone numbers take weeks and have a separate lock, so that the alias is free for other executions meanwhile.

use aws_sdk_sfn::types::ExecutionStatus;
use onboarding_core::StepError;
use time::OffsetDateTime;
use tracing::warn;

use super::{Registry, condition_met, now_ms, string, text, time};
use crate::aws::error::CallResult as _;

/// The prefix of a lock's key.
const PREFIX: &str = "alias#";
/// Maximum number of attempts to acquire a lock while other executions acquire and release it.
const MAX_TRIES: u32 = 5;

/// Returns whether a key of the registry is the key of a lock.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The objects that a lock protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The instance, the single sign-on and the registration.
    Alias,
    /// The orders of phone numbers.
    Numbers,
}

impl Scope {
    /// Returns the key of the lock's item.
    pub(super) fn key(self, alias: &str) -> String {
        let alias = alias.to_ascii_lowercase();
        match self {
            Self::Alias => format!("{PREFIX}{alias}"),
            Self::Numbers => format!("{PREFIX}{alias}#numbers"),
        }
    }

    /// Returns the name of the scope in messages.
    const fn label(self) -> &'static str {
        match self {
            Self::Alias => "the alias",
            Self::Numbers => "the phone numbers of the alias",
        }
    }
}

/// The execution that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The ARN of the execution.
    pub execution: String,
    /// The time at which the execution acquired the lock.
    pub since: Option<OffsetDateTime>,
}

/// The result of acquiring a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockResult {
    /// The execution holds the lock. It has just acquired the lock or already held it.
    Acquired,
    /// Another execution, which is still running, holds the lock.
    HeldByOther(Holder),
}

impl Holder {
    /// Returns a message with the holder and the required action.
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
}

impl Registry<'_> {
    /// Acquires the lock of an alias for an execution. The lock of a finished execution is taken over.
    ///
    /// # Errors
    /// If `DynamoDB` or Step Functions returns an error.
    pub async fn acquire_lock(
        &self,
        step_functions: &aws_sdk_sfn::Client,
        (scope, alias): (Scope, &str),
        execution: &str,
    ) -> Result<LockResult, StepError> {
        let key = scope.key(alias);
        for _ in 0..MAX_TRIES {
            if self.set_holder(&key, execution, None).await? {
                return Ok(LockResult::Acquired);
            }
            let Some(item) = self.item(&key).await? else { continue };
            let Some(holder) = text(&item, "holder") else { continue };
            if is_running(step_functions, holder).await? {
                let holder = Holder { execution: holder.to_owned(), since: time(&item, "since") };
                return Ok(LockResult::HeldByOther(holder));
            }
            if self.set_holder(&key, execution, Some(holder)).await? {
                warn!(holder, "took over the lock of an execution that has finished");
                return Ok(LockResult::Acquired);
            }
        }
        let label = scope.label();
        Err(StepError::unavailable(format!("other executions acquired the lock of {label} {alias} {MAX_TRIES} times")))
    }

    /// Releases the lock of an alias if the execution holds it.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn release_lock(&self, (scope, alias): (Scope, &str), execution: &str) -> Result<(), StepError> {
        let sent = self
            .client
            .delete_item()
            .table_name(self.table)
            .key("instanceId", string(scope.key(alias)))
            .condition_expression("holder = :me")
            .expression_attribute_values(":me", string(execution))
            .send()
            .await;
        condition_met(&format!("releasing the lock of {} {alias}", scope.label()), sent).map(drop)
    }

    /// Makes an execution the holder of a lock if the current holder is `before`; with `None`, if the lock is free or
    /// this execution already holds it. Returns whether the execution is the holder.
    async fn set_holder(&self, key: &str, execution: &str, before: Option<&str>) -> Result<bool, StepError> {
        let doing = format!("acquiring the lock {key}");
        let mut values = vec![(":me", string(execution)), (":now", now_ms())];
        let Some(before) = before else {
            // An earlier attempt of this execution may have acquired the lock, and its response was lost.
            let condition = "attribute_not_exists(holder) OR holder = :me";
            let update = "SET holder = :me, since = if_not_exists(since, :now)";
            return self.update_if(&doing, key, condition, update, &values).await;
        };
        values.push((":before", string(before)));
        self.update_if(&doing, key, "holder = :before", "SET holder = :me, since = :now", &values).await
    }
}

/// Returns whether an execution has not finished. A pending redrive and unknown statuses count as running.
async fn is_running(client: &aws_sdk_sfn::Client, execution: &str) -> Result<bool, StepError> {
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
    fn a_lock_has_the_same_key_for_every_case_of_its_alias() {
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
