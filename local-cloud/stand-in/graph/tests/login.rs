use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{AGENTS, CLIENT, Client, SECRET, TENANT, agents, client};

const GOOD: [(&str, &str); 4] = [
    ("client_id", CLIENT),
    ("client_secret", SECRET),
    ("grant_type", "client_credentials"),
    ("scope", "https://graph.microsoft.com/.default"),
];

fn with(name: &'static str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let mut form: Vec<_> = GOOD.iter().copied().filter(|(known, _)| *known != name).collect();
    form.extend(value.map(|value| (name, value)));
    form
}

#[tokio::test]
async fn a_token_contains_the_granted_roles_the_tenant_and_the_expiry() {
    let client = client();
    let (status, answer) = client.token(TENANT, &GOOD).await;
    assert_eq!((status, &answer["token_type"], &answer["expires_in"]), (200, &json!("Bearer"), &json!(3599)));
    let token = answer["access_token"].as_str().unwrap();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["tid"], TENANT);
    assert_eq!(claims["aud"], "https://graph.microsoft.com");
    assert!(claims["roles"].as_array().unwrap().contains(&json!("Group.Read.All")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3599);
    assert_eq!(token.split('.').count(), 3);
}

#[tokio::test]
async fn every_wrong_field_of_a_token_request_has_its_own_error() {
    let client = client();
    let cases = [
        (with("client_secret", Some("wrong")), 401, "invalid_client", 7_000_215),
        (with("client_secret", None), 401, "invalid_client", 7_000_216),
        (with("client_id", Some("00000000-1111-4222-8333-444455556666")), 400, "unauthorized_client", 700_016),
        (with("client_id", None), 400, "invalid_request", 900_144),
        (with("scope", Some("https://graph.microsoft.com/User.Read.All")), 400, "invalid_scope", 1_002_012),
        (with("scope", Some("https://graph.example/.default")), 400, "invalid_resource", 500_011),
        (with("grant_type", Some("password")), 400, "unsupported_grant_type", 70_003),
    ];
    for (form, status, error, number) in cases {
        let (got, answer) = client.token(TENANT, &form).await;
        assert_eq!((got, &answer["error"], &answer["error_codes"]), (status, &json!(error), &json!([number])));
        assert!(answer["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{number}: ")));
    }
    let (status, answer) = client.token("fabrikam.example", &GOOD).await;
    assert_eq!((status, &answer["error_codes"]), (400, &json!([90_002])));
}

#[tokio::test]
async fn an_assertion_without_a_federated_credential_is_rejected_by_its_subject() {
    let client = client();
    let claims = URL_SAFE_NO_PAD.encode(json!({"sub": "arn:aws:iam::111122223333:role/setup"}).to_string());
    let assertion: &'static str = format!("e30.{claims}.c2ln").leak();
    let mut form = with("client_secret", None);
    form.push(("client_assertion", assertion));
    form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    let (status, answer) = client.token(TENANT, &form).await;
    assert_eq!((status, &answer["error_codes"]), (401, &json!([700_213])));
    assert!(answer["error_description"].as_str().unwrap().contains("'arn:aws:iam::111122223333:role/setup'"));
}

#[tokio::test]
async fn a_call_without_a_valid_token_returns_401() {
    let client = client();
    for token in ["", "Bearer e30.e30.e30", "Basic abc"] {
        *client.token.borrow_mut() = Some(token.into());
        let (status, code, _) = client.refused("GET", "/groups", Value::Null).await;
        assert_eq!((status, code.as_str()), (401, "InvalidAuthenticationToken"));
    }
}

#[tokio::test]
async fn a_token_expires_after_one_hour() {
    let client = Client::new(1.0, agents(1), |_| {});
    client.ok("GET", "/groups", Value::Null).await;
    client.clock.advance(3600.0);
    let (status, _, message) = client.refused("GET", "/groups", Value::Null).await;
    assert_eq!((status, message.as_str()), (401, "Lifetime validation failed, the token is expired."));
}

#[tokio::test]
async fn each_operation_requires_its_own_permission() {
    let cases = [
        ("GET", "/applications", "Application.ReadWrite.All"),
        ("GET", "/policies/claimsMappingPolicies", "Policy.ReadWrite.ApplicationConfiguration"),
        ("GET", "/groups", "Group.Read.All"),
        ("GET", "/users/user1@contoso.example", "User.Read.All"),
    ];
    for (method, url, role) in cases {
        let without = Client::new(0.0, agents(1), |behaviour| behaviour.roles.retain(|name| name != role));
        let (status, code, _) = without.refused(method, url, Value::Null).await;
        assert_eq!((status, code.as_str()), (403, "Authorization_RequestDenied"), "{url}");
        let with = Client::new(0.0, agents(1), |behaviour| behaviour.roles = vec![role.into()]);
        with.ok(method, url, Value::Null).await;
    }
}

#[tokio::test]
async fn reading_basic_user_data_is_not_enough_for_an_application() {
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.roles = vec!["User.ReadBasic.All".into()]);
    assert_eq!(client.get("/users/user1@contoso.example").await.0, 403);
}

#[tokio::test]
async fn too_many_calls_in_one_window_return_429_with_the_seconds_to_wait() {
    let client = Client::new(1.0, agents(1), |behaviour| behaviour.resource_units = Some(6));
    let url = format!("/groups/{AGENTS}/members");
    for _ in 0..2 {
        client.ok("GET", &url, Value::Null).await;
    }
    let response = client.send("GET", &url, Value::Null).await;
    assert_eq!(response.status, 429);
    let wait: f64 = response.headers.iter().find(|(name, _)| name == "retry-after").unwrap().1.parse().unwrap();
    assert!((1.0..=10.0).contains(&wait));
    client.clock.advance(wait);
    client.ok("GET", &url, Value::Null).await;
}

#[tokio::test]
async fn a_client_request_id_is_returned_on_request() {
    let client = client().with_header("client-request-id", "abc").with_header("return-client-request-id", "true");
    let response = client.send("GET", "/groups/none", Value::Null).await;
    assert!(response.headers.contains(&("client-request-id".into(), "abc".into())));
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["error"]["innerError"]["client-request-id"], "abc");
}
