//! Tests that `onboard live-check` finds out which reading of each assumption is true. The test runs against a local
//! cloud with randomly selected readings.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Output, Stdio},
    time::Duration,
};

use local_cloud::stand_in::assumptions;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{
    cloud::{Cloud, until},
    commands::output::faults,
    common::{err, local, onboard, out},
};

/// With this clock scale, time in the local cloud passes slowly enough to distinguish seconds from minutes, even on a
/// busy machine.
const CLOCK_SCALE: &str = "0.03";
/// Interval at which the test polls.
const POLL: Duration = Duration::from_millis(200);
/// The quotas on the request rates of `DescribeRoutingProfile` and `DescribeSecurityProfile`. The check exceeds both
/// rate limits, so the local cloud applies the rate limits of a real account.
const RATES: [&str; 2] = ["L-839A2EDC", "L-2AF5EEF5"];
/// A member of the group, who signs in during the check.
const USER: &str = "mio.sato@contoso.example";

/// About half of the assumptions, selected by a seed.
fn chosen(seed: u64) -> Vec<&'static str> {
    let mut state = seed;
    let mut coin = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 1
    };
    assumptions::all().filter(|_| coin()).map(|row| row.name).collect()
}

/// Advances the clock of a cloud until each quota request is decided, so that the check does not wait for half an hour.
async fn decide_quota_requests(cloud: &Cloud) {
    loop {
        let requests = cloud.inventory().await["serviceQuotas"]["requests"].clone();
        let open = |request: &Value| ["PENDING", "CASE_OPENED"].contains(&request["Status"].as_str().unwrap());
        if requests.as_array().unwrap().iter().any(open) {
            cloud.admin("POST", "clock", &json!({ "advanceSeconds": 60 })).await;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The resources that live checks created and that still exist.
async fn left(cloud: &Cloud) -> String {
    let inventory = cloud.inventory().await;
    ["graph", "iam", "connect"].map(|part| inventory[part].to_string()).concat()
}

/// The value of the first HTML attribute with this name after a text.
fn attribute<'a>(html: &'a str, after: &str, name: &str) -> Option<&'a str> {
    html.split_once(after)?.1.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// Signs a user in at Entra's user access URL as a browser does: opens the URL, and posts the form in the page. Repeats
/// both steps as long as the page that receives the form requests a refresh.
async fn browse(url: String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut session = None;
    loop {
        let mut request = client.get(&url);
        request = match &session {
            Some(cookie) => request.header("cookie", cookie),
            None => request.query(&[("login_hint", USER)]),
        };
        let answer = request.send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        session = Some(cookie);
        let page = answer.text().await.unwrap();
        let action = attribute(&page, "<form", "action").unwrap_or_else(|| panic!("{page}"));
        let response = attribute(&page, "name=\"SAMLResponse\"", "value").unwrap();
        let posted = client.post(action).form(&[("SAMLResponse", response), ("RelayState", "")]).send().await.unwrap();
        if !posted.text().await.unwrap().contains("http-equiv=\"refresh\"") {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Runs a complete check. If the check requests a sign-in, signs a user in as a browser does.
async fn complete_check(cloud: &Cloud) -> Output {
    let stack = cloud.addresses.stack.clone();
    let mut command = cloud.onboard(&["live-check", "--group", "Support agents", "--stack", &stack, "--browser"]);
    command.args(["--request-quota-increase", "--json"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let until_url = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        let url = printed.by_ref().find_map(|line| {
            text += &format!("{line}\n");
            line.contains("/api/signin/").then(|| line.trim().to_owned())
        });
        (url, text, printed)
    });
    let (url, text, printed) = until_url.await.unwrap();
    let url = url.unwrap_or_else(|| panic!("the check has printed no URL:\n{text}"));
    let rest = tokio::task::spawn_blocking(move || printed.collect::<Vec<_>>().join("\n"));
    let check = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let (output, ()) = tokio::join!(check, browse(url));
    Output { stderr: (text + &rest.await.unwrap()).into_bytes(), ..output.unwrap() }
}

/// Pairs of assumptions. The first assumption of a pair can't be checked if the alternative reading of the second
/// assumption is true.
const HIDDEN: [(&str, &str); 3] = [
    ("saml-mode-replication", "identifier-policy"),
    ("testing-language", "test-case-region"),
    ("test-case-actions", "test-case-region"),
];

/// A cloud with random readings, selected by a seed.
async fn random_cloud(other: &[&str]) -> Cloud {
    let begin = || {
        let folder = tempfile::tempdir().unwrap();
        let user = json!({
            "@odata.type": "#microsoft.graph.user", "userPrincipalName": USER, "mail": USER, "displayName": "Mio Sato",
            "accountEnabled": true, "userType": "Member",
        });
        let tenant = json!({ "groups": [{ "displayName": "Support agents", "members": [user] }] });
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
    cloud.admin("POST", "assume", &json!({ "names": other })).await;
    cloud
}

/// Checks a cloud with random readings. The check must determine every reading and leave no resources. Returns the
/// readings that differ from the assumptions.
async fn finds_each_reading(seed: u64) -> Vec<&'static str> {
    let other = chosen(seed);
    let cloud = random_cloud(&other).await;
    let output = tokio::select! {
        output = complete_check(&cloud) => output,
        () = decide_quota_requests(&cloud) => unreachable!("this never ends"),
    };
    let found: Value = serde_json::from_str(&out(&output)).unwrap_or_else(|_| panic!("{}", err(&output)));
    let line = json!([["live-check", found]]);
    assert_eq!(tokio::task::spawn_blocking(move || faults(&line)).await.unwrap(), "");
    assert!(found["findings"].is_array(), "seed {seed}: {found} {}", err(&output));
    let findings = found["findings"].as_array().unwrap().iter();
    let readings: BTreeMap<&str, (&str, &str)> = findings
        .map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap();
            (text("name"), (text("reading"), text("text")))
        })
        .collect();
    let mut wrong = Vec::new();
    for row in assumptions::all() {
        let hidden = HIDDEN.iter().any(|(name, by)| row.name == *name && other.contains(by));
        let wanted = match () {
            () if hidden => "unknown",
            () if other.contains(&row.name) => "other",
            () => "assumed",
        };
        if readings[row.name].0 != wanted {
            wrong.push(format!("{}: {:?} instead of {wanted}", row.name, readings[row.name]));
        }
    }
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    let left = left(&cloud).await;
    assert!(!left.contains("live-check-"), "seed {seed}: {left}");
    other
}

#[tokio::test]
async fn live_check_determines_each_reading_for_three_random_clouds_and_leaves_nothing() {
    // A check mostly waits, so the clouds are checked in parallel.
    let (first, second, third) = tokio::join!(finds_each_reading(3), finds_each_reading(11), finds_each_reading(2026));
    let others = [first, second, third];
    let in_others = |name: &str| others.iter().filter(|other| other.contains(&name)).count();
    let both = assumptions::all().filter(|row| (1..others.len()).contains(&in_others(row.name))).count();
    assert!(both > assumptions::all().count() / 2, "the seeds do not cover both readings: {others:?}");
}

/// Runs a check with a fault rule. If a gate is given, interrupts the check while a call waits at the gate. Afterwards,
/// opens the gate, so that the call takes effect.
async fn check_with(cloud: &Cloud, rule: Value, gate: Option<&str>) -> Output {
    cloud.fault(&rule).await;
    let mut command = cloud.onboard(&["live-check", "--group", "Support agents", "--stack", &cloud.addresses.stack]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(gate) = gate {
        until("a call waits at the gate", async || {
            (cloud.admin("GET", "gates", &Value::Null).await[gate] == 1).then_some(())
        })
        .await;
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        cloud.admin("POST", "gates", &json!({ "open": gate })).await;
    }
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn live_check_removes_everything_after_a_failure_a_lost_response_and_an_interruption() {
    let begin = || Cloud::idle(&json!({ "groups": [{ "displayName": "Support agents", "members": [] }] }));
    let cloud = tokio::task::spawn_blocking(begin).await.unwrap();
    cloud.allow_instances(100).await;
    for (rule, gate, code) in [
        (json!({ "service": "connect", "match": "ListRoutingProfiles", "status": 400, "code": "Broken" }), None, 4),
        (json!({ "service": "graph", "match": "POST .*/instantiate", "break": true }), None, 4),
        (json!({ "service": "graph", "match": "POST .*/claimsMappingPolicies$", "break": true }), None, 4),
        (json!({ "service": "graph", "match": "POST /v1.0/groups$", "break": true }), None, 4),
        (json!({ "service": "iam", "match": "CreateSAMLProvider", "break": true }), None, 4),
        (json!({ "service": "connect", "match": "CreateInstance", "break": true }), None, 4),
        (json!({ "service": "connect", "match": "ClaimPhoneNumber", "break": true }), None, 4),
        (
            json!({ "service": "graph", "match": "POST .*/instantiate", "gate": "new application" }),
            Some("new application"),
            130,
        ),
        (json!({ "service": "connect", "match": "CreateInstance", "gate": "new instance" }), Some("new instance"), 130),
    ] {
        let output = check_with(&cloud, rule.clone(), gate).await;
        assert_eq!(output.status.code(), Some(code), "{rule}: {}", err(&output));
        let printed = out(&output);
        let names_options = ["--browser", "--request-quota-increase"].iter().all(|option| printed.contains(option));
        assert!(names_options || rule["service"] == "graph", "{rule}: {printed}");
        let left = left(&cloud).await;
        assert!(!left.contains("live-check-"), "{rule}: {left}");
    }
}

#[test]
fn without_a_local_cloud_live_check_exits_with_3() {
    let output =
        onboard().args(["live-check", "--group", "x", "--local"]).env("ONBOARD_LOCAL_CLOUD", "/nowhere").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
}
