//! Finds the functions' binary. `cargo onboard local` builds it into the same directory as this program, and a release
//! contains it.

use std::path::PathBuf;

use local_cloud::emulator::Workspace;

use super::failure::Failure;

/// Where a release contains the binary: for this machine if Lambda's binary does not run on it, and for Lambda.
const RELEASE: [&str; 2] = ["bootstrap/local", "bootstrap/bootstrap"];

/// The path of the binary: the given file, the file of a release, or the file beside this program.
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
