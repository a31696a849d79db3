//! `onboard deploy`: packages the stack and deploys it through CloudFormation. CloudFormation itself runs the SAM
//! transform of the template, so neither the SAM CLI nor another program is needed.
//!
//! Steps: [`package`] reads the files to deploy. [`bucket`] finds or creates the S3 bucket for the files. Then a change
//! set is created and shown ([`changes`]). After the operator has confirmed, the change set is executed, and the
//! progress of the deployment is shown ([`progress`]).
//!
//! The command can be repeated at any time, for three reasons. The names of uploaded objects are derived from their
//! content. Each run of the command creates its own change set. The command first waits until a running update of the
//! stack has finished.

mod bucket;
mod changes;
mod package;
mod progress;

use std::{collections::BTreeMap, time::Duration};

use time::{OffsetDateTime, macros::format_description};

use self::package::Package;
use crate::{
    args::DeployArgs,
    cloud::{
        Cloud,
        change_set::{ChangeSet, ParameterValue, Polls, StackState, Stacks},
        configuration,
        error::CommandError,
        signed::Signed,
        stack::Stack,
    },
    commands::{interruption, prompt::confirmed},
    exit::Exit,
    output::{Change, Deployment},
    ui::{Console, Tone},
    words::Words,
};

/// If the output is not a terminal, the progress is printed again after this time without output.
const SILENCE: Duration = Duration::from_secs(15);
/// The template parameter whose value is read from the functions' binary.
const ARCHITECTURE: &str = "Architecture";

/// Runs the command.
///
/// # Errors
/// Fails if a file or a parameter is invalid, the operator does not confirm, or CloudFormation rejects or reverts the
/// changes.
pub async fn run(args: DeployArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let package = Package::find(&args, words)?;
    // `samconfig.toml` contains the settings of a stack in AWS, not those of a local cloud.
    let (configured_bucket, configured) =
        if args.target.local { <_>::default() } else { configuration::deployment(words)? };
    let given = given(&package, configured, args.parameters, words)?;
    // A missing stack is not an error, because the first deployment creates the stack.
    let (Cloud { signed, stack: Stack { name, .. }, .. }, _) = Cloud::connect(&args.target, words).await?;
    let stacks = Stacks { signed: &signed, stack: &name, words };
    let existing = match ready(stacks, console).await? {
        Ready::Stack(existing) => existing,
        Ready::Interrupted => return Ok(interruption(console)),
    };
    let bucket = match args.bucket.or(configured_bucket) {
        Some(bucket) => bucket,
        None => bucket::managed(&signed, console).await?,
    };
    let url = upload(&package, &bucket, &signed, console).await?;
    let previous = existing.as_ref().map(|stack| stack.parameters.clone()).unwrap_or_default();
    let parameters = parameters(package.parameters(), given, &previous);
    let Some(Planned { token, changes }) = plan(stacks, &url, &parameters, existing.is_some(), console).await? else {
        return Ok(unchanged(&name, existing.unwrap_or_default(), console));
    };
    console.result(&deployment(&name, "PLANNED", &changes, BTreeMap::new()));
    changes::print(&name, &changes, console);
    let confirmed = confirmed(&words.deploy_question(), console).await;
    if confirmed != Some(true) {
        stacks.delete_change_set(&token).await?;
    }
    match confirmed {
        None => return Ok(interruption(console)),
        Some(false) => {
            return Err(CommandError::undecided("NotConfirmed", words.not_deployed_yet(), words.run_with_yes()));
        }
        Some(true) => {}
    }
    let Some(stack) = progress::execute(stacks, &token, &changes, console).await? else {
        return Ok(progress::continues(&name, console));
    };
    console.result(&deployment(&name, &stack.status, &changes, stack.outputs.clone()));
    console.line(&console.paint(Tone::Good, &words.deployed(&name, &stack.status)));
    outputs(&stack, console);
    console.note(&words.after_the_deployment());
    Ok(Exit::Done)
}

/// A change set that can be executed.
struct Planned {
    /// The name of the change set. The name is also the client token with which CloudFormation recognizes a repeated
    /// call.
    token: String,
    changes: Vec<Change>,
}

/// Creates a change set. Returns `None` if there is nothing to change.
async fn plan(
    stacks: Stacks<'_>,
    url: &str,
    parameters: &BTreeMap<String, ParameterValue>,
    exists: bool,
    console: &Console,
) -> Result<Option<Planned>, CommandError> {
    let words = console.words();
    let token = unique_name();
    let kind = if exists { "UPDATE" } else { "CREATE" };
    console.status(Some(&words.creating_change_set(stacks.stack)));
    let created = stacks.create_change_set(&token, kind, url, parameters).await;
    created.map_err(|error| rejected(error, words))?;
    let change_set = settled(stacks, &token).await?;
    console.status(None);
    if change_set.is_empty() {
        stacks.delete_change_set(&token).await?;
        return Ok(None);
    }
    if change_set.status != "CREATE_COMPLETE" {
        let what = words.change_set_failed(stacks.stack, &change_set.reason);
        return Err(CommandError::failed("ChangeSetFailed", what, words.correct_the_deployment()));
    }
    Ok(Some(Planned { token, changes: change_set.changes }))
}

/// The stack parameters that the command line or `samconfig.toml` specifies; the command line takes precedence. The
/// value of `Architecture` is read from the functions' binary.
fn given(
    package: &Package,
    configured: BTreeMap<String, String>,
    specified: Vec<(String, String)>,
    words: Words,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut given = configured;
    given.extend(specified);
    let known = package.parameters();
    if let Some(name) = given.keys().find(|name| !known.contains(name)) {
        return Err(CommandError::input(words.unknown_parameter(name), words.known_parameters(known.join(", "))));
    }
    if let Some(architecture) = package.architecture {
        let other = given.insert(ARCHITECTURE.into(), architecture.into());
        if let Some(other) = other.filter(|other| other != architecture) {
            let what = words.other_architecture(architecture, other);
            return Err(CommandError::input(what, words.build_for_lambda()));
        }
    }
    Ok(given)
}

/// The parameters of the change set: the specified parameters, and the other existing parameters of the stack with
/// their previous values. For parameters that are new in the template, CloudFormation uses the defaults.
fn parameters(
    names: Vec<String>,
    mut given: BTreeMap<String, String>,
    previous: &[String],
) -> BTreeMap<String, ParameterValue> {
    let value = |name: String| {
        let value = given.remove(&name).map(ParameterValue::Given);
        let value = value.or_else(|| previous.contains(&name).then_some(ParameterValue::Previous))?;
        Some((name, value))
    };
    names.into_iter().filter_map(value).collect()
}

/// Whether the deployment can start.
enum Ready {
    /// The stack to update, or `None` if the stack must be created.
    Stack(Option<StackState>),
    /// The operator interrupted the command.
    Interrupted,
}

/// Waits until no other operation is changing the stack. If the first deployment of the stack has failed, asks the
/// operator for confirmation and deletes the stack.
async fn ready(stacks: Stacks<'_>, console: &Console) -> Result<Ready, CommandError> {
    let words = console.words();
    let mut polls = Polls::default();
    loop {
        let Some(stack) = stacks.find().await? else { return Ok(Ready::Stack(None)) };
        match stack.status.as_str() {
            // The stack has only change sets that were never executed, or its deletion is complete.
            "REVIEW_IN_PROGRESS" | "DELETE_COMPLETE" => return Ok(Ready::Stack(None)),
            "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE" => return Ok(Ready::Stack(Some(stack))),
            "ROLLBACK_COMPLETE" => match confirmed(&words.delete_failed_stack(stacks.stack), console).await {
                None => return Ok(Ready::Interrupted),
                Some(true) => delete(stacks, &stack.id, console).await?,
                Some(false) => {
                    let what = words.failed_stack_exists(stacks.stack);
                    return Err(CommandError::undecided("NotConfirmed", what, words.run_with_yes()));
                }
            },
            _ if stack.is_changing() => {
                console.status(Some(&words.another_operation(stacks.stack, &stack.status)));
                if !console.is_live() && console.silent_for() >= SILENCE {
                    console.note(&words.another_operation(stacks.stack, &stack.status));
                }
                polls.wait().await;
            }
            status => {
                let what = words.stuck_stack(stacks.stack, status, &stack.reason);
                return Err(CommandError::failed("StackNotReady", what, words.repair_stack(stacks.stack)));
            }
        }
    }
}

/// Deletes a stack whose first deployment has failed. The stack is identified by its ARN and read again before the
/// deletion. While this operator was asked for confirmation, another operator can have deployed a new stack with the
/// same name.
async fn delete(stacks: Stacks<'_>, id: &str, console: &Console) -> Result<(), CommandError> {
    let this = Stacks { stack: id, ..stacks };
    if this.find().await?.is_none_or(|stack| stack.status != "ROLLBACK_COMPLETE") {
        return Ok(());
    }
    this.delete(&unique_name()).await?;
    console.status(Some(&console.words().deleting_failed_stack(stacks.stack)));
    let mut polls = Polls::default();
    while this.find().await?.is_some_and(|stack| stack.is_changing() || stack.status == "ROLLBACK_COMPLETE") {
        polls.wait().await;
    }
    Ok(())
}

/// Uploads the files. Returns the URL of the template.
async fn upload(package: &Package, bucket: &str, signed: &Signed, console: &Console) -> Result<String, CommandError> {
    let words = console.words();
    let mut url = String::new();
    for object in package.objects(bucket, words)? {
        url = signed.object_url(bucket, &object.key);
        if signed.has_object(bucket, &object.key).await {
            continue;
        }
        console.status(Some(&words.uploading(&object.key, bucket)));
        let put = signed.put(&words.uploading(&object.key, bucket), bucket, &object.key, &object.content).await;
        put.map_err(|error| match error.name.as_str() {
            "PermanentRedirect" | "NoSuchBucket" | "AuthorizationHeaderMalformed" => {
                CommandError { action: words.use_another_bucket(signed.region()), ..error }
            }
            _ => error,
        })?;
    }
    console.status(None);
    Ok(url)
}

/// Waits until CloudFormation has finished creating the change set.
async fn settled(stacks: Stacks<'_>, name: &str) -> Result<ChangeSet, CommandError> {
    let mut polls = Polls::default();
    loop {
        let change_set = stacks.change_set(name).await?;
        if !["CREATE_PENDING", "CREATE_IN_PROGRESS"].contains(&change_set.status.as_str()) {
            return Ok(change_set);
        }
        polls.wait().await;
    }
}

/// The error for a change set that CloudFormation rejects. If CloudFormation rejects the template or a parameter, the
/// error is an input error.
fn rejected(error: CommandError, words: Words) -> CommandError {
    match error.name.as_str() {
        "ValidationError" => CommandError { exit: Exit::BadInput, action: words.correct_the_deployment(), ..error },
        _ => error,
    }
}

/// Reports that the stack already has the template and the parameters.
fn unchanged(name: &str, stack: StackState, console: &Console) -> Exit {
    console.line(&console.paint(Tone::Good, &console.words().nothing_to_deploy(name)));
    outputs(&stack, console);
    console.result(&deployment(name, &stack.status, &[], stack.outputs));
    Exit::Done
}

fn outputs(stack: &StackState, console: &Console) {
    let width = stack.outputs.keys().map(String::len).max().unwrap_or_default();
    for (name, value) in &stack.outputs {
        console.note(&format!("  {name:<width$}  {}", console.paint(Tone::Faint, value)));
    }
}

fn deployment(stack: &str, status: &str, changes: &[Change], outputs: BTreeMap<String, String>) -> Deployment {
    Deployment { stack: stack.into(), status: status.into(), changes: changes.into(), outputs }
}

/// A name that no other run of the command uses. The name is valid both as a change set name and as a client token: it
/// contains only letters, digits and hyphens, and starts with a letter.
fn unique_name() -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]-[subsecond digits:9]");
    let now = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    format!("onboard-{now}-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_given_or_kept_or_takes_its_default() {
        let names = ["A", "B", "C", "D"].map(str::to_owned);
        let given = BTreeMap::from([("A".into(), "1".into()), ("B".into(), "2".into())]);
        // The previous template of the stack had a parameter that the new template does not have.
        let previous = ["B", "C", "Gone"].map(str::to_owned);
        let expected = BTreeMap::from([
            ("A".to_owned(), ParameterValue::Given("1".into())),
            ("B".to_owned(), ParameterValue::Given("2".into())),
            ("C".to_owned(), ParameterValue::Previous),
        ]);
        assert_eq!(parameters(names.into(), given, &previous), expected);
    }

    #[test]
    fn names_are_unique_and_valid_for_cloudformation() {
        let (one, other) = (unique_name(), unique_name());
        assert_ne!(one, other);
        assert!(one.len() <= 128 && one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{one}");
    }
}
