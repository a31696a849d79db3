//! Compares values with the shapes of a service model.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::load::{Model, Pattern, Shape};

/// Checks the members of a structure. Each error is worded as in AWS and contains the path of the member.
pub(super) fn structure(model: &Model, name: &str, members: &Map<String, Value>, at: &str, faults: &mut Vec<String>) {
    let Some(shape) = model.shapes.get(name) else { return };
    let place = |member: &str| if at.is_empty() { member.to_owned() } else { format!("{at}.{member}") };
    let mut set = 0;
    for (member, item) in members.iter().filter(|(_, item)| !item.is_null()) {
        set += 1;
        match shape.members.get(member) {
            Some(reference) => value(model, &reference.shape, item, &place(member), faults),
            None => faults.push(format!("'{}' is not a member of {name}", place(member))),
        }
    }
    for member in &shape.required {
        if members.get(member).is_none_or(Value::is_null) {
            faults.push(format!(
                "Value null at '{}' failed to satisfy constraint: Member must not be null",
                place(member)
            ));
        }
    }
    if shape.union && set != 1 {
        faults.push(format!("'{at}' must have exactly one member set"));
    }
}

fn value(model: &Model, name: &str, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Some(shape) = model.shapes.get(name) else { return };
    if shape.document {
        return;
    }
    let shown = || if shape.sensitive { "(sensitive)".to_owned() } else { value.to_string() };
    let failed = |constraint: &str| format!("Value {} at '{at}' failed to satisfy constraint: {constraint}", shown());
    match (shape.kind.as_str(), value) {
        ("structure", Value::Object(members)) => structure(model, name, members, at, faults),
        ("list", Value::Array(items)) => {
            bounds(shape, items.len(), &failed, faults);
            for (n, item) in items.iter().enumerate() {
                if let Some(member) = &shape.member {
                    self::value(model, &member.shape, item, &format!("{at}.{}.member", n + 1), faults);
                }
            }
        }
        ("map", Value::Object(entries)) => {
            bounds(shape, entries.len(), &failed, faults);
            for (key, item) in entries {
                if let (Some(keys), Some(values)) = (&shape.key, &shape.value) {
                    self::value(model, &keys.shape, &Value::from(key.as_str()), &format!("{at}.key"), faults);
                    self::value(model, &values.shape, item, &format!("{at}.{key}"), faults);
                }
            }
        }
        ("boolean", Value::Bool(_)) => {}
        ("timestamp", Value::Number(_)) => {}
        ("blob", Value::String(text)) => {
            if STANDARD.decode(text).is_err() {
                faults.push(format!("Value at '{at}' failed to satisfy constraint: Member must be base64"));
            }
        }
        ("integer" | "long" | "float" | "double", Value::Number(number)) => {
            let whole = matches!(shape.kind.as_str(), "integer" | "long");
            if whole && number.as_i64().is_none() {
                faults.push(failed("Member must be an integer"));
            }
            range(shape, number.as_f64().unwrap_or_default(), &failed, "value", faults);
        }
        ("string", Value::String(text)) => string(model, shape, text, &failed, faults),
        (kind, _) => faults.push(failed(&format!("Member must be a {kind}"))),
    }
}

fn bounds(shape: &Shape, size: usize, failed: &dyn Fn(&str) -> String, faults: &mut Vec<String>) {
    range(shape, u32::try_from(size).map_or(f64::MAX, f64::from), failed, "length", faults);
}

fn range(shape: &Shape, size: f64, failed: &dyn Fn(&str) -> String, what: &str, faults: &mut Vec<String>) {
    if shape.min.is_some_and(|min| size < min) {
        let min = shape.min.unwrap_or_default();
        faults.push(failed(&format!("Member must have {what} greater than or equal to {min}")));
    }
    if shape.max.is_some_and(|max| size > max) {
        let max = shape.max.unwrap_or_default();
        faults.push(failed(&format!("Member must have {what} less than or equal to {max}")));
    }
}

fn string(model: &Model, shape: &Shape, text: &str, failed: &dyn Fn(&str) -> String, faults: &mut Vec<String>) {
    bounds(shape, text.chars().count(), failed, faults);
    if !shape.values.is_empty() && !shape.values.iter().any(|value| value == text) {
        faults.push(failed(&format!("Member must satisfy enum value set: {:?}", shape.values)));
    }
    if let Some(source) = &shape.pattern {
        let mut patterns = model.patterns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let pattern = patterns.entry(source.clone()).or_insert_with(|| Pattern::new(source));
        if pattern.as_ref().is_some_and(|pattern| !pattern.matches(text)) {
            faults.push(failed(&format!("Member must satisfy regular expression pattern: {source}")));
        }
    }
}
