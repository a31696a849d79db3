//! Tests of the authentication to Graph with a certificate: the stand-in verifies the signature of the product, and a
//! mock of Secrets Manager returns the current value of the secret.

use std::sync::{Arc, Mutex};

use connect_onboarding::{context::Context, runtime::settings::Settings};
use local_cloud::stand_in::{AppCredential, AppRegistration, Behaviour, Certified, self_signed};
use onboarding_core::StepErrorKind;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::cloud::Cloud;

const TENANT: &str = "0f5a1de4-0000-4000-8000-00000000000a";
const CLIENT: &str = "0f5a1de4-0000-4000-8000-0000000000c1";

/// The current value of the secret that the mock returns.
type Stored = Arc<Mutex<String>>;

struct Fixture {
    cloud: Cloud,
    ctx: Context,
    stored: Stored,
    _secrets: MockServer,
}

fn certificate() -> Certified {
    self_signed("Connect Onboarding", OffsetDateTime::now_utc() + Duration::days(30)).unwrap()
}

fn credential(certificate: &str, key: &str) -> String {
    json!({ "tenantId": TENANT, "clientId": CLIENT, "certificate": certificate, "privateKey": key }).to_string()
}

impl Fixture {
    async fn start() -> Self {
        let (cloud, stored) = (Cloud::start(Behaviour::default()).await, Stored::default());
        let secrets = MockServer::start().await;
        let answers = Arc::clone(&stored);
        let answer = move |_: &Request| {
            let body = json!({ "Name": "graph", "SecretString": *answers.lock().unwrap() }).to_string();
            ResponseTemplate::new(200).set_body_raw(body, "application/x-amz-json-1.1")
        };
        Mock::given(any()).respond_with(answer).mount(&secrets).await;
        let (graph, login) = cloud.entra();
        let settings = Settings::read(|name| match name {
            "GRAPH_RUNTIME_SECRET" => Some("graph".into()),
            Settings::GRAPH_URL => Some(graph.clone()),
            Settings::LOGIN_URL => Some(login.clone()),
            _ => None,
        });
        let ctx = super::clients::with(&secrets.uri(), settings);
        Self { cloud, ctx, stored, _secrets: secrets }
    }

    /// Registers these certificates for the application, and waits until the change has propagated in Entra.
    fn register(&self, certificates: &[&Certified]) {
        let credential = |made: &&Certified| AppCredential::Certificate { pem: made.certificate.clone() };
        self.cloud.register(AppRegistration {
            client_id: CLIENT.into(),
            permissions: vec!["Group.Read.All".into()],
            credentials: certificates.iter().map(credential).collect(),
        });
        self.cloud.wait(60);
    }

    fn store(&self, text: String) {
        *self.stored.lock().unwrap() = text;
    }
}

#[tokio::test]
async fn a_client_certificate_is_replaced_without_a_new_deployment() {
    let fixture = Fixture::start().await;
    let (old, new) = (certificate(), certificate());
    fixture.register(&[&old]);
    fixture.store(credential(&old.certificate, &old.private_key));
    assert_eq!(fixture.ctx.graph().roles().await.unwrap().unwrap(), ["Group.Read.All"]);
    let ends = fixture.ctx.graph().credential_expires().await.unwrap().unwrap();
    assert_eq!((ends - OffsetDateTime::now_utc()).whole_days(), 29);

    // One hour later in the same process, the cached token has expired, and Entra no longer accepts the old
    // certificate.
    fixture.register(&[&new]);
    fixture.cloud.wait(3600);
    fixture.store(credential(&new.certificate, &new.private_key));
    assert!(fixture.ctx.graph().subscriptions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_certificate_that_entra_does_not_know_is_reported_with_advice() {
    let fixture = Fixture::start().await;
    let (known, stored) = (certificate(), certificate());
    fixture.register(&[&known]);
    fixture.store(credential(&stored.certificate, &stored.private_key));
    let error = fixture.ctx.graph().roles().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("AADSTS700027") && error.message.contains("upload the certificate"), "{error}");
}

#[tokio::test]
async fn an_invalid_client_certificate_is_rejected_before_anything_is_sent() {
    let fixture = Fixture::start().await;
    let (one, other) = (certificate(), certificate());
    for (certificate, key, part) in [
        (one.certificate.as_str(), other.private_key.as_str(), "does not belong to the certificate"),
        (one.private_key.as_str(), one.private_key.as_str(), "not PEM"),
        (one.certificate.as_str(), "hunter2", "not PEM"),
    ] {
        fixture.store(credential(certificate, key));
        let error = fixture.ctx.graph().roles().await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::InvalidInput);
        assert!(error.message.contains(part) && !error.message.contains("hunter2"), "{error}");
    }
    assert!(fixture.cloud.calls().is_empty());
}
