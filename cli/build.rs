//! Adds the commit to the version of the program. Without Git, or outside a clone of this repository (for example in a
//! source archive), the version contains no commit. For such a build, the environment variable `ONBOARD_COMMIT` can
//! specify the commit.

use std::{fs, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-env-changed=ONBOARD_COMMIT");
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let root = Path::new(&variable("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let commit = variable("ONBOARD_COMMIT").or_else(|| commit(&root));
    let version = variable("CARGO_PKG_VERSION").unwrap_or_default();
    let version = commit.map_or_else(|| version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo:rustc-env=ONBOARD_VERSION={version}");
}

/// The current commit and its date.
fn commit(root: &Path) -> Option<String> {
    // A source archive inside another repository must not report the commit of that repository.
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    if fs::canonicalize(top).ok()? != fs::canonicalize(root).ok()? {
        return None;
    }
    // Cargo runs this build script again if the file `HEAD` or its log changes. `HEAD` changes when another branch is
    // checked out. The log changes with each commit.
    for name in ["HEAD", "logs/HEAD"] {
        let file = root.join(git(root, &["rev-parse", "--git-path", name])?);
        if file.exists() {
            println!("cargo:rerun-if-changed={}", file.display());
        }
    }
    git(root, &["log", "-1", "--abbrev=12", "--format=%h %cs"])
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
