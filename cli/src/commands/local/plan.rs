//! Reads and validates the complete input of a local run before anything is started.

use std::{io, path::Path};

use local_cloud::{
    emulator::Workspace,
    stand_in::{Assumption, FaultRule, FaultRuleError, Tenant, assumptions},
};
use onboarding_core::onboarding::Onboarding;
use serde_json::Value;

use super::{failure::Failure, tenant};
use crate::{
    args::{
        LocalArgs,
        bad_input::BadInput,
        input::{self, JsonFile},
    },
    cloud::kept::Kept,
    commands::result_file::is_writable,
    words::Words,
};

/// The validated input of a local run.
#[derive(Debug)]
pub struct Plan {
    /// The input of the onboarding, as it is in the file.
    pub input: Value,
    /// The validated input of the onboarding, with its defaults.
    pub onboarding: Onboarding,
    /// The Entra tenant that the local cloud emulates.
    pub tenant: Tenant,
    /// The fault rules to apply.
    pub faults: Vec<FaultRule>,
    /// The assumptions about AWS and Entra of which the local cloud emulates the other reading (see `live_check`).
    pub assume: Vec<&'static Assumption>,
}

impl Plan {
    /// Reads and validates the input.
    ///
    /// # Errors
    /// Fails if a file is invalid. The error lists only the problems of the first invalid file.
    pub fn read(args: &LocalArgs, workspace: &Workspace) -> Result<Self, Failure> {
        let file = args.input.clone().unwrap_or_else(|| workspace.root.join("examples").join("smallest.json"));
        let (input, onboarding) = input::onboarding(&file)?;
        let tenant = match &args.tenant {
            Some(file) => {
                let file = JsonFile::read(file)?;
                let tenant = file.shaped()?;
                tenant::check(&file, &tenant)?;
                tenant
            }
            None => serde_json::from_value(tenant::made_up(&onboarding, args.users))
                .map_err(|error| BadInput::one(Path::new("tenant"), "$", |words| words.invalid_value(&error)))?,
        };
        let faults = args.faults.as_deref().map(rules).transpose()?.unwrap_or_default();
        let results = [&args.record, &args.record_expressions, &args.inventory, &args.output, &args.html];
        for file in results.into_iter().flatten() {
            is_writable(file).map_err(|error| unwritable(file, &error))?;
        }
        if args.keep {
            let file = Kept::file(workspace);
            if let Some(other) = Kept::running_at(&file) {
                let message = |words: Words| words.address_file_in_use(other.process_id);
                return Err(BadInput::one(&file, "$", message).into());
            }
            // A file in the directory of the local runs is not checked here, because this directory may not exist yet:
            // the run creates and checks it when it starts.
            if !file.starts_with(workspace.cache()) {
                is_writable(&file).map_err(|error| unwritable(&file, &error))?;
            }
        }
        let assume = assumptions::named(&args.assume);
        let assume =
            assume.map_err(|error| BadInput::one(Path::new("--assume"), "$", |words| words.invalid_value(&error)))?;
        Ok(Self { input, onboarding, tenant, faults, assume })
    }

    /// The S3 object keys of the documents for phone number orders that the input names.
    #[must_use]
    pub fn documents(&self) -> Vec<String> {
        let documents = self.onboarding.documents.iter();
        documents.flat_map(|named| [&named.identity, &named.address, &named.relationship]).cloned().collect()
    }
}

fn rules(file: &Path) -> Result<Vec<FaultRule>, BadInput> {
    let json = JsonFile::read(file)?;
    let rules: Vec<FaultRule> = json.shaped()?;
    for (index, rule) in rules.iter().enumerate() {
        rule.check().map_err(|error| json.bad(invalid_rule(file, index, &error).problems))?;
    }
    Ok(rules)
}

/// The error for a fault rule that can't be used.
pub(super) fn invalid_rule(file: &Path, index: usize, error: &FaultRuleError) -> BadInput {
    BadInput::one(file, format!("$[{index}]"), |words| words.invalid_value(error))
}

fn unwritable(file: &Path, error: &io::Error) -> BadInput {
    BadInput::one(file, "$", |words| words.file_not_writable(error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn an_invalid_fault_rule_is_reported_with_its_path() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"[{"match": "a", "status": 500}, {"match": "(", "status": 500}]"#).unwrap();
        let error = rules(file.path()).unwrap_err();
        assert_eq!(error.problems[0].path, "$[1]");
        assert!(error.problems[0].message.contains("regular expression"));
    }

    #[test]
    fn every_example_is_valid() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        for name in ["smallest.json", "everything.json", "tokyo-callcenter.json"] {
            let (value, _) = input::onboarding(&examples.join(name)).unwrap();
            assert_eq!(value["$schema"], "../onboarding.schema.json", "{name}");
        }
    }
}
