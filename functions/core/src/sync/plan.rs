//! The plan: what has to happen in Connect, ordered by username, with the brake on removals.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::Date;

use super::finding::{Finding, Skipped};
use super::model::{Assignment, removal_due_to_tag};
use crate::onboarding::{Brake, Phone};

/// What has to happen so that Connect has what Entra and the input want. Every list is ordered by username.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Users to create.
    pub create: Vec<NewUser>,
    /// Users to tag as ours.
    pub adopt: Vec<Adoption>,
    /// Users to change.
    pub update: Vec<UserUpdate>,
    /// Users to mark with the date of their deletion.
    pub mark: Vec<Mark>,
    /// Users whose mark to take away.
    pub unmark: Vec<UserRef>,
    /// Users to delete.
    pub delete: Vec<Removal>,
    /// Members who get no user, with the reason.
    pub skipped: Vec<Skipped>,
    /// What a person should know besides.
    pub findings: Vec<Finding>,
    /// Removals that a guard holds back.
    pub held_back: usize,
    /// Users that are as they should be.
    pub unchanged: usize,
    /// Users that carry our tags.
    pub managed: usize,
    /// The brake of the input.
    pub brake: Brake,
    /// Profile and hierarchy ids → names, for people.
    pub(super) names: BTreeMap<String, String>,
}

/// A user to create, complete: one call makes it, with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The username, as Entra emits it.
    pub username: String,
    /// The Entra object id.
    pub object_id: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Profiles, hierarchy, phone.
    pub assignment: Arc<Assignment>,
}

/// An existing Connect user that an action is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRef {
    /// The username.
    pub username: String,
    /// The user id.
    pub id: String,
    /// The ARN.
    pub arn: String,
    /// The Entra object id (in the tag; of an adopted user: the wanted one).
    pub object_id: Option<String>,
}

/// A user that becomes ours by its exact username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The user.
    pub user: UserRef,
    /// The Entra object id to put in its tag.
    pub object_id: String,
}

/// A user to change, one [`Change`] for each operation that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserUpdate {
    /// The user.
    pub user: UserRef,
    /// The changes, at least one.
    pub changes: Vec<Change>,
}

/// A change that one Connect operation makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `UpdateUserIdentityInfo`: first and last name.
    Identity {
        /// First name.
        first_name: String,
        /// Last name.
        last_name: String,
    },
    /// `UpdateUserSecurityProfiles`: the whole list of ids.
    SecurityProfiles(Vec<String>),
    /// `UpdateUserRoutingProfile`: the id.
    RoutingProfile(String),
    /// `UpdateUserHierarchy`: the hierarchy group id.
    Hierarchy(String),
    /// `UpdateUserConfig`: how the phone behaves.
    Phone(Phone),
}

/// A user to mark for deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The user.
    pub user: UserRef,
    /// The first day on which it may be deleted.
    pub due: Date,
}

/// A user to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The user.
    pub user: UserRef,
    /// The person lives on under this username, which must exist before the old one goes.
    pub replaced_by: Option<String>,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Users to create.
    #[serde(default)]
    pub create: usize,
    /// Users to adopt.
    #[serde(default)]
    pub adopt: usize,
    /// Users to change.
    #[serde(default)]
    pub update: usize,
    /// Users to mark for deletion.
    #[serde(default)]
    pub mark: usize,
    /// Marks to take away.
    #[serde(default)]
    pub unmark: usize,
    /// Users to delete.
    #[serde(default)]
    pub delete: usize,
    /// Members without a user, with a reason each.
    #[serde(default)]
    pub skipped: usize,
    /// Removals that a guard holds back.
    #[serde(default)]
    pub held_back: usize,
    /// Users as they should be.
    #[serde(default)]
    pub unchanged: usize,
    /// Users that carry our tags.
    #[serde(default)]
    pub managed: usize,
}

impl Counts {
    /// What this pass and the one after it planned together. What describes a state is that of the later pass.
    #[must_use]
    pub const fn followed_by(&self, later: &Self) -> Self {
        Self {
            create: self.create + later.create,
            adopt: self.adopt + later.adopt,
            update: self.update + later.update,
            mark: self.mark + later.mark,
            unmark: self.unmark + later.unmark,
            delete: self.delete + later.delete,
            ..*later
        }
    }
}

/// Whether a plan may be applied without a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Safety {
    /// Yes.
    Safe,
    /// No, and why: each reason is a sentence for people.
    Unsafe(Vec<String>),
}

impl Plan {
    /// A plan that deletes these users and does nothing else.
    #[must_use]
    pub fn deleting(users: impl IntoIterator<Item = UserRef>) -> Self {
        let delete: Vec<Removal> = users.into_iter().map(|user| Removal { user, replaced_by: None }).collect();
        Self { managed: delete.len(), delete, ..Self::default() }
    }

    /// Whether nothing has to happen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty()
            && self.adopt.is_empty()
            && self.update.is_empty()
            && self.mark.is_empty()
            && self.unmark.is_empty()
            && self.delete.is_empty()
    }

    /// How many of each.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            create: self.create.len(),
            adopt: self.adopt.len(),
            update: self.update.len(),
            mark: self.mark.len(),
            unmark: self.unmark.len(),
            delete: self.delete.len(),
            skipped: self.skipped.len(),
            held_back: self.held_back,
            unchanged: self.unchanged,
            managed: self.managed,
        }
    }

    /// How many users this plan removes: marks, from which on a date leads to deletion, and deletions.
    #[must_use]
    pub fn removals(&self) -> usize {
        self.mark.len() + self.delete.len()
    }

    /// The usernames that this plan removes, in order.
    pub fn removed_usernames(&self) -> impl Iterator<Item = &str> {
        self.delete
            .iter()
            .map(|removal| &removal.user)
            .chain(self.mark.iter().map(|mark| &mark.user))
            .map(|user| user.username.as_str())
    }

    /// What of it creates users, and nothing else.
    #[must_use]
    pub fn creations(self) -> Self {
        Self { create: self.create, names: self.names, ..Self::default() }
    }

    /// Holds the removals against the brake.
    ///
    /// A single removal is never too large a share (one leaver of a team of five is no mass deletion), unless the share
    /// is set to 0.
    #[must_use]
    pub fn safety(&self) -> Safety {
        let removals = self.removals();
        let (most, percent) = (self.brake.max_removals as usize, self.brake.max_removals_percent as usize);
        let mut reasons = Vec::new();
        if removals > most {
            reasons.push(format!("{removals} users would be removed, the brake allows {most} in one run"));
        }
        if removals * 100 > self.managed * percent && (removals > 1 || (removals == 1 && percent == 0)) {
            reasons.push(format!(
                "{removals} of {} managed users would be removed, the brake allows {percent} percent in one run",
                self.managed
            ));
        }
        if reasons.is_empty() { Safety::Safe } else { Safety::Unsafe(reasons) }
    }
}

impl Mark {
    /// The value of the tag.
    #[must_use]
    pub fn tag_value(&self) -> String {
        removal_due_to_tag(self.due)
    }
}
