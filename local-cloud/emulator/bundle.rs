//! The files of a release inside the program, for operators without a checkout.
//!
//! Only programs that are built with the feature `embedded` contain the files (`.ci/release/tool`). During a build with
//! this feature, the environment variable `ONBOARD_BUNDLE` names a directory with the functions' compressed binary and
//! a file `id`, which contains the hash of all embedded files. Other builds contain no files and use the checkout.

use std::{
    env, fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;

use super::error::NotStarted;

/// The path of a file in the release, and the content of the file. If the path ends in `.gz`, the file is a compressed
/// executable and is unpacked.
type File = (&'static str, &'static [u8]);

/// The name of this program's directory in the user's cache directory.
const NAME: &str = "connect-onboarding";

#[cfg(feature = "embedded")]
mod files {
    use super::File;

    macro_rules! checkout {
        ($($path:literal),*) => { [$(($path, include_bytes!(concat!("../../", $path)))),*] };
    }

    pub(super) const ID: Option<&str> = Some(include_str!(concat!(env!("ONBOARD_BUNDLE"), "/id")));
    pub(super) const TEXTS: [File; 8] = checkout!(
        "template.yaml",
        "statemachine/drift.asl.json",
        "statemachine/onboarding.asl.json",
        "statemachine/plan.asl.json",
        "statemachine/rotate-certificate.asl.json",
        "statemachine/teardown.asl.json",
        "statemachine/user-sync.asl.json",
        "examples/smallest.json"
    );
    pub(super) const PROGRAMS: &[File] = &[
        ("bootstrap/bootstrap.gz", include_bytes!(concat!(env!("ONBOARD_BUNDLE"), "/bootstrap.gz"))),
        // The binary for Lambda runs only on Linux, so local runs on another system need a second binary.
        #[cfg(not(target_os = "linux"))]
        ("bootstrap/local.gz", include_bytes!(concat!(env!("ONBOARD_BUNDLE"), "/local.gz"))),
    ];
}

#[cfg(not(feature = "embedded"))]
mod files {
    use super::File;

    pub(super) const ID: Option<&str> = None;
    pub(super) const TEXTS: [File; 0] = [];
    pub(super) const PROGRAMS: &[File] = &[];
}

/// The directory with the embedded files, and the directory for the files that local runs keep for later runs. `None`
/// if this program contains no embedded files. The first run of a release writes the embedded files to the user's cache
/// directory.
///
/// # Errors
/// Fails if the files can't be written.
pub(super) fn unpacked() -> Result<Option<(PathBuf, PathBuf)>, NotStarted> {
    let Some(id) = files::ID else { return Ok(None) };
    let cache = cache_directory(|name| env::var_os(name).map(PathBuf::from));
    let all: Vec<File> = files::TEXTS.iter().chain(files::PROGRAMS).copied().collect();
    let root = unpack(&cache, id.trim(), &all)
        .map_err(|error| NotStarted::NotWritable { path: cache.clone(), reason: error.to_string() })?;
    Ok(Some((root, cache.join("local-cloud"))))
}

/// The user's cache directory: `XDG_CACHE_HOME` (XDG Base Directory Specification). If this variable is not set, the
/// default cache directory of this operating system is used.
fn cache_directory(variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    // The specification requires that a relative path is ignored.
    let caches = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute()).unwrap_or_else(|| {
        let home = variable("HOME").unwrap_or_else(|| "/".into());
        home.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" })
    });
    caches.join(NAME)
}

/// Writes the files to a directory below the cache directory, unless an earlier run has written them, and removes the
/// files of other releases. Returns the directory.
fn unpack(cache: &Path, id: &str, files: &[File]) -> io::Result<PathBuf> {
    let root = cache.join(format!("release-{id}"));
    if files.iter().all(|(path, _)| root.join(path.trim_end_matches(".gz")).is_file()) {
        return Ok(root);
    }
    // A cleanup program that deletes old files from caches may have deleted some of these files.
    match fs::remove_dir_all(&root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(cache)?;
    // The directory gets its final name only after all files are in it, because another run can be unpacking at the
    // same time.
    let fresh = tempfile::Builder::new().prefix("unpacking-").tempdir_in(cache)?;
    for (path, content) in files {
        let file = fresh.path().join(path.trim_end_matches(".gz"));
        fs::create_dir_all(file.parent().unwrap_or(cache))?;
        if path.ends_with(".gz") {
            let mut program = Vec::new();
            GzDecoder::new(*content).read_to_end(&mut program)?;
            fs::write(&file, program)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        } else {
            fs::write(file, content)?;
        }
    }
    match fs::rename(fresh.path(), &root) {
        Ok(()) => {}
        // Another run has unpacked the same files in the meantime.
        Err(_) if root.is_dir() => return Ok(root),
        Err(error) => return Err(error),
    }
    for entry in fs::read_dir(cache)?.flatten() {
        let name = entry.file_name();
        let older = name.to_string_lossy().starts_with("release-") && entry.path() != root;
        if older {
            // A local cloud of that release may still be running. The removal does not affect this local cloud, because
            // it has its own copy of the functions' binary.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::io::Write;

    use super::*;

    #[test]
    fn the_files_of_a_release_are_written_once_and_replace_those_of_another_release() {
        let cache = tempfile::tempdir().unwrap();
        let mut program = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        program.write_all(b"#!/bin/sh\n").unwrap();
        let program: &'static [u8] = program.finish().unwrap().leak();
        let files: [File; 2] = [("statemachine/plan.asl.json", b"{}"), ("bootstrap/bootstrap.gz", program)];
        let old = unpack(cache.path(), "1", &files).unwrap();
        let root = unpack(cache.path(), "2", &files).unwrap();
        assert!(!old.exists());
        assert_eq!(fs::read(root.join("statemachine/plan.asl.json")).unwrap(), b"{}");
        let binary = root.join("bootstrap/bootstrap");
        assert_eq!(fs::read(&binary).unwrap(), b"#!/bin/sh\n");
        assert_eq!(fs::metadata(&binary).unwrap().permissions().mode() & 0o777, 0o755);
        fs::write(root.join("mark"), "").unwrap();
        assert_eq!(unpack(cache.path(), "2", &files).unwrap(), root);
        assert!(root.join("mark").exists(), "the files were written again");
        fs::remove_file(&binary).unwrap();
        assert_eq!(unpack(cache.path(), "2", &files).unwrap(), root);
        assert!(binary.exists(), "a missing file was not written again");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_cache_directory_follows_the_specification() {
        let of = |xdg: Option<&str>| {
            cache_directory(|name| if name == "HOME" { Some("/home/a".into()) } else { xdg.map(PathBuf::from) })
        };
        assert_eq!(of(Some("/cache")), Path::new("/cache/connect-onboarding"));
        let default = if cfg!(target_os = "macos") { "/home/a/Library/Caches" } else { "/home/a/.cache" };
        for ignored in [None, Some("relative"), Some("")] {
            assert_eq!(of(ignored), Path::new(default).join(NAME));
        }
    }

    #[test]
    fn every_state_machine_is_embedded() {
        let source = include_str!("bundle.rs");
        let machines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../statemachine");
        let names = fs::read_dir(machines).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let missing: Vec<_> = names.filter(|name| !source.contains(&format!("\"statemachine/{name}\""))).collect();
        assert_eq!(missing, [""; 0]);
    }
}
