//! While cargo builds, creates the Python environment in which the AWS emulator of `onboard local` runs. If this fails,
//! `onboard local` tries again and explains the error.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread::{self, JoinHandle},
};

use crate::progress::Progress;

const PROGRAM: &str = include_str!("../../../local-cloud/emulator/environment.py");
const REQUIREMENTS: &str = include_str!("../../../local-cloud/emulator/requirements.txt");

/// Starts a thread that creates the environment.
pub(crate) fn prepare(root: &Path, progress: &Progress) -> JoinHandle<std::io::Result<()>> {
    let (root, progress) = (root.to_path_buf(), progress.clone());
    thread::spawn(move || {
        let made = make(&root, &progress);
        progress.emulator("");
        made
    })
}

fn make(root: &Path, progress: &Progress) -> std::io::Result<()> {
    let cache = root.canonicalize()?.join("target").join("local-cloud");
    let mut python = Command::new("python3");
    python.args(["-I", "-c", PROGRAM]).arg(cache);
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(REQUIREMENTS.as_bytes())?;
    }
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        if let Some(text) = progress_text(&line?) {
            progress.emulator(text);
        }
    }
    child.wait().map(drop)
}

/// Returns pip's message from a line that `environment.py` prints: `{"progress": "Collecting boto3==…"}`.
fn progress_text(line: &str) -> Option<&str> {
    line.strip_prefix(r#"{"progress": ""#)?.strip_suffix(r#""}"#)?.split(" (from ").next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_message_is_shown_without_the_requirements_file() {
        assert_eq!(
            progress_text(r#"{"progress": "Collecting boto3==1.43 (from -r /x (line 1))"}"#),
            Some("Collecting boto3==1.43")
        );
        assert_eq!(progress_text(r#"{"ready": "/x"}"#), None);
    }
}
