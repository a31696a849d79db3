//! The data of Entra ID and Connect that the planner uses. These types do not depend on Graph or the AWS SDK.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::channels::UserChannels;
use super::planned::Sources;
use super::proficiencies::Proficiencies;
use crate::names::{self, MANAGED_BY};
use crate::onboarding::{NestedGroups, RemovalLimit, Removed, UserGroup, UsernameAttribute, Users};

/// The tag of a Connect user with the date of its scheduled deletion, `YYYY-MM-DD` (UTC).
pub const REMOVAL_DUE_KEY: &str = "removal-due";

/// The tag of a Connect user whose sessions ended because the member left. The value is the date on which the sessions
/// ended, `YYYY-MM-DD` (UTC).
pub const SIGNED_OUT_KEY: &str = "signed-out";

/// The tag of a Connect user whose sessions must still end, because the user lost access. The value is the date on
/// which the user lost access, `YYYY-MM-DD` (UTC).
pub const SIGN_OUT_DUE_KEY: &str = "sign-out-due";

/// The tag of a Connect user with the proficiencies that the sync has assigned, in the form of
/// [`Proficiencies::record`].
pub const PROFICIENCIES_KEY: &str = "proficiencies";

/// The tag of a Connect user with the ID of the traffic distribution group to which the sync has added the user.
/// Connect can list the users of a traffic distribution group only ten at a time, so the tag saves a thousand requests
/// for ten thousand users.
pub const TRAFFIC_GROUP_KEY: &str = "traffic-distribution-group";

const DUE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The date in a [`REMOVAL_DUE_KEY`] or [`SIGN_OUT_DUE_KEY`] tag; `None` if the value is not `YYYY-MM-DD`. A user with
/// such a value is treated as a user without the tag.
#[must_use]
pub fn date_from_tag(value: &str) -> Option<Date> {
    Date::parse(value, DUE).ok()
}

/// The value of a [`REMOVAL_DUE_KEY`], [`SIGNED_OUT_KEY`] or [`SIGN_OUT_DUE_KEY`] tag for a date.
#[must_use]
pub fn date_to_tag(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A user among the members of a group. Graph can return null for the optional properties `mail`, `givenName` and
/// `surname`, and for all properties if the permission `User.Read.All` is missing.
///
/// If two reads of the same member differ, the read that returned more data is greater in the order of [`Ord`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The object id. It never changes and identifies the member.
    pub id: String,
    /// The property `userPrincipalName` in Graph.
    pub user_principal_name: Option<String>,
    /// The property `mail` in Graph.
    pub mail: Option<String>,
    /// The property `givenName` in Graph.
    pub given_name: Option<String>,
    /// The property `surname` in Graph.
    pub surname: Option<String>,
    /// The property `displayName` in Graph.
    pub display_name: Option<String>,
    /// The property `accountEnabled` in Graph. If it is null and other properties are present, the account is treated
    /// as enabled.
    pub account_enabled: Option<bool>,
    /// Whether the property `userType` in Graph is `Guest`.
    pub guest: bool,
}

impl Member {
    /// Whether Graph returned only the id, because `User.Read.All` is missing (Microsoft Graph, "Limited information
    /// returned for inaccessible member objects").
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.user_principal_name.is_none() && self.display_name.is_none() && self.account_enabled.is_none()
    }

    /// The value of the attribute, exactly as Entra emits it as `RoleSessionName`.
    #[must_use]
    pub fn attribute(&self, attribute: UsernameAttribute) -> Option<&str> {
        match attribute {
            UsernameAttribute::UserPrincipalName => self.user_principal_name.as_deref(),
            UsernameAttribute::Mail => self.mail.as_deref(),
            UsernameAttribute::ObjectId => Some(self.id.as_str()),
        }
        .filter(|value| !value.is_empty())
    }

    /// A label of the member, for use in messages.
    #[must_use]
    pub fn label(&self) -> &str {
        [&self.user_principal_name, &self.display_name, &self.mail]
            .into_iter()
            .find_map(|field| field.as_deref().filter(|value| !value.is_empty()))
            .unwrap_or(&self.id)
    }
}

/// A group that is a member of another group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NestedGroup {
    /// The object id of the nested group.
    pub id: String,
    /// The display name of the nested group, if Graph returned it.
    pub display_name: Option<String>,
}

/// Whether the members of a group were read completely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// Every page of the member list was read.
    #[default]
    Complete,
    /// Some members are missing from the read. The text is the reason. Nothing is planned after such a read.
    Partial(String),
    /// The group does not exist or no longer exists. Nothing is planned.
    GroupMissing,
}

/// The members of one group, with the group's settings from the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupRead {
    /// The object id of the group.
    pub group_id: String,
    /// The display name of the group.
    pub display_name: String,
    /// The Connect settings of the group's members.
    pub settings: UserGroup,
    /// The direct members that are users. With `flatten`, also the members of nested groups.
    pub members: Vec<Member>,
    /// The groups that are direct members of this group.
    pub nested_groups: Vec<NestedGroup>,
    /// Number of members that are neither users nor groups, by object type in Entra (`device`, `orgContact`,
    /// `agentUser`).
    pub other_objects: BTreeMap<String, usize>,
    /// Whether the read was complete.
    pub completeness: Completeness,
}

/// The owner of a Connect user, according to its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// No onboarding owns the user: it was created manually or by another tool. Such a user is changed only if it is
    /// adopted by its exact username.
    #[default]
    Unmanaged,
    /// This onboarding owns the user: the tag `managed-by` contains the name of this product, and the tag `onboarding`
    /// contains the alias of this instance.
    Ours,
    /// The user belongs to the onboarding of another instance and is never changed. The value is the alias of that
    /// instance.
    OtherOnboarding(String),
}

impl Ownership {
    /// Determines the owner from the tags of a user.
    #[must_use]
    pub fn from_tags(managed_by: Option<&str>, onboarding: Option<&str>, alias: &str) -> Self {
        match (managed_by, onboarding) {
            (Some(MANAGED_BY), Some(owner)) if names::same_alias(owner, alias) => Self::Ours,
            (Some(MANAGED_BY), Some(owner)) => Self::OtherOnboarding(owner.to_owned()),
            _ => Self::Unmanaged,
        }
    }
}

/// A Connect user as `SearchUsers` describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectUser {
    /// The user id.
    pub id: String,
    /// The ARN, used to tag the user.
    pub arn: String,
    /// The username in its original case.
    pub username: String,
    /// The user's first name.
    pub first_name: String,
    /// The user's last name.
    pub last_name: String,
    /// The ids of the user's security profiles, in any order.
    pub security_profile_ids: Vec<String>,
    /// The id of the user's routing profile.
    pub routing_profile_id: String,
    /// The id of the user's hierarchy group.
    pub hierarchy_group_id: Option<String>,
    /// The channel settings. For voice, auto-accept is `None` if Connect returns no value or the user has a desk phone.
    pub channels: UserChannels,
    /// The owner of the user, according to its tags.
    pub ownership: Ownership,
    /// The Entra object id in the user's tags.
    pub entra_object_id: Option<String>,
    /// The date on which the user is scheduled to be deleted, read from the user's tags.
    pub removal_due: Option<Date>,
    /// Whether the user's tags record that the sessions ended when the member left.
    pub signed_out: bool,
    /// The date on which the user lost access, if the sessions of the user have not ended since then.
    pub sign_out_due: Option<Date>,
    /// The value of the tag [`PROFICIENCIES_KEY`].
    pub proficiencies: Option<String>,
    /// The value of the tag [`TRAFFIC_GROUP_KEY`].
    pub traffic_group: Option<String>,
}

/// The ids of the instance's profiles and hierarchy groups, by exact name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profiles {
    /// The ids of the security profiles, by name.
    pub security: BTreeMap<String, String>,
    /// The ids of the routing profiles, by name.
    pub routing: BTreeMap<String, String>,
    /// The ids of the hierarchy groups, by path (levels separated by ` / `). Filled only if the input contains a
    /// hierarchy group.
    pub hierarchy: BTreeMap<String, String>,
}

/// The desired Connect settings of a member, with ids instead of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// One to ten security profile ids, sorted.
    pub security_profile_ids: Vec<String>,
    /// The routing profile id.
    pub routing_profile_id: String,
    /// The hierarchy group id; `None` leaves the user's hierarchy group unchanged.
    pub hierarchy_group_id: Option<String>,
    /// The desired channel settings.
    pub channels: UserChannels,
    /// The proficiencies of all groups; `None` leaves the user's proficiencies unchanged.
    pub proficiencies: Option<Proficiencies>,
    /// The ID of the traffic distribution group of a replicated instance; `None` if the instance has none.
    pub traffic_group: Option<String>,
    /// The groups that the values come from.
    pub(super) sources: Sources,
}

/// The users whom Entra ID lets sign in although they are not members of the groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetIn {
    /// Whether every user of the tenant, or a group that the input does not contain, may sign in.
    pub all_users: bool,
    /// The object ids of users who may sign in because they are assigned to the application individually.
    pub users: BTreeSet<String>,
    /// The object ids of users whose individual assignments the sync manages. The sync that removes a user also removes
    /// the assignment. If a user who left earlier is still assigned, this user may therefore still sign in.
    pub assigned: BTreeSet<String>,
}

/// The settings of the input that control the sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The attribute used as username and role session name.
    pub username: UsernameAttribute,
    /// Whether members of nested groups become users.
    pub nested_groups: NestedGroups,
    /// Whether guests become users.
    pub guests: bool,
    /// What happens to the users of members who left.
    pub removed: Removed,
    /// The removal limit: how many removals need no approval.
    #[serde(rename = "brake")]
    pub removal_limit: RemovalLimit,
    /// The users whom Entra ID lets sign in although they left the groups. If such a user stays in Connect, the user
    /// loses all rights.
    #[serde(skip)]
    pub let_in: LetIn,
    /// The ID of the traffic distribution group to which each user of a replicated instance is added.
    #[serde(skip)]
    pub traffic_group: Option<String>,
}

impl Policy {
    /// Whether this member of a group becomes a Connect user: the account must not be disabled. If guests do not become
    /// users, the account must not be a guest.
    #[must_use]
    pub fn allows(&self, member: &Member) -> bool {
        member.account_enabled != Some(false) && (self.guests || !member.guest)
    }
}

impl From<&Users> for Policy {
    fn from(users: &Users) -> Self {
        Self {
            username: users.username,
            nested_groups: users.nested_groups,
            guests: users.guests,
            removed: users.removed.clone(),
            removal_limit: users.removal_limit.clone(),
            let_in: LetIn::default(),
            traffic_group: None,
        }
    }
}
