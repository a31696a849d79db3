//! `create-saml-provider`: creates the IAM SAML provider from the application's federation metadata, which is fetched
//! with the `appid` parameter and checked first (manual procedure: ID プロバイダの作成).
//!
//! * Reads: the federation metadata (no permission), `sts:GetCallerIdentity`, `iam:GetSAMLProvider`.
//! * Writes: `iam:CreateSAMLProvider`, `iam:TagSAMLProvider`, `iam:UpdateSAMLProvider`.
//! * Safe to repeat: a provider is identified by its name. The step compares the issuer, the sign-on location and the
//!   certificates, and not the bytes of the metadata, because Entra signs the metadata again for each request. A
//!   provider with the tags of this onboarding is kept if it trusts the issuer and the active certificate; otherwise the
//!   provider is updated. All other certificates are left to `rotate-certificate`, because Entra's metadata contains
//!   removed certificates for a while. An update keeps the ARN, so that the SAML claims that contain the ARN stay valid.
//!   An untagged provider is used if it also trusts no certificate that the metadata lacks; otherwise the step fails
//!   with `Conflict`.

use onboarding_core::{
    StepError,
    contract::{CreateSamlProviderInput, CreateSamlProviderOutput, EntraSignOn},
    saml::{Metadata, read_metadata},
    sync::Ownership,
};

use crate::{
    aws::{error::CallResult as _, iam},
    context::Context,
};

/// Makes IAM trust the application's issuer and certificate.
///
/// # Errors
/// `NotConsistentYet` until the metadata shows the active certificate; `Conflict` if the name is taken.
pub async fn run(ctx: &Context, input: CreateSamlProviderInput) -> Result<CreateSamlProviderOutput, StepError> {
    let xml = ctx.graph().federation_metadata(app_id(&input.sign_on)).await?;
    ensure(ctx, &input, &xml).await
}

/// Returns the application ID in the metadata URL.
fn app_id(sign_on: &EntraSignOn) -> &str {
    sign_on.metadata_url.rsplit_once("appid=").map_or("", |(_, id)| id.split('&').next().unwrap_or(id))
}

/// The same as [`run`], with metadata that the caller has already fetched.
///
/// # Errors
/// See [`run`].
pub async fn ensure(
    ctx: &Context,
    input: &CreateSamlProviderInput,
    xml: &str,
) -> Result<CreateSamlProviderOutput, StepError> {
    let (published, active) = (read_metadata(xml)?, input.sign_on.certificate_thumbprint.as_str());
    let arn = format!("{}:saml-provider/{}", iam::arn_prefix(ctx.sts()).await?, input.name);
    let Some(provider) = iam::saml_provider(ctx.iam(), &arn).await? else {
        check_published(&input.sign_on, &published)?;
        return create(ctx, input, xml).await;
    };
    let present = provider.saml_metadata_document().unwrap_or_default();
    let is_trusted = published.entity_id == input.sign_on.entity_id && published.is_trusted_by(present, Some(active));
    match iam::owner(provider.tags(), &input.alias) {
        Ownership::Ours if is_trusted => {}
        Ownership::Ours => {
            check_published(&input.sign_on, &published)?;
            update(ctx, &arn, xml).await?;
        }
        Ownership::Unmanaged if is_trusted && published.covers(present, active) => {}
        owner => {
            check_published(&input.sign_on, &published)?;
            return Err(iam::not_ours(
                &format!("the SAML provider {}", input.name),
                &owner,
                "its metadata may serve other sign-ins",
                "iam.samlProviderName",
            ));
        }
    }
    Ok(CreateSamlProviderOutput { saml_provider_arn: arn })
}

/// Checks that the metadata has the issuer and the certificate of the application's sign-on settings.
fn check_published(sign_on: &EntraSignOn, metadata: &Metadata) -> Result<(), StepError> {
    if metadata.entity_id != sign_on.entity_id {
        return Err(StepError::not_consistent_yet(format!(
            "the federation metadata at {} names the issuer {}, expected {}; Entra may still be publishing it",
            sign_on.metadata_url, metadata.entity_id, sign_on.entity_id
        )));
    }
    if !metadata.thumbprints.iter().any(|thumbprint| thumbprint.eq_ignore_ascii_case(&sign_on.certificate_thumbprint)) {
        return Err(StepError::not_consistent_yet(format!(
            "the federation metadata at {} does not show the active signing certificate {} (valid until {}) yet",
            sign_on.metadata_url, sign_on.certificate_thumbprint, sign_on.certificate_expires
        )));
    }
    Ok(())
}

async fn create(
    ctx: &Context,
    input: &CreateSamlProviderInput,
    xml: &str,
) -> Result<CreateSamlProviderOutput, StepError> {
    let doing = format!("creating the SAML provider {}", input.name);
    let sent = ctx
        .iam()
        .create_saml_provider()
        .name(&input.name)
        .saml_metadata_document(xml)
        .set_tags(Some(iam::tags(&input.alias)?))
        .send()
        .await;
    let Some(created) = sent.none_if(&["EntityAlreadyExists"]).doing(&doing)? else {
        // An earlier call created the provider and its response was lost, and the previous read did not find the
        // provider yet. The retry reads the provider and compares it.
        return Err(StepError::not_consistent_yet(format!("{doing}: it exists, but IAM does not return it yet")));
    };
    match created.saml_provider_arn {
        Some(saml_provider_arn) => Ok(CreateSamlProviderOutput { saml_provider_arn }),
        None => Err(StepError::internal(format!("{doing}: the response from IAM contains no ARN"))),
    }
}

async fn update(ctx: &Context, arn: &str, xml: &str) -> Result<(), StepError> {
    ctx.iam()
        .update_saml_provider()
        .saml_provider_arn(arn)
        .saml_metadata_document(xml)
        .send()
        .await
        .map(drop)
        .doing_with_known(format_args!("updating the SAML provider {arn}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_id_is_parsed_from_the_metadata_url() {
        let url = "https://login.example/t/federationmetadata/2007-06/federationmetadata.xml?appid=a1&x=y";
        assert_eq!(app_id(&EntraSignOn { metadata_url: url.into(), ..EntraSignOn::default() }), "a1");
        assert_eq!(app_id(&EntraSignOn::default()), "");
    }
}
