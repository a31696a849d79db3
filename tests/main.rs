//! The integration tests of the functions, the template and the documents. They are one program, because each
//! additional program would link the AWS SDK again.

#![recursion_limit = "256"]

#[path = "aws_steps/main.rs"]
mod aws_steps;
mod contract;
mod documents;
mod entra_steps;
#[path = "event_path/main.rs"]
mod event_path;
mod support;
#[path = "user_sync/main.rs"]
mod user_sync;

/// Cargo does not search `tests/` for test programs, so a file that is not a module of this program would never run.
#[test]
fn every_test_file_is_a_module_of_this_program() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let program = std::fs::read_to_string(tests.join("main.rs")).unwrap_or_default();
    let mut modules = Vec::new();
    for path in std::fs::read_dir(&tests).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let is_module = path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file();
        if let Some(name) = path.file_stem().filter(|name| is_module && *name != "main") {
            modules.push(name.to_string_lossy().into_owned());
        }
    }
    assert!(modules.len() > 4, "{modules:?}");
    for name in modules {
        assert!(program.contains(&format!("mod {name};")), "tests/main.rs has no `mod {name};`");
    }
}
