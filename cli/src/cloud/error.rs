//! The error type of all commands: what happened, and what the operator can do.

use std::{error::Error, fmt};

use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};

use crate::{
    args::bad_input::BadInput,
    exit::Exit,
    output::{ErrorOutput, Fault},
    words::Words,
};

/// The error with which a command fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// The exit code with which the program ends.
    pub exit: Exit,
    /// The error's name, for programs that read the JSON output: the name of a workflow error, an AWS error code, or a
    /// name that this tool defines.
    pub name: String,
    /// What happened, and to which object.
    pub what: String,
    /// The recommended action for the operator.
    pub action: String,
    /// The errors in the input file. `None` if the command failed for another reason.
    pub bad_input: Option<Box<BadInput>>,
}

impl CommandError {
    /// Name of the error if the stack does not exist.
    pub const NO_STACK: &'static str = "NoStack";

    /// An error with this exit code, name, description and recommended action.
    pub fn new(exit: Exit, name: impl Into<String>, what: impl Into<String>, action: impl Into<String>) -> Self {
        Self { exit, name: name.into(), what: what.into(), action: action.into(), bad_input: None }
    }

    /// The error for an invalid file.
    #[must_use]
    pub fn file(bad: &BadInput, words: Words) -> Self {
        let bad_input = Some(Box::new(bad.clone()));
        Self { bad_input, ..Self::input(bad.message(words), words.correct_the_file()) }
    }

    /// The error for an invalid input, which the operator must correct. The command started nothing.
    pub fn input(what: impl Into<String>, action: impl Into<String>) -> Self {
        Self::new(Exit::BadInput, "InvalidInput", what, action)
    }

    /// The error for a command that changed nothing, because the operator must make a decision first.
    pub fn undecided(name: impl Into<String>, what: impl Into<String>, action: impl Into<String>) -> Self {
        Self::new(Exit::Undecided, name, what, action)
    }

    /// The error for a problem with AWS or the local cloud, for example missing credentials ([`Exit::NoCloud`]).
    pub fn cloud(name: impl Into<String>, what: impl Into<String>, action: impl Into<String>) -> Self {
        Self::new(Exit::NoCloud, name, what, action)
    }

    /// The error for a command that needs a local cloud while none is running. `why` is the reason.
    pub fn no_local_cloud(words: Words, why: String) -> Self {
        Self::new(Exit::NoLocalCloud, "NoLocalCloud", words.no_local_cloud(why), words.start_a_local_cloud())
    }

    /// Converts the error of an AWS SDK call.
    pub fn of<E, R>(words: Words, doing: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: fmt::Debug + 'static,
    {
        let Some(service) = error.as_service_error() else { return Self::unreached(words, doing, &chain(error)) };
        Self::refused(words, doing, service.code().unwrap_or("Unknown"), service.message().unwrap_or_default())
    }

    /// The error for a request that AWS rejected with an error response.
    pub fn refused(words: Words, doing: &str, code: &str, message: &str) -> Self {
        let action = match code {
            code if is_credential(code) => words.renew_credentials(),
            code if is_denial(code) => words.grant_permission(),
            code if code.contains("Throttl") || code == "TooManyRequestsException" => words.try_again_later(),
            _ => words.see_message(),
        };
        Self::cloud(code, format!("{doing}: {code}: {message}"), action)
    }

    /// Whether the request was rejected because the caller lacks a permission.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        is_denial(&self.name)
    }

    /// The error for a request to which AWS did not respond.
    pub fn unreached(words: Words, doing: &str, error: &str) -> Self {
        let credentials = error.contains("credential") || error.contains("profile");
        let (name, action) = if credentials {
            ("NoCredentials", words.get_credentials())
        } else if error.contains("region") {
            ("NoRegion", words.specify_a_region())
        } else {
            ("Unavailable", words.check_network())
        };
        Self::cloud(name, format!("{doing}: {error}"), action)
    }

    /// An error in the arguments, with clap's message.
    #[must_use]
    pub fn arguments(message: &str, words: Words) -> Self {
        Self::new(Exit::BadInput, "InvalidArguments", message, words.see_help())
    }

    /// The error for a command that started its work and then failed.
    pub fn failed(name: impl Into<String>, what: impl Into<String>, action: impl Into<String>) -> Self {
        Self::new(Exit::Failed, name, what, action)
    }

    /// The error of a command that the operator interrupted.
    #[must_use]
    pub fn interrupted(words: Words) -> Self {
        Self::new(Exit::Interrupted, "Interrupted", words.command_interrupted(), words.list_executions())
    }

    /// The error as the tool prints it with `--json`. `complete` adds the typed program name and options to the
    /// `onboard` commands in the messages ([`crate::args::hints`]).
    #[must_use]
    pub fn output(&self, words: Words, complete: impl Fn(&str) -> String) -> ErrorOutput {
        let problems = self.bad_input.as_ref().map(|bad| bad.output(words));
        let (message, action) = (complete(&self.what), complete(&self.action));
        ErrorOutput { error: Fault { name: self.name.clone(), message, action, problems } }
    }
}

fn is_denial(code: &str) -> bool {
    code.contains("AccessDenied") || code.contains("Unauthorized")
}

fn is_credential(code: &str) -> bool {
    ["ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient", "InvalidSignature", "SignatureDoesNotMatch"]
        .iter()
        .any(|known| code.starts_with(known))
}

/// Formats an error with all errors in its chain of sources, because the actual cause is often in the innermost source.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Lang;

    #[test]
    fn the_recommended_action_depends_on_the_error_code() {
        let action = |code: &str| CommandError::refused(Words(Lang::En), "reading", code, "no").action;
        assert!(action("ExpiredTokenException").contains("credentials"));
        assert!(action("AccessDeniedException").contains("permission"));
        assert_ne!(action("ThrottlingException"), action("ValidationError"));
    }

    #[test]
    fn without_credentials_the_error_explains_how_to_get_them_and_exits_with_4() {
        let error = CommandError::unreached(Words(Lang::En), "reading", "no providers in chain provided credentials");
        assert_eq!((error.name.as_str(), error.exit.code()), ("NoCredentials", 4));
        assert!(error.action.contains("--profile"));
    }
}
