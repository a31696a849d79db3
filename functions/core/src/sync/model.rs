//! The data of Entra ID and Connect from which the planner creates a plan. These types do not depend on Graph or the
//! AWS SDK.

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

/// The tag with the date on which a Connect user is to be deleted, as `YYYY-MM-DD` (UTC).
pub const REMOVAL_DUE_KEY: &str = "removal-due";

/// The tag of a Connect user whose sessions were ended because the member left. The value is the date on which the
/// sessions were ended, as `YYYY-MM-DD` (UTC).
pub const SIGNED_OUT_KEY: &str = "signed-out";

/// The tag of a Connect user who lost access, but whose sessions could not be ended yet. The value is the date on which
/// the user lost access, as `YYYY-MM-DD` (UTC).
pub const SIGN_OUT_DUE_KEY: &str = "sign-out-due";

/// The tag with the proficiencies that the sync has assigned to a Connect user. [`Proficiencies::record`] defines the
/// format.
pub const PROFICIENCIES_KEY: &str = "proficiencies";

/// The tag with the ID of the traffic distribution group to which the sync has added a Connect user. A request to
/// Connect returns only ten users of a traffic distribution group. For ten thousand users, the tag therefore saves a
/// thousand requests.
pub const TRAFFIC_GROUP_KEY: &str = "traffic-distribution-group";

const DUE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The date in a [`REMOVAL_DUE_KEY`] or [`SIGN_OUT_DUE_KEY`] tag. `None` if the value does not have the format
/// `YYYY-MM-DD`; the tag is then ignored.
#[must_use]
pub fn date_from_tag(value: &str) -> Option<Date> {
    Date::parse(value, DUE).ok()
}

/// Formats a date as the value of a [`REMOVAL_DUE_KEY`], [`SIGNED_OUT_KEY`] or [`SIGN_OUT_DUE_KEY`] tag.
#[must_use]
pub fn date_to_tag(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A group member that is a user, not a group or a device. Graph can return null for the properties `mail`, `givenName`
/// and `surname`, which are optional. If the permission `User.Read.All` is missing, Graph returns null for all
/// properties.
///
/// If a member was read twice with different properties, the version with more properties is the greater one according
/// to [`Ord`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The object id, which identifies the member and never changes.
    pub id: String,
    /// The Graph property `userPrincipalName`.
    pub user_principal_name: Option<String>,
    /// The Graph property `mail`.
    pub mail: Option<String>,
    /// The Graph property `givenName`.
    pub given_name: Option<String>,
    /// The Graph property `surname`.
    pub surname: Option<String>,
    /// The Graph property `displayName`.
    pub display_name: Option<String>,
    /// The Graph property `accountEnabled`. If this property is null and other properties have a value, the account is
    /// treated as enabled.
    pub account_enabled: Option<bool>,
    /// Whether the value of the Graph property `userType` is `Guest`.
    pub guest: bool,
}

impl Member {
    /// Whether Graph returned only the object id, because the permission `User.Read.All` is missing (Microsoft Graph,
    /// "Limited information returned for inaccessible member objects").
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.user_principal_name.is_none() && self.display_name.is_none() && self.account_enabled.is_none()
    }

    /// The value of the user attribute, exactly as Entra sends it in the claim `RoleSessionName`.
    #[must_use]
    pub fn attribute(&self, attribute: UsernameAttribute) -> Option<&str> {
        match attribute {
            UsernameAttribute::UserPrincipalName => self.user_principal_name.as_deref(),
            UsernameAttribute::Mail => self.mail.as_deref(),
            UsernameAttribute::ObjectId => Some(self.id.as_str()),
        }
        .filter(|value| !value.is_empty())
    }

    /// The name of the member in messages.
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
    /// Every page of the list of members was read.
    #[default]
    Complete,
    /// Some members could not be read, so no action is planned. The string contains the reason.
    Partial(String),
    /// The group does not exist or has been deleted, so no action is planned.
    GroupMissing,
}

/// The members of one group, with the group's settings from the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupRead {
    /// The object id of the group.
    pub group_id: String,
    /// The display name of the group.
    pub display_name: String,
    /// The Connect settings for the members of the group.
    pub settings: UserGroup,
    /// The direct members that are users. If `users.nestedGroups` is `flatten`, also the users in nested groups.
    pub members: Vec<Member>,
    /// The groups that are direct members of this group.
    pub nested_groups: Vec<NestedGroup>,
    /// The number of members that are neither users nor groups, for each object type in Entra (`device`, `orgContact`,
    /// `agentUser`).
    pub other_objects: BTreeMap<String, usize>,
    /// Whether all members of the group were read.
    pub completeness: Completeness,
}

/// Which onboarding manages a Connect user, according to the user's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// No onboarding manages the user, who was created manually or by another tool. The sync changes such a user only
    /// if the username is exactly that of a member. The sync then adopts the user.
    #[default]
    Unmanaged,
    /// This onboarding manages the user. The tag `managed-by` contains the name of this product, and the tag
    /// `onboarding` contains the alias of this instance.
    Ours,
    /// The onboarding of another instance manages the user, so this onboarding never changes the user. The value is the
    /// alias of that instance.
    OtherOnboarding(String),
}

impl Ownership {
    /// Determines from the user's tags which onboarding manages the user.
    #[must_use]
    pub fn from_tags(managed_by: Option<&str>, onboarding: Option<&str>, alias: &str) -> Self {
        match (managed_by, onboarding) {
            (Some(MANAGED_BY), Some(owner)) if names::same_alias(owner, alias) => Self::Ours,
            (Some(MANAGED_BY), Some(owner)) => Self::OtherOnboarding(owner.to_owned()),
            _ => Self::Unmanaged,
        }
    }
}

/// A Connect user as returned by `SearchUsers`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectUser {
    /// The user id.
    pub id: String,
    /// The ARN of the user, which is needed to change the user's tags.
    pub arn: String,
    /// The username, in its original upper and lower case letters.
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
    /// The channel settings. For the voice channel, auto-accept is `None` if Connect returned no value or if the user
    /// has a desk phone.
    pub channels: UserChannels,
    /// Which onboarding manages the user, according to the user's tags.
    pub ownership: Ownership,
    /// The Entra object id from the user's tags.
    pub entra_object_id: Option<String>,
    /// The date on which the user is to be deleted, from the user's tags.
    pub removal_due: Option<Date>,
    /// Whether the sessions of the user were ended when the member left, according to the user's tags.
    pub signed_out: bool,
    /// The date on which the user lost access. `None` if the user still has access, or if the sessions of the user have
    /// been ended since the loss of access.
    pub sign_out_due: Option<Date>,
    /// The value of the tag [`PROFICIENCIES_KEY`].
    pub proficiencies: Option<String>,
    /// The value of the tag [`TRAFFIC_GROUP_KEY`].
    pub traffic_group: Option<String>,
}

/// The ids of the profiles and hierarchy groups of the instance, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profiles {
    /// The ids of the security profiles, by name.
    pub security: BTreeMap<String, String>,
    /// The ids of the routing profiles, by name.
    pub routing: BTreeMap<String, String>,
    /// The ids of the hierarchy groups, by path; ` / ` separates the levels of a path. Empty unless the input contains
    /// a hierarchy group.
    pub hierarchy: BTreeMap<String, String>,
}

/// The desired Connect settings of a member. Profiles and hierarchy groups are represented by their ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// One to ten security profile ids, sorted.
    pub security_profile_ids: Vec<String>,
    /// The routing profile id.
    pub routing_profile_id: String,
    /// The hierarchy group id. `None` if the sync must not change the user's hierarchy group.
    pub hierarchy_group_id: Option<String>,
    /// The desired channel settings.
    pub channels: UserChannels,
    /// The proficiencies of all groups. `None` if the sync must not change the user's proficiencies.
    pub proficiencies: Option<Proficiencies>,
    /// The ID of the traffic distribution group of a replicated instance. `None` if the instance has no such group.
    pub traffic_group: Option<String>,
    /// The groups that define the values of this assignment.
    pub(super) sources: Sources,
}

/// The users who can still sign in through Entra ID, although they are not members of the groups in the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetIn {
    /// Whether every user of the tenant, or a group that the input does not contain, may sign in.
    pub all_users: bool,
    /// The object ids of users who may sign in, because they are individually assigned to the enterprise application.
    pub users: BTreeSet<String>,
    /// The object ids of users whose individual assignments to the enterprise application the sync manages. When the
    /// sync removes a user, it also removes the user's assignment. If a user who left earlier still has an assignment,
    /// the user may still be able to sign in.
    pub assigned: BTreeSet<String>,
}

/// The settings in the input that control the sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The Entra user attribute whose value is the username and the role session name.
    pub username: UsernameAttribute,
    /// Whether members of nested groups become users.
    pub nested_groups: NestedGroups,
    /// Whether guests become users.
    pub guests: bool,
    /// What happens to the Connect users of members who left all groups.
    pub removed: Removed,
    /// The removal limit: how many users can be removed without an approval.
    #[serde(rename = "brake")]
    pub removal_limit: RemovalLimit,
    /// The users who can still sign in through Entra ID, although they left the groups. If the Connect user of such a
    /// member is kept, the sync removes all permissions of the user.
    #[serde(skip)]
    pub let_in: LetIn,
    /// The ID of the traffic distribution group to which each user of a replicated instance is added.
    #[serde(skip)]
    pub traffic_group: Option<String>,
}

impl Policy {
    /// Whether this member of a group becomes a Connect user. The account must not be disabled. Unless guests become
    /// users, the account must not be a guest account.
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
