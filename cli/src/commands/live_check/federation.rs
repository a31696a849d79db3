//! Checks the local cloud's assumptions about IAM. For this purpose, the check creates a SAML provider and a role that
//! trusts this provider.

use std::collections::BTreeSet;

use onboarding_core::saml::{metadata_document, read_metadata};
use serde_json::json;

use super::{
    Findings, Reading,
    clouds::{Clouds, element},
    created::{CreatedResources, Resource},
    entra::Application,
    waited,
};
use crate::cloud::{error::CommandError, signed::IAM};

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

pub(crate) async fn check(
    clouds: &Clouds,
    application: &Application,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let published = clouds.good("reading the federation metadata", clouds.metadata(&application.app_id).await?)?.text;
    let name = resources.name().to_owned();
    let form = [("Name", name.as_str()), ("SAMLMetadataDocument", published.as_str())];
    let created = clouds.good("iam:CreateSAMLProvider", clouds.query(IAM, "CreateSAMLProvider", &form).await?)?;
    let arn = element(&created.text, "SAMLProviderArn").unwrap_or_default();
    resources.note(Resource::Provider(arn.clone()));

    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Federated": arn }, "Action": "sts:AssumeRoleWithSAML",
        "Condition": { "StringEquals": { "SAML:aud": "https://signin.aws.amazon.com/saml" } },
    }] })
    .to_string();
    let role = format!("{name}-federation");
    resources.note(Resource::Role(role.clone()));
    let form = [("RoleName", role.as_str()), ("AssumeRolePolicyDocument", trust.as_str())];
    let trusted = async || Ok(clouds.query(IAM, "CreateRole", &form).await?.is_ok());
    findings.note("provider-as-principal", waited(clouds.words, clouds.poll(40.0, trusted).await?, 120.0));

    let wrong = |error: onboarding_core::StepError| CommandError::input(error.message, clouds.words.see_message());
    let known = read_metadata(&published).map_err(wrong)?;
    let document = roxmltree::Document::parse(&published)
        .map_err(|error| CommandError::input(error.to_string(), clouds.words.see_message()))?;
    let keys = document.descendants().filter(|node| node.has_tag_name((METADATA, "KeyDescriptor")));
    let certificates =
        keys.flat_map(|key| key.descendants()).filter(|node| node.tag_name().name() == "X509Certificate");
    let certificates: BTreeSet<&str> = certificates.filter_map(|node| node.text()).collect();
    let certificates: Vec<&str> = certificates.into_iter().collect();
    let composed = metadata_document(&known.entity_id, &known.single_sign_on, &certificates);
    let form = [("SAMLProviderArn", arn.as_str()), ("SAMLMetadataDocument", composed.as_str())];
    let updated = clouds.query(IAM, "UpdateSAMLProvider", &form).await?;
    findings.note(
        "composed-metadata",
        match () {
            () if updated.is_ok() => Reading::Assumed,
            () if updated.contains("InvalidInput") => Reading::Other,
            () => Reading::Unknown(updated.text),
        },
    );
    Ok(())
}
