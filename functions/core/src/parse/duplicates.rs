//! Finds duplicate keys in a JSON text. For a duplicate key, a JSON parser silently keeps the last value, so an edit of
//! the first value would have no effect.

use std::collections::HashMap;

use super::{
    Problem,
    check::{self, Location},
};

/// Every key that an object contains twice, with line and column of both places.
///
/// The text must be valid JSON; for any other text the result is unspecified.
#[must_use]
pub fn duplicate_keys(text: &str) -> Vec<Problem> {
    check::problems(|at| Scanner { text, position: 0 }.value(at))
}

struct Scanner<'t> {
    text: &'t str,
    position: usize,
}

impl Scanner<'_> {
    fn value(&mut self, at: &Location<'_>) {
        match self.peek() {
            Some(b'{') => self.object(at),
            Some(b'[') => self.array(at),
            Some(b'"') => drop(self.string()),
            _ => self.scalar(),
        }
    }

    fn object(&mut self, at: &Location<'_>) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        self.position += 1;
        while self.peek() == Some(b'"') {
            let place = self.position;
            let key = self.string();
            let inner = at.key(&key);
            if let Some(first) = seen.insert(key, place) {
                let ((line, column), (again, its)) = (self.place(first), self.place(place));
                inner.fault(
                    format!(
                        "is defined twice, in line {line} column {column} and in line {again} column {its}; \
                         only the second value would be used, so remove one"
                    ),
                    format!(
                        "同じキーが 2 回指定されています ({line} 行 {column} 列と {again} 行 {its} 列)。\
                         2 つ目だけが有効になるため、いずれか一方を削除してください"
                    ),
                );
            }
            self.skip(b':');
            self.value(&inner);
            self.skip(b',');
        }
        self.skip(b'}');
    }

    fn array(&mut self, at: &Location<'_>) {
        let mut index = 0;
        self.position += 1;
        while self.peek().is_some_and(|byte| byte != b']') {
            self.value(&at.index(index));
            self.skip(b',');
            index += 1;
        }
        self.skip(b']');
    }

    /// Reads a string with its escapes.
    fn string(&mut self) -> String {
        let mut rest = serde_json::Deserializer::from_str(&self.text[self.position..]).into_iter::<String>();
        let string = rest.next().and_then(Result::ok).unwrap_or_default();
        self.position += rest.byte_offset().max(1);
        string
    }

    /// Skips a number or a literal.
    fn scalar(&mut self) {
        let rest = self.text.as_bytes().get(self.position..).unwrap_or_default();
        let length = rest.iter().position(|byte| b",]}".contains(byte) || byte.is_ascii_whitespace());
        self.position += length.unwrap_or(rest.len()).max(1);
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.position..)?;
        self.position += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip(&mut self, byte: u8) {
        if self.peek() == Some(byte) {
            self.position += 1;
        }
    }

    /// Line and column of a position, both starting from 1.
    fn place(&self, position: usize) -> (usize, usize) {
        let before = &self.text[..position];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        duplicate_keys(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_duplicate_key_is_reported_with_both_places_at_any_depth_and_in_any_spelling() {
        let text = "{\n  \"users\": {\"groups\": [1, {\"group\": \"A, }\", \"gr\\u006fup\": \"B\"}]},\n  \"language\": \"ja\", \"language\": -1e5\n}";
        let faults = faults(text);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(
            faults[0]
                .starts_with("$.users.groups[1].group: is defined twice, in line 2 column 28 and in line 2 column 45"),
            "{faults:?}"
        );
        assert!(
            faults[1].starts_with("$.language: is defined twice, in line 3 column 3 and in line 3 column 21"),
            "{faults:?}"
        );
    }

    #[test]
    fn equal_keys_in_different_objects_are_not_a_fault() {
        assert_eq!(faults(r#"{"a": {"a": [{"a": 1}, {"a": null}]}, "b": [], "c": {}, "d": "a", "e": true}"#), [""; 0]);
        for odd in ["", "1", "\"a\"", "[[[]]]", "{} "] {
            assert_eq!(faults(odd), [""; 0], "{odd}");
        }
    }
}
