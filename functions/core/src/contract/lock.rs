//! Input and output of the step `lock-alias`.

use serde::{Deserialize, Serialize};

use super::Lease;

/// Input of `lock-alias`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockAliasInput {
    /// The alias of the instance.
    pub alias: String,
    /// The ARN of the execution that acquires or releases the locks.
    pub execution: String,
    /// The locks to acquire or release.
    #[serde(default)]
    pub scope: LockScope,
    /// Whether to acquire or to release the locks.
    #[serde(default)]
    pub action: LockAction,
    /// The number of attempts before the step gives up. Default: [`crate::backoff::LAST_LOCK_ATTEMPT`].
    #[serde(default)]
    pub attempts: Option<u32>,
    /// The output of the previous attempt.
    #[serde(default)]
    pub previous: Option<LockAliasOutput>,
}

/// The locks of an alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockScope {
    /// The lock for the instance, the single sign-on and the registration.
    #[default]
    Alias,
    /// The lock for phone number orders.
    Numbers,
    /// Both locks. If another execution holds the lock for phone number orders, the step does not wait for this lock,
    /// because an order takes weeks.
    All,
}

/// What to do with the locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockAction {
    /// Acquire the locks.
    #[default]
    Take,
    /// Release the locks that the execution holds.
    Release,
}

/// Output of `lock-alias`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockAliasOutput {
    /// The state of the locks.
    pub status: LockStatus,
    /// The number of this attempt, starting from 1.
    #[serde(default)]
    pub attempt: u32,
    /// The lease that the state machine passes to each step that it calls while it holds the locks. `None` unless this
    /// execution holds the locks. For [`LockScope::All`], the lease of [`LockScope::Alias`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Seconds until the next attempt; 0 if there is no further attempt.
    #[serde(default)]
    pub wait_seconds: u64,
    /// The name of the other execution that holds a lock; `None` if this execution holds the locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Which execution holds the lock, and what an operator can do about it; empty if this execution holds the locks.
    #[serde(default)]
    pub message: String,
}

/// The state of the locks of an alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LockStatus {
    /// This execution holds the locks.
    #[default]
    Held,
    /// Another execution holds a lock; or the execution that held the lock has just finished, and one of its
    /// invocations may still send a request. The next attempt may succeed.
    Waiting,
    /// Another execution holds a lock, and this was the last attempt.
    Taken,
    /// This execution no longer holds the locks.
    Released,
}
