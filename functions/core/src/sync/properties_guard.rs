//! Property tests of [`Plan::guard`], which decides by the removal limit and by approvals which part of a plan is
//! applied. The members, users, removal limits and approvals are random.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::properties::{some_group, some_policy, some_users};
use super::testkit::{TODAY, apply, profiles};
use super::*;
use crate::onboarding::RemovalLimit;

/// A random plan with a random removal limit, and the users in Connect for whom the plan was created.
fn some_plan() -> impl Strategy<Value = (Plan, Vec<ConnectUser>)> {
    let limit = (0..5_u32, select(vec![0_u32, 20, 50, 100]))
        .prop_map(|(max_removals, max_removals_percent)| RemovalLimit { max_removals, max_removals_percent });
    let let_in = any::<bool>().prop_map(|all_users| LetIn { all_users, ..LetIn::default() });
    (vec(some_group(), 0..4), some_users(), some_policy(), limit, let_in).prop_map(
        |(groups, users, policy, removal_limit, let_in)| {
            let policy = Policy { removal_limit, let_in, ..policy };
            (plan(&groups, &users, &profiles(), &policy, TODAY), users)
        },
    )
}

/// A random plan, the users in Connect, and a set of approved actions. The set contains some of the actions that would
/// wait without an approval.
fn some_approved_plan() -> impl Strategy<Value = (Plan, Vec<ConnectUser>, ActionSet)> {
    (some_plan(), any::<u64>()).prop_map(|((plan, users), mask)| {
        let all = plan.clone().guard(&ActionSet::EMPTY).waiting_actions;
        let approved = all.bytes().chunks(16).enumerate().filter(|(index, _)| mask >> (index % 64) & 1 == 1);
        let approved = ActionSet::from_bytes(&approved.flat_map(|(_, id)| id.to_vec()).collect::<Vec<_>>());
        (plan, users, approved)
    })
}

/// Every action in a plan, as text. Each change in an update is listed as an action of its own.
fn actions(plan: &Plan) -> Vec<String> {
    let updates = plan
        .update
        .iter()
        .flat_map(|update| update.changes.iter().map(|change| format!("update {} {change:?}", update.user.id)));
    let mut actions: Vec<String> = plan
        .create
        .iter()
        .map(|new| format!("create {}", new.username))
        .chain(plan.adopt.iter().map(|adoption| format!("adopt {} {}", adoption.user.id, adoption.object_id)))
        .chain(updates)
        .chain(plan.cancel_deletion.iter().map(|user| format!("cancel {}", user.id)))
        .chain(removals(plan).into_iter().map(|(kind, id)| format!("{kind} {id}")))
        .collect();
    actions.sort();
    actions
}

fn removals(plan: &Plan) -> Vec<(&'static str, &str)> {
    let scheduled = plan.schedule_deletion.iter().map(|schedule| ("schedule", schedule.user.id.as_str()));
    let stripped = plan.strip.iter().map(|user| ("strip", user.id.as_str()));
    let signed_out = plan.end_sessions.iter().map(|user| ("end sessions", user.id.as_str()));
    scheduled
        .chain(plan.delete.iter().map(|removal| ("delete", removal.user.id.as_str())))
        .chain(stripped)
        .chain(signed_out)
        .collect()
}

fn within_limit(plan: &Plan, users: usize) -> bool {
    let RemovalLimit { max_removals, max_removals_percent } = plan.removal_limit;
    let share = users * 100 <= plan.managed * max_removals_percent as usize;
    users == 0 || users <= max_removals as usize && (share || users == 1 && max_removals_percent > 0)
}

/// The number of users who have the security profile `Admin`, and the number of these users who are not scheduled for
/// deletion.
fn admins(users: &[ConnectUser]) -> (usize, usize) {
    let admins = users.iter().filter(|user| user.security_profile_ids.iter().any(|id| id == "id:Admin"));
    (admins.clone().count(), admins.filter(|user| user.removal_due.is_none()).count())
}

/// The usernames of users with the security profile `Admin` who would lose this profile or be removed by this plan.
/// Users who are already scheduled for deletion are not included.
fn admins_lost(plan: &Plan, users: &[ConnectUser]) -> Vec<String> {
    let profile = "id:Admin".to_owned();
    let active = users
        .iter()
        .filter(|user| user.removal_due.is_none() && user.security_profile_ids.contains(&profile))
        .map(|user| user.id.as_str())
        .collect::<BTreeSet<_>>();
    let reduced = plan.update.iter().filter(|update| update.lost_profiles.contains(&profile));
    let scheduled = plan.schedule_deletion.iter().map(|schedule| &schedule.user);
    let deleted = plan.delete.iter().map(|removal| &removal.user);
    let lost = reduced.map(|update| &update.user).chain(scheduled).chain(deleted).chain(&plan.strip);
    lost.filter(|user| active.contains(user.id.as_str())).map(|user| user.username.clone()).collect()
}

/// The ids of the users that the plan links to another Entra account.
fn taken_over(plan: &Plan) -> BTreeSet<String> {
    plan.adopt.iter().filter(|adoption| adoption.relinked).map(|adoption| adoption.user.id.clone()).collect()
}

/// All users except those who lose the security profile `Admin` because the plan links them to another Entra account.
fn without_former_admins(plan: &Plan, users: &[ConnectUser]) -> Vec<ConnectUser> {
    let taken_over = taken_over(plan);
    let loses = |user: &ConnectUser| {
        let of_user = plan.update.iter().find(|update| update.user.id == user.id);
        taken_over.contains(&user.id)
            && of_user.is_some_and(|update| update.lost_profiles.contains(&"id:Admin".to_owned()))
    };
    users.iter().filter(|user| !loses(user)).cloned().collect()
}

/// The users in Connect after a part of a plan was applied and every creation failed. If the creation of the new user
/// of a renamed member fails, the old user is kept.
fn after_failed_creations(part: &Plan, users: &[ConnectUser]) -> Vec<ConnectUser> {
    let new: BTreeSet<&str> = part.create.iter().map(|new| new.username.as_str()).collect();
    let mut part = part.clone();
    part.delete.retain(|removal| !removal.replaced_by.as_deref().is_some_and(|name| new.contains(name)));
    part.create.clear();
    apply(&part, users)
}

proptest! {
    #[test]
    fn both_parts_together_are_the_plan((plan, _, approved) in some_approved_plan()) {
        let guarded = plan.clone().guard(&approved);
        let mut both = actions(&guarded.apply);
        both.extend(actions(&guarded.waiting));
        both.sort();
        prop_assert_eq!(both, actions(&plan));
        prop_assert_eq!(guarded.reasons.is_empty(), guarded.waiting.is_empty(), "{:?}", guarded.reasons);
        prop_assert_eq!(guarded.waiting_actions.is_empty(), guarded.waiting.is_empty());
        let removed = |part| removals(part).into_iter().map(|(_, id)| id).collect::<BTreeSet<_>>();
        let (now, later) = (removed(&guarded.apply), removed(&guarded.waiting));
        prop_assert!(now.is_disjoint(&later), "both parts remove the same user: {now:?} {later:?}");
        prop_assert_eq!(guarded.apply.removals() + guarded.waiting.removals(), now.len() + later.len());
    }

    #[test]
    fn the_free_part_never_removes_beyond_the_limit((plan, _) in some_plan()) {
        let taken_over = taken_over(&plan);
        let guarded = plan.guard(&ActionSet::EMPTY);
        prop_assert!(within_limit(&guarded.apply, guarded.apply.removals()), "{}", guarded.apply);
        let adopted: BTreeSet<&str> = guarded.apply.adopt.iter()
            .filter(|adoption| adoption.created_manually).map(|adoption| adoption.user.id.as_str()).collect();
        let reduced: Vec<&UserUpdate> =
            guarded.apply.update.iter().filter(|update| !update.lost_profiles.is_empty())
            .filter(|update| !taken_over.contains(&update.user.id)).collect();
        prop_assert!(within_limit(&guarded.apply, reduced.len()), "{}", guarded.apply);
        prop_assert!(reduced.iter().all(|update| !adopted.contains(update.user.id.as_str())));
    }

    #[test]
    fn an_approval_removes_no_user_outside_its_set((plan, _, approved) in some_approved_plan()) {
        let free: BTreeSet<(&str, String)> = {
            let guarded = plan.clone().guard(&ActionSet::EMPTY);
            removals(&guarded.apply).into_iter().map(|(kind, id)| (kind, id.to_owned())).collect()
        };
        let guarded = plan.guard(&approved);
        let outside: BTreeSet<&str> = guarded.apply.guardable_users(&approved)
            .filter(|(action, _)| !matches!(action, GuardedAction::LoseProfile | GuardedAction::Adopt))
            .map(|(_, username)| username).collect();
        prop_assert!(within_limit(&guarded.apply, outside.len()), "{outside:?} of {}", guarded.apply);
        // A removal that needs no approval is also applied if an operator has approved other actions.
        let applied: BTreeSet<(&str, String)> =
            removals(&guarded.apply).into_iter().map(|(kind, id)| (kind, id.to_owned())).collect();
        prop_assert!(applied.is_superset(&free));
        prop_assert!(guarded.approved_actions.is_subset(&approved));
    }

    #[test]
    fn a_complete_approval_leaves_nothing_waiting((plan, _) in some_plan()) {
        let waiting = plan.clone().guard(&ActionSet::EMPTY).waiting_actions;
        let guarded = plan.guard(&waiting);
        prop_assert!(guarded.waiting.is_empty(), "{}", guarded.waiting);
        prop_assert_eq!(guarded.approved_actions, waiting);
    }

    #[test]
    fn the_last_admin_never_goes_without_approval((plan, users, approved) in some_approved_plan()) {
        let remaining = without_former_admins(&plan, &users);
        let (all, active) = admins(&remaining);
        let lost = admins_lost(&plan, &remaining);
        let free = plan.clone().guard(&ActionSet::EMPTY).apply;
        for after in [apply(&free, &users), after_failed_creations(&free, &users)] {
            prop_assert!(all == 0 || admins(&after).0 > 0, "{free}");
        }
        prop_assert!(active == 0 || admins(&apply(&free, &users)).1 > 0, "{free}");
        // A partial approval may remove the profile `Admin` from the last user who has it. The test allows this result
        // only if the operator has approved every action that removes the profile.
        let applied = plan.guard(&approved).apply;
        let unapproved: BTreeSet<&str> = applied.guardable_users(&approved).map(|(_, username)| username).collect();
        let by_approval = lost.iter().all(|username| !unapproved.contains(username.as_str()));
        prop_assert!(active == 0 || admins(&apply(&applied, &users)).1 > 0 || by_approval, "{applied}");
    }

    #[test]
    fn a_manually_created_user_is_only_changed_together_with_its_adoption((plan, users, approved) in some_approved_plan()) {
        let manual: BTreeSet<&str> = users.iter()
            .filter(|user| user.ownership == Ownership::Unmanaged).map(|user| user.id.as_str()).collect();
        let guarded = plan.guard(&approved);
        for part in [&guarded.apply, &guarded.waiting] {
            let adopted: BTreeSet<&str> = part.adopt.iter().map(|adoption| adoption.user.id.as_str()).collect();
            let changed = part.update.iter().map(|update| &update.user).chain(&part.cancel_deletion);
            for user in changed.filter(|user| manual.contains(user.id.as_str())) {
                prop_assert!(adopted.contains(user.id.as_str()), "{} is changed, but not adopted:\n{part}", user.username);
            }
        }
    }

    #[test]
    fn repeated_runs_without_approval_remove_no_user_that_waits((plan, _) in some_plan()) {
        let first = plan.clone().guard(&ActionSet::EMPTY);
        let second = first.waiting.clone().guard(&ActionSet::EMPTY).apply;
        let limited = !within_limit(&plan, plan.removals());
        prop_assert!(!limited || first.apply.removals() + second.removals() == 0, "{}\n{second}", first.apply);
    }
}
