//! Tests of the commands for an onboarding, from its start to its report.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use super::{json, printed};
use crate::{
    cloud::Cloud,
    common::{err, out},
    user_sync::fixture::{GROUP_WITH_MEMBERS, cloud},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json as object};
use test_support::{member, with};

/// Writes an input to a temporary directory that exists as long as the test process.
pub(super) fn input(alias: &str, more: &Value) -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let file = FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path().join(format!("{alias}.json"));
    let input = object!({
        "instance": { "alias": alias },
        "users": { "groups": [{ "group": GROUP_WITH_MEMBERS, "securityProfiles": ["Agent"] }] },
    });
    fs::write(&file, with(input, more).to_string()).unwrap();
    file
}

/// A cloud in which `start --wait` onboarded the alias `followed`, with the output of this command.
pub(super) fn onboarded() -> &'static (&'static Cloud, String) {
    static DONE: OnceLock<(&'static Cloud, String)> = OnceLock::new();
    DONE.get_or_init(|| {
        let file = input("followed", &object!({}));
        let output = cloud().onboard(&["start", file.to_str().unwrap(), "--wait"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        (cloud(), out(&output))
    })
}

#[test]
fn start_with_watch_prints_each_state_and_the_report() {
    let (_, text) = onboarded();
    for part in ["Started followed-", "✓ Preflight", "    ✓ SyncUsers", "followed is ready. Users can sign in."] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colors and no animation without a terminal:\n{text}");
}

#[test]
fn report_finds_an_onboarding_by_alias_and_writes_it_to_a_file() {
    let (cloud, _) = onboarded();
    let file = tempfile::NamedTempFile::new().unwrap();
    let arguments = ["report", "followed", "--json", "--output", file.path().to_str().unwrap()];
    let output = cloud.onboard(&arguments).output().unwrap();
    let report = json(&output);
    assert_eq!((output.status.code(), &report["alias"]), (Some(0), &object!("followed")), "{}", printed(&output));
    let written: Value = serde_json::from_str(&fs::read_to_string(file.path()).unwrap()).unwrap();
    assert_eq!(written, report);
}

#[test]
fn list_shows_the_instance_and_the_execution() {
    let (cloud, _) = onboarded();
    let output = cloud.onboard(&["list", "--all", "--most", "100", "--json"]).output().unwrap();
    let list = json(&output);
    let find = |what: &str, key: &str, value: &str| {
        list[what].as_array().unwrap().iter().find(|item| item[key] == value).cloned().unwrap_or_default()
    };
    assert!(find("instances", "alias", "followed")["lastSuccessAt"].is_string(), "{}", printed(&output));
    assert_eq!(find("executions", "alias", "followed")["status"], "SUCCEEDED", "{}", printed(&output));
    // Syncs of other tests can be running at the same time.
    let syncs = list["executions"].as_array().unwrap().iter().filter(|item| item["machine"] == "user-sync");
    assert!(syncs.into_iter().any(|item| item["status"] == "SUCCEEDED"), "{}", printed(&output));
    for (prefix, listed) in [("FOLL", true), ("nosuch", false)] {
        let list = json(&cloud.onboard(&["list", prefix, "--all", "--json"]).output().unwrap());
        for what in ["instances", "executions"] {
            let items = list[what].as_array().unwrap();
            assert_eq!(!items.is_empty(), listed, "{prefix}: {list}");
            let name = |item: &Value| item["alias"].as_str().or(item["name"].as_str()).unwrap_or_default().to_owned();
            assert!(items.iter().all(|item| name(item).starts_with("followed")), "{list}");
        }
    }
    let missing = cloud.onboard(&["list", "--stack", "nosuch"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(4), "{}", printed(&missing));
    assert!(err(&missing).contains("Stack nosuch does not exist"), "{}", printed(&missing));
    let text = out(&cloud.onboard(&["list", "--lang", "ja"]).output().unwrap());
    assert!(text.contains("オンボーディング済みのインスタンス") && text.contains("成功"), "{text}");
}

#[test]
fn status_of_an_ended_execution_shows_its_states_without_those_that_were_not_needed() {
    let (cloud, _) = onboarded();
    let output = cloud.onboard(&["status", "followed"]).output().unwrap();
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert!(
        text.contains("✓ VerifySignIn") && text.contains("    ✓ Telephony ") && !text.contains("OrderNumbers"),
        "{text}"
    );
}

#[test]
fn the_states_of_a_user_sync_that_ended_before_the_first_poll_are_printed() {
    let (cloud, _) = onboarded();
    let text = out(&cloud.onboard(&["watch", "followed"]).output().unwrap());
    assert_eq!(text.matches("✓ SyncUsers").count(), 2, "the state and the state of its sync:\n{text}");
}

#[test]
fn after_a_failed_onboarding_watch_status_and_report_exit_with_1_and_print_advice() {
    let file = input(
        "nobody",
        &object!({ "users": { "groups": [{ "group": "No such group", "securityProfiles": ["Agent"] }] } }),
    );
    let watched = cloud().onboard(&["start", file.to_str().unwrap(), "--wait", "--json"]).output().unwrap();
    assert_eq!(watched.status.code(), Some(1), "{}", printed(&watched));
    let text = err(&watched);
    assert!(text.contains("Preflight: InvalidInput") && text.contains("No such group"), "{}", printed(&watched));
    for command in ["status", "report"] {
        let output = cloud().onboard(&[command, "nobody"]).output().unwrap();
        let text = out(&output) + &err(&output);
        assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
        assert!(text.contains("InvalidInput") && text.contains("Correct the input"), "{}", printed(&output));
    }
    let shown = out(&cloud().onboard(&["status", "nobody"]).output().unwrap());
    assert!(shown.contains("✗ Preflight"), "{shown}");
    let status = json(&cloud().onboard(&["status", "nobody", "--json"]).output().unwrap());
    assert_eq!((&status["running"], &status["failedState"]), (&object!([]), &object!("Preflight")));
}

#[test]
fn an_unknown_execution_exits_with_2() {
    for command in ["watch", "status", "report"] {
        let output = cloud().onboard(&[command, "never-started"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
        assert!(err(&output).contains("onboard list"), "{}", printed(&output));
    }
}

#[test]
fn a_running_onboarding_is_not_started_twice_and_continues_after_an_interrupted_watch() {
    // The local cloud never provides a manually ordered phone number, so this onboarding waits until the test ends.
    let more = object!({
        "phoneNumbers": [{ "country": "JP", "type": "DID", "prefix": "+813" }], "telephony": { "order": "manual" },
    });
    let file = input("waiting", &more);
    let file = file.to_str().unwrap();
    let started = json(&cloud().onboard(&["start", file, "--json"]).output().unwrap());
    let again = cloud().onboard(&["start", file, "--json"]).output().unwrap();
    assert_eq!(again.status.code(), Some(5), "{}", printed(&again));
    assert_eq!(json(&again)["error"]["name"], "AlreadyRunning");

    let mut watch = cloud().onboard(&["watch", "waiting", "--json"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["state"]), (&object!("done"), &object!("Preflight")));
    // The sign-on branch is finished, and the telephony branch waits for phone numbers.
    let through = |line: std::io::Result<String>| line.unwrap().contains("NotifySignInReady");
    assert!(lines.by_ref().any(through), "exited without a signal");
    kill_process(Pid::from_child(&watch), Signal::INT).unwrap();
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(rest.last().unwrap()["error"]["name"], "Interrupted", "{rest:?}");
    assert_eq!(watch.wait().unwrap().code(), Some(130));

    let status = json(&cloud().onboard(&["status", "waiting", "--json"]).output().unwrap());
    assert_eq!((&status["status"], &status["name"]), (&object!("RUNNING"), &started["name"]));
    let waits = |state: &Value| state["state"] == "WaitForNumbers" || state["state"] == "OrderNumbers";
    assert!(status["running"].as_array().unwrap().iter().any(waits), "{status:#}");
    let report = cloud().onboard(&["report", "waiting"]).output().unwrap();
    assert_eq!(report.status.code(), Some(5), "{}", printed(&report));
}

#[test]
fn on_a_terminal_watch_redraws_only_changes_follows_a_resize_and_explains_ctrl_c() {
    let more = object!({
        "phoneNumbers": [{ "country": "JP", "type": "DID", "prefix": "+813" }], "telephony": { "order": "manual" },
    });
    let file = input("pictured", &more);
    let started = cloud().onboard(&["start", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(started.status.code(), Some(0), "{}", printed(&started));
    let watch = cloud().onboard(&["watch", "pictured"]);
    let mut terminal = Command::new("python3");
    terminal.args([
        "-c",
        concat!(include_str!("../fixtures/terminal_output.py"), include_str!("../fixtures/terminal.py")),
        "VerifySignIn",
    ]);
    terminal.arg(watch.get_program()).args(watch.get_args()).env("TERM", "xterm-256color").env_remove("NO_COLOR");
    terminal.envs(watch.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let seen = json(&terminal.output().unwrap());
    let text = |part: &str| seen[part].as_str().unwrap().to_owned();
    let (wide, narrow, end) = (text("wide"), text("narrow"), text("end"));

    // The screen is cleared only once for each terminal size, and all other output is in complete synchronized updates.
    // With incomplete updates, the screen would flicker.
    let wipes = |text: &str| text.matches("\x1b[2J").count();
    assert!(wipes(&wide) <= 1 && wipes(&narrow) == 1, "{wide:?}\n{narrow:?}");
    for part in [&wide, &narrow] {
        let (begun, ended) = (part.matches("\x1b[?2026h").count(), part.matches("\x1b[?2026l").count());
        assert!(begun > 1 && begun == ended, "{begun} updates begun, {ended} ended: {part:?}");
    }
    // At most twelve rows are used, and the output states that lines are hidden.
    assert!(!narrow.contains("\x1b[13;1H") && narrow.contains("lines are hidden"), "{narrow:?}");
    assert_eq!(seen["code"], 130, "{end:?}");
    let after = end.split("\x1b[?1049l").nth(1).unwrap_or_default();
    assert!(after.contains("continues in the cloud") && after.contains("onboard watch pictured-"), "{end:?}");
    // The last drawing remains visible below the command line. On a busy machine, the last drawing may contain the
    // state that checks the phone numbers instead of the wait before the next check.
    let waits = after.contains("WaitForNumbers") || after.contains("OrderNumbers");
    assert!(after.contains("VerifySignIn") && waits, "{end:?}");
    let status = json(&cloud().onboard(&["status", "pictured", "--json"]).output().unwrap());
    assert_eq!(status["status"], "RUNNING", "{status}");
}

#[tokio::test]
async fn the_example_of_an_existing_instance_adopts_it() {
    let names = object!({ "givenName": "陽菜", "surname": "佐藤" });
    let id = "5e000000-0000-4000-8000-000000000001";
    let agent = with(member(id, "haruna.sato@contoso.onmicrosoft.com", "佐藤 陽菜"), &names);
    let cloud = Cloud::idle(&object!({ "groups": [{ "displayName": "Hotline agents", "members": [agent] }] }));
    let (instance_id, _) = cloud.create_instance("acme-hotline").await;
    let output = cloud.onboard(&["start", "examples/existing-instance.json", "--wait"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let report = json(&cloud.onboard(&["report", "acme-hotline", "--json"]).output().unwrap());
    let instance = &report["instance"];
    assert_eq!((&instance["instanceId"], &instance["adopted"]), (&object!(instance_id), &object!(true)), "{report}");
    assert_eq!(report["signInVerified"], true, "{report}");
}

#[test]
fn documents_are_uploaded_and_their_keys_added_to_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let more = object!({ "phoneNumbers": [{ "country": "JP", "type": "DID", "prefix": "+813" }] });
    let file = input("documents", &more);
    let mut arguments = vec!["start".to_owned(), file.display().to_string(), "--json".into()];
    for kind in ["identity", "address", "relationship"] {
        let document = folder.path().join(format!("{kind}.pdf"));
        fs::write(&document, format!("%PDF-1.7 {kind}")).unwrap();
        arguments.extend(["--document".into(), format!("{kind}={}", document.display())]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = cloud().onboard(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    // Preflight rejects an input whose documents are missing, so a placed order proves that the documents were
    // uploaded.
    let text = out(&cloud().onboard(&["watch", "documents"]).output().unwrap());
    assert!(text.contains("+813") && !text.contains("can't be used"), "{text}");
}

#[test]
fn the_tool_plans_runs_checks_and_removes_an_onboarding() {
    let file = input("passing", &object!({}));
    let file = file.to_str().unwrap();
    let run = |arguments: &[&str]| cloud().onboard(arguments).output().unwrap();
    let planned = run(&["plan", file, "--json"]);
    assert_eq!(planned.status.code(), Some(0), "{}", printed(&planned));
    let actions = |output: &std::process::Output| -> Vec<String> {
        let items = json(output)["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
    };
    assert!(actions(&planned).contains(&"create".to_owned()), "{}", printed(&planned));
    assert_eq!(
        json(&run(&["list", "--json"]))["instances"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["alias"] == "passing")
            .count(),
        0
    );

    let started = run(&["start", file, "--wait"]);
    assert_eq!(started.status.code(), Some(0), "{}", printed(&started));
    let again = run(&["plan", file]);
    assert!(again.status.code() == Some(0) && out(&again).contains("leave"), "{}", printed(&again));
    // A newer onboarding without a report does not hide the latest report.
    let newer = json(&run(&["start", file, "--again", "--json"]));
    let newer = newer["name"].as_str().unwrap();
    let stopped = run(&["stop", newer, "--confirm", newer]);
    assert_eq!(stopped.status.code(), Some(0), "{}", printed(&stopped));
    let report = run(&["report", "passing", "--json"]);
    assert_eq!((report.status.code(), &json(&report)["alias"]), (Some(0), &object!("passing")), "{}", printed(&report));
    assert!(err(&report).contains(&format!("{newer} has no report. Latest report: passing-")), "{}", printed(&report));
    let named = run(&["report", newer]);
    assert_eq!(named.status.code(), Some(1), "this execution has no report: {}", printed(&named));

    let drift = run(&["drift", "passing"]);
    assert_eq!(drift.status.code(), Some(0), "{}", printed(&drift));
    let rotated = json(&run(&["rotate-certificate", "passing", "--json"]));
    assert_eq!(rotated["instances"][0]["status"], "NOT_DUE", "{rotated:#}");

    let options = ["teardown", "passing", "--users", "delete", "--connect-instance", "delete"];
    let shown = run(&options);
    assert!(shown.status.code() == Some(0) && out(&shown).contains("--apply"), "{}", printed(&shown));
    let unconfirmed = run(&[&options[..], &["--apply"]].concat());
    assert_eq!(unconfirmed.status.code(), Some(5), "{}", printed(&unconfirmed));
    let wrong = run(&[&options[..], &["--apply", "--confirm", "another"]].concat());
    assert_eq!(wrong.status.code(), Some(5), "{}", printed(&wrong));
    let applied = run(&[&options[..], &["--apply", "--confirm", "passing"]].concat());
    assert_eq!(applied.status.code(), Some(0), "{}", printed(&applied));
    let gone = run(&["drift", "passing"]);
    assert_eq!(gone.status.code(), Some(2), "{}", printed(&gone));
}
