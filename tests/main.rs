//! The integration tests of the functions, the template and the documents. All integration tests are one program,
//! because each additional program would link the AWS SDK again.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![recursion_limit = "256"]

mod contract;
mod documents;
mod steps;

use std::{fs, path::Path};

/// The Rust files below `folder` that no module declares. `parent` is the source of the module to which `folder`
/// belongs.
fn undeclared(folder: &Path, parent: &str) -> Vec<String> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_string_lossy();
        let declared = parent.contains(&format!("mod {name};"));
        if path.extension().is_some_and(|extension| extension == "rs") {
            if !declared && !["main", "mod"].contains(&&*name) {
                found.push(path.display().to_string());
            }
        } else if path.is_dir() && !path.join("Cargo.toml").is_file() {
            let module = ["mod.rs", "main.rs"].map(|file| path.join(file));
            let module = [path.with_extension("rs")].into_iter().chain(module).find(|file| file.is_file());
            found.extend(undeclared(&path, &module.map_or_else(String::new, |file| fs::read_to_string(file).unwrap())));
            if !declared && path.join("mod.rs").is_file() {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Cargo does not search `tests/` for test programs, so a file that is not a module would never run.
#[test]
fn every_test_file_is_a_module_of_its_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    assert_eq!(undeclared(&folder, include_str!("main.rs")), [""; 0]);
}
