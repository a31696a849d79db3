//! The errors of a local run.

use local_cloud::emulator::NotStarted;

use crate::{
    args::bad_input::BadInput,
    cloud::error::CommandError,
    exit::Exit,
    words::{Lang, Words},
};

/// Why a local run failed.
#[derive(Debug)]
pub enum Failure {
    /// An input file is invalid.
    BadInput(BadInput),
    /// A requirement of the local cloud is missing or does not work. The first pair is in English and the second in
    /// Japanese: the description of the problem, and the recommended action.
    NotStarted([(String, String); 2]),
    /// The execution of the onboarding failed.
    Workflow {
        /// The failed state, if known.
        state: Option<String>,
        /// Name of the error with which the execution failed.
        error: String,
        /// Message of the error with which the execution failed.
        cause: String,
    },
    /// The test sign-in at the end of the run was rejected with an error page.
    SignIn {
        /// The user as whom the command tried to sign in: the username or, if it is unknown, the Entra object id.
        user: String,
        /// The service that returned the error page.
        by: String,
        /// The message on the error page.
        message: String,
    },
    /// The second onboarding changed resources, although its input was the same. The strings list the calls.
    Changed(Vec<String>),
    /// A result file could not be written.
    NotWritten(String),
    /// Ctrl-C or a termination signal interrupted the run.
    Interrupted,
}

impl Failure {
    /// Creates the failure for a missing requirement of the local cloud. `messages` returns the problem and the
    /// recommended action from the message catalog.
    pub fn not_started(messages: impl Fn(Words) -> (String, String)) -> Self {
        Self::NotStarted(Words::BOTH.map(messages))
    }

    /// The exit code for this failure.
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

impl From<NotStarted> for Failure {
    fn from(reason: NotStarted) -> Self {
        Self::not_started(|words| words.not_started(&reason))
    }
}

impl From<BadInput> for Failure {
    fn from(bad: BadInput) -> Self {
        Self::BadInput(bad)
    }
}

impl Failure {
    /// Converts the failure to the error with which the command ends.
    #[must_use]
    pub fn error(&self, words: Words) -> CommandError {
        let (name, what, action) = match self {
            Self::BadInput(bad) => return CommandError::file(bad, words),
            Self::NotStarted([english, japanese]) => {
                let (what, how) = if words.0 == Lang::Ja { japanese } else { english };
                ("LocalCloudNotStarted", words.local_cloud_failed(what), how.clone())
            }
            Self::Workflow { state, error, cause } => {
                let head = match state {
                    Some(state) => words.onboarding_failed_in(state, error),
                    None => words.onboarding_failed(error),
                };
                (error.as_str(), format!("{head}\n  {}", cause.trim()), words.advice(error).to_owned())
            }
            Self::SignIn { user, by, message } => {
                ("SignInRejected", words.sign_in_rejected(user, by, message), String::new())
            }
            Self::Changed(calls) => {
                let calls = calls.iter().map(|call| format!("\n  {call}")).collect::<String>();
                ("ChangedBySecondRun", words.changed_by_second_run() + &calls, String::new())
            }
            Self::NotWritten(what) => ("NotWritten", what.clone(), words.specify_another_file()),
            Self::Interrupted => ("Interrupted", words.interrupted(), String::new()),
        };
        CommandError::new(self.exit(), name, what, action)
    }
}

#[cfg(test)]
mod tests {
    use onboarding_core::{StepErrorKind, onboarding::Language};

    use super::*;

    #[test]
    fn the_error_of_a_failed_workflow_contains_state_cause_and_action() {
        let failure = Failure::Workflow {
            state: Some("CreateRole".into()),
            error: "AccessDenied".into(),
            cause: "iam:CreateRole is not allowed".into(),
        };
        let error = failure.error(Words(Lang::En));
        for part in ["CreateRole: AccessDenied", "iam:CreateRole is not allowed"] {
            assert!(error.what.contains(part), "{}", error.what);
        }
        assert_eq!(error.action, StepErrorKind::AccessDenied.advice(Language::En));
        assert_eq!(failure.exit().code(), 1);
    }

    #[test]
    fn a_missing_requirement_explains_how_to_install_it() {
        let failure = Failure::not_started(|words| (words.no_python(), words.install_python()));
        assert!(failure.error(Words(Lang::En)).action.starts_with("install Python 3.10 or newer"));
        assert!(failure.error(Words(Lang::Ja)).action.starts_with("Python 3.10 以降"));
        assert_eq!(failure.exit().code(), 3);
    }
}
