//! In the operator's tool and in the local cloud, each module imports only modules below it, in the order in which the
//! documentation of the crate lists the modules. So there is no import cycle.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::imports::{Source, sources};

/// The modules of the tool from top to bottom.
const TOOL: [&str; 8] = ["commands", "follow", "report", "cloud", "ui", "args", "words", "exit"];
/// The modules of the local cloud from top to bottom.
const LOCAL_CLOUD: [&str; 3] = ["cloud", "emulator", "stand_in"];
/// The files at the root of the tool.
const FILES: [&str; 3] = ["exit.rs", "lib.rs", "main.rs"];

fn tool() -> Vec<Source> {
    sources("cli/src", &["commands", "follow", "report", "cloud", "ui", "args", "words", "exit.rs"])
}

fn pointing_back(files: &[Source], order: &[&str]) -> Vec<String> {
    files.iter().flat_map(|file| file.pointing_back(order)).collect()
}

/// The code of a file without its tests.
fn code(file: &Source) -> &str {
    file.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

#[test]
fn no_import_of_the_tool_points_back() {
    let files = tool();
    assert!(files.len() > 60, "{}", files.len());
    assert_eq!(pointing_back(&files, &TOOL), [""; 0]);
}

#[test]
fn every_file_of_the_tool_is_in_a_directory() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/src");
    for entry in fs::read_dir(root).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(FILES.contains(&name.as_str()) || TOOL.contains(&name.as_str()), "cli/src/{name} has no place");
    }
}

#[test]
fn no_import_of_the_local_cloud_points_back() {
    let files = sources("local-cloud", &["cloud.rs", "emulator", "stand-in"]);
    assert!(files.len() > 80, "{}", files.len());
    assert_eq!(pointing_back(&files, &LOCAL_CLOUD), [""; 0]);
}

#[test]
fn the_stand_in_does_not_depend_on_the_product() {
    for file in sources("local-cloud", &["stand-in"]) {
        for product in ["onboarding_core", "connect_onboarding", "onboard_cli"] {
            assert!(!file.text.contains(product), "{} names {product}", file.path.display());
        }
    }
}

#[test]
fn following_calls_no_cloud_and_reads_no_clock() {
    let files = sources("cli/src", &["follow"]);
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        for impure in [".await", "async fn", "Instant", "SystemTime", "now_utc", "std::fs"] {
            assert!(!code(&file).contains(impure), "{} contains {impure}", file.path.display());
        }
    }
}

#[test]
fn an_import_that_points_back_is_reported_in_every_form() {
    for (file, text, module) in [
        ("cli/src/cloud/mod.rs", "use crate::{args::On, commands::local::kept::Kept, words::Words};", "commands"),
        ("cli/src/args/local.rs", "use crate::commands::local::credentials::CredentialKind;", "commands"),
        ("cli/src/args/local.rs", "use super::super::cloud::Cloud;", "cloud"),
        ("cli/src/exit.rs", "use super::words::Words;", "words"),
        ("cli/src/follow/tree.rs", "fn f() { crate::commands::follower::now(); }", "commands"),
        (
            "cli/src/ui/console.rs",
            "mod tests {\n    use crate::{\n        report::{page, terminal},\n    };\n}",
            "report",
        ),
    ] {
        let source = Source::new(Path::new("cli/src"), PathBuf::from(file), text.to_owned());
        assert_eq!(source.pointing_back(&TOOL), [format!("{file} imports {module}")], "{text}");
    }
    let emulator = PathBuf::from("local-cloud/stand-in/graph/mod.rs");
    let source = Source::new(Path::new("local-cloud"), emulator, "use crate::emulator::Stack;".to_owned());
    assert_eq!(source.pointing_back(&LOCAL_CLOUD), ["local-cloud/stand-in/graph/mod.rs imports emulator"]);
}

#[test]
fn imports_of_the_own_module_and_of_lower_modules_are_not_reported() {
    for (file, text) in [
        ("cli/src/commands/local/mod.rs", "use crate::{cloud::kept::Kept, commands::{follower, page}, exit::Exit};"),
        ("cli/src/follow/mod.rs", "//! crate::commands\nuse crate::{ui::{commands, Tone}, words::Words};"),
        ("cli/src/report/page/mod.rs", "mod tests {\n    use super::*;\n}"),
    ] {
        let source = Source::new(Path::new("cli/src"), PathBuf::from(file), text.to_owned());
        assert_eq!(source.pointing_back(&TOOL), [""; 0], "{text}");
    }
}
