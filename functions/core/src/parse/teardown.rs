//! Parses the execution input of a teardown. The checks are as strict as those for `onboarding.json`.

use serde_json::Value;

use super::{
    Problem,
    check::{self, Location, any_text, choice, object, optional, required},
    invalid_input, read,
};
use crate::{StepError, contract::Teardown};

impl Teardown {
    /// Parses and checks an execution input and adds all default values.
    ///
    /// # Errors
    /// All errors in the input, each with its path.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        read(check::problems(|at| teardown(at, value)), || value.clone())
    }

    /// The same as [`Teardown::parse`], but returns the error of a step.
    ///
    /// # Errors
    /// `InvalidInput` with one line for each error in the input.
    pub fn parse_step(value: &Value) -> Result<Self, StepError> {
        Self::parse(value).map_err(invalid_input)
    }
}

fn teardown(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            required("instanceId", any_text),
            optional("mode", |at, value| choice(at, value, &["plan", "apply"])),
            optional("confirmAlias", any_text),
            optional("users", |at, value| choice(at, value, &["keep", "delete"])),
            optional("instance", |at, value| choice(at, value, &["keep", "delete"])),
            optional("application", |at, value| choice(at, value, &["keep", "empty", "delete"])),
            optional("approvedDigest", any_text),
        ],
    );
    let irreversible = value["users"] == "delete" || value["instance"] == "delete";
    if irreversible && value["mode"] == "apply" && value.get("confirmAlias").is_none() {
        at.key("confirmAlias").fault(
            "is required to delete users or the instance: type the alias of the instance as a confirmation",
            "ユーザーまたはインスタンスを削除する場合は必須です。確認のため、インスタンスのエイリアスを入力してください",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ApplicationDisposition, Disposition, TeardownMode};
    use serde_json::json;

    #[test]
    fn objects_that_can_not_be_restored_are_kept_by_default() {
        let teardown = Teardown::parse(&json!({ "instanceId": "i" })).unwrap_or_default();
        assert_eq!(
            (teardown.mode, teardown.users, teardown.instance),
            (TeardownMode::Plan, Disposition::Keep, Disposition::Keep)
        );
        assert_eq!(teardown.application, ApplicationDisposition::Delete);
    }

    #[test]
    fn every_fault_is_reported_with_its_path() {
        let faulty = json!({ "instanceID": "i", "mode": "apply", "users": "delete", "application": "remove" });
        let problems = Teardown::parse(&faulty).err().unwrap_or_default();
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        for path in ["$.instanceId", "$.instanceID", "$.application", "$.confirmAlias"] {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
        }
    }
}
