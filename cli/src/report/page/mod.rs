//! The report of an onboarding as an HTML page in English or Japanese. The page is a single file that loads nothing
//! from the network. It is designed for phones, large screens and print.
//!
//! [`render`] is pure: its result depends only on the report and on the history of the execution. Names, reasons and
//! URLs in a report are untrusted text. [`maud`] escapes all of them, and a URL becomes a link only if its scheme is
//! `https`. As a second line of defense, the `Content-Security-Policy` of the page forbids external content, and all
//! scripts except the page's own script, whose digest the policy contains. The page's own script only formats times, so
//! the page is complete even if the script does not run.

pub(crate) mod evidence;
pub mod graph;
pub mod history;
mod links;
mod picture;
mod qr;
mod sections;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use onboarding_core::{contract::Report, onboarding::Language};

pub use self::history::History;
use crate::words::labels::Labels;

/// The Content Security Policy of a page without a script. The policy allows only the inline style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// The page's own script, which shows times in the reader's time zone.
const LOCAL_TIMES: &str = include_str!("local_times.js");
/// The SHA-256 digest of [`LOCAL_TIMES`], in the format of the Content Security Policy.
const LOCAL_TIMES_DIGEST: &str = "sha256-HXk+t5YPU2QxwtReXgDcd5bNVq8tEwzeGpEyZla8zyg=";
/// The account number that the AWS emulator uses. In a report, it means that the onboarding ran in a local cloud.
const LOCAL_ACCOUNT: &str = "000000000000";

/// Renders the page for a report.
#[must_use]
pub fn render(report: &Report, history: &History, language: Language) -> String {
    let words = Labels::of(language);
    Document {
        language: words.code,
        subject: &report.alias,
        title: words.title,
        skip: words.skip,
        header: head(report, history, words),
        content: html! {
            (sections::sign_in(report, words))
            (sections::next(report, words))
            (sections::workflow(history, words))
            (sections::users(report, words))
            (sections::telephony(report, words))
            (sections::resources(report, words))
            (sections::checks(report, words))
        },
        made_by: words.made_by,
        local_times: true,
    }
    .render()
}

/// An HTML page in a single file. Both the report page and the evidence page have this structure.
struct Document<'a> {
    /// The language code of the page.
    language: &'a str,
    /// The subject and the kind of the page. Together, they are the title of the page in the browser.
    subject: &'a str,
    title: &'a str,
    /// The text of the link with which users of a screen reader or keyboard skip to the main content.
    skip: &'a str,
    header: Markup,
    content: Markup,
    /// The text that precedes the version in the footer.
    made_by: &'a str,
    /// Whether a script shows the times in the reader's time zone.
    local_times: bool,
}

impl Document<'_> {
    fn render(self) -> String {
        let policy =
            if self.local_times { format!("{POLICY}; script-src '{LOCAL_TIMES_DIGEST}'") } else { POLICY.to_owned() };
        html! {
            (DOCTYPE)
            html lang=(self.language) {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    meta name="robots" content="noindex";
                    title { (self.subject) " · " (self.title) }
                    style { (PreEscaped(include_str!("style.css"))) }
                }
                body {
                    a.skip href="#content" { (self.skip) }
                    (self.header)
                    main id="content" { (self.content) }
                    footer { p { (self.made_by) " " (env!("CARGO_PKG_VERSION")) } }
                    @if self.local_times { script { (PreEscaped(LOCAL_TIMES)) } }
                }
            }
        }
        .into_string()
    }
}

/// The link to the execution in the Step Functions console. `None` if the onboarding ran in a local cloud, or in an AWS
/// partition whose consoles have other addresses.
pub(crate) fn execution_link(report: &Report) -> Option<String> {
    links::Links::of(report).map(|links| links.execution())
}

/// The link to the enterprise application in the Entra admin center. `None` if the onboarding ran in a local cloud, or
/// in an AWS partition whose consoles have other addresses.
pub(crate) fn application_link(report: &Report) -> Option<String> {
    links::Links::of(report).map(|links| links.application())
}

/// Whether the onboarding of this report ran in a local cloud.
fn is_local(report: &Report) -> bool {
    report.account == LOCAL_ACCOUNT
}

fn head(report: &Report, history: &History, words: &'static Labels) -> Markup {
    let (class, label) = if report.sign_in_verified { ("good", words.ready) } else { ("warn", words.incomplete) };
    html! {
        header {
            p.kicker { (words.title) }
            h1 { (report.alias) }
            p { span class={ "status " (class) } { (label) } }
            @if is_local(report) { p.notice { (words.local) } }
            dl.facts {
                (fact(words.account, &report.account))
                (fact(words.region, &report.region))
                div { dt { (words.started) } dd { (moment(&report.started_at)) } }
                @if history.seconds > 0.0 { (fact(words.took, &words.duration(history.seconds))) }
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// Renders a time as `2026-11-22 09:00 UTC`. The HTML element also has an attribute with the exact time, which the
/// script [`LOCAL_TIMES`] needs.
fn moment(rfc3339: &str) -> Markup {
    let Ok(at) = time::OffsetDateTime::parse(rfc3339, &time::format_description::well_known::Rfc3339) else {
        return html! { (rfc3339) };
    };
    let at = at.to_offset(time::UtcOffset::UTC);
    html! { time datetime=(rfc3339) { (at.date()) (format!(" {:02}:{:02} UTC", at.hour(), at.minute())) } }
}

/// Renders a URL as a link if its scheme is `https`, or else as text.
fn address(url: &str) -> Markup {
    html! {
        @if url.starts_with("https://") { a href=(url) rel="noreferrer" { (url) } } @else { (url) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use base64::{Engine, engine::general_purpose::STANDARD};

    #[test]
    fn the_policy_names_the_digest_of_the_only_script() {
        let digest = STANDARD.decode(LOCAL_TIMES_DIGEST.strip_prefix("sha256-").unwrap()).unwrap();
        assert_eq!(onboarding_core::digest::hex(&digest), onboarding_core::digest::of(LOCAL_TIMES, 32));
    }
}
