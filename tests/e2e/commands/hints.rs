//! Each command that a message suggests can be pasted: it contains the same program call and the same cloud options
//! that the user entered.

use std::{collections::BTreeSet, process::Command};

use super::{follow::input, printed, users::awaiting_approval};
use crate::{
    common::{err, onboard, out},
    user_sync::fixture::{Fixture, cloud},
};
use clap::Parser;
use onboard_cli::args::{Args, hints::CALLED_AS};
use regex::Regex;
use serde_json::json as object;

/// Commands that change nothing.
const READ_ONLY: [&str; 6] = ["doctor", "list", "plan", "report", "status", "watch"];

/// The commands of this tool that a text contains in backquotes.
fn commands(text: &str) -> BTreeSet<String> {
    let command = Regex::new("`([^`\\n]*onboard [^`\\n]+)`").unwrap();
    command.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// The words into which the shell splits a command.
fn words(command: &str) -> Vec<String> {
    let output = Command::new("sh").args(["-c", &format!("printf '%s\\n' {command}")]).output().unwrap();
    out(&output).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_a_whole_life_suggests_can_be_pasted() {
    let fixture = Fixture::with_members(1).await;
    let (waiting, _) = awaiting_approval().await;
    let life = move || {
        let (alias, waiting) = (fixture.alias(), waiting.alias());
        let more = object!({
            "phoneNumbers": [{ "country": "JP", "type": "DID", "prefix": "+813" }], "telephony": { "order": "manual" },
        });
        let (file, second) = (input("suggested", &object!({})), input("suggesting", &more));
        let (file, second) = (file.to_str().unwrap(), second.to_str().unwrap());
        let run = |arguments: &[&str]| {
            let output = cloud().onboard(arguments).output().unwrap();
            out(&output) + &err(&output)
        };
        [
            run(&["plan", file]),
            run(&["start", file, "--wait"]),
            run(&["start", second]),
            run(&["start", second]),
            run(&["report", "suggesting"]),
            run(&["watch", "never-started"]),
            run(&["sync", &alias]),
            run(&["list"]),
            run(&["sync", &waiting, "--wait"]),
            run(&["approve", &waiting, "--digest", "another"]),
            run(&["approve", "suggested"]),
            run(&["doctor"]),
            run(&["teardown", "suggested", "--users", "delete"]),
            run(&["teardown", "suggested", "--users", "delete", "--apply"]),
            run(&["drift", "nobody"]),
        ]
        .concat()
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(input("suggested", &object!({})), folder.path().join("onboarding.json")).unwrap();
    let text = tokio::task::spawn_blocking(life).await.unwrap();
    let found = commands(&text);
    let program = onboard().get_program().to_str().unwrap().to_owned();
    let mut names = BTreeSet::new();
    for command in &found {
        let words = words(command);
        assert!(words[0] == program && words.iter().any(|word| word == "--local"), "{command}");
        Args::try_parse_from(&words).unwrap_or_else(|error| panic!("{command}: {error}"));
        names.insert(words[1].clone());
        // The onboarding of the alias `suggesting` waits for a phone number until the test ends.
        let waits = words[1] == "watch" && command.contains("suggesting");
        if READ_ONLY.contains(&words[1].as_str()) && !waits {
            let arguments: Vec<&str> =
                words[1..].iter().map(String::as_str).filter(|word| *word != "--local").collect();
            let output = cloud().onboard(&arguments).current_dir(folder.path()).output().unwrap();
            assert!(matches!(output.status.code(), Some(0 | 5)), "{command} {}", printed(&output));
        }
    }
    let expected = ["approve", "doctor", "list", "start", "sync", "teardown", "watch"];
    let missing: Vec<_> = expected.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {found:#?}");
}

#[test]
fn cargo_onboard_is_repeated() {
    let mut list = onboard();
    list.args(["list", "--local"]).env("ONBOARD_LOCAL_CLOUD", "/no/such/file").env(CALLED_AS, "cargo onboard");
    let text = err(&list.output().unwrap());
    assert!(text.contains("`cargo onboard local --keep`"), "{text}");
}
