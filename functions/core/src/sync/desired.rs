//! Determines the desired Connect users from the groups: which members get a Connect user, with which username and
//! which profiles.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::channels::UserChannels;
use super::finding::{Finding, ProfileKind, SkipReason, Skipped};
use super::model::{Assignment, Completeness, ConnectUser, GroupRead, Member, Policy, Profiles};
use super::planned::Sources;
use super::proficiencies::Proficiencies;
use super::username::check_username;
use crate::onboarding::{NestedGroups, UserGroup};

/// Maximum number of security profiles of a user (Connect API: `SecurityProfileIds`).
const MAX_SECURITY_PROFILES: usize = 10;

/// A Connect user in the desired state: the member, and the settings from the member's groups.
pub(super) struct DesiredUser<'a> {
    pub(super) member: &'a Member,
    pub(super) assignment: Arc<Assignment>,
}

/// The desired users, and the findings about the groups.
#[derive(Default)]
pub(super) struct Desired<'a> {
    /// The desired Connect users, by username.
    pub(super) users: BTreeMap<&'a str, DesiredUser<'a>>,
    /// Object ids of members for whom no action can be planned. The existing Connect users of these members are kept
    /// without changes.
    pub(super) protected_ids: BTreeSet<&'a str>,
    /// Usernames that several members would get. An existing Connect user with such a username is kept without changes.
    pub(super) protected_usernames: BTreeSet<&'a str>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) findings: Vec<Finding>,
    /// Whether the members of at least one group could not be read completely, or no group was read. If so, no action
    /// may be planned.
    pub(super) partial: bool,
    /// Whether a group has no members. If a group is empty, no removal may be planned.
    pub(super) empty: bool,
}

/// Determines the desired Connect users from all groups. If several members would get the same username, `users` is
/// used to find the member who already has a Connect user with this username.
pub(super) fn desired<'a>(
    groups: &'a [GroupRead],
    users: &BTreeMap<&str, &ConnectUser>,
    profiles: &Profiles,
    policy: &Policy,
) -> Desired<'a> {
    let mut desired = Desired { partial: groups.is_empty(), ..Desired::default() };
    for group in groups {
        desired.inspect_group(group, policy);
    }
    let resolved: Vec<GroupProfiles<'_>> =
        groups.iter().map(|group| GroupProfiles::resolve(group, profiles, &mut desired.findings)).collect();
    let claims = desired.claims(groups, policy, &resolved);
    desired.assign_usernames(claims, users);
    desired
}

/// Maps each object id to the member and to the indexes of the member's groups. The indexes are in the order of the
/// input.
fn merged(groups: &[GroupRead]) -> BTreeMap<&str, (&Member, Vec<usize>)> {
    let mut members: BTreeMap<&str, (&Member, Vec<usize>)> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        for member in &group.members {
            let (best, memberships) = members.entry(&member.id).or_insert_with(|| (member, Vec::new()));
            // If a member changes while the pages of members are read, two pages may contain the member with different
            // properties. The version with more properties is used, so that the result does not depend on the order of
            // the pages.
            *best = (*best).max(member);
            if memberships.last() != Some(&index) {
                memberships.push(index);
            }
        }
    }
    members
}

impl<'a> Desired<'a> {
    fn inspect_group(&mut self, group: &GroupRead, policy: &Policy) {
        let name = || group.display_name.clone();
        match &group.completeness {
            Completeness::Complete => {}
            Completeness::Partial(reason) => {
                self.partial = true;
                self.findings.push(Finding::PartialRead { group: name(), reason: reason.clone() });
            }
            Completeness::GroupMissing => {
                self.partial = true;
                self.findings.push(Finding::GroupMissing { group: name() });
            }
        }
        if group.members.is_empty() && group.completeness == Completeness::Complete {
            self.empty = true;
            self.findings.push(Finding::EmptyGroup { group: name() });
        }
        if policy.nested_groups == NestedGroups::Report {
            self.findings.extend(group.nested_groups.iter().map(|nested| Finding::NestedGroup {
                group: name(),
                nested: nested.display_name.clone().unwrap_or_else(|| nested.id.clone()),
            }));
        }
        if !group.other_objects.is_empty() {
            self.findings.push(Finding::OtherObjects { group: name(), types: group.other_objects.clone() });
        }
    }

    /// For each username, determines the members who would get this username. Members who can't become Connect users
    /// are added to `skipped`.
    fn claims(
        &mut self,
        groups: &'a [GroupRead],
        policy: &Policy,
        resolved: &[GroupProfiles<'_>],
    ) -> BTreeMap<&'a str, Vec<DesiredUser<'a>>> {
        let mut assignments: HashMap<Vec<usize>, Result<Arc<Assignment>, SkipReason>> = HashMap::new();
        let mut claims: BTreeMap<&str, Vec<DesiredUser<'_>>> = BTreeMap::new();
        for (id, (member, memberships)) in merged(groups) {
            let username = usable_username(member, policy);
            let planned = username.and_then(|username| {
                let assignment = match assignments.get(&memberships) {
                    Some(known) => known.clone(),
                    None => {
                        let merged = assignment(&memberships, resolved, policy);
                        if merged.as_ref().is_ok_and(|merged| merged.proficiencies.is_none()) {
                            let names = memberships.iter().filter_map(|index| groups.get(*index));
                            let groups = names.map(|group| group.display_name.clone()).collect();
                            self.findings.push(Finding::TooManyProficiencies { groups });
                        }
                        assignments.insert(memberships, merged.clone());
                        merged
                    }
                };
                assignment.map(|assignment| (username, assignment))
            });
            match planned {
                Ok((username, assignment)) => {
                    claims.entry(username).or_default().push(DesiredUser { member, assignment })
                }
                Err(reason) => {
                    if !reason.is_leaver() {
                        self.protected_ids.insert(id);
                    }
                    let username = member.attribute(policy.username).unwrap_or_else(|| member.label());
                    self.skip(username, id, reason);
                }
            }
        }
        claims
    }

    /// Assigns each username to a member. If only one member would get the username, the username is assigned to this
    /// member. If several members would get the username, the username is assigned to the member who already has the
    /// Connect user with this username. If none of these members already has the Connect user, no member gets the
    /// username.
    fn assign_usernames(
        &mut self,
        claims: BTreeMap<&'a str, Vec<DesiredUser<'a>>>,
        users: &BTreeMap<&str, &ConnectUser>,
    ) {
        for (username, mut claimants) in claims {
            let members = claimants.len();
            let owner = match users.get(username).and_then(|user| user.entra_object_id.as_deref()) {
                _ if members == 1 => Some(0),
                Some(owner) => claimants.iter().position(|claimant| claimant.member.id == owner),
                None => None,
            };
            let winner = owner.map(|index| claimants.swap_remove(index));
            for loser in claimants {
                self.protected_ids.insert(&loser.member.id);
                self.skip(username, &loser.member.id, SkipReason::DuplicateUsername(members));
            }
            match winner {
                Some(desired) => {
                    self.users.insert(username, desired);
                }
                None => {
                    self.protected_usernames.insert(username);
                }
            }
        }
    }

    pub(super) fn skip(&mut self, username: &str, object_id: &str, reason: SkipReason) {
        self.skipped.push(Skipped { username: username.to_owned(), object_id: object_id.to_owned(), reason });
    }
}

fn usable_username<'a>(member: &'a Member, policy: &Policy) -> Result<&'a str, SkipReason> {
    if member.is_unreadable() {
        return Err(SkipReason::Unreadable);
    }
    if member.account_enabled == Some(false) {
        return Err(SkipReason::Disabled);
    }
    if member.guest && !policy.guests {
        return Err(SkipReason::Guest);
    }
    let username = member.attribute(policy.username).ok_or(SkipReason::NoUsername(policy.username))?;
    check_username(username).map_err(SkipReason::Username)?;
    Ok(username)
}

/// The ids of the profiles in the settings of a group. If a profile does not exist in the instance, its field contains
/// the reason why the members of the group are skipped.
struct GroupProfiles<'g> {
    security: Result<Vec<String>, SkipReason>,
    routing: Result<String, SkipReason>,
    hierarchy: Result<Option<String>, SkipReason>,
    settings: &'g UserGroup,
    name: &'g str,
}

impl<'g> GroupProfiles<'g> {
    fn resolve(group: &'g GroupRead, profiles: &Profiles, findings: &mut Vec<Finding>) -> Self {
        let mut look_up = |kind: ProfileKind, known: &BTreeMap<String, String>, name: &str| {
            known.get(name).cloned().ok_or_else(|| {
                findings.push(Finding::ProfileMissing {
                    group: group.display_name.clone(),
                    kind,
                    name: name.to_owned(),
                });
                SkipReason::ProfileMissing(kind, name.to_owned())
            })
        };
        let settings = &group.settings;
        // All profiles are looked up before an error is returned, so that every missing profile is reported.
        let security: Vec<_> = settings
            .security_profiles
            .iter()
            .map(|name| look_up(ProfileKind::Security, &profiles.security, name))
            .collect();
        Self {
            security: security.into_iter().collect(),
            routing: look_up(ProfileKind::Routing, &profiles.routing, &settings.routing_profile),
            hierarchy: settings
                .hierarchy_group
                .as_deref()
                .map(|path| look_up(ProfileKind::Hierarchy, &profiles.hierarchy, path))
                .transpose(),
            settings,
            name: &group.display_name,
        }
    }
}

/// The desired Connect settings of a user who is a member of these groups. The user gets the security profiles and the
/// proficiencies of all groups, each proficiency with its highest level. For each channel setting, the first group that
/// contains the setting defines the value. The first group defines all other settings.
fn assignment(
    memberships: &[usize],
    resolved: &[GroupProfiles<'_>],
    policy: &Policy,
) -> Result<Arc<Assignment>, SkipReason> {
    let mut security: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in memberships.iter().filter_map(|index| resolved.get(*index)) {
        for id in group.security.clone()? {
            let groups = security.entry(id).or_default();
            if groups.last().is_none_or(|last| last != group.name) {
                groups.push(group.name.to_owned());
            }
        }
    }
    if security.is_empty() {
        return Err(SkipReason::NoSecurityProfile);
    }
    if security.len() > MAX_SECURITY_PROFILES {
        return Err(SkipReason::TooManySecurityProfiles(security.len()));
    }
    let first = &resolved[memberships[0]];
    let of_user = || memberships.iter().filter_map(|index| resolved.get(*index));
    let (channels, channel_sources) = UserChannels::of_groups(of_user().map(|group| (group.name, group.settings)));
    Ok(Arc::new(Assignment {
        security_profile_ids: security.keys().cloned().collect(),
        routing_profile_id: first.routing.clone()?,
        hierarchy_group_id: first.hierarchy.clone()?,
        channels,
        proficiencies: Proficiencies::of_groups(
            of_user().map(|group| (group.name, group.settings.proficiencies.as_slice())),
        ),
        traffic_group: policy.traffic_group.clone(),
        sources: Sources { first: first.name.to_owned(), security_profiles: security, channels: channel_sources },
    }))
}
