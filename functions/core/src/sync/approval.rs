//! The data about requests for approval and about approvals. Notifications, reports and commands show this data to
//! operators.

use serde::{Deserialize, Serialize};

use super::contract::MAX_LISTED;
use super::guard::{ActionSet, GuardedAction, GuardedPlan};

/// A user with an action that needs approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GuardedUser {
    /// The username.
    pub username: String,
    /// The action.
    pub action: GuardedAction,
}

/// The part of a plan that waits for approval. Its size does not depend on the number of users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WaitingPart {
    /// The digest of the request: the operator approves or rejects the request by this digest.
    #[serde(default)]
    pub digest: String,
    /// Number of actions. A user who loses several security profiles has several actions.
    #[serde(default)]
    pub actions: usize,
    /// The reasons why these actions need approval.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The first users whose changes wait for approval.
    #[serde(default)]
    pub users: Vec<GuardedUser>,
    /// Number of users that an earlier request did not contain; 0 if there was no earlier request.
    #[serde(default)]
    pub added: usize,
    /// The first of the added users.
    #[serde(default)]
    pub added_users: Vec<GuardedUser>,
    /// The time at which the request expires (RFC 3339); empty in a plan that requests nothing.
    #[serde(default)]
    pub until: String,
    /// Whether the request must still be sent to the operators.
    #[serde(default)]
    pub notify: bool,
    /// The ARN of the operator who rejected the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_by: Option<String>,
}

impl WaitingPart {
    /// Describes the part of a plan that waits for approval. `known` contains the actions of an earlier request or
    /// approval. If `known` is not empty, the users with other actions are listed as added.
    #[must_use]
    pub fn of(plan: &GuardedPlan, known: &ActionSet) -> Self {
        let user = |(action, username): (GuardedAction, &str)| GuardedUser { username: username.to_owned(), action };
        let first = |known: &ActionSet| plan.waiting.guardable_users(known).take(MAX_LISTED).map(user).collect();
        let added = if known.is_empty() { 0 } else { plan.waiting.guardable_users(known).count() };
        Self {
            actions: plan.waiting_actions.len(),
            reasons: plan.reasons.clone(),
            users: first(&ActionSet::EMPTY),
            added,
            added_users: if added > 0 { first(known) } else { Vec::new() },
            ..Self::default()
        }
    }
}

/// The approval of actions that a sync applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AppliedApproval {
    /// The digest of the approved request.
    pub digest: String,
    /// The ARN of the operator who approved the request.
    pub approved_by: String,
    /// The time of the approval (RFC 3339).
    pub approved_at: String,
    /// Number of approved actions in the first plan that contained approved actions.
    pub actions: usize,
}
