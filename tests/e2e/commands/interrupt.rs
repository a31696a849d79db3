//! Ctrl-C on a terminal ends each prompt and each wait with exit code 130. A command that is interrupted at a prompt
//! changes nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use super::{follow::input, json, users::awaiting_approval};
use crate::{
    common::{local, onboard},
    user_sync::fixture::Fixture,
};
use serde_json::{Value, json as object};

pub(crate) const CTRL_C: &str = "\u{3}";
/// The terminal sequence with which a live display begins.
const DISPLAY: &str = "\u{1b}[?1049h";

/// Runs a command on a terminal. Each step contains a text to wait for, and the text to type after it has appeared.
/// Returns the exit code and the output after the last typed text.
pub(crate) fn typing(command: &Command, steps: &[(&str, &str)]) -> (Option<i64>, String) {
    let mut terminal = Command::new("python3");
    let program = concat!(include_str!("../fixtures/terminal_output.py"), include_str!("../fixtures/typing.py"));
    terminal.args(["-c", program, &object!(steps).to_string()]);
    // A version manager's wrapper of `python3` can put other directories at the beginning of PATH.
    if let Some((_, Some(path))) = command.get_envs().find(|(name, _)| *name == "PATH") {
        terminal.arg("env").arg(format!("PATH={}", path.to_str().unwrap()));
    }
    terminal.arg(command.get_program()).args(command.get_args());
    terminal.current_dir(command.get_current_dir().unwrap()).env("TERM", "xterm-256color").env_remove("NO_COLOR");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let seen = json(&terminal.stdin(Stdio::null()).output().unwrap());
    (seen["code"].as_i64(), seen["text"].as_str().unwrap().to_owned())
}

#[test]
fn each_question_of_init_ends_and_no_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut init = onboard();
    init.arg("init").current_dir(folder.path());
    let answers =
        [("Alias of", "acme\n"), ("Entra groups", "A\n"), ("Security profiles", "\n"), ("Phone numbers", "\n")];
    let questions = ["Alias of", "Entra groups", "Security profiles", "Phone numbers", "Concurrent calls"];
    for (number, question) in questions.into_iter().enumerate() {
        let steps = [&answers[..number], &[(question, CTRL_C)]].concat();
        let (code, text) = typing(&init, &steps);
        assert_eq!(code, Some(130), "{question}: {text}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let (code, text) = typing(&init, &[&answers[..], &[("Concurrent calls", "7\n")]].concat());
    assert_eq!(code, Some(0), "{text}");
    let written: Value = serde_json::from_slice(&fs::read(folder.path().join("onboarding.json")).unwrap()).unwrap();
    assert_eq!(written["quotas"]["concurrentActiveCalls"], 7);
}

#[test]
fn init_names_the_fault_of_an_answer_and_asks_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut init = onboard();
    init.arg("init").current_dir(folder.path());
    let steps = [
        ("Alias of", "d-acme\n"),
        ("$.instance.alias: must not", "\n"),
        ("$.instance.alias: must not be empty", "acme\n"),
        ("Entra groups", "A, a\n"),
        ("is the same group as groups[0]", "A, 部署\n"),
        ("Security profiles", "\n"),
        ("Phone numbers", "JP:FAX\n"),
        ("$.phoneNumbers[0].type: must be", "\n"),
        ("Concurrent calls", "many\n"),
        ("must be a number from 1", "7\n"),
    ];
    let (code, text) = typing(&init, &steps);
    assert_eq!(code, Some(0), "{text}");
    let file = folder.path().join("onboarding.json");
    let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["instance"]["alias"], "acme");
    assert_eq!(written["users"]["groups"][1]["group"], "部署");
    assert_eq!(written["quotas"]["concurrentActiveCalls"], 7);
    let schema = folder.path().join(written["$schema"].as_str().unwrap());
    let schema: Value = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    assert_eq!(schema["title"], "Connect Onboarding", "the editor finds the schema beside the file");
    // Ctrl-D ends a prompt without an answer. If a required value is then missing, the command fails instead of
    // repeating the prompt.
    let (code, text) = typing(
        init.arg("other.json"),
        &[
            ("Alias of", "\u{4}"),
            ("Entra groups", "\u{4}"),
            ("Security", "\u{4}"),
            ("Phone", "\u{4}"),
            ("Concurrent", "\u{4}"),
        ],
    );
    assert!(code == Some(2) && text.contains("An alias and at least one group are required"), "{code:?} {text}");
}

#[tokio::test]
async fn the_question_of_a_teardown_ends_and_nothing_is_removed() {
    let fixture = Fixture::with_members(1).await;
    let teardown = fixture.cloud.onboard(&["teardown", &fixture.alias(), "--apply"]);
    let (code, text) = typing(&teardown, &[("type the alias", CTRL_C)]);
    assert_eq!(code, Some(130), "{text}");
    assert!(fixture.entry().await.contains_key("config"), "the registry still contains the instance");
    // A wrong alias does not confirm the teardown, so nothing is removed.
    let (code, text) = typing(&teardown, &[("type the alias", "another\n")]);
    assert!(code == Some(5) && text.contains("Not confirmed"), "{code:?} {text}");
}

#[tokio::test]
async fn the_question_of_an_approval_ends_and_the_plan_still_waits() {
    let (fixture, digest) = awaiting_approval().await;
    let approve = fixture.cloud.onboard(&["approve", &fixture.alias()]);
    let (code, text) = typing(&approve, &[("[y/N]", CTRL_C)]);
    assert_eq!(code, Some(130), "{text}");
    assert_eq!(fixture.entry().await["approvalDigest"], digest.as_str());
    assert_eq!(fixture.usernames().await.len(), 5);
}

#[tokio::test]
async fn the_question_of_a_deployment_ends_and_nothing_is_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("bootstrap");
    fs::write(&script, "#!/bin/sh\nexit 1\n").unwrap();
    let cloud = Fixture::with_members(1).await.cloud;
    let (code, text) =
        typing(&cloud.onboard(&["deploy", "--bootstrap", script.to_str().unwrap()]), &[("[y/N]", CTRL_C)]);
    assert_eq!(code, Some(130), "{text}");
    let stack = ("StackName", cloud.addresses.stack.as_str());
    let text = cloud.query("cloudformation", "ListChangeSets", &[stack]).await;
    assert!(text.contains("ListChangeSetsResult") && !text.contains("ChangeSetName"), "{text}");
}

#[tokio::test]
async fn each_wait_for_an_execution_ends_and_leaves_its_last_drawing() {
    let file = input("interrupted", &object!({}));
    let file = file.to_str().unwrap();
    let fixture = Fixture::with_members(1).await;
    let alias = fixture.alias();
    for arguments in [
        &["plan", file][..],
        &["start", file, "--wait", "--again"],
        &["sync", &alias, "--wait"],
        &["drift", &alias],
        &["rotate-certificate", &alias],
        &["teardown", &alias],
    ] {
        let (code, text) = typing(&fixture.cloud.onboard(arguments), &[(DISPLAY, CTRL_C)]);
        assert_eq!(code, Some(130), "{arguments:?}: {text}");
        let after = text.split("\u{1b}[?1049l").nth(1).unwrap_or_default();
        assert!(after.contains(" · ") && after.contains("continues in the cloud"), "{arguments:?}: {text}");
    }
}

#[test]
fn a_local_run_ends_and_stops_everything() {
    let (code, text) = typing(&local(), &[("Onboarding acme-support", CTRL_C)]);
    assert!(code == Some(130) && text.contains("Interrupted"), "{code:?} {text}");
}

#[test]
fn the_script_of_entra_setup_ends_and_deletes_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, statement: &str| {
        let file = folder.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{statement}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    // After the folder for the keys has been created, the next call of the Azure CLI waits.
    program("az", "case \"$*\" in 'ad app list'*) echo waiting > /dev/tty; sleep 100 ;; *) echo answer ;; esac");
    program("aws", "echo answer");
    program("jq", "exit 1");
    program("openssl", "exit 1");
    let keys = folder.path().join("keys");
    fs::create_dir(&keys).unwrap();
    let mut setup = onboard();
    setup
        .args(["entra-setup", "--credential", "secret", "--region", "eu-west-1", "--run", "--yes"])
        .env("TMPDIR", &keys);
    let path = std::env::join_paths(
        [folder.path().to_path_buf()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    setup.env("PATH", path.unwrap());
    let (code, text) = typing(&setup, &[("waiting", CTRL_C)]);
    assert_eq!(code, Some(130), "{text}");
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 0, "the folder with the keys is deleted");
}

#[test]
fn an_interrupted_command_that_is_not_in_a_wait_ends_too() {
    // `doctor` waits for an endpoint that never responds.
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut doctor = onboard();
    doctor.args(["doctor", "--verbose"]).env("AWS_ENDPOINT_URL", format!("http://{}", server.local_addr().unwrap()));
    doctor.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b").env("AWS_REGION", "eu-west-1");
    let (code, text) = typing(&doctor, &[("Stack: connect-onboarding", CTRL_C)]);
    assert!(code == Some(130) && text.contains("Interrupted"), "{code:?} {text}");
}
