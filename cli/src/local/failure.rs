//! How a local run ends when it does not end well.

use std::fmt;

use onboarding_core::StepErrorKind;

use crate::{exit::Exit, input::BadInput};

/// Why a local run ended early.
#[derive(Debug)]
pub enum Failure {
    /// A file of the person's can't be used.
    BadInput(BadInput),
    /// Something that the local cloud needs is missing or does not work.
    NotStarted {
        /// What happened.
        what: String,
        /// What to do about it.
        how: String,
    },
    /// The execution ended, but not well.
    Workflow {
        /// The state that failed, where it is known.
        state: Option<String>,
        /// The error's name.
        error: String,
        /// What happened, in the step's own words.
        cause: String,
    },
    /// The sign-in that was rehearsed ended on an error page.
    SignIn {
        /// Who wanted to sign in.
        user: String,
        /// Whose page it is.
        by: String,
        /// What it says.
        message: String,
    },
    /// The second execution was not the no-op that it has to be.
    Changed(Vec<String>),
    /// A result could not be written.
    NotWritten(String),
    /// Ctrl-C or a termination signal.
    Interrupted,
}

impl Failure {
    /// Something that the local cloud needs is missing.
    pub fn not_started(what: impl Into<String>, how: impl Into<String>) -> Self {
        Self::NotStarted { what: what.into(), how: how.into() }
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::BadInput(_) => Exit::BadInput,
            Self::NotStarted { .. } => Exit::NoLocalCloud,
            Self::Workflow { .. } | Self::SignIn { .. } | Self::Changed(_) | Self::NotWritten(_) => Exit::Failed,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<BadInput> for Failure {
    fn from(bad: BadInput) -> Self {
        Self::BadInput(bad)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadInput(bad) => write!(f, "{bad}\nNothing was started."),
            Self::NotStarted { what, how } => write!(f, "The local cloud could not start: {what}\nWhat to do: {how}"),
            Self::Workflow { state, error, cause } => {
                let state = state.as_deref().map_or_else(String::new, |state| format!(" in state {state}"));
                write!(f, "The onboarding failed{state}: {error}\n  {}\nWhat to do: {}", cause.trim(), advice(error))
            }
            Self::SignIn { user, by, message } => {
                write!(f, "The onboarding succeeded, and yet {user} can't sign in. The page of {by} says:\n  {message}")
            }
            Self::Changed(calls) => {
                write!(f, "The second execution changed something, which it must not:")?;
                calls.iter().try_for_each(|call| write!(f, "\n  {call}"))
            }
            Self::NotWritten(what) => f.write_str(what),
            Self::Interrupted => f.write_str("Interrupted; everything that was started has been stopped."),
        }
    }
}

fn advice(error: &str) -> &'static str {
    let died = ["Runtime.", "Sandbox.", "Lambda.", "States.Timeout"].iter().any(|prefix| error.starts_with(prefix));
    match StepErrorKind::from_name(error) {
        Some(kind) => kind.advice(),
        None if died => {
            "A function died or ran out of time again and again; the log says more. Start the same input again; nothing is done twice."
        }
        None => "This is a fault of Connect Onboarding: report it with the state, the error and the log.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_workflow_says_where_what_and_what_to_do() {
        let failure = Failure::Workflow {
            state: Some("CreateRole".into()),
            error: "AccessDenied".into(),
            cause: "iam:CreateRole is not allowed".into(),
        };
        let text = failure.to_string();
        for part in ["CreateRole: AccessDenied", "iam:CreateRole is not allowed", StepErrorKind::AccessDenied.advice()]
        {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(failure.exit().code(), 1);
    }

    #[test]
    fn what_could_not_start_says_how_to_get_it() {
        let failure = Failure::not_started("there is no Python", "install Python 3.10 or newer");
        assert!(failure.to_string().ends_with("What to do: install Python 3.10 or newer"));
        assert_eq!(failure.exit().code(), 3);
    }
}
