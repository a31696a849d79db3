//! Finds the position of each value in a JSON text, and duplicate keys in an object. If an object contains a key twice,
//! a JSON parser silently ignores the first value, so changing the first value would have no effect.

use std::{collections::HashMap, ops::Range};

use super::{
    Part, Problem,
    check::{self, Location},
};

/// The positions of all values in a JSON text, by JSON path.
///
/// The text must be valid JSON. For any other text, the result is unspecified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    places: HashMap<String, Place>,
    duplicates: Vec<Problem>,
}

/// The positions of a value and of its key, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Source {
    /// Finds the positions of all values in a JSON text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut scanner = Scanner { text, position: 0, places: HashMap::new() };
        let duplicates = check::problems(|at| scanner.value(at, None));
        Self { places: scanner.places, duplicates }
    }

    /// One error for each duplicate key of an object, with the line and column of both occurrences.
    #[must_use]
    pub fn duplicate_keys(&self) -> &[Problem] {
        &self.duplicates
    }

    /// The range of the error in the JSON text, in bytes. For a missing field, the range of the object that must
    /// contain the field.
    #[must_use]
    pub fn range(&self, problem: &Problem) -> Range<usize> {
        let mut path = problem.path.as_str();
        let mut part = &problem.part;
        loop {
            match (part, self.places.get(path)) {
                (Part::Text(range), _) => return range.clone(),
                (Part::Key, Some(Place { key: Some(key), .. })) => return key.clone(),
                (_, Some(place)) => return place.value.clone(),
                (_, None) => {}
            }
            // If the path is shortened inside a quoted key, the rest is not the path of a value, and the loop shortens
            // it again.
            let Some(end) = path.rfind(['.', '[']) else { return 0..0 };
            (path, part) = (&path[..end], &Part::Value);
        }
    }
}

/// The line and the column of a position, both starting from 1. The column is the number of characters, not of bytes.
#[must_use]
pub fn line_and_column(text: &str, position: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(position)];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

struct Scanner<'t> {
    text: &'t str,
    position: usize,
    places: HashMap<String, Place>,
}

impl Scanner<'_> {
    /// Parses the value whose path is `at`. `key` is the position of the key before this value.
    fn value(&mut self, at: &Location<'_>, key: Option<Range<usize>>) {
        let first = self.peek();
        let start = self.position;
        match first {
            Some(b'{') => self.object(at),
            Some(b'[') => self.array(at),
            Some(b'"') => drop(self.string()),
            _ => self.scalar(),
        }
        self.places.insert(at.path().to_owned(), Place { key, value: start..self.position });
    }

    fn object(&mut self, at: &Location<'_>) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        self.position += 1;
        while self.peek() == Some(b'"') {
            let place = self.position;
            let key = self.string();
            let range = place..self.position;
            let inner = at.key(&key);
            if let Some(first) = seen.insert(key, place) {
                let [(line, column), (again, its)] = [first, place].map(|place| line_and_column(self.text, place));
                inner.fault_in(
                    Part::Text(range.clone()),
                    format!(
                        "is defined twice, at line {line}, column {column} and at line {again}, column {its}; \
                         only the second value would be used, so remove one"
                    ),
                    format!(
                        "同じキーが重複しています ({line} 行 {column} 列と {again} 行 {its} 列)。\
                         2 つ目だけが有効になるため、いずれか一方を削除してください"
                    ),
                );
            }
            self.skip(b':');
            self.value(&inner, Some(range));
            self.skip(b',');
        }
        self.skip(b'}');
    }

    fn array(&mut self, at: &Location<'_>) {
        let mut index = 0;
        self.position += 1;
        while self.peek().is_some_and(|byte| byte != b']') {
            self.value(&at.index(index), None);
            self.skip(b',');
            index += 1;
        }
        self.skip(b']');
    }

    /// Parses a string with escape sequences.
    fn string(&mut self) -> String {
        let mut rest = serde_json::Deserializer::from_str(&self.text[self.position..]).into_iter::<String>();
        let string = rest.next().and_then(Result::ok).unwrap_or_default();
        self.position += rest.byte_offset().max(1);
        string
    }

    /// Skips a JSON number, `true`, `false` or `null`.
    fn scalar(&mut self) {
        let rest = self.text.as_bytes().get(self.position..).unwrap_or_default();
        let length = rest.iter().position(|byte| b",]}".contains(byte) || byte.is_ascii_whitespace());
        self.position += length.unwrap_or(rest.len()).max(1);
    }

    /// Returns the next byte that is not white space, without consuming it.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        Source::new(text).duplicate_keys().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_duplicate_key_is_reported_with_both_places_at_any_depth_and_in_any_spelling() {
        let text = "{\n  \"users\": {\"groups\": [1, {\"group\": \"A, }\", \"gr\\u006fup\": \"B\"}]},\n  \"language\": \"ja\", \"language\": -1e5\n}";
        let faults = faults(text);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(
            faults[0].starts_with(
                "$.users.groups[1].group: is defined twice, at line 2, column 28 and at line 2, column 45"
            ),
            "{faults:?}"
        );
        assert!(
            faults[1].starts_with("$.language: is defined twice, at line 3, column 3 and at line 3, column 21"),
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

    #[test]
    fn a_fault_has_the_place_of_its_value_of_its_key_or_of_the_object_without_the_field() {
        let text = r#"{"a": {"b.c": [1, "日本", {"d": true}]}, "e" : null, "e": 2}"#;
        let source = Source::new(text);
        let place = |path: &str, part: Part| {
            let problem = Problem { part, ..Problem::new(path, "", "") };
            &text[source.range(&problem)]
        };
        assert_eq!(place("$.a[\"b.c\"][1]", Part::Value), "\"日本\"");
        assert_eq!(place("$.a[\"b.c\"][2].d", Part::Value), "true");
        assert_eq!(place("$.a[\"b.c\"][2].d", Part::Key), "\"d\"");
        assert_eq!(place("$.a[\"b.c\"][2].missing.too", Part::Value), "{\"d\": true}");
        assert_eq!(place("$.a[\"no.field\"]", Part::Key), "{\"b.c\": [1, \"日本\", {\"d\": true}]}");
        assert_eq!(place("$.e", Part::Value), "2", "a JSON parser keeps the last value");
        assert_eq!(place("$", Part::Value), text);
        assert_eq!(&text[source.range(&source.duplicate_keys()[0])], "\"e\"");
    }

    #[test]
    fn a_column_is_a_character() {
        let text = "{\n  \"部署\": 1}";
        assert_eq!(line_and_column(text, text.find('1').unwrap_or_default()), (2, 9));
        assert_eq!(line_and_column(text, text.find('署').unwrap_or_default() + 1), (2, 5), "inside a character");
        assert_eq!(line_and_column(text, 1_000), (2, 11));
    }
}
