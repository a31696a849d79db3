//! Reads the start input of a teardown as strictly as the start input of an onboarding.

use std::cell::RefCell;

use serde_json::Value;

use super::{
    Problem,
    fields::{At, Fields, choice, text},
};
use crate::{
    StepError,
    contract::{ApplicationFate, Fate, Teardown, TeardownMode},
};

impl Teardown {
    /// Reads and checks a start input and fills in all defaults.
    ///
    /// # Errors
    /// All faults of the input, each with its path.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let problems = RefCell::new(Vec::new());
        let teardown = teardown(&At { path: "$".into(), problems: &problems }, value);
        let problems = problems.into_inner();
        if problems.is_empty() { Ok(teardown) } else { Err(problems) }
    }

    /// Like [`Teardown::parse`], with the error of a step.
    ///
    /// # Errors
    /// `InvalidInput` with one line per fault.
    pub fn parse_step(value: &Value) -> Result<Self, StepError> {
        Self::parse(value).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            StepError::invalid_input(format!("the input has {} fault(s):\n{}", lines.len(), lines.join("\n")))
        })
    }
}

fn teardown(at: &At, value: &Value) -> Teardown {
    const FATES: [(&str, Fate); 2] = [("keep", Fate::Keep), ("delete", Fate::Delete)];
    let mut fields = Fields::of(at, value);
    let teardown = Teardown {
        instance_id: fields.required("instanceId", text),
        mode: fields.or(
            "mode",
            |at, value| choice(at, value, &[("plan", TeardownMode::Plan), ("apply", TeardownMode::Apply)]),
            TeardownMode::Plan,
        ),
        confirm_alias: fields.optional("confirmAlias", text),
        users: fields.or("users", |at, value| choice(at, value, &FATES), Fate::Keep),
        instance: fields.or("instance", |at, value| choice(at, value, &FATES), Fate::Keep),
        application: fields.or(
            "application",
            |at, value| {
                let fates = [
                    ("keep", ApplicationFate::Keep),
                    ("empty", ApplicationFate::Empty),
                    ("delete", ApplicationFate::Delete),
                ];
                choice(at, value, &fates)
            },
            ApplicationFate::Delete,
        ),
        approved_digest: fields.optional("approvedDigest", text),
    };
    fields.done();
    let named = teardown.users == Fate::Delete || teardown.instance == Fate::Delete;
    if named && teardown.mode == TeardownMode::Apply && teardown.confirm_alias.is_none() {
        at.key("confirmAlias").fault(
            "is required to delete users or the instance: type the alias of the instance as a confirmation",
            "ユーザーまたはインスタンスを削除する場合は必須です。操作者がインスタンスのエイリアスを入力してください",
        );
    }
    teardown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_that_can_not_be_restored_are_kept_by_default() {
        let teardown = Teardown::parse(&json!({ "instanceId": "i" })).unwrap_or_default();
        assert_eq!((teardown.mode, teardown.users, teardown.instance), (TeardownMode::Plan, Fate::Keep, Fate::Keep));
        assert_eq!(teardown.application, ApplicationFate::Delete);
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
