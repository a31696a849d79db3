//! Errors in the local cloud itself: responses that do not match the official models, calls of unsupported operations,
//! and fault rules that could not be applied. The list is empty after a successful test run.

use std::sync::{Mutex, PoisonError};

/// The errors in the local cloud, in order of occurrence.
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
