//! Tests of failures during a sync, which must not cause wrong changes.

use std::time::Duration;

use onboarding_core::{
    StepErrorKind,
    sync::{SyncStatus, SyncUsersInput},
};
use serde_json::json;
use test_support::with;

use super::fixture::{Fixture, GROUP_NAME, member, member_id, username};

/// Starts with 1,200 members, which Graph returns in two pages, and synced users. Five members then leave the group.
async fn large_group() -> Fixture {
    let fixture = Fixture::with_members(1_200).await;
    fixture.sync().await.unwrap();
    for number in 0..5 {
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    fixture.calls();
    fixture
}

#[tokio::test]
async fn a_failed_or_truncated_second_page_writes_nothing() {
    let fixture = large_group().await;
    let second = json!({ "service": "graph", "match": "/members", "after": 1, "times": 8 });
    for fault in [json!({ "status": 503 }), json!({ "truncate": true })] {
        fixture.fault(with(second.clone(), &fault));
        let error = fixture.sync().await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Unavailable, "{error}");
        assert!(fixture.writes().is_empty(), "{error}");
        // Syncs until the fault rule is used up.
        while fixture.sync().await.is_err() {}
        fixture.calls();
    }
}

#[tokio::test]
async fn a_failed_page_of_users_fails_the_round_before_any_write() {
    let fixture = Fixture::with_members(3).await;
    fixture.fault(json!({ "match": "^SearchUsers$", "times": 1, "status": 403, "code": "AccessDeniedException" }));
    let error = fixture.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(fixture.writes().is_empty());
}

#[tokio::test]
async fn one_invalid_user_is_reported_and_stops_no_other_user() {
    let mut members: Vec<_> = (0..120).map(member).collect();
    members[60].insert("userPrincipalName".into(), json!("o'neil@contoso.onmicrosoft.com"));
    let fixture = Fixture::build(members, false, |_| {}).await;
    fixture.fault(json!({
        "match": "^CreateUser$", "after": 7, "times": 1, "status": 400, "code": "InvalidParameterException", "message": "no"
    }));
    let output = fixture.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((output.status, done.created, done.failed), (SyncStatus::More, 118, 1));
    assert!(output.failures[0].reason.contains("InvalidParameterException: no"), "{:?}", output.failures);
    assert_eq!(output.skipped[0].username, "o'neil@contoso.onmicrosoft.com");
    // Another round of this run retries the failed user.
    let again = SyncUsersInput { carry: output.carry, ..fixture.input() };
    let output = fixture.round(again, Duration::from_secs(300)).await.unwrap();
    assert_eq!((output.status, output.counts.done.created, output.counts.done.failed), (SyncStatus::Done, 119, 0));
}

#[tokio::test]
async fn a_user_that_fails_twice_in_a_run_is_reported_and_left_to_the_next_run() {
    let fixture = Fixture::with_members(3).await;
    fixture.fault(json!({ "match": "^CreateUser$", "times": 4, "status": 400, "code": "InvalidParameterException" }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.failed), (SyncStatus::More, 3));
    let again = SyncUsersInput { carry: output.carry, ..fixture.input() };
    let output = fixture.round(again, Duration::from_secs(300)).await.unwrap();
    let done = output.counts.done;
    assert_eq!((output.status, done.created, done.failed), (SyncStatus::Done, 2, 1), "{output:?}");
    assert_eq!(output.failures.len(), 1);
}

#[tokio::test]
async fn a_creation_whose_response_was_lost_is_recognized_and_counted_once() {
    let fixture = Fixture::with_members(4).await;
    fixture.fault(json!({ "match": "^CreateUser$", "after": 1, "times": 1, "truncate": true }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.created, output.counts.done.failed), (4, 0), "{output:?}");
    assert_eq!(fixture.usernames().await.len(), 4);
}

#[tokio::test]
async fn users_that_the_search_does_not_show_yet_are_not_created_twice() {
    let fixture =
        Fixture::build((0..3).map(member).collect(), false, |behaviour| behaviour.user_listed_seconds = 3.0).await;
    fixture.sync().await.unwrap();
    let second = fixture.sync().await.unwrap();
    assert_eq!((second.status, second.counts.done.failed), (SyncStatus::Done, 0), "{second:?}");
    fixture.cloud.advance(10.0);
    assert_eq!(fixture.usernames().await.len(), 3);
    assert_eq!(fixture.sync().await.unwrap().counts.planned.unchanged, 3);
}

#[tokio::test]
async fn a_full_users_quota_is_not_a_throttle_and_the_other_users_wait_for_it() {
    let fixture = Fixture::with_members(10).await;
    fixture.cloud.set_quota("L-9A46857E", Some(&fixture.instance_arn), 6.0);
    let output = fixture.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((output.status, done.created, done.waiting_for_quota, done.failed), (SyncStatus::Done, 6, 4, 0));
    fixture.cloud.set_quota("L-9A46857E", Some(&fixture.instance_arn), 20.0);
    assert_eq!(fixture.sync().await.unwrap().counts.done.created, 4);
}

#[tokio::test]
async fn a_missing_permission_ends_the_run_with_access_denied() {
    let fixture = Fixture::with_members(3).await;
    fixture.fault(json!({ "match": "^CreateUser$", "times": 0, "status": 403, "code": "AccessDeniedException" }));
    let error = fixture.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("creating the user"), "{error}");
}

#[tokio::test]
async fn a_deleted_group_fails_the_run_and_removes_no_user() {
    let fixture = Fixture::with_members(3).await;
    fixture.sync().await.unwrap();
    fixture.calls();
    fixture.fault(json!({
        "service": "graph", "match": "/members", "times": 1, "status": 404, "code": "Request_ResourceNotFound"
    }));
    let error = fixture.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::InvalidInput);
    assert!(error.message.contains(GROUP_NAME) && fixture.writes().is_empty(), "{error}");
    assert!(fixture.usernames().await.contains(&username(0)));
}

#[tokio::test]
async fn a_missing_permission_to_delete_fails_the_run_after_all_other_actions() {
    let fixture = Fixture::with_members(12).await;
    fixture.sync().await.unwrap();
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    for number in 12..132 {
        fixture.cloud.add_member(GROUP_NAME, member(number)).unwrap();
    }
    fixture.fault(json!({ "match": "^DeleteUser$", "times": 0, "status": 403, "code": "AccessDeniedException" }));
    let error = fixture.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("deleting the user"), "{error}");
    assert_eq!(fixture.usernames().await.len(), 132, "every member who joined has a user, and no user is lost");
}
