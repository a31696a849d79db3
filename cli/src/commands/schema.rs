//! `onboard schema`: the JSON Schema of `onboarding.json`, generated from the Rust types.

use onboarding_core::onboarding::Onboarding;

use crate::{exit::Exit, ui::Console};

/// The schema as in the repository's `onboarding.schema.json`, without the final newline.
#[must_use]
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Onboarding);
    schema.insert("title".into(), "Connect Onboarding".into());
    format!("{:#}", schema.as_value())
}

/// Runs the command.
pub fn run(console: &Console) -> Exit {
    console.raw(&schema());
    Exit::Done
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_schema_in_the_repository_matches_the_types() {
        let stored =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../onboarding.schema.json")).unwrap();
        assert!(stored.trim_end() == schema(), "run: cargo onboard schema > onboarding.schema.json");
    }

    #[test]
    fn the_schema_requires_fields_without_a_default_and_rejects_unknown_fields() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["instance", "users"]));
        assert_eq!(schema["additionalProperties"], false);
    }
}
