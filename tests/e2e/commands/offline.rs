//! Commands that need no cloud, and commands that fail because no cloud can be reached.

use std::{fs, process::Command};

use super::{json, printed};
use crate::common::{err, onboard, out, root};

/// The program with an AWS endpoint on which no server listens.
fn without_a_cloud() -> Command {
    let mut command = onboard();
    command
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn the_help_lists_all_commands_the_first_steps_and_the_exit_codes() {
    let help = out(&onboard().arg("--help").output().unwrap());
    for text in ["rotate-certificate", "teardown", "First steps:", "onboard init", "Exit codes:", "130  interrupted"] {
        assert!(help.contains(text), "{text} is missing in:\n{help}");
    }
}

#[test]
fn the_version_contains_the_commit() {
    let version = out(&onboard().arg("--version").output().unwrap());
    let plain = concat!("onboard ", env!("CARGO_PKG_VERSION"));
    if !root().join(".git").exists() {
        assert_eq!(version.trim_end(), plain, "a source archive has no commit");
        return;
    }
    let mut git = Command::new("git");
    let commit = git.args(["log", "-1", "--abbrev=12", "--format=%h %cs"]).current_dir(root()).output().unwrap();
    assert_eq!(version.trim_end(), format!("{plain} ({})", out(&commit).trim()));
}

#[test]
fn a_manual_page_is_written_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    let output = onboard().arg("man").arg(&pages).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let names: Vec<String> =
        fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["onboard.1", "onboard-start.1", "onboard-rotate-certificate.1", "onboard-man.1"] {
        assert!(names.contains(&name.to_owned()), "{name} is missing in {names:?}");
    }
    let page = fs::read_to_string(pages.join("onboard-start.1")).unwrap();
    assert!(page.contains("Upload a document") && page.contains("onboard start onboarding.json \\-\\-wait"), "{page}");
}

#[test]
fn an_invalid_command_line_exits_with_2() {
    for arguments in [&["frobnicate"][..], &["start", "--document", "passport=a.png"], &["local", "--idle"]] {
        let output = onboard().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    }
}

#[test]
fn shell_completions_contain_the_commands_and_their_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = out(&onboard().args(["completion", shell]).output().unwrap());
        assert!(script.contains("rotate-certificate") && script.contains("digest"), "{shell}");
    }
}

#[test]
fn start_validates_the_input_before_it_calls_a_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.json");
    fs::write(&file, r#"{"instance": {"alias": "d-x"}, "users": {"groups": []}}"#).unwrap();
    let output = without_a_cloud().arg("start").arg(&file).args(["--region", "eu-west-1", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    let error = json(&output)["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("$.instance.alias"), "{error}");
    let alias = &error["problems"][0];
    assert_eq!((&alias["path"], &alias["line"], &alias["column"]), (&"$.instance.alias".into(), &1.into(), &24.into()));
    let text = err(&without_a_cloud().arg("start").arg(&file).args(["--region", "eu-west-1"]).output().unwrap());
    assert!(text.contains("bad.json:1:24") && text.contains("^^^^^"), "{text}");
}

#[test]
fn every_command_that_reads_an_input_shows_the_place_of_each_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.json");
    fs::write(&file, "{\n  \"instance\": {\"alias\": \"窓口\"},\n  \"users\": 1,\n  \"users\": 2\n}").unwrap();
    let file = file.to_str().unwrap();
    for arguments in
        [&["check", file][..], &["start", file], &["plan", file], &["doctor", file], &["local", "--input", file]]
    {
        let output = without_a_cloud().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", printed(&output));
        let text = err(&output);
        for place in ["bad.json:2:25", "bad.json:4:3", "bad.json:4:12"] {
            assert!(text.contains(place), "{arguments:?}: {place} is missing in:\n{text}");
        }
    }
}

#[test]
fn start_with_a_document_reports_the_faults_of_an_input_of_the_wrong_type() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.json");
    let document = folder.path().join("id.png");
    fs::write(&document, b"\x89PNG\r\n\x1a\n").unwrap();
    let document = format!("identity={}", document.display());
    for text in ["[]", "\"x\"", "{\"documents\": []}", "{\"documents\": {\"identity\": 1}}"] {
        fs::write(&file, text).unwrap();
        let output = without_a_cloud().arg("start").arg(&file).args(["--document", &document]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}: {}", printed(&output));
        assert!(err(&output).contains("$.instance: is required"), "{text}: {}", printed(&output));
    }
}

#[test]
fn without_a_region_commands_exit_with_4_and_name_the_option() {
    let output = without_a_cloud().env("HOME", "/nowhere").arg("list").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", printed(&output));
    assert!(err(&output).contains("--region"), "{}", printed(&output));
}

#[test]
fn if_aws_does_not_respond_commands_exit_with_4_and_report_it_as_json_too() {
    let output = without_a_cloud().args(["list", "--region", "eu-west-1", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", printed(&output));
    assert_eq!(json(&output)["error"]["name"], "Unavailable", "{}", printed(&output));
}

#[test]
fn without_a_local_cloud_the_local_option_exits_with_3_and_explains_how_to_start_one() {
    let output = onboard().args(["list", "--local"]).env("ONBOARD_LOCAL_CLOUD", "/no/such/file").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", printed(&output));
    assert!(err(&output).contains("onboard local --keep"), "{}", printed(&output));
}

#[test]
fn the_language_option_takes_precedence_over_the_environment() {
    let japanese = "別のターミナルで";
    let list = |arguments: &[&str], lang: &str| {
        let mut command = onboard();
        command.args(["list", "--local"]).args(arguments).env("ONBOARD_LOCAL_CLOUD", "/no/such/file").env("LANG", lang);
        err(&command.output().unwrap())
    };
    assert!(list(&["--lang", "ja"], "C").contains(japanese));
    assert!(list(&[], "ja_JP.UTF-8").contains(japanese));
    assert!(!list(&["--lang", "en"], "ja_JP.UTF-8").contains(japanese));
}

#[test]
fn init_writes_a_valid_file_and_replaces_an_existing_one_only_with_force() {
    let folder = tempfile::tempdir().unwrap();
    let init = |alias: &str, more: &[&str]| {
        let mut command = onboard();
        command.current_dir(folder.path()).args(["init", "--alias", alias, "--group", "Support agents"]).args(more);
        command.output().unwrap()
    };
    let made = init("acme-support", &["--phone-number", "JP:DID:+813", "--language", "ja", "--json"]);
    assert_eq!(made.status.code(), Some(0), "{}", printed(&made));
    let file = folder.path().join("onboarding.json");
    let checked = onboard().arg("check").arg(&file).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", printed(&checked));
    let again = init("other", &[]);
    assert_eq!(again.status.code(), Some(2), "{}", printed(&again));
    assert!(fs::read_to_string(&file).unwrap().contains("acme-support"));
    assert_eq!(init("other", &["--force"]).status.code(), Some(0));
    assert!(fs::read_to_string(&file).unwrap().contains("other"));
}

#[test]
fn init_without_a_terminal_names_the_missing_answers() {
    let folder = tempfile::tempdir().unwrap();
    let output = onboard().current_dir(folder.path()).args(["init", "--alias", "acme"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert!(err(&output).contains("--group") && !folder.path().join("onboarding.json").exists());
}

#[test]
fn init_names_a_file_that_cannot_be_written_before_it_asks() {
    let folder = tempfile::tempdir().unwrap();
    // Standard input contains no answers, so a question would end the command with a different error.
    let output = onboard().current_dir(folder.path()).args(["init", "missing/onboarding.json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert!(err(&output).contains("missing/onboarding.json could not be written"), "{}", err(&output));
}
