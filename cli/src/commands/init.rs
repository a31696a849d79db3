//! `onboard init`: writes an `onboarding.json` from options or typed answers. An existing file is replaced only with
//! `--force`.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, ErrorKind, IsTerminal, Write},
};

use onboarding_core::onboarding::Onboarding;
use serde_json::{Value, json};

use super::approve::print_question;
use crate::{
    args::{InitArgs, input::BadInput},
    cloud::error::CommandError,
    exit::Exit,
    ui::{Console, Tone},
    words::{Lang, Words},
};

/// The schema reference for editors.
const SCHEMA: &str = "onboarding.schema.json";

/// Runs the command.
///
/// # Errors
/// Fails if an answer is missing or invalid, or the file already exists.
pub fn run(args: InitArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let file = args.file.clone();
    if file.exists() && !args.force {
        return Err(CommandError::input(words.file_exists(file.display()), words.use_force()));
    }
    let ask = !console.is_json() && io::stdin().is_terminal() && io::stdout().is_terminal();
    let value = answers(args, ask, words)?;
    Onboarding::parse(&value)
        .map_err(|problems| CommandError::file(&BadInput { file: file.display().to_string(), problems }, words))?;
    let text = format!("{value:#}\n");
    let opened = OpenOptions::new().write(true).create(true).truncate(true).open(&file);
    opened.and_then(|mut opened| opened.write_all(text.as_bytes())).map_err(|error| {
        CommandError::input(words.not_written(file.display(), describe(&error)), words.specify_another_file())
    })?;
    console.result(&json!({ "file": file.display().to_string(), "onboarding": value }));
    console.line(&console.paint(Tone::Good, &words.written(file.display())));
    console.line(&words.next_steps(file.display()));
    if !value["documents"].is_null() {
        console.line(&words.upload_documents(file.display()));
    }
    Ok(Exit::Done)
}

fn describe(error: &io::Error) -> String {
    if error.kind() == ErrorKind::NotFound { "the folder does not exist".into() } else { error.to_string() }
}

/// The content of the file. Asks for values that are not given as options.
fn answers(args: InitArgs, ask: bool, words: Words) -> Result<Value, CommandError> {
    let question = |text: String, default: &str| if ask { typed(&text, default) } else { default.to_owned() };
    let alias = args.alias.unwrap_or_else(|| question(words.ask_alias(), ""));
    let groups = if args.group.is_empty() { list(&question(words.ask_groups(), "")) } else { args.group };
    if alias.is_empty() || groups.is_empty() {
        return Err(CommandError::input(words.answers_missing(), words.specify_answers()));
    }
    let profiles = if args.security_profile.is_empty() {
        list(&question(words.ask_profiles(), "Agent"))
    } else {
        args.security_profile
    };
    let numbers =
        if args.phone_number.is_empty() { list(&question(words.ask_numbers(), "")) } else { args.phone_number };
    let calls = match args.concurrent_calls {
        Some(calls) => Some(calls),
        None => match question(words.ask_calls(), "").trim() {
            "" => None,
            typed => Some(
                typed.parse().map_err(|_| CommandError::input(words.not_a_number(typed), words.specify_answers()))?,
            ),
        },
    };
    let language = match args.language {
        Some(language) => language,
        None => words.0,
    };
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
    Ok(value)
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

fn typed(question: &str, default: &str) -> String {
    print_question(question);
    let line = io::stdin().lock().lines().next().and_then(Result::ok).unwrap_or_default();
    let line = line.trim();
    if line.is_empty() { default.to_owned() } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    fn input_of(options: &[&str]) -> Result<Value, CommandError> {
        let all = ["onboard", "init"].iter().chain(options);
        let Command::Init(args) = Args::try_parse_from(all).unwrap().command else { panic!("not init") };
        answers(*args, false, Words(Lang::En))
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
