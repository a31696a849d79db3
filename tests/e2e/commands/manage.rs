//! Tests of the commands `stop`, `logs` and `open`.

use serde_json::json as object;

use super::{
    follow::{input, onboarded},
    json, printed,
};
use crate::{common::out, user_sync::fixture::cloud};

#[test]
fn a_running_onboarding_is_stopped_only_after_confirmation_and_its_resources_stay() {
    // The local cloud never provides a manually ordered phone number, so this onboarding waits until it is stopped.
    let more = object!({
        "phoneNumbers": [{ "country": "JP", "type": "DID", "prefix": "+813" }], "telephony": { "order": "manual" },
    });
    let file = input("stopped", &more);
    let started = json(&cloud().onboard(&["start", file.to_str().unwrap(), "--json"]).output().unwrap());
    let name = started["name"].as_str().unwrap();

    let refused = cloud().onboard(&["stop", name, "--json"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(5), "{}", printed(&refused));
    assert!(json(&refused)["error"]["action"].as_str().unwrap().contains(&format!("--confirm {name}")));
    let status = json(&cloud().onboard(&["status", name, "--json"]).output().unwrap());
    assert_eq!(status["status"], "RUNNING");

    let stopped = cloud().onboard(&["stop", name, "--confirm", name]).output().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", printed(&stopped));
    assert!(out(&stopped).contains("onboard teardown stopped --local"), "{}", printed(&stopped));
    let status = json(&cloud().onboard(&["status", name, "--json"]).output().unwrap());
    assert_eq!((&status["status"], &status["error"]), (&object!("ABORTED"), &object!("Stopped")));

    let again = cloud().onboard(&["stop", name, "--confirm", name]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", printed(&again));
}

#[test]
fn the_log_of_an_execution_has_only_its_lines_and_can_be_limited_to_a_state() {
    let cloud = onboarded().0;
    let onboarding = json(&cloud.onboard(&["status", "followed", "--json"]).output().unwrap());
    let name = onboarding["name"].as_str().unwrap();
    let all = json(&cloud.onboard(&["logs", name, "--json"]).output().unwrap());
    let lines = all["lines"].as_array().unwrap();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["line"]["span"]["execution"] == onboarding["execution"]));
    let one = json(&cloud.onboard(&["logs", name, "--state", "Preflight", "--json"]).output().unwrap());
    let steps = one["lines"].as_array().unwrap().iter().map(|line| line["line"]["span"]["step"].as_str().unwrap());
    let steps: Vec<&str> = steps.collect();
    assert!(!steps.is_empty() && steps.iter().all(|step| *step == "preflight"), "{steps:?}");
    let unknown = cloud.onboard(&["logs", name, "--state", "Nowhere"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{}", printed(&unknown));
}

#[test]
fn the_pages_of_an_onboarding_are_printed_and_a_local_cloud_has_no_console() {
    let page = |page: &str| onboarded().0.onboard(&["open", "followed", "--page", page, "--json"]).output().unwrap();
    assert!(json(&page("sign-in"))["url"].as_str().unwrap().contains("/signin/"), "{}", printed(&page("sign-in")));
    assert!(json(&page("connect"))["url"].as_str().unwrap().contains("followed"), "{}", printed(&page("connect")));
    assert_eq!(page("execution").status.code(), Some(2));
}
