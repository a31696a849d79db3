//! Reads the start input strictly: reports every fault at once, each with its JSON path. Serde reads all other inputs
//! without these checks.
//!
//! The checks only find faults. Serde then reads the input, so that types and defaults are declared only once, in
//! [`crate::onboarding`].

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

/// One fault of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The JSON path, for example `$.users.groups[0].securityProfiles`.
    pub path: String,
    /// The fault and the correction, in English.
    pub message: String,
    /// The fault and the correction, in Japanese.
    pub japanese: String,
    /// The part of the text that contains the fault.
    pub part: Part,
}

/// The part of a JSON text that contains a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The value at the path.
    #[default]
    Value,
    /// The key at the end of the path.
    Key,
    /// The bytes of the text in this range.
    Text(Range<usize>),
}

impl Problem {
    /// Creates a fault of the value at the path.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>, japanese: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), japanese: japanese.into(), part: Part::Value }
    }

    /// The fault without its path, in one language.
    #[must_use]
    pub fn message(&self, language: Language) -> &str {
        match language {
            Language::En => &self.message,
            Language::Ja => &self.japanese,
        }
    }

    /// The fault with its path, in one language.
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

/// Reads an input if the checks found no faults.
fn read<T: DeserializeOwned>(problems: Vec<Problem>, input: impl FnOnce() -> Value) -> Result<T, Vec<Problem>> {
    if !problems.is_empty() {
        return Err(problems);
    }
    serde_path_to_error::deserialize(input()).map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
        let (path, message) = (format!("$.{}", error.path()), error.inner().to_string());
        vec![Problem::new(path, message.clone(), message)]
    })
}

/// The step error for an input with faults: one line per fault.
fn invalid_input(problems: Vec<Problem>) -> StepError {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    StepError::invalid_input(format!("the input has {} fault(s):\n{}", lines.len(), lines.join("\n")))
}

impl Onboarding {
    /// Reads and checks a start input and fills in all defaults.
    ///
    /// # Errors
    /// All faults of the input, in the order of the fields. If there are none, the fault of an input that is too large
    /// for the state machine.
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
    /// `InvalidInput` with one line per fault.
    pub fn parse_step(value: &Value) -> Result<Self, StepError> {
        Self::parse(value).map_err(invalid_input)
    }

    /// An input with defaults for everything except alias, users and language.
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

    /// Sets the default name of each object for which the input contains no name.
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
