//! Tests that the users of a replicated instance join its default traffic distribution group.

use std::collections::BTreeMap;

use local_cloud::stand_in::{Behaviour, made_up::REGION};
use onboarding_core::sync::{SyncStatus, TRAFFIC_GROUP_KEY};
use serde_json::{Value, json};

use super::fixture::{Fixture, GROUP_NAME, member, member_id, username};

const JOIN: &str = "AssociateTrafficDistributionGroupUser";
const LEAVE: &str = "DisassociateTrafficDistributionGroupUser";

fn replicate(fixture: &Fixture, group_status: &str) {
    let wanted = json!({
        "instanceId": fixture.instance_id, "sourceRegion": REGION, "replicaRegion": "ap-northeast-3",
        "groupStatus": group_status,
    });
    fixture.cloud.replicate(serde_json::from_value(wanted).unwrap()).unwrap();
}

async fn replicated(members: usize, behave: impl FnOnce(&mut Behaviour)) -> Fixture {
    let fixture = Fixture::with_short_waits(members, behave).await;
    replicate(&fixture, "ACTIVE");
    fixture
}

/// The number of users who belong to a traffic distribution group, and the number of all other users. Asserts that the
/// tag of each user names the user's group.
async fn joined(fixture: &Fixture) -> (usize, usize) {
    let inventory = fixture.cloud.inventory().await;
    let users = inventory.pointer("/connect/instances/0/users").or_else(|| inventory.pointer("/instances/0/users"));
    let users = users.and_then(Value::as_array).unwrap();
    let (inside, outside): (Vec<&Value>, Vec<&Value>) =
        users.iter().partition(|user| user.get("TrafficDistributionGroup").is_some());
    for user in &inside {
        assert_eq!(user["Tags"][TRAFFIC_GROUP_KEY], user["TrafficDistributionGroup"], "{user}");
    }
    fixture.calls();
    (inside.len(), outside.len())
}

fn counted(calls: &[String]) -> BTreeMap<&str, usize> {
    calls.iter().fold(BTreeMap::new(), |mut counts, call| {
        *counts.entry(call.as_str()).or_default() += 1;
        counts
    })
}

#[tokio::test]
async fn new_users_join_the_group_and_a_second_sync_only_reads() {
    let fixture = replicated(7, |_| {}).await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.created, output.failures), (SyncStatus::Done, 7, vec![]));
    let calls = fixture.writes();
    assert_eq!(counted(&calls), BTreeMap::from([("CreateUser", 7), (JOIN, 7), ("TagResource", 7)]));
    assert_eq!(joined(&fixture).await, (7, 0));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.planned.unchanged, fixture.writes()), (7, Vec::new()));
}

#[tokio::test]
async fn users_of_an_instance_that_is_replicated_later_join_under_both_readings() {
    for conflict in [false, true] {
        let fixture = Fixture::with_short_waits(4, |behaviour| behaviour.group_associations_conflict = conflict).await;
        fixture.sync().await.unwrap();
        assert_eq!(joined(&fixture).await, (0, 4));
        replicate(&fixture, "ACTIVE");
        // One user is already in the group, but lacks the tag.
        let groups = fixture.ctx.connect().list_traffic_distribution_groups().instance_id(&fixture.instance_id);
        let groups = groups.send().await.unwrap().traffic_distribution_group_summary_list.unwrap();
        let user = fixture.users().await[0].id().unwrap().to_owned();
        let join = fixture.ctx.connect().associate_traffic_distribution_group_user().user_id(user);
        let join = join.instance_id(&fixture.instance_id).traffic_distribution_group_id(groups[0].id().unwrap());
        join.send().await.unwrap();

        let output = fixture.sync().await.unwrap();
        assert_eq!((output.counts.done.updated, output.failures), (4, vec![]));
        assert_eq!(joined(&fixture).await, (4, 0));
    }
}

#[tokio::test]
async fn a_group_that_is_not_active_is_a_finding_and_delays_nothing() {
    let fixture = Fixture::with_short_waits(3, |_| {}).await;
    replicate(&fixture, "CREATION_IN_PROGRESS");
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.created), (SyncStatus::Done, 3));
    assert!(output.findings[0].contains("is CREATION_IN_PROGRESS and not ACTIVE"), "{:?}", output.findings);
    assert_eq!(joined(&fixture).await, (0, 3));
    replicate(&fixture, "ACTIVE");
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.findings, joined(&fixture).await), (vec![], (3, 0)));
}

#[tokio::test]
async fn a_user_who_can_not_join_is_reported_and_joins_in_the_next_sync() {
    let fixture = replicated(3, |_| {}).await;
    fixture.fault(json!({
        "match": format!("{JOIN}$"), "times": 1, "status": 400, "code": "InvalidParameterException", "message": "simulated",
    }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.created, output.failures.len()), (3, 1), "{output:?}");
    assert!(output.failures[0].reason.contains("to the traffic distribution group"), "{output:?}");
    assert_eq!(joined(&fixture).await, (2, 1));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.failures, joined(&fixture).await), (vec![], (3, 0)));
}

#[tokio::test]
async fn a_missing_permission_stops_no_other_change() {
    let fixture = replicated(3, |_| {}).await;
    fixture.fault(json!({
        "match": format!("{JOIN}$"), "times": 0, "status": 403, "code": "AccessDeniedException", "message": "simulated",
    }));
    let error = fixture.sync().await.unwrap_err();
    assert_eq!(error.name(), "AccessDenied");
    assert_eq!(fixture.usernames().await.len(), 3);
}

#[tokio::test]
async fn a_leaver_leaves_the_group_before_the_deletion_under_both_readings() {
    for blocks in [false, true] {
        let fixture = replicated(12, |behaviour| behaviour.groups_block_deletion = blocks).await;
        fixture.sync().await.unwrap();
        fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
        fixture.calls();
        let output = fixture.sync().await.unwrap();
        assert_eq!((output.counts.done.removed, &output.failures), (1, &vec![]), "{output:?}");
        let calls = fixture.writes();
        let position = |name: &str| calls.iter().position(|call| call == name).unwrap();
        assert!(position(LEAVE) < position("DeleteUser"), "{calls:?}");
        assert!(!fixture.usernames().await.contains(&username(0)));
    }
}

#[tokio::test]
async fn a_user_whom_an_error_keeps_in_the_group_is_deleted_all_the_same() {
    let fixture = replicated(12, |_| {}).await;
    fixture.sync().await.unwrap();
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    fixture.fault(json!({
        "match": format!("{LEAVE}$"), "times": 0, "status": 403, "code": "AccessDeniedException", "message": "simulated",
    }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.removed, output.failures), (1, vec![]));
}

#[tokio::test]
async fn a_user_from_a_notification_joins_at_once() {
    let fixture = replicated(2, |_| {}).await;
    fixture.sync().await.unwrap();
    fixture.cloud.add_member(GROUP_NAME, member(2)).unwrap();
    fixture.calls();
    let mut input = fixture.input();
    input.people = vec![member_id(2)];
    let output = fixture.round(input, std::time::Duration::from_secs(300)).await.unwrap();
    assert_eq!(output.counts.done.created, 1, "{output:?}");
    assert_eq!(joined(&fixture).await, (3, 0));
}

#[tokio::test]
async fn an_ordinary_instance_costs_one_read_for_all_users_together() {
    let fixture = Fixture::with_members(5).await;
    fixture.sync().await.unwrap();
    let calls = fixture.calls();
    assert_eq!(calls.iter().filter(|call| *call == "DescribeInstance").count(), 1, "{calls:?}");
    assert!(!calls.iter().any(|call| call.contains("TrafficDistributionGroup")), "{calls:?}");
}
