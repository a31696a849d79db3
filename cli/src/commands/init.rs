//! `onboard init`: writes an `onboarding.json` from the options and, for missing options, from the operator's answers.
//! An existing file is replaced only with `--force`.

use onboarding_core::{onboarding::Onboarding, parse::Problem};
use serde_json::{Value, json};

use super::{
    interruption,
    prompt::{Answer, ask},
    result_file, schema,
};
use crate::{
    args::{InitArgs, bad_input::BadInput},
    cloud::error::CommandError,
    exit::Exit,
    output::WrittenInput,
    ui::{Console, Tone},
    words::{Lang, quoted},
};

/// The file with the schema for editors. The schema is written into the folder of the input file.
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
    let schema = file.with_file_name(SCHEMA);
    // Checks before the first question whether the files can be written, so that the operator does not type answers in
    // vain.
    for written in [&file, &schema] {
        result_file::check(written, words)?;
    }
    let Some(value) = answers(args, console).await? else { return Ok(interruption(console)) };
    result_file::write(&file, &format!("{value:#}\n"), words)?;
    if !schema.exists() {
        result_file::write(&schema, &format!("{}\n", schema::schema()), words)?;
    }
    console.result(&WrittenInput {
        file: file.display().to_string(),
        onboarding: value.clone(),
        schema: schema.display().to_string(),
    });
    console.line(&console.paint(Tone::Good, &words.written(file.display())));
    let name = quoted(&file.display().to_string());
    console.note(&words.next_steps(&name));
    if !value["documents"].is_null() {
        console.note(&words.upload_documents(&name));
    }
    Ok(Exit::Done)
}

/// The answers to the questions.
struct Answers {
    alias: String,
    groups: Vec<String>,
    profiles: Vec<String>,
    numbers: Vec<String>,
    calls: Option<Value>,
    language: Lang,
}

/// A question to the operator.
struct Question {
    text: String,
    /// The answer if the operator types nothing.
    default: &'static str,
    /// Stores the operator's answer.
    store: fn(&mut Answers, &str),
    /// Whether the answer determines the value at this JSON path of the input.
    concerns: fn(&str) -> bool,
}

/// Returns the content of the input file. Asks for the values that the options do not contain. Returns `None` if the
/// operator interrupts a question.
///
/// # Errors
/// Fails before the first question if an option is invalid. Fails after the questions if the alias or the groups are
/// missing, or if the input is invalid.
async fn answers(args: InitArgs, console: &Console) -> Result<Option<Value>, CommandError> {
    let words = console.words();
    let file = args.file.clone();
    let questions = questions(&args, console);
    let mut answers = Answers {
        alias: args.alias.unwrap_or_default(),
        groups: args.group,
        profiles: args.security_profile,
        numbers: args.phone_number,
        calls: args.concurrent_calls.map(Into::into),
        language: args.language.unwrap_or(words.0),
    };
    let bad = |problems| CommandError::file(&BadInput::without_text(&file, problems), words);
    let given: Vec<Problem> = problems(&answers, |path| questions.iter().all(|question| !(question.concerns)(path)));
    if !given.is_empty() {
        return Err(bad(given));
    }
    for question in &questions {
        if !console.can_ask() {
            (question.store)(&mut answers, question.default);
        } else if !answered(question, &mut answers, console).await {
            return Ok(None);
        }
    }
    if answers.alias.is_empty() || answers.groups.is_empty() {
        return Err(CommandError::input(words.answers_missing(), words.specify_answers()));
    }
    match problems(&answers, |_| true) {
        problems if problems.is_empty() => Ok(Some(content(&answers))),
        problems => Err(bad(problems)),
    }
}

/// The questions for the values that the options do not contain.
fn questions(args: &InitArgs, console: &Console) -> Vec<Question> {
    let words = console.words();
    let question =
        |given: bool, text, default, store, concerns| (!given).then_some(Question { text, default, store, concerns });
    let all = [
        question(
            args.alias.is_some(),
            words.ask_alias(),
            "",
            |answers, typed| typed.clone_into(&mut answers.alias),
            |path| path.starts_with("$.instance"),
        ),
        question(
            !args.group.is_empty(),
            words.ask_groups(),
            "",
            |answers, typed| answers.groups = list(typed),
            |path| path.starts_with("$.users.groups") && !path.contains(".securityProfiles"),
        ),
        question(
            !args.security_profile.is_empty(),
            words.ask_profiles(),
            "Agent",
            |answers, typed| answers.profiles = list(typed),
            |path| path.contains(".securityProfiles"),
        ),
        question(
            !args.phone_number.is_empty(),
            words.ask_numbers(),
            "",
            |answers, typed| answers.numbers = list(typed),
            |path| path.starts_with("$.phoneNumbers") || path.starts_with("$.documents"),
        ),
        question(
            args.concurrent_calls.is_some(),
            words.ask_calls(),
            "",
            // An answer that is not a number is reported by the validation of the input.
            |answers, typed| {
                answers.calls =
                    (!typed.is_empty()).then(|| typed.parse::<u32>().map_or_else(|_| typed.into(), Into::into));
            },
            |path| path.starts_with("$.quotas"),
        ),
    ];
    all.into_iter().flatten().collect()
}

/// Asks a question until the operator gives a valid answer. Returns false if the operator interrupts the command. If
/// the operator presses Ctrl-D, the answer is the default.
async fn answered(question: &Question, answers: &mut Answers, console: &Console) -> bool {
    loop {
        let typed = match ask(&question.text, console).await {
            Answer::Typed(line) if !line.trim().is_empty() => line.trim().to_owned(),
            Answer::Typed(_) => question.default.to_owned(),
            Answer::End => {
                (question.store)(answers, question.default);
                return true;
            }
            Answer::Interrupted => return false,
        };
        (question.store)(answers, &typed);
        let problems = problems(answers, question.concerns);
        if problems.is_empty() {
            return true;
        }
        let language = console.words().language();
        // Each message is shown only once, because the same error can occur in each group.
        let mut shown: Vec<&str> = Vec::new();
        for problem in &problems {
            let message = problem.message(language);
            if !shown.contains(&message) {
                shown.push(message);
                console.failure(&format!("  {}", problem.text(language)));
            }
        }
    }
}

/// Validates the input that results from these answers, and returns the problems whose JSON path satisfies `matches`.
fn problems(answers: &Answers, matches: impl Fn(&str) -> bool) -> Vec<Problem> {
    let problems = Onboarding::parse(&content(answers)).err().unwrap_or_default();
    problems.into_iter().filter(|problem| matches(&problem.path)).collect()
}

/// The content of the input file that results from these answers.
fn content(answers: &Answers) -> Value {
    let Answers { alias, groups, profiles, numbers, calls, language } = answers;
    let mut value = json!({
        // A path that starts with a dot is relative to the folder of the file. Without the dot, older versions of the
        // JSON support of Visual Studio Code (`vscode-json-languageservice`) do not find the file.
        "$schema": format!("./{SCHEMA}"),
        "instance": { "alias": alias },
        "users": {
            "groups": groups.iter().map(|group| json!({"group": group, "securityProfiles": profiles})).collect::<Vec<_>>(),
        },
    });
    if !numbers.is_empty() {
        value["phoneNumbers"] = numbers.iter().map(|number| phone_number(number)).collect();
        if numbers.iter().any(|number| number.to_uppercase().starts_with("JP")) {
            // `onboard start --document` uploads the documents with these S3 object keys.
            let key = |document: &str| format!("{alias}/{document}");
            value["documents"] = json!({
                "identity": key("identity"), "address": key("address"), "relationship": key("relationship"),
            });
        }
    }
    if let Some(calls) = calls {
        value["quotas"] = json!({ "concurrentActiveCalls": calls });
    }
    if *language == Lang::Ja {
        value["language"] = "ja".into();
    }
    value
}

/// Converts `COUNTRY:TYPE[:PREFIX]` to the format of a phone number in the input. This function does not check the
/// parts, because the later validation of the input does.
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
        assert_eq!(value["$schema"], format!("./{SCHEMA}"));
        assert_eq!(value["quotas"]["concurrentActiveCalls"], 20);
    }

    #[test]
    fn without_a_terminal_a_missing_answer_is_an_error() {
        let error = input_of(&["--alias", "acme"]).unwrap_err();
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.action.contains("--group"), "{}", error.action);
    }

    #[test]
    fn all_invalid_options_are_reported_at_once() {
        let options = ["--alias", "d-x", "--group", "A", "--group", "a", "--phone-number", "JP:FAX"];
        let error = input_of(&options).unwrap_err().what;
        for path in ["$.instance.alias", "$.users.groups[1].group", "$.phoneNumbers[0].type"] {
            assert!(error.contains(path), "{error}");
        }
    }
}
