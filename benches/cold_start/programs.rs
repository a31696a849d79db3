//! Builds or installs the three measured programs in the form in which they would be deployed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    run::Program,
    tools::{build, output, python},
};

/// The measured programs in the order of the report, and the zip file with which `bootstrap` would be deployed.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) empty: Program,
    pub(crate) ours: Program,
    pub(crate) python: Program,
    pub(crate) bootstrap: PathBuf,
    pub(crate) zip: PathBuf,
}

/// Prepares all programs. Reuses existing builds, and the given `bootstrap` if there is one.
pub(crate) fn prepare(bootstrap: Option<PathBuf>) -> Result<Programs, String> {
    let empty = build("empty-lambda")?;
    let bootstrap = bootstrap.map_or_else(|| build("bootstrap"), Ok)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cold-start");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let python = python()?;
    let zip = zip(&python, &bootstrap, &folder)?;
    let handler = Path::new(env!("CARGO_MANIFEST_DIR")).join("handler.py");
    Ok(Programs {
        empty: Program { name: "empty lambda_runtime program", command: vec![empty], calls: 0 },
        ours: Program { name: "bootstrap, instance-quota", command: vec![bootstrap.clone()], calls: 1 },
        python: Program { name: "Python boto3 handler", command: vec![python, handler], calls: 1 },
        bootstrap,
        zip,
    })
}

/// Creates the zip file as `sam deploy` does: with Python's module `zipfile` and deflate compression.
fn zip(python: &Path, bootstrap: &Path, folder: &Path) -> Result<PathBuf, String> {
    let zip = folder.join("bootstrap.zip");
    let mut command = Command::new(python);
    command.args(["-m", "zipfile", "--create"]).arg(&zip).arg(bootstrap);
    output(command, "python -m zipfile")?;
    Ok(zip)
}
