//! Tests that all messages are in Japanese if Japanese is selected. Only names and the messages of the services remain
//! in English.

use std::{fs, process::Output};

use super::{follow::onboarded, printed};
use crate::common::{err, local, onboard, out};
use regex::Regex;

/// Returns the first line that contains four consecutive English words. Names, JSON, commands to type and Connect's own
/// messages never contain four consecutive English words.
fn english(output: &Output) -> Option<String> {
    let sentence = Regex::new("(?:\\b[a-z]{2,} ){3}[a-z]{2,}\\b").unwrap();
    let all = out(output) + &err(output);
    all.lines().find(|line| sentence.is_match(line)).map(str::to_owned)
}

fn is_japanese(output: &Output, what: &[&str]) {
    assert_eq!(english(output), None, "{what:?}\n{}", printed(output));
    let japanese = |c: char| ('\u{3040}'..='\u{9fff}').contains(&c);
    assert!(out(output).contains(japanese) || err(output).contains(japanese), "{what:?}\n{}", printed(output));
}

#[test]
fn errors_in_files_arguments_and_the_environment_are_in_japanese() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let wrong = path("wrong.json", r#"{"instance": {"alias": "d-x"}, "users": {"groups": []}, "color": 1}"#);
    let no_json = path("text.json", "alias: acme");
    for (arguments, code) in [
        (vec!["check", &wrong], 2),
        (vec!["check", &no_json], 2),
        (vec!["check", "examples/smallest.json"], 0),
        (vec!["local", "--input", &wrong], 2),
        (vec!["local", "--bootstrap", "/no/such/file"], 3),
        (vec!["start", "/no/such/file"], 2),
        (vec!["list", "--local"], 3),
        (vec!["frobnicate"], 2),
        (vec!["teardown", "--users", "all"], 2),
        (vec!["entra-setup", "--stack", "9", "--region", "eu-west-1"], 2),
        (vec!["entra-setup"], 4),
        (vec!["init", "--alias", "acme"], 2),
        (vec!["help", "start"], 0),
    ] {
        let mut command = onboard();
        command.args(&arguments).env("LANG", "ja_JP.UTF-8").env("ONBOARD_LOCAL_CLOUD", folder.path().join("none"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}", printed(&output));
        is_japanese(&output, &arguments);
    }
}

#[test]
fn the_operating_commands_print_japanese() {
    let (cloud, _) = onboarded();
    for arguments in [
        ["status", "followed"].as_slice(),
        &["list", "--all"],
        &["report", "followed"],
        &["sync", "followed", "--plan"],
        &["sync", "followed", "--wait"],
        &["drift", "followed"],
        &["approve", "followed"],
        &["replay", "--count"],
        &["doctor"],
    ] {
        let output = cloud.onboard(arguments).args(["--lang", "ja"]).output().unwrap();
        is_japanese(&output, arguments);
    }
}

#[test]
fn a_local_run_and_its_failure_print_japanese() {
    let input = ["--users", "3", "--input", "examples/tokyo-callcenter.json", "--lang", "ja"];
    let done = local().args(input).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", printed(&done));
    assert!(out(&done).contains("tokyo-callcenter にサインインできます。"), "{}", printed(&done));
    is_japanese(&done, &input);

    let folder = tempfile::tempdir().unwrap();
    let tenant = folder.path().join("tenant.json");
    fs::write(&tenant, r#"{"groups": [{"displayName": "Somebody else", "members": []}]}"#).unwrap();
    let failed = local().arg("--tenant").arg(&tenant).args(["--lang", "ja"]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", printed(&failed));
    for part in ["ステート Preflight で失敗しました: InvalidInput", "対処方法: メッセージに従って入力を修正し"]
    {
        assert!(err(&failed).contains(part), "{}", printed(&failed));
    }
}
