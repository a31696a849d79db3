//! Builds the tool `onboard` and the binary of the Lambda functions with one cargo process.

use std::{
    io::{BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use crate::progress::Progress;

/// The first words of cargo's own status lines. If the flag next to a word is true, the launcher shows the lines that
/// start with this word. It does not show `Compiling` lines, because the progress bar already names the crates that are
/// being compiled.
const WORK: [(&str, bool); 9] = [
    ("Blocking", true),
    ("Updating", true),
    ("Fetch", true),
    ("Downloading", true),
    ("Downloaded", true),
    ("Locking", false),
    ("Compiling", false),
    ("Fresh", false),
    ("Finished", false),
];

/// Builds `onboard` and, if `functions` is true, also the binary of the Lambda functions. Prints the compiler's output.
/// Returns whether the build succeeded.
pub(crate) fn build(root: &Path, functions: bool, progress: &Progress) -> Result<bool, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--bin", "onboard"]);
    if functions {
        cargo.args(["--bin", "bootstrap"]);
    }
    // The launcher parses cargo's progress bar, so cargo must print the progress bar even if its output is not a
    // terminal.
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "200");
    if progress.is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = cargo
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo did not start: {error}"))?;
    if let Some(output) = child.stderr.take() {
        for_each_line(output, |line| match shown(&plain(line)) {
            Shown::Progress(text) => progress.cargo(text),
            Shown::Line => progress.line(line),
            Shown::Nothing => {}
        });
    }
    let status = child.wait().map_err(|error| format!("cargo can't be waited for: {error}"))?;
    progress.cargo("");
    Ok(status.success())
}

#[derive(Debug, PartialEq, Eq)]
enum Shown<'a> {
    Progress(&'a str),
    Line,
    Nothing,
}

/// Determines how a line of cargo's output is shown.
///
/// A line of the progress bar has the form `    Building [==>   ] 12/305: name, name`.
fn shown(line: &str) -> Shown<'_> {
    let text = line.trim();
    if let Some((_, done)) = text.strip_prefix("Building [").and_then(|bar| bar.split_once(']')) {
        return Shown::Progress(done.trim());
    }
    let word = text.split(' ').next().unwrap_or_default();
    match WORK.iter().find(|(work, _)| *work == word && line.starts_with(' ')) {
        Some((_, true)) => Shown::Progress(text),
        None if !text.is_empty() => Shown::Line,
        _ => Shown::Nothing,
    }
}

/// Removes the escape sequences (`ESC [ … letter`) that set colors or clear a line.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest)
    })
}

/// Calls `each` for every line. A line ends with a line feed or, in a progress bar, with a carriage return.
fn for_each_line(output: impl Read, mut each: impl FnMut(&str)) {
    let mut line = Vec::new();
    for byte in BufReader::new(output).bytes().map_while(Result::ok) {
        if byte == b'\n' || byte == b'\r' {
            each(&String::from_utf8_lossy(&line));
            line.clear();
        } else {
            line.push(byte);
        }
    }
    each(&String::from_utf8_lossy(&line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_progress_is_shown_as_progress_and_compiler_output_unchanged() {
        assert_eq!(
            shown("    Building [====>      ] 12/305: aws-sdk-connect, syn"),
            Shown::Progress("12/305: aws-sdk-connect, syn")
        );
        assert_eq!(
            shown("    Blocking waiting for file lock on build directory"),
            Shown::Progress("Blocking waiting for file lock on build directory")
        );
        assert_eq!(
            shown(" Downloading 307 crates, remaining bytes: 20.3MiB"),
            Shown::Progress("Downloading 307 crates, remaining bytes: 20.3MiB")
        );
        assert_eq!(shown("   Compiling syn v2.0.0"), Shown::Nothing);
        assert_eq!(shown("error[E0308]: mismatched types"), Shown::Line);
        assert_eq!(shown("  --> src/main.rs:1:1"), Shown::Line);
        assert_eq!(shown(""), Shown::Nothing);
    }

    #[test]
    fn colour_sequences_are_removed_from_a_line() {
        assert_eq!(plain("\x1b[1m\x1b[92m   Compiling\x1b[0m syn v2.0.0\x1b[K"), "   Compiling syn v2.0.0");
        assert_eq!(plain("plain"), "plain");
    }

    #[test]
    fn a_line_ends_with_a_line_feed_or_a_carriage_return() {
        let mut lines = Vec::new();
        for_each_line(&b"one\rtwo\nthree"[..], |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two", "three"]);
    }
}
