//! What people see: lines, and on a terminal one status line below them that is rewritten in place. Colours and the
//! status line only where a person looks at a terminal and `NO_COLOR` is unset.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
};

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// Beside the point.
    Faint,
    /// Went well.
    Good,
    /// Worth a look.
    Warn,
    /// Went wrong.
    Bad,
}

/// Standard output for what the command tells, standard error for what went wrong.
#[derive(Debug)]
pub struct Console {
    live: bool,
    colour: bool,
    status: Mutex<String>,
}

impl Console {
    /// The console of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let terminal = io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { live: terminal, colour, status: Mutex::default() }
    }

    /// Whether a status line can be shown.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// The text in a tone.
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

    /// Prints text and a line end; the status line stays below.
    pub fn line(&self, text: &str) {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        // A reader that went away (`onboard local | head`) is no reason to leave the cloud half built.
        let _ = write!(out, "{}{text}\n{}", self.clear(&status), *status);
        let _ = out.flush();
    }

    /// Prints text and a line end on standard error.
    pub fn error(&self, text: &str) {
        self.status(None);
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Shows or removes the status line. Without a terminal nothing happens.
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

/// Columns of the terminal.
fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    // Some terminals don't know their width and say 0.
    if columns == 0 { 80 } else { columns }
}

/// The text in fewer than `columns` columns; East Asian characters take two.
fn fit(text: &str, columns: usize) -> String {
    let mut used = 0;
    let wide =
        |c: char| if ('\u{1100}'..='\u{ffdc}').contains(&c) && !('\u{2000}'..='\u{2fff}').contains(&c) { 2 } else { 1 };
    text.chars()
        .take_while(|c| {
            used += wide(*c);
            used < columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_never_wraps() {
        assert_eq!(fit("CreateInstance 1.2 s", 10), "CreateIns");
        assert_eq!(fit("佐藤 大輔", 6), "佐藤 ");
        assert_eq!(fit("…", 10), "…");
    }

    #[test]
    fn without_a_terminal_text_is_plain() {
        let console = Console { live: false, colour: false, status: Mutex::default() };
        assert_eq!(console.paint(Tone::Bad, "no"), "no");
    }
}
