//! `onboard man`: writes the manual pages of all commands.

use std::fs;

use clap_mangen::generate_to;

use crate::{
    args::ManArgs,
    cloud::error::CommandError,
    exit::Exit,
    output::ManualPages,
    ui::{Console, Tone},
    words::quoted,
};

/// The manual page that the message at the end of the command recommends.
const EXAMPLE: &str = "onboard-start.1";

/// Writes the manual pages of the program that `definition` describes.
///
/// # Errors
/// Fails if the folder can't be written.
pub fn run(args: &ManArgs, definition: clap::Command, console: &Console) -> Result<Exit, CommandError> {
    let (words, folder) = (console.words(), args.folder.display());
    fs::create_dir_all(&args.folder)
        .and_then(|()| generate_to(definition, &args.folder))
        .map_err(|error| CommandError::input(words.not_written(&folder, error), words.specify_another_folder()))?;
    console.result(&ManualPages { folder: folder.to_string() });
    console.line(&console.paint(Tone::Good, &words.manual_pages_written(&folder)));
    console.note(&words.show_a_manual_page(quoted(&args.folder.join(EXAMPLE).display().to_string())));
    Ok(Exit::Done)
}
