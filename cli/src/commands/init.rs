//! `onboard init`: writes an `onboarding.json` from options or typed answers. An existing file is replaced only with
//! `--force`.

use std::{
    fs::OpenOptions,
    io::{self, ErrorKind, Write},
};

use onboarding_core::onboarding::Onboarding;
use serde_json::{Value, json};

use super::{interruption, prompt::ask};
use crate::{
    args::{InitArgs, input::BadInput},
    cloud::error::CommandError,
    exit::Exit,
    output::WrittenInput,
    ui::{Console, Tone},
    words::{Lang, quoted},
};

/// The schema reference for editors.
const SCHEMA: &str = "onboarding.schema.json";

/// Runs the command.
///
/// # Errors
/// Fails if an answer is missing or invalid, or the file already exists.
pub async fn run(args: InitArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let file = args.file.clone();
    if file.exists() && !args.force {
        return Err(CommandError::input(words.file_exists(file.display()), words.use_force()));
    }
    let Some(value) = answers(args, console).await? else { return Ok(interruption(console)) };
    Onboarding::parse(&value)
        .map_err(|problems| CommandError::file(&BadInput { file: file.display().to_string(), problems }, words))?;
    let text = format!("{value:#}\n");
    let opened = OpenOptions::new().write(true).create(true).truncate(true).open(&file);
    opened.and_then(|mut opened| opened.write_all(text.as_bytes())).map_err(|error| {
        CommandError::input(words.not_written(file.display(), describe(&error)), words.specify_another_file())
    })?;
    console.result(&WrittenInput { file: file.display().to_string(), onboarding: value.clone() });
    console.line(&console.paint(Tone::Good, &words.written(file.display())));
    let name = quoted(&file.display().to_string());
    console.note(&words.next_steps(&name));
    if !value["documents"].is_null() {
        console.note(&words.upload_documents(&name));
    }
    Ok(Exit::Done)
}

fn describe(error: &io::Error) -> String {
    if error.kind() == ErrorKind::NotFound { "the folder does not exist".into() } else { error.to_string() }
}

/// The content of the file. Asks for values that are not given as options. Returns `None` if the operator interrupts a
/// question.
async fn answers(args: InitArgs, console: &Console) -> Result<Option<Value>, CommandError> {
    match given(args, console).await {
        Ok(value) => Ok(Some(value)),
        Err(NoAnswer::Interrupted) => Ok(None),
        Err(NoAnswer::Invalid(error)) => Err(error),
    }
}

/// Why the content of the file could not be composed.
enum NoAnswer {
    Interrupted,
    Invalid(CommandError),
}

/// The typed answer to a question. Without a terminal or an answer, the default.
async fn typed(question: &str, default: &str, console: &Console) -> Result<String, NoAnswer> {
    if !console.can_ask() {
        return Ok(default.to_owned());
    }
    let line = ask(question, console).await.ok_or(NoAnswer::Interrupted)?;
    let line = line.trim();
    Ok(if line.is_empty() { default } else { line }.to_owned())
}

async fn given(args: InitArgs, console: &Console) -> Result<Value, NoAnswer> {
    let words = console.words();
    let alias = match args.alias {
        Some(alias) => alias,
        None => typed(&words.ask_alias(), "", console).await?,
    };
    let several = async |given: Vec<String>, question: String, default: &str| {
        if given.is_empty() { Ok(list(&typed(&question, default, console).await?)) } else { Ok::<_, NoAnswer>(given) }
    };
    let groups = several(args.group, words.ask_groups(), "").await?;
    if alias.is_empty() || groups.is_empty() {
        let missing = CommandError::input(words.answers_missing(), words.specify_answers());
        return Err(NoAnswer::Invalid(missing));
    }
    let profiles = several(args.security_profile, words.ask_profiles(), "Agent").await?;
    let numbers = several(args.phone_number, words.ask_numbers(), "").await?;
    let calls = match args.concurrent_calls {
        Some(calls) => Some(calls),
        None => match typed(&words.ask_calls(), "", console).await?.as_str() {
            "" => None,
            typed => Some(typed.parse().map_err(|_| {
                NoAnswer::Invalid(CommandError::input(words.not_a_number(typed), words.specify_answers()))
            })?),
        },
    };
    let language = args.language.unwrap_or(words.0);
    Ok(content(&alias, &groups, &profiles, &numbers, calls, language))
}

/// The content of the file for these answers.
fn content(
    alias: &str,
    groups: &[String],
    profiles: &[String],
    numbers: &[String],
    calls: Option<u32>,
    language: Lang,
) -> Value {
    let mut value = json!({
        "$schema": SCHEMA,
        "instance": { "alias": alias },
        "users": {
            "groups": groups.iter().map(|group| json!({"group": group, "securityProfiles": profiles})).collect::<Vec<_>>(),
        },
    });
    if !numbers.is_empty() {
        value["phoneNumbers"] = numbers.iter().map(|number| phone_number(number)).collect();
        if numbers.iter().any(|number| number.to_uppercase().starts_with("JP")) {
            // `onboard start --document` uploads the documents under these S3 object keys.
            let key = |document: &str| format!("{alias}/{document}");
            value["documents"] = json!({
                "identity": key("identity"), "address": key("address"), "relationship": key("relationship"),
            });
        }
    }
    if let Some(calls) = calls {
        value["quotas"] = json!({ "concurrentActiveCalls": calls });
    }
    if language == Lang::Ja {
        value["language"] = "ja".into();
    }
    value
}

/// Converts `COUNTRY:TYPE[:PREFIX]` to the input's format. Errors are not reported here, but by the validation of the
/// input.
fn phone_number(text: &str) -> Value {
    let mut parts = text.split(':').map(str::trim);
    let (country, kind) =
        (parts.next().unwrap_or_default().to_uppercase(), parts.next().unwrap_or("DID").to_uppercase());
    match parts.next() {
        Some(prefix) => json!({ "country": country, "type": kind, "prefix": prefix }),
        None => json!({ "country": country, "type": kind }),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split([',', '、']).map(str::trim).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::words::Words;
    use crate::{
        args::{Args, Command, hints::Hints},
        ui::Preferences,
    };
    use clap::Parser;

    fn input_of(options: &[&str]) -> Result<Value, CommandError> {
        let all = ["onboard", "init"].iter().chain(options);
        let Command::Init(args) = Args::try_parse_from(all).unwrap().command else { panic!("not init") };
        let preferences = Preferences { no_input: true, ..Preferences::default() };
        let console = Console::of_this_process(Words(Lang::En), preferences, Hints::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Ok(runtime.block_on(answers(*args, &console))?.unwrap())
    }

    #[test]
    fn the_options_produce_a_valid_input_with_a_schema_reference() {
        let value = input_of(&[
            "--alias",
            "acme",
            "--group",
            "A",
            "--group",
            "B",
            "--phone-number",
            "jp:did:+813",
            "--concurrent-calls",
            "20",
        ]);
        let value = value.unwrap();
        let onboarding = Onboarding::parse(&value).unwrap();
        assert_eq!(onboarding.users.groups.len(), 2);
        assert_eq!(value["phoneNumbers"], json!([{"country": "JP", "type": "DID", "prefix": "+813"}]));
        assert_eq!(value["documents"]["identity"], "acme/identity", "`start --document` uploads to this key");
        assert_eq!((&value["$schema"], &value["quotas"]["concurrentActiveCalls"]), (&json!(SCHEMA), &json!(20)));
    }

    #[test]
    fn without_a_terminal_a_missing_answer_is_an_error() {
        let error = input_of(&["--alias", "acme"]).unwrap_err();
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.action.contains("--group"), "{}", error.action);
    }
}
