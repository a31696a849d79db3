//! Shows progress while cargo and pip run. If all work finishes within the first second, nothing is shown. After the
//! first second, one line is rewritten every second on a terminal. Without a terminal, a new line is printed every few
//! seconds.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Delay before the first progress line, and interval at which the progress line is rewritten on a terminal.
const REWRITES: Duration = Duration::from_secs(1);
/// Interval between progress lines if standard error is not a terminal. The interval is short, so that the reader sees
/// that the work continues.
const LINES: Duration = Duration::from_secs(4);
/// Maximum width of the rewritten line. A longer line would wrap on a terminal with 80 columns, and could then not be
/// rewritten.
const COLUMNS: usize = 78;

/// The current activities of cargo and pip. A separate thread shows them until [`Progress::end`] is called.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    shared: Arc<(Mutex<State>, Condvar)>,
    terminal: bool,
}

#[derive(Debug, Default)]
struct State {
    cargo: String,
    emulator: String,
    rewritten: bool,
    ended: bool,
}

impl Default for Progress {
    fn default() -> Self {
        let progress = Self { shared: Arc::default(), terminal: io::stderr().is_terminal() };
        let shown = progress.clone();
        thread::spawn(move || shown.show());
        progress
    }
}

impl Progress {
    /// Whether standard error is a terminal.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Sets the text that describes the current activity of cargo. The text is empty after cargo has ended.
    pub(crate) fn cargo(&self, text: &str) {
        text.clone_into(&mut self.state().cargo);
    }

    /// Sets the text that describes the current step in the creation of the emulator's Python environment. The text is
    /// empty when the environment is ready.
    pub(crate) fn emulator(&self, text: &str) {
        text.clone_into(&mut self.state().emulator);
    }

    /// Prints a line of cargo's output unchanged.
    pub(crate) fn line(&self, line: &str) {
        let mut state = self.state();
        state.clear();
        eprintln!("{line}");
    }

    /// Stops the progress output.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.clear();
        self.shared.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self) {
        let started = Instant::now();
        let mut pause = REWRITES;
        let mut state = self.state();
        loop {
            state = match self.shared.1.wait_timeout_while(state, pause, |state| !state.ended) {
                Ok((state, _)) => state,
                Err(_) => return,
            };
            if state.ended {
                return;
            }
            let text = state.text(started.elapsed());
            if self.terminal {
                state.clear();
                state.rewritten = true;
                let _ = write!(io::stderr().lock(), "{}", text.chars().take(COLUMNS).collect::<String>());
            } else {
                eprintln!("{text}");
                pause = LINES;
            }
        }
    }
}

impl State {
    fn text(&self, elapsed: Duration) -> String {
        let parts: Vec<String> = [("cargo", &self.cargo), ("pip", &self.emulator)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(who, text)| format!(" · {who} {text}"))
            .collect();
        format!("{:>4} s{}", elapsed.as_secs(), parts.concat())
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.rewritten) {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_line_names_the_active_programs() {
        let state = State { cargo: "12/305: syn".into(), emulator: "Collecting boto3".into(), ..State::default() };
        assert_eq!(state.text(Duration::from_secs(61)), "  61 s · cargo 12/305: syn · pip Collecting boto3");
        assert_eq!(State::default().text(Duration::from_secs(5)), "   5 s");
    }
}
