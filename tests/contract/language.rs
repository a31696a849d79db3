//! The six state machines, held to what Step Functions refuses in a definition. The rules stand in
//! `cli/src/local/definitions.py`, by which the local cloud refuses a definition as Step Functions does; linters of state
//! machines pass several of the forbidden lists.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::machines;

const RULES: &str = include_str!("../../cli/src/local/definitions.py");
const TESTS: &str = include_str!("../../cli/src/local/definitions_test.py");

/// Runs this program after the rules; what it printed.
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
fn step_functions_refuses_nothing_in_the_state_machines() {
    let all = machines();
    assert_eq!(all.len(), 6);
    for (file, machine) in all {
        let check = "import json, sys\nprint('\\n'.join(definition_faults(json.load(sys.stdin))))";
        assert_eq!(python(check, &machine.to_string()).trim(), "", "{file}");
    }
}

#[test]
fn each_rule_of_definitions_refuses_what_breaks_it() {
    python(TESTS, "");
}
