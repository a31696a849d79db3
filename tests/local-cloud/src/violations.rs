//! What went wrong in the local cloud itself: answers that disagree with the official models, calls that it cannot
//! play, rules that could not be carried out. A test run ends with none.

use std::sync::{Mutex, PoisonError};

/// The list, in the order of their happening.
#[derive(Debug, Default)]
pub(crate) struct Violations(Mutex<Vec<String>>);

impl Violations {
    pub(crate) fn note(&self, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
