//! In each crate, a module imports only modules of the layers below its own layer, so that there is no import cycle.
//! The documentation of each crate lists its layers in the same order.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    WORKFLOWS,
    imports::{Source, sources},
    root,
};

/// The layers of the functions, from the top layer to the bottom layer. No workflow imports another workflow. The crate
/// `onboarding-core` is below all these layers, and can't import this crate.
const FUNCTIONS: [&[&str]; 8] =
    [&WORKFLOWS, &["inspect"], &["registry"], &["connect"], &["context"], &["entra"], &["aws"], &["runtime"]];
/// The modules of the tool `onboard`, from the top layer to the bottom layer.
const TOOL: [&[&str]; 9] =
    [&["commands"], &["follow"], &["report"], &["cloud"], &["ui"], &["args"], &["words"], &["output"], &["exit"]];
/// The modules of the local cloud, from the top layer to the bottom layer.
const LOCAL_CLOUD: [&[&str]; 3] = [&["cloud"], &["emulator"], &["stand_in"]];
/// The source files at the root of the tool `onboard` (`cli/src`).
const FILES: [&str; 3] = ["exit.rs", "lib.rs", "main.rs"];

/// The files of the layers of a crate. A layer is a directory, or a file at the root.
fn files(crate_root: &str, layers: &[&[&str]]) -> Vec<Source> {
    let folder = |name: &str| {
        let folder = name.replace("stand_in", "stand-in");
        if root().join(crate_root).join(&folder).is_dir() { folder } else { format!("{folder}.rs") }
    };
    let names: Vec<String> = layers.iter().flat_map(|modules| modules.iter().map(|name| folder(name))).collect();
    sources(crate_root, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The code of a file without its tests.
fn code(file: &Source) -> &str {
    file.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

#[test]
fn no_import_points_back() {
    let crates: [(&str, &[&[&str]]); 3] =
        [("functions", &FUNCTIONS), ("cli/src", &TOOL), ("local-cloud", &LOCAL_CLOUD)];
    for (crate_root, layers) in crates {
        let files = files(crate_root, layers);
        assert!(files.len() > 60, "{crate_root}: {}", files.len());
        let found: Vec<String> = files.iter().flat_map(|file| file.pointing_back(layers)).collect();
        assert_eq!(found, [""; 0]);
    }
}

/// Names the entries of a crate's root directory that are in no layer.
fn without_layer(crate_root: &str, layers: &[&[&str]], files: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(root().join(crate_root)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| !files.contains(&name.as_str()) && !layers.concat().contains(&name.as_str())).collect()
}

#[test]
fn every_directory_of_the_functions_and_of_the_tool_is_in_a_layer() {
    let functions = ["main.rs", "lib.rs", "build.rs", "context.rs", "core"];
    assert_eq!(without_layer("functions", &FUNCTIONS, &functions), [""; 0]);
    assert_eq!(without_layer("cli/src", &TOOL, &FILES), [""; 0]);
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

/// The forbidden imports that the check reports if a file has this content.
fn reported(crate_root: &str, file: &str, text: &str, layers: &[&[&str]]) -> Vec<String> {
    Source::new(Path::new(crate_root), PathBuf::from(file), text.to_owned()).pointing_back(layers)
}

#[test]
fn an_import_that_points_back_is_reported_in_every_form() {
    for (file, text, module) in [
        ("functions/aws/iam.rs", "use crate::context::Context;", "context"),
        ("functions/aws/iam.rs", "use crate::{\n    aws::{self, error},\n    entra::Graph,\n};", "entra"),
        ("functions/aws/iam.rs", "fn f() { crate::teardown::run() }", "teardown"),
        ("functions/aws/iam.rs", "use super::super::registry::Entry;", "registry"),
        ("functions/aws/quotas/mod.rs", "use super::super::context;", "context"),
        ("functions/aws/quotas/mod.rs", "mod tests { use super::super::super::context; }", "context"),
        ("functions/context.rs", "use super::connect::Writer;", "connect"),
        ("functions/onboarding/report.rs", "use crate::user_sync::sync_users;", "user_sync"),
        ("functions/onboarding/telephony/support.rs", "use crate::{drift, aws};", "drift"),
    ] {
        assert_eq!(reported("functions", file, text, &FUNCTIONS), [format!("{file} imports {module}")], "{text}");
    }
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
        assert_eq!(reported("cli/src", file, text, &TOOL), [format!("{file} imports {module}")], "{text}");
    }
    let file = "local-cloud/stand-in/graph/mod.rs";
    let found = reported("local-cloud", file, "use crate::emulator::Stack;", &LOCAL_CLOUD);
    assert_eq!(found, [format!("{file} imports emulator")]);
}

#[test]
fn imports_of_the_own_module_and_of_lower_layers_are_not_reported() {
    for (file, text) in [
        ("functions/onboarding/report.rs", "use crate::{aws, context::{Context, entra}, onboarding::notify, runtime};"),
        ("functions/onboarding/telephony/support.rs", "use super::super::notify;"),
        ("functions/entra/mod.rs", "// crate::onboarding\nuse crate::{aws::{context}, runtime};"),
    ] {
        assert_eq!(reported("functions", file, text, &FUNCTIONS), [""; 0], "{text}");
    }
    for (file, text) in [
        ("cli/src/commands/local/mod.rs", "use crate::{cloud::kept::Kept, commands::{follower, page}, exit::Exit};"),
        ("cli/src/follow/mod.rs", "//! crate::commands\nuse crate::{ui::{commands, Tone}, words::Words};"),
        ("cli/src/report/page/mod.rs", "mod tests {\n    use super::*;\n}"),
    ] {
        assert_eq!(reported("cli/src", file, text, &TOOL), [""; 0], "{text}");
    }
}
