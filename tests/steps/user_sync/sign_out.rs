//! Tests that the sessions of a member end after the member has left or lost a security profile.

use std::time::Duration;

use onboarding_core::sync::{MAX_HINTED, SyncStatus, SyncUsersInput, SyncUsersOutput};
use serde_json::json;

use super::fixture::{Fixture, GROUP_NAME, member_id, username};

const SIGN_OUT: &str = "DeleteAllEntitySessions";

/// Starts with twelve synced users and a removal policy that keeps the users of members who leave.
async fn keeping() -> Fixture {
    let fixture = Fixture::with_members(12).await;
    fixture.set_users("removed", json!({ "action": "keep" }));
    fixture.sync().await.unwrap();
    fixture.calls();
    fixture
}

fn leave(fixture: &Fixture, number: usize) {
    fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
}

/// Runs a sync with a notification that reports these members as removed.
async fn hinted(fixture: &Fixture, members: impl IntoIterator<Item = usize>) -> SyncUsersOutput {
    let leavers = members.into_iter().map(member_id).collect();
    fixture.round(SyncUsersInput { leavers, ..fixture.input() }, Duration::from_secs(300)).await.unwrap()
}

#[tokio::test]
async fn a_kept_leaver_is_signed_out_once_until_the_next_time_the_member_leaves() {
    let fixture = keeping().await;
    leave(&fixture, 0);
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.planned.end_sessions, output.counts.done.signed_out), (1, 1), "{output:?}");
    assert_eq!(fixture.writes(), [SIGN_OUT, "TagResource"]);
    assert!(fixture.users().await[0].tags().unwrap().contains_key("signed-out"));
    fixture.sync().await.unwrap();
    assert_eq!(fixture.writes(), [""; 0]);

    fixture.cloud.add_member(GROUP_NAME, super::fixture::member(0)).unwrap();
    fixture.sync().await.unwrap();
    assert_eq!(fixture.writes(), ["UntagResource"]);
    leave(&fixture, 0);
    assert_eq!(fixture.sync().await.unwrap().counts.done.signed_out, 1);
}

#[tokio::test]
async fn without_the_setting_no_session_ends() {
    let fixture = Fixture::with_members(12).await;
    fixture.set_users("removed", json!({ "action": "delete", "graceDays": 0, "signOut": false }));
    fixture.sync().await.unwrap();
    leave(&fixture, 0);
    assert_eq!(hinted(&fixture, [0]).await.counts.done.removed, 1);
    assert!(!fixture.calls().iter().any(|call| call == SIGN_OUT));
}

#[tokio::test]
async fn a_user_who_loses_a_profile_is_signed_out_after_the_change() {
    let fixture = keeping().await;
    fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
    fixture.set_users("/groups/0/securityProfiles", json!(["Agent", "QualityAnalyst"]));
    fixture.sync().await.unwrap();
    assert!(!fixture.calls().iter().any(|call| call == SIGN_OUT), "a new profile ends no session");
    fixture.set_users("/groups/0/securityProfiles", json!(["QualityAnalyst"]));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.updated, output.counts.done.signed_out), (12, 12), "{output:?}");
    // A session that begins between the two requests has the new rights.
    let (writes, change) = (fixture.writes(), "UpdateUserSecurityProfiles");
    let first = |name: &str| writes.iter().position(|call| call == name).unwrap();
    assert!(first("TagResource") < first(change) && first(change) < first(SIGN_OUT), "{writes:?}");
    assert!(first(SIGN_OUT) < first("UntagResource"), "{writes:?}");
    fixture.sync().await.unwrap();
    assert_eq!(fixture.writes(), [""; 0]);
}

#[tokio::test]
async fn a_new_account_with_a_former_username_gets_the_user_after_the_former_rights_and_sessions_have_ended() {
    let fixture = Fixture::with_members(12).await;
    fixture.set_users("brake", json!({ "maxRemovals": 0, "maxRemovalsPercent": 0 }));
    fixture.sync().await.unwrap();
    let (connect, instance) = (fixture.ctx.connect(), fixture.instance_id.as_str());
    let profiles = connect.list_security_profiles().instance_id(instance).send().await.unwrap();
    let admin = profiles.security_profile_summary_list().iter().find(|profile| profile.name() == Some("Admin"));
    let user = fixture.users().await.remove(0);
    let change = connect.update_user_security_profiles().instance_id(instance).user_id(user.id().unwrap());
    change.security_profile_ids(admin.unwrap().id().unwrap()).send().await.unwrap();
    leave(&fixture, 0);
    let mut successor = super::fixture::member(0);
    successor.insert("id".into(), json!("11111111-2222-3333-4444-555555555555"));
    fixture.cloud.add_member(GROUP_NAME, successor).unwrap();
    fixture.calls();
    // The only administrator loses the profile `Admin`. This change needs no approval, because the former account can
    // no longer sign in.
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.adopted), (SyncStatus::Done, 1), "{output:?}");
    assert_eq!(fixture.writes(), ["UpdateUserSecurityProfiles", SIGN_OUT, "TagResource"]);
}

#[tokio::test]
async fn a_sign_out_that_failed_is_repeated_by_the_next_sync_and_only_once() {
    let policies = [
        json!({ "action": "strip" }),
        json!({ "action": "delete", "graceDays": 7 }),
        json!({ "action": "keep" }), // A member loses a security profile.
    ];
    for removed in policies {
        let fixture = Fixture::with_members(12).await;
        fixture.set_users("removed", removed.clone());
        fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
        fixture.set_users("/groups/0/securityProfiles", json!(["Agent", "QualityAnalyst"]));
        fixture.sync().await.unwrap();
        let expected = if removed["action"] == "keep" {
            fixture.set_users("/groups/0/securityProfiles", json!(["Agent"]));
            12
        } else {
            leave(&fixture, 0);
            1
        };
        fixture.fault(
            json!({ "match": "^DeleteAllEntitySessions$", "times": 1, "status": 403, "code": "AccessDeniedException" }),
        );
        let done = fixture.sync().await.unwrap().counts.done;
        assert!(done.signed_out < expected && done.users() == expected, "{removed}: {done:?}");
        // A repeated sign-out needs no approval, because the action was applied already.
        fixture.set_users("brake", json!({ "maxRemovals": 0, "maxRemovalsPercent": 0 }));
        let output = fixture.sync().await.unwrap();
        let signed_out = done.signed_out + output.counts.done.signed_out;
        assert_eq!((output.status, signed_out), (SyncStatus::Done, expected), "{removed}: {output:?}");
        fixture.writes();
        assert_eq!(fixture.sync().await.unwrap().counts.done.signed_out, 0, "{removed}");
        assert_eq!(fixture.writes(), [""; 0], "{removed}");
    }
}

#[tokio::test]
async fn a_user_whose_sign_out_never_succeeds_does_not_prevent_the_sign_out_of_others() {
    let fixture = Fixture::with_members(12).await;
    fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
    fixture.set_users("removed", json!({ "action": "delete", "graceDays": 7 }));
    fixture.sync().await.unwrap();
    (0..5).for_each(|number| leave(&fixture, number));
    fixture.fault(json!({ "match": "^DeleteAllEntitySessions$", "after": 4, "times": 6, "status": 503 }));
    let output = fixture.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((done.signed_out, done.deletions_scheduled, done.failed), (4, 5, 1), "{output:?}");
    assert!(!output.findings.iter().any(|finding| finding.contains("were not signed out")), "{output:?}");
    assert_eq!(fixture.sync().await.unwrap().counts.done.signed_out, 1);
}

#[tokio::test]
async fn a_sign_out_that_is_denied_or_unknown_is_one_finding_and_stops_nothing() {
    for (status, code) in [(403, "AccessDeniedException"), (404, "UnknownOperationException"), (404, "")] {
        let fixture = Fixture::with_members(12).await;
        fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
        fixture.sync().await.unwrap();
        (0..3).for_each(|number| leave(&fixture, number));
        fixture.fault(json!({ "match": "^DeleteAllEntitySessions$", "times": 0, "status": status, "code": code }));
        let output = fixture.sync().await.unwrap();
        let done = output.counts.done;
        assert_eq!((output.status, done.removed, done.signed_out), (SyncStatus::Done, 3, 0), "{output:?}");
        let findings = output.findings.iter().filter(|finding| finding.contains("were not signed out"));
        assert_eq!(findings.count(), 1, "{output:?}");
        assert!(output.failures.is_empty(), "{output:?}");
    }
}

#[tokio::test]
async fn a_kept_leaver_who_could_not_be_signed_out_is_signed_out_by_the_next_sync() {
    let fixture = keeping().await;
    leave(&fixture, 0);
    fixture.fault(
        json!({ "match": "^DeleteAllEntitySessions$", "times": 1, "status": 403, "code": "AccessDeniedException" }),
    );
    assert_eq!(fixture.sync().await.unwrap().counts.done.signed_out, 0);
    assert_eq!(fixture.sync().await.unwrap().counts.done.signed_out, 1);
}

#[tokio::test]
async fn an_error_of_one_sign_out_is_a_failure_of_this_user_only() {
    let fixture = Fixture::with_members(12).await;
    fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
    fixture.sync().await.unwrap();
    [0, 1].into_iter().for_each(|number| leave(&fixture, number));
    fixture.fault(
        json!({ "match": "^DeleteAllEntitySessions$", "times": 1, "status": 400, "code": "InvalidRequestException" }),
    );
    let output = fixture.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((done.removed, done.signed_out, done.failed), (2, 1, 1), "{output:?}");
}

#[tokio::test]
async fn a_reported_leaver_is_signed_out_before_the_groups_are_read() {
    let fixture = keeping().await;
    leave(&fixture, 3);
    let output = hinted(&fixture, [3]).await;
    assert_eq!((output.status, output.counts.done.signed_out), (SyncStatus::Done, 1), "{output:?}");
    let calls = fixture.calls();
    let first = |name: &str| calls.iter().position(|call| call.contains(name)).unwrap();
    assert!(first(SIGN_OUT) < first("/members"), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| *call == SIGN_OUT).count(), 1, "{calls:?}");
}

#[tokio::test]
async fn a_reported_leaver_who_was_back_since_the_last_sync_is_signed_out_again() {
    let fixture = keeping().await;
    leave(&fixture, 3);
    fixture.sync().await.unwrap();
    // Between the two syncs, the member was in the group again and could sign in, but no sync detected this.
    let output = hinted(&fixture, [3]).await;
    assert_eq!((output.status, output.counts.done.signed_out), (SyncStatus::Done, 1), "{output:?}");
}

#[tokio::test]
async fn a_fast_path_without_a_response_leaves_the_full_comparison_enough_time() {
    let fixture = Fixture::with_short_waits(12, |_| {}).await;
    fixture.set_users("removed", json!({ "action": "keep" }));
    fixture.sync().await.unwrap();
    leave(&fixture, 0);
    // Graph does not respond to the check before the sign-out in the fast path, and responds to later checks.
    fixture.fault(json!({ "service": "graph", "match": "GET .*/users/", "delayMs": 120_000 }));
    let input = SyncUsersInput { leavers: vec![member_id(0)], ..fixture.input() };
    let output = fixture.round(input, Duration::from_secs(16)).await.unwrap();
    assert_eq!((output.status, output.counts.done.signed_out), (SyncStatus::Done, 1), "{output:?}");
}

#[tokio::test]
async fn a_false_report_signs_no_member_out() {
    let fixture = keeping().await;
    let output = hinted(&fixture, [0, 1, 77]).await;
    assert_eq!((output.status, output.counts.done.signed_out), (SyncStatus::Done, 0), "{output:?}");
    assert_eq!(fixture.writes(), [""; 0]);
    assert!(output.findings.is_empty(), "{output:?}");
}

#[tokio::test]
async fn reports_beyond_the_removal_limit_are_left_to_the_comparison() {
    let fixture = keeping().await;
    (0..4).for_each(|number| leave(&fixture, number));
    assert_eq!(hinted(&fixture, 0..4).await.status, SyncStatus::UnsafePlan);
    assert_eq!(fixture.writes(), [""; 0]);
    assert_eq!(hinted(&fixture, 0..=MAX_HINTED).await.status, SyncStatus::UnsafePlan);
    assert_eq!(fixture.writes(), [""; 0]);
}

#[tokio::test]
async fn while_a_request_for_approval_is_open_or_rejected_no_reported_leaver_is_signed_out() {
    let fixture = keeping().await;
    (0..4).for_each(|number| leave(&fixture, number));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.planned.waiting), (SyncStatus::UnsafePlan, 4), "{output:?}");
    // A single event does not exceed the removal limit.
    for number in 0..4 {
        let output = hinted(&fixture, [number]).await;
        assert_eq!((output.status, output.counts.done.signed_out), (SyncStatus::UnsafePlan, 0), "{output:?}");
    }
    fixture.registry(|item| {
        let _ = item.insert("rejectedBy".into(), json!({ "S": "arn:aws:iam::111122223333:user/operator" }));
    });
    assert_eq!(hinted(&fixture, [0]).await.counts.done.signed_out, 0);
    assert_eq!(fixture.writes(), [""; 0]);

    fixture.registry(|item| item.retain(|name, _| !name.starts_with("approval") && name != "rejectedBy"));
    assert_eq!(hinted(&fixture, [0]).await.counts.done.signed_out, 1, "no request is open");
}

#[tokio::test]
async fn if_the_request_for_approval_cannot_be_read_the_comparison_signs_the_leaver_out() {
    let fixture = keeping().await;
    leave(&fixture, 3);
    // The first read reads the registry entry. The second read, which fails, reads the request for approval.
    fixture.deny_registry_read_after(1).await;
    let output = hinted(&fixture, [3]).await;
    assert_eq!((output.status, output.counts.done.signed_out), (SyncStatus::Done, 1), "{output:?}");
    let calls = fixture.calls();
    let first = |name: &str| calls.iter().position(|call| call.contains(name)).unwrap();
    assert!(first("/members") < first(SIGN_OUT), "{calls:?}");
}

#[tokio::test]
async fn a_disabled_account_is_signed_out() {
    let fixture = keeping().await;
    leave(&fixture, 5);
    let mut disabled = super::fixture::member(5);
    disabled.insert("accountEnabled".into(), json!(false));
    fixture.cloud.add_member(GROUP_NAME, disabled).unwrap();
    assert_eq!(hinted(&fixture, [5]).await.counts.done.signed_out, 1);
    assert!(fixture.usernames().await.contains(&username(5)));
}
