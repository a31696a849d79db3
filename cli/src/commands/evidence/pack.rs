//! The directory of an evidence pack. The pack contains personal data, so only the operating system user who wrote the
//! pack can read it.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use onboarding_core::digest;

use crate::output::PackFile;

/// The file modes of the directory and of its files. Only the owner has access.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Whether a directory is empty. A directory that does not exist is treated as empty.
///
/// # Errors
/// Fails if the path is not a directory or can't be read.
pub(super) fn is_empty(directory: &Path) -> io::Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut content) => Ok(content.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Creates the directory if it does not exist.
///
/// # Errors
/// Fails if the directory can't be created.
pub(super) fn create(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(DIRECTORY_MODE))
}

/// Writes a file of the pack, and returns its size and its digest.
///
/// # Errors
/// Fails if the file can't be written.
pub(super) fn write(directory: &Path, name: &str, content: &str) -> io::Result<PackFile> {
    let path = directory.join(name);
    // An existing file is removed before the new file is created, because the existing file can have other permissions,
    // or can be a symbolic link to a file outside the directory.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(content.as_bytes())?;
    Ok(PackFile { name: name.to_owned(), bytes: content.len() as u64, sha256: digest::of(content, 32) })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn only_the_owner_may_read_the_files_and_a_link_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (pack, outside) = (folder.path().join("pack"), folder.path().join("outside"));
        assert!(is_empty(&pack).unwrap());
        create(&pack).unwrap();
        fs::write(&outside, "unchanged").unwrap();
        std::os::unix::fs::symlink(&outside, pack.join("a.csv")).unwrap();
        assert!(!is_empty(&pack).unwrap());
        let written = write(&pack, "a.csv", "abc").unwrap();
        assert_eq!((written.bytes, &written.sha256[..8]), (3, "ba7816bf"));
        assert_eq!(fs::read_to_string(outside).unwrap(), "unchanged");
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&pack), mode(&pack.join("a.csv"))), (0o700, 0o600));
        assert!(is_empty(&pack.join("a.csv")).is_err(), "a file is not a directory");
    }
}
