//! The user sync as an operator uses it: `sync`, `approve`, `reject`.

use super::{json, told};
use crate::{
    common::{err, out},
    kept::until,
    user_sync::fixture::House,
};
use serde_json::json as object;

#[tokio::test]
async fn sync_with_wait_follows_the_sync_and_prints_its_result() {
    let house = House::with_members(3).await;
    let output = house.cloud.onboard(&["sync", &house.alias(), "--wait", "--json"]).output().unwrap();
    let result = json(&output);
    assert_eq!((output.status.code(), &result["status"]), (Some(0), &object!("DONE")), "{}", told(&output));
    assert_eq!(result["counts"]["created"], 3);
    assert_eq!(house.usernames().await.len(), 3);
}

#[tokio::test]
async fn sync_with_plan_prints_the_changes_and_makes_none() {
    let house = House::with_members(2).await;
    let output = house.cloud.onboard(&["sync", &house.alias(), "--plan"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(out(&output).contains("creates 2 · adopts 0"), "{}", told(&output));
    assert!(house.usernames().await.is_empty());
}

/// Five users, four of whom left the group, and a sync that requested approval for their removal.
async fn asked_about() -> (House, String) {
    let house = House::with_members(5).await;
    assert_eq!(house.sync(object!({})).await["counts"]["created"], 5);
    for person in 1..5 {
        house.leaves(person).await;
    }
    let output = house.cloud.onboard(&["sync", &house.alias(), "--wait"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", told(&output));
    let digest = house.entry().await["approvalDigest"].as_str().unwrap().to_owned();
    assert!(
        err(&output).contains(&format!("onboard approve {} --digest {digest} --local", house.alias())),
        "{}",
        told(&output)
    );
    until("the token is stored", async || house.entry().await.contains_key("approvalToken").then_some(())).await;
    (house, digest)
}

#[tokio::test]
async fn only_the_seen_plan_can_be_approved_and_the_execution_that_asked_continues() {
    let (house, digest) = asked_about().await;
    let alias = house.alias();
    let unseen = house.cloud.onboard(&["approve", &alias]).output().unwrap();
    assert_eq!(unseen.status.code(), Some(5), "{}", told(&unseen));
    assert!(out(&unseen).contains("deletes 4"), "the plan is shown: {}", told(&unseen));
    let other = house.cloud.onboard(&["approve", &alias, "--digest", "of another plan"]).output().unwrap();
    assert_eq!(other.status.code(), Some(5), "{}", told(&other));
    assert_eq!(house.usernames().await.len(), 5);

    let listed = out(&house.cloud.onboard(&["list"]).output().unwrap());
    assert!(listed.contains(&format!("onboard approve {alias} --digest {digest}")), "{listed}");
    let output = house.cloud.onboard(&["approve", &alias, "--digest", &digest, "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    until("four users are deleted", async || (house.usernames().await == house.of([0])).then_some(())).await;
    until("no execution waits", async || (!house.entry().await.contains_key("approvalToken")).then_some(())).await;
    let again = house.cloud.onboard(&["approve", &alias, "--digest", &digest]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", told(&again));
}

#[tokio::test]
async fn a_rejected_plan_changes_nothing_and_approval_is_not_requested_again() {
    let (house, _) = asked_about().await;
    let output = house.cloud.onboard(&["reject", &house.alias()]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    until("the token is removed", async || (!house.entry().await.contains_key("approvalToken")).then_some(())).await;
    assert_eq!(house.usernames().await.len(), 5);
    let again = house.cloud.onboard(&["reject", &house.alias()]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", told(&again));
}
