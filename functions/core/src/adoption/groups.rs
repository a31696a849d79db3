//! Derives the settings of each group from the Connect users of its members.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    contract::OpenItem,
    onboarding::{Channel, ChannelSettings, Channels, Phone, UserGroup, UsernameAttribute, VoiceSettings},
    sync::{ConnectUser, GroupRead, Member, Profiles},
};

/// The attributes that can be the username.
pub(super) const USERNAMES: [UsernameAttribute; 3] =
    [UsernameAttribute::UserPrincipalName, UsernameAttribute::Mail, UsernameAttribute::ObjectId];

/// A group with its derived settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DerivedGroup {
    /// The settings, without the hierarchy group.
    pub settings: UserGroup,
    /// The id of the hierarchy group that all users of the group have.
    pub hierarchy_group_id: Option<String>,
}

/// The section `users` as far as it can be derived.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DerivedUsers {
    /// The attribute that is the username.
    pub username: UsernameAttribute,
    /// Whether guests have users.
    pub guests: bool,
    /// The groups whose members have users: the group with the fewest members first, because a user in several groups
    /// gets the routing profile of the first group.
    pub groups: Vec<DerivedGroup>,
    /// What the operator must check.
    pub open_items: Vec<OpenItem>,
}

/// The settings that each user must have, by which users are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rights<'a> {
    security: BTreeSet<&'a str>,
    routing: &'a str,
    phone: (bool, u32),
}

/// Derives the settings of the groups from the users whose username is exactly that of a member. `username` is the
/// attribute in the claims of the application. If it is unknown, it is the attribute that matches most users.
///
/// Each group gets the settings that most of its users have. Users in several groups are used only if a group has no
/// other users: their security profiles come from all their groups, so the group gets only those that all of them have.
/// A hierarchy group or a setting of a channel is derived only if all users agree, because without it the sync leaves
/// the users unchanged.
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
    // A guest cannot sign in with the user principal name.
    derived.guests &= username != UsernameAttribute::UserPrincipalName;
    derived.open_items.extend(without_group(groups, users, username));
    derived
}

/// The attribute whose values are the usernames of the most users.
fn most_matches(groups: &[GroupRead], users: &BTreeMap<&str, &ConnectUser>) -> UsernameAttribute {
    let matches = |attribute: UsernameAttribute| {
        let names = groups.iter().flat_map(|group| &group.members).filter_map(|member| member.attribute(attribute));
        names.collect::<BTreeSet<_>>().into_iter().filter(|name| users.contains_key(name)).count()
    };
    // Of equal counts, `max_by_key` returns the last one.
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

/// The seconds of after-contact work. For the settings of a channel, the unit in the response of `SearchUsers` is not
/// documented, so a whole number of thousands from 10,000 counts as milliseconds: as seconds, it would be some hours.
const fn seconds(found: u32) -> u32 {
    if found >= 10_000 && found.is_multiple_of(1000) { found / 1000 } else { found }
}

/// The value that occurs most often; of equal counts, the smallest one.
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

/// The settings of a group with these users, and the number of users with other settings. `agrees` compares the security
/// profiles of a user with those of the group. `None` if the group has no security profile.
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

/// The settings of the channels that all users have. Those of `phone` are not repeated.
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

/// The users that are no members of the groups. The sync leaves them unchanged.
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
