#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
//! Tests of the part of a plan that waits for approval.

use super::testkit::{group, member, policy, run, run_with, unmanaged, user};
use super::*;
use crate::onboarding::{RemovalAction, RemovalLimit, Removed, UserGroup};

const NONE: &ActionSet = &ActionSet::EMPTY;

fn with_limit(max_removals: u32) -> Policy {
    Policy { removal_limit: RemovalLimit { max_removals, max_removals_percent: 100 }, ..policy() }
}

/// A group with these security profiles and these members.
fn group_with(profiles: &[&str], members: &[&str]) -> GroupRead {
    let settings = UserGroup {
        security_profiles: profiles.iter().map(|name| (*name).to_owned()).collect(),
        ..group("Support", vec![]).settings
    };
    GroupRead { settings, ..group("Support", members.iter().map(|name| member(name)).collect()) }
}

fn with_profiles(user: ConnectUser, profiles: &[&str]) -> ConnectUser {
    ConnectUser { security_profile_ids: profiles.iter().map(|name| format!("id:{name}")).collect(), ..user }
}

/// The users for whom an action waits for approval, each with the action.
fn waiting(plan: &GuardedPlan) -> Vec<(GuardedAction, &str)> {
    plan.waiting.guardable_users(NONE).collect()
}

#[test]
fn joiners_are_created_while_a_mass_removal_waits() {
    let users: Vec<ConnectUser> = ["a", "b", "c", "stays"].map(user).to_vec();
    let plan = run_with(&with_limit(2), &[group("Support", vec![member("stays"), member("new")])], &users);
    let guarded = plan.guard(NONE);
    assert_eq!((guarded.apply.create.len(), guarded.apply.removals()), (1, 0));
    assert_eq!(
        waiting(&guarded),
        ["a", "b", "c"]
            .map(|name| (GuardedAction::Delete, format!("{name}@example.com")))
            .iter()
            .map(|(action, name)| (*action, name.as_str()))
            .collect::<Vec<_>>()
    );
    assert_eq!(guarded.reasons, ["3 users would be removed, but the removal limit is 2 per run"]);
}

#[test]
fn an_approval_fits_a_plan_with_fewer_removals_and_other_changes_but_not_one_with_too_many_new_removals() {
    let users: Vec<ConnectUser> = ["a", "b", "c", "d", "e", "f", "stays"].map(user).to_vec();
    let policy = with_limit(2);
    let members = |names: &[&str]| [group("Support", names.iter().map(|name| member(name)).collect())];
    let approved = run_with(&policy, &members(&["stays", "d", "e", "f"]), &users).guard(NONE).waiting_actions;
    assert_eq!(approved.len(), 3);

    let fewer = run_with(&policy, &members(&["stays", "a", "d", "e", "f", "new"]), &users).guard(&approved);
    assert_eq!((fewer.apply.removals(), fewer.apply.create.len(), fewer.waiting.removals()), (2, 1, 0));
    assert_eq!((fewer.approved_actions.len(), fewer.reasons), (2, vec![]));

    let more = run_with(&policy, &members(&["stays"]), &users).guard(&approved);
    let names: Vec<&str> = more.apply.removed_usernames().collect();
    assert_eq!(names, ["a@example.com", "b@example.com", "c@example.com"], "only the approved users are removed");
    assert_eq!(more.waiting.removals(), 3);
    assert!(!more.waiting_actions.is_subset(&approved));
    let added: Vec<&str> = more.waiting.guardable_users(&approved).map(|(_, name)| name).collect();
    assert_eq!(added, ["d@example.com", "e@example.com", "f@example.com"]);
}

#[test]
fn an_approval_of_a_scheduled_deletion_does_not_cover_the_deletion() {
    let users: Vec<ConnectUser> = ["a", "b", "c"].map(user).to_vec();
    let members = [group("Support", vec![member("c")])];
    let policy = with_limit(1);
    let scheduled = Policy { removed: super::testkit::removing(7).removed, ..policy.clone() };
    let approved = run_with(&scheduled, &members, &users).guard(NONE).waiting_actions;
    assert_eq!(approved.len(), 2);
    assert_eq!(run_with(&policy, &members, &users).guard(&approved).waiting.removals(), 2);
}

#[test]
fn a_leaver_who_loses_all_rights_and_is_scheduled_for_deletion_counts_once_and_the_two_actions_stay_together() {
    let users: Vec<ConnectUser> = ["a", "b", "c", "stays"].map(user).to_vec();
    let members = [group("Support", vec![member("stays")])];
    let policy = |max_removals, all_users| Policy {
        removed: super::testkit::removing(7).removed,
        let_in: LetIn { all_users, ..LetIn::default() },
        ..with_limit(max_removals)
    };
    let both = |plan: &Plan| (plan.strip.len(), plan.schedule_deletion.len());
    let within = run_with(&policy(3, true), &members, &users).guard(NONE);
    assert_eq!((both(&within.apply), both(&within.waiting), within.reasons), ((3, 3), (0, 0), vec![]));

    let beyond = run_with(&policy(2, true), &members, &users).guard(NONE);
    assert_eq!((both(&beyond.apply), both(&beyond.waiting)), ((0, 0), (3, 3)));
    assert_eq!(beyond.reasons, ["3 users would be removed, but the removal limit is 2 per run"]);
    let approved = run_with(&policy(2, true), &members, &users).guard(&beyond.waiting_actions);
    assert_eq!((both(&approved.apply), both(&approved.waiting)), ((3, 3), (0, 0)));

    // At the time of the approval, Entra did not allow these users to sign in, so the plan only scheduled their
    // deletion. The approval is valid only for the scheduled deletions.
    let schedules = run_with(&policy(2, false), &members, &users).guard(NONE).waiting_actions;
    let partly = run_with(&policy(2, true), &members, &users).guard(&schedules);
    assert_eq!((schedules.len(), both(&partly.apply), both(&partly.waiting)), (3, (0, 0), (3, 3)));

    // Two users have the profile `Admin`, and one of them left the groups. The other user keeps the profile.
    let admins = ["a", "stays"].map(|name| with_profiles(user(name), &["Admin"]));
    let one_of_two = run_with(&policy(2, true), &[group_with(&["Admin"], &["stays"])], &admins).guard(NONE);
    assert_eq!((both(&one_of_two.apply), one_of_two.reasons), ((1, 1), vec![]));
}

#[test]
fn too_many_updates_that_take_a_profile_away_wait_and_other_changes_of_the_same_users_do_not() {
    let users = ["a", "b", "c"].map(|name| ConnectUser {
        first_name: "Former".into(),
        ..with_profiles(user(name), &["Agent", "QualityAnalyst"])
    });
    let groups = [group_with(&["Agent"], &["a", "b", "c"])];
    let guarded = run_with(&with_limit(2), &groups, &users).guard(NONE);
    assert_eq!(guarded.reasons, ["3 users would lose a security profile, but the removal limit is 2 per run"]);
    assert!(guarded.apply.update.iter().all(|update| matches!(&update.changes[..], [Change::Identity { .. }])));
    assert!(guarded.waiting.update.iter().all(|update| matches!(&update.changes[..], [Change::SecurityProfiles(_)])));
    assert_eq!((guarded.apply.update.len(), guarded.waiting.update.len()), (3, 3));
    assert!(run_with(&with_limit(3), &groups, &users).guard(NONE).waiting.is_empty());

    // An approval to remove one profile from a user is not valid for another profile.
    let approved = &guarded.waiting_actions;
    let again = run_with(&with_limit(2), &groups, &users).guard(approved);
    assert_eq!((again.waiting.update.len(), again.approved_actions.len()), (0, 3));
    let others = users.map(|user| with_profiles(user, &["Agent", "CallCenterManager"]));
    assert_eq!(run_with(&with_limit(2), &groups, &others).guard(approved).waiting.update.len(), 3);
}

#[test]
fn a_manually_created_user_is_adopted_at_once_unless_it_would_lose_a_profile() {
    let groups = [group_with(&["Agent"], &["hand", "same"])];
    let by_hand = with_profiles(unmanaged("hand"), &["Agent", "QualityAnalyst"]);
    let users = [ConnectUser { first_name: "Former".into(), ..by_hand }, unmanaged("same")];
    let guarded = run(&groups, &users).guard(NONE);
    let adopted = |plan: &Plan| plan.adopt.iter().map(|adoption| adoption.user.username.clone()).collect::<Vec<_>>();
    assert_eq!(
        (adopted(&guarded.apply), adopted(&guarded.waiting)),
        (vec!["same@example.com".into()], vec!["hand@example.com".into()])
    );
    assert_eq!(guarded.apply.update, [], "a user who is not adopted is not changed");
    assert_eq!(guarded.waiting.update[0].changes.len(), 2);
    assert_eq!(guarded.reasons, ["1 manually created users would be adopted and lose a security profile"]);
    let approved = run(&groups, &users).guard(&guarded.waiting_actions);
    assert_eq!((approved.apply.adopt.len(), approved.apply.update.len(), approved.waiting.adopt.len()), (2, 1, 0));
}

#[test]
fn the_last_admin_keeps_the_profile_until_that_is_approved() {
    let reason = "no user would have the security profile Admin";
    let admin = |name: &str| with_profiles(user(name), &["Admin"]);
    let leaves = |users: &[ConnectUser]| run(&[group_with(&["Agent"], &["stays"])], users).guard(NONE);
    let last = leaves(&[admin("boss"), user("stays")]);
    assert_eq!((last.apply.removals(), last.waiting.removals(), &last.reasons[..]), (0, 1, &[reason.to_owned()][..]));
    let approved =
        run(&[group_with(&["Agent"], &["stays"])], &[admin("boss"), user("stays")]).guard(&last.waiting_actions);
    assert_eq!((approved.apply.removals(), approved.reasons), (1, vec![]));

    // Another user keeps the profile `Admin`, even though the onboarding does not manage this user.
    let other = with_profiles(unmanaged("emergency"), &["Admin"]);
    assert_eq!(leaves(&[admin("boss"), other, user("stays")]).waiting.removals(), 0);
    // A user who is scheduled for deletion has left the groups and is not counted as a user with the profile `Admin`.
    let gone = ConnectUser { removal_due: Some(time::Date::MAX), ..admin("gone") };
    assert_eq!(leaves(&[admin("boss"), gone, user("stays")]).waiting.removals(), 1);
    // No user has the profile `Admin`, so no user can lose it.
    assert_eq!(leaves(&[user("taro"), user("stays")]).waiting.removals(), 0);
    // Two users lose the profile `Admin` in one plan: one by an update, and the other by leaving the groups.
    let both = leaves(&[admin("boss"), with_profiles(user("stays"), &["Admin", "Agent"])]);
    assert_eq!((both.waiting.removals(), both.waiting.update.len(), both.apply.update.len()), (1, 1, 0));
    // A user with the profile `Admin` that the plan creates is not counted, because the creation may fail.
    let replaced = run(&[group_with(&["Admin"], &["new"])], &[admin("boss")]).guard(NONE);
    assert_eq!((replaced.apply.create.len(), replaced.waiting.removals()), (1, 1));
    // If a member with the profile `Admin` is renamed, the old user is deleted only after the new user exists.
    let renamed = Member { user_principal_name: Some("chief@example.com".into()), ..member("boss") };
    let groups = [GroupRead { members: vec![renamed], ..group_with(&["Admin"], &[]) }];
    assert_eq!(run(&groups, &[admin("boss")]).guard(NONE).reasons, [""; 0]);
    // If the old user is kept without permissions instead, the user loses the profile even if the creation of the new
    // user fails.
    let removed = Removed { action: RemovalAction::Strip, ..Removed::default() };
    let stripped = run_with(&Policy { removed, ..policy() }, &groups, &[admin("boss")]).guard(NONE);
    assert_eq!(
        (stripped.apply.create.len(), stripped.waiting.strip.len(), stripped.reasons),
        (1, 1, vec![reason.into()])
    );
}

#[test]
fn rights_of_a_former_account_are_taken_away_without_approval() {
    let former = |name: &str, profiles: &[&str]| ConnectUser {
        entra_object_id: Some(format!("former-{name}")),
        ..with_profiles(user(name), profiles)
    };
    let groups = [group_with(&["Agent"], &["boss", "other"])];
    let users = [former("boss", &["Admin"]), former("other", &["Agent", "QualityAnalyst"])];
    let guarded = run_with(&with_limit(0), &groups, &users).guard(NONE);
    assert_eq!((guarded.apply.adopt.len(), guarded.apply.update.len(), guarded.reasons), (2, 2, vec![]));
    assert!(guarded.waiting.is_empty() && guarded.apply.update.iter().all(|update| !update.lost_profiles.is_empty()));

    // The former account no longer has the profile `Admin`, so the other user is the last user with this profile.
    let admins = [former("boss", &["Admin"]), with_profiles(user("other"), &["Admin"])];
    let guarded = run(&groups, &admins).guard(NONE);
    assert_eq!(waiting(&guarded), [(GuardedAction::LoseProfile, "other@example.com")]);
    // The new account also has the profile `Admin`, so the other user is not the last user with this profile.
    let guarded = run(&[group_with(&["Admin"], &["boss"]), group_with(&["Agent"], &["other"])], &admins).guard(NONE);
    assert_eq!(guarded.reasons, [""; 0]);
}

#[test]
fn a_set_of_actions_is_stored_in_sixteen_bytes_for_each_action() {
    let users: Vec<ConnectUser> = ["a", "b", "c"].map(user).to_vec();
    let set = run_with(&with_limit(0), &[group("Support", vec![member("c")])], &users).guard(NONE).waiting_actions;
    assert_eq!((set.len(), set.bytes().len(), set.digest().len()), (2, 32, 64));
    assert_eq!(ActionSet::from_bytes(set.bytes()), set);
    let reversed: Vec<u8> = set.bytes().chunks(16).rev().flatten().copied().collect();
    assert_eq!(ActionSet::from_bytes(&reversed).digest(), set.digest());
    let first = ActionSet::from_bytes(set.bytes().first_chunk::<20>().unwrap());
    assert!(first.len() == 1 && first.is_subset(&set) && !set.is_subset(&first));
    assert_ne!(first.digest(), set.digest());
    assert_eq!(first.union(&set), set);
}
