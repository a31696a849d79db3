//! Tests of removals of users, and of the conditions that prevent removals.

use std::time::Duration;

use onboarding_core::sync::{SyncStatus, SyncUsersInput};
use serde_json::json;

use super::fixture::{Fixture, GROUP_NAME, member, member_id, username};

async fn with_leavers(members: usize, leavers: usize) -> Fixture {
    let fixture = Fixture::with_members(members).await;
    fixture.sync().await.unwrap();
    for number in 0..leavers {
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    fixture.calls();
    fixture
}

#[tokio::test]
async fn a_leaver_is_checked_again_before_the_deletion() {
    let fixture = with_leavers(12, 1).await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.removed), (SyncStatus::Done, 1), "{output:?}");
    let calls = fixture.calls();
    let position = |name: &str| calls.iter().position(|call| call.contains(name)).unwrap();
    assert!(position("checkMemberGroups") < position("DeleteAllEntitySessions"), "{calls:?}");
    assert!(position("DeleteAllEntitySessions") < position("DeleteUser"), "{calls:?}");
    assert!(!calls.iter().any(|call| call.contains("memberOf")), "one request shows that the user left: {calls:?}");
    assert_eq!(output.counts.done.signed_out, 1);
    assert!(!fixture.usernames().await.contains(&username(0)));
}

#[tokio::test]
async fn a_grace_period_schedules_the_deletion_and_a_return_cancels_it() {
    let fixture = with_leavers(12, 1).await;
    fixture.set_users("/removed/graceDays", json!(7));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.deletions_scheduled, output.counts.done.removed), (1, 0));
    assert!(fixture.users().await[0].tags().unwrap().contains_key("removal-due"));
    assert_eq!(fixture.sync().await.unwrap().counts.planned.schedule_deletion, 0, "a mark is set once");
    fixture.cloud.add_member(GROUP_NAME, member(0)).unwrap();
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.deletions_cancelled, output.counts.done.created), (1, 0));
    assert!(!fixture.users().await[0].tags().unwrap().contains_key("removal-due"));
}

#[tokio::test]
async fn too_many_leavers_change_nothing_until_exactly_this_plan_is_approved() {
    let fixture = with_leavers(20, 5).await;
    let unsafe_round = fixture.sync().await.unwrap();
    assert_eq!(unsafe_round.status, SyncStatus::UnsafePlan);
    assert_eq!(unsafe_round.removals, (0..5).map(username).collect::<Vec<_>>());
    assert!(unsafe_round.reasons[0].contains("5 of 20 managed users"), "{:?}", unsafe_round.reasons);
    assert!(fixture.writes().is_empty());

    // Another member leaves. The approval of the earlier plan does not cover the removal of this member.
    fixture.cloud.remove_member(GROUP_NAME, &member_id(5)).unwrap();
    let approved = SyncUsersInput { approved_digest: Some(unsafe_round.digest), ..fixture.input() };
    let again = fixture.round(approved, Duration::from_secs(300)).await.unwrap();
    assert_eq!(again.status, SyncStatus::UnsafePlan);
    assert!(fixture.writes().is_empty());

    let approved = SyncUsersInput { approved_digest: Some(again.digest), ..fixture.input() };
    let done = fixture.round(approved, Duration::from_secs(300)).await.unwrap();
    assert_eq!((done.status, done.counts.done.removed), (SyncStatus::Done, 6));
    assert_eq!(fixture.usernames().await.len(), 14);
}

#[tokio::test]
async fn an_approved_plan_that_takes_several_rounds_needs_one_approval() {
    let fixture = Fixture::build((0..14).map(member).collect(), true, |_| {}).await;
    fixture.sync().await.unwrap();
    for number in 0..12 {
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    let unsafe_round = fixture.sync().await.unwrap();
    assert_eq!(unsafe_round.status, SyncStatus::UnsafePlan);
    let mut input = SyncUsersInput { approved_digest: Some(unsafe_round.digest), ..fixture.input() };
    let mut rounds = 0;
    loop {
        let output = fixture.round(input.clone(), Duration::from_secs(4)).await.unwrap();
        rounds += 1;
        match output.status {
            SyncStatus::More if rounds < 10 => input.carry = output.carry,
            status => {
                assert_eq!((status, output.counts.done.removed), (SyncStatus::Done, 12));
                break;
            }
        }
    }
    assert!(rounds > 1);
    assert_eq!(fixture.usernames().await.len(), 2);
}

#[tokio::test]
async fn a_group_that_became_empty_removes_no_user() {
    let fixture = with_leavers(3, 3).await;
    fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.planned.postponed), (SyncStatus::Done, 3));
    assert!(fixture.writes().is_empty());
    assert!(output.findings.iter().any(|finding| finding.contains("is empty")), "{:?}", output.findings);
}

#[tokio::test]
async fn a_rename_creates_the_new_user_before_the_old_user_is_removed() {
    let fixture = with_leavers(12, 1).await;
    let mut renamed = member(0);
    renamed.insert("userPrincipalName".into(), json!("married@contoso.onmicrosoft.com"));
    fixture.cloud.add_member(GROUP_NAME, renamed).unwrap();
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.created, output.counts.done.removed), (1, 1), "{output:?}");
    let writes = fixture.writes();
    assert_eq!(writes, ["CreateUser", "DeleteAllEntitySessions", "DeleteUser"]);
    let names = fixture.usernames().await;
    assert!(names.contains(&"married@contoso.onmicrosoft.com".to_owned()) && !names.contains(&username(0)));
    assert!(output.findings.iter().any(|finding| finding.contains("can't rename")), "{:?}", output.findings);
}

#[tokio::test]
async fn the_old_user_of_a_rename_stays_if_the_new_user_cannot_be_created() {
    let fixture = with_leavers(12, 1).await;
    let mut renamed = member(0);
    renamed.insert("userPrincipalName".into(), json!("married@contoso.onmicrosoft.com"));
    fixture.cloud.add_member(GROUP_NAME, renamed).unwrap();
    fixture.fault(json!({ "match": "^CreateUser$", "times": 0, "status": 400, "code": "InvalidParameterException" }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.failed, output.counts.done.removed), (1, 0), "{output:?}");
    assert!(fixture.usernames().await.contains(&username(0)));
}
