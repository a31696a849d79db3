//! Output on the terminal: lines and, below these lines, one status line that is rewritten in place.
//!
//! Results, progress messages and suggestions are lines on standard output. Errors are written to standard error. With
//! `--json`, standard output contains only JSON, with one object per line, and all text is written to standard error.
//! If the result of a command is a text, for example a Terraform configuration, standard output contains only this
//! text, and all lines are written to standard error.

use std::{
    io::{self, ErrorKind, IsTerminal},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use onboarding_core::text::is_control;
use serde::Serialize;
use unicode_width::UnicodeWidthChar;

use super::stream::Stream;
use crate::{args::hints::Hints, words::Words};

/// Whether [`detail`] prints its text. True with `--verbose`.
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Prints a line to standard error if `--verbose` is set.
pub fn detail(text: &str) {
    if VERBOSE.load(Ordering::Relaxed) {
        let _ = Stream::Err.write(&format!("{text}\n"));
    }
}

/// The meaning of a text, which determines its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// Text of a heading.
    Strong,
    /// Secondary information.
    Faint,
    /// Text about a success.
    Good,
    /// Text of a warning.
    Warn,
    /// Text about a failure.
    Bad,
}

/// The options that all commands share and that determine what is printed and asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Whether results are printed as JSON (`--json`).
    pub json: bool,
    /// Whether the result of the command is a text on standard output.
    pub prints_text: bool,
    /// Whether progress and suggestions are omitted (`--quiet`).
    pub quiet: bool,
    /// Whether more details are printed (`--verbose`).
    pub verbose: bool,
    /// Whether yes/no questions are answered with yes (`--yes`).
    pub yes: bool,
    /// Whether questions are not allowed (`--no-input`).
    pub no_input: bool,
}

/// Writes results to standard output and errors to standard error.
#[derive(Debug)]
pub struct Console {
    preferences: Preferences,
    /// The stream to which lines are written.
    stream: Stream,
    live: bool,
    colour: bool,
    words: Words,
    hints: Hints,
    status: Mutex<String>,
    last_line: Mutex<Instant>,
    /// Whether a result could not be written.
    lost: AtomicBool,
}

impl Console {
    /// Creates the console of this process.
    #[must_use]
    pub fn of_this_process(words: Words, preferences: Preferences, hints: Hints) -> Self {
        VERBOSE.store(preferences.verbose, Ordering::Relaxed);
        let only_results = preferences.json || preferences.prints_text;
        let stream = if only_results { Stream::Err } else { Stream::Out };
        // If JSON results are printed on a terminal, no status line or drawing is shown, because it would overwrite the
        // results.
        let mixed = preferences.json && io::stdout().is_terminal();
        Self {
            preferences,
            stream,
            live: stream.is_terminal() && !preferences.quiet && !mixed,
            colour: stream.has_colour(),
            words,
            hints,
            status: Mutex::default(),
            last_line: Mutex::new(Instant::now()),
            lost: AtomicBool::new(false),
        }
    }

    /// The message catalog in the operator's language.
    #[must_use]
    pub const fn words(&self) -> Words {
        self.words
    }

    /// Whether `--json` is set.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.preferences.json
    }

    /// Whether yes/no questions are answered with yes.
    #[must_use]
    pub const fn says_yes(&self) -> bool {
        self.preferences.yes
    }

    /// Whether the program can ask the operator a question. This requires a terminal as standard input.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        !self.preferences.json && !self.preferences.no_input && io::stdin().is_terminal()
    }

    /// Prints a question without a line break, so that the operator types the answer on the same line.
    pub fn question(&self, text: &str) {
        self.status(None);
        let _ = Stream::Err.write(&format!("{text} "));
    }

    /// Whether a result could not be written, for example because the disk is full. A closed pipe is not such a
    /// failure: the program that read from the pipe (for example `head`) has ended, because it needs no more output.
    #[must_use]
    pub fn has_lost_output(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// With `--json`, prints a result or an event as a line of JSON.
    pub fn result(&self, result: &impl Serialize) {
        if self.preferences.json {
            let text = serde_json::to_value(result).unwrap_or_default().to_string();
            self.raw(&text);
        }
    }

    /// Prints a text unchanged to standard output, even with `--json`. Commands whose result is a text, for example a
    /// script, use this function.
    pub fn raw(&self, text: &str) {
        self.write(Stream::Out, &format!("{text}\n"));
    }

    fn write(&self, stream: Stream, text: &str) {
        if let Err(error) = stream.write(text)
            && error.kind() != ErrorKind::BrokenPipe
            && !self.lost.swap(true, Ordering::Relaxed)
        {
            let _ = Stream::Err.write(&format!("{}\n", self.words.output_lost(error)));
        }
    }

    /// Completes the `onboard` commands in the text: inserts the program name as the operator typed it, and the options
    /// that select AWS or the local cloud.
    #[must_use]
    pub fn complete(&self, text: &str) -> String {
        self.hints.complete(text)
    }

    /// The stream to which lines are written.
    #[must_use]
    pub const fn stream(&self) -> Stream {
        self.stream
    }

    /// Whether a status line or a drawing can be shown.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// Colours the text according to its tone.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        painted(self.colour, tone, text)
    }

    /// Prints a line above the status line.
    pub fn line(&self, text: &str) {
        *self.last_line.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let text = escaped(&self.complete(text));
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe (`onboard local | head`) is ignored, because it must not stop a local cloud that is still
        // starting.
        self.write(self.stream, &format!("{}{text}\n{}", self.clear(&status), *status));
    }

    /// Prints a line about progress, or a suggestion. `--quiet` omits such lines.
    pub fn note(&self, text: &str) {
        if !self.preferences.quiet {
            self.line(text);
        }
    }

    /// Time since the last line was printed or, if no line was printed, since the process started.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.last_line.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Prints a line to standard error.
    pub fn error(&self, text: &str) {
        self.status(None);
        let _ = Stream::Err.write(&format!("{}\n", escaped(&self.complete(text))));
    }

    /// Prints a line about a failure to standard error.
    pub fn failure(&self, text: &str) {
        self.error(&painted(Stream::Err.has_colour(), Tone::Bad, text));
    }

    /// Shows or removes the status line. Does nothing without a terminal.
    pub fn status(&self, text: Option<&str>) {
        if !self.live {
            return;
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let next = fit(&one_line(text.unwrap_or_default()), self.stream.size().0);
        if next != *status {
            let _ = self.stream.write(&format!("{}{next}", self.clear(&status)));
            *status = next;
        }
    }

    const fn clear(&self, status: &str) -> &'static str {
        if self.live && !status.is_empty() { "\r\x1b[2K" } else { "" }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.status(None);
    }
}

/// Escapes control characters in a text, because names from Entra ID and AWS can contain them. Line breaks, tabs and
/// the color sequences of [`Console::paint`] are not escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = colour_sequence(rest).unwrap_or(character.len_utf8());
        let (part, after) = rest.split_at(length);
        if length == character.len_utf8() && is_control(character) && !matches!(character, '\n' | '\t') {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push_str(part);
        }
        rest = after;
    }
    escaped
}

/// Replaces line breaks and tabs with spaces, so that the text fits in one row of the terminal, and escapes all other
/// control characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    escaped(&text.replace(['\n', '\t'], " "))
}

/// Length in bytes of the color sequence at the start of the text.
fn colour_sequence(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\x1b[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit())?;
    codes[end..].starts_with('m').then_some("\x1b[".len() + end + 1)
}

fn painted(colour: bool, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Strong => "1",
        Tone::Faint => "2",
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
    };
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Truncates the text, so that it is less than `columns` columns wide. An East Asian character is two columns wide, and
/// a color sequence takes no column.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let mut used = 0;
    let mut fitted = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\x1b' {
            fitted.push(c);
            // A color sequence ends with a letter.
            for c in characters.by_ref() {
                fitted.push(c);
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
            continue;
        }
        used += c.width().unwrap_or(0);
        if used >= columns {
            if fitted.contains('\x1b') {
                fitted.push_str("\x1b[0m");
            }
            break;
        }
        fitted.push(c);
    }
    fitted
}

/// Pads the text with spaces on the right to this number of columns.
#[must_use]
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Width of a text in columns. The text must not contain color sequences.
#[must_use]
pub fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_never_wraps() {
        assert_eq!(fit("CreateInstance 1.2 s", 10), "CreateIns");
        assert_eq!(fit("佐藤 大輔", 6), "佐藤 ");
        assert_eq!(fit("…", 10), "…");
        assert_eq!(fit("\x1b[31mfailed\x1b[0m", 4), "\x1b[31mfai\x1b[0m", "colors take no columns and are reset");
    }

    #[test]
    fn control_characters_are_escaped_and_colours_stay() {
        assert_eq!(escaped("\x1b[31mfailed\x1b[0m\n\tが"), "\x1b[31mfailed\x1b[0m\n\tが");
        assert_eq!(escaped("a\x1b[2Jb\0\u{202e}c\x1b"), "a\\u{1b}[2Jb\\u{0}\\u{202e}c\\u{1b}");
    }

    #[test]
    fn without_a_terminal_text_has_no_colours() {
        assert_eq!(painted(false, Tone::Bad, "no"), "no");
        assert_eq!(painted(true, Tone::Bad, "no"), "\x1b[31mno\x1b[0m");
    }
}
