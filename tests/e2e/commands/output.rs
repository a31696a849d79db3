//! The output of `--json` is a contract. Whether a command succeeds or fails, standard output contains only JSON, with
//! one object per line. Each line is valid according to `output.schema.json`.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use super::{follow::input, printed, users::awaiting_approval};
use crate::{
    common::{err, local, onboard, out, root},
    user_sync::fixture::{Fixture, cloud},
};
use clap::CommandFactory;
use local_cloud::emulator::{Workspace, venv};
use onboard_cli::args::Args;
use serde_json::{Value, json as object};

/// The titles of the schemas of errors and events.
const ERROR: &str = "all commands: an error";
const EVENT: &str = "watch, start --wait, local: an event";

/// The lines of the output of a command with `--json`.
fn lines(output: &Output) -> Vec<Value> {
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}\n{}", printed(output)));
    out(output).lines().map(parse).collect()
}

/// Validates an array of pairs. Each pair consists of the title of a schema, or null for any schema, and an output
/// line. Returns the validation errors.
pub(crate) fn faults(lines: &Value) -> String {
    let workspace = Workspace::find().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let venv = runtime.block_on(venv::prepare(&workspace, &mut |_| {})).unwrap();
    let mut validator = Command::new(venv.python());
    validator.args(["-c", include_str!("../fixtures/validate.py")]).arg(root().join("output.schema.json"));
    let mut validator = validator.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    validator.stdin.take().unwrap().write_all(lines.to_string().as_bytes()).unwrap();
    let output = validator.wait_with_output().unwrap();
    assert!(output.status.success());
    out(&output)
}

/// A command of the test sequence, with its exit code and the titles of the schemas of its output lines.
struct Step<'a> {
    arguments: Vec<&'a str>,
    code: i32,
    titles: &'a [&'a str],
}

fn step<'a>(arguments: &'a str, code: i32, titles: &'a [&'a str]) -> Step<'a> {
    Step { arguments: arguments.split(' ').collect(), code, titles }
}

/// Runs the steps with `--json`, and validates each line that they print. Returns the names of the commands.
fn check(steps: &[Step<'_>], run: impl Fn(&[&str]) -> Output) -> BTreeSet<String> {
    let mut all: Vec<(&str, Value)> = Vec::new();
    let mut names = BTreeSet::new();
    for Step { arguments, code, titles } in steps {
        let output = run(&[&arguments[..], &["--json"]].concat());
        assert_eq!(output.status.code(), Some(*code), "{arguments:?} {}", printed(&output));
        let lines = lines(&output);
        assert!(!lines.is_empty(), "{arguments:?} {}", printed(&output));
        assert_eq!(
            lines.last().unwrap()["error"].is_object(),
            titles.contains(&ERROR),
            "{arguments:?} {}",
            printed(&output)
        );
        for line in lines {
            let title = if line["error"].is_object() {
                ERROR
            } else if line["event"].is_string() {
                EVENT
            } else {
                titles[0]
            };
            assert!(titles.contains(&title), "{arguments:?}: {line}");
            all.push((title, line));
        }
        names.insert(arguments[0].to_owned());
    }
    assert_eq!(faults(&object!(all)), "");
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_whole_life_is_valid_by_the_schema() {
    let fixture = Fixture::with_members(1).await;
    let (approved, digest) = awaiting_approval().await;
    let (rejected, _) = awaiting_approval().await;
    let life = move || {
        let (alias, approved, rejected) = (fixture.alias(), approved.alias(), rejected.alias());
        let file = input("contract", &object!({}));
        let file = file.to_str().unwrap();
        let stoppable = input(
            "stoppable",
            &object!({
                "phoneNumbers": [{ "country": "JP", "type": "DID", "prefix": "+813" }],
                "telephony": { "order": "manual" },
            }),
        );
        let folder = tempfile::tempdir().unwrap();
        let [written, pages] = ["new.json", "man"].map(|name| folder.path().join(name).display().to_string());
        let cloudless = [
            step("frobnicate", 2, &[ERROR]),
            step("start --document passport=a.png", 2, &[ERROR]),
            step("--version", 0, &["all commands: --help, --version"]),
            step("start --help", 0, &["all commands: --help, --version"]),
            step("local --assume help", 0, &["all commands: --help, --version"]),
            step("check examples/smallest.json", 0, &["check"]),
            step("check /no/such/file", 2, &["check"]),
            step("init /no/such/folder/a.json --alias acme", 2, &[ERROR]),
            Step { arguments: vec!["init", &written, "--alias", "acme", "--group", "A"], code: 0, titles: &["init"] },
            step("schema", 0, &["schema: a JSON Schema"]),
            step("schema output", 0, &["schema: a JSON Schema"]),
            step("completion bash", 0, &["completion"]),
            Step { arguments: vec!["man", &pages], code: 0, titles: &["man"] },
            step("entra-setup --region eu-west-1", 0, &["entra-setup"]),
            step("entra-setup --region 9", 2, &[ERROR]),
            step("list --profile nobody", 4, &[ERROR]),
            step("local --input /no/such/file", 2, &[ERROR]),
            step("deploy --folder /no/such/folder", 2, &[ERROR]),
            step("live-check --group A --profile nobody", 4, &[ERROR]),
        ];
        let mut names = check(&cloudless, |arguments| onboard().args(arguments).output().unwrap());
        let texts = [
            format!("plan {file}"),
            format!("start {file} --wait"),
            format!("start {file} --again"),
            format!("sync {alias} --plan"),
            format!("sync {alias} --wait"),
            format!("sync {alias}"),
            format!("approve {approved} --digest {digest}"),
            format!("reject {rejected}"),
            format!("reject {rejected} --quiet"),
            format!("doctor {file}"),
            format!("start {}", stoppable.display()),
            format!("sign-out {} --instance {alias}", fixture.username(0)),
            format!("evidence contract --output {}", folder.path().join("pack").display()),
        ];
        let steps = [
            step(&texts[0], 0, &["plan"]),
            step(&texts[1], 0, &[EVENT]),
            step(&texts[2], 0, &["start, sync"]),
            step("watch contract", 0, &[EVENT]),
            step("start /no/such/file", 2, &[ERROR]),
            step("status contract", 0, &["status"]),
            step("watch never-started", 2, &[ERROR]),
            step("list --all", 0, &["list"]),
            step("report contract", 0, &["report, local"]),
            step("logs contract", 0, &["logs"]),
            step("open contract", 0, &["open"]),
            step("stop contract", 2, &[ERROR]),
            step(&texts[10], 0, &["start, sync"]),
            step("stop stoppable", 5, &[ERROR]),
            step("stop stoppable --yes", 0, &["stop"]),
            step(&texts[3], 0, &["sync --wait, sync --plan"]),
            step(&texts[4], 0, &["sync --wait, sync --plan"]),
            step(&texts[5], 0, &["start, sync"]),
            step(&texts[11], 0, &["sign-out"]),
            step(&texts[6], 0, &["approve"]),
            step(&texts[7], 0, &["reject"]),
            step(&texts[8], 2, &[ERROR]),
            step("replay --count", 0, &["replay"]),
            step("rotate-certificate contract", 0, &["rotate-certificate"]),
            step("drift contract", 0, &["drift"]),
            step(&texts[12], 0, &["evidence"]),
            step(&texts[12], 2, &[ERROR]),
            step("export contract", 0, &["export"]),
            step("adopt contract", 0, &["adopt"]),
            step("teardown contract", 0, &["teardown"]),
            step("teardown contract --apply", 5, &[ERROR]),
            step(
                "teardown contract --users delete --connect-instance delete --apply --confirm contract",
                0,
                &["teardown"],
            ),
            step("drift contract", 2, &[ERROR]),
        ];
        names.extend(check(&steps, |arguments| cloud().onboard(arguments).output().unwrap()));
        let doctor =
            cloud().onboard(&[&texts[9].split(' ').collect::<Vec<_>>()[..], &["--json"]].concat()).output().unwrap();
        assert_eq!(faults(&object!([["doctor", lines(&doctor)[0]]])), "");
        names.insert("doctor".into());
        names
    };
    let names = tokio::task::spawn_blocking(life).await.unwrap();
    let missing: Vec<String> = Args::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .filter(|name| !names.contains(name))
        .collect();
    assert_eq!(missing, [""; 0], "commands whose output is not validated");
}

#[test]
fn a_local_run_prints_its_report_or_its_error_as_one_line() {
    let run = |arguments: &[&str]| local().args(["--users", "2", "--json"]).args(arguments).output().unwrap();
    let done = run(&[]);
    assert_eq!(done.status.code(), Some(0), "{}", printed(&done));
    let lines_of_it = lines(&done);
    assert_eq!(lines_of_it.len(), 1, "{}", printed(&done));
    assert!(err(&done).contains("✓ Preflight"), "{}", printed(&done));
    let folder = tempfile::tempdir().unwrap();
    let tenant = folder.path().join("tenant.json");
    fs::write(&tenant, r#"{"groups": []}"#).unwrap();
    let failed = local().args(["--json", "--tenant"]).arg(&tenant).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", printed(&failed));
    let error = lines(&failed);
    assert_eq!(error[0]["error"]["name"], "InvalidInput", "{}", printed(&failed));
    assert_eq!(faults(&object!([["report, local", lines_of_it[0]], [ERROR, error[0]]])), "");
}

#[test]
fn the_schema_rejects_lines_that_no_command_prints() {
    for line in [
        object!({}),
        object!({ "error": "text" }),
        object!({ "event": "unknown" }),
        object!([1]),
        object!({ "checks": 1 }),
    ] {
        assert_ne!(faults(&object!([[null, line]])), "", "{line}");
    }
}

#[test]
fn colors_and_progress_are_decided_for_each_stream_and_a_closed_or_full_stream_is_no_panic() {
    // Runs the program without a terminal. The output of the program is a pipe that is read, a pipe that is closed, or
    // a full device.
    let shell = |script: &str| {
        let program = onboard();
        let mut shell = Command::new("bash");
        shell.args(["-c", script, "bash"]).arg(program.get_program()).current_dir(root());
        shell.output().unwrap()
    };
    for command in ["schema", "completion bash", "--help", "--version", "--help --json", "schema output --json"] {
        let closed = shell(&format!("set -o pipefail; \"$1\" {command} | true; echo ${{PIPESTATUS[0]}}"));
        assert_eq!((out(&closed).trim(), err(&closed).as_str()), ("0", ""), "{command}");
        let full = shell(&format!("\"$1\" {command} > /dev/full; echo $?"));
        assert_eq!(out(&full).trim(), "1", "{command}");
        assert!(err(&full).contains("could not be written"), "{command}: {}", err(&full));
    }
    let closed = shell("\"$1\" frobnicate 2>&-; echo $?");
    assert_eq!(out(&closed).trim(), "2");

    // `pty.spawn` runs the program on a terminal. The redirection leaves only one output stream on the terminal.
    let terminal = |redirection: &str, variables: &[(&str, &str)]| {
        let mut script = Command::new("python3");
        script.args(["-c", "import pty,sys; pty.spawn(sys.argv[1:])", "bash", "-c"]);
        script.arg(format!("\"$0\" start /no/such/file {redirection}")).arg(onboard().get_program());
        script.current_dir(root()).env("TERM", "xterm").env_remove("NO_COLOR").envs(variables.iter().copied());
        out(&script.stdin(Stdio::null()).output().unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let coloured = terminal("", &[]);
    assert!(coloured.contains("\u{1b}[31m"), "{coloured:?}");
    assert!(!terminal("", &[("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!terminal("", &[("TERM", "dumb")]).contains('\u{1b}'));
    // Standard output is the terminal, and standard error is a file.
    terminal(&format!("2> {}", log.display()), &[]);
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("/no/such/file") && !text.contains('\u{1b}'), "{text:?}");
    // Standard error is the terminal, and standard output is a file.
    assert!(terminal(&format!("> {}", log.display()), &[]).contains("\u{1b}[31m"));
}

#[test]
fn quiet_omits_progress_and_suggestions_and_verbose_names_the_settings() {
    let file = input("quietly", &object!({}));
    let file = file.to_str().unwrap();
    let quiet = cloud().onboard(&["plan", file, "-q"]).output().unwrap();
    let loud = cloud().onboard(&["plan", file]).output().unwrap();
    assert!(out(&loud).contains("✓ PlanOnboarding") && out(&loud).contains("onboard start"), "{}", printed(&loud));
    assert!(out(&quiet).contains("Changes that an onboarding"), "{}", printed(&quiet));
    assert!(!out(&quiet).contains("✓ PlanOnboarding") && !out(&quiet).contains("onboard start"), "{}", printed(&quiet));
    let mut verbose = onboard();
    verbose.args(["list", "-v"]).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env("AWS_REGION", "eu-west-1");
    verbose.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let text = err(&verbose.output().unwrap());
    assert!(
        text.contains("Region: eu-west-1 (from AWS_REGION)") && text.contains("Stack: connect-onboarding"),
        "{text}"
    );
}

#[test]
fn a_dash_is_standard_input() {
    let text = fs::read(input("dash", &object!({}))).unwrap();
    let mut check = onboard();
    check.args(["check", "-"]);
    for mut command in [check, cloud().onboard(&["plan", "-"])] {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        assert!(out(&output).contains("dash"), "{}", printed(&output));
    }
}
