//! Reads JSON files that the operator wrote. Each error names the file and the position of the error in the file.

use std::{
    fs,
    io::{self, ErrorKind},
    ops::Range,
    path::{Path, PathBuf},
};

use onboarding_core::{
    onboarding::Onboarding,
    parse::{Part, Problem, Source, line_and_column},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::bad_input::BadInput;
use crate::words::Words;

/// The file name that stands for standard input.
pub const STDIN: &str = "-";

/// A JSON file that the operator wrote.
#[derive(Clone, Debug)]
pub struct JsonFile {
    /// The content of the file. The caller can change it before the validation.
    pub value: Value,
    file: PathBuf,
    text: String,
    source: Source,
}

impl JsonFile {
    /// Reads a file, or standard input if the file is [`STDIN`].
    ///
    /// # Errors
    /// Fails if the file can't be read or is not JSON.
    pub fn read(file: &Path) -> Result<Self, BadInput> {
        let text = if file == Path::new(STDIN) { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
        let text = text.map_err(|error| BadInput::one(file, "$", |words| unreadable(&error, words)))?;
        Self::parse(file, &text)
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    /// Fails if the text is not JSON.
    pub fn parse(file: &Path, text: &str) -> Result<Self, BadInput> {
        // Windows editors start a file with a byte order mark.
        let text = text.trim_start_matches('\u{feff}');
        let value = serde_json::from_str(text).map_err(|error| not_json(file, text, &error))?;
        Ok(Self { value, file: file.to_owned(), text: text.to_owned(), source: Source::new(text) })
    }

    /// Creates the error that reports `problems` in this file.
    #[must_use]
    pub fn bad(&self, problems: Vec<Problem>) -> BadInput {
        BadInput::in_text(&self.file, &self.text, self.source.clone(), problems)
    }

    /// Validates the content as an `onboarding.json` and fills in all defaults.
    ///
    /// # Errors
    /// Fails if the content is invalid or the text contains duplicate JSON keys. The error lists all problems.
    pub fn onboarding(&self) -> Result<Onboarding, BadInput> {
        let parsed = Onboarding::parse(&self.value);
        self.without_duplicates(parsed).map_err(|problems| self.bad(problems))
    }

    /// Converts the content to the type `T`.
    ///
    /// # Errors
    /// Fails if a value does not match the type, or if the text contains duplicate JSON keys. The error lists the first
    /// value that does not match its type, and all duplicate keys.
    pub fn shaped<T: DeserializeOwned>(&self) -> Result<T, BadInput> {
        let shaped = serde_path_to_error::deserialize(self.value.clone()).map_err(|error| {
            let path = match error.path().to_string() {
                path if path == "." => "$".to_owned(),
                path if path.starts_with('[') => format!("${path}"),
                path => format!("$.{path}"),
            };
            let [message, japanese] = Words::BOTH.map(|words| words.invalid_value(error.inner()));
            vec![Problem::new(path, message, japanese)]
        });
        self.without_duplicates(shaped).map_err(|problems| self.bad(problems))
    }

    fn without_duplicates<T>(&self, result: Result<T, Vec<Problem>>) -> Result<T, Vec<Problem>> {
        let duplicates = self.source.duplicate_keys();
        match result {
            Ok(parsed) if duplicates.is_empty() => Ok(parsed),
            result => Err(duplicates.iter().cloned().chain(result.err().unwrap_or_default()).collect()),
        }
    }
}

/// The error for a file whose content is not JSON.
fn not_json(file: &Path, text: &str, error: &serde_json::Error) -> BadInput {
    let place = place_of(error, text);
    let (line, column) = line_and_column(text, place.start);
    let full = error.to_string();
    // The position is removed from the parser's message, because the parser counts columns in bytes, but this tool
    // counts characters.
    let cause = full.rsplit_once(" at line ").map_or(full.as_str(), |(cause, _)| cause);
    let [message, japanese] = Words::BOTH.map(|words| words.file_not_json(cause, line, column));
    let problem = Problem { part: Part::Text(place), ..Problem::new("$", message, japanese) };
    BadInput::in_text(file, text, Source::default(), vec![problem])
}

/// The range of the character at which the parser reported an error. The range is empty if the parser reported the
/// error at the end of the text.
fn place_of(error: &serde_json::Error, text: &str) -> Range<usize> {
    let end = text.trim_end().len();
    if error.is_eof() {
        return end..end;
    }
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let place = text.floor_char_boundary((start + error.column().saturating_sub(1)).min(end));
    place..place + text[place..].chars().next().map_or(0, char::len_utf8)
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
/// Fails if the file is invalid. The error lists all problems.
pub fn onboarding(file: &Path) -> Result<(Value, Onboarding), BadInput> {
    let file = JsonFile::read(file)?;
    let onboarding = file.onboarding()?;
    Ok((file.value, onboarding))
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
    fn broken_json_is_reported_with_line_and_column_in_characters() {
        let error = onboarding(file("{\n  \"日本\": ,\n}").path()).unwrap_err();
        assert!(error.message(Words::default()).contains("line 2 column 9"), "{error:?}");
        let output = error.output(Words::default());
        assert_eq!((output[0].line, output[0].column), (Some(2), Some(9)));
    }

    #[test]
    fn text_that_is_nested_too_deeply_is_reported() {
        assert!(onboarding(file(&"[".repeat(200_000)).path()).is_err());
    }

    #[test]
    fn duplicate_keys_are_reported_with_both_positions_and_with_the_other_faults() {
        let text = "{\n  \"instance\": {},\n  \"instance\": {\"alias\": \"acme\"}\n}";
        let error = onboarding(file(text).path()).unwrap_err().message(Words::default());
        for part in
            ["$.instance: is defined twice, at line 2, column 3 and at line 3, column 3", "$.users: is required"]
        {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_accepted() {
        assert!(JsonFile::read(file("\u{feff}{}").path()).is_ok());
    }

    #[test]
    fn a_value_of_the_wrong_type_is_reported_with_its_path_and_place() {
        let error = JsonFile::read(file("[1,\n \"x\"]").path()).unwrap().shaped::<Vec<u8>>().unwrap_err();
        let output = error.output(Words::default());
        assert_eq!((output[0].path.as_str(), output[0].line, output[0].column), ("$[1]", Some(2), Some(2)));
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
