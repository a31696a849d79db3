//! Checks that an unknown value never makes a Choice state continue to a state that removes resources.

use serde_json::Value;

use super::{machines, states};

/// Whether a state removes resources or acquires a lease that another execution still holds.
fn removes(name: &str) -> bool {
    ["Delete", "Remove", "Deregister", "Unsubscribe", "TakeOver"].iter().any(|prefix| name.starts_with(prefix))
}

/// Whether the user sync continues from this state to apply a plan, which may remove users.
fn applies(file: &str, name: &str) -> bool {
    file == "user-sync.asl.json" && ["AcquireLease", "SyncUsers"].contains(&name)
}

/// The Choice states of all state machines: file, name, state.
fn choices() -> Vec<(String, String, Value)> {
    machines()
        .into_iter()
        .flat_map(|(file, machine)| states(&machine).into_iter().map(move |(name, state)| (file.clone(), name, state)))
        .filter(|(_, _, state)| state["Type"] == "Choice")
        .collect()
}

#[test]
fn no_default_of_a_choice_leads_to_a_removal() {
    for (file, name, state) in choices() {
        let default = state["Default"].as_str().unwrap_or_else(|| panic!("{file}: {name} has no Default"));
        assert!(
            !removes(default) && !applies(&file, default),
            "{file}: {name} leads to {default} for an unknown value"
        );
    }
}

#[test]
fn a_removal_needs_an_explicit_value_and_not_the_absence_of_other_values() {
    let mut chosen = 0;
    for (file, name, state) in choices() {
        for rule in state["Choices"].as_array().unwrap().iter().filter(|rule| removes(rule["Next"].as_str().unwrap())) {
            let condition = rule["Condition"].as_str().unwrap();
            assert!(!condition.contains("$not(") && !condition.contains("!="), "{file}: {name}: {condition}");
            chosen += 1;
        }
    }
    assert!(chosen > 4, "{chosen}");
}

/// Collects every text in a value.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

/// A timeout error has no cause. A Fail state may not use error names that begin with `States.`, because these names
/// are reserved.
#[test]
fn every_catch_handles_errors_without_a_cause_and_reserved_error_names() {
    let mut passed_on = 0;
    for (file, machine) in machines() {
        for (name, state) in states(&machine) {
            let mut found = Vec::new();
            texts(&state["Catch"], &mut found);
            for text in found.iter().filter(|text| text.contains("$states.errorOutput")) {
                assert_ne!(text, "{% $states.errorOutput.Error %}", "{file}: {name}");
                let guarded = ["$exists($states.errorOutput.Cause)", "& $states.errorOutput.Cause"];
                let safe = !text.contains("errorOutput.Cause") || guarded.iter().any(|guard| text.contains(guard));
                assert!(safe, "{file}: {name}: {text}");
                passed_on += 1;
            }
        }
    }
    assert!(passed_on > 5, "{passed_on}");
}
