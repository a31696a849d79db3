//! Input and output of the step `lock-alias`, which acquires or releases the locks of an alias. Only the execution that
//! holds a lock may make the changes that the lock protects ([`LockScope`]).

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
    /// Maximum number of attempts to acquire the locks. Default: [`crate::backoff::LAST_LOCK_ATTEMPT`].
    #[serde(default)]
    pub attempts: Option<u32>,
    /// The output of the previous attempt.
    #[serde(default)]
    pub previous: Option<LockAliasOutput>,
}

/// Which of the locks of an alias to acquire or release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockScope {
    /// The lock for changes of the instance, the single sign-on and the registry entry.
    #[default]
    Alias,
    /// The lock for orders of phone numbers.
    Numbers,
    /// Both locks. If another execution holds the lock for phone number orders, the step does not wait for that lock,
    /// because an order can take weeks.
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
    /// Whether this execution holds the locks.
    pub status: LockStatus,
    /// The number of this attempt, starting from 1.
    #[serde(default)]
    pub attempt: u32,
    /// The lease that the state machine passes to each step while the execution holds the locks. `None` unless this
    /// execution holds the locks. For [`LockScope::All`], this field contains the lease for [`LockScope::Alias`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Seconds until the next attempt; 0 if there is no further attempt.
    #[serde(default)]
    pub wait_seconds: u64,
    /// The name of the other execution that holds a lock; `None` if this execution holds the locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Which execution holds the lock, and what an operator can do. Empty if this execution holds the locks.
    #[serde(default)]
    pub message: String,
}

/// Whether an execution holds the locks of an alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LockStatus {
    /// This execution holds the locks.
    #[default]
    Held,
    /// Another execution holds a lock, or held it and has just finished. In the second case, a Lambda invocation of the
    /// finished execution may still send a request. The next attempt may succeed.
    Waiting,
    /// Another execution holds a lock, and no attempts are left.
    Taken,
    /// This execution no longer holds the locks.
    Released,
}
