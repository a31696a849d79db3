//! Tests of removals of users, and of the conditions that prevent removals.

use onboarding_core::sync::SyncStatus;
use serde_json::json;

use super::fixture::{Fixture, GROUP_NAME, member, member_id, username};

pub(super) async fn with_leavers(members: usize, leavers: usize) -> Fixture {
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
    assert_eq!(
        fixture.sync().await.unwrap().counts.planned.schedule_deletion,
        0,
        "the deletion is scheduled only once"
    );
    fixture.cloud.add_member(GROUP_NAME, member(0)).unwrap();
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.deletions_cancelled, output.counts.done.created), (1, 0));
    assert!(!fixture.users().await[0].tags().unwrap().contains_key("removal-due"));
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
