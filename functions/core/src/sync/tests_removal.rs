//! Tests of removals, grace periods and postponed removals.

use insta::assert_snapshot;
use time::Duration;

use super::testkit::*;
use super::*;
use crate::onboarding::{RemovalAction, RemovalLimit, Removed, UserGroup, UsernameAttribute};

fn keeping() -> Policy {
    Policy { removed: Removed::default(), ..policy() }
}

#[test]
fn a_kept_leaver_is_signed_out_once_and_a_return_allows_the_next_sign_out() {
    let groups = [group("Support", vec![member("taro")])];
    let plan = run_with(&keeping(), &groups, &[user("hanako"), user("taro")]);
    assert_eq!((plan.end_sessions[0].id.as_str(), plan.removals()), ("user-hanako", 1), "{plan}");
    let users = apply(&plan, &[user("hanako"), user("taro")]);
    let plan = run_with(&keeping(), &groups, &users);
    assert!(plan.is_empty());
    assert_snapshot!(plan, @r#"
        Nothing to do: 2 users are in sync.
        Findings (1):
          * hanako@example.com left the groups; the user is kept
        "#);
    let back = run_with(&keeping(), &[group("Support", vec![member("hanako"), member("taro")])], &users);
    assert_eq!(back.update[0].changes, [Change::ForgetSignOut], "{back}");
    assert!(back.update[0].lost_profiles.is_empty());
    assert!(!apply(&back, &users)[0].signed_out);
}

#[test]
fn a_member_who_is_back_is_signed_out_the_next_time_although_the_user_could_not_be_changed_meanwhile() {
    let missing = UserGroup { security_profiles: vec!["Nowhere".into()], ..group("Support", vec![]).settings };
    let groups = [GroupRead { settings: missing, ..group("Support", vec![member("hanako"), member("taro")]) }];
    let users = [ConnectUser { signed_out: true, ..user("hanako") }, user("taro")];
    let plan = run_with(&keeping(), &groups, &users);
    assert_eq!((plan.skipped.len(), plan.update.len(), plan.unchanged), (2, 1, 1), "{plan}");
    assert_eq!(plan.update[0].changes, [Change::ForgetSignOut]);
    let left = run_with(&keeping(), &[group("Support", vec![member("taro")])], &apply(&plan, &users));
    assert_eq!(left.end_sessions.len(), 1, "{left}");
}

#[test]
fn a_kept_leaver_is_not_signed_out_if_the_setting_is_off_or_a_group_is_empty() {
    let users = [user("hanako"), user("taro")];
    let off = Policy { removed: Removed { sign_out: false, ..Removed::default() }, ..policy() };
    assert!(run_with(&off, &[group("Support", vec![member("taro")])], &users).is_empty());
    let empty = run_with(&keeping(), &[group("Support", vec![member("taro")]), group("Sales", vec![])], &users);
    assert_eq!((empty.removals(), empty.postponed), (0, 1), "{empty}");
}

#[test]
fn a_stripped_leaver_counts_as_a_removal_once_and_a_return_restores_the_rights() {
    let policy = Policy { removed: Removed { action: RemovalAction::Strip, ..Removed::default() }, ..policy() };
    let groups = [group("Support", vec![member("taro")])];
    let plan = run_with(&policy, &groups, &[user("hanako"), user("taro")]);
    assert_eq!((plan.strip[0].id.as_str(), plan.removals(), plan.counts().strip), ("user-hanako", 1, 1), "{plan}");
    let users = apply(&plan, &[user("hanako"), user("taro")]);
    assert!(run_with(&policy, &groups, &users).is_empty());
    let back = run_with(&policy, &[group("Support", vec![member("hanako"), member("taro")])], &users);
    assert_eq!(back.update[0].changes, [Change::SecurityProfiles(vec!["id:Agent".into()])], "{back}");
    assert!(apply(&back, &users)[0].security_profile_ids == ["id:Agent"]);
    let empty = run_with(&policy, &[group("Support", vec![member("taro")]), group("Sales", vec![])], &[user("hanako")]);
    assert_eq!((empty.removals(), empty.postponed), (0, 1), "{empty}");
}

#[test]
fn only_an_update_that_takes_a_profile_away_ends_sessions() {
    let groups = [group("Support", vec![member("hanako"), member("taro")])];
    let more = ConnectUser { security_profile_ids: vec!["id:Admin".into(), "id:Agent".into()], ..user("hanako") };
    let night = ConnectUser { routing_profile_id: "id:Night".into(), ..user("taro") };
    let plan = run(&groups, &[more, night]);
    let loses: Vec<bool> = plan.update.iter().map(|update| !update.lost_profiles.is_empty()).collect();
    assert_eq!((loses, plan.sign_out), (vec![true, false], true), "{plan}");
}

#[test]
fn a_sign_out_that_failed_is_repeated_without_approval_until_the_sessions_have_expired() {
    let since = |days| Some(TODAY - Duration::days(days));
    let scheduled =
        ConnectUser { removal_due: Some(TODAY + Duration::days(5)), sign_out_due: since(1), ..user("scheduled") };
    let users = [ConnectUser { sign_out_due: since(0), ..user("member") }, scheduled, user("other")];
    let groups = [group("Support", vec![member("member"), member("other")])];
    let policy = Policy { removal_limit: RemovalLimit { max_removals: 0, max_removals_percent: 0 }, ..removing(7) };
    let plan = run_with(&policy, &groups, &users);
    let changes = |plan: &Plan| plan.update.iter().map(|update| update.changes.clone()).collect::<Vec<_>>();
    assert_eq!((changes(&plan), plan.unchanged), (vec![vec![Change::RepeatSignOut]; 2], 1), "{plan}");
    assert_eq!(plan.approval_reasons(), [""; 0]);
    let off = Policy { removed: Removed { sign_out: false, ..policy.removed.clone() }, ..policy.clone() };
    assert_eq!(changes(&run_with(&off, &groups, &users)), vec![vec![Change::ForgetSignOutDue]; 2]);
    let late = users.map(|user| ConnectUser { sign_out_due: user.sign_out_due.and(since(2)), ..user });
    assert_eq!(changes(&run_with(&policy, &groups, &late)), vec![vec![Change::ForgetSignOutDue]; 2]);
}

#[test]
fn the_grace_period_delays_the_deletion_and_a_return_cancels_it() {
    let policy = removing(7);
    let groups = [group("Support", vec![member("taro")])];
    let first = run_with(&policy, &groups, &[user("hanako"), user("taro")]);
    assert_eq!(first.schedule_deletion[0].tag_value(), "2026-11-29");
    let marked = ConnectUser { removal_due: Some(TODAY + Duration::days(7)), ..user("hanako") };
    let users = [marked, user("taro")];
    for day in 0..7 {
        let plan = plan(&groups, &users, &profiles(), &policy, TODAY + Duration::days(day));
        assert!(plan.is_empty(), "day {day}: {plan}");
    }
    let due = plan(&groups, &users, &profiles(), &policy, TODAY + Duration::days(7));
    assert_eq!(due.removed_usernames().collect::<Vec<_>>(), ["hanako@example.com"]);
    assert_eq!(due.delete.len(), 1);
    let back = run_with(&policy, &[group("Support", vec![member("hanako"), member("taro")])], &users);
    assert_eq!((back.cancel_deletion.len(), back.removals()), (1, 0), "{back}");
    let kept = run_with(&keeping(), &groups, &users);
    assert_eq!((kept.cancel_deletion.len(), kept.end_sessions.len(), kept.removals()), (1, 1, 1), "{kept}");
}

#[test]
fn a_deletion_date_beyond_the_calendar_is_the_last_possible_date() {
    let plan =
        run_with(&removing(u32::MAX), &[group("Support", vec![member("taro")])], &[user("hanako"), user("taro")]);
    assert_eq!(date_from_tag(&plan.schedule_deletion[0].tag_value()), Some(time::Date::MAX));
}

#[test]
fn removal_dates_read_back_and_invalid_values_count_as_not_scheduled() {
    assert_eq!(date_from_tag(&date_to_tag(TODAY)), Some(TODAY));
    for nonsense in ["", "soon", "2026-13-01", "2026-11-22T00:00:00Z"] {
        assert_eq!(date_from_tag(nonsense), None, "{nonsense}");
    }
}

#[test]
fn a_partial_read_plans_nothing_at_all() {
    for (completeness, expected) in [
        (Completeness::Partial("page 2 is missing".into()), "were not read completely (page 2 is missing)"),
        (Completeness::GroupMissing, "does not exist"),
    ] {
        let mut partial = group("Support", vec![member("hanako"), member("new")]);
        partial.completeness = completeness;
        let plan = run(&[partial, group("Sales", vec![member("jiro")])], &[user("hanako"), user("taro")]);
        assert!(plan.is_empty(), "{plan}");
        assert!(plan.to_string().contains(expected), "{plan}");
    }
    assert!(run(&[], &[user("hanako")]).is_empty(), "no group was read");
}

#[test]
fn an_empty_group_holds_back_all_removals_and_nothing_else() {
    let plan = run(
        &[group("Support", vec![]), group("Sales", vec![member("jiro")])],
        &[user("hanako"), ConnectUser { removal_due: Some(TODAY), ..user("taro") }],
    );
    assert_snapshot!(plan, @r#"
        Plan 4fff4ff8a1f3653c4f979cb23282b27b2ec17ede375989026c285d966ee9dd99: create 1, adopt 0, update 0, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 2 unchanged.
          + create jiro@example.com (jiro Sato): security profile Agent (from "Sales"), routing profile Basic Routing Profile (from "Sales"), VOICE auto-accept false (from "Sales"), VOICE seconds of after-contact work 0 (from "Sales")
        Findings (2):
          * the group "Support" is empty; no user is removed while a group is empty (remove it from users.groups if this is intended)
          * 2 removals are postponed
        "#);
    assert_eq!((plan.postponed, plan.removals(), plan.create.len()), (2, 0, 1));
}

fn leaving(leavers: usize, staying: usize, removal_limit: RemovalLimit) -> Plan {
    let staying: Vec<String> = (0..staying).map(|index| format!("stays{index}")).collect();
    let users: Vec<ConnectUser> = (0..leavers)
        .map(|index| user(&format!("leaves{index}")))
        .chain(staying.iter().map(|name| user(name)))
        .collect();
    let policy = Policy { removal_limit, ..policy() };
    run_with(&policy, &[group("Support", staying.iter().map(|name| member(name)).collect())], &users)
}

#[test]
fn the_removal_limit_applies_to_the_count_and_to_the_percentage() {
    let removal_limit = RemovalLimit::default();
    assert_eq!(leaving(10, 90, removal_limit.clone()).approval_reasons(), [""; 0]);
    let count = leaving(11, 200, removal_limit.clone());
    assert_eq!(count.approval_reasons(), ["11 users would be removed, but the removal limit is 10 per run"]);
    let share = leaving(3, 22, removal_limit.clone());
    assert!(
        share.to_string().contains("3 of 25 managed users would be removed, but the removal limit is 10 percent"),
        "{share}"
    );
    assert_eq!(leaving(2, 23, removal_limit.clone()).approval_reasons(), [""; 0]);
    assert_eq!(
        leaving(1, 4, removal_limit.clone()).approval_reasons(),
        [""; 0],
        "one removal in a small team is always allowed"
    );
    let none = RemovalLimit { max_removals_percent: 0, ..removal_limit.clone() };
    assert_eq!(leaving(1, 4, none).approval_reasons().len(), 1);
    assert_eq!(leaving(1, 400, RemovalLimit { max_removals: 0, ..removal_limit }).approval_reasons().len(), 1);
}

#[test]
fn scheduled_deletions_count_for_the_removal_limit() {
    let users: Vec<ConnectUser> = (0..20).map(|index| user(&format!("agent{index:02}"))).collect();
    let policy = Policy { removal_limit: RemovalLimit::default(), ..removing(7) };
    let plan = run_with(&policy, &[group("Support", vec![member("agent00")])], &users);
    assert_eq!((plan.schedule_deletion.len(), plan.delete.len()), (19, 0));
    assert!(!plan.approval_reasons().is_empty());
}

#[test]
fn a_changed_username_attribute_exceeds_the_removal_limit_instead_of_replacing_all_users() {
    let members: Vec<Member> = (0..40)
        .map(|index| Member { mail: Some(format!("mail{index}@example.com")), ..member(&format!("agent{index}")) })
        .collect();
    let users: Vec<ConnectUser> = (0..40).map(|index| user(&format!("agent{index}"))).collect();
    let policy = Policy { username: UsernameAttribute::Mail, removal_limit: RemovalLimit::default(), ..policy() };
    let plan = run_with(&policy, &[group("Support", members)], &users);
    assert_eq!((plan.create.len(), plan.delete.len()), (40, 40));
    assert!(!plan.approval_reasons().is_empty());
}

#[test]
fn the_digest_depends_on_the_actions_but_not_on_deletion_dates() {
    let groups = [group("Support", vec![member("taro"), member("new")])];
    let users = [user("hanako"), user("taro")];
    let policy = removing(7);
    let today = run_with(&policy, &groups, &users);
    let tomorrow = plan(&groups, &users, &profiles(), &policy, TODAY + Duration::days(1));
    assert_ne!(today.schedule_deletion[0].due, tomorrow.schedule_deletion[0].due);
    assert_eq!(today.digest(), tomorrow.digest());
    assert_eq!(today.digest().len(), 64);
    let others = [
        run_with(&policy, &[group("Support", vec![member("taro")])], &users),
        run_with(&removing(0), &groups, &users),
        run_with(&policy, &groups, &[user("hanako")]),
        run_with(&policy, &groups, &[user("hanako"), user("jiro"), user("taro")]),
        run_with(&policy, &groups, &[user("hanako"), ConnectUser { first_name: "T".into(), ..user("taro") }]),
    ];
    for other in others {
        assert_ne!(today.digest(), other.digest(), "{other}");
    }
}

#[test]
fn a_user_who_left_earlier_and_is_still_assigned_loses_all_rights() {
    let groups = [group("Support", vec![member("stays")])];
    let assigned = LetIn { assigned: user("left").entra_object_id.into_iter().collect(), ..LetIn::default() };
    let stripped = |removed: Removed, left: ConnectUser| {
        let policy = Policy { removed, let_in: assigned.clone(), ..policy() };
        run_with(&policy, &groups, &[user("stays"), left]).strip.len()
    };
    let keep = |sign_out| Removed { action: RemovalAction::Keep, sign_out, ..removing(0).removed };
    let scheduled = ConnectUser { removal_due: Some(TODAY + Duration::days(3)), ..user("left") };
    assert_eq!(stripped(removing(7).removed, scheduled), 1);
    assert_eq!(stripped(keep(true), ConnectUser { signed_out: true, ..user("left") }), 1);
    // If the policy does not end sessions, no removal is planned for a kept user. No other action would therefore
    // remove the user's assignment to the enterprise application.
    assert_eq!(stripped(keep(false), user("left")), 1);
    // If a user has only just left, the sync that removes the user also removes the assignment.
    assert_eq!(stripped(removing(7).removed, user("left")), 0);
    assert_eq!(stripped(keep(true), user("left")), 0);
}
