use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use onboarding_core::{StepErrorKind, entra::Identity};
use wiremock::matchers::header;

use super::*;

const SECRETS: &str = "secretsmanager.GetSecretValue";

/// Creates a Graph client that reads its credential from Secrets Manager. The server `cloud` emulates both Graph and
/// Secrets Manager.
fn graph_with_secret(cloud: &Cloud) -> Graph {
    Graph::new(Identity::Runtime, config(&cloud.server.uri()), cloud.settings())
}

fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .build()
}

async fn secret(cloud: &Cloud, value: &str, times: u64) {
    let credential = json!({ "tenantId": "contoso", "clientId": "app", "clientSecret": value });
    let body = json!({ "Name": "graph-credential", "SecretString": credential.to_string() });
    let answer = ResponseTemplate::new(200).set_body_raw(body.to_string(), "application/x-amz-json-1.1");
    let mock = Mock::given(header("x-amz-target", SECRETS)).respond_with(answer);
    mock.up_to_n_times(times).mount(&cloud.server).await;
}

fn refused(number: u32, text: &str) -> ResponseTemplate {
    let description =
        format!("AADSTS{number}: {text} Trace ID: t-1 Correlation ID: c-1 Timestamp: 2026-11-22 01:02:03Z");
    let body = json!({ "error": "invalid_client", "error_description": description, "error_codes": [number],
                       "timestamp": "2026-11-22 01:02:03Z", "trace_id": "t-1", "correlation_id": "c-1" });
    json_of(401, body)
}

fn sent_secret(request: &Request) -> String {
    let form: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
    form.into_iter().find(|(name, _)| name == "client_secret").unwrap().1
}

#[tokio::test]
async fn one_token_is_used_for_many_calls() {
    let cloud = Cloud::start().await;
    let graph = cloud.graph();
    graph.user("a").await.unwrap();
    graph.user("b").await.unwrap();
    let asked = cloud.requests(TOKEN_PATH).await;
    assert_eq!(asked.len(), 1);
    let form: Vec<(String, String)> = form_urlencoded::parse(&asked[0].body).into_owned().collect();
    assert!(form.contains(&("scope".into(), "https://graph.microsoft.com/.default".into())));
    assert!(form.contains(&("grant_type".into(), "client_credentials".into())));
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_renewed() {
    let cloud = Cloud::start().await;
    let mut short = token(&[]);
    short["expires_in"] = json!(60);
    cloud.once("POST", TOKEN_PATH, json_of(200, short)).await;
    let graph = cloud.graph();
    graph.user("a").await.unwrap();
    graph.user("b").await.unwrap();
    graph.user("c").await.unwrap();
    assert_eq!(cloud.requests(TOKEN_PATH).await.len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let cloud = Cloud::start().await;
    cloud.once("GET", "/v1.0/users/a", error(401, "InvalidAuthenticationToken", "expired")).await;
    cloud.on("GET", "/v1.0/users/a", json_of(200, user("a"))).await;
    let graph = cloud.graph();
    assert_eq!(graph.user("a").await.unwrap().unwrap().id, "a");
    assert_eq!(cloud.requests(TOKEN_PATH).await.len(), 2);
}

#[tokio::test]
async fn a_token_refused_twice_is_access_denied() {
    let cloud = Cloud::start().await;
    cloud.on("GET", "/v1.0/users/a", error(401, "InvalidAuthenticationToken", "no")).await;
    assert_eq!(cloud.graph().user("a").await.unwrap_err().kind, StepErrorKind::AccessDenied);
    assert_eq!(cloud.requests("/v1.0/users/a").await.len(), 2);
}

#[tokio::test]
async fn consent_granted_after_a_denied_call_is_in_the_next_token() {
    let cloud = Cloud::start().await;
    cloud.once("GET", "/v1.0/users/a", error(403, "Authorization_RequestDenied", "Insufficient privileges")).await;
    cloud.on("GET", "/v1.0/users/a", json_of(200, user("a"))).await;
    let graph = cloud.graph();
    assert!(graph.user("a").await.is_err_and(|error| error.message.contains("User.Read.All")));
    graph.user("a").await.unwrap();
    assert_eq!(cloud.requests(TOKEN_PATH).await.len(), 2);
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_after_the_old_one_is_refused() {
    let cloud = Cloud::start().await;
    secret(&cloud, "old", 1).await;
    secret(&cloud, "new", 9).await;
    cloud.once("POST", TOKEN_PATH, refused(7_000_215, "Invalid client secret provided.")).await;
    graph_with_secret(&cloud).user("a").await.unwrap();
    let asked = cloud.requests(TOKEN_PATH).await;
    assert_eq!(asked.iter().map(sent_secret).collect::<Vec<_>>(), ["old", "new"]);
}

#[tokio::test]
async fn an_unchanged_invalid_secret_is_not_tried_again_and_is_reported_with_advice() {
    let cloud = Cloud::start().await;
    secret(&cloud, "hunter2", 9).await;
    cloud.once("POST", TOKEN_PATH, refused(7_000_222, "The provided client secret keys are expired.")).await;
    let error = graph_with_secret(&cloud).user("a").await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("AADSTS7000222") && error.message.contains("create a new one"), "{error}");
    assert!(error.message.contains("trace id t-1, 2026-11-22 01:02:03Z"), "{error}");
    assert!(!error.message.contains("hunter2"));
    assert_eq!(cloud.requests(TOKEN_PATH).await.len(), 1, "the same secret would be rejected again");
}

#[tokio::test]
async fn each_refusal_of_the_login_service_has_an_error_name() {
    for (number, kind) in [
        (7_000_215, StepErrorKind::AccessDenied),
        (700_016, StepErrorKind::AccessDenied),
        (90_002, StepErrorKind::InvalidInput),
        (500_011, StepErrorKind::InvalidInput),
        (700_213, StepErrorKind::NotConsistentYet),
        (700_024, StepErrorKind::Unavailable),
        (90_033, StepErrorKind::Unavailable),
    ] {
        let cloud = Cloud::start().await;
        cloud.once("POST", TOKEN_PATH, refused(number, "No.")).await;
        let error = cloud.graph().user("a").await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    }
}

#[tokio::test]
async fn missing_permissions_are_returned_and_an_opaque_token_has_none_missing() {
    let cloud = Cloud::start().await;
    let needed = ["Group.Read.All", "User.Read.All"];
    assert_eq!(cloud.graph().missing_permissions(needed).await.unwrap(), ["User.Read.All"]);
    cloud.once("POST", TOKEN_PATH, json_of(200, json!({ "expires_in": 3599, "access_token": "opaque" }))).await;
    assert!(cloud.graph().missing_permissions(needed).await.unwrap().is_empty());
}

#[tokio::test]
async fn federation_metadata_is_requested_for_the_application_without_a_token() {
    let cloud = Cloud::start().await;
    let at = "/contoso/federationmetadata/2007-06/federationmetadata.xml";
    cloud.once("GET", at, ResponseTemplate::new(400).set_body_string("AADSTS700016")).await;
    cloud.once("GET", at, ResponseTemplate::new(200).set_body_string("<xml><half/")).await;
    cloud.on("GET", at, ResponseTemplate::new(200).set_body_string("<xml/>")).await;
    let graph = cloud.graph();
    assert_eq!(graph.federation_metadata("c").await.unwrap_err().kind, StepErrorKind::NotConsistentYet);
    assert_eq!(graph.federation_metadata("c").await.unwrap_err().kind, StepErrorKind::Unavailable);
    assert_eq!(graph.federation_metadata("c").await.unwrap(), "<xml/>");
    let request = &cloud.requests(at).await[1];
    assert_eq!(request.url.query(), Some("appid=c"));
    assert!(!request.headers.contains_key("authorization"));
}

/// An error response that contains the AADSTS code only in its description.
fn refused_in_words() -> ResponseTemplate {
    let text = "AADSTS700024: Client assertion is not within its valid time range.";
    json_of(401, json!({ "error": "invalid_client", "error_description": text }))
}

#[tokio::test]
async fn a_refusal_without_a_list_of_numbers_is_recognized_by_its_text() {
    let cloud = Cloud::start().await;
    cloud.once("POST", TOKEN_PATH, refused_in_words()).await;
    assert_eq!(cloud.graph().user("a").await.unwrap_err().kind, StepErrorKind::Unavailable);
}

#[tokio::test]
async fn a_refused_token_from_aws_is_reported_with_clock_audience_and_subject_and_no_secret() {
    let cloud = Cloud::start().await;
    cloud.once("POST", TOKEN_PATH, refused_in_words()).await;
    let answer = |request: &Request| {
        let operation =
            if request.body.starts_with(b"Action=AssumeRole") { "AssumeRole" } else { "GetWebIdentityToken" };
        let result = match operation {
            "AssumeRole" => {
                "<Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                 <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"
            }
            _ => "<WebIdentityToken>token</WebIdentityToken><Expiration>2999-01-01T00:00:00Z</Expiration>",
        };
        let body =
            format!("<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>");
        ResponseTemplate::new(200).set_body_raw(body, "text/xml")
    };
    Mock::given(method("POST")).and(path("/")).respond_with(answer).mount(&cloud.server).await;
    let url = cloud.server.uri();
    let settings = Settings::read(|name| match name {
        Settings::GRAPH_URL | Settings::LOGIN_URL => Some(url.clone()),
        Settings::GRAPH_TENANT_ID => Some("contoso".into()),
        "GRAPH_RUNTIME_CLIENT_ID" => Some("app".into()),
        "GRAPH_RUNTIME_ROLE" => Some("arn:aws:iam::111122223333:role/graph-runtime".into()),
        _ => None,
    });
    let error = Graph::new(Identity::Runtime, config(&url), settings).user("a").await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Unavailable, "{error}");
    for word in ["clocks", "audience", "subject"] {
        assert!(error.message.contains(word), "{word} is missing in {error}");
    }
    assert!(!error.message.contains("secret"), "{error}");
}
