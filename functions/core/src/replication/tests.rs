use serde_json::{Value, json};

use super::*;
use crate::iam::trust_policy;

const ID: &str = "11111111-2222-3333-4444-555555555555";
const TOKYO: &str = "ap-northeast-1";
const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/EntraID";

fn reported(source_region: Option<&str>, endpoint: Option<&str>, regions: &[&str]) -> Reported {
    Reported {
        source_region: source_region.map(Into::into),
        endpoint: endpoint.map(Into::into),
        regions: regions.iter().map(|&region| region.to_owned()).collect(),
    }
}

fn global() -> GlobalSignIn {
    GlobalSignIn::new(format!("https://{ID}.{TOKYO}.sign-in.connect.aws/saml"))
}

#[test]
fn the_report_of_an_instance_shows_its_role() {
    let endpoint = format!("https://{ID}.{TOKYO}.sign-in.connect.aws/saml");
    let (osaka, both) = ("ap-northeast-3", [TOKYO, "ap-northeast-3"]);
    let source = Replication::Source(global());
    let replica = Replication::Replica { source_region: TOKYO.into() };
    for (report, region, expected) in [
        (Reported::default(), TOKYO, &Replication::Single),
        (reported(Some(""), Some(""), &[]), TOKYO, &Replication::Single),
        (reported(None, None, &[TOKYO]), TOKYO, &Replication::Single),
        (reported(Some(TOKYO), Some(&endpoint), &both), TOKYO, &source),
        (reported(Some(TOKYO), None, &[]), TOKYO, &source),
        (reported(None, Some(&endpoint), &[]), TOKYO, &source),
        (reported(None, None, &both), TOKYO, &source),
        (reported(Some(TOKYO), Some(endpoint.trim_end_matches("/saml")), &both), TOKYO, &source),
        (reported(Some(TOKYO), Some(&endpoint), &both), osaka, &replica),
        (reported(None, Some(&endpoint), &[]), osaka, &replica),
    ] {
        assert_eq!(Replication::of(ID, region, &report), *expected, "{report:?} in {region}");
    }
}

#[test]
fn only_a_replica_is_refused_and_the_reason_names_the_region_of_the_source() {
    assert_eq!(Replication::Single.refusal(TOKYO), None);
    assert_eq!(Replication::Source(global()).refusal(TOKYO), None);
    let refusal = Replication::Replica { source_region: TOKYO.into() }.refusal("ap-northeast-3").unwrap_or_default();
    assert!(
        refusal.contains("replica in ap-northeast-3") && refusal.contains("run this in ap-northeast-1"),
        "{refusal}"
    );
}

#[test]
fn a_reply_url_contains_account_role_and_provider_and_fits_into_entra() {
    let start = format!("https://{ID}.{TOKYO}.sign-in.connect.aws/saml?&instanceId={ID}&accountId=123456789012");
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/connect-onboarding/{name}");
    let provider = |name: &str| format!("arn:aws:iam::123456789012:saml-provider/{name}");
    for (name, end) in [
        ("AmazonConnect-acme", format!("&role={}&idp=AmazonConnect-acme", role("AmazonConnect-acme"))),
        (
            "AmazonConnect-acme-support",
            "&role=connect-onboarding/AmazonConnect-acme-support&idp=AmazonConnect-acme-support".to_owned(),
        ),
    ] {
        let url = global().reply_url(ID, &role(name), &provider(name));
        assert_eq!(url, format!("{start}{end}"));
        assert!(url.len() <= LONGEST_REPLY_URL, "{}", url.len());
        assert!(global().is_used_by(&["https://signin.aws.amazon.com/saml".into(), url]));
    }
    let long_name = "AmazonConnect-".to_owned() + &"a".repeat(45);
    let item = global().open_item(ID, &role(&long_name), &provider(&long_name));
    assert!(item.action.contains("Entra ID accepts at most 256 characters"), "{}", item.action);
    assert!(!global().is_used_by(&["https://signin.aws.amazon.com/saml".into()]));
    assert!(!global().is_reply_url(&format!("{}.example.com/", global().endpoint())));
}

/// The trust policy in the administrator guide of Amazon Connect.
fn documented(operator: &str, audiences: Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": [PROVIDER] },
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": { operator: { "SAML:aud": audiences } }
        }]
    })
}

#[test]
fn each_combination_of_the_endpoints_of_one_instance_is_accepted() {
    let global = global();
    let regional = format!("https://{TOKYO}.signin.aws.amazon.com/saml");
    let with_query = format!("{}?&instanceId={ID}", global.endpoint());
    for accepted in [
        documented("StringLike", json!([global.audience()])),
        documented("StringLike", json!([global.audience(), regional, "https://signin.aws.amazon.com/saml"])),
        documented("StringEquals", json!(with_query)),
        trust_policy(PROVIDER, TOKYO, None),
        trust_policy(PROVIDER, TOKYO, Some(&global)),
    ] {
        assert!(global.is_trust_policy(&accepted, PROVIDER, TOKYO), "{accepted}");
    }
}

#[test]
fn a_trust_policy_that_trusts_more_than_the_instance_is_not_accepted() {
    let global = global();
    let good = || documented("StringLike", json!([global.audience()]));
    let changed = |path: &str, value: Value| {
        let mut document = good();
        if let Some(place) = document.pointer_mut(path) {
            *place = value;
        }
        document
    };
    for refused in [
        Value::Null,
        json!({ "Statement": [] }),
        changed("/Statement/0/Principal", json!("*")),
        changed("/Statement/0/Principal/Federated", json!([PROVIDER, "arn:aws:iam::123456789012:saml-provider/Other"])),
        changed("/Statement/0/Principal", json!({ "Federated": PROVIDER, "AWS": "arn:aws:iam::123456789012:root" })),
        changed("/Statement/0/Action", json!(["sts:AssumeRoleWithSAML", "sts:AssumeRole"])),
        changed("/Statement/0/Effect", json!("Deny")),
        changed("/Statement/0/Condition", json!({})),
        changed("/Statement/0/Condition", json!({ "StringLike": { "SAML:aud": "*" } })),
        changed("/Statement/0/Condition", json!({ "StringLike": { "SAML:iss": "*" } })),
        documented("StringLike", json!(["https://other.ap-northeast-1.sign-in.connect.aws/saml*"])),
        documented("StringLike", json!(["https://signin.aws.amazon.com/*"])),
        documented("StringLike", json!([format!("{}?*", global.endpoint())])),
        documented("StringEquals", json!([global.audience()])),
        documented("StringEquals", json!([global.endpoint()])),
        documented("StringEqualsIfExists", json!(["https://signin.aws.amazon.com/saml"])),
    ] {
        assert!(!global.is_trust_policy(&refused, PROVIDER, TOKYO), "{refused}");
    }
    let mut second = good();
    if let Some(statements) = second["Statement"].as_array_mut() {
        statements.push(json!({ "Effect": "Allow", "Principal": { "AWS": "root" }, "Action": "sts:AssumeRole" }));
    }
    assert!(!global.is_trust_policy(&second, PROVIDER, TOKYO));
}
