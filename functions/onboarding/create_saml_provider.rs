//! `create-saml-provider`: creates the SAML provider in IAM from the federation metadata of the application (manual
//! procedure: ID プロバイダの作成). The step requests the metadata with the parameter `appid`, and checks the metadata
//! before it uses it.
//!
//! * Reads: the federation metadata (no permission), `sts:GetCallerIdentity`, `iam:GetSAMLProvider`.
//! * Writes: `iam:CreateSAMLProvider`, `iam:TagSAMLProvider`, `iam:UpdateSAMLProvider`.
//! * Safe to repeat: the step identifies the SAML provider by its name. The step compares the issuer, the sign-on
//!   location and the certificates. The step does not compare the bytes of the metadata, because Entra signs the
//!   metadata again for each request.
//! * If the SAML provider has the tags of this onboarding, and trusts the issuer and the active certificate, the step
//!   keeps the SAML provider unchanged. Otherwise, the step updates it. Only the step `rotate-certificate` changes the
//!   other certificates, because Entra's metadata still contains removed certificates for some time. An update keeps
//!   the ARN of the SAML provider. So the SAML claims, which contain this ARN, remain valid.
//! * A SAML provider without tags is used only if it trusts the issuer and the active certificate, and if the metadata
//!   contains all certificates that the SAML provider trusts. Otherwise, the step fails with `Conflict`.

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

/// Creates or updates the SAML provider, so that IAM trusts the issuer and the active certificate of the application.
///
/// # Errors
/// `NotConsistentYet` until the metadata contains the active certificate; `Conflict` if a SAML provider of another
/// owner already has this name.
pub async fn run(ctx: &Context, input: CreateSamlProviderInput) -> Result<CreateSamlProviderOutput, StepError> {
    let xml = ctx.graph().federation_metadata(app_id(&input.sign_on)).await?;
    ensure(ctx, &input, &xml).await
}

/// Returns the application ID in the metadata URL.
fn app_id(sign_on: &EntraSignOn) -> &str {
    sign_on.metadata_url.rsplit_once("appid=").map_or("", |(_, id)| id.split('&').next().unwrap_or(id))
}

/// Works as [`run`], with metadata that the caller has already requested.
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

/// Checks that the metadata contains the issuer and the certificate in the sign-on settings of the application.
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
        // An earlier call created the SAML provider and the response was lost, and the previous read did not return the
        // SAML provider yet. The retry of the step reads the SAML provider again and compares it.
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
