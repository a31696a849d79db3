//! Parses the execution input strictly, and reports all errors at once, each with its JSON path. Serde parses all other
//! inputs without these checks.
//!
//! The checks only report errors. After the checks, serde deserializes the input. Types and default values are
//! therefore declared only once, in [`crate::onboarding`].

mod adoption;
mod channels;
mod check;
mod input;
mod quotas;
mod sign_in;
mod size;
mod skills;
mod source;
mod teardown;

use std::{fmt, ops::Range};

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::source::{Source, line_and_column};
use crate::{
    StepError, names,
    onboarding::{Drift, Entra, Iam, Instance, Language, Onboarding, Quotas, SignIn, Telephony, Users},
};

/// An error in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The JSON path, for example `$.users.groups[0].securityProfiles`.
    pub path: String,
    /// The error message with the correction, in English.
    pub message: String,
    /// The error message with the correction, in Japanese.
    pub japanese: String,
    /// The part of the JSON text that contains the error.
    pub part: Part,
}

/// The part of a JSON text that contains an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The value at the JSON path.
    #[default]
    Value,
    /// The key in the last segment of the JSON path.
    Key,
    /// The bytes of the JSON text in this range.
    Text(Range<usize>),
}

impl Problem {
    /// Creates an error in the value at the JSON path.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>, japanese: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), japanese: japanese.into(), part: Part::Value }
    }

    /// The error message without the JSON path, in one language.
    #[must_use]
    pub fn message(&self, language: Language) -> &str {
        match language {
            Language::En => &self.message,
            Language::Ja => &self.japanese,
        }
    }

    /// The error message after the JSON path, in one language.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        format!("{}: {}", self.path, self.message(language))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::En))
    }
}

/// Deserializes the input if the checks found no errors.
fn read<T: DeserializeOwned>(problems: Vec<Problem>, input: impl FnOnce() -> Value) -> Result<T, Vec<Problem>> {
    if !problems.is_empty() {
        return Err(problems);
    }
    serde_path_to_error::deserialize(input()).map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
        let (path, message) = (format!("$.{}", error.path()), error.inner().to_string());
        vec![Problem::new(path, message.clone(), message)]
    })
}

/// The step error for an input with errors. The message has one line for each error.
fn invalid_input(problems: Vec<Problem>) -> StepError {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    StepError::invalid_input(format!("the input has {} error(s):\n{}", lines.len(), lines.join("\n")))
}

impl Onboarding {
    /// Parses and checks an execution input and adds all default values.
    ///
    /// # Errors
    /// All errors in the input, in the order of the fields. If there are none, but the input is too large for the state
    /// machine, an error about the size.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let problems = check::problems(|at| input::onboarding(at, value));
        let mut onboarding: Self = read(problems, || quotas::as_list(value.clone()))?;
        onboarding.set_default_names();
        match size::fault(&onboarding) {
            Some(problem) => Err(vec![problem]),
            None => Ok(onboarding),
        }
    }

    /// The same as [`Onboarding::parse`], but returns the error of a step.
    ///
    /// # Errors
    /// `InvalidInput` with one line for each error in the input.
    pub fn parse_step(value: &Value) -> Result<Self, StepError> {
        Self::parse(value).map_err(invalid_input)
    }

    /// An input with default values for all fields except the alias, the users and the language.
    #[must_use]
    pub fn with_defaults(alias: &str, users: Users, language: Language) -> Self {
        let instance = Instance {
            alias: alias.into(),
            inbound_calls: true,
            outbound_calls: true,
            flow_logs: true,
            ..Instance::default()
        };
        let mut onboarding = Self {
            schema: None,
            instance,
            quotas: Quotas::default(),
            phone_numbers: Vec::new(),
            documents: None,
            telephony: Telephony::default(),
            entra: Entra::default(),
            iam: Iam::default(),
            sign_in: SignIn::default(),
            users,
            drift: Drift::default(),
            language,
        };
        onboarding.set_default_names();
        onboarding
    }

    /// Sets the default name of each object whose name the input does not contain.
    fn set_default_names(&mut self) {
        let alias = self.instance.alias.clone();
        for (name, default) in [
            (&mut self.entra.application_name, names::application(&alias)),
            (&mut self.iam.saml_provider_name, names::saml_provider(&alias)),
            (&mut self.iam.policy_name, names::policy(&alias)),
            (&mut self.iam.role_name, names::role(&alias)),
        ] {
            if name.is_empty() {
                *name = default;
            }
        }
    }
}

#[cfg(test)]
mod tests;
