//! Finds the binary of the Lambda functions. A release contains this binary. In a checkout, `cargo onboard local`
//! builds it into the directory of this program.

use std::path::PathBuf;

use local_cloud::emulator::Workspace;

use super::failure::Failure;

/// The paths of the binary in a release, in the order in which they are tried. The first file is a binary for this
/// machine. It exists only in releases for machines on which the second file, the binary for Lambda, does not run.
const RELEASE: [&str; 2] = ["bootstrap/local", "bootstrap/bootstrap"];

/// The path of the binary: the file that the operator specified, or else the file in the release, or else the file in
/// the directory of this program.
///
/// # Errors
/// Fails if the file does not exist.
pub fn find(explicit: Option<PathBuf>, workspace: &Workspace) -> Result<PathBuf, Failure> {
    let missing = |file: &PathBuf| !file.is_file();
    match explicit {
        Some(file) if missing(&file) => {
            Err(Failure::not_started(|words| (words.no_file(file.display()), words.leave_out_bootstrap())))
        }
        Some(file) => Ok(file),
        None => {
            let mut released = RELEASE.iter().map(|name| workspace.root.join(name));
            if let Some(file) = released.find(|file| file.is_file()) {
                return Ok(file);
            }
            let file = std::env::current_exe().unwrap_or_default().with_file_name("bootstrap");
            if missing(&file) {
                return Err(Failure::not_started(|words| (words.no_file(file.display()), words.build_functions())));
            }
            Ok(file)
        }
    }
}
