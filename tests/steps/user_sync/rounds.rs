//! Tests of the actions of a sync: the creation, adoption and update of users, in one or several calls of the step
//! (rounds).

use std::time::Duration;

use aws_sdk_connect::types::{AutoAcceptConfig, Channel};
use local_cloud::stand_in::Behaviour;
use onboarding_core::{
    StepErrorKind,
    sync::{SyncMode, SyncStatus, SyncUsersInput},
};
use serde_json::json;

use super::fixture::{Fixture, GROUP_NAME, member, member_id, username};

#[tokio::test]
async fn all_users_are_created_with_one_call_each_and_a_second_run_changes_nothing() {
    let fixture = Fixture::with_members(25).await;
    let first = fixture.sync().await.unwrap();
    assert_eq!((first.status, first.counts.done.created, first.counts.planned.create), (SyncStatus::Done, 25, 25));
    assert_eq!(
        fixture.writes().iter().filter(|call| *call == "CreateUser").count(),
        25,
        "one call creates the complete user"
    );
    let users = fixture.users().await;
    assert_eq!(users.len(), 25);
    let tags = users[3].tags.as_ref().unwrap();
    assert_eq!(tags["managed-by"], "connect-onboarding");
    assert_eq!(tags["onboarding"], "acme-support");
    assert_eq!(tags["entra-object-id"], member_id(3));
    assert_eq!(users[3].identity_info().unwrap().last_name(), Some("Number 3"));

    let second = fixture.sync().await.unwrap();
    assert_eq!((second.status, second.counts.planned.unchanged), (SyncStatus::Done, 25));
    assert_eq!(second.sso_ready_user, Some(username(0)));
    let (reservations, calls): (Vec<_>, Vec<_>) = fixture.calls().into_iter().partition(|call| call == "UpdateItem");
    assert!(
        calls.len() <= 1 + 1 + 5,
        "one page of members, one page of users, and at most five other calls: {calls:?}"
    );
    assert_eq!(reservations.len(), 4, "one reservation for each read from Connect");
    assert!(second.counts.done.calls <= 5, "{:?}", second.counts);
}

#[tokio::test]
async fn the_error_after_rounds_without_progress_is_not_retried() {
    let fixture = Fixture::with_members(3).await;
    fixture.fault(json!({ "match": "^CreateUser$", "times": 0, "status": 429, "code": "TooManyRequestsException" }));
    let mut carry = None;
    for _ in 0..2 {
        let output = fixture.round(SyncUsersInput { carry, ..fixture.input() }, Duration::from_secs(2)).await.unwrap();
        assert_eq!(output.status, SyncStatus::More);
        carry = output.carry;
    }
    let last = fixture.round(SyncUsersInput { carry, ..fixture.input() }, Duration::from_secs(2)).await;
    let error = last.unwrap_err();
    assert!(error.message.contains("3 rounds of the user sync changed nothing"), "{error}");
    assert!(!StepErrorKind::RETRIED.contains(&error.kind), "{error}");
}

#[tokio::test]
async fn in_plan_mode_the_plan_is_not_applied() {
    let fixture = Fixture::with_members(3).await;
    let input = SyncUsersInput { mode: SyncMode::Plan, ..fixture.input() };
    let output = fixture.round(input, Duration::from_secs(300)).await.unwrap();
    assert_eq!((output.status, output.counts.planned.create), (SyncStatus::Planned, 3));
    assert!(fixture.writes().is_empty());
}

#[tokio::test]
async fn a_matching_manual_user_is_adopted_and_other_manual_users_are_not_changed() {
    let fixture = Fixture::with_members(2).await;
    fixture.user_by_hand(&username(1), "Agent").await;
    fixture.user_by_hand("emergency.admin", "Admin").await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.created, output.counts.done.adopted, output.counts.done.updated), (1, 1, 1));
    let users = fixture.users().await;
    let adopted = users.iter().find(|user| user.username() == Some(username(1).as_str())).unwrap();
    assert_eq!(adopted.tags().unwrap()["entra-object-id"], member_id(1));
    assert_eq!(adopted.identity_info().unwrap().first_name(), Some("Agent"));
    let admin = users.iter().find(|user| user.username() == Some("emergency.admin")).unwrap();
    assert!(admin.tags().is_none() && admin.identity_info().unwrap().first_name() == Some("By"));
    assert!(fixture.sync().await.unwrap().counts.planned.unchanged == 2 && fixture.writes().is_empty());
}

#[tokio::test]
async fn a_change_for_voice_keeps_the_settings_of_the_other_channels() {
    let fixture = Fixture::with_members(1).await;
    fixture.sync().await.unwrap();
    let id = fixture.users().await[0].id().unwrap().to_owned();
    let accept = |channel, accept| AutoAcceptConfig::builder().channel(channel).auto_accept(accept).build().unwrap();
    let by_hand = fixture.ctx.connect().update_user_config().instance_id(&fixture.instance_id).user_id(&id);
    let by_hand =
        by_hand.auto_accept_configs(accept(Channel::Voice, true)).auto_accept_configs(accept(Channel::Chat, true));
    by_hand.send().await.unwrap();
    assert_eq!(fixture.sync().await.unwrap().counts.done.updated, 1);
    let user = fixture.users().await.remove(0);
    let mut set: Vec<_> =
        user.auto_accept_configs().iter().map(|one| (one.channel.as_str(), one.auto_accept)).collect();
    set.sort_unstable();
    assert_eq!(set, [("CHAT", true), ("VOICE", false)]);
}

#[tokio::test]
async fn the_settings_of_all_channels_are_set_and_everything_else_of_the_user_stays() {
    for milliseconds in [false, true] {
        let behave = |behaviour: &mut Behaviour| behaviour.channel_work_in_milliseconds = milliseconds;
        let fixture = Fixture::build(vec![member(0)], false, behave).await;
        let channels = json!({
            "VOICE": { "persistentConnection": true, "voiceEnhancement": "VOICE_ISOLATION" },
            "CHAT": { "autoAccept": true, "afterContactWorkSeconds": 60 },
            "EMAIL": { "afterContactWorkSeconds": 300 },
        });
        fixture.set_users("/groups/0/channels", channels);
        fixture.sync().await.unwrap();
        let user = fixture.users().await.remove(0);
        assert_eq!(user.auto_accept_configs().len(), 2);
        assert_eq!(user.after_contact_work_configs().len(), 3);
        assert!(user.persistent_connection_configs()[0].persistent_connection);
        assert_eq!(user.voice_enhancement_configs()[0].voice_enhancement_mode.as_str(), "VOICE_ISOLATION");
        assert_eq!(fixture.sync().await.unwrap().counts.planned.unchanged, 1);

        // An administrator has changed a setting of another channel and a setting for callbacks.
        let callbacks = AutoAcceptConfig::builder().channel(Channel::Voice).auto_accept(false);
        let callbacks = callbacks.agent_first_callback_auto_accept(true).build().unwrap();
        let task = AutoAcceptConfig::builder().channel(Channel::Task).auto_accept(true).build().unwrap();
        let by_hand = fixture.ctx.connect().update_user_config().instance_id(&fixture.instance_id);
        let by_hand = by_hand.user_id(user.id().unwrap()).auto_accept_configs(callbacks).auto_accept_configs(task);
        by_hand.send().await.unwrap();
        let output = fixture.sync().await.unwrap();
        assert_eq!((output.counts.done.updated, output.counts.done.failed), (1, 0), "{output:?}");
        let user = fixture.users().await.remove(0);
        let mut accept: Vec<_> = user
            .auto_accept_configs()
            .iter()
            .map(|one| (one.channel.as_str(), one.auto_accept, one.agent_first_callback_auto_accept))
            .collect();
        accept.sort_unstable();
        assert_eq!(accept, [("CHAT", true, None), ("TASK", true, None), ("VOICE", false, Some(true))]);
        assert_eq!(user.voice_enhancement_configs().len(), 1);
        assert_eq!(fixture.sync().await.unwrap().counts.planned.unchanged, 1);
    }
}

#[tokio::test]
async fn a_changed_setting_updates_every_user_once_with_the_operation_for_the_setting() {
    let fixture = Fixture::with_members(2).await;
    fixture.sync().await.unwrap();
    fixture.calls();
    fixture.set_users("/groups/0/securityProfiles", json!(["Agent", "QualityAnalyst"]));
    fixture.set_users("/groups/0/phone", json!({ "autoAccept": true, "afterContactWorkSeconds": 30 }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.updated, output.counts.done.failed), (2, 0), "{output:?}");
    let mut writes = fixture.writes();
    writes.sort();
    assert_eq!(
        writes,
        ["UpdateUserConfig", "UpdateUserConfig", "UpdateUserSecurityProfiles", "UpdateUserSecurityProfiles"]
    );
    assert_eq!(fixture.sync().await.unwrap().counts.planned.unchanged, 2);
    assert!(fixture.writes().is_empty());
}

#[tokio::test]
async fn a_new_member_becomes_a_user() {
    let fixture = Fixture::with_members(2).await;
    fixture.sync().await.unwrap();
    fixture.cloud.add_member(GROUP_NAME, member(2)).unwrap();
    let output = fixture.sync().await.unwrap();
    assert_eq!(output.counts.done.created, 1);
    assert!(fixture.usernames().await.contains(&username(2)));
}

#[tokio::test]
async fn a_sync_that_exceeds_its_time_continues_in_further_rounds() {
    let fixture = Fixture::build((0..12).map(member).collect(), true, |_| {}).await;
    let mut input = fixture.input();
    let mut rounds = 0;
    let last = loop {
        let output = fixture.round(input.clone(), Duration::from_secs(4)).await.unwrap();
        rounds += 1;
        if output.status != SyncStatus::More {
            break output;
        }
        assert!(rounds < 10, "no end");
        input.carry = output.carry;
    };
    assert!(rounds > 1, "12 users at two a second take longer than one round of four seconds");
    assert_eq!((last.status, last.counts.done.created, last.counts.planned.create), (SyncStatus::Done, 12, 12));
    assert_eq!(fixture.usernames().await.len(), 12);
}
