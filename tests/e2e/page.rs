//! The report as an HTML page: its content, and the escaping of untrusted text. The tests keep the pages in Cargo's
//! directory for test files, where the browser tests in CI read them.

use std::{fs, path::Path};

use onboard_cli::report::page::{History, render};
use onboarding_core::{
    contract::{Report, ReportInput},
    onboarding::Language,
    report::compose,
};
use serde_json::{Value, json};

/// A report that covers all cases: quotas in all states, phone numbers, Support cases, failed and skipped users.
fn report() -> Report {
    let mut input: Value = serde_json::from_str(include_str!("../events/report.json")).unwrap();
    input["telephony"] = json!({
        "quotas": [
            {"code": "L-12AB7C57", "name": "concurrentActiveCalls", "desired": 20.0, "value": 10.0, "status": "PENDING", "requestId": "r-1", "message": "CASE_OPENED"},
            {"code": "L-9A46857E", "name": "users", "desired": 600.0, "value": 1000.0, "status": "SUFFICIENT"},
            {"code": "L-B764748E", "name": "phoneNumbers", "desired": 50.0, "value": 5.0, "status": "DENIED", "message": "not approved"}
        ],
        "numbers": [
            {"phoneNumber": "+81350000001", "phoneNumberId": "n-1", "country": "JP", "type": "DID", "status": "CLAIMED"},
            {"phoneNumber": "+81120000002", "phoneNumberId": "n-2", "country": "JP", "type": "TOLL_FREE", "status": "IN_PROGRESS"}
        ],
        "firstCall": {"flow": "Connect Onboarding starter flow", "flowId": "f-1", "status": "ANSWERED", "testedAt": "2026-01-05T02:03:04Z"},
        "orders": [
            {"topic": "PHONE_NUMBERS", "marker": "connect-onboarding acme-support 1a2b", "status": "CUSTOMER_ACTION", "caseId": "case-1", "displayId": "1700000001", "message": "AWS waits for an answer"},
            {"topic": "OUTBOUND_TO_JAPANESE_MOBILES", "marker": "connect-onboarding acme-support 3c4d", "status": "DONE", "caseId": "case-2", "displayId": "1700000002"}
        ],
        "openItems": [{"subject": "phone numbers", "what": "case 1700000001: AWS waits for an answer", "action": "Reply to the case in Support Center. If the workflow has finished, start the same input again."}]
    });
    input["signOn"]["users"] = json!({
        "status": "DONE", "digest": "",
        "counts": {"created": 1184, "adopted": 3, "updated": 2, "failed": 1, "waitingForQuota": 12},
        "failures": [{"username": "haruna.sato@contoso.example", "reason": "creating the user failed: InvalidRequestException: The security profile was deleted (request 5f1c2d3e)"}],
        "skipped": [{"username": "o'brien@contoso.example", "reason": "`'` is not allowed in an Amazon Connect username"},
                    {"username": "非常に長い名前を持つ利用者の例です@contoso.example", "reason": "only A-Z a-z 0-9 . _ - @ are allowed in an Amazon Connect username"}],
        "findings": ["the nested group Supervisors is not followed: its 4 members get no users"]
    });
    input["signOn"]["verification"]["checks"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "session duration", "passed": false, "expected": "at least 43200 s", "found": "3600 s"}));
    input["preflight"]["account"] = "123456789012".into();
    compose(serde_json::from_value::<ReportInput>(input).unwrap())
}

fn history() -> History {
    let definition = include_str!("../../statemachine/onboarding.asl.json");
    let mut history = History::new(&serde_json::from_str(definition).unwrap());
    history.done("Preflight", 1.4, "");
    history.done("InstanceQuota", 0.6, "sufficient");
    history.done("CreateInstance", 2.1, "creation in progress");
    history.waited("WaitForInstance", 60.0);
    history.done("CreateInstance", 0.4, "active");
    history.done("ConfigureInstance", 3.2, "");
    history.done("RequestQuotas", 1.1, "");
    history.waited("WaitForQuotas", 266_400.0);
    history.done("RequestQuotas", 0.9, "");
    history.failed("OrderNumbers", "AccessDenied");
    history.failed("CreateEntraApplication", "Throttled");
    history.done("CreateEntraApplication", 4.0, "ready");
    history.done("ConfigureEntraSignOn", 2.2, "");
    history.done("CreateSamlProvider", 0.7, "already existed");
    history.done("CreatePolicy", 0.5, "");
    history.done("CreateRole", 0.8, "");
    history.done("ConfigureEntraClaims", 1.3, "");
    history.done("AssignGroups", 0.6, "");
    history.done("RegisterInstance", 0.2, "");
    history.done("SubscribeGroups", 0.4, "");
    history.done("SyncUsers", 640.0, "done");
    history.done("VerifySignIn", 1.9, "");
    history.done("NotifySignInReady", 0.1, "");
    history.done("Report", 0.1, "");
    history.done("NotifyReport", 0.2, "");
    history.seconds = 267_100.0;
    history
}

/// Renders the page and keeps it for the browser tests.
fn page(name: &str, language: Language) -> String {
    let page = render(&report(), &history(), language);
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), &page).unwrap();
    page
}

/// The page without its style and SVG paths, which are not useful in a snapshot.
fn readable(page: &str) -> String {
    let style = regex::Regex::new("(?s)<style>.*?</style>").unwrap();
    let path = regex::Regex::new(r#" d="M[^"]*""#).unwrap();
    let tag = regex::Regex::new("(<(?:section|h[1-6]|tr|li|p|dl|div|svg|text|details|footer|main)\\b)").unwrap();
    let page = style.replace_all(page, "<style/>");
    let page = path.replace_all(&page, "");
    tag.replace_all(&page, "\n$1").into_owned()
}

#[test]
fn the_english_page_shows_everything_of_the_report() {
    insta::assert_snapshot!(readable(&page("page-en.html", Language::En)));
}

#[test]
fn the_japanese_page_shows_the_same_in_japanese() {
    insta::assert_snapshot!(readable(&page("page-ja.html", Language::Ja)));
}

#[test]
fn no_text_of_a_report_becomes_markup_or_a_dangerous_link() {
    fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(path.to_owned()),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| leaves(item, &format!("{path}/{n}"), found));
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(name, field)| leaves(field, &format!("{path}/{name}"), found));
            }
            _ => {}
        }
    }
    let good = serde_json::to_value(report()).unwrap();
    let mut paths = Vec::new();
    leaves(&good, "", &mut paths);
    assert!(paths.len() > 50, "{paths:?}");
    let mut tried = 0;
    for path in &paths {
        for evil in
            [r#""'></style></title><img src=x onerror=alert(1)><script>alert(1)</script>"#, "javascript:alert(1)"]
        {
            let mut report = good.clone();
            *report.pointer_mut(path).unwrap() = evil.into();
            // Skips fields that can't contain arbitrary text, for example a status, which is an enum.
            let Ok(report) = serde_json::from_value::<Report>(report) else { continue };
            tried += 1;
            let page = render(&report, &history(), Language::Ja);
            assert!(!page.contains("<img") && page.matches("<script").count() == 1, "{path} became markup");
            assert!(!page.contains("href=\"javascript:"), "{path} became a dangerous link");
            assert_eq!(page.matches("</style>").count(), 1, "{path} ends the style");
        }
    }
    assert!(tried > 100, "only {tried} texts were checked");
}

#[test]
fn the_page_needs_no_network() {
    let page = page("page-en.html", Language::En);
    for loading in ["<link", "<img", "<iframe", "src=", "@import", "url("] {
        assert!(!page.contains(loading), "the page has {loading}");
    }
}

#[test]
fn the_workflow_is_collapsed_unless_a_state_failed() {
    let page = |history: &History| render(&report(), history, Language::En);
    assert!(page(&history()).contains("<details open><summary>States: 19 done, 1 failed, 9 not needed</summary>"));
    let mut mended = history();
    mended.done("OrderNumbers", 1.0, "");
    assert!(page(&mended).contains("<details><summary>States: 20 done, 9 not needed</summary>"));
}

#[test]
fn the_page_of_a_local_cloud_says_so_and_has_no_console_links() {
    let mut report = report();
    report.account = "000000000000".into();
    let page = render(&report, &history(), Language::En);
    assert!(page.contains("None of its resources exist in AWS or Entra ID."));
    assert!(!page.contains("console.aws.amazon.com/iam") && !page.contains("entra.microsoft.com"));
}
