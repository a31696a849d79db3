//! Computes a marker that identifies the source files of the functions' binary. The build script `functions/build.rs`,
//! which also compiles this file, writes the marker into the binary. `onboard deploy` compares this marker with the
//! marker of the files in the checkout. If the markers differ, an earlier build created the binary. Such a binary may
//! not match the template and the state machines of the checkout.
//!
//! The marker depends only on the names and contents of the files. The marker therefore reflects changes that are not
//! committed, and does not depend on the modification times of the files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder with the source files.
const FOLDER: &str = "functions";
/// Files outside [`FOLDER`] that affect the binary.
const BUILD: [&str; 2] = ["Cargo.lock", "Cargo.toml"];
/// The extensions of the source files. Files with other extensions, for example the temporary files of an editor, do
/// not affect the binary.
const EXTENSIONS: [&str; 3] = ["ld", "rs", "toml"];
/// Parameters of the 64-bit hash function FNV-1a (RFC 9923). The build script has no dependencies, so no cryptographic
/// hash function is available. FNV-1a is sufficient to recognize a binary of an earlier build.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// The marker of the source files in this checkout. `None` if the directory contains no source files, as in a release.
///
/// # Errors
/// Fails if a file can't be read.
pub fn marker(root: &Path) -> io::Result<Option<String>> {
    if !root.join(FOLDER).is_dir() {
        return Ok(None);
    }
    let mut files: Vec<PathBuf> = BUILD.map(PathBuf::from).into();
    add_files(root, Path::new(FOLDER), &mut files)?;
    files.sort();
    let mut hash = OFFSET_BASIS;
    for file in files {
        let content = fs::read(root.join(&file))?;
        for part in [file.to_string_lossy().as_bytes(), &content] {
            hash = fnv(fnv(hash, &(part.len() as u64).to_le_bytes()), part);
        }
    }
    Ok(Some(format!("connect-onboarding-sources-{hash:016x}")))
}

/// Adds the source files in a folder to `files`, with their paths relative to the root.
fn add_files(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            add_files(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known)) {
            files.push(path);
        }
    }
    Ok(())
}

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The test vectors in RFC 9923.
        for (text, hash) in [("", OFFSET_BASIS), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
            assert_eq!(fnv(OFFSET_BASIS, text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn the_marker_changes_with_each_source_file_and_with_no_other_file() {
        let root = std::env::temp_dir().join(format!("sources-{}", std::process::id()));
        fs::create_dir_all(root.join("functions/aws")).unwrap();
        let write = |name: &str, text: &str| {
            fs::write(root.join(name), text).unwrap();
            marker(&root).unwrap_or_default().unwrap_or_default()
        };
        let names = ["Cargo.lock", "Cargo.toml", "functions/main.rs", "functions/aws/error.rs"];
        names.iter().for_each(|name| drop(write(name, "first")));
        let first = write("functions/.main.rs.swp", "");
        assert_eq!(first.len(), "connect-onboarding-sources-".len() + 16);
        assert_eq!(write("template.yaml", ""), first);
        for name in names {
            assert_ne!(write(name, "second"), first, "{name}");
            assert_eq!(write(name, "first"), first, "{name}");
        }
        // The marker also changes if bytes move from the end of one file to the beginning of another file.
        assert_ne!((write("functions/main.rs", ""), write("functions/aws/error.rs", "firstfirst")).1, first);
        fs::remove_dir_all(root.join("functions")).unwrap();
        assert_eq!(marker(&root).unwrap(), None);
        fs::remove_dir_all(root).unwrap();
    }
}
