//! Input and output of the step `SyncUsers`. The size of the input and output does not depend on the number of users,
//! because both contain only counts, digests and the first entries of each list. The full lists are in the log of the
//! step.
//!
//! A run of the user sync processes the users of one instance in one or more passes. Each pass applies one plan in one
//! or more rounds. Each round is one call of the step. See `docs/theory.md`, "Rounds and passes".

use serde::{Deserialize, Serialize};

use super::approval::{AppliedApproval, WaitingPart};
use super::plan::Counts;
use super::planned::PlannedUser;
use crate::onboarding::Language;

/// Maximum number of entries in each list of [`SyncUsersOutput`].
pub const MAX_LISTED: usize = 50;

/// Maximum number of object ids in [`SyncUsersInput::people`] and [`SyncUsersInput::leavers`]. If a list were longer,
/// processing its members first would take as long as the full comparison.
pub const MAX_HINTED: usize = 20;

/// Input of `SyncUsers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncUsersInput {
    /// The id of the instance to sync. The registry entry of this instance contains all settings.
    pub instance_id: String,
    /// Whether to apply the plan or only to create it.
    #[serde(default)]
    pub mode: SyncMode,
    /// Object ids of members who joined a group, according to a notification. The step processes these members first.
    /// The step ignores a list with more than [`MAX_HINTED`] ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Object ids of members who left a group, according to a notification. The step ends the sessions of these members
    /// first. The step ignores a list with more than [`MAX_HINTED`] ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leavers: Vec<String>,
    /// Whether the step may use Graph's delta queries. If so, the step first reads the changes since the last full
    /// comparison, and skips the full comparison if nothing has changed. Inputs of earlier releases do not contain this
    /// field. For such an input, the step always makes a full comparison.
    #[serde(default)]
    pub incremental: bool,
    /// The checkpoint that the previous round returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<Checkpoint>,
}

/// Whether a sync applies its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncMode {
    /// Create and apply the plan.
    #[default]
    Apply,
    /// Only create and log the plan.
    Plan,
}

/// The result of one round of a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SyncStatus {
    /// Every action that was possible is done. The actions that failed are in the list of failures.
    #[default]
    Done,
    /// The round reached its time limit. The state machine calls the step again with the checkpoint.
    More,
    /// A part of the plan waits for an operator's approval ([`SyncUsersOutput::waiting`]). All other actions are
    /// complete, as for [`SyncStatus::Done`].
    UnsafePlan,
    /// The plan was created and not applied, as requested.
    Planned,
    /// Another run holds the lease and will make one more pass. The state machine sets this status.
    Busy,
    /// An operator rejected the plan or did not answer in time, and nothing was changed. Only the state machine of an
    /// earlier release set this status; an onboarding of that release can still contain it.
    NotApproved,
}

/// The checkpoint that each round passes to the next round, including from the last round of a pass to the first round
/// of the next pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Whether this run has already completed a pass. If so, `planned` and `totals` include the counts of earlier
    /// passes; `rounds` counts only this pass.
    #[serde(default)]
    pub another_pass: bool,
    /// The number of finished rounds in this pass.
    #[serde(default)]
    pub rounds: u32,
    /// The number of consecutive rounds that changed nothing.
    #[serde(default)]
    pub idle_rounds: u32,
    /// The sums of the planned actions in the plans of the earlier passes and in the first plan of this pass.
    #[serde(default)]
    pub planned: Counts,
    /// The digest of the plan of this pass.
    #[serde(default)]
    pub digest: String,
    /// The number of actions done so far, by kind.
    #[serde(default)]
    pub totals: Totals,
    /// The total duration of the rounds, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// Whether failed actions were retried. A run retries failed actions once.
    #[serde(default, rename = "secondTry")]
    pub retried: bool,
    /// The approval of actions that an earlier round has applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<AppliedApproval>,
}

/// Numbers of completed actions, over all rounds and passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Number of created users.
    #[serde(default)]
    pub created: usize,
    /// Number of adopted users.
    #[serde(default)]
    pub adopted: usize,
    /// Number of updated users.
    #[serde(default)]
    pub updated: usize,
    /// Number of users who were scheduled for deletion.
    #[serde(default, rename = "marked")]
    pub deletions_scheduled: usize,
    /// Number of users whose scheduled deletion was canceled.
    #[serde(default, rename = "unmarked")]
    pub deletions_cancelled: usize,
    /// Number of deleted users.
    #[serde(default)]
    pub removed: usize,
    /// Number of users who are kept without rights.
    #[serde(default)]
    pub stripped: usize,
    /// Number of users whose sessions were ended.
    #[serde(default)]
    pub signed_out: usize,
    /// Number of deleted quick connects.
    #[serde(default)]
    pub quick_connects_deleted: usize,
    /// Number of quick connects that were transferred to another user.
    #[serde(default)]
    pub quick_connects_transferred: usize,
    /// Number of users for whom an action failed in the last round.
    #[serde(default)]
    pub failed: usize,
    /// Number of users that can be created only after the instance's users quota is raised.
    #[serde(default)]
    pub waiting_for_quota: usize,
    /// Number of requests to Connect and Graph.
    #[serde(default)]
    pub calls: usize,
    /// Number of requests that Connect throttled.
    #[serde(default)]
    pub throttles: usize,
}

/// The progress of a run, stored as JSON in the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncProgress {
    /// The time at which this progress was stored, in milliseconds since the epoch.
    pub at: i64,
    /// Number of planned actions that need no approval, over all passes.
    pub planned: usize,
    /// Number of completed actions, over all passes.
    pub done: usize,
    /// Number of failed actions in this round.
    pub failed: usize,
}

impl SyncProgress {
    /// Creates the progress of a run. `planned` are the planned actions, `earlier` are the completed actions of earlier
    /// rounds, and `done` are those of this round.
    #[must_use]
    pub const fn new(at: i64, planned: &Counts, earlier: &Totals, done: &Totals) -> Self {
        Self {
            at,
            planned: planned.actions().saturating_sub(planned.waiting),
            done: earlier.users() + done.users(),
            failed: done.failed,
        }
    }
}

impl Totals {
    /// Adds the actions of a later round to the actions of this round. Each round retries the failed actions of the
    /// previous round, so only the failures of the later round are counted.
    #[must_use]
    pub const fn followed_by(&self, later: &Self) -> Self {
        Self {
            created: self.created + later.created,
            adopted: self.adopted + later.adopted,
            updated: self.updated + later.updated,
            deletions_scheduled: self.deletions_scheduled + later.deletions_scheduled,
            deletions_cancelled: self.deletions_cancelled + later.deletions_cancelled,
            removed: self.removed + later.removed,
            stripped: self.stripped + later.stripped,
            signed_out: self.signed_out + later.signed_out,
            quick_connects_deleted: self.quick_connects_deleted + later.quick_connects_deleted,
            quick_connects_transferred: self.quick_connects_transferred + later.quick_connects_transferred,
            failed: later.failed,
            waiting_for_quota: later.waiting_for_quota,
            calls: self.calls + later.calls,
            throttles: self.throttles + later.throttles,
        }
    }

    /// The number of completed actions.
    #[must_use]
    pub const fn users(&self) -> usize {
        self.created
            + self.adopted
            + self.updated
            + self.deletions_scheduled
            + self.deletions_cancelled
            + self.removed
            + self.stripped
    }
}

/// The counts of planned and completed actions, in one flat JSON object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The numbers of planned actions, summed over all passes. For each pass, only the plan of the first round is
    /// counted.
    #[serde(flatten)]
    pub planned: Counts,
    /// The number of completed actions, by kind.
    #[serde(flatten)]
    pub done: Totals,
}

/// A failed action of one user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The username of the user for whom the action failed.
    pub username: String,
    /// The operation, the error and the request id.
    pub reason: String,
}

/// Duration of each part of a round, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// Time to read Graph and Connect.
    #[serde(default)]
    pub observe_ms: u64,
    /// Time to create the plan.
    #[serde(default)]
    pub plan_ms: u64,
    /// Time to apply the plan.
    #[serde(default)]
    pub apply_ms: u64,
}

impl Durations {
    /// The total duration of the round, in milliseconds.
    #[must_use]
    pub const fn total_ms(self) -> u64 {
        self.observe_ms + self.plan_ms + self.apply_ms
    }
}

/// Output of `SyncUsers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SyncUsersOutput {
    /// The instance's alias, for notifications and logs.
    #[serde(default)]
    pub alias: String,
    /// The language of notifications about the instance.
    #[serde(default)]
    pub language: Language,
    /// The result of the round.
    pub status: SyncStatus,
    /// Whether the step skipped the comparison, because nothing has changed in Entra since the last full comparison.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incremental: bool,
    /// The digest of the plan, or if the status is [`SyncStatus::UnsafePlan`], the digest of the request for approval.
    pub digest: String,
    /// The numbers of planned and completed actions.
    pub counts: Outcome,
    /// The reasons why a part of the plan needs approval.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The usernames of the first users whom the plan removes.
    #[serde(default)]
    pub removals: Vec<String>,
    /// The first users whom the plan creates, adopts or changes, each with the groups that the user's values come from.
    /// Present only if the plan is not applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned_users: Vec<PlannedUser>,
    /// The part of the plan that waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingPart>,
    /// The approval of actions that this run applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<AppliedApproval>,
    /// The first failed actions.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// The first skipped members.
    #[serde(default)]
    pub skipped: Vec<Failure>,
    /// The first findings for the operator.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Durations of this round.
    #[serde(default)]
    pub durations: Durations,
    /// A managed user of this instance, used by the sign-in check to compare username and role session name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_ready_user: Option<String>,
    /// The checkpoint that this round passes to the next round; present only if the status is [`SyncStatus::More`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<Checkpoint>,
}
