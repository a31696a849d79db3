//! The plan of a user sync: all actions in Connect, ordered by username.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::Date;

use super::channels::UserChannels;
use super::finding::{Finding, Skipped};
use super::guard::Admins;
use super::model::{Assignment, ConnectUser, date_to_tag};
use super::proficiencies::{Proficiencies, ProficiencyChange};
use super::quick_connects::QuickConnectChange;
use crate::onboarding::RemovalLimit;

/// All actions after which the users in Connect match the group members in Entra and the input. Every list is ordered
/// by username.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Users to create.
    pub create: Vec<NewUser>,
    /// Existing users to adopt. The adoption adds the tags of this onboarding to a user.
    pub adopt: Vec<Adoption>,
    /// Users to update.
    pub update: Vec<UserUpdate>,
    /// Users to schedule for deletion.
    pub schedule_deletion: Vec<ScheduledDeletion>,
    /// Users whose scheduled deletion is to be canceled.
    pub cancel_deletion: Vec<UserRef>,
    /// Users to delete.
    pub delete: Vec<Removal>,
    /// Users who left all groups and are kept. The sync replaces all security profiles of these users with the security
    /// profile without permissions.
    pub strip: Vec<UserRef>,
    /// Users who left all groups and are kept, but whose sessions have not been ended yet.
    pub end_sessions: Vec<UserRef>,
    /// Members for whom the plan creates or updates no Connect user, each with the reason.
    pub skipped: Vec<Skipped>,
    /// Findings for the operator.
    pub findings: Vec<Finding>,
    /// Number of removals that are postponed because a group is empty.
    pub postponed: usize,
    /// Number of users for whom no action is planned.
    pub unchanged: usize,
    /// Number of users with the tags of this onboarding.
    pub managed: usize,
    /// The removal limit in the input.
    pub removal_limit: RemovalLimit,
    /// Whether the sync ends the sessions of a user before it removes the user or a security profile of the user.
    pub sign_out: bool,
    /// The users who have the security profile `Admin` before the plan is applied.
    pub(super) admins: Admins,
    /// The names of profiles and hierarchy groups, by id. Only the texts for operators contain these names.
    pub(super) names: BTreeMap<String, String>,
}

/// A user to create. One request creates the user with all settings and tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The username, exactly as Entra sends it.
    pub username: String,
    /// The Entra object id.
    pub object_id: String,
    /// The user's first name.
    pub first_name: String,
    /// The user's last name.
    pub last_name: String,
    /// The profiles, the hierarchy group, the channel settings and the proficiencies.
    pub assignment: Arc<Assignment>,
}

/// An existing Connect user to which an action applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRef {
    /// The username.
    pub username: String,
    /// The user id.
    pub id: String,
    /// The ARN.
    pub arn: String,
    /// The Entra object id in the user's tag. For a user to adopt, the object id that the tag will contain.
    pub object_id: Option<String>,
    /// Whether the sessions of the user have already been ended because the member left.
    pub signed_out: bool,
    /// Whether the user can still sign in through Entra ID, although the member left all groups.
    pub let_in: bool,
    /// The ID of the traffic distribution group to which the sync has added the user.
    pub traffic_group: Option<String>,
}

impl From<ConnectUser> for UserRef {
    fn from(user: ConnectUser) -> Self {
        Self {
            username: user.username,
            id: user.id,
            arn: user.arn,
            object_id: user.entra_object_id,
            signed_out: user.signed_out,
            let_in: false,
            traffic_group: user.traffic_group,
        }
    }
}

/// An existing user to adopt. The username is exactly the username of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The user to adopt.
    pub user: UserRef,
    /// The Entra object id to store in the user's tag.
    pub object_id: String,
    /// Whether the user was linked to another Entra account. If so, the sessions of that account must be ended.
    pub relinked: bool,
    /// Whether no onboarding has managed the user so far, because it was created manually or by another tool.
    pub created_manually: bool,
}

/// A user to update, with at most one [`Change`] of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserUpdate {
    /// The user to update.
    pub user: UserRef,
    /// The changes of the user. The list is never empty.
    pub changes: Vec<Change>,
    /// The ids of the security profiles that the changes remove from the user.
    pub lost_profiles: Vec<String>,
    /// The settings that the user's groups define. `None` if no change applies these settings.
    pub assignment: Option<Arc<Assignment>>,
}

impl UserUpdate {
    /// Creates an update with one change that applies no settings from groups.
    pub(super) fn without_values(user: UserRef, change: Change) -> Self {
        Self { user, changes: vec![change], lost_profiles: Vec::new(), assignment: None }
    }
}

/// A change of a user. Each kind of change has its own Connect operation, in some cases followed by a change of the
/// user's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `UpdateUserIdentityInfo`: first and last name.
    Identity {
        /// The user's first name.
        first_name: String,
        /// The user's last name.
        last_name: String,
    },
    /// `UpdateUserSecurityProfiles`: the complete list of security profile ids.
    SecurityProfiles(Vec<String>),
    /// `UpdateUserRoutingProfile`: the routing profile id.
    RoutingProfile(String),
    /// `UpdateUserHierarchy`: the hierarchy group id.
    Hierarchy(String),
    /// `UpdateUserConfig`: the channel settings.
    Channels(UserChannels),
    /// `ListUserProficiencies`, followed by the requests after which the user has the proficiencies that the groups
    /// define.
    Proficiencies(ProficiencyChange),
    /// `AssociateTrafficDistributionGroupUser`: the ID of the traffic distribution group, which is also stored in a tag
    /// of the user.
    TrafficGroup(String),
    /// `UntagResource`: removes the tag with the date on which the sessions were ended, because the member is in a
    /// group again.
    ForgetSignOut,
    /// `DeleteAllEntitySessions`, followed by `UntagResource`. The user lost access in an earlier sync, but that sync
    /// could not end the user's sessions.
    RepeatSignOut,
    /// `UntagResource`: an earlier sync could not end the user's sessions, but the sessions have expired by now.
    ForgetSignOutDue,
}

/// A user to schedule for deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledDeletion {
    /// The user to schedule for deletion.
    pub user: UserRef,
    /// The first day on which the user may be deleted.
    pub due: Date,
}

/// A user to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The user to delete.
    pub user: UserRef,
    /// The new username of the member, if it changed. The user with the old username is deleted only after the user
    /// with the new username exists.
    pub replaced_by: Option<String>,
    /// The quick connects that transfer contacts to the user. The sync deletes or transfers these quick connects before
    /// it deletes the user.
    pub quick_connects: Vec<QuickConnectChange>,
}

/// The number of users for each action and for each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Number of users to create.
    #[serde(default)]
    pub create: usize,
    /// Number of users to adopt.
    #[serde(default)]
    pub adopt: usize,
    /// Number of users to update.
    #[serde(default)]
    pub update: usize,
    /// Number of users to schedule for deletion.
    #[serde(default, rename = "mark")]
    pub schedule_deletion: usize,
    /// Number of users whose scheduled deletion is to be canceled.
    #[serde(default, rename = "unmark")]
    pub cancel_deletion: usize,
    /// Number of users to delete.
    #[serde(default)]
    pub delete: usize,
    /// Number of users to keep without rights.
    #[serde(default)]
    pub strip: usize,
    /// Number of kept users whose sessions are to be ended.
    #[serde(default, rename = "signOut")]
    pub end_sessions: usize,
    /// Number of members who get no user.
    #[serde(default)]
    pub skipped: usize,
    /// Number of removals that are postponed because a group is empty.
    #[serde(default, rename = "heldBack")]
    pub postponed: usize,
    /// Number of users who need no change.
    #[serde(default)]
    pub unchanged: usize,
    /// Number of users with the tags of this onboarding.
    #[serde(default)]
    pub managed: usize,
    /// Number of quick connects to delete or to transfer, because their users are deleted.
    #[serde(default)]
    pub quick_connects: usize,
    /// Number of actions in the plan that wait for approval.
    #[serde(default)]
    pub waiting: usize,
}

impl Counts {
    /// The number of actions, without the actions that only end the sessions of kept users.
    #[must_use]
    pub const fn actions(&self) -> usize {
        self.create
            + self.adopt
            + self.update
            + self.schedule_deletion
            + self.cancel_deletion
            + self.delete
            + self.strip
    }

    /// Combines the counts of this pass with those of the following pass. Counts of actions are added up. Counts that
    /// describe a state are taken from the following pass.
    #[must_use]
    pub const fn followed_by(&self, later: &Self) -> Self {
        Self {
            create: self.create + later.create,
            adopt: self.adopt + later.adopt,
            update: self.update + later.update,
            schedule_deletion: self.schedule_deletion + later.schedule_deletion,
            cancel_deletion: self.cancel_deletion + later.cancel_deletion,
            delete: self.delete + later.delete,
            strip: self.strip + later.strip,
            end_sessions: self.end_sessions + later.end_sessions,
            quick_connects: self.quick_connects + later.quick_connects,
            ..*later
        }
    }
}

impl Plan {
    /// A plan that only deletes these users.
    #[must_use]
    pub fn deleting(users: impl IntoIterator<Item = UserRef>) -> Self {
        let delete: Vec<Removal> = users.into_iter().map(Removal::of).collect();
        Self { managed: delete.len(), delete, ..Self::default() }
    }

    /// Whether the plan has no actions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty()
            && self.adopt.is_empty()
            && self.update.is_empty()
            && self.schedule_deletion.is_empty()
            && self.cancel_deletion.is_empty()
            && self.delete.is_empty()
            && self.strip.is_empty()
            && self.end_sessions.is_empty()
    }

    /// The number of users for each kind of action in the plan.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            create: self.create.len(),
            adopt: self.adopt.len(),
            update: self.update.len(),
            schedule_deletion: self.schedule_deletion.len(),
            cancel_deletion: self.cancel_deletion.len(),
            delete: self.delete.len(),
            strip: self.strip.len(),
            end_sessions: self.end_sessions.len(),
            skipped: self.skipped.len(),
            postponed: self.postponed,
            unchanged: self.unchanged,
            managed: self.managed,
            quick_connects: self.quick_connects().count(),
            waiting: 0,
        }
    }

    /// The number of users who lose access when this plan is applied. A user loses access by a deletion, a scheduled
    /// deletion, the removal of all permissions, or the end of the sessions of a kept user.
    #[must_use]
    pub fn removals(&self) -> usize {
        let stripped = self.strip.iter().filter(|user| !self.schedules(user)).count();
        self.schedule_deletion.len() + self.delete.len() + stripped + self.end_sessions.len()
    }

    /// Whether the plan keeps the user without permissions. The search requires that the list `strip` is ordered by
    /// username.
    #[must_use]
    pub fn strips(&self, user: &UserRef) -> bool {
        self.strip.binary_search_by(|stripped| stripped.username.cmp(&user.username)).is_ok()
    }

    /// Whether the plan schedules the user for deletion. The search requires that the list `schedule_deletion` is
    /// ordered by username.
    fn schedules(&self, user: &UserRef) -> bool {
        let by_name = |schedule: &ScheduledDeletion| schedule.user.username.cmp(&user.username);
        self.schedule_deletion.binary_search_by(by_name).is_ok()
    }

    /// The usernames of the users who lose access when this plan is applied, grouped by kind of action.
    pub fn removed_usernames(&self) -> impl Iterator<Item = &str> {
        self.delete
            .iter()
            .map(|removal| &removal.user)
            .chain(self.schedule_deletion.iter().map(|mark| &mark.user))
            .chain(self.strip.iter().filter(|user| !self.schedules(user)))
            .chain(&self.end_sessions)
            .map(|user| user.username.as_str())
    }

    /// Creates a plan that only ends the sessions of `users`, who left all groups. `managed` is the number of users
    /// with the tags of this onboarding.
    #[must_use]
    pub fn signing_out(users: Vec<UserRef>, managed: usize, removal_limit: RemovalLimit) -> Self {
        Self { end_sessions: users, managed, removal_limit, sign_out: true, ..Self::default() }
    }

    /// Creates a plan that contains only the actions of this plan that create users.
    #[must_use]
    pub fn creations(self) -> Self {
        Self { create: self.create, names: self.names, ..Self::default() }
    }

    /// The predefined attributes and values that the proficiencies in this plan use.
    #[must_use]
    pub fn predefined_attributes(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let created = self.create.iter().filter_map(|user| user.assignment.proficiencies.as_ref());
        let changes = self.update.iter().flat_map(|update| &update.changes);
        let changed = changes.filter_map(|change| match change {
            Change::Proficiencies(change) => Some(&change.desired),
            _ => None,
        });
        let mut attributes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for one in created.chain(changed).flat_map(Proficiencies::iter) {
            attributes.entry(&one.attribute).or_default().insert(&one.value);
        }
        attributes
    }

    /// If a user would get a proficiency with an unavailable attribute, removes all proficiencies of this user from the
    /// plan. The plan then creates the user without proficiencies, or leaves the proficiencies of the existing user
    /// unchanged. Also returns the number of these users.
    #[must_use]
    pub fn without_attributes(mut self, unavailable: &BTreeSet<String>) -> (Self, usize) {
        let mut users = 0;
        for user in &mut self.create {
            if user.assignment.proficiencies.as_ref().is_some_and(|given| given.uses(unavailable)) {
                user.assignment = Arc::new(Assignment { proficiencies: None, ..Assignment::clone(&user.assignment) });
                users += 1;
            }
        }
        for update in &mut self.update {
            let before = update.changes.len();
            let uses = |change: &Change| matches!(change, Change::Proficiencies(to) if to.desired.uses(unavailable));
            update.changes.retain(|change| !uses(change));
            users += before - update.changes.len();
        }
        self.update.retain(|update| !update.changes.is_empty());
        (self, users)
    }

    /// Whether Connect users of members who left all groups are kept, at least until their scheduled deletion.
    #[must_use]
    pub fn leavers_stay(&self) -> bool {
        let stays = |finding: &Finding| matches!(finding, Finding::Kept { .. } | Finding::RemovalWaits { .. });
        !self.schedule_deletion.is_empty() || self.findings.iter().any(stays)
    }
}

impl Removal {
    /// Creates the deletion of a user who is not replaced by a new user.
    #[must_use]
    pub const fn of(user: UserRef) -> Self {
        Self { user, replaced_by: None, quick_connects: Vec::new() }
    }
}

impl ScheduledDeletion {
    /// The value of the tag for a scheduled deletion: the date of the deletion.
    #[must_use]
    pub fn tag_value(&self) -> String {
        date_to_tag(self.due)
    }
}
