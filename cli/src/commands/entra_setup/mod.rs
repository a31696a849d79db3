//! `onboard entra-setup`: the one-time setup in Entra that lets the stack authenticate. The command prints a script for
//! a shell in which the Azure CLI and the AWS CLI are signed in. With `--run`, the command runs this script.
//!
//! The script grants the permissions in [`Identity::permissions`]. The function `preflight` checks that each Graph
//! token contains these permissions. The script is safe to repeat: it finds existing applications by name and grants
//! only missing permissions.

mod script;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use onboarding_core::{
    entra::{GRAPH_APP_ID, Identity, TOKEN_AUDIENCE},
    names,
};
use serde_json::{Value, json};

use crate::{
    args::{CredentialArg, EntraSetupArgs},
    exit::Exit,
    ui::Console,
    words::Words,
};

/// Programs that the script calls, with their installation instructions.
const TOOLS: [(&str, &str); 3] = [
    ("az", "Azure CLI (`az login`): https://learn.microsoft.com/cli/azure/install-azure-cli"),
    ("aws", "AWS CLI: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"),
    ("bash", "bash"),
];
/// Further programs that the script needs if it creates keys or client secrets. The script uses them so that no secret
/// appears on a command line.
const TOOLS_FOR_SECRETS: [(&str, &str); 2] = [("jq", "jq: https://jqlang.org"), ("openssl", "OpenSSL")];

/// Runs the command.
pub fn run(args: &EntraSetupArgs, console: &Console) -> Exit {
    let words = console.words();
    if let Some(fault) = fault(args, words) {
        console.error(&fault);
        return Exit::BadInput;
    }
    let script = script::of(args);
    if !args.run {
        if console.is_json() {
            console.result(&document(args, &script));
        } else {
            console.raw(&script);
        }
        return Exit::Done;
    }
    let secrets = args.credential != CredentialArg::Keyless && args.remove.is_none();
    let tools = TOOLS.iter().chain(TOOLS_FOR_SECRETS.iter().filter(|_| secrets));
    let missing: Vec<&str> = tools.filter(|(name, _)| !is_there(name)).map(|(_, what)| *what).collect();
    if !missing.is_empty() {
        console.error(&words.tools_missing(missing.join("\n  ")));
        return Exit::BadInput;
    }
    match execute(&script) {
        Ok(true) => Exit::Done,
        Ok(false) => {
            console.error(&words.setup_stopped());
            Exit::Failed
        }
        Err(error) => {
            console.error(&words.program_not_started("bash", error));
            Exit::Failed
        }
    }
}

/// Returns the message about the first invalid argument, if there is one. Argument values become part of a script, so
/// only plain characters are allowed.
fn fault(args: &EntraSetupArgs, words: Words) -> Option<String> {
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !plain(&args.stack) || !args.stack.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some(words.no_stack_name(&args.stack));
    }
    if !plain(&args.region) {
        return Some(words.no_region_name(&args.region));
    }
    let audience = args.audience.strip_prefix("api://").is_some_and(plain);
    if !audience {
        return Some(words.no_audience(&args.audience, TOKEN_AUDIENCE));
    }
    let longest = Identity::ALL.map(|identity| names::graph_role(&args.stack, &args.region, identity).len());
    (longest.into_iter().max() > Some(64)).then(|| words.long_stack_name(&args.stack))
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn execute(script: &str) -> std::io::Result<bool> {
    let mut shell = Command::new("bash").arg("-s").stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = shell.stdin.take() {
        input.write_all(script.as_bytes())?;
    }
    Ok(shell.wait()?.success())
}

/// Describes the setup as JSON, including the script.
fn document(args: &EntraSetupArgs, script: &str) -> Value {
    let identities = args.identities().into_iter().map(|identity| {
        json!({
            "identity": identity,
            "displayName": names::app_registration(&args.stack, identity),
            "api": GRAPH_APP_ID,
            "permissions": identity.permissions(),
            "roleName": names::graph_role(&args.stack, &args.region, identity),
            "secretName": names::credential_secret(&args.stack, identity),
        })
    });
    json!({
        "stack": args.stack,
        "region": args.region,
        "credential": args.credential.name(),
        "audience": args.audience,
        "identities": identities.collect::<Vec<_>>(),
        "script": script,
    })
}
