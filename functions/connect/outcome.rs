//! The outcome of applying a plan: counts, and the names of the affected users.

use std::collections::{BTreeMap, HashMap, HashSet};

use onboarding_core::{
    log_messages,
    sync::{Failure, MAX_LISTED, NewUser, Plan, QuickConnectChange, Totals, UserRef},
};
use tracing::{info, warn};

/// The outcome of applying a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// The counts of changes and requests. `calls` and `throttles` include only the requests that the writer sent.
    pub totals: Totals,
    /// The error message of each user for whom a request failed, by username. The changes to other users are still
    /// applied after such a failure.
    pub failures: BTreeMap<String, String>,
    /// The number of requests of the plan and of assignments to the application that were not sent because the deadline
    /// was reached.
    pub left: usize,
    /// The number of checks before removals that had no response when the time was over.
    pub abandoned_checks: usize,
    /// The users that the plan removes, but that were kept. For example, a user may have become a member again after
    /// the plan was made.
    pub kept: Vec<String>,
    /// The reason why no sessions could be ended, if the operation is denied, unavailable or unknown to Connect.
    pub sign_out_unavailable: Option<String>,
    /// The reason why a user's assignment to the enterprise application could not be removed. Contains only the first
    /// such failure.
    pub revocation_failed: Option<String>,
    /// Whether a part of the plan was skipped because one of the following could not be created: the security profile
    /// without permissions, a predefined attribute, or an assignment to the application.
    pub incomplete: bool,
    /// The number of members who were assigned to the application in Entra.
    pub assigned: usize,
    /// Whether members could not be assigned to the application because of an error that may be temporary.
    pub assignments_may_pass: bool,
    /// The names of the quick connects of deleted users that could be neither deleted nor transferred.
    pub(super) quick_connects_left: Vec<String>,
    /// The reason why no quick connects could be changed, if the operation is denied or unknown to Connect.
    pub(super) quick_connects_unavailable: Option<String>,
    /// The reason why a quick connect could not be changed. Contains only the first such failure.
    pub(super) quick_connect_error: Option<String>,
    /// The name of a created user: of all created users, the first in alphabetical order.
    pub first_created: Option<String>,
    /// The names of users that were created after the plan was made.
    created: HashSet<String>,
    /// The IDs of users that were created after the plan was made, by username.
    ids: HashMap<String, String>,
    /// The number of changes that are not applied yet, by user ID.
    outstanding: HashMap<String, usize>,
}

impl Applied {
    /// Returns whether a user with this name was created after the plan was made.
    #[must_use]
    pub fn has_created(&self, username: &str) -> bool {
        self.created.contains(username)
    }

    /// Returns the first failures by username, in alphabetical order.
    #[must_use]
    pub fn first_failures(&self) -> Vec<Failure> {
        let failures = self.failures.iter().take(MAX_LISTED);
        failures.map(|(username, reason)| Failure { username: username.clone(), reason: reason.clone() }).collect()
    }

    /// Returns whether any user was changed, signed out or assigned to the application.
    #[must_use]
    pub const fn changed_anything(&self) -> bool {
        self.totals.users() > 0 || self.totals.signed_out > 0 || self.assigned > 0
    }

    /// Returns whether the whole plan was applied.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let left = self.left + self.failures.len() + self.kept.len() + self.totals.waiting_for_quota;
        left == 0 && !self.incomplete && self.sign_out_unavailable.is_none() && self.revocation_failed.is_none()
    }

    pub(super) fn expect_changes(&mut self, user_id: &str, changes: usize) {
        *self.outstanding.entry(user_id.to_owned()).or_default() += changes;
    }

    /// Records a created user. Connect does not record when a user received a security profile. So the log line also
    /// contains the user's Entra object ID and security profiles (as JSON).
    pub(super) fn created(&mut self, plan: &Plan, NewUser { username, object_id, assignment, .. }: &NewUser) {
        let security_profiles = json(&plan.profile_names(&assignment.security_profile_ids));
        info!(username, object_id, security_profiles, "{}", log_messages::USER_CREATED);
        if self.first_created.as_deref().is_none_or(|first| username.as_str() < first) {
            self.first_created = Some(username.clone());
        }
        self.created.insert(username.clone());
        self.totals.created += 1;
    }

    /// Records an existing user who already has the tags of this onboarding. If `lost` is true, this run created the
    /// user, but the response was lost. Otherwise, an earlier run created the user, and Connect did not list the user
    /// until now.
    pub(super) fn found(&mut self, plan: &Plan, new: &NewUser, lost: bool) {
        if lost {
            self.created(plan, new);
        } else {
            self.created.insert(new.username.clone());
        }
    }

    pub(super) fn adopted(&mut self, username: &str) {
        info!(username, "user adopted");
        self.created.insert(username.to_owned());
        self.totals.adopted += 1;
    }

    /// Records a change to a user. If the change sets security profiles, `security_profiles` contains all profiles that
    /// the user now has.
    pub(super) fn changed(&mut self, user: &UserRef, change: &str, security_profiles: Option<&[&str]>) {
        let UserRef { username, id: user_id, .. } = user;
        match security_profiles {
            Some(profiles) => {
                info!(username, change, security_profiles = json(profiles), "{}", log_messages::USER_CHANGED)
            }
            None => info!(username, change, "{}", log_messages::USER_CHANGED),
        }
        if let Some(outstanding) = self.outstanding.get_mut(user_id) {
            *outstanding -= 1;
            if *outstanding == 0 {
                self.outstanding.remove(user_id);
                self.totals.updated += 1;
            }
        }
    }

    pub(super) fn deletion_scheduled(&mut self, username: &str, due: &str) {
        info!(username, due, "{}", log_messages::DELETION_SCHEDULED);
        self.totals.deletions_scheduled += 1;
    }

    pub(super) fn deletion_canceled(&mut self, username: &str) {
        info!(username, "{}", log_messages::DELETION_CANCELED);
        self.totals.deletions_cancelled += 1;
    }

    pub(super) fn removed(&mut self, username: &str) {
        info!(username, "{}", log_messages::USER_DELETED);
        self.totals.removed += 1;
    }

    pub(super) fn stripped(&mut self, username: &str) {
        info!(username, "{}", log_messages::RIGHTS_REMOVED);
        self.totals.stripped += 1;
    }

    /// Records the ID of a user that was created after the plan was made.
    pub(super) fn has_id(&mut self, username: &str, id: String) {
        self.ids.insert(username.to_owned(), id);
    }

    /// Returns the ID of a user that was created after the plan was made.
    pub(super) fn id_of(&self, username: &str) -> Option<String> {
        self.ids.get(username).cloned()
    }

    pub(super) fn quick_connect_changed(&mut self, change: &QuickConnectChange, username: &str) {
        let name = change.name.as_str();
        if let Some(to) = &change.transfer {
            info!(username, name, to = to.username, "quick connect of the user transferred");
            self.totals.quick_connects_transferred += 1;
        } else {
            info!(username, name, "quick connect of the user deleted");
            self.totals.quick_connects_deleted += 1;
        }
    }

    pub(super) fn signed_out(&mut self, username: &str) {
        info!(username, "{}", log_messages::USER_SIGNED_OUT);
        self.totals.signed_out += 1;
    }

    pub(super) fn kept(&mut self, username: &str) {
        info!(
            username,
            "the user was not removed, because the check before the removal found that the user must be kept"
        );
        self.kept.push(username.to_owned());
    }

    pub(super) fn failed(&mut self, username: &str, reason: String) {
        warn!(username, reason, "user failed");
        self.failures.entry(username.to_owned()).or_insert(reason);
        self.totals.failed = self.failures.len();
    }

    /// Returns whether a user with this name exists, either since before the plan was made, or because this run created
    /// the user.
    pub(super) fn exists(&self, plan: &Plan, username: &str) -> bool {
        self.created.contains(username)
            || plan.create.binary_search_by(|user| user.username.as_str().cmp(username)).is_err()
    }
}

/// Converts names to a JSON array for a log field. A log field is plain text, and a name can contain any separator.
fn json(names: &[&str]) -> String {
    serde_json::json!(names).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_several_changes_counts_once_after_all_changes() {
        let mut applied = Applied::default();
        let taro = UserRef { username: "taro".into(), id: "u".into(), ..UserRef::default() };
        applied.expect_changes("u", 2);
        applied.changed(&taro, "name", None);
        assert_eq!(applied.totals.updated, 0);
        applied.changed(&taro, "security profiles A", Some(&["A"]));
        assert_eq!(applied.totals.updated, 1);
        assert!(applied.changed_anything());
    }

    #[test]
    fn a_user_that_fails_twice_is_one_failure_with_its_first_reason() {
        let mut applied = Applied::default();
        applied.failed("taro", "first".into());
        applied.failed("taro", "second".into());
        assert_eq!((applied.totals.failed, applied.failures["taro"].as_str()), (1, "first"));
    }
}
