//! Tests of the commands for the user sync: `sync`, `approve`, `reject`.

use super::{json, printed};
use crate::{cloud::until, common::out, user_sync::fixture::Fixture};
use serde_json::json as object;
use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

#[tokio::test]
async fn sync_with_wait_follows_the_sync_and_prints_its_result() {
    let fixture = Fixture::with_members(3).await;
    let output = fixture.cloud.onboard(&["sync", &fixture.alias(), "--wait", "--json"]).output().unwrap();
    let result = json(&output);
    assert_eq!((output.status.code(), &result["status"]), (Some(0), &object!("DONE")), "{}", printed(&output));
    assert_eq!(result["counts"]["created"], 3);
    assert_eq!(fixture.usernames().await.len(), 3);
}

#[tokio::test]
async fn sync_with_plan_prints_the_changes_and_makes_none() {
    let fixture = Fixture::with_members(2).await;
    let output = fixture.cloud.onboard(&["sync", &fixture.alias(), "--plan"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert!(out(&output).contains("creates 2 · adopts 0"), "{}", printed(&output));
    let group = fixture.alias().replace("sync-", "Group ");
    let users = [0, 1].map(|number| fixture.username(number)).join(", ");
    for line in [
        format!("+ create: {users}"),
        format!("      security profile: Agent (from \"{group}\")"),
        format!("      routing profile: Basic Routing Profile (from \"{group}\")"),
        format!("      VOICE auto-accept: false (from \"{group}\")"),
    ] {
        assert!(out(&output).contains(&line), "{line}: {}", printed(&output));
    }
    let output = fixture.cloud.onboard(&["sync", &fixture.alias(), "--plan", "--json"]).output().unwrap();
    let planned = json(&output)["plannedUsers"].clone();
    let value = object!({ "setting": "securityProfiles", "value": "Agent", "groups": [group] });
    assert_eq!((&planned[0]["action"], &planned[1]["values"][0]), (&object!("create"), &value), "{planned}");
    assert!(fixture.usernames().await.is_empty());
}

/// Five users, four of whom left the group, and a sync that requested approval for the removal of these four users.
pub(super) async fn awaiting_approval() -> (Fixture, String) {
    let fixture = Fixture::with_members(5).await;
    assert_eq!(fixture.sync(object!({})).await["counts"]["created"], 5);
    for number in 1..5 {
        fixture.leaves(number).await;
    }
    let output = fixture.cloud.onboard(&["sync", &fixture.alias(), "--wait"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", printed(&output));
    let digest = fixture.entry().await["approvalDigest"].as_str().unwrap().to_owned();
    let printed = out(&output);
    assert!(printed.contains(&format!("onboard approve {} --digest {digest} --local", fixture.alias())), "{printed}");
    assert!(printed.contains(&format!("{}: delete", fixture.username(1))), "{printed}");
    (fixture, digest)
}

#[tokio::test]
async fn only_the_seen_request_can_be_approved_and_the_approval_starts_a_sync() {
    let (fixture, digest) = awaiting_approval().await;
    let alias = fixture.alias();
    let unseen = fixture.cloud.onboard(&["approve", &alias]).output().unwrap();
    assert_eq!(unseen.status.code(), Some(5), "{}", printed(&unseen));
    assert!(out(&unseen).contains("Changes that wait for approval: 4"), "the changes are shown: {}", printed(&unseen));
    let other = fixture.cloud.onboard(&["approve", &alias, "--digest", "of another request"]).output().unwrap();
    assert_eq!(other.status.code(), Some(5), "{}", printed(&other));
    assert_eq!(fixture.usernames().await.len(), 5);

    let listed = out(&fixture.cloud.onboard(&["list"]).output().unwrap());
    assert!(listed.contains(&format!("onboard approve {alias} --digest {digest}")), "{listed}");
    let output = fixture.cloud.onboard(&["approve", &alias, "--digest", &digest, "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let execution = json(&output)["execution"].as_str().unwrap().to_owned();
    assert_eq!(fixture.succeeded(&execution).await["counts"]["removed"], 4);
    assert_eq!(fixture.usernames().await, fixture.of([0]));
    let again = fixture.cloud.onboard(&["approve", &alias, "--digest", &digest]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", printed(&again));
}

#[tokio::test]
async fn a_rejected_request_can_not_be_rejected_again_but_still_be_approved() {
    let (fixture, digest) = awaiting_approval().await;
    let alias = fixture.alias();
    let output = fixture.cloud.onboard(&["reject", &alias]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert_eq!(fixture.usernames().await.len(), 5);
    let listed = out(&fixture.cloud.onboard(&["list"]).output().unwrap());
    assert!(!listed.contains(&digest), "{listed}");
    let again = fixture.cloud.onboard(&["reject", &alias]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", printed(&again));
    let approved = fixture.cloud.onboard(&["approve", &alias, "--digest", &digest]).output().unwrap();
    assert_eq!(approved.status.code(), Some(0), "{}", printed(&approved));
    until("four users are deleted", async || (fixture.usernames().await == fixture.of([0])).then_some(())).await;
}

#[tokio::test]
async fn a_teardown_beside_a_running_sync_names_the_sync_and_waits_until_it_has_ended() {
    let fixture = Fixture::with_members(2).await;
    let gate = fixture.hold_a_creation("beside a teardown").await;
    let sync = fixture.start(object!({ "reason": "schedule" })).await;
    fixture.until_held(&gate).await;
    waits_for_the_sync(&fixture, &sync, &gate).await;
    assert!(fixture.usernames().await.is_empty(), "the plan contains the users that the sync has created");
}

#[tokio::test]
async fn a_teardown_also_waits_for_a_sync_that_gathers_changes() {
    let fixture = Fixture::with_members(1).await;
    let (sync, gate) = fixture.running_plan().await;
    fixture.update("SET gatherer = :sync", object!({ ":sync": object!({ "S": sync }) })).await;
    waits_for_the_sync(&fixture, &sync, &gate).await;
}

/// Fails unless a teardown waits for this sync until the gate is opened, and then succeeds.
async fn waits_for_the_sync(fixture: &Fixture, sync: &str, gate: &str) {
    let alias = fixture.alias();
    let mut teardown =
        fixture.cloud.onboard(&["teardown", &alias, "--users", "delete", "--apply", "--confirm", &alias]);
    let mut teardown = teardown.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(teardown.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    let name = sync.rsplit(':').next().unwrap();
    assert!(first.starts_with(&format!("The user sync {name} of {alias} is running.")), "{first}");
    fixture.open(gate).await;
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(teardown.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains(&format!("The onboarding of {alias} has been removed.")), "{rest}");
}
