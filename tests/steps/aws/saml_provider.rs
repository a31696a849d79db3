//! Tests of the step `create-saml-provider`.

use onboarding_core::{
    contract::{CreateSamlProviderInput, EntraSignOn},
    saml,
};

use super::fake_iam::{FakeIam, Provider, TENANT, ours};
use connect_onboarding::onboarding::create_saml_provider::{ensure, run};

const ARN: &str = "arn:aws:iam::111122223333:saml-provider/AmazonConnect-acme";

/// Federation metadata with these certificates. `signature` emulates the signature, which Entra renews for each
/// request.
fn metadata(certificates: &[&str], signature: &str) -> String {
    let keys: String = certificates
        .iter()
        .map(|certificate| {
            format!(
                "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
                 <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            )
        })
        .collect();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"{signature}\" \
         entityID=\"https://sts.windows.net/{TENANT}/\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}<SingleSignOnService Binding=\"b\" \
         Location=\"https://login.example/saml2\"/></IDPSSODescriptor><!-- {} --></EntityDescriptor>",
        "x".repeat(1000)
    )
}

fn input() -> CreateSamlProviderInput {
    CreateSamlProviderInput {
        alias: "acme".into(),
        name: "AmazonConnect-acme".into(),
        sign_on: EntraSignOn {
            certificate_thumbprint: saml::thumbprint("b25l").unwrap(),
            entity_id: saml::entity_id(TENANT),
            metadata_url: format!("https://login.example/{TENANT}/federationmetadata.xml?appid=a1"),
            ..EntraSignOn::default()
        },
    }
}

#[tokio::test]
async fn the_metadata_from_entra_becomes_a_tagged_provider_and_a_second_run_only_reads() {
    let iam = FakeIam::start().await;
    iam.state().federation_metadata = metadata(&["b25l"], "_1");
    let created = run(&iam.ctx, input()).await.unwrap();
    assert_eq!(created.saml_provider_arn, ARN);
    assert_eq!(iam.writes(), ["CreateSAMLProvider"]);
    assert_eq!(iam.state().providers["AmazonConnect-acme"].tags, ours("acme"));

    iam.state().federation_metadata = metadata(&["b25l"], "_2, signed anew");
    assert_eq!(run(&iam.ctx, input()).await.unwrap(), created);
    assert_eq!(iam.writes(), [""; 0]);
}

#[tokio::test]
async fn another_active_certificate_updates_the_provider_and_keeps_its_arn() {
    let iam = FakeIam::start().await;
    ensure(&iam.ctx, &input(), &metadata(&["b25l"], "_1")).await.unwrap();
    iam.calls();
    let rolled = metadata(&["b25l", "dHdv"], "_2");
    let mut input = input();
    input.sign_on.certificate_thumbprint = saml::thumbprint("dHdv").unwrap();
    assert_eq!(ensure(&iam.ctx, &input, &rolled).await.unwrap().saml_provider_arn, ARN);
    assert_eq!(iam.writes(), ["UpdateSAMLProvider"]);
    assert_eq!(iam.state().providers["AmazonConnect-acme"].metadata, rolled);
    // The order of the certificates does not matter.
    ensure(&iam.ctx, &input, &metadata(&["dHdv", "b25l"], "_3")).await.unwrap();
    assert_eq!(iam.writes(), [""; 0]);
}

#[tokio::test]
async fn a_removed_certificate_that_entra_still_publishes_is_not_trusted_again() {
    for tags in [ours("acme"), Default::default()] {
        let iam = FakeIam::start().await;
        let provider = Provider { metadata: metadata(&["b25l"], "_0"), tags };
        iam.state().providers.insert("AmazonConnect-acme".into(), provider);
        ensure(&iam.ctx, &input(), &metadata(&["b25l", "dHdv"], "_1")).await.unwrap();
        assert_eq!(iam.writes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_provider_that_trusts_the_active_certificate_is_kept_although_entra_does_not_publish_it() {
    for (trusted, outcome) in [("b25l", Ok(())), ("dHdv", Err("NotConsistentYet"))] {
        for tags in [ours("acme"), Default::default()] {
            let iam = FakeIam::start().await;
            let provider = Provider { metadata: metadata(&[trusted], "_0"), tags };
            iam.state().providers.insert("AmazonConnect-acme".into(), provider);
            let result = ensure(&iam.ctx, &input(), &metadata(&["dHdv"], "_1")).await;
            assert_eq!(result.map(|_| ()).map_err(|error| error.name()), outcome, "{trusted}");
            assert_eq!(iam.writes(), [""; 0], "{trusted}");
        }
    }
}

#[tokio::test]
async fn metadata_that_entra_has_not_published_yet_never_reaches_iam() {
    let iam = FakeIam::start().await;
    let foreign = metadata(&["b25l"], "_1").replace(TENANT, "another-tenant");
    for (xml, part) in [(metadata(&["dHdv"], "_1"), "signing certificate"), (foreign, "another-tenant")] {
        let error = ensure(&iam.ctx, &input(), &xml).await.unwrap_err();
        assert_eq!(error.name(), "NotConsistentYet");
        assert!(error.message.contains(part), "{error}");
    }
    assert_eq!(iam.writes(), [""; 0]);
}

#[tokio::test]
async fn a_foreign_provider_is_used_if_its_metadata_is_equivalent_and_rejected_if_not() {
    for (tags, certificate, outcome) in [
        (ours("other"), &["b25l"][..], Err("Conflict")),
        (ours("other"), &["dHdv"], Err("Conflict")),
        (Default::default(), &["dHdv"], Err("Conflict")),
        (Default::default(), &["b25l", "dHdv"], Err("Conflict")),
        (Default::default(), &["b25l"], Ok(())),
    ] {
        let iam = FakeIam::start().await;
        let provider = Provider { metadata: metadata(certificate, "_0"), tags: tags.clone() };
        iam.state().providers.insert("AmazonConnect-acme".into(), provider);
        let result = ensure(&iam.ctx, &input(), &metadata(&["b25l"], "_1")).await;
        assert_eq!(result.as_ref().map(|_| ()).map_err(|error| error.name()), outcome, "{tags:?} {certificate:?}");
        if let Err(error) = result {
            assert!(error.message.contains("iam.samlProviderName"), "{error}");
        }
        assert_eq!(iam.writes(), [""; 0], "{tags:?} {certificate:?}");
    }
}

#[tokio::test]
async fn a_provider_that_iam_does_not_show_yet_is_read_again() {
    let iam = FakeIam::start().await;
    iam.state().fail = Some(("CreateSAMLProvider", 409, "EntityAlreadyExists", "exists"));
    let error = ensure(&iam.ctx, &input(), &metadata(&["b25l"], "_1")).await.unwrap_err();
    assert_eq!(error.name(), "NotConsistentYet");
}
