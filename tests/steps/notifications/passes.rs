//! Tests whether `sync-members` starts a sync for an event, or requests another pass of a running sync.

use std::collections::BTreeSet;

use connect_onboarding::{entra::client_state::ALL_GROUPS, user_sync::sync_members};
use onboarding_core::contract::{QueuedEvent, SyncMembersInput, SyncMembersOutput};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::fixture::{Fixture, GROUP, INSTANCE, member_id};
use crate::contract::template;

const SYNC: &str = "arn:aws:states:::execution:sync:running";
/// For how long a renewed lease is valid, in seconds.
const LEASE: i64 = 3600;

/// The step's output for an event about these members.
async fn after_event(fixture: &Fixture, added: &[String], removed: &[String]) -> SyncMembersOutput {
    after(fixture, json!({ "groupId": GROUP, "added": added, "removed": removed })).await
}

/// The step's output for an event with this detail.
async fn after(fixture: &Fixture, detail: Value) -> SyncMembersOutput {
    let body = json!({ "source": "connect-onboarding.entra", "detail": detail }).to_string();
    let records = vec![QueuedEvent { body, ..QueuedEvent::default() }];
    sync_members::run(&fixture.ctx, SyncMembersInput { records }).await.unwrap()
}

/// Milliseconds since the epoch, this many seconds from now.
fn at(seconds: i64) -> Value {
    json!({ "N": ((OffsetDateTime::now_utc().unix_timestamp() + seconds) * 1000).to_string() })
}

/// A sync that holds the lease, which expires in this many seconds.
fn pass(expires: i64) -> Value {
    json!({ "lease": { "S": SYNC }, "leaseUntil": at(expires) })
}

/// A sync that gathers changes for this many seconds.
fn gathering(seconds: i64) -> Value {
    json!({ "gatherer": { "S": SYNC }, "gatherUntil": at(seconds) })
}

/// Fails unless the step only requested another pass, with this update.
async fn only_requested(fixture: &Fixture, output: &SyncMembersOutput, update: &str, condition: &str) {
    assert_eq!((output.requested.as_slice(), output.started.as_slice()), (&[INSTANCE.to_owned()][..], &[][..]));
    assert!(fixture.started().await.is_empty());
    assert_eq!(fixture.updates().await, [(update.to_owned(), condition.to_owned())]);
}

/// Fails unless the step started a sync with this field.
async fn started(fixture: &Fixture, output: &SyncMembersOutput, field: &str, member: &str) {
    assert_eq!((output.started.as_slice(), output.requested.as_slice()), (&[INSTANCE.to_owned()][..], &[][..]));
    let mut input = json!({ "instanceId": INSTANCE, "reason": "event" });
    input[field] = json!([member]);
    if field == "leavers" {
        input["urgent"] = json!(true);
    }
    assert_eq!(fixture.started().await, [input]);
}

#[tokio::test]
async fn an_event_during_a_sync_requests_another_pass_and_starts_no_execution() {
    let fixture = Fixture::start().await;
    fixture.sync_runs(pass(LEASE - 5), SYNC);
    let output = after_event(&fixture, &[member_id(7)], &[]).await;
    let condition = "lease = :sync AND attribute_not_exists(leaseRevokedAt)";
    only_requested(&fixture, &output, "SET dirty = :yes", condition).await;
}

#[tokio::test]
async fn the_pass_for_a_removed_member_is_urgent() {
    let fixture = Fixture::start().await;
    fixture.sync_runs(pass(LEASE), SYNC);
    let output = after_event(&fixture, &[], &[member_id(7)]).await;
    let condition = "lease = :sync AND attribute_not_exists(leaseRevokedAt)";
    only_requested(&fixture, &output, "SET dirty = :yes, urgent = :yes", condition).await;
}

#[tokio::test]
async fn an_event_that_may_have_been_caused_by_a_removal_is_urgent() {
    let condition = "lease = :sync AND attribute_not_exists(leaseRevokedAt)";
    let many: Vec<String> = (0..25).map(member_id).collect();
    for detail in [
        json!({ "groupId": GROUP }),
        json!({ "groupId": GROUP, "added": [], "removed": [] }),
        json!({ "groupId": ALL_GROUPS.to_string() }),
        json!({ "groupId": GROUP, "added": [member_id(30)], "removed": many }),
    ] {
        let fixture = Fixture::start().await;
        fixture.sync_runs(pass(LEASE), SYNC);
        let output = after(&fixture, detail.clone()).await;
        only_requested(&fixture, &output, "SET dirty = :yes, urgent = :yes", condition).await;

        fixture.sync_runs(json!({}), SYNC);
        after(&fixture, detail).await;
        let started = fixture.started().await;
        assert_eq!((started.len(), &started[0]["urgent"], started[0].get("leavers")), (1, &json!(true), None));
    }
}

#[tokio::test]
async fn a_sync_that_was_stopped_or_whose_state_is_unknown_is_not_relied_on() {
    for status in [Some("ABORTED"), Some("FAILED"), None] {
        // The function of a stopped execution still renews the lease.
        for attributes in [pass(LEASE), gathering(10)] {
            let fixture = Fixture::start().await;
            fixture.sync_runs(attributes, SYNC);
            fixture.sync_has_status(status);
            let output = after_event(&fixture, &[member_id(7)], &[]).await;
            started(&fixture, &output, "people", &member_id(7)).await;
            assert!(fixture.updates().await.is_empty());
        }
    }
}

/// The attribute names in an expression.
fn attributes(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'));
    let is_attribute = |word: &&str| word.starts_with(char::is_lowercase) && *word != "attribute_not_exists";
    words.filter(is_attribute).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_step_may_write_only_the_attributes_that_request_another_pass() {
    let mut named = BTreeSet::from(["instanceId".to_owned()]);
    for attributes_of_sync in [pass(LEASE), gathering(10)] {
        let fixture = Fixture::start().await;
        fixture.sync_runs(attributes_of_sync, SYNC);
        after_event(&fixture, &[member_id(7)], &[]).await;
        after_event(&fixture, &[], &[member_id(7)]).await;
        let updates = fixture.updates().await;
        named.extend(
            updates.iter().flat_map(|(update, condition)| [attributes(update), attributes(condition)]).flatten(),
        );
    }
    let template = template();
    let statements = &template["Resources"]["SyncMembersFunction"]["Properties"]["Policies"][0]["Statement"];
    let mut writing =
        statements.as_array().unwrap().iter().filter(|one| one["Action"].to_string().contains("UpdateItem"));
    let allowed = &writing.next().unwrap()["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"];
    let allowed: BTreeSet<String> = serde_json::from_value(allowed.clone()).unwrap();
    assert_eq!((allowed, writing.count()), (named, 0));
}

#[tokio::test]
async fn an_old_or_revoked_lease_is_left_to_an_execution_which_checks_its_holder() {
    let mut revoked = pass(LEASE);
    revoked["leaseRevokedAt"] = at(0);
    for attributes in [pass(LEASE - 40), pass(-1), revoked] {
        let fixture = Fixture::start().await;
        fixture.sync_runs(attributes, SYNC);
        let output = after_event(&fixture, &[member_id(7)], &[]).await;
        started(&fixture, &output, "people", &member_id(7)).await;
        assert!(fixture.updates().await.is_empty());
    }
}

#[tokio::test]
async fn a_sync_that_ended_or_lost_the_lease_after_the_registry_was_read_is_replaced_by_a_new_execution() {
    for now in ["", "arn:aws:states:::execution:sync:another"] {
        for attributes in [pass(LEASE), gathering(10)] {
            let fixture = Fixture::start().await;
            fixture.sync_runs(attributes, now);
            let output = after_event(&fixture, &[member_id(7)], &[]).await;
            started(&fixture, &output, "people", &member_id(7)).await;
            assert_eq!(fixture.updates().await.len(), 1, "the write failed its condition");
        }
    }
}

#[tokio::test]
async fn a_sync_that_gathers_changes_accepts_them_but_a_removed_member_does_not_wait() {
    let fixture = Fixture::start().await;
    fixture.sync_runs(gathering(10), SYNC);
    let output = after_event(&fixture, &[member_id(7)], &[]).await;
    let condition = "gatherer = :sync AND attribute_not_exists(lease)";
    only_requested(&fixture, &output, "SET dirty = :yes", condition).await;

    let output = after_event(&fixture, &[], &[member_id(8)]).await;
    started(&fixture, &output, "leavers", &member_id(8)).await;
    assert_eq!(fixture.updates().await.len(), 1, "no pass was requested for the removed member");
}

#[tokio::test]
async fn a_sync_whose_gathering_should_have_ended_is_not_relied_on() {
    let fixture = Fixture::start().await;
    fixture.sync_runs(gathering(-20), SYNC);
    let output = after_event(&fixture, &[member_id(7)], &[]).await;
    started(&fixture, &output, "people", &member_id(7)).await;
    assert!(fixture.updates().await.is_empty());
}

#[tokio::test]
async fn the_schedule_starts_a_sync_also_if_another_sync_is_running() {
    let fixture = Fixture::start().await;
    fixture.sync_runs(pass(LEASE), SYNC);
    let output = sync_members::run(&fixture.ctx, SyncMembersInput::default()).await.unwrap();
    assert_eq!((output.started.len(), output.requested.len()), (1, 0));
    assert!(fixture.updates().await.is_empty());
}
