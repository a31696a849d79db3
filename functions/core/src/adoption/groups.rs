//! Derives the settings of each Entra group from the Connect users of the group's members.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    contract::OpenItem,
    onboarding::{Channel, ChannelSettings, Channels, Phone, UserGroup, UsernameAttribute, VoiceSettings},
    sync::{ConnectUser, GroupRead, Member, Profiles},
};

/// The Entra user attributes whose value can be the Connect username.
pub(super) const USERNAMES: [UsernameAttribute; 3] =
    [UsernameAttribute::UserPrincipalName, UsernameAttribute::Mail, UsernameAttribute::ObjectId];

/// An Entra group and the settings derived for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DerivedGroup {
    /// The derived settings, except the hierarchy group.
    pub settings: UserGroup,
    /// The id of the hierarchy group; `None` unless all Connect users of the Entra group belong to the same hierarchy
    /// group.
    pub hierarchy_group_id: Option<String>,
}

/// The settings of the input section `users` that can be derived from the instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DerivedUsers {
    /// The Entra user attribute that is the Connect username.
    pub username: UsernameAttribute,
    /// Whether guests of the Entra tenant have Connect users.
    pub guests: bool,
    /// The Entra groups whose members have Connect users. The groups with the fewest members come first, because a user
    /// in several groups gets the routing profile of the first of these groups.
    pub groups: Vec<DerivedGroup>,
    /// The open items: what the operator must check.
    pub open_items: Vec<OpenItem>,
}

/// The settings of a Connect user that are compared with the settings derived for the user's Entra group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rights<'a> {
    security: BTreeSet<&'a str>,
    routing: &'a str,
    phone: (bool, u32),
}

/// Derives the settings of each Entra group from the Connect users of the group. A Connect user belongs to a group if
/// the username exactly equals the username attribute of a group member. `username` is the user attribute that the
/// claims of the application contain. If `username` is `None`, the function chooses the attribute that matches the most
/// users.
///
/// Each group gets the settings that most of its users have. A user in several groups has the security profiles of all
/// these groups. The settings of a group are therefore derived from the users who are in no other group. If every user
/// of a group is also in another group, the settings are derived from all users of the group. In this case, the group
/// gets only the security profiles that all its users have in common.
///
/// A hierarchy group or a channel setting is derived only if all users have the same value. If the users have different
/// values, the setting is omitted from the input, and the sync keeps the value of each user.
#[must_use]
pub fn derive(
    groups: &[GroupRead],
    users: &[ConnectUser],
    profiles: &Profiles,
    username: Option<UsernameAttribute>,
) -> DerivedUsers {
    let by_name: BTreeMap<&str, &ConnectUser> = users.iter().map(|user| (user.username.as_str(), user)).collect();
    let username = username.unwrap_or_else(|| most_matches(groups, &by_name));
    let user_of = |member: &Member| member.attribute(username).and_then(|name| by_name.get(name).copied());
    let mut memberships: BTreeMap<&str, usize> = BTreeMap::new();
    for member in groups.iter().flat_map(|group| &group.members) {
        *memberships.entry(&member.id).or_default() += 1;
    }
    let mut derived = DerivedUsers { username, ..DerivedUsers::default() };
    let mut order: Vec<&GroupRead> = groups.iter().collect();
    order.sort_by_key(|group| (group.members.len(), &group.display_name));
    for group in order {
        let matched: Vec<(&Member, &ConnectUser)> =
            group.members.iter().filter_map(|member| Some((member, user_of(member)?))).collect();
        derived.guests |= matched.iter().any(|(member, _)| member.guest);
        let alone = |member: &Member| memberships.get(member.id.as_str()) == Some(&1);
        let exclusive: Vec<&ConnectUser> =
            matched.iter().filter(|(member, _)| alone(member)).map(|(_, user)| *user).collect();
        let all: Vec<&ConnectUser> = matched.iter().map(|(_, user)| *user).collect();
        let found = match exclusive.is_empty() {
            false => {
                let security = common_set(&exclusive);
                settings(&exclusive, profiles, &security, |user| *user == security)
            }
            true => {
                let security = shared_by_all(&all);
                settings(&all, profiles, &security, |user| user.is_superset(&security))
            }
        };
        let Some((found, differing)) = found else {
            derived.open_items.push(without_users(group));
            continue;
        };
        if differing > 0 {
            derived.open_items.push(OpenItem::new(
                format!("group {}", group.display_name),
                format!(
                    "{differing} of its {} users have other security profiles, another routing profile or other phone \
                     settings than the input now gives the group",
                    matched.len()
                ),
                "Check with `onboard plan` how many users the sync would change. Correct the group in the file, or move \
                 these users to another group in Entra.",
            ));
        }
        let settings = UserGroup { group: group.settings.group.clone(), ..found.settings };
        derived.groups.push(DerivedGroup { settings, ..found });
    }
    // Guests cannot sign in with the user principal name, so they have no Connect users if this attribute is the
    // username.
    derived.guests &= username != UsernameAttribute::UserPrincipalName;
    derived.open_items.extend(without_group(groups, users, username));
    derived
}

/// The attribute whose values match the usernames of the most Connect users.
fn most_matches(groups: &[GroupRead], users: &BTreeMap<&str, &ConnectUser>) -> UsernameAttribute {
    let matches = |attribute: UsernameAttribute| {
        let names = groups.iter().flat_map(|group| &group.members).filter_map(|member| member.attribute(attribute));
        names.collect::<BTreeSet<_>>().into_iter().filter(|name| users.contains_key(name)).count()
    };
    // If several attributes match equally many users, `max_by_key` returns the last of these attributes. Because of the
    // reversed order, it returns the attribute that comes first in `USERNAMES`.
    USERNAMES.into_iter().rev().max_by_key(|attribute| matches(*attribute)).unwrap_or_default()
}

fn rights(user: &ConnectUser) -> Rights<'_> {
    let voice = user.channels.get(Channel::Voice);
    Rights {
        security: user.security_profile_ids.iter().map(String::as_str).collect(),
        routing: &user.routing_profile_id,
        phone: (voice.auto_accept.unwrap_or_default(), voice.after_contact_work_seconds.map_or(0, seconds)),
    }
}

/// Converts a duration of after-contact work to seconds. The documentation of `SearchUsers` does not state the unit of
/// this duration in the channel settings of a user. A multiple of 1,000 that is at least 10,000 is treated as
/// milliseconds, because this many seconds would be several hours.
const fn seconds(found: u32) -> u32 {
    if found >= 10_000 && found.is_multiple_of(1000) { found / 1000 } else { found }
}

/// The most frequent value. If several values are equally frequent, the smallest of them.
fn most_common<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

fn common_set<'a>(users: &[&'a ConnectUser]) -> BTreeSet<&'a str> {
    most_common(users.iter().map(|user| rights(user).security)).unwrap_or_default()
}

fn shared_by_all<'a>(users: &[&'a ConnectUser]) -> BTreeSet<&'a str> {
    let sets = users.iter().map(|user| rights(user).security);
    sets.reduce(|one, other| &one & &other).unwrap_or_default()
}

/// Derives the settings of a group from its Connect users. Also returns how many of these users have other settings.
/// `agrees` returns whether the security profiles of a user match those of the group. Returns `None` if the group would
/// get no security profile or if the name of its routing profile is unknown.
fn settings(
    users: &[&ConnectUser],
    profiles: &Profiles,
    security: &BTreeSet<&str>,
    agrees: impl Fn(&BTreeSet<&str>) -> bool,
) -> Option<(DerivedGroup, usize)> {
    let name = |names: &BTreeMap<String, String>, id: &str| {
        names.iter().find(|(_, other)| *other == id).map(|(name, _)| name.clone())
    };
    let mut security_profiles: Vec<String> = security.iter().filter_map(|id| name(&profiles.security, id)).collect();
    security_profiles.sort_unstable();
    if security_profiles.is_empty() {
        return None;
    }
    let routing = most_common(users.iter().map(|user| user.routing_profile_id.as_str()))?;
    let phone = most_common(users.iter().map(|user| rights(user).phone))?;
    let differing = users.iter().filter(|user| {
        let rights = rights(user);
        !agrees(&rights.security) || rights.routing != routing || rights.phone != phone
    });
    let hierarchy = users.first()?.hierarchy_group_id.clone();
    let settings = UserGroup {
        security_profiles,
        routing_profile: name(&profiles.routing, routing)?,
        phone: Phone { auto_accept: phone.0, after_contact_work_seconds: phone.1 },
        channels: channels(users),
        ..UserGroup::default()
    };
    let hierarchy_group_id =
        hierarchy.filter(|id| users.iter().all(|user| user.hierarchy_group_id.as_ref() == Some(id)));
    Some((DerivedGroup { settings, hierarchy_group_id }, differing.count()))
}

/// The channel settings that all users have in common. For the voice channel, auto-accept and after-contact work are
/// omitted, because the field `phone` contains them.
fn channels(users: &[&ConnectUser]) -> Channels {
    let get = |channel: Channel| -> VoiceSettings {
        let all = || users.iter().map(|user| user.channels.get(channel));
        let Some(first) = all().next() else { return VoiceSettings::default() };
        VoiceSettings {
            auto_accept: first.auto_accept.filter(|_| all().all(|one| one.auto_accept == first.auto_accept)),
            after_contact_work_seconds: first
                .after_contact_work_seconds
                .filter(|_| all().all(|one| one.after_contact_work_seconds == first.after_contact_work_seconds))
                .map(seconds),
            persistent_connection: first
                .persistent_connection
                .filter(|_| all().all(|one| one.persistent_connection == first.persistent_connection)),
            voice_enhancement: first
                .voice_enhancement
                .filter(|_| all().all(|one| one.voice_enhancement == first.voice_enhancement)),
        }
    };
    let other = |channel: Channel| {
        let VoiceSettings { auto_accept, after_contact_work_seconds, .. } = get(channel);
        let settings = ChannelSettings { auto_accept, after_contact_work_seconds };
        (settings != ChannelSettings::default()).then_some(settings)
    };
    let voice = VoiceSettings { auto_accept: None, after_contact_work_seconds: None, ..get(Channel::Voice) };
    Channels {
        voice: (voice != VoiceSettings::default()).then_some(voice),
        chat: other(Channel::Chat),
        task: other(Channel::Task),
        email: other(Channel::Email),
    }
}

fn without_users(group: &GroupRead) -> OpenItem {
    OpenItem::new(
        format!("group {}", group.display_name),
        "the file does not contain it: no security profile can be derived, because none of its members has a Connect \
         user, or its users have no security profile in common",
        "Add the group to users.groups with its security profiles if its members are to become users. Otherwise, remove \
         its assignment in Entra.",
    )
}

/// The open item about Connect users who are not members of any group in the input. The sync leaves these users
/// unchanged.
fn without_group(groups: &[GroupRead], users: &[ConnectUser], username: UsernameAttribute) -> Option<OpenItem> {
    let members: BTreeSet<&str> =
        groups.iter().flat_map(|group| &group.members).filter_map(|member| member.attribute(username)).collect();
    let others = users.iter().filter(|user| !members.contains(user.username.as_str())).count();
    (others > 0).then(|| {
        OpenItem::new(
            "users",
            format!("{others} of {} Connect users are not members of the groups", users.len()),
            "None if intended: the sync never changes or removes these users. To manage a user, add the member to a \
             group; the user is found by its exact username.",
        )
    })
}
