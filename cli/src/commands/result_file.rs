//! Files that a command writes for the operator.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    path::Path,
};

use crate::{cloud::error::CommandError, words::Words};

/// Checks whether a file can be written, before the command starts its work. The check leaves no new file behind, so
/// that a command that fails later does not leave an empty file.
///
/// # Errors
/// Fails if the file can't be written.
pub(in crate::commands) fn is_writable(file: &Path) -> io::Result<()> {
    match OpenOptions::new().append(true).open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let created = OpenOptions::new().write(true).create_new(true).open(file);
            created.and_then(|_| fs::remove_file(file))
        }
        opened => opened.map(drop),
    }
}

/// Checks whether a file can be written, as [`is_writable`] does.
///
/// # Errors
/// Fails if the file can't be written. The error contains the recommended action.
pub(super) fn check(file: &Path, words: Words) -> Result<(), CommandError> {
    is_writable(file).map_err(|error| not_written(file, &error, words))
}

/// Writes a file.
///
/// # Errors
/// Fails if the file can't be written. The error contains the recommended action.
pub(super) fn write(file: &Path, text: &str, words: Words) -> Result<(), CommandError> {
    fs::write(file, text).map_err(|error| not_written(file, &error, words))
}

fn not_written(file: &Path, error: &io::Error, words: Words) -> CommandError {
    let why = if error.kind() == ErrorKind::NotFound { "the folder does not exist".into() } else { error.to_string() };
    CommandError::input(words.not_written(file.display(), why), words.specify_another_file())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn a_file_in_a_missing_folder_is_rejected() {
        assert!(is_writable(Path::new("no/such/folder/report.json")).is_err());
    }

    #[test]
    fn the_check_leaves_no_file_and_keeps_an_existing_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        assert!(is_writable(&file).is_ok() && !file.exists());
        fs::write(&file, "before").unwrap();
        assert!(is_writable(&file).is_ok());
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    }
}
