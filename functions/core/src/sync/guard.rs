//! Splits a plan into the part that a sync applies and the part that waits for an operator's approval.
//!
//! An approval is valid for a set of actions ([`ActionSet`]), so the approval remains valid if other parts of the plan
//! change. The following actions are guarded, which means that they wait for approval (docs/theory.md, "Approval"):
//!
//! * all removals, if together they exceed the removal limit (`users.brake` in the input). The sync does not apply some
//!   of these removals up to the limit, because the next syncs would then apply the others without approval. A user who
//!   loses all permissions and is scheduled for deletion is counted once, and the two actions for this user are applied
//!   together or wait together;
//! * all updates that remove security profiles from users, if together they exceed the removal limit;
//! * the adoption of a user who was created manually, together with the user's update, if the update removes a security
//!   profile;
//! * all actions that remove the security profile [`ADMIN_PROFILE`] from users, if afterwards no user would have it.
//!
//! If the plan links a Connect user to another Entra account, the removal of security profiles from this user is not
//! guarded, because the permissions belonged to the former account.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::model::{ConnectUser, Profiles};
use super::plan::{Change, Plan, UserRef, UserUpdate};
use crate::digest::{hex, of_parts_bytes};

/// The security profile with all permissions. Every new instance contains this profile.
pub const ADMIN_PROFILE: &str = "Admin";
/// Length of the identifier of an action, in bytes.
const LENGTH: usize = 16;

/// A kind of action that may need approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum GuardedAction {
    /// The user is deleted.
    Delete,
    /// The user is scheduled for deletion.
    ScheduleDeletion,
    /// The user is kept without rights.
    Strip,
    /// The sessions of the user end, and the user is kept.
    EndSessions,
    /// The user loses a security profile.
    LoseProfile,
    /// The user was created manually and is adopted.
    Adopt,
}

impl GuardedAction {
    /// The name of this kind of action, which is part of the identifier of an action.
    const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::ScheduleDeletion => "scheduleDeletion",
            Self::Strip => "strip",
            Self::EndSessions => "endSessions",
            Self::LoseProfile => "loseProfile",
            Self::Adopt => "adopt",
        }
    }

    /// The identifier of this kind of action for a user. The identifier consists of the first bytes of the SHA-256
    /// digest of the kind, the user and `detail`. If the action removes a security profile from the user, `detail` is
    /// the id of this profile.
    fn id(self, user: &UserRef, detail: &str) -> [u8; LENGTH] {
        let object_id = user.object_id.as_deref().unwrap_or_default();
        let digest = of_parts_bytes([self.name(), &user.id, object_id, detail]);
        let mut id = [0; LENGTH];
        id.copy_from_slice(&digest[..LENGTH]);
        id
    }
}

/// A set of actions. Each action is represented by its identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionSet(Vec<[u8; LENGTH]>);

impl ActionSet {
    /// The empty set.
    pub const EMPTY: Self = Self(Vec::new());

    /// Creates a set from the output of [`Self::bytes`]. An incomplete identifier at the end is ignored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        bytes.as_chunks::<LENGTH>().0.iter().copied().collect()
    }

    /// The identifiers of all actions, in ascending order, without separators.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// The SHA-256 digest of the set, in hexadecimal. This digest identifies the request for approval of these actions.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&of_parts_bytes([self.bytes()]))
    }

    /// The number of actions.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set has no actions.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the other set contains every action of this set.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|id| other.contains(id))
    }

    /// The set of all actions that at least one of the two sets contains.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    fn contains(&self, id: &[u8; LENGTH]) -> bool {
        self.0.binary_search(id).is_ok()
    }
}

impl FromIterator<[u8; LENGTH]> for ActionSet {
    fn from_iter<T: IntoIterator<Item = [u8; LENGTH]>>(ids: T) -> Self {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }
}

/// The users who have the security profile [`ADMIN_PROFILE`] before the plan is applied. Users that this onboarding
/// does not manage are included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Admins {
    /// The id of the security profile [`ADMIN_PROFILE`].
    profile_id: String,
    /// The ids of the users with this profile who are not scheduled for deletion.
    active: BTreeSet<String>,
    /// The ids of the users with this profile who are scheduled for deletion.
    scheduled: BTreeSet<String>,
}

impl Admins {
    pub(super) fn of<'u>(users: impl Iterator<Item = &'u ConnectUser> + Clone, profiles: &Profiles) -> Self {
        let Some(profile_id) = profiles.security.get(ADMIN_PROFILE) else { return Self::default() };
        let admins = users.filter(|user| user.security_profile_ids.contains(profile_id));
        let ids = |scheduled: bool| -> BTreeSet<String> {
            let admins = admins.clone().filter(|user| user.removal_due.is_some() == scheduled);
            admins.map(|user| user.id.clone()).collect()
        };
        Self { profile_id: profile_id.clone(), active: ids(false), scheduled: ids(true) }
    }

    /// The ids of all users who have the profile [`ADMIN_PROFILE`], except `users`. Users who are scheduled for
    /// deletion have left their groups and can't sign in. The result therefore contains users who are scheduled for
    /// deletion only if no other users have the profile.
    fn without(&self, users: &HashSet<&str>) -> HashSet<&str> {
        let others = |id: &&str| !users.contains(id);
        let active: HashSet<&str> = self.active.iter().map(String::as_str).filter(others).collect();
        if active.is_empty() { self.scheduled.iter().map(String::as_str).filter(others).collect() } else { active }
    }
}

/// A plan that has been split into two parts. Together, the two parts contain every action of the plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuardedPlan {
    /// The part that the sync applies: actions that need no approval, and approved actions.
    pub apply: Plan,
    /// The part that waits for approval.
    pub waiting: Plan,
    /// The identifiers of the guarded actions in `waiting`.
    pub waiting_actions: ActionSet,
    /// The identifiers of the approved actions in `apply`.
    pub approved_actions: ActionSet,
    /// The reasons why `waiting` needs approval. Empty if no action waits.
    pub reasons: Vec<String>,
}

/// The guarded actions of a plan.
struct Guard<'a> {
    approved: &'a ActionSet,
    reasons: Vec<String>,
    /// Whether all removals are guarded, because together they exceed the removal limit.
    removals: bool,
    /// The ids of the users for whom at least one removal is not approved. All removals of such a user wait together.
    unapproved: HashSet<String>,
    /// Whether all updates that remove security profiles are guarded, because together they exceed the removal limit.
    reductions: bool,
    /// The ids of the users who would lose the profile [`ADMIN_PROFILE`]. Empty if at least one user would keep this
    /// profile.
    last_admins: HashSet<String>,
    /// The ids of manually created users whose adoption waits for approval.
    adoptions: HashSet<String>,
    /// The ids of the users that the plan links to another Entra account.
    taken_over: HashSet<String>,
}

impl Plan {
    /// Splits the plan. The actions in `approved` need no further approval.
    #[must_use]
    pub fn guard(mut self, approved: &ActionSet) -> GuardedPlan {
        let guard = Guard::of(&self, approved);
        // This pattern has no `..`. If a new list is added to the plan, the compiler therefore reports that the list is
        // missing here.
        let Self {
            create: _,
            adopt,
            update,
            schedule_deletion,
            cancel_deletion,
            delete,
            strip,
            end_sessions,
            skipped: _,
            findings: _,
            postponed: _,
            unchanged: _,
            managed,
            removal_limit,
            sign_out,
            admins: _,
            names,
        } = &mut self;
        let adoption_waits = |user: &UserRef| guard.adoptions.contains(&user.id);
        let waiting = Self {
            adopt: adopt.extract_if(.., |adoption| adoption_waits(&adoption.user)).collect(),
            update: guard.extract_updates(update),
            schedule_deletion: schedule_deletion.extract_if(.., |one| guard.removal_waits(&one.user)).collect(),
            cancel_deletion: cancel_deletion.extract_if(.., |user| adoption_waits(user)).collect(),
            delete: delete.extract_if(.., |removal| guard.removal_waits(&removal.user)).collect(),
            strip: strip.extract_if(.., |user| guard.removal_waits(user)).collect(),
            end_sessions: end_sessions.extract_if(.., |user| guard.removal_waits(user)).collect(),
            managed: *managed,
            removal_limit: removal_limit.clone(),
            sign_out: *sign_out,
            names: names.clone(),
            ..Self::default()
        };
        let apply = self;
        let waiting_actions = waiting.guardable().map(|(.., id)| id).collect();
        let is_approved = |id: &[u8; LENGTH]| approved.contains(id);
        let approved_actions = if approved.is_empty() {
            ActionSet::EMPTY
        } else {
            apply.guardable().map(|(.., id)| id).filter(is_approved).collect()
        };
        GuardedPlan { apply, waiting, waiting_actions, approved_actions, reasons: guard.reasons }
    }

    /// The reasons why a part of this plan needs approval. Empty if no part needs approval.
    #[must_use]
    pub fn approval_reasons(&self) -> Vec<String> {
        Guard::of(self, &ActionSet::EMPTY).reasons
    }

    /// The actions in this plan that may need approval, each with the username, grouped by kind of action. Omits the
    /// actions in `known`.
    pub fn guardable_users<'p>(
        &'p self,
        known: &'p ActionSet,
    ) -> impl Iterator<Item = (GuardedAction, &'p str)> + use<'p> {
        let mut last = None;
        self.guardable().filter(|(.., id)| !known.contains(id)).filter_map(move |(action, user, _)| {
            // A user who loses several security profiles has one action for each profile, but is returned only once.
            let this = (action, user.username.as_str());
            (last.replace(this) != Some(this)).then_some(this)
        })
    }

    /// The removals in this plan. If a new list of removals is added to the plan, the list must be added here, too.
    fn removed(&self) -> impl Iterator<Item = (GuardedAction, &UserRef)> {
        let deletions = self.delete.iter().map(|removal| (GuardedAction::Delete, &removal.user));
        let scheduled = self.schedule_deletion.iter().map(|user| (GuardedAction::ScheduleDeletion, &user.user));
        let signed_out = self.end_sessions.iter().map(|user| (GuardedAction::EndSessions, user));
        let stripped = self.strip.iter().map(|user| (GuardedAction::Strip, user));
        deletions.chain(scheduled).chain(stripped).chain(signed_out)
    }

    /// Every action that may need approval, with its identifier.
    fn guardable(&self) -> impl Iterator<Item = (GuardedAction, &UserRef, [u8; LENGTH])> {
        let removed = self.removed().map(|(action, user)| (action, user, action.id(user, "")));
        let reduced = self.update.iter().flat_map(|update| {
            let ids = reduction_ids(update);
            ids.map(|id| (GuardedAction::LoseProfile, &update.user, id))
        });
        let adopted = self.adopt.iter().filter(|adoption| adoption.created_manually);
        let adopted = adopted.map(|adoption| {
            let user = &adoption.user;
            (GuardedAction::Adopt, user, GuardedAction::Adopt.id(user, ""))
        });
        removed.chain(reduced).chain(adopted)
    }

    /// The reasons why this number of users exceeds the removal limit. The removal of a single user never exceeds the
    /// percentage, unless the percentage is 0. Otherwise, one user who leaves a team of five would already need
    /// approval.
    fn beyond_limit(&self, users: usize, would: &str) -> Vec<String> {
        let limit = &self.removal_limit;
        let (most, percent) = (limit.max_removals as usize, limit.max_removals_percent as usize);
        let mut reasons = Vec::new();
        if users > most {
            reasons.push(format!("{users} users would {would}, but the removal limit is {most} per run"));
        }
        if users * 100 > self.managed * percent && (users > 1 || (users == 1 && percent == 0)) {
            reasons.push(format!(
                "{users} of {} managed users would {would}, but the removal limit is {percent} percent per run",
                self.managed
            ));
        }
        reasons
    }
}

/// The identifiers of the actions in an update: one for each security profile that the user loses.
fn reduction_ids(update: &UserUpdate) -> impl Iterator<Item = [u8; LENGTH]> {
    update.lost_profiles.iter().map(|profile| GuardedAction::LoseProfile.id(&update.user, profile))
}

impl<'a> Guard<'a> {
    fn of(plan: &Plan, approved: &'a ActionSet) -> Self {
        let mut guard = Self {
            approved,
            reasons: Vec::new(),
            removals: false,
            unapproved: HashSet::new(),
            reductions: false,
            last_admins: HashSet::new(),
            adoptions: HashSet::new(),
            taken_over: plan.adopt.iter().filter(|one| one.relinked).map(|one| one.user.id.clone()).collect(),
        };
        let unapproved = plan.removed().filter(|(action, user)| !approved.contains(&action.id(user, "")));
        guard.unapproved = unapproved.map(|(_, user)| user.id.clone()).collect();
        let beyond = plan.beyond_limit(guard.unapproved.len(), "be removed");
        guard.removals = !beyond.is_empty();
        guard.reasons.extend(beyond);
        guard.guard_reductions(plan);
        guard.guard_last_admins(plan);
        guard
    }

    /// Determines which updates and adoptions are guarded because they remove security profiles from users.
    fn guard_reductions(&mut self, plan: &Plan) {
        let reductions: HashMap<&str, &UserUpdate> = plan
            .update
            .iter()
            .filter(|update| !update.lost_profiles.is_empty() && !self.taken_over.contains(&update.user.id))
            .map(|update| (update.user.id.as_str(), update))
            .collect();
        let adopted: HashSet<&str> = plan
            .adopt
            .iter()
            .filter(|adoption| adoption.created_manually && reductions.contains_key(adoption.user.id.as_str()))
            .map(|adoption| adoption.user.id.as_str())
            .collect();
        let of_managed = reductions.iter().filter(|(id, update)| !adopted.contains(*id) && !self.approves(update));
        let beyond = plan.beyond_limit(of_managed.count(), "lose a security profile");
        self.reductions = !beyond.is_empty();
        self.reasons.extend(beyond);
        for adoption in plan.adopt.iter().filter(|adoption| adopted.contains(adoption.user.id.as_str())) {
            let approved = self.approved.contains(&GuardedAction::Adopt.id(&adoption.user, ""))
                && reductions.get(adoption.user.id.as_str()).is_some_and(|update| self.approves(update));
            if !approved {
                self.adoptions.insert(adoption.user.id.clone());
            }
        }
        if !self.adoptions.is_empty() {
            let users = self.adoptions.len();
            self.reasons.push(format!("{users} manually created users would be adopted and lose a security profile"));
        }
    }

    /// Determines whether the actions that remove the profile [`ADMIN_PROFILE`] are guarded, because no user would keep
    /// this profile. In general, a user that the plan creates does not count as a user who keeps the profile, because
    /// the creation may fail. The new user of a renamed member counts, because the old user is deleted only after the
    /// new user was created.
    fn guard_last_admins(&mut self, plan: &Plan) {
        let profile_id = &plan.admins.profile_id;
        let reduced = plan.update.iter().filter(|update| update.lost_profiles.contains(profile_id));
        let (taken_over, reduced): (Vec<&UserRef>, Vec<&UserRef>) =
            reduced.map(|update| &update.user).partition(|user| self.taken_over.contains(&user.id));
        // A user who loses the profile because the plan links the user to another Entra account does not count as a
        // user who has the profile, because the former account can't sign in any more.
        let admins = plan.admins.without(&taken_over.iter().map(|user| user.id.as_str()).collect());
        if admins.is_empty() {
            return;
        }
        let renamed: HashSet<&str> = plan
            .create
            .iter()
            .filter(|new| new.assignment.security_profile_ids.contains(profile_id))
            .map(|new| new.object_id.as_str())
            .collect();
        // A user whose sessions are ended keeps the security profiles.
        let removed = plan.removed().filter(|(action, _)| *action != GuardedAction::EndSessions).map(|(_, user)| user);
        let losing = removed.chain(reduced).filter(|user| admins.contains(user.id.as_str()));
        let losing: HashMap<&str, &UserRef> = losing.map(|user| (user.id.as_str(), user)).collect();
        // The old user of a renamed member is deleted only after the new user exists. All other actions that remove
        // permissions are applied even if the creation of the new user fails.
        let stripped: HashSet<&str> = plan.strip.iter().map(|user| user.id.as_str()).collect();
        let replaced = |user: &&UserRef| {
            !stripped.contains(user.id.as_str()) && user.object_id.as_deref().is_some_and(|id| renamed.contains(id))
        };
        if losing.len() < admins.len() || losing.values().any(replaced) {
            return;
        }
        self.last_admins = losing.into_keys().map(ToOwned::to_owned).collect();
        let last = |user: &UserRef| self.last_admins.contains(&user.id);
        let waits = plan.removed().any(|(_, user)| last(user) && self.removal_waits(user))
            || plan.update.iter().any(|update| last(&update.user) && self.reduction_waits(update));
        if waits {
            self.reasons.push(format!("no user would have the security profile {ADMIN_PROFILE}"));
        }
    }

    fn removal_waits(&self, user: &UserRef) -> bool {
        (self.removals || self.last_admins.contains(&user.id)) && self.unapproved.contains(&user.id)
    }

    fn reduction_waits(&self, update: &UserUpdate) -> bool {
        !update.lost_profiles.is_empty()
            && !self.taken_over.contains(&update.user.id)
            && (self.reductions || self.last_admins.contains(&update.user.id))
            && !self.approves(update)
    }

    fn approves(&self, update: &UserUpdate) -> bool {
        reduction_ids(update).all(|id| self.approved.contains(&id))
    }

    /// Moves the updates that wait for approval from `updates` to the result. A change that does not concern security
    /// profiles, for example a change of the name, waits only if the adoption of the user waits.
    fn extract_updates(&self, updates: &mut Vec<UserUpdate>) -> Vec<UserUpdate> {
        let (mut apply, mut wait) = (Vec::with_capacity(updates.len()), Vec::new());
        for update in std::mem::take(updates) {
            if self.adoptions.contains(&update.user.id) {
                wait.push(update);
            } else if self.reduction_waits(&update) {
                let UserUpdate { user, changes, lost_profiles, assignment } = update;
                let (later, now): (Vec<Change>, Vec<Change>) =
                    changes.into_iter().partition(|change| matches!(change, Change::SecurityProfiles(_)));
                if !now.is_empty() {
                    let (user, assignment) = (user.clone(), assignment.clone());
                    apply.push(UserUpdate { user, changes: now, lost_profiles: Vec::new(), assignment });
                }
                wait.push(UserUpdate { user, changes: later, lost_profiles, assignment });
            } else {
                apply.push(update);
            }
        }
        *updates = apply;
        wait
    }
}
