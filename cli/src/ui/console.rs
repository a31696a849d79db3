//! Terminal output: lines, and one status line below them that is rewritten in place.
//!
//! Colours and the status line are used only if standard output is a terminal; colours also require that `NO_COLOR` is
//! unset. With `--json`, standard output contains only JSON, and text for the operator is written to standard error.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use onboarding_core::text::is_control;
use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use crate::words::Words;

/// Meaning of a piece of text, which determines its colour.
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

/// Writes results to standard output and errors to standard error.
#[derive(Debug)]
pub struct Console {
    live: bool,
    colour: bool,
    json: bool,
    words: Words,
    status: Mutex<String>,
    last_line: Mutex<Instant>,
}

impl Console {
    /// The console of this process. With `json`, standard output is reserved for JSON.
    #[must_use]
    pub fn of_this_process(words: Words, json: bool) -> Self {
        let terminal = io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            live: terminal && !json,
            colour: colour && !json,
            json,
            words,
            status: Mutex::default(),
            last_line: Mutex::new(Instant::now()),
        }
    }

    /// The message catalogue in the operator's language.
    #[must_use]
    pub const fn words(&self) -> Words {
        self.words
    }

    /// Whether `--json` is set.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the result as JSON if `--json` is set.
    pub fn result(&self, result: &Value) {
        if self.json {
            let _ = writeln!(io::stdout().lock(), "{result:#}");
        }
    }

    /// Prints one event as a line of JSON if `--json` is set.
    pub fn event(&self, event: &Value) {
        if self.json {
            let mut out = io::stdout().lock();
            let _ = writeln!(out, "{event}");
            let _ = out.flush();
        }
    }

    /// Prints text unchanged to standard output, even with `--json`. For commands whose result is this text, such as a
    /// script.
    pub fn raw(&self, text: &str) {
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// Whether a status line can be shown.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// Colours the text according to its tone.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints a line above the status line.
    pub fn line(&self, text: &str) {
        *self.last_line.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let text = escaped(text);
        if self.json {
            let _ = writeln!(io::stderr().lock(), "{text}");
            return;
        }
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        // A closed pipe (`onboard local | head`) must not stop a local cloud that is still starting, so write errors
        // are ignored.
        let _ = write!(out, "{}{text}\n{}", self.clear(&status), *status);
        let _ = out.flush();
    }

    /// Time since the last line was printed or, if there is none, since the process started.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.last_line.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Prints a line to standard error.
    pub fn error(&self, text: &str) {
        self.status(None);
        let _ = writeln!(io::stderr().lock(), "{}", escaped(text));
    }

    /// Shows or removes the status line. Does nothing without a terminal.
    pub fn status(&self, text: Option<&str>) {
        if !self.live {
            return;
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        let next = fit(text.unwrap_or_default(), width());
        if next != *status {
            let _ = write!(out, "{}{next}", self.clear(&status));
            let _ = out.flush();
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
/// the colour sequences of [`Console::paint`] stay.
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

/// Length in bytes of the colour sequence with which the text begins.
fn colour_sequence(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\x1b[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit())?;
    codes[end..].starts_with('m').then_some("\x1b[".len() + end + 1)
}

/// Width of the terminal in columns.
fn width() -> usize {
    size().0
}

/// Width and height of the terminal in columns and rows.
#[must_use]
pub fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    let (columns, rows) = size.map_or((0, 0), |size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    // Some terminals report 0 because they do not know their size.
    (if columns == 0 { 80 } else { columns }, if rows == 0 { 24 } else { rows })
}

/// Cuts the text to fewer than `columns` columns. East Asian characters take two columns, colour sequences none.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let mut used = 0;
    let mut fitted = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\x1b' {
            fitted.push(c);
            // A colour sequence ends with a letter.
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

/// Pads the text with blanks on the right to this many columns.
#[must_use]
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Width of a text in columns. The text must not contain colour sequences.
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
        assert_eq!(fit("\x1b[31mfailed\x1b[0m", 4), "\x1b[31mfai\x1b[0m", "colours take no columns and are reset");
    }

    #[test]
    fn control_characters_are_escaped_and_colours_stay() {
        assert_eq!(escaped("\x1b[31mfailed\x1b[0m\n\tが"), "\x1b[31mfailed\x1b[0m\n\tが");
        assert_eq!(escaped("a\x1b[2Jb\0\u{202e}c\x1b"), "a\\u{1b}[2Jb\\u{0}\\u{202e}c\\u{1b}");
    }

    #[test]
    fn without_a_terminal_text_has_no_colours() {
        let console = Console {
            live: false,
            colour: false,
            json: false,
            words: Words::default(),
            status: Mutex::default(),
            last_line: Mutex::new(Instant::now()),
        };
        assert_eq!(console.paint(Tone::Bad, "no"), "no");
    }
}
