//! Reads JSON files that the operator wrote. Each error names the file and the position in it.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use onboarding_core::{
    onboarding::Onboarding,
    parse::{Problem, duplicate_keys},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::words::Words;

/// A file that failed validation.
#[derive(Debug)]
pub struct BadInput {
    /// The file name as the operator typed it.
    pub file: String,
    /// All problems, each with its JSON path.
    pub problems: Vec<Problem>,
}

impl BadInput {
    /// Creates the error for a file with a single problem. `message` returns the problem's text from the catalog.
    #[must_use]
    pub fn one(file: &Path, path: impl Into<String>, message: impl Fn(Words) -> String) -> Self {
        let [message, japanese] = Words::BOTH.map(message);
        let problem = Problem { path: path.into(), message, japanese };
        Self { file: file.display().to_string(), problems: vec![problem] }
    }

    /// The error text, one line per problem.
    #[must_use]
    pub fn message(&self, words: Words) -> String {
        let count = self.problems.len();
        let head = if count == 1 { words.one_fault(&self.file) } else { words.faults(&self.file, count) };
        let faults = self.problems.iter().map(|problem| format!("\n  {}", problem.text(words.language())));
        head + &faults.collect::<String>()
    }
}

/// The file name that stands for standard input.
pub const STDIN: &str = "-";

/// Reads a JSON file, or standard input if the file is [`STDIN`].
///
/// # Errors
/// Fails if the file can't be read, is not JSON, or contains a duplicate key; the error gives line and column.
pub fn json(file: &Path) -> Result<Value, BadInput> {
    let text = if file == Path::new(STDIN) { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    let text = text.map_err(|error| BadInput::one(file, "$", |words| unreadable(&error, words)))?;
    // Windows editors start a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    let value = serde_json::from_str(text)
        .map_err(|error| BadInput::one(file, "$", |words| words.file_not_json(&error, error.line(), error.column())))?;
    let problems = duplicate_keys(text);
    if problems.is_empty() { Ok(value) } else { Err(BadInput { file: file.display().to_string(), problems }) }
}

/// The reason why a file can't be read.
#[must_use]
pub fn unreadable(error: &io::Error, words: Words) -> String {
    match error.kind() {
        ErrorKind::NotFound => words.file_missing(),
        _ => words.file_unreadable(error),
    }
}

/// Reads and validates an `onboarding.json`. Returns the JSON as written and the parsed input with its defaults.
///
/// # Errors
/// Fails if the file is invalid; the error lists all problems.
pub fn onboarding(file: &Path) -> Result<(Value, Onboarding), BadInput> {
    let value = json(file)?;
    match Onboarding::parse(&value) {
        Ok(onboarding) => Ok((value, onboarding)),
        Err(problems) => Err(BadInput { file: file.display().to_string(), problems }),
    }
}

/// Reads a JSON file into a type.
///
/// # Errors
/// Fails at the first value that does not match the type.
pub fn shaped<T: DeserializeOwned>(file: &Path) -> Result<T, BadInput> {
    serde_path_to_error::deserialize(json(file)?).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "$".to_owned(),
            path if path.starts_with('[') => format!("${path}"),
            path => format!("$.{path}"),
        };
        BadInput::one(file, path, |words| words.invalid_value(error.inner()))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_error_for_a_missing_file_names_the_file() {
        let error = onboarding(Path::new("nowhere.json")).unwrap_err().message(Words::default());
        assert!(error.starts_with("nowhere.json: 1 error\n  $: the file does not exist"), "{error}");
    }

    #[test]
    fn broken_json_is_reported_with_line_and_column() {
        let error = json(file("{\n  \"a\": ,\n}").path()).unwrap_err().message(Words::default());
        assert!(error.contains("line 2 column 8"), "{error}");
    }

    #[test]
    fn a_duplicate_key_is_reported_with_both_positions() {
        let error = json(file("{\n  \"a\": 1,\n  \"a\": 2\n}").path()).unwrap_err().message(Words::default());
        assert!(error.contains("$.a: is defined twice, in line 2 column 3 and in line 3 column 3"), "{error}");
    }

    #[test]
    fn a_byte_order_mark_is_accepted() {
        assert!(json(file("\u{feff}{}").path()).is_ok());
    }

    #[test]
    fn a_value_of_the_wrong_type_is_reported_with_its_path() {
        let error = shaped::<Vec<u8>>(file("[1, \"x\"]").path()).unwrap_err();
        assert_eq!(error.problems[0].path, "$[1]");
    }

    #[test]
    fn all_faults_of_an_onboarding_are_reported_at_once() {
        let text = r#"{"instance": {"alias": "d-x"}, "users": {"groups": [{"group": "A"}]}, "frobnicate": 1}"#;
        let error = onboarding(file(text).path()).unwrap_err();
        let paths: Vec<&str> = error.problems.iter().map(|problem| problem.path.as_str()).collect();
        for path in ["$.instance.alias", "$.users.groups[0].securityProfiles", "$.frobnicate"] {
            assert!(paths.contains(&path), "{path} is missing in {paths:?}");
        }
    }
}
