//! Questions to the operator on the terminal.

use std::{
    io::{self, BufRead},
    thread,
};

use super::unless_interrupted;
use crate::ui::Console;

/// The operator's response to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The operator typed this line.
    Typed(String),
    /// The operator ended the input (Ctrl-D).
    End,
    /// The operator interrupted the command.
    Interrupted,
}

/// Asks a question.
pub(crate) async fn ask(question: &str, console: &Console) -> Answer {
    console.question(question);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Reading from the terminal blocks the thread, so each answer is read in its own thread. If the operator interrupts
    // the command, this thread ends together with the process.
    thread::spawn(move || {
        let line = io::stdin().lock().lines().next().and_then(Result::ok);
        let _ = sender.send(line);
    });
    let answer = match unless_interrupted(receiver).await {
        Some(Ok(Some(line))) => return Answer::Typed(line),
        Some(_) => Answer::End,
        None => Answer::Interrupted,
    };
    // The operator has not typed a line break, so the cursor is still on the line of the question.
    console.error("");
    answer
}

/// Asks a yes/no question. With `--yes`, returns true without asking. If the command can't ask, for example without a
/// terminal, returns false. Returns `None` if the operator interrupts the command.
pub(crate) async fn confirmed(question: &str, console: &Console) -> Option<bool> {
    if console.says_yes() || !console.can_ask() {
        return Some(console.says_yes());
    }
    match ask(question, console).await {
        Answer::Typed(answer) => Some(["y", "yes", "はい"].contains(&answer.trim().to_lowercase().as_str())),
        Answer::End => Some(false),
        Answer::Interrupted => None,
    }
}
