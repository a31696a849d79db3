//! `onboard schema`: prints the JSON Schema of `onboarding.json` or of the output of `--json`. Both schemas are
//! generated from the Rust types.

use onboarding_core::onboarding::Onboarding;

use serde_json::Value;

use crate::{
    args::{SchemaArgs, SchemaOf},
    exit::Exit,
    output,
    ui::Console,
};

/// The content of the repository's `onboarding.schema.json`, without the final newline.
#[must_use]
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Onboarding);
    schema.insert("title".into(), "Connect Onboarding".into());
    format!("{:#}", schema.as_value())
}

/// Runs the command.
pub fn run(args: &SchemaArgs, console: &Console) -> Exit {
    let schema = match args.of {
        SchemaOf::Input => schema(),
        SchemaOf::Output => output::schema(),
    };
    if console.is_json() {
        console.result(&serde_json::from_str::<Value>(&schema).unwrap_or_default());
    } else {
        console.raw(&schema);
    }
    Exit::Done
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn the_schemas_in_the_repository_match_the_types() {
        let stored = |name: &str| std::fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(
            stored("onboarding.schema.json").trim_end() == schema(),
            "run: cargo onboard schema > onboarding.schema.json"
        );
        assert!(
            stored("output.schema.json").trim_end() == output::schema(),
            "run: cargo onboard schema output > output.schema.json"
        );
    }

    #[test]
    fn the_schema_requires_fields_without_a_default_and_rejects_unknown_fields() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["instance", "users"]));
        assert_eq!(schema["additionalProperties"], false);
    }
}
