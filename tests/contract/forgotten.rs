//! Tests that the checks of tests/contract.rs report a missing edit. Each test adds a step to a copy of the source, but
//! omits one of the edits that CONTRIBUTING.md lists.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::{ROOT, read};

/// The edits that add a step `do-something` to a copy of the source.
const EDITS: [&str; 6] = ["step", "main", "function", "permission", "task", "event"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            let _ = fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn edit(file: &Path, place: &str, added: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(place), "{} has no {place}", file.display());
    fs::write(file, text.replacen(place, &format!("{added}{place}"), 1)).unwrap();
}

/// Makes all edits except one. Returns the output of the checks.
fn without(forgotten: &str) -> String {
    let copied = tempfile::tempdir().unwrap();
    let root = copied.path();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["statemachine", "functions", "tests/events", "tests/compat"] {
        copy(&here.join(folder), &root.join(folder));
    }
    fs::copy(here.join("template.yaml"), root.join("template.yaml")).unwrap();
    for done in EDITS.into_iter().filter(|done| *done != forgotten) {
        match done {
            "step" => fs::write(root.join("functions/onboarding/do_something.rs"), "").unwrap(),
            "main" => edit(
                &root.join("functions/main.rs"),
                "            \"report\" =>",
                "            \"do-something\" => onboarding::do_something,\n",
            ),
            "function" => {
                let function = read("template.yaml");
                let report = function.split("  ReportFunction:").nth(1).unwrap();
                let metadata = report.lines().find(|line| line.contains("Metadata:")).unwrap();
                let function = format!(
                    "  DoSomethingFunction:\n    Type: AWS::Serverless::Function\n{metadata}\n    Properties:\n      Handler: do-something\n\n"
                );
                edit(&root.join("template.yaml"), "  ReportFunction:", &function);
                let substitution = "DoSomethingFunctionArn: !GetAtt DoSomethingFunction.Arn\n        ";
                edit(&root.join("template.yaml"), "ReportFunctionArn:", substitution);
            }
            "permission" => {
                let allowed = "- !GetAtt DoSomethingFunction.Arn\n                ";
                edit(&root.join("template.yaml"), "- !GetAtt ReportFunction.Arn", allowed);
            }
            "task" => {
                let file = root.join("statemachine/onboarding.asl.json");
                let mut machine: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
                let mut task = machine["States"]["Report"].clone();
                task["Resource"] = "${DoSomethingFunctionArn}".into();
                task["Arguments"] = serde_json::json!({"context": task["Arguments"]["context"]});
                machine["States"]["Report"]["Next"] = "DoSomething".into();
                machine["States"]["DoSomething"] = task;
                fs::write(file, machine.to_string()).unwrap();
            }
            _ => fs::write(root.join("tests/events/do-something.json"), "{}").unwrap(),
        }
    }
    let checks = Command::new(std::env::current_exe().unwrap())
        // Skips the checks that do not depend on the edits for a new step.
        .args(["contract::", "--skip", "forgotten::", "--skip", "costs::", "--skip", "layers::", "--skip", "lessons::"])
        .env(ROOT, root)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    String::from_utf8_lossy(&checks.stdout).into_owned()
}

#[test]
fn a_step_with_all_edits_lacks_only_its_line_in_the_contract_test() {
    let output = without("nothing");
    assert!(output.contains("tests/contract.rs has no input type for do-something"), "{output}");
    assert!(output.contains(" 1 failed"), "{output}");
}

#[test]
fn every_missing_edit_for_a_new_step_is_reported() {
    for (forgotten, named) in [
        ("step", "do-something has no functions/<workflow>/do_something.rs"),
        ("main", "handlers in template.yaml (left) and lines in main.rs (right)"),
        ("function", "invokes DoSomethingFunction, which template.yaml does not have"),
        ("permission", "functions that it calls (left) and may invoke (right)"),
        ("task", "DefinitionSubstitutions (left) and placeholders (right)"),
        ("event", "tests/events/do-something.json"),
    ] {
        let output = without(forgotten);
        assert!(output.contains(named), "without {forgotten}, the checks do not report {named:?}:\n{output}");
    }
}
