//! What goes into and comes out of the `SyncUsers` step. Nothing here grows with the number of users: the state machine's
//! state holds counts, digests and samples; the full lists are in the step's log.

use serde::{Deserialize, Serialize};

use super::plan::Counts;
use crate::onboarding::Language;

/// The most entries of each list in [`SyncUsersOutput`] and [`Carry`].
pub const MAX_LISTED: usize = 50;

/// The most people in [`SyncUsersInput::people`]; for more, the comparison of everybody is as quick.
pub const MAX_HINTED: usize = 20;

/// The input of `SyncUsers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncUsersInput {
    /// The instance to sync; its registry entry holds everything else.
    pub instance_id: String,
    /// Apply the plan or only make it.
    #[serde(default)]
    pub mode: SyncMode,
    /// The digest of the unsafe plan that a person approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_digest: Option<String>,
    /// Object ids of people who have just joined a group, as somebody says: they are looked at first. At most
    /// [`MAX_HINTED`], else nobody is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// What the round before handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<Carry>,
}

/// Whether a run changes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncMode {
    /// Make the plan and apply it.
    #[default]
    Apply,
    /// Only make the plan and log it.
    Plan,
}

/// How a round ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SyncStatus {
    /// Everything that could be done is done; the failures say what could not.
    #[default]
    Done,
    /// Time ran out: call again with the carry.
    More,
    /// The plan is above the brake and nothing was changed: a person decides about the digest.
    UnsafePlan,
    /// The plan was made and not applied, as asked.
    Planned,
    /// Another run holds the lease; it was told to go round once more. Set by the state machine.
    Busy,
    /// A person was asked and did not approve, or not in time; nothing was changed. Set by the state machine.
    NotApproved,
}

/// What one round hands to the next, and one pass to the next: a pass ends when its plan is applied, and another follows if a
/// change was notified meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Carry {
    /// Whether a pass before this one has ended: what was planned and done then counts, and its rounds do not.
    #[serde(default)]
    pub another_pass: bool,
    /// How many rounds of the pass have ended.
    #[serde(default)]
    pub rounds: u32,
    /// How many rounds in a row have changed nothing.
    #[serde(default)]
    pub idle_rounds: u32,
    /// What the passes before and the first round of this one planned.
    #[serde(default)]
    pub planned: Counts,
    /// The digest of that plan.
    #[serde(default)]
    pub digest: String,
    /// What has been done so far.
    #[serde(default)]
    pub totals: Totals,
    /// How long the rounds took, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// Whether what failed has been tried once more: that is done once in a run.
    #[serde(default)]
    pub second_try: bool,
    /// The digest of the removals that were approved and are not done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_removals: Option<String>,
}

/// What was done, over all rounds and passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Users created.
    #[serde(default)]
    pub created: usize,
    /// Users adopted.
    #[serde(default)]
    pub adopted: usize,
    /// Users changed.
    #[serde(default)]
    pub updated: usize,
    /// Users marked for deletion.
    #[serde(default)]
    pub marked: usize,
    /// Users whose mark was taken away.
    #[serde(default)]
    pub unmarked: usize,
    /// Users deleted.
    #[serde(default)]
    pub removed: usize,
    /// Users for whom something failed in the last round.
    #[serde(default)]
    pub failed: usize,
    /// Users who wait for a higher users quota of the instance.
    #[serde(default)]
    pub waiting_for_quota: usize,
    /// Requests to Connect and Graph.
    #[serde(default)]
    pub calls: usize,
    /// Requests that Connect throttled.
    #[serde(default)]
    pub throttles: usize,
}

/// How far a run is while it works, for whoever looks; the registry holds it as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncProgress {
    /// When that was, in milliseconds since the epoch.
    pub at: i64,
    /// How many users the run is about, in all its rounds.
    pub planned: usize,
    /// How many of them are done.
    pub done: usize,
    /// For how many something failed.
    pub failed: usize,
}

impl SyncProgress {
    /// Where a run stands that planned this, did so much in earlier rounds and so much in this one.
    #[must_use]
    pub const fn new(at: i64, planned: &Counts, earlier: &Totals, done: &Totals) -> Self {
        Self {
            at,
            planned: planned.create + planned.adopt + planned.update + planned.mark + planned.unmark + planned.delete,
            done: earlier.users() + done.users(),
            failed: done.failed,
        }
    }
}

impl Totals {
    /// For how many users something was done.
    #[must_use]
    pub const fn users(&self) -> usize {
        self.created + self.adopted + self.updated + self.marked + self.unmarked + self.removed
    }
}

/// Plan and deed in one flat object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// What the plans of all passes held, each that of its first round.
    #[serde(flatten)]
    pub planned: Counts,
    /// What was done.
    #[serde(flatten)]
    pub done: Totals,
}

/// One user's failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The username.
    pub username: String,
    /// What was tried, what came back, with the request id.
    pub reason: String,
}

/// How long the parts of a round took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// Reading Graph and Connect.
    #[serde(default)]
    pub observe_ms: u64,
    /// Planning.
    #[serde(default)]
    pub plan_ms: u64,
    /// Applying.
    #[serde(default)]
    pub apply_ms: u64,
}

impl Durations {
    /// All of them together.
    #[must_use]
    pub const fn total_ms(self) -> u64 {
        self.observe_ms + self.plan_ms + self.apply_ms
    }
}

/// The output of `SyncUsers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncUsersOutput {
    /// The instance's alias, for messages and logs.
    #[serde(default)]
    pub alias: String,
    /// The language of messages about the instance.
    #[serde(default)]
    pub language: Language,
    /// How the round ended.
    pub status: SyncStatus,
    /// The digest of the plan; of an unsafe plan, what to approve.
    pub digest: String,
    /// Plan and deed in numbers.
    pub counts: Outcome,
    /// Why the plan is unsafe, for people.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The first usernames that the plan removes.
    #[serde(default)]
    pub removals: Vec<String>,
    /// The first failures.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// The first skipped members.
    #[serde(default)]
    pub skipped: Vec<Failure>,
    /// The first findings.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Times of this round.
    #[serde(default)]
    pub durations: Durations,
    /// A managed user of this instance by which the login check can compare username and role session name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_ready_user: Option<String>,
    /// With [`SyncStatus::More`]: the input of the next round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<Carry>,
}
