//! Tests of the path of a change from Entra to the user sync, through three functions. The stand-in emulates Graph with
//! its validation requests and notifications. A mock replaces the event bus, the queue and the state machine, and
//! records all requests.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod deadline;
mod fixture;
mod passes;

use connect_onboarding::{
    entra::{NewSubscription, Watched},
    notifications::{receive_notification, subscribe_groups},
    user_sync::sync_members,
};
use fixture::{DAMAGED, Fixture, GROUP, INSTANCE, member_id, post};
use onboarding_core::contract::{QueuedEvent, SubscribeGroupsInput, SubscriptionAction, SyncMembersInput};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

fn of_instance() -> SubscribeGroupsInput {
    SubscribeGroupsInput { instance_id: Some(INSTANCE.into()), ..SubscribeGroupsInput::default() }
}

/// The action of `subscribe-groups` for the only group.
async fn action(fixture: &Fixture, input: SubscribeGroupsInput) -> SubscriptionAction {
    let output = subscribe_groups::run(&fixture.ctx, input).await.unwrap();
    assert!(output.open_items.is_empty(), "{output:?}");
    output.subscriptions[0].action
}

/// Creates a subscription of the product's application before the step runs.
async fn subscribed(fixture: &Fixture, notification_url: &str, days: i64) {
    let new = NewSubscription {
        watched: Watched::Group(GROUP),
        notification_url,
        lifecycle_url: notification_url,
        client_state: &"another".into(),
        expires: OffsetDateTime::now_utc() + Duration::days(days),
    };
    fixture.ctx.graph().subscribe(&new).await.map_err(|error| format!("{error:?}")).unwrap();
}

#[tokio::test]
async fn a_group_is_subscribed_once_and_a_second_run_only_reads() {
    let fixture = Fixture::start().await;
    assert_eq!(action(&fixture, of_instance()).await, SubscriptionAction::Created);
    assert_eq!(fixture.handshakes().await, 2, "both addresses were validated");
    fixture.cloud.graph_writes();
    assert_eq!(action(&fixture, of_instance()).await, SubscriptionAction::Kept);
    assert_eq!(action(&fixture, SubscribeGroupsInput::default()).await, SubscriptionAction::Kept);
    assert_eq!(fixture.cloud.graph_writes(), [""; 0]);
    assert!(fixture.events().await.is_empty(), "the onboarding reads the group in any case");
}

#[tokio::test]
async fn a_subscription_is_renewed_after_half_of_its_time_or_if_graph_requires_it() {
    let fixture = Fixture::start().await;
    subscribed(&fixture, &fixture.notification_url, 10).await;
    assert_eq!(action(&fixture, SubscribeGroupsInput::default()).await, SubscriptionAction::Renewed);
    assert_eq!(action(&fixture, SubscribeGroupsInput::default()).await, SubscriptionAction::Kept);
    let reauthorize: SubscribeGroupsInput =
        serde_json::from_value(json!({ "groupId": GROUP, "reauthorize": true })).unwrap();
    assert_eq!(action(&fixture, reauthorize).await, SubscriptionAction::Renewed);
}

#[tokio::test]
async fn an_expired_subscription_is_created_again_and_its_group_is_read_again() {
    let fixture = Fixture::start().await;
    subscribed(&fixture, &fixture.notification_url, 10).await;
    fixture.cloud.advance(11.0 * 86_400.0);
    assert_eq!(action(&fixture, SubscribeGroupsInput::default()).await, SubscriptionAction::Created);
    let events = fixture.events().await;
    assert_eq!(
        events.len(),
        1,
        "an event without changes starts a full comparison, because the missed changes are unknown"
    );
    assert_eq!((&events[0]["detail"]["groupId"], &events[0]["detail"]["added"]), (&json!(GROUP), &json!([])));
}

/// The number of create and delete requests for subscriptions since the last call of this function.
fn changes(fixture: &Fixture) -> (usize, usize) {
    let calls = fixture.cloud.graph_writes();
    let count = |operation: &str| calls.iter().filter(|call| call.starts_with(operation)).count();
    assert_eq!(count("POST /v1.0/subscriptions") + count("DELETE /v1.0/subscriptions/{id}"), calls.len(), "{calls:?}");
    (count("POST"), count("DELETE"))
}

#[tokio::test]
async fn more_groups_than_graph_allows_share_one_subscription_until_they_fit_again() {
    let fixture = Fixture::start().await;
    let daily = async || {
        let output = subscribe_groups::run(&fixture.ctx, SubscribeGroupsInput::default()).await.unwrap();
        assert!(output.open_items.is_empty(), "{output:?}");
        let ids: std::collections::BTreeSet<_> = output.subscriptions.iter().map(|one| &one.subscription_id).collect();
        (output.subscriptions.len(), ids.len())
    };
    fixture.follow(99);
    assert_eq!(daily().await, (99, 99), "each group has a subscription of its own");
    assert_eq!((changes(&fixture), fixture.events().await.len()), ((99, 0), 99));

    fixture.follow(110);
    assert_eq!(daily().await, (110, 1));
    assert_eq!(
        changes(&fixture),
        (1, 99),
        "one subscription to all groups replaces the subscriptions to single groups"
    );
    let hints = fixture.events().await.len() - 99;
    assert_eq!(hints, 11, "only the new groups had no subscription before");
    assert_eq!(daily().await, (110, 1));
    assert_eq!(changes(&fixture), (0, 0));

    fixture.follow(2);
    assert_eq!(daily().await, (2, 2));
    assert_eq!((changes(&fixture), fixture.events().await.len()), ((2, 1), 110));
}

#[tokio::test]
async fn the_subscription_to_all_groups_reports_changes_and_is_renewed_if_graph_requires_it() {
    let fixture = Fixture::start().await;
    fixture.follow(110);
    let output = subscribe_groups::run(&fixture.ctx, of_instance()).await.unwrap();
    assert_eq!((output.subscriptions.len(), changes(&fixture)), (110, (1, 0)));
    fixture.add_member(7);
    receive_notification::run(&fixture.ctx, post(fixture.notification().await)).await.unwrap();
    let events = fixture.events().await;
    assert_eq!(events[0]["detail"]["groupId"], GROUP, "{events:?}");
    assert_eq!(events[0]["detail"]["added"], json!([member_id(7)]));

    let all = "00000000-0000-0000-0000-000000000000";
    let reauthorize: SubscribeGroupsInput =
        serde_json::from_value(json!({ "groupId": all, "reauthorize": true })).unwrap();
    assert_eq!(action(&fixture, reauthorize).await, SubscriptionAction::Renewed);
    let missed = json!({ "source": "connect-onboarding.entra", "detail": { "groupId": all } });
    let records = vec![QueuedEvent { body: missed.to_string(), ..QueuedEvent::default() }];
    assert_eq!(sync_members::run(&fixture.ctx, SyncMembersInput { records }).await.unwrap().started, [INSTANCE]);
}

#[tokio::test]
async fn the_limit_of_subscriptions_is_reported_with_that_reason() {
    let fixture = Fixture::start().await;
    fixture.fault(json!({ "service": "graph", "match": "POST .*/subscriptions$", "status": 403, "code": "ExtensionError",
        "message": "Operation: Create; Exception: [Status Code: Forbidden; Reason: Maximum number of subscriptions has been reached]" }));
    let output = subscribe_groups::run(&fixture.ctx, of_instance()).await.unwrap();
    let what = &output.open_items[0].what;
    assert!(what.contains("100 subscriptions for each Entra application") && !what.contains("admin consent"), "{what}");
}

#[tokio::test]
async fn a_notification_url_that_graph_could_not_validate_in_time_is_retried() {
    let fixture = Fixture::start().await;
    fixture
        .fault(json!({ "service": "graph", "match": "POST .*/subscriptions$", "status": 400, "code": "InvalidRequest",
        "message": "Subscription validation request timed out." }));
    let error = subscribe_groups::run(&fixture.ctx, of_instance()).await.unwrap_err();
    assert_eq!(error.name(), "Unavailable", "{error}");
    assert_eq!(action(&fixture, of_instance()).await, SubscriptionAction::Created);
}

#[tokio::test]
async fn a_subscription_with_another_notification_url_is_kept_and_reported() {
    let fixture = Fixture::start().await;
    subscribed(&fixture, &format!("{}elsewhere", fixture.notification_url), 20).await;
    let output = subscribe_groups::run(&fixture.ctx, of_instance()).await.unwrap();
    assert!(output.subscriptions.is_empty());
    assert!(output.open_items[0].what.contains("calls another address"), "{output:?}");
    let error = subscribe_groups::run(&fixture.ctx, SubscribeGroupsInput::default()).await.unwrap_err();
    assert_eq!(error.name(), "Conflict", "the daily run fails, so that an alarm reports it");
}

#[tokio::test]
async fn a_change_in_entra_starts_the_sync_of_its_instance() {
    let fixture = Fixture::start().await;
    action(&fixture, of_instance()).await;
    fixture.add_member(7);
    let answer = receive_notification::run(&fixture.ctx, post(fixture.notification().await)).await.unwrap();
    assert_eq!(answer.status_code, 202);
    let events = fixture.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["source"], "connect-onboarding.entra");
    assert_eq!(events[0]["detail-type"], "Entra Group Membership Changed");
    assert_eq!(
        events[0]["detail"],
        json!({ "groupId": GROUP, "added": [member_id(7)], "removed": [], "tenantId": fixture::TENANT })
    );

    let message = QueuedEvent { body: events[0].to_string(), ..QueuedEvent::default() };
    let hints = SyncMembersInput { records: vec![message; 5] };
    let output = sync_members::run(&fixture.ctx, hints).await.unwrap();
    assert_eq!(output.started, [INSTANCE]);
    assert_eq!(
        fixture.started().await,
        [json!({ "instanceId": INSTANCE, "reason": "event", "people": [member_id(7)] })],
        "many hints start only one sync"
    );
}

#[tokio::test]
async fn an_event_from_any_source_starts_the_sync_but_not_for_an_unknown_group() {
    let fixture = Fixture::start().await;
    let event = |group: &str| QueuedEvent {
        body: json!({ "source": "connect-onboarding.entra", "detail": { "groupId": group } }).to_string(),
        ..QueuedEvent::default()
    };
    let foreign = event("5a6f9d2e-0000-4000-8000-0000000000ff");
    let output = sync_members::run(&fixture.ctx, SyncMembersInput { records: vec![foreign] }).await.unwrap();
    assert!(output.started.is_empty() && fixture.started().await.is_empty());
    let records = vec![event(&GROUP.to_uppercase())];
    assert_eq!(sync_members::run(&fixture.ctx, SyncMembersInput { records }).await.unwrap().started, [INSTANCE]);
}

#[tokio::test]
async fn the_schedule_starts_the_sync_of_every_instance() {
    let fixture = Fixture::start().await;
    let output = sync_members::run(&fixture.ctx, SyncMembersInput::default()).await.unwrap();
    assert_eq!(output.started, [INSTANCE]);
    assert_eq!(fixture.started().await, [json!({ "instanceId": INSTANCE, "reason": "schedule" })]);
}

#[tokio::test]
async fn a_notification_with_a_wrong_client_state_is_accepted_and_ignored() {
    let fixture = Fixture::start().await;
    action(&fixture, of_instance()).await;
    fixture.add_member(7);
    let mut batch: Value = serde_json::from_str(&fixture.notification().await).unwrap();
    batch["value"][0]["clientState"] = json!("guessed");
    let answer = receive_notification::run(&fixture.ctx, post(batch.to_string())).await.unwrap();
    assert_eq!((answer.status_code, fixture.events().await.len()), (202, 0));
}

#[tokio::test]
async fn graph_must_retry_while_the_event_bus_does_not_respond() {
    let fixture = Fixture::start().await;
    action(&fixture, of_instance()).await;
    fixture.add_member(7);
    let body = fixture.notification().await;
    fixture.fault(json!({ "service": "events", "match": "PutEvents", "status": 503, "times": 3 }));
    assert_eq!(receive_notification::run(&fixture.ctx, post(body.clone())).await.unwrap().status_code, 503);
    assert_eq!(receive_notification::run(&fixture.ctx, post(body)).await.unwrap().status_code, 202);
    assert_eq!(fixture.events().await.len(), 1);
}

#[tokio::test]
async fn an_invalid_batch_is_rejected_before_any_call() {
    let fixture = Fixture::start().await;
    let status = async |request| receive_notification::run(&fixture.ctx, request).await.unwrap().status_code;
    assert_eq!(status(post("nonsense".into())).await, 400);
    assert_eq!(status(post(r#"{"values":[]}"#.into())).await, 400);
    assert_eq!(status(post("x".repeat(2_000_000))).await, 413);
    let mut read = post(String::new());
    read.request_context.http.method = Some("GET".into());
    assert_eq!(status(read).await, 405);
    assert!(fixture.cloud.calls().is_empty());
}

#[tokio::test]
async fn an_unreadable_registry_entry_is_reported_and_stops_no_other_instance() {
    let fixture = Fixture::start().await;
    assert_eq!(sync_members::run(&fixture.ctx, SyncMembersInput::default()).await.unwrap().unreadable_entries, [""; 0]);
    fixture.damage_an_entry();
    let output = sync_members::run(&fixture.ctx, SyncMembersInput::default()).await.unwrap();
    assert_eq!(output.started, [INSTANCE]);
    assert_eq!(output.unreadable_entries.len(), 1, "{output:?}");
    let entry = &output.unreadable_entries[0];
    assert!(entry.contains(DAMAGED) && entry.contains("run the onboarding of the instance again"), "{entry}");
}
