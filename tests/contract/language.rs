//! Checks that the six state machines contain nothing that Step Functions rejects. The rules are in
//! `local-cloud/emulator/definitions.py`, which the local cloud also uses. Linters for state machines do not check all
//! of these rules.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::machines;

const RULES: &str = include_str!("../../local-cloud/emulator/definitions.py");
const TESTS: &str = include_str!("../../local-cloud/emulator/definitions_test.py");

/// Runs the Python code of the rules, followed by this Python program. Returns the program's output.
fn python(program: &str, input: &str) -> String {
    let mut python = Command::new("python3")
        .args(["-I", "-c", &format!("{RULES}\n{program}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn step_functions_accepts_every_state_machine() {
    let all = machines();
    assert_eq!(all.len(), 6);
    for (file, machine) in all {
        let check = "import json, sys\nprint('\\n'.join(definition_faults(json.load(sys.stdin))))";
        assert_eq!(python(check, &machine.to_string()).trim(), "", "{file}");
    }
}

#[test]
fn each_rule_rejects_a_definition_that_violates_it() {
    python(TESTS, "");
}
