//! Parses the execution input that requests the description of an existing instance. The checks are as strict as those
//! for `onboarding.json`.

use serde_json::Value;

use super::{
    Problem,
    check::{self, any_text, list, object, optional, required},
    invalid_input, read,
};
use crate::{StepError, adoption::Request};

impl Request {
    /// Parses and checks an execution input.
    ///
    /// # Errors
    /// All errors in the input, each with its path.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let problems = check::problems(|at| {
            let groups = optional("groups", |at, value| {
                list(at, value, any_text);
            });
            object(at, value, &[required("adopt", any_text), groups]);
        });
        read(problems, || value.clone())
    }

    /// The same as [`Request::parse`], but returns the error of a step.
    ///
    /// # Errors
    /// `InvalidInput` with one line for each error in the input.
    pub fn parse_step(value: &Value) -> Result<Self, StepError> {
        Self::parse(value).map_err(invalid_input)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_of_a_request_is_reported_with_its_path() {
        let groups = vec!["Agents".to_owned()];
        assert_eq!(
            Request::parse(&json!({ "adopt": "acme", "groups": groups })),
            Ok(Request { alias: "acme".into(), groups })
        );
        assert!(Request::parse(&json!({ "adopt": "acme" })).is_ok_and(|request| request.groups.is_empty()));
        let faults = Request::parse(&json!({ "adopt": 7, "groups": ["", "A"], "group": "A" })).err();
        let paths: Vec<String> = faults.unwrap_or_default().into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["$.adopt", "$.groups[0]", "$.group"]);
    }
}
