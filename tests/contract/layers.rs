//! The directories of `functions/` are layers: each uses only itself and the layers below it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{WORKFLOWS, imports::used, read, root};

/// The layers below the workflows, from top to bottom. The next layer is the crate `onboarding-core`, which can't use
/// this crate.
const LAYERS: [&str; 7] = ["inspect", "registry", "connect", "context", "entra", "aws", "runtime"];

/// The position of a directory from top to bottom: 0 for a workflow, 1 for the first layer. `None` if the directory is
/// not in a layer.
fn position(directory: &str) -> Option<usize> {
    if WORKFLOWS.contains(&directory) {
        return Some(0);
    }
    LAYERS.iter().position(|layer| *layer == directory).map(|position| position + 1)
}

/// The imports of a file from a layer above it or from another directory of the same layer.
fn pointing_back(file: &str, source: &str) -> Vec<String> {
    let parts: Vec<&str> = file.trim_start_matches("functions/").trim_end_matches(".rs").split('/').collect();
    let own = parts[0];
    let layer = position(own).unwrap_or_else(|| panic!("{file} is in no layer; add its directory to {}", file!()));
    used(source, parts.iter().filter(|part| **part != "mod").count())
        .into_iter()
        .filter(|name| *name != own && position(name).is_some_and(|position| position <= layer))
        .map(|name| format!("{file} uses {name}"))
        .collect()
}

/// The source files below a directory, relative to the root.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).unwrap().map(|entry| directory.join(entry.unwrap().file_name()));
    entries
        .flat_map(|path| match path.extension() {
            Some(extension) if extension == "rs" => vec![path],
            None => sources(&path),
            Some(_) => Vec::new(),
        })
        .collect()
}

#[test]
fn no_directory_uses_a_workflow_or_a_layer_above_it() {
    let outside = ["functions/main.rs", "functions/lib.rs", "functions/build.rs"].map(PathBuf::from);
    let files: Vec<PathBuf> = sources(Path::new("functions"))
        .into_iter()
        .filter(|file| !outside.contains(file) && !file.starts_with("functions/core"))
        .collect();
    assert!(files.len() > 80, "{}", files.len());
    let found: Vec<String> =
        files.iter().flat_map(|file| pointing_back(&file.to_string_lossy(), &read(file))).collect();
    assert_eq!(found, [""; 0], "uses that point back");
}

#[test]
fn a_use_that_points_back_is_reported_in_every_form() {
    for (file, source, names) in [
        ("functions/aws/iam.rs", "use crate::context::Context;", "context"),
        ("functions/aws/iam.rs", "use crate::{\n    aws::{self, error},\n    entra::Graph,\n};", "entra"),
        ("functions/aws/iam.rs", "fn f() { crate::teardown::run() }", "teardown"),
        ("functions/aws/iam.rs", "use super::super::registry::Entry;", "registry"),
        ("functions/aws/quotas/mod.rs", "use super::super::context;", "context"),
        ("functions/aws/quotas/mod.rs", "mod tests { use super::super::super::context; }", "context"),
        ("functions/context.rs", "use super::connect::Writer;", "connect"),
        ("functions/onboarding/report.rs", "use crate::user_sync::sync_users;", "user_sync"),
        ("functions/onboarding/telephony/orders.rs", "use crate::{drift, aws};", "drift"),
    ] {
        assert_eq!(pointing_back(file, source), [format!("{file} uses {names}")], "{source}");
    }
}

#[test]
fn uses_of_the_own_directory_and_of_lower_layers_are_not_reported() {
    for (file, source) in [
        ("functions/onboarding/report.rs", "use crate::{aws, context::{Context, entra}, onboarding::notify, runtime};"),
        ("functions/onboarding/telephony/orders.rs", "use super::super::notify;"),
        ("functions/entra/mod.rs", "// crate::onboarding\nuse crate::{aws::{context}, runtime};"),
    ] {
        assert_eq!(pointing_back(file, source), [""; 0], "{source}");
    }
}
