//! Tests that `onboard live-check` finds out which reading of each assumption is true. The test runs against a local
//! cloud with randomly selected readings.

use std::collections::BTreeMap;

use local_cloud::stand_in::assumptions;
use serde_json::{Value, json};

use super::{
    cloud::Cloud,
    common::{err, local, onboard, out},
};

/// With this clock scale, time in the local cloud passes slowly enough to distinguish seconds from minutes, even on a
/// busy machine.
const CLOCK_SCALE: &str = "0.03";
/// The quotas on the request rates of `DescribeRoutingProfile` and `DescribeSecurityProfile`. The check exhausts both
/// rates, so the local cloud has the rates of a real account.
const RATES: [&str; 2] = ["L-839A2EDC", "L-2AF5EEF5"];
/// Assumptions that no caller of a cloud's API can check.
const NOT_CHECKED: [&str; 5] =
    ["notification-delay", "old-certificate-signs", "old-metadata-trusted", "quota-value-delay", "quota-case-closed"];

/// About half of the assumptions, selected by a seed.
fn chosen(seed: u64) -> Vec<&'static str> {
    let mut state = seed;
    let mut coin = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 1
    };
    assumptions::all().filter(|_| coin()).map(|row| row.name).collect()
}

#[tokio::test]
async fn live_check_determines_each_reading_for_three_random_clouds_and_leaves_nothing() {
    let begin = || {
        let folder = tempfile::tempdir().unwrap();
        let tenant = json!({ "groups": [{ "displayName": "Support agents", "members": [] }] });
        std::fs::write(folder.path().join("tenant.json"), tenant.to_string()).unwrap();
        let mut command = local();
        command
            .args(["--keep", "--idle", "--clock-scale", CLOCK_SCALE, "--tenant"])
            .arg(folder.path().join("tenant.json"));
        Cloud::of(&command, folder)
    };
    let cloud = tokio::task::spawn_blocking(begin).await.unwrap();
    cloud.allow_instances(100).await;
    for code in RATES {
        cloud.set_quota(code, 2).await;
    }
    let mut seen: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for seed in [3, 11, 2026] {
        let other = chosen(seed);
        cloud.admin("POST", "assume", &json!({ "names": other })).await;
        let mut command = cloud.onboard(&["live-check", "--group", "Support agents", "--json"]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let found: Value = serde_json::from_str(&out(&output)).unwrap_or_else(|_| panic!("{}", err(&output)));
        let readings: BTreeMap<&str, (&str, &str)> = found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| {
                let text = |name: &str| finding[name].as_str().unwrap();
                (text("name"), (text("reading"), text("text")))
            })
            .collect();
        for row in assumptions::all() {
            let is_other = other.contains(&row.name);
            let hidden = row.name == "saml-mode-replication" && other.contains(&"identifier-policy");
            let wanted = match () {
                () if NOT_CHECKED.contains(&row.name) => "not checked",
                () if hidden => "unknown",
                () if is_other => "other",
                () => "assumed",
            };
            assert_eq!(readings[row.name].0, wanted, "seed {seed}: {}: {}", row.name, readings[row.name].1);
            seen.entry(row.name).or_default().push(is_other);
        }
        let inventory = cloud.inventory().await;
        let left = ["graph", "iam", "connect"].map(|part| inventory[part].to_string()).concat();
        assert!(!left.contains("live-check-"), "seed {seed}: {left}");
    }
    let both = seen.values().filter(|readings| readings.contains(&true) && readings.contains(&false)).count();
    assert!(both > seen.len() / 2, "the seeds do not cover both readings: {seen:?}");
}

#[test]
fn without_a_local_cloud_live_check_exits_with_3() {
    let output =
        onboard().args(["live-check", "--group", "x", "--local"]).env("ONBOARD_LOCAL_CLOUD", "/nowhere").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
}
