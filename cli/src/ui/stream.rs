//! Standard output and standard error. The program decides for each of the two streams whether it shows colors and
//! progress there.

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

    /// Whether the stream is a terminal that supports moving the cursor.
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
        // A terminal that does not know its size reports 0. The usual default size is used then.
        (if columns == 0 { 80 } else { columns }, if rows == 0 { 24 } else { rows })
    }
}
