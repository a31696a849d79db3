//! What a run of the writer did, counted and by name.

use std::collections::{BTreeMap, HashMap, HashSet};

use onboarding_core::sync::{Plan, Totals};
use tracing::{info, warn};

/// What was done and what was not.
#[derive(Debug, Default)]
pub struct Applied {
    /// Counts; `calls` and `throttles` are the writer's alone.
    pub totals: Totals,
    /// Username → what failed. One bad user stops nobody else.
    pub failures: BTreeMap<String, String>,
    /// Jobs that time did not suffice for.
    pub left: usize,
    /// People who came back between the plan and their removal.
    pub returned: Vec<String>,
    /// The first of the created users, in order.
    pub first_created: Option<String>,
    /// Ids of users that were marked or deleted, or turned out to have come back.
    removals_settled: HashSet<String>,
    /// Usernames that exist now and did not before.
    created: HashSet<String>,
    /// User id → changes that are not made yet.
    outstanding: HashMap<String, usize>,
}

impl Applied {
    /// Whether a removal of the plan is not settled yet, by user id.
    #[must_use]
    pub fn removal_is_left(&self, user_id: &str) -> bool {
        !self.removals_settled.contains(user_id)
    }

    /// Whether a user of this name exists now and did not before.
    #[must_use]
    pub fn has_created(&self, username: &str) -> bool {
        self.created.contains(username)
    }

    /// Whether anything was changed.
    #[must_use]
    pub const fn changed_anything(&self) -> bool {
        let totals = &self.totals;
        totals.created + totals.adopted + totals.updated + totals.marked + totals.unmarked + totals.removed > 0
    }

    pub(super) fn expect_changes(&mut self, user_id: &str, changes: usize) {
        *self.outstanding.entry(user_id.to_owned()).or_default() += changes;
    }

    pub(super) fn created(&mut self, username: &str) {
        info!(username, "user created");
        if self.first_created.as_deref().is_none_or(|first| username < first) {
            self.first_created = Some(username.to_owned());
        }
        self.created.insert(username.to_owned());
        self.totals.created += 1;
    }

    /// Ours already: made by this run (`lost`: the answer got lost), or by an earlier one and not listed until now.
    pub(super) fn found(&mut self, username: &str, lost: bool) {
        if lost {
            self.created(username);
        } else {
            self.created.insert(username.to_owned());
        }
    }

    pub(super) fn adopted(&mut self, username: &str) {
        info!(username, "user adopted");
        self.created.insert(username.to_owned());
        self.totals.adopted += 1;
    }

    pub(super) fn changed(&mut self, username: &str, user_id: &str, what: &str) {
        info!(username, what, "user changed");
        if let Some(outstanding) = self.outstanding.get_mut(user_id) {
            *outstanding -= 1;
            if *outstanding == 0 {
                self.outstanding.remove(user_id);
                self.totals.updated += 1;
            }
        }
    }

    pub(super) fn marked(&mut self, username: &str, user_id: &str, due: &str) {
        info!(username, due, "user marked for deletion");
        self.removals_settled.insert(user_id.to_owned());
        self.totals.marked += 1;
    }

    pub(super) fn unmarked(&mut self, username: &str) {
        info!(username, "mark for deletion taken away");
        self.totals.unmarked += 1;
    }

    pub(super) fn removed(&mut self, username: &str, user_id: &str) {
        info!(username, "user deleted");
        self.removals_settled.insert(user_id.to_owned());
        self.totals.removed += 1;
    }

    pub(super) fn returned(&mut self, username: &str, user_id: &str) {
        info!(username, "not deleted: the person belongs again");
        self.removals_settled.insert(user_id.to_owned());
        self.returned.push(username.to_owned());
    }

    pub(super) fn failed(&mut self, username: &str, reason: String) {
        warn!(username, reason, "user failed");
        self.failures.entry(username.to_owned()).or_insert(reason);
        self.totals.failed = self.failures.len();
    }

    /// Whether a user of this name exists, as far as the plan and this run tell.
    pub(super) fn exists(&self, plan: &Plan, username: &str) -> bool {
        self.created.contains(username)
            || plan.create.binary_search_by(|user| user.username.as_str().cmp(username)).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_several_changes_counts_once_and_only_when_all_are_made() {
        let mut applied = Applied::default();
        applied.expect_changes("u", 2);
        applied.changed("taro", "u", "name");
        assert_eq!(applied.totals.updated, 0);
        applied.changed("taro", "u", "routing profile");
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
