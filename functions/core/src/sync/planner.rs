//! Creates the plan of a user sync by comparing the desired users with the actual users.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use time::{Date, Duration};

use super::desired::{Desired, DesiredUser, desired};
use super::finding::{Finding, SkipReason};
use super::guard::Admins;
use super::model::{Assignment, ConnectUser, GroupRead, Ownership, Policy, Profiles};
use super::plan::{Adoption, Change, NewUser, Plan, Removal, ScheduledDeletion, UserRef, UserUpdate};
use super::proficiencies::ProficiencyChange;
use super::username::person_name;
use crate::names::NO_ACCESS_PROFILE;
use crate::onboarding::RemovalAction;

/// The time from the loss of a user's access until all earlier sessions of the user have expired. A session lasts at
/// most 12 hours. The constant is two days, because the tag contains a date without a time of day
/// (<https://repost.aws/knowledge-center/connect-resolve-session-expired-errors>).
const SESSIONS_EXPIRED: Duration = Duration::days(2);

/// Compares the desired users, which the groups define, with the users in Connect.
///
/// `today` (UTC) determines which scheduled deletions are due. This function always succeeds: [`Plan::skipped`] and
/// [`Plan::findings`] contain the members and groups for which no action can be planned.
#[must_use]
pub fn plan(groups: &[GroupRead], users: &[ConnectUser], profiles: &Profiles, policy: &Policy, today: Date) -> Plan {
    let by_username = by_username(users);
    let desired = desired(groups, &by_username, profiles, policy);
    let no_access = profiles.security.get(NO_ACCESS_PROFILE).map(String::as_str);
    let mut planner = Planner { plan: Plan::default(), policy, no_access, today };
    planner.plan.removal_limit = policy.removal_limit.clone();
    planner.plan.sign_out = policy.removed.sign_out;
    planner.plan.managed = by_username.values().filter(|user| user.ownership == Ownership::Ours).count();
    planner.plan.names = names(profiles);
    planner.plan.admins = Admins::of(by_username.values().copied(), profiles);
    if desired.partial {
        planner.plan.findings = desired.findings;
        planner.plan.findings.sort();
        planner.plan.unchanged = planner.plan.managed;
        return planner.plan;
    }
    planner.compare(desired, &by_username);
    planner.plan.skipped.sort();
    planner.plan.findings.sort();
    planner.plan.findings.dedup();
    planner.plan
}

/// Maps each username to its user. If the pages of the list of users contain a username twice, the user with the
/// smaller id is used.
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
    /// The ID of the security profile without permissions, if the instance has this profile.
    no_access: Option<&'p str>,
    today: Date,
}

impl Planner<'_> {
    fn compare(&mut self, mut desired: Desired<'_>, users: &BTreeMap<&str, &ConnectUser>) {
        let username_of: BTreeMap<&str, &str> =
            desired.users.iter().map(|(username, desired)| (desired.member.id.as_str(), *username)).collect();
        let managed_id: BTreeMap<&str, &str> = users
            .values()
            .filter(|user| user.ownership == Ownership::Ours)
            .filter_map(|user| Some((user.entra_object_id.as_deref()?, user.username.as_str())))
            .collect();
        let mut taken = Vec::new();
        for (username, desired) in &desired.users {
            match users.get(username) {
                None => self.create(username, desired, managed_id.get(desired.member.id.as_str()).copied()),
                Some(user) => match &user.ownership {
                    Ownership::OtherOnboarding(alias) => {
                        taken.push((*username, desired.member.id.as_str(), SkipReason::OtherOnboarding(alias.clone())));
                    }
                    Ownership::Ours | Ownership::Unmanaged => self.adopt_or_update(user, desired),
                },
            }
        }
        for (username, id, reason) in taken {
            desired.protected_ids.insert(id);
            desired.skip(username, id, reason);
        }
        self.report_case_conflicts(&desired, users);
        let guests: BTreeSet<String> = desired
            .skipped
            .iter()
            .filter(|skipped| skipped.reason == SkipReason::Guest)
            .map(|skipped| skipped.object_id.clone())
            .collect();
        for user in users.values().filter(|user| user.ownership == Ownership::Ours) {
            if desired.users.contains_key(user.username.as_str()) {
                continue;
            }
            let object_id = user.entra_object_id.as_deref();
            let is_protected_member = object_id.is_some_and(|id| desired.protected_ids.contains(id));
            if is_protected_member && user.signed_out {
                self.forget_sign_out(user);
            } else if is_protected_member || desired.protected_usernames.contains(user.username.as_str()) {
                self.keep_unchanged(user);
            } else {
                let replaced_by = object_id.and_then(|id| username_of.get(id)).map(|name| (*name).to_owned());
                let let_in = object_id.is_some_and(|id| guests.contains(id)) || self.is_let_in(object_id);
                self.remove(user, replaced_by, desired.empty, let_in);
            }
        }
        if self.plan.postponed > 0 {
            self.plan.findings.push(Finding::RemovalsPostponed { users: self.plan.postponed });
        }
        self.repeat_sign_outs(users);
        self.plan.check_transfer(&self.policy.removed.quick_connects, users);
        self.plan.skipped.append(&mut desired.skipped);
        self.plan.findings.append(&mut desired.findings);
    }

    fn create(&mut self, username: &str, desired: &DesiredUser<'_>, former: Option<&str>) {
        if let Some(from) = former {
            self.plan.findings.push(Finding::Renamed { from: from.to_owned(), to: username.to_owned() });
        }
        let (first_name, last_name) = person_name(desired.member, username);
        self.plan.create.push(NewUser {
            username: username.to_owned(),
            object_id: desired.member.id.clone(),
            first_name,
            last_name,
            assignment: Arc::clone(&desired.assignment),
        });
    }

    /// Plans the actions for a Connect user whose username is the username of a member: adoption, update, or no action.
    fn adopt_or_update(&mut self, user: &ConnectUser, desired: &DesiredUser<'_>) {
        let object_id = &desired.member.id;
        let linked = user.entra_object_id.as_ref() == Some(object_id);
        let mut untouched = true;
        let reference = || UserRef { object_id: Some(object_id.clone()), ..reference_to(user) };
        if user.ownership == Ownership::Unmanaged || !linked {
            let mut relinked = false;
            if let (Ownership::Ours, Some(from)) = (&user.ownership, &user.entra_object_id) {
                relinked = true;
                self.plan.findings.push(Finding::Relinked {
                    username: user.username.clone(),
                    from: from.clone(),
                    to: object_id.clone(),
                });
            }
            self.plan.adopt.push(Adoption {
                user: reference(),
                object_id: object_id.clone(),
                relinked,
                created_manually: user.ownership == Ownership::Unmanaged,
            });
            untouched = false;
        }
        if user.removal_due.is_some() {
            self.plan.cancel_deletion.push(reference());
            untouched = false;
        }
        let changes = changes(user, desired);
        if !changes.is_empty() {
            let mut lost_profiles = lost_profiles(user, &desired.assignment);
            // A returning member also loses the security profile without permissions, but this does not remove any
            // permissions.
            lost_profiles.retain(|id| Some(id.as_str()) != self.no_access);
            let assignment = Some(Arc::clone(&desired.assignment));
            self.plan.update.push(UserUpdate { user: reference(), changes, lost_profiles, assignment });
            untouched = false;
        }
        self.plan.unchanged += usize::from(untouched);
    }

    /// Plans the actions for the Connect user of a member who is in a group again but is skipped. The sync only removes
    /// the tags that mark the user as a leaver.
    fn forget_sign_out(&mut self, user: &ConnectUser) {
        if user.removal_due.is_some() {
            self.plan.cancel_deletion.push(reference_to(user));
        }
        self.plan.update.push(UserUpdate::without_values(reference_to(user), Change::ForgetSignOut));
    }

    /// Plans no change of a user, except that a scheduled deletion is canceled.
    fn keep_unchanged(&mut self, user: &ConnectUser) {
        if user.removal_due.is_some() {
            self.plan.cancel_deletion.push(reference_to(user));
        } else {
            self.plan.unchanged += 1;
        }
    }

    /// Whether an account can sign in through Entra ID, although it is in no group of the input.
    fn is_let_in(&self, object_id: Option<&str>) -> bool {
        self.policy.let_in.all_users || object_id.is_some_and(|id| self.policy.let_in.users.contains(id))
    }

    /// Whether the only security profile of the user is the one without permissions.
    fn is_stripped(&self, user: &ConnectUser) -> bool {
        match (user.security_profile_ids.as_slice(), self.no_access) {
            ([only], Some(no_access)) => only == no_access,
            _ => false,
        }
    }

    /// Plans to remove all permissions from a user who left all groups, and to keep the user.
    fn strip(&mut self, user: &ConnectUser, a_group_is_empty: bool, let_in: bool) {
        if self.keeps_with_action(user, self.is_stripped(user), a_group_is_empty) {
            self.plan.strip.push(UserRef { let_in, ..reference_to(user) });
        }
    }

    /// Plans to end the sessions of users who lost access in an earlier sync that could not end the sessions. These
    /// actions need no approval, because each of them completes an action that was already applied.
    fn repeat_sign_outs(&mut self, users: &BTreeMap<&str, &ConnectUser>) {
        let plan = &mut self.plan;
        let adopted: HashSet<String> = plan.adopt.iter().map(|adoption| adoption.user.id.clone()).collect();
        let scheduled = plan.schedule_deletion.iter().map(|schedule| &schedule.user);
        let listed = scheduled.chain(&plan.cancel_deletion).chain(&plan.strip).chain(&plan.end_sessions);
        let changed: HashSet<String> = listed.map(|user| user.id.clone()).chain(adopted.iter().cloned()).collect();
        let deleted: HashSet<String> = plan.delete.iter().map(|removal| removal.user.id.clone()).collect();
        let managed = |user: &&&ConnectUser| user.ownership == Ownership::Ours || adopted.contains(&user.id);
        for user in users.values().filter(managed).filter(|user| !deleted.contains(&user.id)) {
            let Some(since) = user.sign_out_due else { continue };
            let expired = !self.policy.removed.sign_out || self.today - since >= SESSIONS_EXPIRED;
            let change = if expired { Change::ForgetSignOutDue } else { Change::RepeatSignOut };
            if let Some(update) = plan.update.iter_mut().find(|update| update.user.id == user.id) {
                update.changes.push(change);
                continue;
            }
            plan.unchanged = plan.unchanged.saturating_sub(usize::from(!changed.contains(&user.id)));
            plan.update.push(UserUpdate::without_values(reference_to(user), change));
        }
        plan.update.sort_by(|one, other| one.user.username.cmp(&other.user.username));
    }

    /// Plans to keep a user who left all groups, and to end the user's sessions once.
    fn keep(&mut self, user: &ConnectUser, a_group_is_empty: bool) {
        if self.keeps_with_action(user, !self.policy.removed.sign_out || user.signed_out, a_group_is_empty) {
            self.plan.end_sessions.push(reference_to(user));
        }
    }

    /// Plans to keep a user who left all groups, and cancels a scheduled deletion. Returns whether the caller must plan
    /// the action that ends the user's access. The action is not needed if an earlier sync has already done the action
    /// (`is_done`). If a group is empty, the action is postponed.
    fn keeps_with_action(&mut self, user: &ConnectUser, is_done: bool, a_group_is_empty: bool) -> bool {
        if is_done || a_group_is_empty {
            self.plan.postponed += usize::from(!is_done);
            self.keep_unchanged(user);
            return false;
        }
        if user.removal_due.is_some() {
            self.plan.cancel_deletion.push(reference_to(user));
        }
        true
    }

    fn remove(&mut self, user: &ConnectUser, replaced_by: Option<String>, a_group_is_empty: bool, let_in: bool) {
        let removed = &self.policy.removed;
        // For a user who left earlier, no other removal is planned, and no other action would remove the user's
        // assignment to the enterprise application. A user with such an assignment is therefore treated as a user who
        // can still sign in.
        let left_earlier = user.removal_due.is_some() || user.signed_out || !removed.sign_out;
        let is_assigned = user.entra_object_id.as_ref().is_some_and(|id| self.policy.let_in.assigned.contains(id));
        let let_in = let_in || (left_earlier && is_assigned);
        // Every removal action has its own arm in this `match`. A new kind of action is therefore not treated as a
        // deletion by mistake.
        match removed.action {
            RemovalAction::Keep if let_in => {
                self.plan.findings.push(Finding::StillLetIn { username: user.username.clone() });
                return self.strip(user, a_group_is_empty, true);
            }
            RemovalAction::Keep => {
                self.plan.findings.push(Finding::Kept { username: user.username.clone() });
                return self.keep(user, a_group_is_empty);
            }
            RemovalAction::Strip => {
                self.plan.findings.push(Finding::Kept { username: user.username.clone() });
                return self.strip(user, a_group_is_empty, let_in);
            }
            RemovalAction::Delete => {}
        }
        let due = match user.removal_due {
            Some(due) if due > self.today => {
                self.plan.findings.push(Finding::RemovalWaits { username: user.username.clone(), due });
                let strips = let_in && !self.is_stripped(user) && !a_group_is_empty;
                self.plan.strip.extend(strips.then(|| UserRef { let_in, ..reference_to(user) }));
                self.plan.unchanged += usize::from(!strips);
                return;
            }
            Some(_) => None,
            None if removed.grace_days == 0 => None,
            None => self.today.checked_add(Duration::days(i64::from(removed.grace_days))).or(Some(Date::MAX)),
        };
        if a_group_is_empty {
            self.plan.postponed += 1;
            self.plan.unchanged += 1;
            return;
        }
        match due {
            Some(due) => {
                if let_in && !self.is_stripped(user) {
                    self.plan.strip.push(UserRef { let_in, ..reference_to(user) });
                }
                self.plan.schedule_deletion.push(ScheduledDeletion { user: reference_to(user), due });
            }
            None => self.plan.delete.push(Removal { replaced_by, ..Removal::of(reference_to(user)) }),
        }
    }

    /// Reports each desired username that differs only in case from another desired username or from the name of an
    /// existing user.
    fn report_case_conflicts(&mut self, desired: &Desired<'_>, users: &BTreeMap<&str, &ConnectUser>) {
        let mut folded: BTreeMap<String, &str> = BTreeMap::new();
        for username in desired.users.keys() {
            if let Some(other) = folded.insert(username.to_ascii_lowercase(), username) {
                self.plan
                    .findings
                    .push(Finding::CaseOnly { username: (*username).to_owned(), other: other.to_owned() });
            }
        }
        for existing in users.keys().filter(|existing| !desired.users.contains_key(*existing)) {
            if let Some(username) = folded.get(&existing.to_ascii_lowercase()) {
                self.plan
                    .findings
                    .push(Finding::CaseOnly { username: (*username).to_owned(), other: (*existing).to_owned() });
            }
        }
    }
}

fn reference_to(user: &ConnectUser) -> UserRef {
    UserRef {
        username: user.username.clone(),
        id: user.id.clone(),
        arn: user.arn.clone(),
        object_id: user.entra_object_id.clone(),
        signed_out: user.signed_out,
        let_in: false,
        traffic_group: user.traffic_group.clone(),
    }
}

fn changes(user: &ConnectUser, desired: &DesiredUser<'_>) -> Vec<Change> {
    differences(user, person_name(desired.member, &user.username), &desired.assignment)
}

/// The changes after which an existing user matches the user that the plan would create. If such a user exists, either
/// another process created the user, or the response to an earlier request was lost.
#[must_use]
pub fn changes_instead_of_creation(new: &NewUser, existing: &ConnectUser) -> Vec<Change> {
    differences(existing, (new.first_name.clone(), new.last_name.clone()), &new.assignment)
}

/// The ids of the security profiles that the user has but the assignment does not contain.
#[must_use]
pub fn lost_profiles(user: &ConnectUser, assignment: &Assignment) -> Vec<String> {
    let desired = &assignment.security_profile_ids;
    user.security_profile_ids.iter().filter(|id| desired.binary_search(id).is_err()).cloned().collect()
}

fn differences(user: &ConnectUser, (first_name, last_name): (String, String), assignment: &Assignment) -> Vec<Change> {
    let mut changes = Vec::new();
    if first_name != user.first_name || last_name != user.last_name {
        changes.push(Change::Identity { first_name, last_name });
    }
    let desired = &assignment.security_profile_ids;
    if user.security_profile_ids.len() != desired.len()
        || !user.security_profile_ids.iter().all(|id| desired.binary_search(id).is_ok())
    {
        changes.push(Change::SecurityProfiles(desired.clone()));
    }
    if user.routing_profile_id != assignment.routing_profile_id {
        changes.push(Change::RoutingProfile(assignment.routing_profile_id.clone()));
    }
    if let Some(hierarchy) = &assignment.hierarchy_group_id
        && user.hierarchy_group_id.as_ref() != Some(hierarchy)
    {
        changes.push(Change::Hierarchy(hierarchy.clone()));
    }
    if !assignment.channels.are_met_by(&user.channels) {
        changes.push(Change::Channels(assignment.channels.clone()));
    }
    if let Some(desired) = &assignment.proficiencies
        && user.proficiencies.as_deref() != desired.record()
    {
        let recorded = user.proficiencies.clone();
        changes.push(Change::Proficiencies(ProficiencyChange { desired: desired.clone(), recorded }));
    }
    if let Some(group) = &assignment.traffic_group
        && user.traffic_group.as_ref() != Some(group)
    {
        changes.push(Change::TrafficGroup(group.clone()));
    }
    if user.signed_out {
        changes.push(Change::ForgetSignOut);
    }
    changes
}
