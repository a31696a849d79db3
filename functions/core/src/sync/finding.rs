//! What a sync reports to the operator: findings, and skipped members.

use std::{collections::BTreeMap, fmt};

use time::Date;

use super::username::UsernameFault;
use crate::{
    onboarding::{UsernameAttribute, Users},
    text::Quoted,
};

/// A member for whom this plan creates or updates no Connect user. An existing Connect user of the member is kept
/// without changes, unless the reason makes the member a leaver ([`SkipReason::is_leaver`]). A leaver is treated like a
/// member who left all groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// The username. If the member has no username, another label of the member.
    pub username: String,
    /// The Entra object id.
    pub object_id: String,
    /// The reason why the member is skipped.
    pub reason: SkipReason,
}

/// The reason why a member is skipped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// The member's account is disabled in Entra.
    Disabled,
    /// The member's account is a guest account, and the input does not allow Connect users for guests.
    Guest,
    /// Graph returned only the object id of the member, because the runtime identity lacks the permission
    /// `User.Read.All`.
    Unreadable,
    /// The Entra user attribute for the username has no value.
    NoUsername(UsernameAttribute),
    /// The username is not valid for the sign-in to Connect.
    Username(UsernameFault),
    /// Several members would get the same username. The value is the number of these members.
    DuplicateUsername(usize),
    /// The member's groups have no security profile, but a Connect user needs at least one.
    NoSecurityProfile,
    /// Together, the member's groups have more than ten security profiles, the maximum for a Connect user. The value is
    /// the number of security profiles.
    TooManySecurityProfiles(usize),
    /// A profile or hierarchy group in the settings of the member's group does not exist in the instance.
    ProfileMissing(ProfileKind, String),
    /// The Connect user with this username belongs to the onboarding of another instance. The value is the alias of
    /// that instance.
    OtherOnboarding(String),
}

impl SkipReason {
    /// Whether the member is treated like a member who left all groups, so that the removal policy applies to an
    /// existing Connect user.
    #[must_use]
    pub const fn is_leaver(&self) -> bool {
        matches!(self, Self::Disabled | Self::Guest)
    }

    /// Whether an incremental sync notices every change that can remove this reason: a change of the member, of a group
    /// or of the settings. Any other reason can also disappear after a change in Connect or of the permissions in
    /// Entra. An incremental sync does not notice such a change, because Graph's delta queries do not return it.
    #[must_use]
    pub const fn is_tracked(&self) -> bool {
        match self {
            Self::Disabled
            | Self::Guest
            | Self::NoUsername(_)
            | Self::Username(_)
            | Self::DuplicateUsername(_)
            | Self::NoSecurityProfile
            | Self::TooManySecurityProfiles(_) => true,
            Self::Unreadable | Self::ProfileMissing(..) | Self::OtherOnboarding(_) => false,
        }
    }
}

/// The kind of a missing object: a profile or a hierarchy group.
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
                f.write_str("Microsoft Graph returns only its id; grant User.Read.All to the runtime identity")
            }
            Self::NoUsername(attribute) => write!(f, "its {} is empty", attribute_name(*attribute)),
            Self::Username(fault) => write!(f, "the username {fault}"),
            Self::DuplicateUsername(members) => {
                write!(f, "{members} members have this username; make the usernames differ in Entra ID")
            }
            Self::NoSecurityProfile => f.write_str("its groups have no security profile"),
            Self::TooManySecurityProfiles(profiles) => {
                write!(f, "its groups have {profiles} security profiles in total, but the maximum is 10")
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

/// Information for the operator. A finding does not stop the sync, but some findings limit the actions that the sync
/// plans.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The members of a group were not read completely, so no action is planned.
    PartialRead {
        /// The name of the group.
        group: String,
        /// The reason why some members could not be read.
        reason: String,
    },
    /// A group does not exist, so no action is planned.
    GroupMissing {
        /// The name of the group.
        group: String,
    },
    /// A group has no members, so no removal is planned.
    EmptyGroup {
        /// The name of the group.
        group: String,
    },
    /// Removals are postponed, because a group has no members.
    RemovalsPostponed {
        /// Number of users whose removal is postponed.
        users: usize,
    },
    /// A profile or hierarchy group in the settings of a group does not exist in the instance.
    ProfileMissing {
        /// The name of the group.
        group: String,
        /// Whether the missing object is a security profile, a routing profile or a hierarchy group.
        kind: ProfileKind,
        /// The name of the missing object.
        name: String,
    },
    /// A user who is a member of all these groups would get more proficiencies than the sync can store in a tag. The
    /// sync therefore does not change the proficiencies of such users.
    TooManyProficiencies {
        /// The names of the groups.
        groups: Vec<String>,
    },
    /// A group contains another group as a member. The members of this nested group are not synced.
    NestedGroup {
        /// The name of the group that contains the nested group.
        group: String,
        /// The name of the nested group, or its object id.
        nested: String,
    },
    /// Some group members are not users, so they can't become Connect users.
    OtherObjects {
        /// The name of the group.
        group: String,
        /// The number of these members for each object type in Entra.
        types: BTreeMap<String, usize>,
    },
    /// The username of a member changed. Connect users can't be renamed, so the member gets a new Connect user.
    Renamed {
        /// The old username. The removal policy applies to the Connect user with this name.
        from: String,
        /// The new username.
        to: String,
    },
    /// A Connect user was linked to an Entra account that no longer exists, and is now linked to another account with
    /// the same username. The object id of an account changes if the account is deleted and created again.
    Relinked {
        /// The username of the Connect user.
        username: String,
        /// The object id of the previous account, from the tag of the Connect user.
        from: String,
        /// The object id of the new account.
        to: String,
    },
    /// A desired username and another username differ only in case. Usernames in Connect are case-sensitive, so Connect
    /// treats the two usernames as the names of different users.
    CaseOnly {
        /// The desired username, as Entra emits it.
        username: String,
        /// The other username.
        other: String,
    },
    /// A user left all groups but can still sign in through Entra ID. The user therefore loses all permissions in
    /// Connect.
    StillLetIn {
        /// The username of the user.
        username: String,
    },
    /// A member left all groups, but according to the removal policy, the member's Connect user is kept.
    Kept {
        /// The username of the Connect user.
        username: String,
    },
    /// A member left all groups, and the member's Connect user is scheduled for deletion.
    RemovalWaits {
        /// The username of the Connect user.
        username: String,
        /// The first day on which the user may be deleted.
        due: Date,
    },
    /// The quick connects of a deleted user are kept. The user to whom the quick connects should be transferred does
    /// not exist or is also removed.
    QuickConnectsStay {
        /// The username of the deleted user.
        username: String,
        /// The names of the quick connects that are kept.
        quick_connects: Vec<String>,
        /// The username to which the quick connects should be transferred, from the input.
        transfer_to: String,
    },
    /// The user to whom the quick connects of deleted users should be transferred does not exist or is also removed.
    NoTransferTarget {
        /// The username of this transfer target, from the input.
        username: String,
    },
    /// The quick connects of the instance can't be read, so the quick connects of deleted users are kept.
    QuickConnectsUnreadable {
        /// The reason why the quick connects can't be read.
        reason: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PartialRead { group, reason } => {
                write!(f, "the members of {} were not read completely ({reason}); nothing is changed", Quoted(group))
            }
            Self::GroupMissing { group } => write!(
                f,
                "the group {} does not exist; nothing is changed until users.groups is corrected",
                Quoted(group)
            ),
            Self::EmptyGroup { group } => write!(
                f,
                "the group {} is empty; no user is removed while a group is empty (remove it from users.groups \
                 if this is intended)",
                Quoted(group)
            ),
            Self::RemovalsPostponed { users } => write!(f, "{users} removals are postponed"),
            Self::ProfileMissing { group, kind, name } => write!(
                f,
                "the group {} names the {kind} {}, which the instance does not have",
                Quoted(group),
                Quoted(name)
            ),
            Self::TooManyProficiencies { groups } => write!(
                f,
                "the groups {} together have more than {} proficiencies, so the proficiencies of users in all these groups \
                 are not changed",
                groups.join(" + "),
                Users::MAX_PROFICIENCIES
            ),
            Self::NestedGroup { group, nested } => write!(
                f,
                "the group {} inside {} is ignored: the assignment in Entra ID does not include members of \
                     nested groups",
                Quoted(nested),
                Quoted(group)
            ),
            Self::OtherObjects { group, types } => {
                let types: Vec<String> = types.iter().map(|(name, count)| format!("{count} of type {name}")).collect();
                write!(
                    f,
                    "some members of {} are not users and get no Connect user: {}",
                    Quoted(group),
                    types.join(", ")
                )
            }
            Self::Renamed { from, to } => write!(
                f,
                "{from} is now {to}; Amazon Connect can't rename users, so {to} is created and the removal \
                     policy applies to {from}"
            ),
            Self::Relinked { username, from, to } => write!(
                f,
                "{username} is now another account (object id {to} instead of {from}), which takes over the \
                     Connect user"
            ),
            Self::CaseOnly { username, other } => write!(
                f,
                "{username} and {other} differ only in case; Entra ID emits {username}, so only {username} \
                     can sign in"
            ),
            Self::StillLetIn { username } => write!(
                f,
                "{username} left the groups, but Entra ID still lets the account sign in, so the user loses all rights; \
                 check the assignments of the application and its setting \"Assignment required\""
            ),
            Self::Kept { username } => write!(f, "{username} left the groups; the user is kept"),
            Self::RemovalWaits { username, due } => {
                write!(f, "{username} left the groups; the user is deleted on {due}")
            }
            Self::QuickConnectsStay { username, quick_connects, transfer_to } => {
                let names: Vec<String> = quick_connects.iter().map(|name| Quoted(name).to_string()).collect();
                write!(
                    f,
                    "the quick connects {} of {username} are kept, because {transfer_to} does not exist in Amazon \
                     Connect or is removed too; change these quick connects in Amazon Connect, and correct \
                     users.removed.quickConnects",
                    names.join(", ")
                )
            }
            Self::NoTransferTarget { username } => write!(
                f,
                "users.removed.quickConnects names {username}, who does not exist in Amazon Connect or is removed too; \
                 name another user before users are deleted, because their quick connects would be kept"
            ),
            Self::QuickConnectsUnreadable { reason } => write!(
                f,
                "the quick connects of the deleted users are kept, because they can't be read; delete them in Amazon \
                 Connect: {reason}"
            ),
        }
    }
}
