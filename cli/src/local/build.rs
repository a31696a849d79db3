//! The functions' binary: built from the checkout with the same profile and the same package selection as this program,
//! so that the SDK crates are compiled once.

use std::{ffi::OsString, path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

use super::{child::Group, failure::Failure, workspace::Workspace};
use crate::console::{Console, Tone};

/// Gives the binary's path: the given one, or a freshly built one.
///
/// # Errors
/// Where the given file is none, or where cargo is missing or fails.
pub async fn bootstrap(given: Option<PathBuf>, workspace: &Workspace, console: &Console) -> Result<PathBuf, Failure> {
    if let Some(file) = given {
        return if file.is_file() {
            Ok(file)
        } else {
            Err(Failure::not_started(|words| (words.no_file(file.display()), words.leave_out_bootstrap())))
        };
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command
        .args(["build", "--bin", "bootstrap", "--message-format", "json-render-diagnostics"])
        .current_dir(&workspace.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut group = Group::spawn(&mut command)
        .map_err(|error| Failure::not_started(|words| (words.cargo_not_started(&error), words.install_rust())))?;
    let (out, err) = (group.child.stdout.take(), group.child.stderr.take());
    let (executable, said) = tokio::join!(executable(out), narrate(err, console));
    console.status(None);
    let status = group
        .wait()
        .await
        .map_err(|error| Failure::not_started(|words| (words.cargo_lost(&error), words.try_again())))?;
    match executable {
        Some(file) if status.success() => Ok(file),
        _ => Err(Failure::not_started(|words| (words.not_built(&said), words.look_at_compiler()))),
    }
}

/// Where cargo says the binary is: a target folder of the person's own is respected.
async fn executable(out: Option<impl AsyncRead + Unpin>) -> Option<PathBuf> {
    let mut lines = BufReader::new(out?).lines();
    let mut found = None;
    while let Ok(Some(line)) = lines.next_line().await {
        found = artifact(&line).or(found);
    }
    found
}

fn artifact(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    (message["target"]["name"] == "bootstrap").then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
}

/// Shows what is compiled; gives the last lines for the case of a failure.
async fn narrate(err: Option<impl AsyncRead + Unpin>, console: &Console) -> String {
    let Some(err) = err else { return String::new() };
    let mut lines = BufReader::new(err).lines();
    let (mut said, mut compiled) = (Vec::new(), 0_usize);
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(package) = line.trim_start().strip_prefix("Compiling ") {
            if compiled == 0 {
                console.line(&console.paint(Tone::Faint, &console.words().compiling_functions()));
            }
            compiled += 1;
            let name = package.split(" (").next().unwrap_or(package);
            console.status(Some(&console.words().compiling(compiled, name)));
        } else if line.trim_start().starts_with("Blocking ") {
            console.status(Some(&console.words().waits_for_cargo()));
        } else {
            said.push(format!("  {line}"));
        }
    }
    said[said.len().saturating_sub(60)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_where_cargo_says_it_is() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"bootstrap"},"executable":"/t/debug/bootstrap"}"#;
        assert_eq!(artifact(line), Some("/t/debug/bootstrap".into()));
        assert_eq!(artifact(&line.replace("bootstrap\"}", "other\"}")), None);
        assert_eq!(artifact("warning: not JSON"), None);
    }
}
