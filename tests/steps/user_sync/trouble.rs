//! Failures during a sync, and the damage that they must not cause.

use std::time::Duration;

use onboarding_core::{
    StepErrorKind,
    sync::{SyncStatus, SyncUsersInput},
};
use serde_json::json;

use super::fixture::{GROUP_NAME, House, member, member_id, username};

/// Starts with 1,200 members, which Graph returns in two pages, and synced users. Five members then leave the group.
async fn large_house() -> House {
    let house = House::with_members(1_200).await;
    house.sync().await.unwrap();
    for number in 0..5 {
        house.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    house.calls();
    house
}

#[tokio::test]
async fn a_second_page_that_fails_or_is_cut_short_writes_nothing() {
    let house = large_house().await;
    let second = json!({ "service": "graph", "match": "/members", "after": 1, "times": 8 });
    for fault in [json!({ "status": 503 }), json!({ "truncate": true })] {
        let mut rule = second.clone();
        rule.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
        house.fault(rule);
        let error = house.sync().await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Unavailable, "{error}");
        assert!(house.writes().is_empty(), "{error}");
        // Use up the remaining matches of the rule.
        while house.sync().await.is_err() {}
        house.calls();
    }
}

#[tokio::test]
async fn a_page_of_users_that_fails_fails_the_round_before_anything_is_written() {
    let house = House::with_members(3).await;
    house.fault(json!({ "match": "^SearchUsers$", "times": 1, "status": 403, "code": "AccessDeniedException" }));
    let error = house.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(house.writes().is_empty());
}

#[tokio::test]
async fn one_bad_user_among_many_stops_nobody_else_and_is_in_the_report() {
    let mut members: Vec<_> = (0..120).map(member).collect();
    members[60].insert("userPrincipalName".into(), json!("o'neil@contoso.onmicrosoft.com"));
    let house = House::build(members, false, |_| {}).await;
    house.fault(json!({
        "match": "^CreateUser$", "after": 7, "times": 1, "status": 400, "code": "InvalidParameterException", "message": "no"
    }));
    let output = house.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((output.status, done.created, done.failed), (SyncStatus::More, 118, 1));
    assert!(output.failures[0].reason.contains("InvalidParameterException: no"), "{:?}", output.failures);
    assert_eq!(output.skipped[0].username, "o'neil@contoso.onmicrosoft.com");
    // Another round of this run retries the failed user.
    let again = SyncUsersInput { carry: output.carry, ..house.input() };
    let output = house.round(again, Duration::from_secs(300)).await.unwrap();
    assert_eq!((output.status, output.counts.done.created, output.counts.done.failed), (SyncStatus::Done, 119, 0));
}

#[tokio::test]
async fn a_user_that_fails_twice_in_a_run_is_reported_and_left_to_the_next_run() {
    let house = House::with_members(3).await;
    house.fault(json!({ "match": "^CreateUser$", "times": 4, "status": 400, "code": "InvalidParameterException" }));
    let output = house.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.failed), (SyncStatus::More, 3));
    let again = SyncUsersInput { carry: output.carry, ..house.input() };
    let output = house.round(again, Duration::from_secs(300)).await.unwrap();
    let done = output.counts.done;
    assert_eq!((output.status, done.created, done.failed), (SyncStatus::Done, 2, 1), "{output:?}");
    assert_eq!(output.failures.len(), 1);
}

#[tokio::test]
async fn a_creation_whose_answer_got_lost_is_recognised_and_counted_once() {
    let house = House::with_members(4).await;
    house.fault(json!({ "match": "^CreateUser$", "after": 1, "times": 1, "truncate": true }));
    let output = house.sync().await.unwrap();
    assert_eq!((output.counts.done.created, output.counts.done.failed), (4, 0), "{output:?}");
    assert_eq!(house.usernames().await.len(), 4);
}

#[tokio::test]
async fn users_that_the_search_does_not_show_yet_are_not_created_twice() {
    let house =
        House::build((0..3).map(member).collect(), false, |behaviour| behaviour.user_listed_seconds = 3.0).await;
    house.sync().await.unwrap();
    let second = house.sync().await.unwrap();
    assert_eq!((second.status, second.counts.done.failed), (SyncStatus::Done, 0), "{second:?}");
    house.cloud.advance(10.0);
    assert_eq!(house.usernames().await.len(), 3);
    assert_eq!(house.sync().await.unwrap().counts.planned.unchanged, 3);
}

#[tokio::test]
async fn a_full_users_quota_is_not_a_throttle_and_the_other_users_wait_for_it() {
    let house = House::with_members(10).await;
    house.cloud.set_quota("L-9A46857E", Some(&house.instance_arn), 6.0);
    let output = house.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((output.status, done.created, done.waiting_for_quota, done.failed), (SyncStatus::Done, 6, 4, 0));
    house.cloud.set_quota("L-9A46857E", Some(&house.instance_arn), 20.0);
    assert_eq!(house.sync().await.unwrap().counts.done.created, 4);
}

#[tokio::test]
async fn a_missing_permission_ends_the_run_with_access_denied() {
    let house = House::with_members(3).await;
    house.fault(json!({ "match": "^CreateUser$", "times": 0, "status": 403, "code": "AccessDeniedException" }));
    let error = house.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("creating the user"), "{error}");
}

#[tokio::test]
async fn a_deleted_group_fails_the_run_and_removes_no_user() {
    let house = House::with_members(3).await;
    house.sync().await.unwrap();
    house.calls();
    house.fault(json!({
        "service": "graph", "match": "/members", "times": 1, "status": 404, "code": "Request_ResourceNotFound"
    }));
    let error = house.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::InvalidInput);
    assert!(error.message.contains(GROUP_NAME) && house.writes().is_empty(), "{error}");
    assert!(house.usernames().await.contains(&username(0)));
}

#[tokio::test]
async fn a_missing_permission_to_delete_fails_the_run_after_all_other_actions() {
    let house = House::with_members(12).await;
    house.sync().await.unwrap();
    house.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    for number in 12..132 {
        house.cloud.add_member(GROUP_NAME, member(number)).unwrap();
    }
    house.fault(json!({ "match": "^DeleteUser$", "times": 0, "status": 403, "code": "AccessDeniedException" }));
    let error = house.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("deleting the user"), "{error}");
    assert_eq!(house.usernames().await.len(), 132, "every member that joined has a user, and no user is lost");
}
