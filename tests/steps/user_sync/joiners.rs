//! Tests that members whom a notification reports as added are synced first, but only after Entra has confirmed their
//! membership.

use std::time::Duration;

use local_cloud::stand_in::made_up::person;
use onboarding_core::sync::{MAX_HINTED, SyncStatus, SyncUsersInput, SyncUsersOutput};
use serde_json::json;

use super::fixture::{Fixture, member, member_id, username};

/// Runs a sync with a notification that reports these members as added.
async fn hinted(fixture: &Fixture, members: impl IntoIterator<Item = usize>) -> SyncUsersOutput {
    let people = members.into_iter().map(member_id).collect();
    fixture.round(SyncUsersInput { people, ..fixture.input() }, Duration::from_secs(300)).await.unwrap()
}

#[tokio::test]
async fn a_new_member_is_created_before_the_group_is_read_and_the_others_follow() {
    let fixture = Fixture::with_members(5).await;
    let output = hinted(&fixture, [3]).await;
    assert_eq!((output.status, output.counts.done.created, output.counts.done.failed), (SyncStatus::Done, 5, 0));
    let calls = fixture.calls();
    let first = |name: &str| calls.iter().position(|call| call.contains(name)).unwrap();
    assert!(first("CreateUser") < first("/members"), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| *call == "CreateUser").count(), 5, "no user is created twice: {calls:?}");
    assert_eq!(fixture.usernames().await, (0..5).map(username).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_new_member_gets_a_user_although_the_comparison_fails_and_no_other_user_is_changed() {
    let fixture = Fixture::with_members(5).await;
    fixture.fault(json!({ "service": "graph", "match": "/members", "times": 0, "status": 503 }));
    let input = SyncUsersInput { people: vec![member_id(2)], ..fixture.input() };
    assert!(fixture.round(input, Duration::from_secs(300)).await.is_err());
    assert_eq!(fixture.usernames().await, [username(2)]);
}

#[tokio::test]
async fn a_hint_about_a_non_member_an_existing_user_or_a_leaver_has_no_effect() {
    let fixture = Fixture::with_members(3).await;
    fixture.sync().await.unwrap();
    fixture.calls();
    fixture.cloud.remove_member(super::fixture::GROUP, &member_id(1)).unwrap();
    fixture.fault(json!({ "service": "connect", "match": "^POST /search-users$", "after": 1, "times": 0, "status": 403, "code": "AccessDeniedException" }));
    let input = SyncUsersInput { people: [0, 1, 77].map(member_id).to_vec(), ..fixture.input() };
    // The full comparison fails, so every write results from the notification.
    assert!(fixture.round(input, Duration::from_secs(300)).await.is_err());
    assert_eq!(fixture.writes(), [""; 0]);
}

#[tokio::test]
async fn an_agent_user_object_gets_no_connect_user_and_is_reported_by_its_type() {
    let fixture = Fixture::with_members(1).await;
    let mut agent = person(7);
    agent.insert("@odata.type".into(), json!("#microsoft.graph.agentUser"));
    fixture.cloud.add_member(super::fixture::GROUP, agent).unwrap();
    // Waits until every replica lists the new member.
    fixture.cloud.advance(60.0);
    let output = hinted(&fixture, [0, 7]).await;
    assert_eq!(fixture.usernames().await, [username(0)]);
    assert!(format!("{output:?}").contains("1 of type agentUser"), "{output:?}");
}

#[tokio::test]
async fn a_username_of_a_manually_created_user_is_left_to_the_comparison() {
    let fixture = Fixture::with_members(1).await;
    fixture.user_by_hand(&username(0), "Agent").await;
    let output = hinted(&fixture, [0]).await;
    assert_eq!((output.counts.done.created, output.counts.done.adopted), (0, 1));
}

#[tokio::test]
async fn a_failed_creation_of_a_new_member_is_left_to_the_comparison() {
    let fixture = Fixture::with_members(2).await;
    fixture.fault(json!({ "service": "graph", "match": "memberOf", "times": 0, "status": 503 }));
    let output = hinted(&fixture, [1]).await;
    assert_eq!((output.status, output.counts.done.created), (SyncStatus::Done, 2));
}

#[tokio::test]
async fn too_many_hints_and_ambiguous_usernames_are_left_to_the_comparison() {
    let fixture = Fixture::with_members(2).await;
    hinted(&fixture, 0..=MAX_HINTED).await;
    assert!(!fixture.calls().iter().any(|call| call.contains("memberOf")));
    fixture.set_users("username", json!("mail"));
    let mut two = member(8);
    two.insert("mail".into(), json!("agent8@contoso.onmicrosoft.com"));
    fixture.cloud.add_member(super::fixture::GROUP, two).unwrap();
    hinted(&fixture, [8]).await;
    assert!(!fixture.calls().iter().any(|call| call.contains("memberOf")));
}
