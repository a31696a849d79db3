//! Draws on the terminal and updates the drawing in place.
//!
//! The drawing is on the terminal's alternate screen. If the terminal is resized, the drawing is therefore not
//! corrupted, and at the end, the previous content of the terminal is restored. To avoid flicker, only changed lines
//! are written, with a single write and as a synchronized update of the terminal.

use super::{
    console::{fit, one_line},
    stream::Stream,
};

const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The terminal's alternate screen. Dropping the value restores the terminal.
#[derive(Debug)]
pub struct Screen {
    stream: Stream,
    size: (usize, usize),
    shown: Vec<String>,
}

impl Screen {
    /// Switches the terminal to the alternate screen.
    #[must_use]
    pub fn take(stream: Stream) -> Self {
        let _ = stream.write(ENTER);
        Self { stream, size: stream.size(), shown: Vec::new() }
    }

    /// Current size of the terminal in columns and rows.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        self.stream.size()
    }

    /// Replaces the content of the screen with these lines.
    pub fn show(&mut self, picture: &[String]) {
        let size = self.size();
        let redraw = size != self.size;
        self.size = size;
        let lines = fitted(picture, size);
        let changes = changes(if redraw { None } else { Some(&self.shown) }, &lines);
        if !changes.is_empty() {
            let _ = self.stream.write(&format!("\x1b[?2026h{changes}\x1b[?2026l"));
        }
        self.shown = lines;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.stream.write(LEAVE);
    }
}

/// The part of the lines that fits on a terminal with this number of columns and rows. Control characters are replaced,
/// because texts from Entra ID and AWS can contain them, and they must not reach the terminal.
fn fitted(picture: &[String], (columns, rows): (usize, usize)) -> Vec<String> {
    picture.iter().take(rows).map(|line| fit(&one_line(line), columns)).collect()
}

/// The output that replaces the lines `before` on the terminal with `lines`. Without `before`, the whole screen is
/// redrawn.
fn changes(before: Option<&[String]>, lines: &[String]) -> String {
    let mut text = String::new();
    if before.is_none() {
        text.push_str("\x1b[2J");
    }
    let before = before.unwrap_or_default();
    for (row, line) in lines.iter().enumerate() {
        if before.get(row) != Some(line) {
            text.push_str(&format!("\x1b[{};1H{line}\x1b[K", row + 1));
        }
    }
    if before.len() > lines.len() {
        text.push_str(&format!("\x1b[{};1H\x1b[J", lines.len() + 1));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn only_changed_lines_are_written() {
        assert_eq!(changes(Some(&lines("a\nb\nc")), &lines("a\nB\nc")), "\x1b[2;1HB\x1b[K");
        assert_eq!(changes(Some(&lines("a\nb")), &lines("a\nb")), "");
    }

    #[test]
    fn control_characters_are_escaped_and_a_line_stays_in_its_row() {
        let picture =
            lines("first\nsecond").into_iter().map(|line| format!("{line}\x1b]0;title\x07\nmore")).collect::<Vec<_>>();
        assert_eq!(fitted(&picture, (80, 1)), ["first\\u{1b}]0;title\\u{7} more"]);
        assert_eq!(fitted(&["\x1b[31mfailed\x1b[0m".to_owned()], (80, 1)), ["\x1b[31mfailed\x1b[0m"]);
    }

    #[test]
    fn lines_below_a_shorter_drawing_are_cleared() {
        assert_eq!(changes(Some(&lines("a\nb\nc")), &lines("a")), "\x1b[2;1H\x1b[J");
    }

    #[test]
    fn after_a_resize_all_lines_are_written() {
        assert_eq!(changes(None, &lines("a")), "\x1b[2J\x1b[1;1Ha\x1b[K");
    }
}
