//! What a person should know about a sync besides the actions: refusals with their reason, and oddities.

use std::{collections::BTreeMap, fmt};

use time::Date;

use super::username::UsernameFault;
use crate::{onboarding::UsernameAttribute, text::Quoted};

/// A member who gets no Connect user from this plan, and whose existing one (if any) stays as it is unless the reason is
/// that the member is not wanted ([`SkipReason::is_leaver`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// The username where there is one, else what a person recognises the member by.
    pub username: String,
    /// The Entra object id.
    pub object_id: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a member is skipped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// The account is disabled in Entra.
    Disabled,
    /// The account is a guest and the input does not take guests.
    Guest,
    /// Graph showed nothing but the id: the runtime identity lacks `User.Read.All`.
    Unreadable,
    /// The attribute that is the username is empty.
    NoUsername(UsernameAttribute),
    /// The username could not sign in.
    Username(UsernameFault),
    /// Several members have this username; holds how many.
    DuplicateUsername(usize),
    /// The member's groups give no security profile at all, and Connect wants one.
    NoSecurityProfile,
    /// The member's groups have more security profiles together than Connect's ten.
    TooManySecurityProfiles(usize),
    /// A group of the member names something that the instance does not have.
    ProfileMissing(ProfileKind, String),
    /// The Connect user of this name belongs to another onboarding (its alias).
    OtherOnboarding(String),
}

impl SkipReason {
    /// Whether the member is unwanted, so that an existing user goes the way of somebody who left.
    #[must_use]
    pub const fn is_leaver(&self) -> bool {
        matches!(self, Self::Disabled | Self::Guest)
    }
}

/// What kind of thing the instance lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProfileKind {
    /// A security profile.
    Security,
    /// A routing profile.
    Routing,
    /// A hierarchy group.
    Hierarchy,
}

impl fmt::Display for ProfileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Security => "security profile",
            Self::Routing => "routing profile",
            Self::Hierarchy => "hierarchy group",
        })
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("the account is disabled in Entra ID"),
            Self::Guest => {
                f.write_str("the account is a guest; set users.guests to true, with users.username mail or objectId")
            }
            Self::Unreadable => {
                f.write_str("Microsoft Graph shows only its id; grant User.Read.All to the runtime identity")
            }
            Self::NoUsername(attribute) => write!(f, "its {} is empty", attribute_name(*attribute)),
            Self::Username(fault) => write!(f, "the username {fault}"),
            Self::DuplicateUsername(members) => {
                write!(f, "{members} members have this username; make them differ in Entra ID")
            }
            Self::NoSecurityProfile => f.write_str("its groups give no security profile"),
            Self::TooManySecurityProfiles(profiles) => {
                write!(f, "its groups give {profiles} security profiles, Amazon Connect takes 10")
            }
            Self::ProfileMissing(kind, name) => {
                write!(f, "its group names the {kind} {}, which the instance does not have", Quoted(name))
            }
            Self::OtherOnboarding(alias) => write!(f, "the Connect user belongs to the onboarding {alias:?}"),
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.username, self.reason)
    }
}

const fn attribute_name(attribute: UsernameAttribute) -> &'static str {
    match attribute {
        UsernameAttribute::UserPrincipalName => "userPrincipalName",
        UsernameAttribute::Mail => "mail",
        UsernameAttribute::ObjectId => "id",
    }
}

/// Something that a person should know; it stops nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The members of a group were not read to the end: nothing is planned.
    PartialRead {
        /// The group, for people.
        group: String,
        /// What is missing.
        reason: String,
    },
    /// A group does not exist: nothing is planned.
    GroupMissing {
        /// The group, for people.
        group: String,
    },
    /// A group has no members: no removal is planned.
    EmptyGroup {
        /// The group, for people.
        group: String,
    },
    /// Removals that a guard holds back.
    RemovalsHeldBack {
        /// How many.
        users: usize,
    },
    /// The instance lacks something that a group names.
    ProfileMissing {
        /// The group, for people.
        group: String,
        /// What kind of thing.
        kind: ProfileKind,
        /// The name that was looked for.
        name: String,
    },
    /// A group inside a group, whose members do not count.
    NestedGroup {
        /// The outer group.
        group: String,
        /// The inner group.
        nested: String,
    },
    /// Members that can be no Connect users.
    OtherObjects {
        /// The group, for people.
        group: String,
        /// How many there are of each type in Entra.
        types: BTreeMap<String, usize>,
    },
    /// Somebody's username changed; Connect has no rename.
    Renamed {
        /// The username of the old user, which goes through the removal policy.
        from: String,
        /// The username of the new user.
        to: String,
    },
    /// A Connect user now belongs to another Entra object with the same username (an account deleted and made anew).
    Relinked {
        /// The username.
        username: String,
        /// The object id in the tag so far.
        from: String,
        /// The object id from now on.
        to: String,
    },
    /// A wanted username and another one differ only in case. Connect's usernames are case-sensitive: they are two users.
    CaseOnly {
        /// The wanted username, as Entra emits it.
        username: String,
        /// The other one.
        other: String,
    },
    /// Somebody left; the removal policy keeps the user.
    Kept {
        /// The username.
        username: String,
    },
    /// Somebody left; the grace period runs.
    RemovalWaits {
        /// The username.
        username: String,
        /// The first day on which the user is deleted.
        due: Date,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PartialRead { group, reason } => {
                write!(f, "the members of {} were not read to the end ({reason}); nothing is changed", Quoted(group))
            }
            Self::GroupMissing { group } => {
                write!(
                    f,
                    "the group {} does not exist; nothing is changed until users.groups is corrected",
                    Quoted(group)
                )
            }
            Self::EmptyGroup { group } => write!(
                f,
                "the group {} is empty; nobody is removed while it is (take it out of users.groups if that is meant)",
                Quoted(group)
            ),
            Self::RemovalsHeldBack { users } => write!(f, "{users} removals are held back"),
            Self::ProfileMissing { group, kind, name } => {
                write!(
                    f,
                    "the group {} names the {kind} {}, which the instance does not have",
                    Quoted(group),
                    Quoted(name)
                )
            }
            Self::NestedGroup { group, nested } => {
                write!(
                    f,
                    "the group {} inside {} does not count: Entra ID's assignment does not reach its members",
                    Quoted(nested),
                    Quoted(group)
                )
            }
            Self::OtherObjects { group, types } => {
                let types: Vec<String> = types.iter().map(|(name, count)| format!("{count} of type {name}")).collect();
                write!(
                    f,
                    "some members of {} are not users and get no Connect user: {}",
                    Quoted(group),
                    types.join(", ")
                )
            }
            Self::Renamed { from, to } => {
                write!(
                    f,
                    "{from} is now {to}; Amazon Connect can't rename, so {to} is new and {from} goes as if it had left"
                )
            }
            Self::Relinked { username, from, to } => {
                write!(
                    f,
                    "{username} is another account now (object id {to} instead of {from}); the Connect user passes to it"
                )
            }
            Self::CaseOnly { username, other } => {
                write!(
                    f,
                    "{username} and {other} differ only in case; Entra ID emits {username}, so only that one can sign in"
                )
            }
            Self::Kept { username } => write!(f, "{username} left the groups; the user is kept"),
            Self::RemovalWaits { username, due } => {
                write!(f, "{username} left the groups; it is deleted on {due}")
            }
        }
    }
}
