//! `$filter`, as far as the directory's default index supports it: `eq` and `startswith`, joined by `and`. Any other
//! expression is rejected with the error of the real service for queries that the index does not support.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::error::GraphError;

static CONDITION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let text = r"'((?:[^']|'')*)'";
    Regex::new(&format!(
        r"(?x)^\s*(?:
            (?<name>\w+)\s+eq\s+(?:{text}|(?<bare>true|false|null|[0-9a-fA-F-]{{36}}))
          | startswith\(\s*(?<start>\w+)\s*,\s*{text}\s*\)
          | (?<many>\w+)/any\(\s*(?<v>\w+)\s*:\s*(?<v2>\w+)\s+eq\s+{text}\s*\)
        )\s*(?:(?<and>and)\s+|$)"
    ))
    .ok()
});

/// One condition of a filter.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Equals(String, Value),
    StartsWith(String, String),
    Contains(String, String),
}

/// The conditions of a filter. An object must meet all conditions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter(Vec<Condition>);

impl Filter {
    /// Parses the text of a `$filter`.
    pub(super) fn parse(text: &str) -> Result<Self, GraphError> {
        let mut conditions = Vec::new();
        let mut rest = text;
        while let Some(found) = CONDITION.as_ref().and_then(|rule| rule.captures(rest)) {
            let quoted = |index: usize| found.get(index).map(|literal| literal.as_str().replace("''", "'"));
            let name = |key: &str| found.name(key).map(|name| name.as_str().to_owned());
            conditions.push(if let Some(field) = name("name") {
                let literal = match (quoted(2), name("bare").as_deref()) {
                    (Some(text), _) => Value::String(text),
                    (None, Some("true")) => Value::Bool(true),
                    (None, Some("false")) => Value::Bool(false),
                    (None, Some("null") | None) => Value::Null,
                    (None, Some(guid)) => Value::String(guid.to_owned()),
                };
                Condition::Equals(field, literal)
            } else if let Some(field) = name("start") {
                Condition::StartsWith(field, quoted(5).unwrap_or_default())
            } else {
                if name("v") != name("v2") {
                    return Err(malformed(text));
                }
                Condition::Contains(name("many").unwrap_or_default(), quoted(9).unwrap_or_default())
            });
            let end = found.get(0).map_or(0, |whole| whole.end());
            rest = &rest[end..];
            if found.name("and").is_none() {
                return Ok(Self(conditions));
            }
        }
        // Quoted text is skipped, because it cannot contain operators.
        let words: String = rest.split('\'').step_by(2).collect::<Vec<_>>().join(" ").replace(['(', ')'], " ");
        let beyond = ["ne", "ge", "le", "gt", "lt", "in", "or", "not", "endswith", "contains"];
        if words.split_whitespace().any(|word| beyond.contains(&word.to_lowercase().as_str())) {
            return Err(GraphError::unsupported_query("Unsupported Query."));
        }
        Err(malformed(text))
    }

    /// Rejects properties that the index does not support.
    pub(super) fn only(&self, equal: &[&str], start: &[&str], within: &[&str]) -> Result<(), GraphError> {
        for condition in &self.0 {
            let (name, allowed) = match condition {
                Condition::Equals(name, _) => (name, equal),
                Condition::StartsWith(name, _) => (name, start),
                Condition::Contains(name, _) => (name, within),
            };
            if !allowed.contains(&name.as_str()) {
                return Err(GraphError::unsupported_query(format!(
                    "Unsupported or invalid query filter clause specified for property '{name}' of resource."
                )));
            }
        }
        Ok(())
    }

    /// The text that the filter requires a property to equal. `None` if the filter contains no such condition.
    pub(super) fn equals(&self, field: &str) -> Option<&str> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Equals(name, Value::String(text)) if name == field => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether an object matches the filter. As in the real directory, the comparison of text ignores case.
    pub(super) fn fits(&self, object: &Map<String, Value>) -> bool {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        self.0.iter().all(|condition| match condition {
            Condition::Equals(name, want) => match (object.get(name).unwrap_or(&Value::Null), want) {
                (Value::String(have), Value::String(want)) => same(have, want),
                (have, want) => have == want,
            },
            Condition::StartsWith(name, start) => object
                .get(name)
                .and_then(Value::as_str)
                .is_some_and(|have| have.to_lowercase().starts_with(&start.to_lowercase())),
            Condition::Contains(name, want) => object
                .get(name)
                .and_then(Value::as_array)
                .is_some_and(|have| have.iter().filter_map(Value::as_str).any(|have| same(have, want))),
        })
    }
}

fn malformed(text: &str) -> GraphError {
    GraphError::new(400, "BadRequest", format!("Invalid filter clause: there is a syntax error in '{text}'."))
}
