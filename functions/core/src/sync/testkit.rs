#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
//! Builders for the tests of the planner, and an emulation of Connect that applies plans.

use std::collections::BTreeMap;

use time::Date;
use time::macros::date;

use super::*;
use crate::names::NO_ACCESS_PROFILE;
use crate::onboarding::{Phone, RemovalAction, RemovalLimit, Removed, UserGroup};

pub(super) const TODAY: Date = date!(2026 - 11 - 22);

pub(super) fn member(name: &str) -> Member {
    Member {
        id: format!("id-{name}"),
        user_principal_name: Some(format!("{name}@example.com")),
        given_name: Some(name.into()),
        surname: Some("Sato".into()),
        display_name: Some(format!("{name} Sato")),
        account_enabled: Some(true),
        ..Member::default()
    }
}

pub(super) fn group(name: &str, members: Vec<Member>) -> GroupRead {
    GroupRead {
        group_id: format!("group-{name}"),
        display_name: name.into(),
        settings: UserGroup {
            group: name.into(),
            security_profiles: vec!["Agent".into()],
            routing_profile: "Basic Routing Profile".into(),
            ..UserGroup::default()
        },
        members,
        ..GroupRead::default()
    }
}

pub(super) fn profiles() -> Profiles {
    let map = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), format!("id:{name}"))).collect();
    Profiles {
        security: map(&["Admin", "Agent", "CallCenterManager", "QualityAnalyst", NO_ACCESS_PROFILE]),
        routing: map(&["Basic Routing Profile", "Night"]),
        hierarchy: map(&["Japan / Tokyo", "Japan / Osaka"]),
    }
}

/// A policy without a removal limit that immediately deletes users who left.
pub(super) fn policy() -> Policy {
    Policy {
        removed: Removed { action: RemovalAction::Delete, grace_days: 0, ..Removed::default() },
        removal_limit: RemovalLimit { max_removals: u32::MAX, max_removals_percent: 100 },
        ..Policy::default()
    }
}

/// The Connect user that the planner would create for [`member`] in a [`group`].
pub(super) fn user(name: &str) -> ConnectUser {
    ConnectUser {
        id: format!("user-{name}"),
        arn: format!("arn:{name}"),
        username: format!("{name}@example.com"),
        first_name: name.into(),
        last_name: "Sato".into(),
        security_profile_ids: vec!["id:Agent".into()],
        routing_profile_id: "id:Basic Routing Profile".into(),
        channels: UserChannels::of_phone(&Phone::default()),
        ownership: Ownership::Ours,
        entra_object_id: Some(format!("id-{name}")),
        ..ConnectUser::default()
    }
}

pub(super) fn unmanaged(name: &str) -> ConnectUser {
    ConnectUser { ownership: Ownership::Unmanaged, entra_object_id: None, ..user(name) }
}

/// Applies a plan to these users and returns the users that Connect then contains.
pub(super) fn apply(plan: &Plan, users: &[ConnectUser]) -> Vec<ConnectUser> {
    let mut after: BTreeMap<String, ConnectUser> = users.iter().map(|user| (user.id.clone(), user.clone())).collect();
    for adoption in &plan.adopt {
        let user = after.get_mut(&adoption.user.id).unwrap();
        user.ownership = Ownership::Ours;
        user.entra_object_id = Some(adoption.object_id.clone());
    }
    for update in &plan.update {
        let user = after.get_mut(&update.user.id).unwrap();
        for change in &update.changes {
            match change.clone() {
                Change::Identity { first_name, last_name } => {
                    user.first_name = first_name;
                    user.last_name = last_name;
                }
                Change::SecurityProfiles(ids) => user.security_profile_ids = ids,
                Change::RoutingProfile(id) => user.routing_profile_id = id,
                Change::Hierarchy(id) => user.hierarchy_group_id = Some(id),
                Change::Channels(channels) => {
                    let mut all = channels;
                    for (channel, settings) in user.channels.iter() {
                        all.complete(channel, settings);
                    }
                    user.channels = all;
                }
                Change::Proficiencies(change) => user.proficiencies = change.desired.record().map(Into::into),
                Change::TrafficGroup(id) => user.traffic_group = Some(id),
                Change::ForgetSignOut => user.signed_out = false,
                Change::RepeatSignOut | Change::ForgetSignOutDue => user.sign_out_due = None,
            }
        }
    }
    for user in &plan.cancel_deletion {
        after.get_mut(&user.id).unwrap().removal_due = None;
    }
    for mark in &plan.schedule_deletion {
        after.get_mut(&mark.user.id).unwrap().removal_due = Some(mark.due);
    }
    for user in &plan.strip {
        after.get_mut(&user.id).unwrap().security_profile_ids = vec![format!("id:{NO_ACCESS_PROFILE}")];
    }
    for user in &plan.end_sessions {
        after.get_mut(&user.id).unwrap().signed_out = true;
    }
    for removal in &plan.delete {
        after.remove(&removal.user.id).unwrap();
    }
    for new in &plan.create {
        let id = format!("new-{}", new.username);
        let taken = after.values().any(|user| user.username == new.username);
        assert!(!taken, "the plan creates {}, which exists", new.username);
        let assignment = &new.assignment;
        after.insert(
            id.clone(),
            ConnectUser {
                id,
                arn: format!("arn:new-{}", new.username),
                username: new.username.clone(),
                first_name: new.first_name.clone(),
                last_name: new.last_name.clone(),
                security_profile_ids: assignment.security_profile_ids.clone(),
                routing_profile_id: assignment.routing_profile_id.clone(),
                hierarchy_group_id: assignment.hierarchy_group_id.clone(),
                channels: assignment.channels.clone(),
                ownership: Ownership::Ours,
                entra_object_id: Some(new.object_id.clone()),
                removal_due: None,
                signed_out: false,
                sign_out_due: None,
                proficiencies: assignment.proficiencies.as_ref().and_then(|given| given.record()).map(Into::into),
                traffic_group: assignment.traffic_group.clone(),
            },
        );
    }
    after.into_values().collect()
}

pub(super) fn run(groups: &[GroupRead], users: &[ConnectUser]) -> Plan {
    plan(groups, users, &profiles(), &policy(), TODAY)
}

pub(super) fn run_with(policy: &Policy, groups: &[GroupRead], users: &[ConnectUser]) -> Plan {
    plan(groups, users, &profiles(), policy, TODAY)
}

pub(super) fn removing(grace_days: u32) -> Policy {
    Policy { removed: Removed { action: RemovalAction::Delete, grace_days, ..Removed::default() }, ..policy() }
}
