//! Tests that changes that need approval wait for the approval, and that all other changes are applied.

use std::time::Duration;

use onboarding_core::sync::{GuardedAction, SyncStatus, SyncUsersInput, WaitingPart};
use serde_json::json;

use super::{
    fixture::{Fixture, GROUP_NAME, member, member_id, username},
    removal::with_leavers,
};

fn names(users: &[onboarding_core::sync::GuardedUser]) -> Vec<String> {
    users.iter().map(|user| user.username.clone()).collect()
}

/// Runs a round, which must end with changes that wait for approval.
async fn waiting(fixture: &Fixture) -> WaitingPart {
    let output = fixture.sync().await.unwrap();
    assert_eq!(output.status, SyncStatus::UnsafePlan, "{output:?}");
    let waiting = output.waiting.unwrap();
    assert_eq!(output.digest, waiting.digest);
    waiting
}

#[tokio::test]
async fn members_join_while_a_mass_removal_waits_and_the_approval_removes_exactly_these_users() {
    let fixture = with_leavers(20, 5).await;
    fixture.cloud.add_member(GROUP_NAME, member(20)).unwrap();
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.created, output.counts.done.removed), (SyncStatus::UnsafePlan, 1, 0));
    assert_eq!(fixture.writes(), ["CreateUser"]);
    let request = output.waiting.unwrap();
    assert_eq!((request.actions, names(&request.users)), (5, (0..5).map(username).collect()));
    assert!(request.reasons[0].contains("5 of 20 managed users"), "{:?}", request.reasons);
    assert!(request.notify && request.added == 0 && !request.until.is_empty());

    // The plan has changed: one leaver has returned and another member has joined.
    fixture.cloud.add_member(GROUP_NAME, member(4)).unwrap();
    fixture.cloud.add_member(GROUP_NAME, member(21)).unwrap();
    assert_eq!(waiting(&fixture).await.digest, request.digest);
    fixture.approve();
    let done = fixture.sync().await.unwrap();
    assert_eq!((done.status, done.counts.done.removed, done.waiting), (SyncStatus::Done, 4, None));
    let approved = done.approved.unwrap();
    assert_eq!((approved.approved_by.as_str(), approved.actions), ("arn:aws:iam::111122223333:user/operator", 4));
    assert_eq!((approved.approved_at.as_str(), approved.digest), ("2025-11-30T10:53:20Z", request.digest));
    assert_eq!(fixture.usernames().await.len(), 18);
    assert_eq!(fixture.sync().await.unwrap().approved, None, "no approved change is left");
}

#[tokio::test]
async fn a_request_is_sent_until_it_is_notified_and_a_larger_one_names_the_added_users() {
    let fixture = with_leavers(40, 5).await;
    let first = waiting(&fixture).await;
    let again = waiting(&fixture).await;
    assert!(again.notify && again.digest == first.digest, "no notification was sent");
    fixture.registry(|item| {
        let _ = item.insert("approvalNotified".into(), json!({ "BOOL": true }));
    });
    assert!(!waiting(&fixture).await.notify);

    for number in 5..7 {
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    let larger = waiting(&fixture).await;
    assert!(larger.notify && larger.digest != first.digest);
    assert_eq!((larger.actions, larger.added, names(&larger.added_users)), (7, 2, vec![username(5), username(6)]));
    // The remaining changes are all in the request that was sent, so no new request is needed.
    fixture.cloud.add_member(GROUP_NAME, member(0)).unwrap();
    assert_eq!(waiting(&fixture).await.digest, larger.digest);
}

#[tokio::test]
async fn an_approval_removes_no_user_who_left_later_if_the_removal_limit_is_exceeded_again() {
    let fixture = with_leavers(30, 5).await;
    let first = waiting(&fixture).await;
    fixture.approve();
    for number in 5..10 {
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.removed), (SyncStatus::UnsafePlan, 5));
    let later = output.waiting.unwrap();
    assert_eq!((names(&later.users), later.added), ((5..10).map(username).collect(), 5));
    assert_eq!(output.approved.unwrap().digest, first.digest);
    assert_eq!(fixture.usernames().await.len(), 25);
}

#[tokio::test]
async fn a_rejection_is_remembered_until_the_set_grows() {
    let fixture = with_leavers(30, 5).await;
    waiting(&fixture).await;
    fixture.registry(|item| {
        let _ = item.insert("rejectedBy".into(), json!({ "S": "arn:aws:iam::111122223333:user/operator" }));
    });
    let rejected = waiting(&fixture).await;
    assert!(!rejected.notify && rejected.rejected_by.is_some(), "{rejected:?}");
    fixture.cloud.remove_member(GROUP_NAME, &member_id(5)).unwrap();
    let larger = waiting(&fixture).await;
    assert!(larger.notify && larger.rejected_by.is_none(), "{larger:?}");
    assert!(fixture.writes().is_empty());
}

#[tokio::test]
async fn a_request_is_withdrawn_if_nothing_waits_any_more() {
    let fixture = with_leavers(20, 5).await;
    waiting(&fixture).await;
    for number in 0..5 {
        fixture.cloud.add_member(GROUP_NAME, member(number)).unwrap();
    }
    assert_eq!(fixture.sync().await.unwrap().status, SyncStatus::Done);
    fixture.registry(|item| assert!(!item.contains_key("approvalDigest"), "{item:?}"));
}

#[tokio::test]
async fn an_approval_whose_set_is_incomplete_does_not_count() {
    let fixture = with_leavers(20, 5).await;
    waiting(&fixture).await;
    fixture.approve();
    fixture.registry(|item| {
        let _ = item.insert("approvedChunks".into(), json!({ "N": "0" }));
    });
    assert!(waiting(&fixture).await.notify);
    assert!(fixture.writes().is_empty());
}

#[tokio::test]
async fn an_approved_set_that_takes_several_rounds_needs_one_approval() {
    let fixture = Fixture::build((0..20).map(member).collect(), true, |_| {}).await;
    fixture.sync().await.unwrap();
    for number in 0..18 {
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    waiting(&fixture).await;
    fixture.approve();
    let (mut input, mut rounds): (SyncUsersInput, _) = (fixture.input(), 0);
    loop {
        let output = fixture.round(input.clone(), Duration::from_secs(6)).await.unwrap();
        rounds += 1;
        match output.status {
            SyncStatus::More if rounds < 10 => input.carry = output.carry,
            status => {
                assert_eq!((status, output.counts.done.removed), (SyncStatus::Done, 18));
                assert_eq!(output.approved.unwrap().actions, 18, "the report of the last round names the approval");
                break;
            }
        }
    }
    assert!(rounds > 1);
    assert_eq!(fixture.usernames().await.len(), 2);
}

#[tokio::test]
async fn a_manual_user_with_more_rights_is_adopted_only_after_approval() {
    let fixture = Fixture::with_members(2).await;
    fixture.user_by_hand(&username(1), "Admin").await;
    fixture.user_by_hand("emergency.admin", "Admin").await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.created, output.counts.done.adopted, output.counts.done.updated), (1, 0, 0));
    let actions: Vec<GuardedAction> = output.waiting.unwrap().users.iter().map(|user| user.action).collect();
    assert_eq!(actions, [GuardedAction::LoseProfile, GuardedAction::Adopt]);
    assert_eq!(fixture.writes(), ["CreateUser"]);
    fixture.approve();
    let done = fixture.sync().await.unwrap();
    assert_eq!((done.status, done.counts.done.adopted, done.counts.done.updated), (SyncStatus::Done, 1, 1));
}

#[tokio::test]
async fn a_user_created_meanwhile_with_more_rights_is_not_changed_without_the_comparison() {
    // The search does not return the user at first, so the plan creates the user.
    let fixture = Fixture::build(vec![member(0)], false, |behaviour| behaviour.user_listed_seconds = 3.0).await;
    fixture.user_by_hand(&username(0), "Admin").await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.adopted, output.counts.done.updated, output.counts.done.failed), (0, 0, 1));
    assert!(output.failures[0].reason.contains("requests approval"), "{:?}", output.failures);
    assert!(fixture.writes().iter().all(|write| write == "CreateUser"));
}
