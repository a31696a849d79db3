//! The certificates of an instance in Entra and IAM, and the update of the certificates that IAM trusts.

use std::collections::BTreeSet;

use onboarding_core::{
    StepError, StepErrorKind,
    entra::Identity,
    rotation::{Certificate, Observed},
    saml::{self, Metadata, read_metadata},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::provider::Provider;
use crate::{
    context::Context,
    entra::{KeyCredential, ServicePrincipal},
};

/// The certificates of an instance in Entra and IAM.
pub(super) struct Observation {
    pub(super) principal: ServicePrincipal,
    pub(super) provider: Provider,
    pub(super) observed: Observed,
}

impl Observation {
    /// `subject` is the subject with which this product creates certificates.
    pub(super) fn new(principal: ServicePrincipal, provider: Provider, subject: &str) -> Self {
        let observed = observed(&principal, subject, &provider.metadata);
        Self { principal, provider, observed }
    }

    /// Updates the SAML provider in IAM with metadata that contains exactly these certificates, so that IAM trusts only
    /// them.
    pub(super) async fn trust(&self, ctx: &Context, thumbprints: &BTreeSet<String>) -> Result<(), StepError> {
        let listed = self.observed.certificates.iter().filter(|one| thumbprints.contains(&one.thumbprint));
        let certificates: Vec<&str> = listed.map(|one| one.der.as_str()).collect();
        let known = &self.provider.metadata;
        let document = saml::metadata_document(&known.entity_id, &known.single_sign_on, &certificates);
        // This check is made before the update, because with metadata that does not contain the active certificate,
        // every sign-in would fail.
        let listed: BTreeSet<String> = read_metadata(&document)?.thumbprints.into_iter().collect();
        if listed != *thumbprints || !listed.contains(&self.observed.active) {
            return Err(StepError::internal(format!(
                "metadata with the certificates {thumbprints:?} can't be composed from the certificates in Entra"
            )));
        }
        match self.provider.update(ctx, document).await {
            // AWS does not document whether IAM rejects metadata that the issuer has not signed. If IAM rejects the
            // composed metadata, this function tries Entra's own metadata document.
            Err(error) if error.kind == StepErrorKind::InvalidInput => {
                self.trust_published(ctx, thumbprints, &error.message).await
            }
            result => result,
        }
    }

    /// Updates the SAML provider in IAM with Entra's own metadata document, if the document contains exactly these
    /// certificates.
    async fn trust_published(
        &self,
        ctx: &Context,
        thumbprints: &BTreeSet<String>,
        refusal: &str,
    ) -> Result<(), StepError> {
        let app_id = &self.principal.app_id;
        let document = ctx.graph_as(Identity::Runtime).federation_metadata(app_id).await?;
        let listed: BTreeSet<String> = read_metadata(&document)?.thumbprints.into_iter().collect();
        if listed != *thumbprints {
            return Err(StepError::not_consistent_yet(format!(
                "{refusal}; Entra's own federation metadata of the application {app_id} lists the certificates {listed:?} and not \
                 {thumbprints:?} yet"
            )));
        }
        self.provider.update(ctx, document).await
    }
}

fn observed(principal: &ServicePrincipal, subject: &str, trusted: &Metadata) -> Observed {
    let certificate = |key: &KeyCredential| {
        let der = key.key.clone()?;
        Some(Certificate {
            thumbprint: saml::thumbprint(&der)?,
            expires: OffsetDateTime::parse(key.end_date_time.as_deref()?, &Rfc3339).ok()?,
            ours: key.display_name.as_deref() == Some(subject),
            der,
        })
    };
    let public = principal.key_credentials.iter().filter(|key| key.usage.as_deref() == Some("Verify"));
    Observed {
        certificates: public.filter_map(certificate).collect(),
        active: principal.preferred_token_signing_key_thumbprint.clone().unwrap_or_default().to_uppercase(),
        trusted: trusted.thumbprints.iter().cloned().collect(),
    }
}
