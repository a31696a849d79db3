//! Tests of client assertions: tokens of an AWS account, assertions signed with an application's certificate, and
//! invalid assertions.

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PSS_SHA256};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::{AppCredential, AppRegistration, CLIENT, Client, TENANT, agents};
use crate::stand_in::{graph::self_signed, rsa_key::RsaKey};

const ROLE: &str = "arn:aws:iam::111122223333:role/connect-onboarding-ap-northeast-1-graph-setup";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const ENDPOINT: &str = "http://127.0.0.1:4572/7a1c9d3e-2b4f-4c6d-8e0a-1b3c5d7e9f01/oauth2/v2.0/token";

/// A token issuer that publishes its public key, as AWS does for an account.
struct Issuer {
    url: String,
    key: RsaKey,
}

impl Issuer {
    async fn start() -> Self {
        let key = RsaKey::generate().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string();
        let keys = json!({ "keys": [key.jwk()] }).to_string();
        let service = axum::Router::new()
            .route("/.well-known/openid-configuration", axum::routing::get(move || async { discovery }))
            .route("/keys", axum::routing::get(move || async { keys }));
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { url, key }
    }

    fn claims(&self) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({ "iss": self.url, "sub": ROLE, "aud": AUDIENCE, "iat": now, "exp": now + 300, "jti": "1" })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let content = content(header, claims);
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(content.as_bytes()).unwrap()))
    }

    fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "JWT", "kid": self.key.id() })
    }

    /// A federated credential that trusts this issuer's tokens for one IAM role.
    fn trusted(&self, issuer: Option<&str>) -> AppCredential {
        let issuer = Some(issuer.unwrap_or(&self.url).to_owned());
        AppCredential::Federated { issuer, subject: ROLE.into(), audience: AUDIENCE.into() }
    }
}

fn content(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn with(mut value: Value, name: &str, to: impl Into<Value>) -> Value {
    value[name] = to.into();
    value
}

fn app(credentials: Vec<AppCredential>) -> AppRegistration {
    AppRegistration { client_id: CLIENT.into(), permissions: vec!["Group.Read.All".into()], credentials }
}

/// A tenant without delays.
fn tenant(credentials: Vec<AppCredential>) -> Client {
    let client = Client::new(0.0, agents(1), |_| {});
    client.graph.register(app(credentials));
    client
}

/// The AADSTS number with which the token endpoint rejects an assertion. `None` if it issues a token.
async fn refusal(client: &Client, assertion: &str) -> Option<u64> {
    let form = [
        ("client_id", CLIENT),
        ("client_assertion", assertion),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let (status, answer) = client.token(TENANT, &form).await;
    if status == 200 {
        assert!(answer["access_token"].is_string());
        return None;
    }
    assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{answer}");
    answer["error_codes"][0].as_u64()
}

#[tokio::test]
async fn a_token_of_a_trusted_issuer_is_accepted_if_every_claim_matches_exactly() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    let client = tenant(vec![issuer.trusted(None)]);
    let (header, claims) = (issuer.header(), issuer.claims());
    assert_eq!(refusal(&client, &issuer.sign(&header, &claims)).await, None);

    let now = OffsetDateTime::now_utc().unix_timestamp();
    let cases = [
        (
            "another subject",
            header.clone(),
            with(claims.clone(), "sub", "arn:aws:iam::111122223333:role/other"),
            700_213,
        ),
        ("a subject in capitals", header.clone(), with(claims.clone(), "sub", ROLE.to_uppercase()), 700_213),
        (
            "a session instead of the role",
            header.clone(),
            with(claims.clone(), "sub", ROLE.replace(":iam:", ":sts:")),
            700_213,
        ),
        ("another issuer", header.clone(), with(claims.clone(), "iss", other.url.clone()), 700_211),
        ("an issuer with a slash", header.clone(), with(claims.clone(), "iss", format!("{}/", issuer.url)), 700_211),
        ("another audience", header.clone(), with(claims.clone(), "aud", "sts.amazonaws.com"), 700_212),
        ("two audiences", header.clone(), with(claims.clone(), "aud", json!([AUDIENCE, "other"])), 700_212),
        ("its end", header.clone(), with(claims.clone(), "exp", now - 1), 700_024),
        ("no end", header.clone(), with(claims.clone(), "exp", Value::Null), 700_024),
        ("the future", header.clone(), with(claims.clone(), "nbf", now + 900), 700_024),
        ("another algorithm", with(header.clone(), "alg", "none"), claims.clone(), 50_027),
        ("an unknown key", with(header.clone(), "kid", other.key.id()), claims.clone(), 700_027),
    ];
    for (what, header, claims, number) in cases {
        assert_eq!(refusal(&client, &issuer.sign(&header, &claims)).await, Some(number), "{what}");
    }
    let forged = other.sign(&header, &claims);
    assert_eq!(refusal(&client, &forged).await, Some(700_027), "signed with another key under the same name");
    assert_eq!(refusal(&client, "not.a.token").await, Some(50_027));
}

#[tokio::test]
async fn an_unreachable_issuer_has_its_own_error() {
    let issuer = Issuer::start().await;
    let nowhere = "http://127.0.0.1:9";
    let client = tenant(vec![issuer.trusted(Some(nowhere))]);
    let claims = with(issuer.claims(), "iss", nowhere);
    assert_eq!(refusal(&client, &issuer.sign(&issuer.header(), &claims)).await, Some(50_166));
}

#[tokio::test]
async fn a_new_federated_credential_and_new_consent_take_effect_after_a_delay() {
    let issuer = Issuer::start().await;
    let client = Client::new(1.0, agents(1), |behaviour| behaviour.registration_seconds = 30.0);
    client.graph.register(app(vec![issuer.trusted(None)]));
    assert_eq!(refusal(&client, &issuer.sign(&issuer.header(), &issuer.claims())).await, Some(700_213));
    client.clock.advance(31.0);
    assert_eq!(refusal(&client, &issuer.sign(&issuer.header(), &issuer.claims())).await, None);
}

/// A certificate, and its private key, which signs assertions.
struct Own {
    pem: String,
    key: KeyPair,
    thumbprint: String,
}

impl Own {
    fn until(end: OffsetDateTime) -> Self {
        let made = self_signed("Connect Onboarding", end).unwrap();
        let der = |pem: &str| {
            let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
            STANDARD.decode(lines).unwrap()
        };
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(der(&made.certificate)));
        Self { key: KeyPair::from_pkcs8(&der(&made.private_key)).unwrap(), thumbprint, pem: made.certificate }
    }

    fn registered(&self) -> AppCredential {
        AppCredential::Certificate { pem: self.pem.clone() }
    }

    fn header(&self) -> Value {
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint })
    }

    fn claims() -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({ "aud": ENDPOINT, "iss": CLIENT, "sub": CLIENT, "jti": "1", "nbf": now, "iat": now, "exp": now + 300 })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let content = content(header, claims);
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), content.as_bytes(), &mut signature).unwrap();
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test]
async fn a_certificate_assertion_is_accepted_only_from_the_application_itself() {
    let year = OffsetDateTime::now_utc() + Duration::days(365);
    let (own, other, old) =
        (Own::until(year), Own::until(year), Own::until(OffsetDateTime::now_utc() - Duration::days(1)));
    let client = tenant(vec![own.registered(), old.registered()]);
    let (header, claims) = (own.header(), Own::claims());
    assert_eq!(refusal(&client, &own.sign(&header, &claims)).await, None);

    let now = OffsetDateTime::now_utc().unix_timestamp();
    let cases = [
        ("another audience", with(claims.clone(), "aud", "https://sts.windows.net/"), 700_023),
        ("another application", with(claims.clone(), "sub", "someone"), 700_021),
        ("another issuer", with(claims.clone(), "iss", "someone"), 700_021),
        ("its end", with(claims.clone(), "exp", now - 1), 700_024),
        ("an hour", with(claims.clone(), "exp", now + 3600), 700_024),
        ("no id", with(claims.clone(), "jti", Value::Null), 700_024),
    ];
    for (what, claims, number) in cases {
        assert_eq!(refusal(&client, &own.sign(&header, &claims)).await, Some(number), "{what}");
    }
    assert_eq!(refusal(&client, &other.sign(&other.header(), &claims)).await, Some(700_027), "not registered");
    assert_eq!(refusal(&client, &other.sign(&header, &claims)).await, Some(700_027), "signed with another key");
    assert_eq!(refusal(&client, &old.sign(&old.header(), &claims)).await, Some(700_027), "the certificate has expired");
}

#[tokio::test]
async fn an_expired_client_secret_has_its_own_error_number() {
    let client =
        tenant(vec![AppCredential::Secret { value: "old".into(), expires: Some("2026-01-01T00:00:00Z".into()) }]);
    let form = [
        ("client_id", CLIENT),
        ("client_secret", "old"),
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let (status, answer) = client.token(TENANT, &form).await;
    assert_eq!((status, &answer["error_codes"]), (401, &json!([7_000_222])));
}

#[tokio::test]
async fn an_application_can_access_only_its_own_objects() {
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.roles = vec!["Group.Read.All".into()]);
    let (status, code, _) =
        client.refused("PATCH", "/applications/7c0b1d0e-0000-4000-8000-000000000001", json!({})).await;
    assert_eq!((status, code.as_str()), (403, "Authorization_RequestDenied"));
}
