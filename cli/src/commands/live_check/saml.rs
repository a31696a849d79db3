//! Checks how long AWS still accepts SAML responses that match the old metadata of a SAML provider, after the metadata
//! was replaced. For this purpose, the check creates an identity provider with its own keys, a SAML provider, and a
//! role without permissions.

use local_cloud::stand_in::IdentityProvider;
use serde_json::json;

use super::{
    Findings, Reading,
    clouds::{Clouds, element},
    created::{CreatedResources, Resource},
    waited,
};
use crate::cloud::{error::CommandError, signed::IAM};

/// How many times in a row AWS must accept a response signed with the new key, and reject a response signed with the
/// old key. Once is not sufficient, because one AWS endpoint can use the old metadata while another endpoint uses the
/// new metadata.
const IN_A_ROW: usize = 3;

pub(crate) async fn check(
    clouds: &Clouds,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let name = format!("{}-own", resources.name());
    let entity_id = format!("https://{name}.example/");
    let key = || IdentityProvider::generate(&entity_id).map_err(|why| unsigned(clouds, why));
    let (old, new) = (key()?, key()?);
    let metadata = old.metadata().map_err(|why| unsigned(clouds, why))?;
    let form = [("Name", name.as_str()), ("SAMLMetadataDocument", metadata.as_str())];
    let created = clouds.good("iam:CreateSAMLProvider", clouds.query(IAM, "CreateSAMLProvider", &form).await?)?;
    let provider = element(&created.text, "SAMLProviderArn").unwrap_or_default();
    resources.note(Resource::Provider(provider.clone()));
    let role = role(clouds, &name, &provider, resources).await?;

    let accepts = async |key: &IdentityProvider| {
        let response = key.response(&role, &provider, "live-check").map_err(|why| unsigned(clouds, why))?;
        let form = [
            ("RoleArn", role.as_str()),
            ("PrincipalArn", provider.as_str()),
            ("SAMLAssertion", response.as_str()),
            ("DurationSeconds", "900"),
        ];
        clouds.assume_role_with_saml(&form).await
    };
    if clouds.poll(300.0, async || Ok(accepts(&old).await?.is_ok())).await?.is_none() {
        findings.note("old-metadata-trusted", Reading::Unknown(accepts(&old).await?.text));
        return Ok(());
    }
    let metadata = new.metadata().map_err(|why| unsigned(clouds, why))?;
    let form = [("SAMLProviderArn", provider.as_str()), ("SAMLMetadataDocument", metadata.as_str())];
    clouds.good("iam:UpdateSAMLProvider", clouds.query(IAM, "UpdateSAMLProvider", &form).await?)?;
    let replaced = async || {
        for _ in 0..IN_A_ROW {
            if !accepts(&new).await?.is_ok() || accepts(&old).await?.is_ok() {
                return Ok(false);
            }
        }
        Ok(true)
    };
    findings.note("old-metadata-trusted", waited(clouds.words, clouds.poll(240.0, replaced).await?, 540.0));
    Ok(())
}

/// Creates a role without permissions that trusts the SAML provider. Returns the ARN of the role.
async fn role(
    clouds: &Clouds,
    name: &str,
    provider: &str,
    resources: &mut CreatedResources,
) -> Result<String, CommandError> {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Federated": provider }, "Action": "sts:AssumeRoleWithSAML",
        "Condition": { "StringEquals": { "SAML:aud": "https://signin.aws.amazon.com/saml" } },
    }] })
    .to_string();
    resources.note(Resource::Role(name.to_owned()));
    let form = [("RoleName", name), ("AssumeRolePolicyDocument", trust.as_str())];
    let mut answer = clouds.query(IAM, "CreateRole", &form).await?;
    // A trust policy can refer to a new provider only some time after the provider was created.
    for _ in 0..120 {
        if answer.is_ok() {
            break;
        }
        clouds.pause(5.0).await;
        answer = clouds.query(IAM, "CreateRole", &form).await?;
    }
    let created = clouds.good("iam:CreateRole", answer)?;
    Ok(element(&created.text, "Arn").unwrap_or_default())
}

fn unsigned(clouds: &Clouds, why: String) -> CommandError {
    CommandError::input(why, clouds.words.see_message())
}
