//! Incremental syncs: without a change in Entra, a sync reads nothing from Connect.

use std::time::Duration;

use connect_onboarding::runtime::settings::Settings;
use onboarding_core::{
    StepError,
    sync::{SyncStatus, SyncUsersInput, SyncUsersOutput},
};
use serde_json::{Map, Value, json};

use super::fixture::{Fixture, GROUP_NAME, member, member_id, username};
use crate::steps::support::clients;

/// The time without a change in Entra that must pass before a comparison is valid, in milliseconds.
const REPLICATION: u64 = 600_000;

/// An instance with a full comparison every four hours. No change is returned twice.
pub(super) async fn scheduled(members: usize, membership_seconds: f64) -> Fixture {
    let members = (0..members).map(member).collect();
    let mut fixture = Fixture::build(members, false, |behaviour| {
        behaviour.graph.replayed_changes_every = None;
        behaviour.graph.membership_seconds = membership_seconds;
    })
    .await;
    let hours = |name: &str| (name == Settings::FULL_COMPARISON_HOURS).then(|| "4".to_owned());
    fixture.ctx = clients(&fixture.cloud, hours);
    fixture
}

/// An instance whose users match the group members, after a full comparison.
async fn compared(members: usize) -> Fixture {
    let fixture = scheduled(members, 0.0).await;
    assert!(!incremental(&fixture).await.incremental, "the first sync compares everything");
    settle(&fixture);
    fixture.calls();
    fixture
}

pub(super) async fn try_incremental(fixture: &Fixture) -> Result<SyncUsersOutput, StepError> {
    let input = SyncUsersInput { incremental: true, ..fixture.input() };
    fixture.round(input, Duration::from_secs(300)).await
}

pub(super) async fn incremental(fixture: &Fixture) -> SyncUsersOutput {
    try_incremental(fixture).await.unwrap()
}

/// Moves the last change so far into the past that every replica of Graph contains this change.
pub(super) fn settle(fixture: &Fixture) {
    fixture.change_tracking(|state| state["since"] = (state["comparedAt"].as_u64().unwrap() - REPLICATION).into());
}

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(super) fn update(fixture: &Fixture, number: usize, patch: Value) {
    fixture.cloud.update_user(&member_id(number), fields(patch)).unwrap();
}

#[tokio::test]
async fn without_a_change_a_sync_needs_five_calls_and_none_to_connect() {
    let fixture = compared(20).await;
    let output = incremental(&fixture).await;
    assert_eq!((output.status, output.incremental, output.counts.done.calls), (SyncStatus::Done, true, 2));
    assert_eq!((output.counts.planned.unchanged, output.counts.planned.managed), (20, 20));
    let calls = fixture.calls();
    assert!(calls.len() <= 5, "{calls:?}");
    assert_eq!(calls.iter().filter(|call| call.contains("/delta")).count(), 2, "{calls:?}");
}

#[tokio::test]
async fn a_change_of_a_group_or_a_member_causes_a_full_comparison() {
    type Change = fn(&Fixture);
    let changes: [(&str, Change, &[usize], usize); 5] = [
        ("joined", |fixture| fixture.cloud.add_member(GROUP_NAME, member(3)).unwrap(), &[0, 1, 2, 3], 0),
        ("left", |fixture| fixture.cloud.remove_member(GROUP_NAME, &member_id(1)).unwrap(), &[0, 2, 3], 1),
        ("disabled", |fixture| update(fixture, 2, json!({ "accountEnabled": false })), &[0, 3], 1),
        ("deleted", |fixture| update(fixture, 3, json!({ "deletedDateTime": "2026-11-30T00:00:00Z" })), &[0], 1),
        ("enabled", |fixture| update(fixture, 2, json!({ "accountEnabled": true })), &[0, 2], 0),
    ];
    let fixture = compared(3).await;
    for (name, change, users, signed_out) in changes {
        change(&fixture);
        let output = incremental(&fixture).await;
        assert_eq!((output.incremental, output.counts.done.signed_out), (false, signed_out), "{name}: {output:?}");
        assert_eq!(fixture.usernames().await, users.iter().copied().map(username).collect::<Vec<_>>(), "{name}");
        settle(&fixture);
        assert!(incremental(&fixture).await.incremental, "{name}: the change is handled");
    }
}

#[tokio::test]
async fn a_change_that_the_list_of_members_shows_late_is_not_missed() {
    let fixture = scheduled(3, 30.0).await;
    incremental(&fixture).await;
    settle(&fixture);
    assert!(incremental(&fixture).await.incremental);
    fixture.cloud.remove_member(GROUP_NAME, &member_id(1)).unwrap();
    let output = incremental(&fixture).await;
    assert_eq!((output.incremental, output.counts.done.removed), (false, 0), "the list is older than the change");
    fixture.cloud.advance(60.0);
    let output = incremental(&fixture).await;
    assert_eq!((output.incremental, output.counts.done.removed), (false, 1));
}

#[tokio::test]
async fn a_comparison_counts_only_if_the_replicas_had_the_time_to_show_the_last_change() {
    let fixture = compared(3).await;
    fixture.change_tracking(|state| state["since"] = (state["since"].as_u64().unwrap() + 60_000).into());
    let since = fixture.tracking().unwrap()["since"].clone();
    assert!(!incremental(&fixture).await.incremental);
    assert_eq!(fixture.tracking().unwrap()["since"], since, "there was no further change");
    fixture.change_tracking(|state| state["since"] = (state["since"].as_u64().unwrap() - 60_000).into());
    assert!(incremental(&fixture).await.incremental);
}

#[tokio::test]
async fn the_time_of_a_comparison_is_that_of_the_read_and_not_of_the_last_change_in_connect() {
    let fixture = scheduled(3, 0.0).await;
    // This error causes a retry, so the changes to the users take longer than the read of the members.
    fixture.fault(json!({ "match": "^CreateUser$", "times": 1, "status": 503 }));
    let output = incremental(&fixture).await;
    assert_eq!((output.status, output.counts.done.created), (SyncStatus::Done, 3), "{output:?}");
    let stored = fixture.tracking().unwrap();
    let [since, compared_at] = ["since", "comparedAt"].map(|time| stored[time].as_u64().unwrap());
    let durations = output.durations;
    assert!(compared_at >= since && compared_at - since <= durations.observe_ms, "{stored}: {durations:?}");
}

#[tokio::test]
async fn a_change_of_another_user_causes_no_comparison_and_is_read_once() {
    let fixture = compared(3).await;
    fixture.cloud.remove_member(GROUP_NAME, &member_id(2)).unwrap();
    incremental(&fixture).await;
    settle(&fixture);
    let stored = fixture.tracking().unwrap();
    update(&fixture, 2, json!({ "surname": "Other" }));
    assert!(incremental(&fixture).await.incremental);
    let later = fixture.tracking().unwrap();
    assert_ne!(later["users"], stored["users"], "the next sync starts after this change");
    assert_eq!((&later["comparedAt"], &later["since"]), (&stored["comparedAt"], &stored["since"]));
}

#[tokio::test]
async fn changed_settings_and_the_end_of_the_period_cause_a_full_comparison() {
    let fixture = compared(3).await;
    fixture.set_users("/groups/0/securityProfiles", json!(["Agent", "QualityAnalyst"]));
    let output = incremental(&fixture).await;
    assert_eq!((output.incremental, output.counts.done.updated), (false, 3));
    settle(&fixture);
    fixture.change_tracking(|state| {
        for time in ["comparedAt", "since"] {
            state[time] = (state[time].as_u64().unwrap() - 4 * 3_600_000).into();
        }
    });
    assert!(!incremental(&fixture).await.incremental);
    assert!(incremental(&fixture).await.incremental, "one comparison in each period is sufficient");
}

#[tokio::test]
async fn a_lost_link_causes_a_full_comparison_that_starts_anew() {
    let fixture = compared(3).await;
    for (status, code, times) in
        [(410, "syncStateNotFound", 1), (400, "syncStateNotFound", 1), (400, "resyncRequired", 1), (503, "busy", 4)]
    {
        let stored = fixture.tracking().unwrap();
        let rule = json!({
            "service": "graph", "match": "GET /v1.0/users/delta", "status": status, "code": code, "times": times,
        });
        fixture.fault(rule);
        assert!(!incremental(&fixture).await.incremental, "{status} {code}");
        assert_ne!(fixture.tracking().unwrap()["users"], stored["users"]);
        settle(&fixture);
        assert!(incremental(&fixture).await.incremental, "{status} {code}");
    }
    fixture.change_tracking(|state| state["users"] = "https://elsewhere.example/v1.0/users/delta?$deltatoken=x".into());
    assert!(!incremental(&fixture).await.incremental, "a token is sent only to Graph");
}

#[tokio::test]
async fn without_links_every_sync_compares_everything() {
    let fixture = scheduled(3, 0.0).await;
    let denied = json!({ "service": "graph", "match": "/delta", "status": 403, "code": "Authorization_RequestDenied" });
    fixture.fault(denied);
    assert!(!incremental(&fixture).await.incremental);
    assert_eq!(fixture.tracking(), None);
    assert!(!incremental(&fixture).await.incremental);
    assert!(fixture.tracking().is_some());
}

#[tokio::test]
async fn a_sync_with_failures_is_followed_by_a_full_comparison() {
    let fixture = compared(3).await;
    fixture.cloud.add_member(GROUP_NAME, member(3)).unwrap();
    let rule =
        json!({ "service": "connect", "match": "^CreateUser$", "status": 400, "code": "InvalidParameterException" });
    fixture.fault(rule);
    let output = incremental(&fixture).await;
    assert_eq!((output.status, output.counts.done.failed), (SyncStatus::More, 1), "{output:?}");
    assert_eq!(fixture.tracking(), None);
    let next = incremental(&fixture).await;
    assert_eq!((next.incremental, next.counts.done.created), (false, 1));
}

#[tokio::test]
async fn a_skipped_member_causes_full_comparisons_if_delta_queries_do_not_return_the_end_of_the_reason() {
    let fixture = compared(3).await;
    update(&fixture, 1, json!({ "userPrincipalName": "not a name" }));
    assert_eq!(incremental(&fixture).await.counts.planned.skipped, 1);
    assert!(fixture.tracking().is_some(), "a new name is a change in Entra");
    fixture.set_users("/groups/0/routingProfile", json!("Missing"));
    assert_eq!(incremental(&fixture).await.counts.planned.skipped, 3);
    assert_eq!(fixture.tracking(), None, "the profile can be created in Connect");
}

#[tokio::test]
async fn with_nested_groups_every_sync_compares_everything() {
    let fixture = compared(2).await;
    fixture.set_users("nestedGroups", json!("flatten"));
    for _ in 0..2 {
        assert!(!incremental(&fixture).await.incremental);
    }
    assert!(!fixture.calls().iter().any(|call| call.contains("/delta")));
}

#[tokio::test]
async fn a_scheduled_deletion_is_done_on_its_day() {
    let fixture = compared(12).await;
    fixture.set_users("removed", json!({ "action": "delete", "graceDays": 7 }));
    fixture.cloud.remove_member(GROUP_NAME, &member_id(1)).unwrap();
    assert_eq!(incremental(&fixture).await.counts.done.deletions_scheduled, 1);
    settle(&fixture);
    assert!(incremental(&fixture).await.incremental);
    assert!(fixture.tracking().unwrap()["nextDeletion"].as_str().unwrap().starts_with("20"));
    fixture.change_tracking(|state| state["nextDeletion"] = "2026-01-01".into());
    assert!(!incremental(&fixture).await.incremental);
}
