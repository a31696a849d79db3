//! The quick connects that transfer contacts to users whom a plan deletes.
//!
//! If Connect deletes a user, it keeps the user's quick connects, and agents could still use these quick connects
//! (Amazon Connect Administrator Guide, "Delete users from your Amazon Connect instance"). According to an earlier
//! edition of this guide, the deletion of a user with quick connects fails instead. The sync therefore deletes or
//! transfers the quick connects before it deletes the user. Once a user is deleted, the sync can no longer
//! determine whether this onboarding managed the user of a quick connect.

use std::collections::{BTreeMap, HashMap};

use super::finding::Finding;
use super::model::ConnectUser;
use super::plan::{Plan, Removal};
use crate::onboarding::QuickConnects;

/// A quick connect that transfers contacts to a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuickConnect {
    /// The id of the quick connect.
    pub id: String,
    /// The name of the quick connect.
    pub name: String,
    /// The id of the user to whom the quick connect transfers contacts.
    pub user_id: String,
}

/// A quick connect that must be deleted, or transferred to another user, before its user is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuickConnectChange {
    /// The id of the quick connect.
    pub id: String,
    /// The name of the quick connect.
    pub name: String,
    /// The user to whom the quick connect is transferred. `None` if the quick connect is to be deleted.
    pub transfer: Option<Transfer>,
}

/// The new user of a quick connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The username of the new user.
    pub username: String,
    /// The id of the new user. `None` if the user did not exist when the plan was created.
    pub user_id: Option<String>,
}

impl Plan {
    /// Adds changes of quick connects to this plan, for the users that the plan deletes. `found` contains the quick
    /// connects of all users of the instance, and `users` contains all users.
    ///
    /// The quick connects of a renamed member are always transferred to the member's new user. All other quick connects
    /// are deleted or transferred according to `setting`. If the user in `setting` does not exist or is also removed,
    /// the quick connects are kept, and a finding lists these quick connects. Even then, the deletion of the user is
    /// not postponed.
    pub fn add_quick_connects(&mut self, found: Vec<QuickConnect>, setting: &QuickConnects, users: &[ConnectUser]) {
        let mut by_user: HashMap<String, Vec<QuickConnect>> = HashMap::new();
        for one in found {
            by_user.entry(one.user_id.clone()).or_default().push(one);
        }
        by_user.retain(|user_id, _| self.delete.iter().any(|removal| removal.user.id == *user_id));
        if by_user.is_empty() {
            return;
        }
        let ids: BTreeMap<&str, &str> = users.iter().map(|user| (user.username.as_str(), user.id.as_str())).collect();
        let target_leaves = matches!(setting, QuickConnects::TransferTo(username) if self.is_removed(username));
        let transfer_to = |username: &str| Transfer {
            username: username.to_owned(),
            user_id: ids.get(username).map(|id| (*id).to_owned()),
        };
        for removal in &mut self.delete {
            let Some(mut own) = by_user.remove(&removal.user.id) else { continue };
            own.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
            let transfer = match (&removal.replaced_by, setting) {
                (Some(username), _) => Some(transfer_to(username)),
                (None, QuickConnects::Delete) => None,
                (None, QuickConnects::TransferTo(username)) => {
                    let transfer = transfer_to(username);
                    if transfer.user_id.is_none() || target_leaves {
                        self.findings.push(Finding::QuickConnectsStay {
                            username: removal.user.username.clone(),
                            quick_connects: own.into_iter().map(|one| one.name).collect(),
                            transfer_to: username.clone(),
                        });
                        continue;
                    }
                    Some(transfer)
                }
            };
            let change =
                |one: QuickConnect| QuickConnectChange { id: one.id, name: one.name, transfer: transfer.clone() };
            removal.quick_connects = own.into_iter().map(change).collect();
        }
        self.findings.sort();
    }

    /// The quick connects that this plan deletes or transfers.
    pub fn quick_connects(&self) -> impl Iterator<Item = &QuickConnectChange> {
        self.delete.iter().flat_map(|removal| &removal.quick_connects)
    }

    /// Adds a finding if the quick connects of deleted users should be transferred to a user who does not exist or is
    /// also removed. The finding already appears when users are scheduled for deletion, so that an operator can correct
    /// the setting before the deletion.
    pub(super) fn check_transfer(&mut self, setting: &QuickConnects, users: &BTreeMap<&str, &ConnectUser>) {
        let QuickConnects::TransferTo(username) = setting else { return };
        let waits = |finding: &Finding| matches!(finding, Finding::RemovalWaits { .. });
        if self.delete.is_empty() && self.schedule_deletion.is_empty() && !self.findings.iter().any(waits) {
            return;
        }
        let exists = users.contains_key(username.as_str()) || self.create.iter().any(|new| new.username == *username);
        if self.is_removed(username) || !exists {
            self.findings.push(Finding::NoTransferTarget { username: username.clone() });
        }
    }

    /// Whether this plan removes the user with this username, or an earlier sync has scheduled the user for deletion.
    fn is_removed(&self, username: &str) -> bool {
        let waits = |finding: &Finding| matches!(finding, Finding::RemovalWaits { username: waiting, .. } if waiting == username);
        self.removed_usernames().any(|removed| removed == username) || self.findings.iter().any(waits)
    }
}

impl Removal {
    /// The usernames of the users to whom quick connects are transferred and who must be created first.
    pub fn awaited_users(&self) -> impl Iterator<Item = &str> {
        let transfers = self.quick_connects.iter().filter_map(|change| change.transfer.as_ref());
        transfers.filter(|transfer| transfer.user_id.is_none()).map(|transfer| transfer.username.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use time::Duration;

    use super::super::testkit::*;
    use super::super::*;
    use super::*;

    fn quick_connect(name: &str, user: &ConnectUser) -> QuickConnect {
        QuickConnect { id: format!("id-{name}"), name: name.into(), user_id: user.id.clone() }
    }

    fn transfer(name: &str) -> QuickConnects {
        QuickConnects::TransferTo(format!("{name}@example.com"))
    }

    #[test]
    fn only_quick_connects_of_deleted_users_are_changed() {
        let users = [user("hanako"), user("jiro"), user("taro"), unmanaged("boss")];
        let all = || {
            vec![
                quick_connect("b", &users[0]),
                quick_connect("a", &users[0]),
                quick_connect("t", &users[2]),
                quick_connect("x", &users[3]),
            ]
        };
        let groups = [group("Support", vec![member("taro")])];
        let mut plan = run(&groups, &users);
        let before = plan.digest();
        plan.add_quick_connects(all(), &QuickConnects::Delete, &users);
        let of_hanako =
            "- delete hanako@example.com\n    delete the quick connect \"a\"\n    delete the quick connect \"b\"\n";
        assert!(plan.to_string().contains(of_hanako), "{plan}");
        assert_ne!(plan.digest(), before);
        assert_eq!((plan.counts().quick_connects, plan.counts().delete), (2, 2));
        assert_eq!(plan.clone().guard(&ActionSet::EMPTY).apply.counts().quick_connects, 2);

        let mut plan = run(&groups, &users);
        plan.add_quick_connects(all(), &transfer("boss"), &users);
        assert!(plan.to_string().contains("    transfer the quick connect \"a\" to boss@example.com\n"), "{plan}");
        assert_eq!(plan.delete[0].quick_connects[0].transfer.as_ref().unwrap().user_id.as_deref(), Some("user-boss"));
        assert_eq!(plan.delete[0].awaited_users().count(), 0);
    }

    #[test]
    fn quick_connects_stay_if_the_user_who_gets_them_is_missing_or_removed_too() {
        let users = [user("hanako"), user("jiro"), user("taro")];
        let groups = [group("Support", vec![member("taro")])];
        for target in ["absent", "hanako", "jiro"] {
            let mut plan = run(&groups, &users);
            plan.add_quick_connects(vec![quick_connect("a", &users[0])], &transfer(target), &users);
            assert_eq!((plan.delete.len(), plan.quick_connects().count()), (2, 0), "{plan}");
            let stays = plan.findings.iter().filter(|finding| matches!(finding, Finding::QuickConnectsStay { .. }));
            assert_eq!(stays.count(), 1, "{plan}");
            assert!(plan.to_string().contains("\"a\" of hanako@example.com"), "{plan}");
        }
    }

    #[test]
    fn the_quick_connects_of_a_renamed_member_move_to_the_new_user() {
        let mut renamed = member("hanako");
        renamed.user_principal_name = Some("suzuki@example.com".into());
        let groups = [group("Support", vec![renamed, member("taro")])];
        let users = [user("hanako"), user("taro")];
        for setting in [QuickConnects::Delete, transfer("taro")] {
            let mut plan = run(&groups, &users);
            plan.add_quick_connects(vec![quick_connect("a", &users[0])], &setting, &users);
            let to = plan.delete[0].quick_connects[0].transfer.clone().unwrap();
            assert_eq!((to.username.as_str(), to.user_id), ("suzuki@example.com", None));
            assert_eq!(plan.delete[0].awaited_users().collect::<Vec<_>>(), ["suzuki@example.com"]);

            // When a later sync creates its plan, the member's new user already exists.
            let new = ConnectUser { id: "new".into(), username: "suzuki@example.com".into(), ..user("hanako") };
            let users = [users[0].clone(), new, users[1].clone()];
            let mut plan = run(&groups, &users);
            plan.add_quick_connects(vec![quick_connect("a", &users[0])], &setting, &users);
            let to = plan.delete[0].quick_connects[0].transfer.clone().unwrap();
            assert_eq!(to.user_id.as_deref(), Some("new"), "{plan}");
        }
    }

    #[test]
    fn a_missing_user_for_quick_connects_is_reported_as_soon_as_a_deletion_is_scheduled() {
        let mut policy = removing(7);
        policy.removed.quick_connects = transfer("boss");
        let groups = [group("Support", vec![member("taro")])];
        let reports = |users: &[ConnectUser], groups: &[GroupRead]| {
            let plan = run_with(&policy, groups, users);
            let count = |finding: &&Finding| matches!(finding, Finding::NoTransferTarget { .. });
            plan.findings.iter().filter(count).count()
        };
        let waiting = |name| ConnectUser { removal_due: Some(TODAY + Duration::days(3)), ..user(name) };
        assert_eq!(reports(&[user("taro")], &groups), 0, "no user leaves");
        assert_eq!(reports(&[user("hanako"), user("taro")], &groups), 1, "scheduled now");
        assert_eq!(reports(&[waiting("hanako"), user("taro")], &groups), 1, "scheduled before");
        assert_eq!(reports(&[unmanaged("boss"), user("hanako"), user("taro")], &groups), 0);
        assert_eq!(reports(&[waiting("boss"), waiting("hanako"), user("taro")], &groups), 1, "leaves too");
        let with_boss = [group("Support", vec![member("boss"), member("taro")])];
        assert_eq!(reports(&[user("hanako"), user("taro")], &with_boss), 0, "the plan creates the user");
    }
}
