//! `onboard live-check`: determines which reading of each local-cloud assumption is true in an account and a tenant.
//!
//! An assumption is about behaviour of AWS or Entra that the documentation leaves open. There are two readings of the
//! documentation. The local cloud emulates the assumed reading by default, and the other reading with `--assume NAME`.
//!
//! The command calls the services with the operator's permissions and needs no deployed stack. It creates gallery
//! applications, a SAML provider, roles, an instance with one user, and a phone number. All resources share a unique
//! name and are removed at the end, also after Ctrl-C. With `--local`, the command does the same in a running local
//! cloud.
//!
//! * [`clouds`] — calls to both clouds.
//! * [`created`] — the created resources and their removal.
//! * [`entra`], [`federation`], [`connect`], [`users`], [`quotas`] — the checks.

mod clouds;
mod connect;
mod created;
mod entra;
mod federation;
mod quotas;
mod users;

use std::collections::BTreeMap;

use local_cloud::stand_in::assumptions::{self, Text};
use serde_json::{Value, json};

use self::{clouds::Clouds, created::CreatedResources};
use crate::{
    args::LiveCheckArgs,
    cloud::error::CommandError,
    commands::interrupted,
    exit::Exit,
    ui::{Console, Tone},
    words::{Lang, Words},
};

/// Assumptions that this command can't check, with the reason.
const NOT_CHECKABLE: [(&str, Text); 5] = [
    (
        "notification-delay",
        Text {
            en: "Graph sends notifications to a public URL, and this command has none.",
            ja: "通知の送信先となる公開 URL が、このコマンドにはありません。",
        },
    ),
    (
        "old-certificate-signs",
        Text {
            en: "Only a sign-in with a browser shows which certificate is used.",
            ja: "署名に使用される証明書は、ブラウザでサインインしないと確認できません。",
        },
    ),
    (
        "old-metadata-trusted",
        Text {
            en: "Only a sign-in with a browser shows which metadata AWS uses.",
            ja: "AWS がどのメタデータを使用しているかは、ブラウザでサインインしないと確認できません。",
        },
    ),
    (
        "quota-value-delay",
        Text {
            en: "This check would need a real request for a quota increase.",
            ja: "実際にクォータの引き上げをリクエストする必要があります。",
        },
    ),
    (
        "quota-case-closed",
        Text {
            en: "This check would need a real request for a quota increase.",
            ja: "実際にクォータの引き上げをリクエストする必要があります。",
        },
    ),
];

/// The result for an assumption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The assumed reading is true.
    Assumed,
    /// The other reading is true.
    Other,
    /// Undetermined; the text is the reason.
    Unknown(String),
}

impl Reading {
    /// The other reading if `other` is true, else the assumed reading.
    fn other_if(other: bool) -> Self {
        if other { Self::Other } else { Self::Assumed }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Other => "other",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// The results so far, by assumption name.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<&'static str, Reading>);

impl Findings {
    fn note(&mut self, name: &'static str, reading: Reading) {
        self.0.insert(name, reading);
    }
}

/// Runs the command.
///
/// # Errors
/// Fails if one of the clouds is not usable. Created resources are removed also after a failure.
pub async fn run(args: LiveCheckArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let clouds = Clouds::open(&args, words).await?;
    let (mut resources, mut findings) = (CreatedResources::new(), Findings::default());
    console.line(&words.live_check(resources.name()));
    let checked = tokio::select! {
        checked = check(&clouds, &args, &mut resources, &mut findings, console) => checked.map(|()| false),
        () = interrupted() => Ok(true),
    };
    let left = resources.remove(&clouds).await;
    for resource in &left {
        console.error(&console.paint(Tone::Bad, &words.remove_manually(resource)));
    }
    let undecided = print(&findings, console);
    match checked {
        Ok(true) => Ok(Exit::Interrupted),
        Ok(false) if !left.is_empty() => Ok(Exit::Failed),
        Ok(false) => Ok(if undecided { Exit::Undecided } else { Exit::Done }),
        Err(error) => Err(error),
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
    console.line(&words.checking_quotas());
    quotas::check(clouds, findings).await?;
    console.line(&words.checking_entra());
    let application = entra::check(clouds, &args.group, resources, findings).await?;
    console.line(&words.checking_federation());
    federation::check(clouds, &application, resources, findings).await?;
    entra::check_deletion(clouds, application, resources, findings).await?;
    console.line(&words.checking_connect());
    connect::check(clouds, resources, findings).await
}

/// Prints the results. Returns whether any assumption that this command can check remained undetermined.
fn print(findings: &Findings, console: &Console) -> bool {
    let words = console.words();
    let text = |text: Text| if words.0 == Lang::Ja { text.ja } else { text.en };
    let mut undecided = false;
    let mut all: Vec<Value> = Vec::new();
    for row in assumptions::all() {
        let not_checkable = NOT_CHECKABLE.iter().find(|(name, _)| *name == row.name).map(|(_, reason)| text(*reason));
        let reading = findings.0.get(row.name).cloned();
        undecided |= not_checkable.is_none() && !matches!(reading, Some(Reading::Assumed | Reading::Other));
        let (tone, mark, result, name) = match (&reading, not_checkable) {
            (Some(Reading::Assumed), _) => (Tone::Good, "✓", text(row.assumed).to_owned(), "assumed"),
            (Some(Reading::Other), _) => (Tone::Warn, "!", text(row.other).to_owned(), "other"),
            (Some(unknown @ Reading::Unknown(why)), _) => (Tone::Faint, "?", why.clone(), unknown.name()),
            (None, Some(reason)) => (Tone::Faint, "-", words.not_checkable(reason), "not checked"),
            (None, None) => (Tone::Faint, "?", words.not_reached(), "unknown"),
        };
        console.line(&format!("{} {:<28} {result}", console.paint(tone, mark), row.name));
        all.push(json!({ "name": row.name, "reading": name, "text": result }));
    }
    console.result(&json!({ "findings": all }));
    undecided
}

/// Determines which reading is true from the delay of a change. `seen` is the delay in seconds after which polling
/// found the change, or `None` if polling did not find it. `other` is the delay in seconds that the other reading
/// predicts.
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
    fn assumptions_that_are_not_checked_are_listed_and_few() {
        assert!(NOT_CHECKABLE.iter().all(|(name, _)| assumptions::all().any(|row| row.name == *name)));
        assert!(NOT_CHECKABLE.len() * 6 < assumptions::all().count());
    }

    #[test]
    fn a_first_poll_after_the_other_delay_is_undetermined() {
        let words = Words(Lang::En);
        assert_eq!(waited(words, Some(3.0), 60.0), Reading::Assumed);
        assert_eq!(waited(words, None, 60.0), Reading::Other);
        assert!(matches!(waited(words, Some(61.0), 60.0), Reading::Unknown(_)));
    }
}
