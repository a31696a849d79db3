//! Tests every fact that no documentation settles. Under both possible readings of the fact, the product must work or
//! report a clear open item.
//!
//! Each test starts one local cloud and, for each of its assumptions, runs one onboarding through all phases (an
//! end-to-end run).

mod life;

use life::{Fixture, Outcome};
use local_cloud::stand_in::assumptions::{self, ALL, Area};

/// The alias of the onboarding for which the local cloud uses the default reading of every assumption.
const ASSUMED: &str = "assumed";

/// The assumptions whose alternative reading leads to open items or errors, with these open items and errors. The
/// alternative readings of all other assumptions must lead to no open items and no errors.
const OPEN: [(&str, &[&str]); 4] = [
    ("certificate-removal", &[OLD_CERTIFICATE]),
    (
        "username-reuse",
        &[
            "sync agent1@contoso.onmicrosoft.com: Amazon Connect reports that the username exists, but does not return the user",
        ],
    ),
    ("deletion-by-tags", &[USER_NOT_DELETED, NOT_TORN_DOWN]),
    (ALL, &[OLD_CERTIFICATE, USER_NOT_DELETED, NOT_TORN_DOWN]),
];
const OLD_CERTIFICATE: &str = "rotation NEEDS_PERSON: the new certificate is active, but the old one was not removed from Entra (Request_BadRequest";
const USER_NOT_DELETED: &str = "deleting the user agent1@contoso.onmicrosoft.com failed: AccessDeniedException";
const NOT_TORN_DOWN: &str = "still exists after 40 polls, so it is not being deleted";

/// The unexpected and the missing results of an onboarding that ran through all phases.
fn faults(names: &[&str], outcome: &Outcome) -> Vec<String> {
    let expected = OPEN.iter().filter(|(name, _)| names.contains(name));
    let expected: Vec<&str> = expected.flat_map(|(_, texts)| *texts).copied().collect();
    let open = || outcome.open.iter().chain(&outcome.failed);
    let unexpected = open().filter(|open| !expected.iter().any(|text| open.contains(text)));
    let missing = expected.iter().filter(|text| !open().any(|open| open.contains(**text)));
    let texts = unexpected.chain(&outcome.wrong).map(|text| format!("{names:?}: {text}"));
    texts.chain(missing.map(|text| format!("{names:?}: nothing reports {text:?}"))).collect()
}

/// Runs one onboarding through all phases for each of these sets of assumptions.
async fn run_lives(fixture: &Fixture, lives: &[Vec<&str>]) {
    let mut wrong = Vec::new();
    for names in lives {
        let outcome = fixture.run_life(names, names.first().unwrap_or(&ASSUMED)).await;
        wrong.extend(faults(names, &outcome));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn of(area: Area) -> Vec<Vec<&'static str>> {
    assumptions::all().filter(|row| row.area == area).map(|row| vec![row.name]).collect()
}

#[tokio::test]
async fn an_onboarding_works_under_both_readings_of_each_assumption_about_entra() {
    run_lives(&Fixture::start().await, &of(Area::Entra)).await;
}

#[tokio::test]
async fn an_onboarding_works_under_both_readings_of_each_assumption_about_certificates() {
    run_lives(&Fixture::start().await, &of(Area::Certificates)).await;
}

#[tokio::test]
async fn an_onboarding_works_under_both_readings_of_each_assumption_about_connect() {
    run_lives(&Fixture::start().await, &of(Area::Connect)).await;
}

#[tokio::test]
async fn an_onboarding_works_under_both_readings_of_each_assumption_about_permissions_and_quotas() {
    run_lives(&Fixture::start().await, &[of(Area::Permissions), of(Area::Quotas)].concat()).await;
}

#[tokio::test]
async fn an_onboarding_works_under_all_other_readings_at_once_and_reports_a_taken_alias() {
    let fixture = Fixture::start().await;
    run_lives(&fixture, &[vec![]]).await;
    for names in [&["alias-reuse"][..], &["alias-reuse", "alias-taken-wording"]] {
        let refused = fixture.again(names, ASSUMED).await;
        assert_eq!(refused.output["Error"], "Conflict", "{names:?}: {:#}", refused.output);
        let cause = refused.output["Cause"].as_str().unwrap();
        assert!(
            cause.contains(&format!("the alias {ASSUMED} is taken")) && cause.contains("a deleted instance"),
            "{cause}"
        );
    }
    run_lives(&fixture, &[vec![ALL]]).await;
}
