//! Finds the functions' binary. `cargo onboard local` builds it into the same directory as this program.

use std::path::PathBuf;

use super::failure::Failure;

/// The path of the binary: the given file, or the file beside this program.
///
/// # Errors
/// Fails if the file does not exist.
pub fn find(explicit: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let missing = |file: &PathBuf| !file.is_file();
    match explicit {
        Some(file) if missing(&file) => {
            Err(Failure::not_started(|words| (words.no_file(file.display()), words.leave_out_bootstrap())))
        }
        Some(file) => Ok(file),
        None => {
            let file = std::env::current_exe().unwrap_or_default().with_file_name("bootstrap");
            if missing(&file) {
                return Err(Failure::not_started(|words| (words.no_file(file.display()), words.build_functions())));
            }
            Ok(file)
        }
    }
}
