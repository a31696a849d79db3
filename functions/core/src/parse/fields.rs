//! Reads the fields of a JSON object and collects every fault with its path.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::Value;

use super::Problem;

/// A value's path in the input.
pub(super) struct At<'a> {
    pub(super) path: String,
    pub(super) problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> At<'a> {
    /// Records a fault at this path, in English and Japanese.
    pub(super) fn fault(&self, message: impl Into<String>, japanese: impl Into<String>) {
        let problem = Problem { path: self.path.clone(), message: message.into(), japanese: japanese.into() };
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn key(&self, key: &str) -> At<'a> {
        let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$' || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "$_-".contains(c));
        let path = if plain { format!("{}.{key}", self.path) } else { format!("{}[{key:?}]", self.path) };
        At { path, problems: self.problems }
    }

    pub(super) fn index(&self, index: usize) -> At<'a> {
        At { path: format!("{}[{index}]", self.path), problems: self.problems }
    }
}

/// Reads a value. If the value is not valid, records a fault and returns the default of the type.
pub(super) type Read<T> = fn(&At, &Value) -> T;

/// The fields of an object. Fields that were never requested are reported as unknown.
pub(super) struct Fields<'v, 'a> {
    pub(super) at: At<'a>,
    pub(super) left: BTreeMap<&'v str, &'v Value>,
    pub(super) known: Vec<&'static str>,
}

impl<'v, 'a> Fields<'v, 'a> {
    pub(super) fn of(at: &At<'a>, value: &'v Value) -> Self {
        let left = match value.as_object() {
            Some(map) => map.iter().map(|(key, value)| (key.as_str(), value)).collect(),
            None => {
                at.fault(
                    format!("must be an object, not {}", kind(value)),
                    format!("オブジェクトで指定してください ({}が指定されています)", kind_ja(value)),
                );
                BTreeMap::new()
            }
        };
        Self { at: At { path: at.path.clone(), problems: at.problems }, left, known: Vec::new() }
    }

    pub(super) fn optional<T>(&mut self, key: &'static str, read: Read<T>) -> Option<T> {
        self.known.push(key);
        match self.left.remove(key) {
            None => None,
            Some(value) => Some(read(&self.at.key(key), value)),
        }
    }

    pub(super) fn or<T>(&mut self, key: &'static str, read: Read<T>, default: T) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    pub(super) fn required<T: Default>(&mut self, key: &'static str, read: Read<T>) -> T {
        self.optional(key, read).unwrap_or_else(|| {
            self.at.key(key).fault("is required", "必須です");
            T::default()
        })
    }

    pub(super) fn done(self) {
        for key in self.left.keys() {
            let nearest =
                self.known.iter().min_by_key(|known| distance(known, key)).filter(|known| distance(known, key) <= 3);
            let fields = self.known.join(", ");
            let (hint, japanese) = nearest.map_or_else(
                || (format!("the known fields are {fields}"), format!("使用できるフィールド: {fields}")),
                |known| (format!("did you mean {known}?"), format!("{known} の誤りである可能性があります")),
            );
            let japanese = format!("このフィールドは定義されていません。{japanese}");
            self.at.key(key).fault(format!("is not a field of the input; {hint}"), japanese);
        }
    }
}

/// The edit distance of two names (Levenshtein).
pub(super) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let cost = diagonal + usize::from(!a.eq_ignore_ascii_case(b));
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

pub(super) const fn kind_ja(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "真偽値",
        Value::Number(_) => "数値",
        Value::String(_) => "文字列",
        Value::Array(_) => "リスト",
        Value::Object(_) => "オブジェクト",
    }
}

pub(super) fn text(at: &At, value: &Value) -> String {
    match value.as_str() {
        Some("") => at.fault("must not be empty", "空の値は指定できません"),
        Some(text) if text.trim() != text => {
            at.fault("must not begin or end with white space", "先頭と末尾に空白は使用できません");
        }
        Some(_) => {}
        None => at.fault(
            format!("must be a string, not {}", kind(value)),
            format!("文字列で指定してください ({}が指定されています)", kind_ja(value)),
        ),
    }
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn boolean(at: &At, value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| {
        at.fault(
            format!("must be true or false, not {}", kind(value)),
            format!("true または false を指定してください ({}が指定されています)", kind_ja(value)),
        );
        false
    })
}

pub(super) fn whole(at: &At, value: &Value, least: u32, most: u32) -> u32 {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (least..=most).contains(number)).unwrap_or_else(|| {
        at.fault(
            format!("must be a whole number from {least} to {most}"),
            format!("{least}〜{most} の整数を指定してください"),
        );
        least
    })
}

pub(super) fn list<T>(at: &At, value: &Value, read: Read<T>) -> Vec<T> {
    match value.as_array() {
        Some(items) => items.iter().enumerate().map(|(index, item)| read(&at.index(index), item)).collect(),
        None => {
            at.fault(
                format!("must be a list, not {}", kind(value)),
                format!("リストで指定してください ({}が指定されています)", kind_ja(value)),
            );
            Vec::new()
        }
    }
}

pub(super) fn choice<T: Copy + Default>(at: &At, value: &Value, choices: &[(&str, T)]) -> T {
    let chosen = value.as_str().and_then(|text| choices.iter().find(|(name, _)| *name == text));
    chosen.map_or_else(
        || {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            at.fault(
                format!("must be {}", names.join(" or ")),
                format!("{} のいずれかを指定してください", names.join("、")),
            );
            T::default()
        },
        |(_, choice)| *choice,
    )
}
