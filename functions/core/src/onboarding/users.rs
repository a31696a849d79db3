//! The input section `users`: the groups, and the settings of the user sync.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

use super::channels::Channels;

/// The groups whose members become Connect users, and the rules of the user sync.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// The user attribute that is the Connect username and also the role session name from Entra.
    #[serde(default)]
    pub username: UsernameAttribute,
    /// The groups in order of priority. A user in several groups gets the routing profile of the first group.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 300)))]
    pub groups: Vec<UserGroup>,
    /// Whether members of nested groups become users. Entra's assignment does not include nested groups, so `flatten`
    /// requires `entra.assignment: "users"`.
    #[serde(default)]
    pub nested_groups: NestedGroups,
    /// Whether guests become users. A guest can't sign in with the user principal name, so `true` requires `mail` or
    /// `objectId` as the username.
    #[serde(default)]
    pub guests: bool,
    /// What happens to the Connect user of a member who left all groups.
    #[serde(default)]
    pub removed: Removed,
    /// The removal limit: how many removals a run may make without approval.
    #[serde(default, rename = "brake")]
    pub removal_limit: RemovalLimit,
}

impl Users {
    /// Maximum number of groups in an input. The data that an execution passes from one state to the next contains each
    /// group several times, and Step Functions limits the size of this data.
    pub const MAX_GROUPS: usize = 300;

    /// Maximum number of proficiencies of one user. The sync stores the proficiencies in the value of a tag, which has
    /// at most 256 characters. Connect's quota "Proficiencies per agent" is 10 by default and can be increased.
    pub const MAX_PROFICIENCIES: usize = 24;

    /// The paths of the hierarchy groups in the settings of the Entra groups.
    #[must_use]
    pub fn hierarchy_groups(&self) -> Vec<&str> {
        self.groups.iter().filter_map(|group| group.hierarchy_group.as_deref()).collect()
    }
}

/// The user attributes that can be the Connect username.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UsernameAttribute {
    /// The user principal name.
    #[default]
    UserPrincipalName,
    /// The email address.
    Mail,
    /// The object id. It never changes and works for guests, but users can't recognize it.
    ObjectId,
}

impl UsernameAttribute {
    /// The value of the field `ID` for this attribute in a claims mapping policy. The field `Source` of such a claim is
    /// `user` (Microsoft's documentation, "Table 3").
    #[must_use]
    pub const fn claim_source(self) -> &'static str {
        match self {
            Self::UserPrincipalName => "userprincipalname",
            Self::Mail => "mail",
            Self::ObjectId => "objectid",
        }
    }
}

/// One group and the Connect settings of its members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct UserGroup {
    /// The group's object id or its exact display name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256)))]
    pub group: String,
    /// The names of one to ten security profiles. There is no default, because the profiles decide which permissions
    /// the members have.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10)))]
    pub security_profiles: Vec<String>,
    /// The name of the routing profile.
    #[serde(default = "basic_routing_profile")]
    pub routing_profile: String,
    /// The path of the agent hierarchy group from the top level, separated by ` / `, for example `Japan / Tokyo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchy_group: Option<String>,
    /// The phone settings of the members.
    #[serde(default)]
    pub phone: Phone,
    /// The settings of each channel. For a user in several groups, the first group that contains a setting defines its
    /// value.
    #[serde(default, skip_serializing_if = "Channels::is_empty")]
    pub channels: Channels,
    /// The proficiencies of the members. A user in several groups gets the proficiencies of all groups, each with the
    /// highest level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 24)))]
    pub proficiencies: Vec<Proficiency>,
}

/// A proficiency of an agent: a value of a predefined attribute, and the level.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Proficiency {
    /// The name of the predefined attribute, for example `Language`. If the instance does not have the attribute or the
    /// value, the sync creates it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 100)))]
    pub attribute: String,
    /// The value of the attribute, for example `Japanese`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 100)))]
    pub value: String,
    /// The level, from 1 (lowest) to 5 (highest).
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 5)))]
    pub level: u8,
}

/// The phone settings of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Phone {
    /// Whether calls are accepted automatically.
    #[serde(default)]
    pub auto_accept: bool,
    /// Seconds of after-contact work; 0 means no limit.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = 2_000_000)))]
    pub after_contact_work_seconds: u32,
}

/// Whether members of nested groups become users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum NestedGroups {
    /// Nested groups are not expanded; each nested group is reported.
    #[default]
    Report,
    /// Members of nested groups become users and are assigned to the application individually.
    Flatten,
}

/// What happens to the Connect user of a member who left all groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Whether the user is kept, kept without rights, or deleted after the grace period.
    #[serde(default)]
    pub action: RemovalAction,
    /// Number of days from when the member leaves the groups until the user is deleted.
    #[serde(default = "seven")]
    #[cfg_attr(feature = "schema", schemars(range(max = 3650)))]
    pub grace_days: u32,
    /// Whether all sessions of a user end as soon as the member leaves, is disabled or loses a security profile.
    #[serde(default = "yes")]
    pub sign_out: bool,
    /// What happens to the quick connects that transfer contacts to a user who is deleted.
    #[serde(default)]
    pub quick_connects: QuickConnects,
}

impl Default for Removed {
    fn default() -> Self {
        Self {
            action: RemovalAction::default(),
            grace_days: seven(),
            sign_out: yes(),
            quick_connects: QuickConnects::default(),
        }
    }
}

/// What happens to the quick connects that transfer contacts to a user who is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum QuickConnects {
    /// The quick connects are deleted.
    #[default]
    Delete,
    /// The quick connects transfer contacts to the Connect user with this username.
    TransferTo(#[cfg_attr(feature = "schema", schemars(length(min = 2, max = 64)))] String),
}

/// The action for the Connect user of a member who left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RemovalAction {
    /// The user is kept and reported. Without a group, the member can no longer sign in.
    #[default]
    Keep,
    /// The user is kept for its history, with only a security profile that grants no permissions.
    Strip,
    /// The user is deleted after the grace period.
    Delete,
}

/// The removal limit: how many removals a run may make without approval. Above either limit, an operator must approve
/// the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct RemovalLimit {
    /// Maximum number of removed users.
    #[serde(default = "ten")]
    pub max_removals: u32,
    /// Maximum number of removed users, as a percentage of the managed users.
    #[serde(default = "ten")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub max_removals_percent: u32,
}

impl Default for RemovalLimit {
    fn default() -> Self {
        Self { max_removals: ten(), max_removals_percent: ten() }
    }
}

const fn seven() -> u32 {
    7
}

const fn ten() -> u32 {
    10
}

const fn yes() -> bool {
    true
}

/// The name of the routing profile that exists in every new instance.
fn basic_routing_profile() -> String {
    "Basic Routing Profile".into()
}
