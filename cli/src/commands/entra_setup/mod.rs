//! `onboard entra-setup`: the one-time setup in Entra that lets the stack authenticate. The command prints a script for
//! a shell in which the Azure CLI and the AWS CLI are signed in. The script shows the tenant and the account, and asks
//! for confirmation before it changes anything. With `--run`, the command itself asks for confirmation and runs the
//! script.
//!
//! The script grants the permissions in [`Identity::permissions`]. The function `preflight` checks that each Graph
//! token contains these permissions. The script can be run again at any time, because it finds existing applications by
//! name and grants only missing permissions.

mod script;

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt, process::Stdio, time::Duration};

use onboarding_core::{
    entra::{GRAPH_APP_ID, Identity, TOKEN_AUDIENCE},
    names,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use crate::{
    args::{CredentialArg, EntraSetupArgs},
    cloud::{configuration, error::CommandError},
    commands::{interruption, prompt::confirmed, unless_interrupted},
    exit::Exit,
    output::{EntraIdentity, EntraSetup},
    ui::Console,
    words::Words,
};

/// How long the script may continue after Ctrl-C before it receives a termination signal.
const GRACE: Duration = Duration::from_secs(2);

/// Programs that the script calls, with their installation instructions.
const TOOLS: [(&str, &str); 3] = [
    ("az", "Azure CLI (`az login`): https://learn.microsoft.com/cli/azure/install-azure-cli"),
    ("aws", "AWS CLI: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"),
    ("bash", "bash"),
];
/// Additional programs that the script needs if it creates keys or client secrets. With these programs, the script
/// never has to put a secret on a command line.
const TOOLS_FOR_SECRETS: [(&str, &str); 2] = [("jq", "jq: https://jqlang.org"), ("openssl", "OpenSSL")];

/// Number of the signal that Ctrl-C causes.
const SIGINT: i32 = Signal::INT.as_raw();

/// The arguments, and the resolved values of the settings that the operator can omit.
struct Setup<'a> {
    args: &'a EntraSetupArgs,
    stack: String,
    region: String,
}

/// Runs the command.
///
/// # Errors
/// Fails if an argument is invalid, no Region is set, a required program is missing, the operator does not confirm the
/// changes, or the script fails.
pub async fn run(args: EntraSetupArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let stack = configuration::stack(args.stack.as_deref(), words)?;
    let region = configuration::region(&args.aws, words).await?;
    let setup = Setup { args: &args, stack, region };
    if let Some(fault) = fault(&setup, words) {
        return Err(CommandError::input(fault, words.see_help_of("entra-setup")));
    }
    let script = script::of(&setup, console);
    if !args.run {
        if console.is_json() {
            console.result(&document(&setup, &script));
        } else {
            console.raw(&script);
        }
        return Ok(Exit::Done);
    }
    let secrets = args.credential != CredentialArg::Keyless && args.remove.is_none();
    let tools = TOOLS.iter().chain(TOOLS_FOR_SECRETS.iter().filter(|_| secrets));
    let missing: Vec<&str> = tools.filter(|(name, _)| !is_there(name)).map(|(_, what)| *what).collect();
    if !missing.is_empty() {
        let missing = missing.join("\n  ");
        return Err(CommandError::input(words.tools_missing(missing), words.install_the_programs()));
    }
    if execute(&script, "--show", console).await?.is_none() {
        return Ok(interruption(console));
    }
    match confirmed(&words.setup_question(), console).await {
        None => return Ok(interruption(console)),
        Some(false) => {
            return Err(CommandError::undecided("NotConfirmed", words.not_confirmed(), words.run_with_yes()));
        }
        Some(true) => {}
    }
    let Some(printed) = execute(&script, "--yes", console).await? else { return Ok(interruption(console)) };
    console.result(&EntraSetup { parameters: Some(parameters(&printed)), ..document(&setup, &script) });
    Ok(Exit::Done)
}

/// Returns the error message for the first invalid argument, if there is one. Argument values become part of a shell
/// script, so they may contain only characters without a special meaning.
fn fault(setup: &Setup<'_>, words: Words) -> Option<String> {
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !plain(&setup.stack) || !setup.stack.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some(words.no_stack_name(&setup.stack));
    }
    let audience = setup.args.audience.strip_prefix("api://").is_some_and(plain);
    if !audience {
        return Some(words.no_audience(&setup.args.audience, TOKEN_AUDIENCE));
    }
    let longest = Identity::ALL.map(|identity| names::graph_role(&setup.stack, &setup.region, identity).len());
    (longest.into_iter().max() > Some(64)).then(|| words.long_stack_name(&setup.stack))
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Runs the script with an argument. Returns `None` if the operator interrupts the script. With `--json`, returns the
/// output of the script, and also writes it to standard error. Without `--json`, the returned text is empty.
async fn execute(script: &str, argument: &str, console: &Console) -> Result<Option<String>, CommandError> {
    let words = console.words();
    let ended = shell(script, argument, console).await.map_err(|error| {
        let what = words.program_not_started("bash", error);
        CommandError::failed("SetupStopped", what, words.install_the_programs())
    })?;
    match ended {
        Some((false, _)) => {
            Err(CommandError::failed("SetupStopped", words.setup_stopped(), words.correct_and_repeat()))
        }
        ended => Ok(ended.map(|(_, printed)| printed)),
    }
}

/// Runs the script in a shell. Returns whether the script succeeded and what it printed, or `None` if the operator
/// interrupts the script.
async fn shell(script: &str, argument: &str, console: &Console) -> std::io::Result<Option<(bool, String)>> {
    let mut command = Command::new("bash");
    command.args(["-s", "--", argument]).stdin(Stdio::piped());
    if console.is_json() {
        command.stdout(Stdio::piped());
    }
    let mut shell = command.spawn()?;
    if let Some(mut input) = shell.stdin.take() {
        input.write_all(script.as_bytes()).await?;
    }
    let output = shell.stdout.take();
    let ended = async {
        let mut printed = String::new();
        if let Some(mut output) = output {
            output.read_to_string(&mut printed).await?;
            console.line(printed.trim_end());
        }
        Ok::<_, std::io::Error>((shell.wait().await?, printed))
    };
    if let Some(ended) = unless_interrupted(ended).await {
        let (status, printed) = ended?;
        // Ctrl-C can end the shell before this process receives the signal.
        let interrupted = status.signal() == Some(SIGINT) || status.code() == Some(128 + SIGINT);
        return Ok((!interrupted).then(|| (status.success(), printed)));
    }
    // Ctrl-C also signals the shell, but a termination signal reaches only this process. The shell gets time to exit by
    // itself, because it deletes the folder with the keys and secrets when it exits. A second signal could end the
    // shell before it has deleted this folder.
    if tokio::time::timeout(GRACE, shell.wait()).await.is_ok() {
        return Ok(None);
    }
    if let Some(process) = shell.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
        let _ = kill_process(process, Signal::TERM);
    }
    shell.wait().await?;
    Ok(None)
}

/// The stack parameters that the script printed, each on an indented line of the form `Name=value`.
fn parameters(printed: &str) -> BTreeMap<String, String> {
    let parameter = |line: &str| {
        let (name, value) = line.strip_prefix("  ")?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    printed.lines().filter_map(parameter).collect()
}

/// The object that `--json` prints for this setup. It includes the script.
fn document(setup: &Setup<'_>, script: &str) -> EntraSetup {
    let identities = setup.args.identities().into_iter().map(|identity| EntraIdentity {
        identity,
        display_name: names::app_registration(&setup.stack, identity),
        api: GRAPH_APP_ID.to_owned(),
        permissions: identity.permissions().to_vec(),
        role_name: names::graph_role(&setup.stack, &setup.region, identity),
        secret_name: names::credential_secret(&setup.stack, identity),
    });
    EntraSetup {
        stack: setup.stack.clone(),
        region: setup.region.clone(),
        credential: setup.args.credential.name().to_owned(),
        audience: setup.args.audience.clone(),
        identities: identities.collect(),
        script: script.to_owned(),
        parameters: None,
    }
}
