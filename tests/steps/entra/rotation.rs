//! Tests of a certificate rotation whose round is interrupted: Entra is the stand-in, and AWS is a small mock.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use connect_onboarding::{
    certificates::rotate_certificate,
    entra::Removal,
    runtime::{adapter::Invocation, clock::epoch_millis, settings::Settings},
};
use onboarding_core::{
    contract::{RotateCertificateInput, Rotation, RotationStatus},
    saml,
};
use time::OffsetDateTime;
use wiremock::{Request, Respond, ResponseTemplate};

use super::{
    certificates::{rotated, set},
    *,
};
use crate::steps::support::{credential, entry, sdk_config};

const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";
const EXECUTION: &str = "arn:aws:states:ap-northeast-1:111122223333:execution:rotate-certificate:1";

/// DynamoDB, Secrets Manager, STS and IAM. IAM trusts the certificates of the metadata document.
struct Aws {
    entry: Value,
    metadata: String,
    /// The update expressions of the writes to the registry.
    updates: Arc<Mutex<Vec<String>>>,
}

impl Respond for Aws {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let target = request.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let form = String::from_utf8_lossy(&request.body);
        let item = json!({ "instanceId": { "S": INSTANCE }, "config": { "S": self.entry.to_string() },
            "holder": { "S": EXECUTION }, "leaseNumber": { "N": "1" } });
        match target.rsplit('.').next().unwrap_or_default() {
            "Scan" => ResponseTemplate::new(200).set_body_json(json!({ "Count": 1, "Items": [item] })),
            "GetItem" => ResponseTemplate::new(200).set_body_json(json!({ "Item": item })),
            "UpdateItem" => {
                self.updates.lock().unwrap().push(body["UpdateExpression"].as_str().unwrap().to_owned());
                ResponseTemplate::new(200).set_body_json(json!({ "Attributes": item }))
            }
            "GetSecretValue" => ResponseTemplate::new(200).set_body_json(credential()),
            _ if form.contains("Action=GetCallerIdentity") => xml(
                "GetCallerIdentity",
                "<Account>111122223333</Account><UserId>u</UserId><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn>",
            ),
            _ if form.contains("Action=GetSAMLProvider") => {
                let tags = names::tags(ALIAS)
                    .map(|(key, value)| format!("<member><Key>{key}</Key><Value>{value}</Value></member>"))
                    .concat();
                let metadata = self.metadata.replace('<', "&lt;").replace('>', "&gt;");
                let metadata = format!("<SAMLMetadataDocument>{metadata}</SAMLMetadataDocument><Tags>{tags}</Tags>");
                xml("GetSAMLProvider", &metadata)
            }
            _ if form.contains("Action=UpdateSAMLProvider") => xml("UpdateSAMLProvider", ""),
            _ => ResponseTemplate::new(400),
        }
    }
}

fn xml(action: &str, result: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(format!(
        "<{action}Response><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>r</RequestId>\
         </ResponseMetadata></{action}Response>"
    ))
}

/// An instance whose rotation has activated a new certificate and can remove the old one. Another certificate of the
/// application must stay.
struct Fixture {
    cloud: Cloud,
    principal: String,
    other: String,
    rotation: Rotation,
    ctx: Context,
    _aws: MockServer,
    updates: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    async fn start() -> Self {
        let cloud = Cloud::start(GraphBehaviour::default()).await;
        let (principal, _, new) = rotated(&cloud).await;
        let other = cloud.ctx.graph().add_signing_certificate(&principal, "CN=other").await.unwrap().thumbprint;
        cloud.local.advance(60.0);
        let shown = cloud.ctx.graph().seen_service_principal(&principal).await.unwrap();
        let keys: Vec<&str> = shown.key_credentials.iter().filter_map(|key| key.key.as_deref()).collect();
        let mut entry = entry(INSTANCE, "arn");
        entry["application"] = serde_json::to_value(cloud.application().await).unwrap();
        let metadata = saml::metadata_document("https://sts.example/", &["https://login.example/saml2".into()], &keys);
        let (aws, updates) = (MockServer::start().await, Arc::<Mutex<Vec<String>>>::default());
        let responder = Aws { entry, metadata, updates: Arc::clone(&updates) };
        Mock::given(any()).respond_with(responder).mount(&aws).await;
        let (graph_url, login_url) = (cloud.local.graph_url(), cloud.local.login_url());
        let settings = Settings::read(|name| match name {
            Settings::GRAPH_CREDENTIAL => Some("graph".into()),
            Settings::GRAPH_URL => Some(graph_url.clone()),
            Settings::LOGIN_URL => Some(login_url.clone()),
            Settings::REGISTRY_TABLE => Some("registry".into()),
            Settings::CERTIFICATE_ROTATION_DAYS => Some("30".into()),
            _ => None,
        });
        let rotation = Rotation {
            instance_id: INSTANCE.into(),
            alias: ALIAS.into(),
            status: RotationStatus::Switched,
            thumbprint: new,
            ..Rotation::default()
        };
        let ctx = Context::new(sdk_config(&aws.uri()), settings);
        Self { cloud, principal, other: other.to_uppercase(), rotation, ctx, _aws: aws, updates }
    }

    /// Runs one round that has this much time, and returns the new state of the rotation.
    async fn round(&mut self, time: Duration) -> Rotation {
        let deadline_ms = u64::try_from(epoch_millis(OffsetDateTime::now_utc() + time)).unwrap();
        let input = RotateCertificateInput {
            execution: EXECUTION.into(),
            previous: vec![self.rotation.clone()],
            ..RotateCertificateInput::default()
        };
        let output = rotate_certificate::run(&self.ctx, input, Invocation { deadline_ms }).await.unwrap();
        self.rotation = output.instances[0].clone();
        self.rotation.clone()
    }

    /// Runs rounds until Graph does not respond to the read after the removal, and the round is abandoned.
    async fn abandon_the_verification(&mut self) {
        self.cloud.writes();
        let planned = self.round(Duration::from_secs(60)).await;
        assert_eq!((planned.status, self.cloud.writes()), (RotationStatus::Switched, Vec::new()), "{planned:?}");
        // The first two reads of the round are the reads of the certificates and of the credentials.
        self.cloud.fault(json!({ "service": "graph", "match": "GET .*/servicePrincipals/", "after": 2,
            "delayMs": 120_000 }));
        let abandoned = self.round(Duration::from_secs(8)).await;
        assert_eq!((abandoned.status, abandoned.failures), (RotationStatus::Switched, 1), "{abandoned:?}");
        assert_eq!(self.cloud.writes(), ["PATCH /v1.0/servicePrincipals/{id}"]);
    }
}

#[tokio::test]
async fn the_round_after_an_abandoned_removal_verifies_the_removal() {
    for loses_a_certificate in [false, true] {
        let mut fixture = Fixture::start().await;
        fixture.abandon_the_verification().await;
        if loses_a_certificate {
            let (graph, kept) = (fixture.cloud.ctx.graph(), set(&fixture.rotation.thumbprint));
            let (id, lost) = (fixture.principal.as_str(), set(&fixture.other));
            let Removal::Planned(planned) = graph.remove_certificates(id, &lost, &kept, None).await.unwrap() else {
                panic!("the certificate is listed");
            };
            let removed = graph.remove_certificates(id, &lost, &kept, Some(&planned)).await;
            assert_eq!(removed.unwrap(), Removal::Done);
        }
        let rotation = fixture.round(Duration::from_secs(60)).await;
        let expected = if loses_a_certificate { RotationStatus::NeedsPerson } else { RotationStatus::Rotated };
        assert_eq!((rotation.status, rotation.halts_removals), (expected, loses_a_certificate), "{rotation:?}");
        assert_eq!(rotation.detail.contains("no longer in Entra"), loses_a_certificate, "{rotation:?}");
    }
}

#[tokio::test]
async fn the_alias_stays_locked_after_a_round_was_abandoned() {
    let mut fixture = Fixture::start().await;
    let releases = |fixture: &Fixture| {
        let updates = std::mem::take(&mut *fixture.updates.lock().unwrap());
        updates.iter().filter(|update| update.starts_with("REMOVE holder")).count()
    };
    fixture.round(Duration::from_secs(60)).await;
    assert_eq!(releases(&fixture), 1, "a round that has finished releases the lock");
    fixture
        .cloud
        .fault(json!({ "service": "graph", "match": "PATCH .*/servicePrincipals/", "answerDelayMs": 120_000 }));
    let abandoned = fixture.round(Duration::from_secs(8)).await;
    assert_eq!((abandoned.failures, releases(&fixture)), (1, 0), "Entra may still execute the request");
}
