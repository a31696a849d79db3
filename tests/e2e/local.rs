//! Complete runs of `onboard local` with the real functions' binary.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::Stdio,
};

use super::common::{err, local, out};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

#[test]
fn a_second_run_of_a_complete_onboarding_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // The HTML report is kept for the browser tests in CI.
    let page = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-local.html");
    let output = local()
        .args(["--users", "12", "--again", "--output"])
        .arg(path("report.json"))
        .arg("--html")
        .arg(&page)
        .arg("--inventory")
        .arg(path("inventory.json"))
        .arg("--record")
        .arg(path("record.jsonl"))
        .output()
        .unwrap();
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{text}\n{}", err(&output));
    for line in
        ["✓ Preflight", "✓ CreateRole", "acme-support is ready", "created 12", "changed nothing", "✓ signed in as "]
    {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    let read = |name: &str| -> Value { serde_json::from_str(&fs::read_to_string(path(name)).unwrap()).unwrap() };
    let report = read("report.json");
    assert_eq!((&report["alias"], &report["signInVerified"]), (&"acme-support".into(), &true.into()));
    let page = fs::read_to_string(page).unwrap();
    let sso_url = report["ssoUrl"].as_str().unwrap().replace('&', "&amp;");
    for shown in ["<h1>acme-support</h1>", &sso_url, "<code>SyncUsers</code>", "<b>12</b><span>created</span>"] {
        assert!(page.contains(shown), "the page does not show {shown}");
    }
    let instance = &read("inventory.json")["connect"]["instances"][0];
    assert_eq!(instance["users"].as_array().unwrap().len(), 12);
    assert!(fs::read_to_string(path("record.jsonl")).unwrap().lines().count() > 100);
}

#[test]
fn a_full_disk_fails_the_run_but_does_not_hide_its_report() {
    for option in ["--record", "--record-expressions", "--output", "--html"] {
        let output = local().args(["--users", "1", option, "/dev/full"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{option}: {}", err(&output));
        assert!(out(&output).contains("acme-support is ready"), "{option}: {}", out(&output));
        assert_eq!(err(&output).matches("No space left on device").count(), 1, "{option}: {}", err(&output));
        assert!(!err(&output).contains("Nothing was started"), "{option}: {}", err(&output));
    }
}

#[test]
fn without_a_path_the_message_names_the_variable() {
    let output = local().env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    assert!(err(&output).contains("the environment variable PATH is not set"), "{}", err(&output));
}

#[test]
fn more_users_than_the_quota_allows_are_all_created_after_the_increase() {
    let folder = tempfile::tempdir().unwrap();
    let (inventory, report) = (folder.path().join("inventory.json"), folder.path().join("report.json"));
    let output =
        local().args(["--users", "510", "--inventory"]).arg(&inventory).arg("--output").arg(&report).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let read = |file: &PathBuf| -> Value { serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap() };
    assert_eq!(read(&inventory)["connect"]["instances"][0]["users"].as_array().unwrap().len(), 510);
    let report = read(&report);
    assert_eq!(report["openItems"], serde_json::json!([]));
    assert_eq!(report["signOn"]["users"]["counts"]["created"], 510);
}

#[test]
fn every_example_ends_with_a_successful_sign_in() {
    for example in ["existing-instance", "many-groups", "tokyo-callcenter"] {
        let output = local().args(["--users", "12", "--input", &format!("examples/{example}.json")]).output().unwrap();
        let text = out(&output);
        assert_eq!(output.status.code(), Some(0), "{example}: {text}\n{}", err(&output));
        assert!(text.contains("✓ signed in as "), "{example}: {text}");
    }
}

#[test]
fn a_failed_workflow_exits_with_1_and_reports_state_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (tenant, report) = (folder.path().join("tenant.json"), folder.path().join("report.json"));
    fs::write(&tenant, r#"{"groups": [{"displayName": "Somebody else", "members": []}]}"#).unwrap();
    let output = local().arg("--tenant").arg(&tenant).arg("--output").arg(&report).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let text = err(&output);
    for part in ["in state Preflight: InvalidInput", "Support agents", "What to do:", "The logs of this run:"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

/// All descendants of a process, from the parent ids in /proc.
pub(super) fn descendants(of: u32) -> Vec<u32> {
    let stats = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent: u32 = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        Some((id, parent))
    });
    let stats: Vec<(u32, u32)> = stats.collect();
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(stats.iter().filter(|(_, other)| *other == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}

fn ends(id: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        test_kill_process(pid).is_err()
            || stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

/// The processes and directories of a run.
struct Started {
    processes: Vec<u32>,
    folders: Vec<PathBuf>,
}

/// Starts a run and stops it with a signal after the functions have started. Returns the exit code, processes and
/// directories.
fn ended_by(signal: Signal) -> (Option<i32>, Started) {
    let mut child = local().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("✓ Preflight") {
        assert!(lines.read_line(&mut text).unwrap() > 0, "exited without a signal:\n{text}");
    }
    let processes = descendants(child.id());
    // The emulator runs in the run's directory, and the functions run in subdirectories.
    let folders = processes.iter().filter_map(|id| fs::read_link(format!("/proc/{id}/cwd")).ok()).collect();
    let started = Started { processes, folders };
    kill_process(Pid::from_child(&child), signal).unwrap();
    let mut rest = Vec::new();
    lines.read_to_end(&mut rest).unwrap();
    (child.wait().unwrap().code(), started)
}

#[test]
fn ctrl_c_and_termination_stop_all_processes_and_remove_all_files() {
    for signal in [Signal::INT, Signal::TERM] {
        let (code, started) = ended_by(signal);
        assert_eq!(code, Some(130));
        assert!(started.processes.len() >= 2, "the emulator and at least one function ran: {:?}", started.processes);
        for id in started.processes {
            assert!(ends(id), "process {id} is still running");
        }
        for folder in started.folders {
            assert!(!folder.exists(), "{} is still running", folder.display());
        }
    }
}

#[test]
fn a_killed_run_leaves_no_processes_or_directories() {
    let (code, started) = ended_by(Signal::KILL);
    assert_eq!(code, None);
    assert!(started.processes.len() >= 2, "the emulator and at least one function ran: {:?}", started.processes);
    assert_eq!(started.folders.len(), started.processes.len(), "each process runs in the directory of the run");
    for id in started.processes {
        assert!(ends(id), "process {id} is still running");
    }
    for folder in started.folders {
        assert!(!folder.exists(), "{} is still running", folder.display());
    }
}
