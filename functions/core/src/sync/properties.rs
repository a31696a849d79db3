#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
//! Property tests of the planner, with random members in Entra ID and random users in Connect. By default, each
//! property is tested with 256 random inputs. To test more inputs, run this command:
//! `PROPTEST_CASES=100000 cargo test -p onboarding-core --release sync::properties`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::testkit::{TODAY, apply, profiles};
use super::*;
use crate::onboarding::{Phone, Proficiency, RemovalAction, RemovalLimit, Removed, UserGroup, UsernameAttribute};

/// There are only a few names and ids, so that members and users often have the same name.
const NAMES: [&str; 9] = [
    "a@example.com",
    "b@example.com",
    "c@example.com",
    "A@example.com",
    "d@example.com",
    "o'x@example.com",
    "x@example",
    "g#EXT#@example.com",
    "",
];

fn some_member() -> impl Strategy<Value = Member> {
    let text = || proptest::option::of(select(vec!["Ann", "Ann Lee", "山田 太郎", "か\u{3099}", " ", ""]));
    (
        (
            0..8_u8,
            proptest::option::weighted(0.9, select(NAMES.to_vec())),
            proptest::option::of(select(NAMES.to_vec())),
        ),
        (
            text(),
            text(),
            text(),
            select(vec![None, Some(true), Some(true), Some(true), Some(false)]),
            proptest::bool::weighted(0.1),
        ),
    )
        .prop_map(|((id, upn, mail), (given, surname, display, enabled, guest))| Member {
            id: format!("object-{id}"),
            user_principal_name: upn.map(Into::into),
            mail: mail.map(Into::into),
            given_name: given.map(Into::into),
            surname: surname.map(Into::into),
            display_name: display.map(Into::into),
            account_enabled: enabled,
            guest,
        })
}

pub(super) fn some_group() -> impl Strategy<Value = GroupRead> {
    let security: Vec<String> = ["Agent", "Admin", "QualityAnalyst", "Nowhere"].map(String::from).to_vec();
    (
        vec(some_member(), 0..9),
        prop_oneof![8 => subsequence(security[..3].to_vec(), 1..=3), 1 => subsequence(security, 1..=4)],
        select(vec!["Basic Routing Profile", "Basic Routing Profile", "Night", "Nowhere"]),
        proptest::option::of(select(vec!["Japan / Tokyo", "Japan / Osaka"])),
        (any::<bool>(), select(vec![0_u32, 30])),
        subsequence(vec![("Japanese", 5), ("Japanese", 2), ("English", 1)], 0..=2),
        prop_oneof![
            12 => Just(Completeness::Complete),
            1 => Just(Completeness::Partial("a page is missing".into())),
            1 => Just(Completeness::GroupMissing),
        ],
    )
        .prop_map(|(members, security_profiles, routing, hierarchy, (auto_accept, after), given, completeness)| {
            GroupRead {
                group_id: "group".into(),
                display_name: "Group".into(),
                settings: UserGroup {
                    group: "Group".into(),
                    security_profiles,
                    routing_profile: routing.into(),
                    hierarchy_group: hierarchy.map(Into::into),
                    phone: Phone { auto_accept, after_contact_work_seconds: after },
                    proficiencies: given
                        .into_iter()
                        .map(|(value, level)| Proficiency { attribute: "Language".into(), value: value.into(), level })
                        .collect(),
                    ..UserGroup::default()
                },
                members,
                completeness,
                ..GroupRead::default()
            }
        })
}

fn some_user() -> impl Strategy<Value = ConnectUser> {
    (
        prop_oneof![select(NAMES[..5].to_vec()).prop_map(String::from), "[a-c]{1,2}@example\\.com"],
        proptest::option::weighted(0.8, 0..10_u8),
        select(vec![
            Ownership::Ours,
            Ownership::Ours,
            Ownership::Unmanaged,
            Ownership::OtherOnboarding("other".into()),
        ]),
        subsequence(vec!["id:Agent", "id:Admin", "id:QualityAnalyst"], 1..=3),
        select(vec!["id:Basic Routing Profile", "id:Night"]),
        proptest::option::of(select(vec!["id:Japan / Tokyo", "id:Elsewhere"])),
        proptest::option::weighted(0.3, -3..10_i64),
        (
            proptest::option::of(any::<bool>()),
            any::<bool>(),
            proptest::option::weighted(0.2, -4..1_i64),
            proptest::option::of(Just("aaaaaaaa1")),
        ),
    )
        .prop_map(
            |(
                username,
                object,
                ownership,
                security,
                routing,
                hierarchy,
                due,
                (phone, signed_out, overdue, recorded),
            )| {
                let security_count = security.len();
                ConnectUser {
                    id: format!("user-{username}"),
                    arn: format!("arn-{username}"),
                    username,
                    first_name: "Ann".into(),
                    last_name: "Lee".into(),
                    security_profile_ids: security.into_iter().map(Into::into).collect(),
                    routing_profile_id: routing.into(),
                    hierarchy_group_id: hierarchy.map(Into::into),
                    channels: phone
                        .map(|auto_accept| {
                            UserChannels::of_phone(&Phone { auto_accept, after_contact_work_seconds: 0 })
                        })
                        .unwrap_or_default(),
                    ownership,
                    entra_object_id: object.map(|id| format!("object-{id}")),
                    removal_due: due.map(|days| TODAY + time::Duration::days(days)),
                    signed_out,
                    sign_out_due: overdue.map(|days| TODAY + time::Duration::days(days)),
                    // The ID of one of two traffic distribution groups, or `None`.
                    traffic_group: (security_count > 1).then(|| format!("group-{}", security_count - 1)),
                    proficiencies: recorded.map(Into::into),
                }
            },
        )
}

/// Connect users with unique usernames.
pub(super) fn some_users() -> impl Strategy<Value = Vec<ConnectUser>> {
    vec(some_user(), 0..12).prop_map(|users| {
        let unique: BTreeMap<String, ConnectUser> =
            users.into_iter().map(|user| (user.username.clone(), user)).collect();
        unique.into_values().collect()
    })
}

pub(super) fn some_policy() -> impl Strategy<Value = Policy> {
    (
        select(vec![UsernameAttribute::UserPrincipalName, UsernameAttribute::Mail, UsernameAttribute::ObjectId]),
        any::<bool>(),
        select(vec![RemovalAction::Keep, RemovalAction::Strip, RemovalAction::Delete, RemovalAction::Delete]),
        select(vec![0_u32, 7, u32::MAX]),
        any::<bool>(),
        proptest::option::of(Just("group-1".to_owned())),
    )
        .prop_map(|(username, guests, action, grace_days, sign_out, traffic_group)| Policy {
            username,
            guests,
            removed: Removed { action, grace_days, sign_out, ..Removed::default() },
            removal_limit: RemovalLimit::default(),
            traffic_group,
            ..Policy::default()
        })
}

/// The ids of all existing users that the plan adopts, changes or removes.
fn touched(plan: &Plan) -> BTreeSet<&str> {
    plan.adopt
        .iter()
        .map(|a| &a.user)
        .chain(plan.update.iter().map(|u| &u.user))
        .chain(&plan.cancel_deletion)
        .chain(plan.schedule_deletion.iter().map(|m| &m.user))
        .chain(plan.delete.iter().map(|d| &d.user))
        .chain(&plan.strip)
        .chain(&plan.end_sessions)
        .map(|user| user.id.as_str())
        .collect()
}

fn guarded(groups: &[GroupRead]) -> bool {
    groups.is_empty()
        || groups.iter().any(|group| group.completeness != Completeness::Complete || group.members.is_empty())
}

proptest! {
    #[test]
    fn a_second_plan_is_empty(groups in vec(some_group(), 0..4), users in some_users(), policy in some_policy()) {
        let first = plan(&groups, &users, &profiles(), &policy, TODAY);
        let after = apply(&first, &users);
        let second = plan(&groups, &after, &profiles(), &policy, TODAY);
        prop_assert!(second.is_empty(), "first:\n{first}\nsecond:\n{second}");
    }

    #[test]
    fn the_plan_reaches_the_goal(groups in vec(some_group(), 1..4), users in some_users(), policy in some_policy()) {
        let plan = plan(&groups, &users, &profiles(), &policy, TODAY);
        let after: BTreeMap<String, ConnectUser> =
            apply(&plan, &users).into_iter().map(|user| (user.username.clone(), user)).collect();
        if groups.iter().any(|group| group.completeness != Completeness::Complete) {
            prop_assert!(plan.is_empty(), "planned from a partial read:\n{plan}");
            return Ok(());
        }
        let skipped: BTreeSet<&str> = plan.skipped.iter().map(|skipped| skipped.object_id.as_str()).collect();
        let mut wanted = BTreeSet::new();
        let mut first_groups: BTreeMap<&str, (&UserGroup, &Member)> = BTreeMap::new();
        for group in &groups {
            for member in &group.members {
                let entry = first_groups.entry(&member.id).or_insert((&group.settings, member));
                entry.1 = entry.1.max(member);
            }
        }
        for (id, (settings, member)) in first_groups {
            if skipped.contains(id) {
                continue;
            }
            let username = member.attribute(policy.username).unwrap();
            prop_assert!(check_username(username).is_ok());
            prop_assert!(member.account_enabled != Some(false));
            prop_assert!(!member.guest || policy.guests);
            let user = after.get(username);
            prop_assert!(user.is_some(), "{username} is desired and not skipped, but does not exist after\n{plan}");
            let user = user.unwrap();
            prop_assert_eq!(&user.ownership, &Ownership::Ours);
            prop_assert_eq!(user.entra_object_id.as_deref(), Some(id));
            prop_assert_eq!(user.removal_due, None);
            prop_assert_eq!(&user.routing_profile_id, &profiles().routing[&settings.routing_profile]);
            prop_assert_eq!(&user.channels, &UserChannels::of_phone(&settings.phone));
            let levels = groups.iter()
                .filter(|group| group.members.iter().any(|member| member.id == id))
                .flat_map(|group| &group.settings.proficiencies);
            let mut best: BTreeMap<&str, u8> = BTreeMap::new();
            for one in levels {
                let known = best.entry(&one.value).or_default();
                *known = one.level.max(*known);
            }
            let recorded = user.proficiencies.iter().flat_map(|record| record.split('.'));
            let mut recorded: Vec<u8> = recorded.map(|part| part.as_bytes()[8] - b'0').collect();
            recorded.sort_unstable();
            let mut best: Vec<u8> = best.into_values().collect();
            best.sort_unstable();
            prop_assert_eq!(recorded, best);
            let (first, last) = person_name(member, username);
            prop_assert_eq!((&user.first_name, &user.last_name), (&first, &last));
            let security: BTreeSet<String> = groups.iter()
                .filter(|group| group.members.iter().any(|member| member.id == id))
                .flat_map(|group| &group.settings.security_profiles)
                .map(|name| profiles().security[name].clone())
                .collect();
            prop_assert_eq!(user.security_profile_ids.iter().cloned().collect::<BTreeSet<_>>(), security);
            wanted.insert(username.to_owned());
        }
        // If a managed user does not belong to a member, the user still exists after the plan only for one of these
        // reasons: removals are postponed, a grace period has not ended, the removal policy keeps the user, or the
        // member is skipped.
        let all_gone =
            policy.removed.action == RemovalAction::Delete && policy.removed.grace_days == 0 && !guarded(&groups);
        for user in after.values().filter(|user| all_gone && user.ownership == Ownership::Ours && user.removal_due.is_none()) {
            let kept = plan.skipped.iter().any(|skipped| {
                !skipped.reason.is_leaver()
                    && (Some(&skipped.object_id) == user.entra_object_id.as_ref() || skipped.username == user.username)
            });
            prop_assert!(wanted.contains(&user.username) || kept, "{} is not desired and not kept, but exists after\n{plan}", user.username);
        }
    }

    #[test]
    fn unmanaged_users_are_only_in_a_plan_if_they_are_adopted_by_exact_name(
        groups in vec(some_group(), 0..4), users in some_users(), policy in some_policy()
    ) {
        let plan = plan(&groups, &users, &profiles(), &policy, TODAY);
        let touched = touched(&plan);
        let adopted: BTreeSet<&str> = plan.adopt.iter().map(|adoption| adoption.user.id.as_str()).collect();
        for user in users.iter().filter(|user| user.ownership != Ownership::Ours) {
            if !touched.contains(user.id.as_str()) {
                continue;
            }
            prop_assert_eq!(&user.ownership, &Ownership::Unmanaged, "a user of another onboarding was changed");
            prop_assert!(adopted.contains(user.id.as_str()), "{} is changed, but not adopted", &user.username);
            let wanted = groups.iter().flat_map(|group| &group.members)
                .any(|member| member.attribute(policy.username) == Some(user.username.as_str()));
            prop_assert!(wanted, "{} is adopted, but no member has this name", &user.username);
        }
        let ours: BTreeSet<&str> =
            users.iter().filter(|user| user.ownership == Ownership::Ours).map(|user| user.id.as_str()).collect();
        let scheduled = plan.schedule_deletion.iter().map(|m| &m.user);
        for removed in plan.delete.iter().map(|d| &d.user).chain(scheduled).chain(&plan.strip).chain(&plan.end_sessions) {
            prop_assert!(ours.contains(removed.id.as_str()), "{} is removed, but not managed", removed.username);
        }
    }

    #[test]
    fn a_guard_violation_never_plans_a_removal(
        mut groups in vec(some_group(), 0..4), users in some_users(), policy in some_policy(), at in any::<Index>(), how in 0..3_u8
    ) {
        if !groups.is_empty() {
            let group = at.index(groups.len());
            match how {
                0 => groups[group].members.clear(),
                1 => groups[group].completeness = Completeness::Partial("503".into()),
                _ => groups[group].completeness = Completeness::GroupMissing,
            }
        }
        let plan = plan(&groups, &users, &profiles(), &policy, TODAY);
        prop_assert_eq!(plan.removals(), 0, "{}", plan);
        if how > 0 || groups.is_empty() {
            prop_assert!(plan.is_empty(), "{plan}");
        }
    }

    #[test]
    fn the_plan_does_not_depend_on_the_order_of_the_input(
        (groups, shuffled, users, shuffled_users) in (vec(some_group(), 0..4), some_users()).prop_flat_map(|(groups, users)| {
            let shuffled: Vec<_> = groups.iter().map(|group| {
                let group = group.clone();
                Just(group.members.clone()).prop_shuffle().prop_map(move |members| GroupRead { members, ..group.clone() })
            }).collect();
            (Just(groups), shuffled, Just(users.clone()), Just(users).prop_shuffle())
        }),
        policy in some_policy()
    ) {
        let straight = plan(&groups, &users, &profiles(), &policy, TODAY);
        let other = plan(&shuffled, &shuffled_users, &profiles(), &policy, TODAY);
        prop_assert_eq!(straight.digest(), other.digest());
        prop_assert_eq!(straight.to_string(), other.to_string());
        prop_assert_eq!(straight, other);
    }

    #[test]
    fn a_current_member_is_never_removed_without_a_successor(
        groups in vec(some_group(), 1..4), users in some_users(), policy in some_policy()
    ) {
        let plan = plan(&groups, &users, &profiles(), &policy, TODAY);
        let leavers: BTreeSet<&str> = plan.skipped.iter()
            .filter(|skipped| skipped.reason.is_leaver()).map(|skipped| skipped.object_id.as_str()).collect();
        let members: BTreeSet<&str> =
            groups.iter().flat_map(|group| &group.members).map(|member| member.id.as_str()).collect();
        for removal in &plan.delete {
            let id = removal.user.object_id.as_deref().unwrap_or_default();
            if members.contains(id) && !leavers.contains(id) {
                let username = &removal.user.username;
                prop_assert!(removal.replaced_by.is_some(), "{username} is a desired user, but is deleted:\n{plan}");
            }
        }
    }

    #[test]
    fn a_username_is_valid_only_if_a_role_session_name_can_carry_it(name in "[a-z@.#+_' -]{0,8}(@[a-z.]{0,6})?") {
        let sts = regex_like_sts(&name);
        if check_username(&name).is_ok() {
            prop_assert!(sts, "{name:?}");
            prop_assert!(!name.contains(['+', '#', '\'', ' ']));
        }
    }
}

/// Whether a name matches the pattern of STS for role session names, `[\w+=,.@-]{2,64}`.
fn regex_like_sts(name: &str) -> bool {
    (2..=64).contains(&name.chars().count()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
}
