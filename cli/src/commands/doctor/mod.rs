//! `onboard doctor`: checks the requirements of an onboarding. The command changes nothing.
//!
//! The function `preflight` of the stack checks the credential for Microsoft Graph, the consent in Entra, and the
//! groups in the specified input. The operator therefore needs no permission in Entra, and no secret leaves the stack.
//!
//! Before the first deployment there is no stack. The command then checks only the account and the Region.

mod account;
mod permissions;
mod stack;

use std::path::Path;

use serde_json::Value;

use crate::{
    args::{DoctorArgs, input},
    cloud::{Cloud, error::CommandError},
    exit::Exit,
    output::{Diagnosis, DoctorCheck, Verdict},
    ui::{Console, Tone},
};

/// A requirement that was checked, with the result.
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    action: String,
}

/// Runs the command.
///
/// # Errors
/// Fails if the input is invalid, or if a request without which no check is possible fails, for example because there
/// are no credentials.
pub async fn run(args: DoctorArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let file = args.file.clone().or_else(|| Path::new("onboarding.json").exists().then(|| "onboarding.json".into()));
    let input = match &file {
        Some(file) => Some(input::onboarding(file).map_err(|bad| CommandError::file(&bad, words))?.0),
        None => None,
    };
    let (cloud, missing) = Cloud::connect(&args.target, words).await?;
    let caller = account::caller(&cloud).await;
    let account = async {
        let (region, concurrency, federation, instances, support_plan, permissions) = tokio::join!(
            account::region(&cloud),
            account::concurrency(&cloud),
            account::federation(&cloud),
            account::instances(&cloud),
            account::support_plan(&cloud),
            permissions::permissions(&cloud, &caller),
        );
        let account = account::account(&cloud, &caller);
        vec![account, region, concurrency, federation, instances, support_plan, permissions]
    };
    let (mut checks, stack) =
        tokio::join!(account, of_stack(&cloud, missing, args.target.stack.is_some(), input.as_ref()));
    checks.extend(stack);
    checks.push(Check::new("licences", Verdict::Unknown, words.licences(), words.look_at_licences()));
    console.result(&Diagnosis { checks: checks.iter().map(|check| check.output(console)).collect() });
    for check in &checks {
        check.print(console);
    }
    let worst = |verdict: Verdict| checks.iter().any(|check| check.verdict == verdict);
    Ok(match (worst(Verdict::Bad), worst(Verdict::Warning)) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Undecided,
        (false, false) => Exit::Done,
    })
}

impl Check {
    fn new(name: &'static str, verdict: Verdict, found: impl Into<String>, action: impl Into<String>) -> Self {
        Self { name, verdict, found: found.into(), action: action.into() }
    }

    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Good, found, "")
    }

    /// Creates the result of a check that could not be made because a request failed.
    fn unknown(name: &'static str, error: CommandError) -> Self {
        Self::new(name, Verdict::Unknown, error.what, error.action)
    }

    fn print(&self, console: &Console) {
        let (tone, mark) = match self.verdict {
            Verdict::Good => (Tone::Good, "✓"),
            Verdict::Warning => (Tone::Warn, "!"),
            Verdict::Bad => (Tone::Bad, "✗"),
            Verdict::Unknown => (Tone::Faint, "?"),
        };
        console.line(&format!("{} {:<16} {}", console.paint(tone, mark), self.name, self.found));
        if !self.action.is_empty() {
            console.line(&format!("  {:<16} {}", "", console.paint(Tone::Faint, &self.action)));
        }
    }

    fn output(&self, console: &Console) -> DoctorCheck {
        DoctorCheck {
            name: self.name.to_owned(),
            verdict: self.verdict,
            found: self.found.clone(),
            action: console.complete(&self.action),
        }
    }
}

/// Makes the checks of the stack. `missing` is the error that occurred when the command read the stack. `named` states
/// whether the operator specified the name of the stack.
async fn of_stack(cloud: &Cloud, missing: Option<CommandError>, named: bool, input: Option<&Value>) -> Vec<Check> {
    if let Some(error) = missing {
        let verdict = match error.name == CommandError::NO_STACK {
            true if named => Verdict::Bad,
            true => Verdict::Warning,
            false => Verdict::Unknown,
        };
        return vec![Check::new("stack", verdict, error.what, error.action)];
    }
    let (entra, notifications, alarms, events) = tokio::join!(
        stack::preflight(cloud, input),
        stack::subscription(cloud),
        stack::alarms(cloud),
        stack::failed_events(cloud),
    );
    vec![stack::stack(cloud), entra, notifications, alarms, events]
}
