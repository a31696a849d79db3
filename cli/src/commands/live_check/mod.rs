//! `onboard live-check`: determines which reading of each local-cloud assumption is true in an account and a tenant.
//!
//! An assumption is about behavior of AWS or Entra that their documentation leaves open. Each assumption has two
//! readings, which means that the documentation can be understood in two ways. The local cloud emulates the assumed
//! reading by default, and the other reading with `onboard local --assume NAME`.
//!
//! The command calls the services with the operator's permissions. The command creates gallery applications, SAML
//! providers, roles, a phone number, and an instance with two users, a quick connect, a flow and test cases. All
//! resources share a unique name. The command removes the resources at the end, even after a failure or Ctrl-C. With
//! `--local`, the command runs against a running local cloud. Some assumptions are checked only if the operator
//! specifies an option.
//!
//! * [`clouds`] — calls to AWS and Microsoft Graph.
//! * [`created`], [`leftovers`] — the resources that the command created, and how it removes them.
//! * [`entra`], [`browser`], [`notifications`], [`federation`], [`saml`], [`connect`], [`users`], [`flows`],
//!   [`quotas`] — the checks.

mod browser;
mod clouds;
mod connect;
mod created;
mod entra;
mod federation;
mod flows;
mod leftovers;
mod notifications;
mod quotas;
mod saml;
mod users;

use std::collections::BTreeMap;

use local_cloud::stand_in::assumptions::{self, Text};

use self::{clouds::Clouds, created::CreatedResources};
use crate::{
    args::LiveCheckArgs,
    cloud::error::CommandError,
    commands::{ends_itself, interruption},
    exit::Exit,
    output::{LiveFinding, LiveFindings},
    ui::{Console, Tone},
    words::{Lang, Words},
};

/// The result of the check of one assumption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The assumed reading is true.
    Assumed,
    /// The other reading is true.
    Other,
    /// The check could not determine which reading is true. The text is the reason.
    Unknown(String),
    /// The operator did not select this check. The text is the name of the option that selects it.
    NotChecked(String),
}

impl Reading {
    /// Returns the other reading if `other` is true, or else the assumed reading.
    fn other_if(other: bool) -> Self {
        if other { Self::Other } else { Self::Assumed }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Other => "other",
            Self::Unknown(_) => "unknown",
            Self::NotChecked(_) => "not checked",
        }
    }
}

/// The results of the checks so far, by assumption name.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<&'static str, Reading>);

impl Findings {
    fn note(&mut self, name: &'static str, reading: Reading) {
        self.0.insert(name, reading);
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Runs the command.
///
/// # Errors
/// Fails if AWS or Entra (or the local cloud) can't be used with the operator's credentials. Even if the command fails,
/// it removes the resources that it created.
pub async fn run(args: LiveCheckArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let clouds = Clouds::open(&args, words).await?;
    let (mut resources, mut findings) = (CreatedResources::new(), Findings::default());
    console.note(&words.live_check(resources.name()));
    let checks = check(&clouds, &args, &mut resources, &mut findings, console);
    let checked = ends_itself(checks, || clouds.interrupt()).await;
    let is_interrupted = clouds.resume();
    if clouds.lost_a_response() {
        console.note(&words.searching_leftovers());
    }
    let left = resources.remove(&clouds).await;
    for resource in &left {
        console.failure(&words.remove_manually(resource));
    }
    let undecided = print(&findings, console);
    match checked {
        _ if is_interrupted => Ok(interruption(console)),
        Err(error) => Err(error),
        Ok(()) if !left.is_empty() => Ok(Exit::Failed),
        Ok(()) => Ok(if undecided { Exit::Undecided } else { Exit::Done }),
    }
}

async fn check(
    clouds: &Clouds,
    args: &LiveCheckArgs,
    resources: &mut CreatedResources,
    findings: &mut Findings,
    console: &Console,
) -> Result<(), CommandError> {
    let words = console.words();
    console.note(&words.checking_quotas());
    quotas::check(clouds, args.request_quota_increase, findings).await?;
    console.note(&words.checking_entra());
    let application = entra::check(clouds, args, resources, findings, console).await?;
    console.note(&words.checking_federation());
    federation::check(clouds, &application, resources, findings).await?;
    saml::check(clouds, resources, findings).await?;
    notifications::check(clouds, args, resources, findings).await?;
    entra::check_deletion(clouds, application, resources, findings).await?;
    console.note(&words.checking_connect());
    connect::check(clouds, args.request_quota_increase, resources, findings).await
}

/// Prints the results. Returns whether at least one selected check could not determine which reading is true.
fn print(findings: &Findings, console: &Console) -> bool {
    let words = console.words();
    let text = |text: Text| if words.0 == Lang::Ja { text.ja } else { text.en };
    let mut undecided = false;
    let mut all: Vec<LiveFinding> = Vec::new();
    for row in assumptions::all() {
        let reading = findings.0.get(row.name).cloned().unwrap_or_else(|| Reading::Unknown(words.not_reached()));
        let (tone, mark, result) = match &reading {
            Reading::Assumed => (Tone::Good, "✓", text(row.assumed).to_owned()),
            Reading::Other => (Tone::Warn, "!", text(row.other).to_owned()),
            Reading::Unknown(why) => (Tone::Faint, "?", why.clone()),
            Reading::NotChecked(why) => (Tone::Faint, "-", words.not_checked(why)),
        };
        undecided |= matches!(reading, Reading::Unknown(_));
        console.line(&format!("{} {:<28} {result}", console.paint(tone, mark), row.name));
        all.push(LiveFinding { name: row.name.to_owned(), reading: reading.name().to_owned(), text: result });
    }
    console.result(&LiveFindings { findings: all });
    undecided
}

/// Determines which reading about a delay is true. `seen` is the number of seconds after which a change became visible,
/// or `None` if the check stopped waiting before that. `other` is the delay in seconds that the other reading predicts.
pub(crate) fn waited(words: Words, seen: Option<f64>, other: f64) -> Reading {
    match seen {
        None => Reading::Other,
        Some(seconds) if seconds < other => Reading::Assumed,
        Some(seconds) => Reading::Unknown(words.polled_too_late(format!("{seconds:.0}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_poll_after_the_other_delay_is_undetermined() {
        let words = Words(Lang::En);
        assert_eq!(waited(words, Some(3.0), 60.0), Reading::Assumed);
        assert_eq!(waited(words, None, 60.0), Reading::Other);
        assert!(matches!(waited(words, Some(61.0), 60.0), Reading::Unknown(_)));
    }
}
