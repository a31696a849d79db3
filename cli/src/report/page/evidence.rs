//! Renders the evidence about an onboarding as one HTML page. The page has the style of the report page and follows the
//! same rules: it loads nothing from the network, and all values are treated as untrusted text. The page has no script,
//! because the script of the report page would show times in another time zone than the tables. The page does not
//! contain the time at which it was created, so that it changes only if the evidence changes.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    Document,
    table::{Cell, table},
};
use crate::{
    report::evidence::{Evidence, Table},
    words::{Lang, Words},
};

/// The columns whose values are English even on a Japanese page: English sentences, or values that AWS or Entra
/// returned.
const ENGLISH: [&str; 6] = ["sinceSource", "source", "place", "expected", "found", "group"];
/// The columns whose values are fixed names, for example `approved`. The page shows these names in its language.
const NAMED: [&str; 6] = ["managed", "decision", "event", "status", "result", "asExpected"];

/// Renders the page.
#[must_use]
pub(crate) fn render(evidence: &Evidence, words: Words) -> String {
    let code = match words.0 {
        Lang::En => "en",
        Lang::Ja => "ja",
    };
    let title = words.evidence_title();
    Document {
        language: code,
        subject: &evidence.alias,
        title: &title,
        skip: &words.evidence_skip(),
        header: html! {
            header {
                p.kicker { (title) }
                h1 { (evidence.alias) }
                p.notice { (words.evidence_is_personal()) }
                dl.facts { @for (name, value) in &evidence.facts { div { dt { (words.evidence_column(name)) } dd { (value) } } } }
                p.note { (words.evidence_manifest()) }
            }
        },
        content: html! {
            @for table in &evidence.tables { (section(table, words)) }
            (documents(evidence, words))
        },
        made_by: "onboard",
        local_times: false,
    }
    .render()
}

fn section(of: &Table, words: Words) -> Markup {
    let (title, note) = (words.evidence_table(of.name), words.evidence_note(of.name));
    let columns: Vec<&str> = of.columns.iter().map(|column| words.evidence_column(column)).collect();
    let cell = |(column, value): (&&str, &String)| -> Cell {
        if NAMED.contains(column) {
            words.evidence_value(value).into()
        } else if ENGLISH.contains(column) {
            html! { span lang="en" { (value) } }.into()
        } else {
            value.as_str().into()
        }
    };
    let rows = of.rows.iter().map(|row| of.columns.iter().zip(row).map(cell).collect());
    html! {
        section aria-labelledby=(of.name) {
            h2 id=(of.name) { (title) }
            p { (note) }
            @if of.rows.is_empty() { p { (words.evidence_none()) } }
            (table(title, &columns, rows.collect()))
        }
    }
}

/// Renders, as JSON, the documents that `onboard evidence` read.
fn documents(evidence: &Evidence, words: Words) -> Markup {
    html! {
        section aria-labelledby="documents" {
            h2 id="documents" { (words.evidence_table("documents")) }
            p { (words.evidence_note("documents")) }
            @for (name, document) in &evidence.documents {
                details {
                    summary { (words.evidence_column(name)) }
                    pre lang="en" tabindex="0" aria-label=(words.evidence_column(name)) { code { (shown(document)) } }
                }
            }
        }
    }
}

fn shown(document: &Value) -> String {
    format!("{document:#}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn evidence() -> Evidence {
        let row = ["<script>alert(1)</script>", "never", "", "CloudTrail"].map(ToOwned::to_owned).to_vec();
        let columns = &["username", "status", "lastSignIn", "source"];
        Evidence {
            alias: "acme".into(),
            facts: vec![("region", "r".into())],
            tables: vec![Table { name: "sign-ins", columns, rows: vec![row] }],
            documents: Map::from_iter([("role".to_owned(), json!({ "arn": "</pre><b>" }))]),
        }
    }

    #[test]
    fn every_value_is_text_in_both_languages() {
        for (words, never) in Words::BOTH.into_iter().zip(["never", "なし"]) {
            let page = render(&evidence(), words);
            assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("&lt;/pre&gt;&lt;b&gt;"), "{page}");
            assert!(!page.contains("<script") && page.contains(crate::report::page::POLICY), "{page}");
            assert!(page.contains(never), "{page}");
        }
    }

    #[test]
    fn every_table_column_and_value_has_a_text_in_both_languages() {
        let tables = ["access", "approvals", "leavers", "sign-ins", "drift", "settings", "documents"];
        for name in tables {
            let [english, japanese] = Words::BOTH.map(|words| words.evidence_table(name));
            assert!(english != japanese && !english.is_empty() && !japanese.is_empty(), "{name}");
            let [english, japanese] = Words::BOTH.map(|words| words.evidence_note(name));
            assert!(english != japanese && !english.is_empty() && !japanese.is_empty(), "{name}");
        }
    }
}
