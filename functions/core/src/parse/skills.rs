//! Checks the proficiencies in `users.groups`.

use std::collections::HashMap;

use serde_json::Value;

use super::check::{Location, integer, list, object, required, text_up_to};
use crate::onboarding::Users;

/// Checks the proficiencies of one group.
pub(super) fn proficiencies(at: &Location<'_>, value: &Value) {
    let proficiencies = list(at, value, |at, value| {
        object(at, value, &[required("attribute", name), required("value", name), required("level", integer::<1, 5>)]);
    });
    let most = Users::MAX_PROFICIENCIES;
    if proficiencies.len() > most {
        at.fault(
            format!("must not have more than {most} proficiencies"),
            format!("指定できる習熟度は {most} 個までです"),
        );
    }
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    for (index, one) in proficiencies.iter().enumerate() {
        let (Some(attribute), Some(value)) = (one["attribute"].as_str(), one["value"].as_str()) else { continue };
        let earlier = *seen.entry((attribute, value)).or_insert(index);
        if earlier == index {
            continue;
        }
        if proficiencies[earlier]["level"] == one["level"] {
            at.index(index).fault(
                format!("is the same proficiency as proficiencies[{earlier}]"),
                format!("proficiencies[{earlier}] と同じ習熟度が指定されています"),
            );
        } else {
            at.index(index).key("level").fault(
                format!("differs from the level of proficiencies[{earlier}], which has the same attribute and value"),
                format!("属性と値が同じ proficiencies[{earlier}] とレベルが異なります"),
            );
        }
    }
}

/// Checks the name or a value of a predefined attribute. Both must have at most 100 characters and match the pattern
/// `^(?!(aws:|connect:))[\p{L}\p{Z}\p{N}_.:/=+-@']+$` (Amazon Connect administrator guide, "Create predefined
/// attributes"). Unlike the pattern in the guide, the check allows names with the prefix `connect:`, because Connect
/// itself has such attributes, for example `connect:Subtype`.
fn name(at: &Location<'_>, value: &Value) {
    text_up_to::<100>(at, value);
    let name = value.as_str().unwrap_or_default();
    let legal = |c: char| c.is_alphabetic() || c.is_numeric() || c.is_whitespace() || "_.:/=+-@'".contains(c);
    if let Some(other) = name.chars().find(|c| !legal(*c) && !c.is_control()) {
        at.fault(
            format!("must not contain {other:?}; Amazon Connect allows letters, digits, spaces and _ . : / = + - @ '"),
            format!("{other:?} は使用できません。使用できるのは、文字、数字、スペースと _ . : / = + - @ ' です"),
        );
    }
}

/// Checks that all groups write an attribute and each of its values with the same upper and lower case letters. In
/// Amazon Connect, the names of two predefined attributes must not differ only in case. The same is true for two values
/// of one attribute (administrator guide, "Create predefined attributes").
pub(super) fn spellings(at: &Location<'_>, groups: &[Value]) {
    let mut attributes: HashMap<String, &str> = HashMap::new();
    let mut values: HashMap<(String, String), &str> = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        let all = group["proficiencies"].as_array().into_iter().flatten().enumerate();
        for (number, one) in all {
            let (Some(attribute), Some(value)) = (one["attribute"].as_str(), one["value"].as_str()) else { continue };
            let folded = (attribute.to_lowercase(), value.to_lowercase());
            let first = *attributes.entry(folded.0.clone()).or_insert(attribute);
            let first_value = *values.entry(folded).or_insert(value);
            let differs = |key: &str, first: &str| {
                let at = at.index(index).key("proficiencies").index(number);
                at.key(key).fault(
                    format!("differs from {first:?} only in case, and Amazon Connect does not allow both"),
                    format!("大文字と小文字を除いて {first:?} と同じです。Amazon Connect では両方を使用できません"),
                );
            };
            if first != attribute {
                differs("attribute", first);
            }
            if first_value != value {
                differs("value", first_value);
            }
        }
    }
}
