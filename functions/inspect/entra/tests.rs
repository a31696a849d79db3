#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
use onboarding_core::onboarding::{Language, Users};
use time::format_description::well_known::Rfc3339;

use super::*;
use crate::entra::KeyCredential;

const HELLO: &str = "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D";

fn key(subject: &str, usage: &str, key: &str, end: &str) -> KeyCredential {
    KeyCredential {
        display_name: Some(subject.into()),
        end_date_time: Some(end.into()),
        usage: Some(usage.into()),
        key: Some(key.into()),
    }
}

fn principal(active: Option<&str>, keys: Vec<KeyCredential>) -> ServicePrincipal {
    ServicePrincipal {
        preferred_token_signing_key_thumbprint: active.map(str::to_owned),
        key_credentials: keys,
        ..ServicePrincipal::default()
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::parse("2026-11-22T00:00:00Z", &Rfc3339).unwrap()
}

#[test]
fn the_active_certificate_is_used_regardless_of_its_origin_and_even_if_it_has_expired() {
    let keys = vec![
        key("CN=ours", "Verify", "d29ybGQ=", "2029-01-01T00:00:00Z"),
        key("CN=portal", "Verify", "aGVsbG8=", "2026-11-23T00:00:00Z"),
    ];
    let principal = principal(Some(&HELLO.to_lowercase()), keys);
    for (days, expired) in [(0, false), (1, true), (400, true)] {
        let found = usable_certificate(&principal, "CN=ours", now() + time::Duration::days(days)).unwrap();
        assert_eq!((found.thumbprint.as_str(), found.expires.as_str()), (HELLO, "2026-11-23T00:00:00Z"));
        assert_eq!(found.expired, expired, "{days}");
    }
}

#[test]
fn without_an_active_certificate_our_newest_one_is_used() {
    let keys = vec![
        key("CN=ours", "Verify", "aGVsbG8=", "2029-01-01T00:00:00Z"),
        key("CN=ours", "Verify", "d29ybGQ=", "2028-01-01T00:00:00Z"),
        key("CN=portal", "Verify", "cG9ydGFs", "2029-06-01T00:00:00Z"),
    ];
    let found = usable_certificate(&principal(None, keys.clone()), "CN=ours", now()).unwrap();
    assert_eq!(found.thumbprint, HELLO);
    assert_eq!(usable_certificate(&principal(None, keys), "CN=else", now()), None);
}

#[test]
fn an_inactive_expired_certificate_and_a_private_key_entry_are_not_usable() {
    let keys = vec![
        key("CN=ours", "Verify", "aGVsbG8=", "2026-11-21T00:00:00Z"),
        key("CN=ours", "Sign", "d29ybGQ=", "2029-01-01T00:00:00Z"),
    ];
    for active in [None, Some("7C211433F02071597741E6FF5A8EA34789ABBF43")] {
        assert_eq!(usable_certificate(&principal(active, keys.clone()), "CN=ours", now()), None);
    }
}

/// Creates an application with these tags, all of whose settings are wrong.
fn switched_off(tags: &[&str]) -> Found {
    Found {
        principal: ServicePrincipal {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            account_enabled: Some(false),
            app_role_assignment_required: Some(false),
            ..ServicePrincipal::default()
        },
        application: Application { is_disabled: Some(true), ..Application::default() },
        ..Found::default()
    }
}

fn failed(checks: &[Check]) -> Vec<&str> {
    let switches = checks.iter().filter(|check| SWITCHES.contains(&check.name.as_str()));
    switches.filter(|check| !check.passed).map(|check| check.name.as_str()).collect()
}

#[test]
fn wrong_settings_are_changed_on_our_application_and_reported_on_any_other() {
    let (ours, adopted) = (names::service_principal_tag("acme"), names::ADOPTED_TAG);
    let onboarding = Onboarding::with_defaults("acme", Users::default(), Language::default());
    let place = ("arn:aws:iam::111122223333", "ap-northeast-1", "i");
    let wanted = Federation::new(&onboarding, place).unwrap();
    let switches = ["application enabled", "application activated", "user assignment required"];
    for (tags, is_set) in [(&[ours.as_str()][..], true), (&[&ours, adopted], false), (&[], false)] {
        let found = switched_off(tags);
        let object = application_object(Some(&found), &onboarding, &wanted, now());
        let (set, reported) = (failed(&object.checks), failed(&object.guards));
        let expected: (&[&str], &[&str]) = if is_set { (&switches, &[]) } else { (&[], &switches) };
        assert_eq!((set.as_slice(), reported.as_slice()), expected, "{tags:?}");
        assert_eq!(open_items(&object).len(), reported.len(), "a plan lists the settings that it leaves unchanged");
        let findings = object.drifted();
        let open = findings.iter().find(|finding| finding.place.ends_with("user assignment required"));
        assert!(open.is_some_and(|open| open.security && open.revertible == is_set), "{findings:?}");
    }
}

#[test]
fn a_sign_in_is_verified_only_if_every_setting_is_correct() {
    let onboarding = Onboarding::with_defaults("acme", Users::default(), Language::default());
    let place = ("arn:aws:iam::111122223333", "ap-northeast-1", "i");
    let wanted = Federation::new(&onboarding, place).unwrap();
    let mut found = Found { gallery: Gallery::Gone, ..switched_off(&[]) };
    found.application.disabled_by_microsoft_status = Some("DisabledDueToViolationOfServicesAgreement".into());
    assert_eq!(failed(&Vec::from(found.sign_in_checks(&wanted, now()))), SWITCHES);
}

#[test]
fn an_application_is_available_until_the_gallery_removes_it_or_microsoft_disables_it() {
    let day = |day: &str| Gallery::Offered(Some(day.into()));
    for (gallery, status, wrong) in [
        (Gallery::Unknown, None, &[][..]),
        (Gallery::Offered(None), Some("NotDisabled"), &[]),
        (day("2026-11-23"), None, &[]),
        (day("2026-11-22"), None, &["gallery application"]),
        (Gallery::Gone, None, &["gallery application"]),
        (Gallery::Offered(None), Some("DisabledDueToViolationOfServicesAgreement"), &["status at Microsoft"]),
    ] {
        let application =
            Application { disabled_by_microsoft_status: status.map(str::to_owned), ..Application::default() };
        let mut checks = Checks::default();
        Found { application, gallery, ..Found::default() }.availability(&mut checks, now());
        assert_eq!(failed(&Vec::from(checks)), wrong);
    }
}
