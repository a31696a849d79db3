//! The users whom a plan creates, adopts or changes, with the groups that define each value.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::channels::ChannelSources;
use super::contract::MAX_LISTED;
use super::model::Assignment;
use super::plan::{Change, Plan, UserUpdate};
use crate::contract::Action;
use crate::onboarding::Channel;
use crate::text::Quoted;

/// Maximum size of the JSON form of [`Plan::planned_users`], in bytes. The data that an execution passes between its
/// states can have at most 256 KiB (Step Functions developer guide, "Quotas"), and the output with the plan also
/// contains other lists.
const MAX_BYTES: usize = 32 * 1024;

/// A setting that users get from their groups. The names are those of the fields in `users.groups[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Setting {
    /// A security profile.
    SecurityProfiles,
    /// The routing profile.
    RoutingProfile,
    /// The hierarchy group.
    HierarchyGroup,
    /// Whether contacts of a channel are accepted automatically.
    AutoAccept,
    /// Seconds of after-contact work of a channel.
    AfterContactWorkSeconds,
    /// Whether the agent's connection is maintained after a call.
    PersistentConnection,
    /// How background sounds are reduced.
    VoiceEnhancement,
    /// A proficiency: attribute, value and level.
    Proficiencies,
}

impl Setting {
    const fn label(self) -> &'static str {
        match self {
            Self::SecurityProfiles => "security profile",
            Self::RoutingProfile => "routing profile",
            Self::HierarchyGroup => "hierarchy group",
            Self::AutoAccept => "auto-accept",
            Self::AfterContactWorkSeconds => "seconds of after-contact work",
            Self::PersistentConnection => "persistent connection",
            Self::VoiceEnhancement => "voice enhancement",
            Self::Proficiencies => "proficiency",
        }
    }
}

/// A value that a user gets, and the groups that it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupValue {
    /// The setting.
    pub setting: Setting,
    /// The channel, if the setting belongs to a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The value as in `onboarding.json`; for a proficiency, `attribute: value level`.
    pub value: String,
    /// The names of the groups that the value comes from. For a security profile, these are all groups of the user that
    /// grant it. For any other value, this is the one group whose value applies.
    pub groups: Vec<String>,
}

impl fmt::Display for GroupValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, channel, value, groups } = self;
        if let Some(channel) = channel {
            write!(f, "{} ", channel.name())?;
        }
        let groups: Vec<String> = groups.iter().map(|group| Quoted(group).to_string()).collect();
        write!(f, "{} {value} (from {})", setting.label(), groups.join(" + "))
    }
}

/// A user whom a plan creates, adopts or changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlannedUser {
    /// The username.
    pub username: String,
    /// The planned action: `create`, `adopt` or `change`.
    pub action: Action,
    /// The values that the plan sets from the user's groups.
    pub values: Vec<GroupValue>,
}

/// The groups that define the values in an [`Assignment`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sources {
    /// The first group of the user, which defines the routing profile and the hierarchy group.
    pub(super) first: String,
    /// For each security profile id, the groups that have this profile.
    pub(super) security_profiles: BTreeMap<String, Vec<String>>,
    /// The group that defines each channel setting.
    pub(super) channels: ChannelSources,
}

impl Plan {
    /// The first users whom the plan creates, adopts or changes, each with the values that the groups define. The list
    /// has at most [`MAX_LISTED`] users, or fewer if a longer list would be too large for the output of a step.
    #[must_use]
    pub fn planned_users(&self) -> Vec<PlannedUser> {
        let created = self.create.iter().map(|user| PlannedUser {
            username: user.username.clone(),
            action: Action::Create,
            values: self.values(&user.assignment),
        });
        let updates: BTreeMap<&str, &UserUpdate> =
            self.update.iter().map(|update| (update.user.id.as_str(), update)).collect();
        let adopted = self.adopt.iter().map(|adoption| PlannedUser {
            username: adoption.user.username.clone(),
            action: Action::Adopt,
            values: updates
                .get(adoption.user.id.as_str())
                .map(|update| self.changed_values(update))
                .unwrap_or_default(),
        });
        let is_adopted = |update: &&UserUpdate| self.adopt.iter().any(|adoption| adoption.user.id == update.user.id);
        let changed = self.update.iter().filter(|update| !is_adopted(update)).map(|update| PlannedUser {
            username: update.user.username.clone(),
            action: Action::Change,
            values: self.changed_values(update),
        });
        let changed = changed.filter(|user| !user.values.is_empty());
        let mut left = MAX_BYTES;
        let fits = |user: &PlannedUser| {
            let size = serde_json::to_string(user).map_or(usize::MAX, |text| text.len());
            left.checked_sub(size).inspect(|rest| left = *rest).is_some()
        };
        created.chain(adopted).chain(changed).take(MAX_LISTED).take_while(fits).collect()
    }

    /// All values in an assignment, each with the groups that define it.
    pub(super) fn values(&self, assignment: &Assignment) -> Vec<GroupValue> {
        let sources = &assignment.sources;
        let value = |setting, value: &str, groups: Vec<String>| GroupValue {
            setting,
            channel: None,
            value: value.to_owned(),
            groups,
        };
        let first = || vec![sources.first.clone()];
        let mut values: Vec<GroupValue> = sources
            .security_profiles
            .iter()
            .map(|(id, groups)| value(Setting::SecurityProfiles, self.name(id), groups.clone()))
            .collect();
        values.sort_unstable();
        values.push(value(Setting::RoutingProfile, self.name(&assignment.routing_profile_id), first()));
        if let Some(id) = &assignment.hierarchy_group_id {
            values.push(value(Setting::HierarchyGroup, self.name(id), first()));
        }
        values.extend(assignment.channels.values(&sources.channels));
        let given = assignment.proficiencies.iter().flat_map(|given| given.sources());
        values.extend(given.map(|(text, group)| value(Setting::Proficiencies, &text, vec![group.to_owned()])));
        values
    }

    /// The values that an update sets, each with the groups that define it.
    fn changed_values(&self, update: &UserUpdate) -> Vec<GroupValue> {
        update.changes.iter().flat_map(|change| self.values_of(update, change)).collect()
    }

    /// The values that one change of an update sets, each with the groups that define it.
    pub(super) fn values_of(&self, update: &UserUpdate, change: &Change) -> Vec<GroupValue> {
        let Some(assignment) = &update.assignment else { return Vec::new() };
        let is_part = |value: &GroupValue| match change {
            Change::SecurityProfiles(_) => value.setting == Setting::SecurityProfiles,
            Change::RoutingProfile(_) => value.setting == Setting::RoutingProfile,
            Change::Hierarchy(_) => value.setting == Setting::HierarchyGroup,
            Change::Channels(_) => value.channel.is_some(),
            Change::Proficiencies(_) => value.setting == Setting::Proficiencies,
            Change::Identity { .. }
            | Change::TrafficGroup(_)
            | Change::ForgetSignOut
            | Change::RepeatSignOut
            | Change::ForgetSignOutDue => false,
        };
        self.values(assignment).into_iter().filter(is_part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testkit::*;
    use super::super::{ConnectUser, GroupRead};
    use super::*;
    use crate::onboarding::{ChannelSettings, Channels, Phone, Proficiency, VoiceEnhancement, VoiceSettings};

    /// Two groups that contain the member hanako and differ in each setting.
    fn two_groups() -> [GroupRead; 2] {
        let mut leads = group("Leads", vec![member("hanako")]);
        leads.settings.security_profiles = vec!["CallCenterManager".into(), "Agent".into()];
        leads.settings.routing_profile = "Night".into();
        leads.settings.phone = Phone { auto_accept: true, after_contact_work_seconds: 30 };
        let chat = ChannelSettings { auto_accept: None, after_contact_work_seconds: Some(60) };
        let voice = VoiceSettings { persistent_connection: Some(true), ..VoiceSettings::default() };
        leads.settings.channels = Channels { voice: Some(voice), chat: Some(chat), ..Channels::default() };
        let proficiency = |level| Proficiency { attribute: "Language".into(), value: "Japanese".into(), level };
        leads.settings.proficiencies = vec![proficiency(3)];
        let mut support = group("Support", vec![member("hanako"), member("taro")]);
        support.settings.hierarchy_group = Some("Japan / Tokyo".into());
        let voice = VoiceSettings {
            after_contact_work_seconds: Some(90),
            persistent_connection: Some(false),
            voice_enhancement: Some(VoiceEnhancement::VoiceIsolation),
            ..VoiceSettings::default()
        };
        let chat = ChannelSettings { auto_accept: Some(true), after_contact_work_seconds: Some(5) };
        support.settings.channels = Channels { voice: Some(voice), chat: Some(chat), ..Channels::default() };
        support.settings.proficiencies = vec![proficiency(5)];
        [leads, support]
    }

    fn texts(user: &PlannedUser) -> Vec<String> {
        user.values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_value_of_a_user_in_several_groups_names_the_group_by_the_rule_of_its_setting() {
        let plan = run(&two_groups(), &[]);
        let users = plan.planned_users();
        assert_eq!(
            users.iter().map(|user| (user.username.as_str(), user.action)).collect::<Vec<_>>(),
            [("hanako@example.com", Action::Create), ("taro@example.com", Action::Create)]
        );
        assert_eq!(
            texts(&users[0]),
            [
                // The security profiles of all groups, each with the groups that have it.
                r#"security profile Agent (from "Leads" + "Support")"#,
                r#"security profile CallCenterManager (from "Leads")"#,
                // The first group defines the routing profile and the hierarchy group, but this group has no hierarchy
                // group.
                r#"routing profile Night (from "Leads")"#,
                // The first group with the setting defines the value. `phone` of the first group defines the value only
                // if no group has the setting.
                r#"VOICE auto-accept true (from "Leads")"#,
                r#"VOICE seconds of after-contact work 90 (from "Support")"#,
                r#"VOICE persistent connection true (from "Leads")"#,
                r#"VOICE voice enhancement VOICE_ISOLATION (from "Support")"#,
                r#"CHAT auto-accept true (from "Support")"#,
                r#"CHAT seconds of after-contact work 60 (from "Leads")"#,
                // The group with the highest level defines the level.
                r#"proficiency Language: Japanese 5 (from "Support")"#,
            ]
        );
        assert_eq!(texts(&users[1])[2], r#"hierarchy group Japan / Tokyo (from "Support")"#);
        for text in texts(&users[0]) {
            assert!(plan.to_string().contains(&text), "the log names the groups, too: {plan}");
        }
    }

    #[test]
    fn an_existing_user_has_only_the_values_that_change_and_no_value_without_a_change() {
        let groups = two_groups();
        let synced = apply(&run(&groups, &[]), &[]);
        assert_eq!(run(&groups, &synced).planned_users(), [], "nothing changes");
        let by_hand = |user: &ConnectUser| match user.username.as_str() {
            "hanako@example.com" => {
                ConnectUser { routing_profile_id: "id:Basic Routing Profile".into(), ..user.clone() }
            }
            _ => ConnectUser { hierarchy_group_id: None, ownership: Default::default(), ..user.clone() },
        };
        let changed: Vec<ConnectUser> = synced.iter().map(by_hand).collect();
        let users = run(&groups, &changed).planned_users();
        assert_eq!(users.len(), 2, "{users:?}");
        assert_eq!(
            (users[0].action, texts(&users[0])),
            (Action::Adopt, vec![r#"hierarchy group Japan / Tokyo (from "Support")"#.to_owned()])
        );
        assert_eq!(
            (users[1].action, texts(&users[1])),
            (Action::Change, vec![r#"routing profile Night (from "Leads")"#.to_owned()])
        );
    }

    #[test]
    fn the_list_has_at_most_50_users_and_fits_into_the_output_of_a_step() {
        let members = |count| (0..count).map(|number| member(&format!("user{number:04}"))).collect();
        let mut support = group("Support", members(10_000));
        assert_eq!(run(&[support.clone()], &[]).planned_users().len(), MAX_LISTED);
        support.display_name = "開発".repeat(128);
        let users = run(&[support], &[]).planned_users();
        assert!((1..MAX_LISTED).contains(&users.len()), "{}", users.len());
        assert!(serde_json::to_string(&users).is_ok_and(|text| text.len() < MAX_BYTES + MAX_LISTED + 2));
    }
}
