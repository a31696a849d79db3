//! `onboard adopt`: writes the `onboarding.json` of an instance that was set up manually. One of the stack's functions
//! reads the settings in AWS and Entra, so the operator needs no permission in Entra. The command changes nothing in
//! AWS or Entra.

use onboarding_core::contract::OpenItem;
use serde_json::json;

use super::{interruption, machines::finished, prompt::confirmed, result_file};
use crate::{
    args::AdoptArgs,
    cloud::{Cloud, Machine, error::CommandError},
    exit::Exit,
    output::Adopted,
    ui::{Console, Tone},
    words::quoted,
};

/// Runs the command.
///
/// # Errors
/// Fails if the output file exists and the operator does not agree to replace it, if no input can be derived from the
/// instance, or if a request to AWS or the local cloud fails.
pub async fn run(args: AdoptArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    if let Some(file) = args.output.as_ref().filter(|file| file.exists()) {
        match confirmed(&words.replace_question(file.display()), console).await {
            Some(true) => {}
            Some(false) => {
                return Err(CommandError::input(words.file_exists(file.display()), words.replace_with_yes()));
            }
            None => return Ok(interruption(console)),
        }
    }
    if let Some(file) = &args.output {
        result_file::check(file, words)?;
    }
    let cloud = Cloud::open(&args.target, words).await?;
    let input = json!({ "adopt": args.alias, "groups": args.group });
    let subject = format!("{}-adopt", args.alias);
    let Some(output) = finished(&cloud, Machine::Plan, &subject, &input, console).await? else {
        return Ok(Exit::Interrupted);
    };
    let onboarding = output["onboarding"].clone();
    let open_items: Vec<OpenItem> = serde_json::from_value(output["openItems"].clone()).unwrap_or_default();
    let text = format!("{onboarding:#}\n");
    match &args.output {
        Some(file) => {
            result_file::write(file, &text, words)?;
            console.line(&console.paint(Tone::Good, &words.written(file.display())));
        }
        None if !console.is_json() => console.raw(text.trim_end()),
        None => {}
    }
    if !open_items.is_empty() {
        console.error(&words.open_items());
    }
    for item in &open_items {
        console.error(&format!("  - {}: {}\n    {}", item.subject, item.what, item.action));
    }
    if let Some(file) = &args.output {
        console.note(&words.adopt_next(quoted(&file.display().to_string())));
    }
    console.result(&Adopted {
        alias: onboarding["instance"]["alias"].as_str().unwrap_or(&args.alias).to_owned(),
        file: args.output.map(|file| file.display().to_string()),
        registered: output["registered"] == true,
        onboarding,
        open_items,
    });
    Ok(Exit::Done)
}
