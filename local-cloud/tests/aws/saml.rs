//! Tests of `AssumeRoleWithSAML`.

use local_cloud::stand_in::IdentityProvider;
use serde_json::json;

use crate::common::{Answer, Cloud, start};

const PROVIDER: &str = "arn:aws:iam::000000000000:saml-provider/known";
const ROLE: &str = "arn:aws:iam::000000000000:role/r";
const ISSUER: &str = "https://issuer.example/";

fn identity_provider(issuer: &str) -> IdentityProvider {
    IdentityProvider::generate(issuer).unwrap()
}

/// A local cloud with a SAML provider that trusts this identity provider, and a role that trusts the SAML provider.
async fn trusting(identity_provider: &IdentityProvider, audience: &str) -> Cloud {
    let cloud = start().await;
    let metadata = identity_provider.metadata().unwrap();
    let create = [("Action", "CreateSAMLProvider"), ("Name", "known"), ("SAMLMetadataDocument", metadata.as_str())];
    assert_eq!(cloud.iam(&create).await.status, 200);
    cloud.cloud.advance(60.0);
    let trust = json!({ "Statement": [{
        "Effect": "Allow", "Principal": { "Federated": PROVIDER }, "Action": "sts:AssumeRoleWithSAML",
        "Condition": { "StringEquals": { "SAML:aud": audience } },
    }] })
    .to_string();
    let create = [("Action", "CreateRole"), ("RoleName", "r"), ("AssumeRolePolicyDocument", trust.as_str())];
    cloud.iam(&create).await;
    cloud
}

async fn update(cloud: &Cloud, identity_provider: &IdentityProvider) {
    let metadata = identity_provider.metadata().unwrap();
    let form =
        [("Action", "UpdateSAMLProvider"), ("SAMLProviderArn", PROVIDER), ("SAMLMetadataDocument", metadata.as_str())];
    assert_eq!(cloud.iam(&form).await.status, 200);
}

async fn assume(cloud: &Cloud, response: &str, seconds: &str) -> Answer {
    let form = [
        ("Action", "AssumeRoleWithSAML"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("PrincipalArn", PROVIDER),
        ("SAMLAssertion", response),
        ("DurationSeconds", seconds),
    ];
    cloud.sts(&form).await
}

const AUDIENCE: &str = "https://signin.aws.amazon.com/saml";

#[tokio::test]
async fn a_signed_response_is_exchanged_for_a_session_of_the_role() {
    let known = identity_provider(ISSUER);
    let cloud = trusting(&known, AUDIENCE).await;
    // The test setup has advanced the clock by a minute, so that trust policies can name the new SAML provider. A
    // response must be at most five minutes old.
    let response = known.response(ROLE, PROVIDER, "mio@contoso.example").unwrap();
    let answer = assume(&cloud, &response, "900").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for part in [
        "<AccessKeyId>ASIA",
        "<Arn>arn:aws:sts::000000000000:assumed-role/r/mio@contoso.example</Arn>",
        "<AssumedRoleId>AROA1:mio@contoso.example</AssumedRoleId>",
        "<Audience>https://signin.aws.amazon.com/saml</Audience>",
        "<Issuer>https://issuer.example/</Issuer>",
        "<Subject>mio@contoso.example</Subject>",
        "<NameQualifier>",
    ] {
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
    cloud.cloud.advance(240.0);
    assert_eq!(assume(&cloud, &response, "900").await.code, "ExpiredTokenException");
}

#[tokio::test]
async fn a_response_that_does_not_fit_the_provider_the_role_or_the_request_is_rejected() {
    let known = identity_provider(ISSUER);
    let cloud = trusting(&known, AUDIENCE).await;
    let response = known.response(ROLE, PROVIDER, "mio").unwrap();
    let other_key = identity_provider(ISSUER).response(ROLE, PROVIDER, "mio").unwrap();
    let other_issuer = identity_provider("https://other.example/").response(ROLE, PROVIDER, "mio").unwrap();
    let other_role = known.response("arn:aws:iam::000000000000:role/admin", PROVIDER, "mio").unwrap();
    let illegal_name = known.response(ROLE, PROVIDER, "mio sato").unwrap();
    for (response, seconds, code, message) in [
        (other_key.as_str(), "900", "InvalidIdentityToken", "Response signature invalid"),
        (&other_issuer, "900", "InvalidIdentityToken", "Issuer not present in specified provider"),
        (&other_role, "900", "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML"),
        (&illegal_name, "900", "InvalidIdentityToken", "RoleSessionName in AuthnResponse must match"),
        ("%", "900", "InvalidIdentityToken", "Invalid base64 SAMLResponse"),
        (&response, "899", "ValidationError", "durationSeconds"),
        (&response, "7200", "ValidationError", "exceeds the MaxSessionDuration"),
    ] {
        let answer = assume(&cloud, response, seconds).await;
        assert_eq!(answer.code, code, "{message}: {}", answer.text);
        assert!(answer.text.contains(message), "{message}: {}", answer.text);
    }
    assert_eq!(assume(&cloud, &response, "3600").await.status, 200);
}

#[tokio::test]
async fn a_trust_policy_for_another_audience_rejects_the_response() {
    let known = identity_provider(ISSUER);
    let cloud = trusting(&known, "https://ap-northeast-1.signin.aws.amazon.com/saml").await;
    let response = known.response(ROLE, PROVIDER, "mio").unwrap();
    assert_eq!(assume(&cloud, &response, "900").await.code, "AccessDenied");
}

#[tokio::test]
async fn after_an_update_of_the_metadata_endpoints_differ_until_all_use_the_new_document() {
    let (old, new) = (identity_provider(ISSUER), identity_provider(ISSUER));
    let cloud = trusting(&old, AUDIENCE).await;
    update(&cloud, &new).await;
    let accepted = async |key: &IdentityProvider| {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(assume(&cloud, &key.response(ROLE, PROVIDER, "mio").unwrap(), "900").await.status);
        }
        statuses.iter().filter(|status| **status == 200).count()
    };
    assert_eq!((accepted(&old).await, accepted(&new).await), (2, 2));
    cloud.cloud.advance(60.0);
    assert_eq!((accepted(&old).await, accepted(&new).await), (0, 4));
}

#[tokio::test]
async fn a_sign_in_at_the_global_endpoint_is_an_event_in_us_east_1_and_the_newest_event_comes_first() {
    let known = identity_provider(ISSUER);
    let cloud = trusting(&known, AUDIENCE).await;
    for name in ["mio", "ren"] {
        let response = known.response(ROLE, PROVIDER, name).unwrap();
        assert_eq!(assume(&cloud, &response, "900").await.status, 200);
    }
    let refused = known.response(ROLE, PROVIDER, "mio sato").unwrap();
    assert_ne!(assume(&cloud, &refused, "900").await.status, 200);
    let look_up = async |more: serde_json::Value| {
        let mut input = json!({
            "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "AssumeRoleWithSAML" }],
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        cloud.target("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", input).await
    };
    let names = |answer: &Answer| -> Vec<String> {
        let events = answer.body["Events"].as_array().unwrap().iter();
        let record = |event: &serde_json::Value| -> serde_json::Value {
            serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap()
        };
        let name = |event| record(event)["requestParameters"]["roleSessionName"].as_str().unwrap().to_owned();
        events.map(name).collect()
    };
    let all = look_up(json!({})).await;
    assert_eq!(names(&all), ["ren", "mio"], "{}", all.text);
    let first = look_up(json!({ "MaxResults": 1 })).await;
    let rest = look_up(json!({ "MaxResults": 1, "NextToken": first.body["NextToken"] })).await;
    assert_eq!((names(&first), names(&rest)), (vec!["ren".to_owned()], vec!["mio".to_owned()]), "{}", rest.text);
    assert!(rest.body["NextToken"].is_null(), "{}", rest.text);
    assert_eq!(look_up(json!({ "MaxResults": 51 })).await.code, "InvalidMaxResultsException");
    cloud.cloud.advance(91.0 * 86_400.0);
    assert!(names(&look_up(json!({})).await).is_empty(), "events are kept for 90 days");
}
