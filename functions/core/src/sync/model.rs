//! The two directories as the planner sees them. No type here knows Graph or the AWS SDK.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::names::{self, MANAGED_BY};
use crate::onboarding::{Brake, NestedGroups, Phone, Removed, UserGroup, UsernameAttribute, Users};

/// The tag of a Connect user that holds the date of its deletion, `YYYY-MM-DD` (UTC).
pub const REMOVAL_DUE_KEY: &str = "removal-due";

const DUE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The date in a [`REMOVAL_DUE_KEY`] tag; `None` for anything but `YYYY-MM-DD`, which then counts as not marked.
#[must_use]
pub fn removal_due_from_tag(value: &str) -> Option<Date> {
    Date::parse(value, DUE).ok()
}

/// The value of the [`REMOVAL_DUE_KEY`] tag for a date.
#[must_use]
pub fn removal_due_to_tag(due: Date) -> String {
    format!("{:04}-{:02}-{:02}", due.year(), u8::from(due.month()), due.day())
}

/// A user object among a group's members, with the fields that Graph may leave null: optional by nature (`mail`,
/// `givenName`, `surname`) or for want of `User.Read.All` (all of them).
///
/// Ordered so that of two readings of one member the fuller one is the greater.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The object id: immutable, the identity of the person.
    pub id: String,
    /// `userPrincipalName`.
    pub user_principal_name: Option<String>,
    /// `mail`.
    pub mail: Option<String>,
    /// `givenName`.
    pub given_name: Option<String>,
    /// `surname`.
    pub surname: Option<String>,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `accountEnabled`. Null beside other fields counts as enabled.
    pub account_enabled: Option<bool>,
    /// `userType` is `Guest`.
    pub guest: bool,
}

impl Member {
    /// Whether Graph gave nothing but the id: the sign of a missing `User.Read.All` (Microsoft Graph, "Limited information
    /// returned for inaccessible member objects").
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.user_principal_name.is_none() && self.display_name.is_none() && self.account_enabled.is_none()
    }

    /// The attribute that Entra emits as `RoleSessionName`, byte for byte.
    #[must_use]
    pub fn attribute(&self, attribute: UsernameAttribute) -> Option<&str> {
        match attribute {
            UsernameAttribute::UserPrincipalName => self.user_principal_name.as_deref(),
            UsernameAttribute::Mail => self.mail.as_deref(),
            UsernameAttribute::ObjectId => Some(self.id.as_str()),
        }
        .filter(|value| !value.is_empty())
    }

    /// What a person recognises this member by.
    #[must_use]
    pub fn label(&self) -> &str {
        [&self.user_principal_name, &self.display_name, &self.mail]
            .into_iter()
            .find_map(|field| field.as_deref().filter(|value| !value.is_empty()))
            .unwrap_or(&self.id)
    }
}

/// A group inside a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NestedGroup {
    /// The object id.
    pub id: String,
    /// The display name, where Graph gave it.
    pub display_name: Option<String>,
}

/// Whether a read can be believed to be the whole truth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// Every page was read, to the last.
    #[default]
    Complete,
    /// Something is missing; the text says what. Nothing is planned from such a read.
    Partial(String),
    /// The group does not exist (any more). Nothing is planned.
    GroupMissing,
}

/// One group's members as just read, with what the input wants for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupRead {
    /// The object id.
    pub group_id: String,
    /// The display name, for people.
    pub display_name: String,
    /// What the members get in Connect.
    pub settings: UserGroup,
    /// The direct members that are users (with `flatten`: those of nested groups too).
    pub members: Vec<Member>,
    /// Groups among the direct members.
    pub nested_groups: Vec<NestedGroup>,
    /// How many members are neither users nor groups, by their type in Entra (`device`, `orgContact`, `agentUser`).
    pub other_objects: BTreeMap<String, usize>,
    /// Whether the read was complete.
    pub completeness: Completeness,
}

/// To whom a Connect user belongs, by its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// Nobody's tags: made by hand or by another tool. May be adopted by exact username, is never changed otherwise.
    #[default]
    Unmanaged,
    /// Ours: `managed-by` is this application and `onboarding` is this instance's alias.
    Ours,
    /// This application's, but of another onboarding (its alias): never touched.
    OtherOnboarding(String),
}

impl Ownership {
    /// Reads the tags that decide ownership.
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
    /// The ARN, by which the user is tagged.
    pub arn: String,
    /// The username, case kept.
    pub username: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Security profile ids, in any order.
    pub security_profile_ids: Vec<String>,
    /// Routing profile id.
    pub routing_profile_id: String,
    /// Hierarchy group id.
    pub hierarchy_group_id: Option<String>,
    /// Phone behaviour for voice; `None` where Connect reports none or a desk phone.
    pub phone: Option<Phone>,
    /// To whom the user belongs.
    pub ownership: Ownership,
    /// The Entra object id in the user's tags.
    pub entra_object_id: Option<String>,
    /// The date of deletion in the user's tags.
    pub removal_due: Option<Date>,
}

/// Profile and hierarchy ids of the instance by exact name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profiles {
    /// Security profile name → id.
    pub security: BTreeMap<String, String>,
    /// Routing profile name → id.
    pub routing: BTreeMap<String, String>,
    /// Hierarchy group path (levels parted by ` / `) → id. Only filled where the input names one.
    pub hierarchy: BTreeMap<String, String>,
}

/// What a member of certain groups gets in Connect, in ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// One to ten security profile ids, sorted.
    pub security_profile_ids: Vec<String>,
    /// Routing profile id.
    pub routing_profile_id: String,
    /// Hierarchy group id; `None` leaves the user's hierarchy alone.
    pub hierarchy_group_id: Option<String>,
    /// Whether calls are accepted by themselves.
    pub auto_accept: bool,
    /// Seconds of after contact work; 0 for no limit.
    pub after_contact_work_seconds: u32,
}

/// The part of the input that rules the sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The attribute that is both username and role session name.
    pub username: UsernameAttribute,
    /// Whether members of nested groups count.
    pub nested_groups: NestedGroups,
    /// Whether guests become users.
    pub guests: bool,
    /// What happens to users of people who left.
    pub removed: Removed,
    /// How many removals need no approval.
    pub brake: Brake,
}

impl From<&Users> for Policy {
    fn from(users: &Users) -> Self {
        Self {
            username: users.username,
            nested_groups: users.nested_groups,
            guests: users.guests,
            removed: users.removed.clone(),
            brake: users.brake.clone(),
        }
    }
}
