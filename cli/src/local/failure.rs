//! How a local run ends when it does not end well.

use crate::{
    exit::Exit,
    input::BadInput,
    words::{Lang, Words},
};

/// Why a local run ended early.
#[derive(Debug)]
pub enum Failure {
    /// A file of the person's can't be used.
    BadInput(BadInput),
    /// Something that the local cloud needs is missing or does not work: what happened, and what to do about it, in each
    /// language.
    NotStarted([(String, String); 2]),
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
    /// Something that the local cloud needs is missing: what, and how to get it, as the catalogue says them.
    pub fn not_started(say: impl Fn(Words) -> (String, String)) -> Self {
        Self::NotStarted(Words::BOTH.map(say))
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::BadInput(_) => Exit::BadInput,
            Self::NotStarted(_) => Exit::NoLocalCloud,
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

impl Failure {
    /// What a person is told.
    #[must_use]
    pub fn told(&self, words: Words) -> String {
        match self {
            Self::BadInput(bad) => format!("{}\n{}", bad.told(words), words.nothing_was_started()),
            Self::NotStarted([english, japanese]) => {
                let (what, how) = if words.0 == Lang::Ja { japanese } else { english };
                format!("{}\n{}", words.local_cloud_failed(what), words.what_to_do(how))
            }
            Self::Workflow { state, error, cause } => {
                let head = match state {
                    Some(state) => words.onboarding_failed_in(state, error),
                    None => words.onboarding_failed(error),
                };
                format!("{head}\n  {}\n{}", cause.trim(), words.what_to_do(words.advice(error)))
            }
            Self::SignIn { user, by, message } => words.sign_in_refused(user, by, message),
            Self::Changed(calls) => {
                words.changed_again() + &calls.iter().map(|call| format!("\n  {call}")).collect::<String>()
            }
            Self::NotWritten(what) => what.clone(),
            Self::Interrupted => words.interrupted(),
        }
    }
}

#[cfg(test)]
mod tests {
    use onboarding_core::StepErrorKind;

    use super::*;

    #[test]
    fn a_failed_workflow_says_where_what_and_what_to_do() {
        let failure = Failure::Workflow {
            state: Some("CreateRole".into()),
            error: "AccessDenied".into(),
            cause: "iam:CreateRole is not allowed".into(),
        };
        let text = failure.told(Words(Lang::En));
        for part in ["CreateRole: AccessDenied", "iam:CreateRole is not allowed", StepErrorKind::AccessDenied.advice()]
        {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(failure.exit().code(), 1);
    }

    #[test]
    fn what_could_not_start_says_how_to_get_it() {
        let failure = Failure::not_started(|words| (words.no_python(), words.install_python()));
        assert!(failure.told(Words(Lang::En)).contains("What to do: install Python 3.10 or newer"));
        assert!(failure.told(Words(Lang::Ja)).contains("対処方法: Python 3.10 以降"));
        assert_eq!(failure.exit().code(), 3);
    }
}
