//! Standard output and standard error. For each stream, the program decides separately whether colors and progress are
//! shown.

use std::io::{self, IsTerminal, Write};

/// A stream to which the program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// Writes the text immediately.
    ///
    /// # Errors
    /// Fails if the stream is closed or its device is full.
    pub fn write(self, text: &str) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
            Self::Err => io::stderr().lock().write_all(text.as_bytes()),
        }
    }

    /// Whether the stream is a terminal on which the cursor can be moved.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        let terminal = match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        };
        terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Whether the stream shows colours. See <https://no-color.org>.
    #[must_use]
    pub fn has_colour(self) -> bool {
        self.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    /// Width and height of the terminal in columns and rows.
    #[must_use]
    pub fn size(self) -> (usize, usize) {
        let size = match self {
            Self::Out => rustix::termios::tcgetwinsize(io::stdout()),
            Self::Err => rustix::termios::tcgetwinsize(io::stderr()),
        };
        let (columns, rows) = size.map_or((0, 0), |size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        // Some terminals report a size of 0 because they do not know their size.
        (if columns == 0 { 80 } else { columns }, if rows == 0 { 24 } else { rows })
    }
}
