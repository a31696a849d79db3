//! Questions to the operator on the terminal.

use std::{
    io::{self, BufRead},
    thread,
};

use super::unless_interrupted;
use crate::ui::Console;

/// Asks a question and returns the typed line, or `None` if the operator interrupts the command.
pub(crate) async fn ask(question: &str, console: &Console) -> Option<String> {
    console.question(question);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Reading the terminal blocks. After an interruption, the thread ends with the process.
    thread::spawn(move || {
        let line = io::stdin().lock().lines().next().and_then(Result::ok);
        let _ = sender.send(line.unwrap_or_default());
    });
    let Some(typed) = unless_interrupted(receiver).await else {
        // Ends the line of the question.
        console.error("");
        return None;
    };
    Some(typed.unwrap_or_default())
}

/// Asks a yes/no question, or returns true with `--yes`. Without a terminal, returns false. Returns `None` if the
/// operator interrupts the command.
pub(crate) async fn confirmed(question: &str, console: &Console) -> Option<bool> {
    if console.says_yes() || !console.can_ask() {
        return Some(console.says_yes());
    }
    let answer = ask(question, console).await?;
    Some(["y", "yes", "はい"].contains(&answer.trim().to_lowercase().as_str()))
}
