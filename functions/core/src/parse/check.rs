//! Checks JSON values and collects all errors, each with the JSON path of the value.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::Value;

use super::{Part, Problem};
use crate::text::{is_control, nearest};

/// Checks a JSON value and records the errors in it.
pub(super) type Check = fn(&Location<'_>, &Value);

/// Checks the whole input and returns the recorded errors.
pub(super) fn problems(check: impl FnOnce(&Location<'_>)) -> Vec<Problem> {
    let problems = RefCell::new(Vec::new());
    check(&Location { path: "$".into(), problems: &problems });
    problems.into_inner()
}

/// The path of a value in the input, and the list in which errors are recorded.
pub(super) struct Location<'a> {
    path: String,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Location<'a> {
    /// Records an error in the value at this path. The error message is in English and Japanese.
    pub(super) fn fault(&self, message: impl Into<String>, japanese: impl Into<String>) {
        self.fault_in(Part::Value, message, japanese);
    }

    /// Records an error at this path. `part` is the part of the JSON text that contains the error.
    pub(super) fn fault_in(&self, part: Part, message: impl Into<String>, japanese: impl Into<String>) {
        let problem = Problem { part, ..Problem::new(self.path.clone(), message, japanese) };
        self.problems.borrow_mut().push(problem);
    }

    /// The JSON path of the value.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Records that a value does not have the expected type.
    pub(super) fn wrong_type(&self, expected: &str, japanese: &str, value: &Value) {
        let (found, found_ja) = match value {
            Value::Null => ("null", "null"),
            Value::Bool(_) => ("a boolean", "真偽値"),
            Value::Number(_) => ("a number", "数値"),
            Value::String(_) => ("a string", "文字列"),
            Value::Array(_) => ("a list", "リスト"),
            Value::Object(_) => ("an object", "オブジェクト"),
        };
        self.fault(format!("must be {expected}, not {found}"), format!("{japanese} ({found_ja}が指定されています)"));
    }

    pub(super) fn key(&self, key: &str) -> Location<'a> {
        let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$' || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "$_-".contains(c));
        let path = if plain { format!("{}.{key}", self.path) } else { format!("{}[{key:?}]", self.path) };
        Location { path, problems: self.problems }
    }

    pub(super) fn index(&self, index: usize) -> Location<'a> {
        Location { path: format!("{}[{index}]", self.path), problems: self.problems }
    }
}

/// A field that an object can have.
#[derive(Clone, Copy)]
pub(super) struct Field {
    name: &'static str,
    required: bool,
    check: Check,
}

pub(super) const fn required(name: &'static str, check: Check) -> Field {
    Field { name, required: true, check }
}

pub(super) const fn optional(name: &'static str, check: Check) -> Field {
    Field { name, required: false, check }
}

/// Checks that a value is an object that has these fields and no other fields.
pub(super) fn object(at: &Location<'_>, value: &Value, fields: &[Field]) {
    if !value.is_object() {
        at.wrong_type("an object", "オブジェクトで指定してください", value);
    }
    for Field { name, required, check } in fields {
        match value.get(name) {
            Some(value) => check(&at.key(name), value),
            None if *required => at.key(name).fault("is required", "必須です"),
            None => {}
        }
    }
    let given: BTreeSet<&str> = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    for key in given.into_iter().filter(|key| fields.iter().all(|field| field.name != *key)) {
        unknown(at, key, fields);
    }
}

fn unknown(at: &Location<'_>, key: &str, fields: &[Field]) {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let nearest = nearest(key, names.iter().copied());
    let (hint, japanese) = nearest.map_or_else(
        || {
            let names = names.join(", ");
            (format!("the known fields are {names}"), format!("使用できるフィールド: {names}"))
        },
        |name| (format!("did you mean {name}?"), format!("{name} の誤りである可能性があります")),
    );
    at.key(key).fault_in(
        Part::Key,
        format!("is not a field of the input; {hint}"),
        format!("このフィールドは定義されていません。{japanese}"),
    );
}

/// Checks a string, and returns it if it is not empty.
pub(super) fn text<'v>(at: &Location<'_>, value: &'v Value) -> Option<&'v str> {
    let Some(text) = value.as_str() else {
        at.wrong_type("a string", "文字列で指定してください", value);
        return None;
    };
    if text.is_empty() {
        at.fault("must not be empty", "空の値は指定できません");
        return None;
    }
    if let Some(control) = text.chars().find(|c| is_control(*c)) {
        let code = u32::from(control);
        at.fault(
            format!("must not contain the control character U+{code:04X}"),
            format!("制御文字 U+{code:04X} は使用できません"),
        );
    }
    if text.trim() != text {
        at.fault("must not begin or end with white space", "先頭と末尾に空白は使用できません");
    }
    Some(text)
}

pub(super) fn any_text(at: &Location<'_>, value: &Value) {
    text(at, value);
}

/// Checks a string of at most `MOST` characters.
pub(super) fn text_up_to<const MOST: usize>(at: &Location<'_>, value: &Value) {
    if text(at, value).is_some_and(|text| text.chars().count() > MOST) {
        at.fault(format!("must have at most {MOST} characters"), format!("{MOST} 文字以内で指定してください"));
    }
}

pub(super) fn boolean(at: &Location<'_>, value: &Value) {
    if !value.is_boolean() {
        at.wrong_type("true or false", "true または false を指定してください", value);
    }
}

pub(super) fn integer<const LEAST: u64, const MOST: u64>(at: &Location<'_>, value: &Value) {
    if !value.as_u64().is_some_and(|number| (LEAST..=MOST).contains(&number)) {
        at.fault(
            format!("must be a whole number from {LEAST} to {MOST}"),
            format!("{LEAST}〜{MOST} の整数を指定してください"),
        );
    }
}

/// Checks a list and each of its items. Returns the items.
pub(super) fn list<'v>(at: &Location<'_>, value: &'v Value, check: Check) -> &'v [Value] {
    let Some(items) = value.as_array() else {
        at.wrong_type("a list", "リストで指定してください", value);
        return &[];
    };
    for (index, item) in items.iter().enumerate() {
        check(&at.index(index), item);
    }
    items
}

pub(super) fn choice(at: &Location<'_>, value: &Value, choices: &[&str]) {
    if !value.as_str().is_some_and(|text| choices.contains(&text)) {
        let names: Vec<String> = choices.iter().map(|name| format!("\"{name}\"")).collect();
        at.fault(
            format!("must be {}", names.join(" or ")),
            format!("{} のいずれかを指定してください", names.join("、")),
        );
    }
}
