//! Creates the plan by comparing desired and actual users.

use std::collections::BTreeMap;
use std::sync::Arc;

use time::{Date, Duration};

use super::desired::{Desired, Wanted, desired};
use super::finding::{Finding, SkipReason};
use super::model::{Assignment, ConnectUser, GroupRead, Ownership, Policy, Profiles};
use super::plan::{Adoption, Change, Mark, NewUser, Plan, Removal, UserRef, UserUpdate};
use super::username::person_name;
use crate::onboarding::{Phone, RemovalAction};

/// Compares the desired users of the groups with the users in Connect.
///
/// `today` (UTC) decides which grace periods are over. This function does not fail: members and groups that can't be
/// planned are in [`Plan::skipped`] and [`Plan::findings`].
#[must_use]
pub fn plan(groups: &[GroupRead], users: &[ConnectUser], profiles: &Profiles, policy: &Policy, today: Date) -> Plan {
    let by_username = by_username(users);
    let wanted = desired(groups, &by_username, profiles, policy);
    let mut planner = Planner { plan: Plan::default(), policy, today };
    planner.plan.brake = policy.brake.clone();
    planner.plan.managed = by_username.values().filter(|user| user.ownership == Ownership::Ours).count();
    planner.plan.names = names(profiles);
    if wanted.partial {
        planner.plan.findings = wanted.findings;
        planner.plan.findings.sort();
        planner.plan.unchanged = planner.plan.managed;
        return planner.plan;
    }
    planner.compare(wanted, &by_username);
    planner.plan.skipped.sort();
    planner.plan.findings.sort();
    planner.plan.findings.dedup();
    planner.plan
}

/// Users by username. If two pages contain a username, the user with the smaller id counts.
fn by_username(users: &[ConnectUser]) -> BTreeMap<&str, &ConnectUser> {
    let mut map: BTreeMap<&str, &ConnectUser> = BTreeMap::new();
    for user in users {
        map.entry(&user.username)
            .and_modify(|known| {
                if user.id < known.id {
                    *known = user
                }
            })
            .or_insert(user);
    }
    map
}

fn names(profiles: &Profiles) -> BTreeMap<String, String> {
    [&profiles.security, &profiles.routing, &profiles.hierarchy]
        .into_iter()
        .flatten()
        .map(|(name, id)| (id.clone(), name.clone()))
        .collect()
}

struct Planner<'p> {
    plan: Plan,
    policy: &'p Policy,
    today: Date,
}

impl Planner<'_> {
    fn compare(&mut self, mut wanted: Desired<'_>, users: &BTreeMap<&str, &ConnectUser>) {
        let username_of: BTreeMap<&str, &str> =
            wanted.users.iter().map(|(username, wanted)| (wanted.member.id.as_str(), *username)).collect();
        let managed_id: BTreeMap<&str, &str> = users
            .values()
            .filter(|user| user.ownership == Ownership::Ours)
            .filter_map(|user| Some((user.entra_object_id.as_deref()?, user.username.as_str())))
            .collect();
        let mut taken = Vec::new();
        for (username, want) in &wanted.users {
            match users.get(username) {
                None => self.create(username, want, managed_id.get(want.member.id.as_str()).copied()),
                Some(user) => match &user.ownership {
                    Ownership::OtherOnboarding(alias) => {
                        taken.push((*username, want.member.id.as_str(), SkipReason::OtherOnboarding(alias.clone())));
                    }
                    Ownership::Ours | Ownership::Unmanaged => self.keep(user, want),
                },
            }
        }
        for (username, id, reason) in taken {
            wanted.protected_ids.insert(id);
            wanted.skip(username, id, reason);
        }
        self.case_only(&wanted, users);
        for user in users.values().filter(|user| user.ownership == Ownership::Ours) {
            if wanted.users.contains_key(user.username.as_str()) {
                continue;
            }
            let object_id = user.entra_object_id.as_deref();
            if wanted.protected_usernames.contains(user.username.as_str())
                || object_id.is_some_and(|id| wanted.protected_ids.contains(id))
            {
                self.leave(user);
            } else {
                let replaced_by = object_id.and_then(|id| username_of.get(id)).map(|name| (*name).to_owned());
                self.remove(user, replaced_by, wanted.empty);
            }
        }
        if self.plan.held_back > 0 {
            self.plan.findings.push(Finding::RemovalsHeldBack { users: self.plan.held_back });
        }
        self.plan.skipped.append(&mut wanted.skipped);
        self.plan.findings.append(&mut wanted.findings);
    }

    fn create(&mut self, username: &str, want: &Wanted<'_>, former: Option<&str>) {
        if let Some(from) = former {
            self.plan.findings.push(Finding::Renamed { from: from.to_owned(), to: username.to_owned() });
        }
        let (first_name, last_name) = person_name(want.member, username);
        self.plan.create.push(NewUser {
            username: username.to_owned(),
            object_id: want.member.id.clone(),
            first_name,
            last_name,
            assignment: Arc::clone(&want.assignment),
        });
    }

    /// A user that exists under a desired username: adopts and updates the user if necessary.
    fn keep(&mut self, user: &ConnectUser, want: &Wanted<'_>) {
        let object_id = &want.member.id;
        let linked = user.entra_object_id.as_ref() == Some(object_id);
        let mut untouched = true;
        let reference = || UserRef { object_id: Some(object_id.clone()), ..refer(user) };
        if user.ownership == Ownership::Unmanaged || !linked {
            if let (Ownership::Ours, Some(from)) = (&user.ownership, &user.entra_object_id) {
                self.plan.findings.push(Finding::Relinked {
                    username: user.username.clone(),
                    from: from.clone(),
                    to: object_id.clone(),
                });
            }
            self.plan.adopt.push(Adoption { user: reference(), object_id: object_id.clone() });
            untouched = false;
        }
        if user.removal_due.is_some() {
            self.plan.unmark.push(reference());
            untouched = false;
        }
        let changes = changes(user, want);
        if !changes.is_empty() {
            self.plan.update.push(UserUpdate { user: reference(), changes });
            untouched = false;
        }
        self.plan.unchanged += usize::from(untouched);
    }

    /// A user that stays unchanged, except that a scheduled deletion is cancelled.
    fn leave(&mut self, user: &ConnectUser) {
        if user.removal_due.is_some() {
            self.plan.unmark.push(refer(user));
        } else {
            self.plan.unchanged += 1;
        }
    }

    fn remove(&mut self, user: &ConnectUser, replaced_by: Option<String>, guarded: bool) {
        let removed = &self.policy.removed;
        // Match every action explicitly, so that a new action never means deletion by accident.
        match removed.action {
            RemovalAction::Keep => {
                self.plan.findings.push(Finding::Kept { username: user.username.clone() });
                return self.leave(user);
            }
            RemovalAction::Delete => {}
        }
        let due = match user.removal_due {
            Some(due) if due > self.today => {
                self.plan.findings.push(Finding::RemovalWaits { username: user.username.clone(), due });
                self.plan.unchanged += 1;
                return;
            }
            Some(_) => None,
            None if removed.grace_days == 0 => None,
            None => self.today.checked_add(Duration::days(i64::from(removed.grace_days))).or(Some(Date::MAX)),
        };
        if guarded {
            self.plan.held_back += 1;
            self.plan.unchanged += 1;
            return;
        }
        match due {
            Some(due) => self.plan.mark.push(Mark { user: refer(user), due }),
            None => self.plan.delete.push(Removal { user: refer(user), replaced_by }),
        }
    }

    /// Reports desired usernames that differ only in case from another desired or existing username.
    fn case_only(&mut self, wanted: &Desired<'_>, users: &BTreeMap<&str, &ConnectUser>) {
        let mut folded: BTreeMap<String, &str> = BTreeMap::new();
        for username in wanted.users.keys() {
            if let Some(other) = folded.insert(username.to_ascii_lowercase(), username) {
                self.plan
                    .findings
                    .push(Finding::CaseOnly { username: (*username).to_owned(), other: other.to_owned() });
            }
        }
        for existing in users.keys().filter(|existing| !wanted.users.contains_key(*existing)) {
            if let Some(username) = folded.get(&existing.to_ascii_lowercase()) {
                self.plan
                    .findings
                    .push(Finding::CaseOnly { username: (*username).to_owned(), other: (*existing).to_owned() });
            }
        }
    }
}

fn refer(user: &ConnectUser) -> UserRef {
    UserRef {
        username: user.username.clone(),
        id: user.id.clone(),
        arn: user.arn.clone(),
        object_id: user.entra_object_id.clone(),
    }
}

fn changes(user: &ConnectUser, want: &Wanted<'_>) -> Vec<Change> {
    differences(user, person_name(want.member, &user.username), &want.assignment)
}

/// The changes for a user that was to be created and already exists: another process created the user, or the response
/// to an earlier call was lost.
#[must_use]
pub fn changes_instead_of_creation(new: &NewUser, existing: &ConnectUser) -> Vec<Change> {
    differences(existing, (new.first_name.clone(), new.last_name.clone()), &new.assignment)
}

/// Whether the phone settings match. In `PhoneConfig`, `SearchUsers` returns the after contact work time in
/// milliseconds; the unit for a channel is not documented. So a value that is 1,000 times higher counts as equal.
fn is_set(seen: &Phone, wanted: &Phone) -> bool {
    let (seen_work, wanted_work) = (seen.after_contact_work_seconds, wanted.after_contact_work_seconds);
    seen.auto_accept == wanted.auto_accept
        && (seen_work == wanted_work || Some(seen_work) == wanted_work.checked_mul(1000))
}

fn differences(user: &ConnectUser, (first_name, last_name): (String, String), assignment: &Assignment) -> Vec<Change> {
    let mut changes = Vec::new();
    if first_name != user.first_name || last_name != user.last_name {
        changes.push(Change::Identity { first_name, last_name });
    }
    let wanted = &assignment.security_profile_ids;
    if user.security_profile_ids.len() != wanted.len()
        || !user.security_profile_ids.iter().all(|id| wanted.binary_search(id).is_ok())
    {
        changes.push(Change::SecurityProfiles(wanted.clone()));
    }
    if user.routing_profile_id != assignment.routing_profile_id {
        changes.push(Change::RoutingProfile(assignment.routing_profile_id.clone()));
    }
    if let Some(hierarchy) = &assignment.hierarchy_group_id
        && user.hierarchy_group_id.as_ref() != Some(hierarchy)
    {
        changes.push(Change::Hierarchy(hierarchy.clone()));
    }
    let phone = Phone {
        auto_accept: assignment.auto_accept,
        after_contact_work_seconds: assignment.after_contact_work_seconds,
    };
    if !user.phone.as_ref().is_some_and(|seen| is_set(seen, &phone)) {
        changes.push(Change::Phone(phone));
    }
    changes
}
