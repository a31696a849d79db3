//! The step `lock-alias`.

use serde::{Deserialize, Serialize};

/// Input of `lock-alias`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockAliasInput {
    /// The alias.
    pub alias: String,
    /// The execution that takes or releases the locks, its ARN.
    pub execution: String,
    /// Which locks.
    #[serde(default)]
    pub scope: LockScope,
    /// Take or release them.
    #[serde(default)]
    pub action: LockAction,
    /// How many attempts there are before the step gives up; the default is [`crate::backoff::LAST_LOCK_ATTEMPT`].
    #[serde(default)]
    pub attempts: Option<u32>,
    /// The output of the attempt before.
    #[serde(default)]
    pub previous: Option<LockAliasOutput>,
}

/// Which locks of an alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockScope {
    /// That of the instance, the single sign-on and the registration.
    #[default]
    Alias,
    /// That of the orders of phone numbers.
    Numbers,
    /// Both. The second is not waited for: an order takes weeks.
    All,
}

/// What to do with the locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockAction {
    /// Take them.
    #[default]
    Take,
    /// Release those that the execution holds.
    Release,
}

/// Output of `lock-alias`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockAliasOutput {
    /// How the locks stand.
    pub status: LockStatus,
    /// Which attempt this was, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next attempt; 0 where there is none.
    #[serde(default)]
    pub wait_seconds: u64,
    /// The name of the execution that holds a lock; `None` where the execution itself does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Who holds it and what to do; empty where the execution itself does.
    #[serde(default)]
    pub message: String,
}

/// How the locks of an alias stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LockStatus {
    /// The execution holds them.
    #[default]
    Held,
    /// Another execution holds one; the next attempt may succeed.
    Waiting,
    /// Another execution holds one, and there is no further attempt.
    Taken,
    /// The execution does not hold them any more.
    Released,
}
