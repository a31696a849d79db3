//! Exit codes and messages of all commands that end before a cloud is started.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::common::{err, onboard, out, root};
use serde_json::{Value, json};

/// An input with one invalid field in each section.
fn wrong_everywhere() -> Value {
    json!({
        "instance": { "alias": "d-acme", "inboundCalls": "yes" },
        "quotas": { "concurrentActiveCals": 20 },
        "phoneNumbers": [{ "country": "Japan", "type": "DID" }],
        "documents": { "identity": "a.pdf" },
        "telephony": { "order": "fax" },
        "entra": { "assignment": "everyone" },
        "iam": { "sessionDuration": "PT13H" },
        "users": { "groups": [{ "group": "A" }, { "group": "A", "securityProfiles": ["Agent"] }], "brake": { "maxRemovalsPercent": 101 } },
        "language": "fr"
    })
}

const WRONG: [&str; 10] = [
    "$.instance.alias",
    "$.instance.inboundCalls",
    "$.quotas",
    "$.phoneNumbers[0].country",
    "$.documents",
    "$.telephony.order",
    "$.entra.assignment",
    "$.iam.sessionDuration",
    "$.users.groups[0].securityProfiles",
    "$.language",
];

fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn check_reports_all_faults_with_their_paths_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "bad.json", &wrong_everywhere().to_string());
    let output = onboard().args(["check", &file]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = err(&output);
    for path in WRONG {
        assert!(text.contains(path), "{path} is missing in:\n{text}");
    }
}

#[test]
fn check_reports_the_same_faults_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "bad.json", &wrong_everywhere().to_string());
    let output = onboard().args(["check", "--json", &file]).output().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &result["valid"]), (Some(2), &json!(false)));
    assert!(result["problems"].as_array().unwrap().len() >= WRONG.len());
    assert!(result["problems"][0]["path"].as_str().unwrap().starts_with("$."));
}

#[test]
fn check_accepts_the_examples() {
    for name in ["smallest.json", "everything.json"] {
        let output = onboard().arg("check").arg(root().join("examples").join(name)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", err(&output));
    }
}

#[test]
fn local_starts_and_records_nothing_if_the_input_is_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "bad.json", &wrong_everywhere().to_string());
    let record = folder.path().join("record.jsonl");
    let output = onboard().args(["local", "--input", &file, "--record"]).arg(&record).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = err(&output);
    assert!(WRONG.iter().all(|path| text.contains(path)) && text.contains("Nothing was started"), "{text}");
    assert!(fs::read_to_string(&record).unwrap_or_default().is_empty());
}

#[test]
fn local_rejects_an_invalid_tenant_and_invalid_fault_rules_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let tenant = write(folder.path(), "tenant.json", r#"{"groups": [{"displayName": "A", "members": 3}]}"#);
    let faults = write(folder.path(), "faults.json", r#"[{"match": "CreateUser", "status": 200}]"#);
    for (option, file, place) in [("--tenant", tenant, "$.groups[0]"), ("--faults", faults, "$[0]")] {
        let output = onboard().args(["local", option, &file]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{option}: {}", err(&output));
        assert!(err(&output).contains(place), "{option}: {}", err(&output));
    }
}

/// A script that replaces `python3`. The script calls the real interpreter, which runs this statement and then the
/// original program.
fn python_after(statement: &str) -> String {
    let find = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    let start = format!("import sys; {statement}; exec(sys.argv.pop(1))");
    format!("exec {} \"$1\" \"$2\" '{start}' \"$3\" \"$4\"", out(&find).trim())
}

/// Runs `local` with this script as `python3`.
fn with_python(script: Option<&str>) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    if let Some(script) = script {
        let python = folder.path().join("python3");
        fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = env!("CARGO_BIN_EXE_onboard");
    let output = onboard().args(["local", "--bootstrap", program]).env("PATH", folder.path()).output().unwrap();
    (output.status.code(), err(&output))
}

#[test]
fn without_python_local_exits_with_3_and_explains_how_to_install_it() {
    let (code, text) = with_python(None);
    assert_eq!(code, Some(3));
    assert!(text.contains("python3 was not found") && text.contains("apt install python3"), "{text}");
}

#[test]
fn with_an_old_python_local_exits_with_3_and_names_the_required_version() {
    let (code, text) = with_python(Some(&python_after("sys.version_info = (3, 8, 0)")));
    assert_eq!(code, Some(3));
    assert!(text.contains("Python 3.8, which is too old") && text.contains("Python 3.10 or newer"), "{text}");
}

#[test]
fn without_the_venv_module_local_exits_with_3_and_names_the_package_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fake").display().to_string();
    fs::write(&path, "#!/bin/sh\necho 'ensurepip is not available' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let statement = format!("sys.version_info = (3, 11, 0); sys.executable = \"{path}\"");
    let (code, text) = with_python(Some(&python_after(&statement)));
    assert_eq!(code, Some(3));
    assert!(text.contains("ensurepip is not available") && text.contains("python3.11-venv"), "{text}");
}

#[test]
fn the_printed_schema_equals_the_schema_in_the_repository() {
    let output = onboard().arg("schema").output().unwrap();
    assert!(out(&output) == fs::read_to_string(root().join("onboarding.schema.json")).unwrap());
}
