//! Tests that changes in Entra reach Connect through the complete stack. The emulated Graph calls the function URL, and
//! scheduled syncs detect the changes for which no notification arrived.

use std::{collections::BTreeSet, sync::OnceLock};

use super::cloud::{Cloud, until};
use serde_json::{Value, json};
use test_support::member;
use tokio::sync::{Mutex, MutexGuard};

const SYNC: &str = "UserSyncStateMachineArn";
const GROUP: &str = "Support agents";

fn cloud() -> &'static Cloud {
    static CLOUD: OnceLock<Cloud> = OnceLock::new();
    // A larger clock scale than usual, so that a sync gathers changes for longer than the tests take to send some.
    CLOUD.get_or_init(|| Cloud::onboarded(3, &["--clock-scale", "0.05"]))
}

async fn usernames() -> BTreeSet<String> {
    let inventory = cloud().inventory().await;
    let users = inventory["connect"]["instances"][0]["users"].as_array().unwrap();
    users.iter().map(|user| user["Username"].as_str().unwrap().to_owned()).collect()
}

async fn joins(name: &str, number: usize) -> String {
    let username = format!("{name}@contoso.onmicrosoft.com");
    let joiner = member(&format!("00000000-0000-4000-8000-{number:012x}"), &username, "New Member");
    cloud().add_member(GROUP, &joiner).await;
    username
}

async fn until_there(username: &str) {
    until("the new member is a user", async || usernames().await.contains(username).then_some(())).await;
}

/// The group's subscription in Graph.
async fn subscription() -> Value {
    cloud().inventory().await["graph"]["subscriptions"][0].clone()
}

/// Lets only one test at a time use the subscription, because one of the tests deletes the subscription.
async fn alone_with_the_subscription() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// A notification about one member, as Graph sends it for this subscription.
fn notification(of: &Value, member_number: usize) -> Value {
    let group = of["resource"].as_str().unwrap().trim_matches('/').split('/').nth(1).unwrap();
    json!({
        "changeType": "updated", "clientState": of["clientState"], "resource": format!("Groups/{group}"),
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Group", "@odata.id": format!("Groups/{group}"), "id": group,
            "members@delta": [{ "id": format!("00000000-0000-4000-9000-{member_number:012x}") }],
        },
        "subscriptionExpirationDateTime": of["expirationDateTime"], "subscriptionId": of["id"],
        "tenantId": "7e7a0000-0000-4000-8000-000000000001",
    })
}

/// The user sync executions that events started.
async fn started_by_events() -> Vec<String> {
    let executions = cloud().executions(SYNC).await.into_iter();
    executions.filter(|(_, input)| input["reason"] == "event").map(|(execution, _)| execution).collect()
}

#[tokio::test]
async fn a_new_group_member_becomes_a_connect_user_within_seconds() {
    until_there(&joins("joiner", 0xaa).await).await;
}

#[tokio::test]
async fn five_thousand_and_one_notifications_cause_few_syncs_and_none_is_lost() {
    let _alone = alone_with_the_subscription().await;
    let subscription = subscription().await;
    let mut foreign = notification(&subscription, 0);
    foreign["subscriptionId"] = json!("00000000-0000-4000-a000-000000000001");
    foreign["clientState"] = json!("of another subscription");
    assert_eq!(cloud().notify(&subscription, &json!({ "value": [foreign] })).await, 202);

    let members: Vec<usize> = (0..5001).collect();
    let mut sent = 0;
    for (number, batch) in members.chunks(100).enumerate() {
        let items: Vec<Value> = batch.iter().map(|member_number| notification(&subscription, *member_number)).collect();
        // Every tenth batch is sent twice, as Graph does if it is unsure of the delivery.
        for _ in 0..=usize::from(number % 10 == 0) {
            assert_eq!(cloud().notify(&subscription, &json!({ "value": items })).await, 202);
            sent += 1;
        }
    }
    // The change for this member arrives among all the other notifications.
    until_there(&joins("last", 0xbb).await).await;

    let taken = |line: &String| line.contains("notifications received") && line.contains("\"groups\":1,");
    let log = cloud().log().await;
    let count = log.iter().filter(|line| taken(line)).count();
    assert!(count >= sent, "{count} of {sent} batches were accepted");
    let refused = r#"unknown subscriptions were rejected","items":1,"rejected":1"#;
    assert_eq!(log.iter().filter(|line| line.contains(refused)).count(), 1);
    cloud().until_queues_are_empty().await;
    let mut rounds = 0;
    let started = started_by_events().await;
    for execution in &started {
        assert_eq!(cloud().end_of(execution).await.status, "SUCCEEDED");
        rounds += cloud().entered(execution, "SyncUsers").await;
    }
    eprintln!("{sent} batches of 5001 notifications: {} executions, {rounds} rounds", started.len());
    assert!((1..=sent / 4).contains(&rounds), "{rounds} rounds");
}

/// Runs the function's schedule immediately, by adding a copy of the schedule that is due now.
async fn now(function: &str) {
    let mut schedules = cloud().schedules(function).await;
    assert_eq!(schedules.len(), 1, "{function} has one schedule: {schedules:?}");
    let schedule = &mut schedules[0];
    schedule["ScheduleExpression"] = json!("at(2026-01-01T00:00:00)");
    schedule["State"] = json!("ENABLED");
    let path = format!("/schedules/{}-now", schedule["Name"].as_str().unwrap());
    cloud().rest("scheduler", "POST", &path, schedule).await;
}

#[tokio::test]
async fn the_schedules_sync_all_users_measure_the_age_of_the_last_sync_and_restore_a_lost_subscription() {
    let _alone = alone_with_the_subscription().await;
    let lost = subscription().await["id"].clone();
    cloud().unsubscribe(lost.as_str().unwrap()).await;
    now("SyncMembers").await;
    now("SubscribeGroups").await;

    let execution = until("the schedule has started a sync", async || {
        let executions = cloud().executions(SYNC).await;
        executions.into_iter().find(|(_, input)| input["reason"] == "schedule").map(|(execution, _)| execution)
    })
    .await;
    assert_eq!(cloud().end_of(&execution).await.status, "SUCCEEDED");
    let age = until("the age of the last sync is measured", async || {
        cloud().log_records().await.iter().find_map(|line| line["SecondsSinceSync"].as_i64())
    })
    .await;
    assert!((0..600).contains(&age), "{age} seconds");
    until("the subscription has been created again", async || {
        let id = subscription().await["id"].clone();
        (id.is_string() && id != lost).then_some(())
    })
    .await;
}
