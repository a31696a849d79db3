//! The SAML provider of an onboarding, for the certificate rotation.

use onboarding_core::{
    StepError, names,
    saml::{Metadata, read_metadata},
    sync::Ownership,
};

use crate::{
    aws::{error::CallResult as _, iam},
    context::Context,
    registry::Entry,
};

/// The SAML provider in IAM.
pub(super) struct Provider {
    arn: String,
    owner: Ownership,
    /// The metadata that the SAML provider contains.
    pub(super) metadata: Metadata,
}

impl Provider {
    pub(super) async fn read(ctx: &Context, entry: &Entry) -> Result<Self, StepError> {
        let arn = format!("{}:saml-provider/{}", iam::arn_prefix(ctx.sts()).await?, entry.saml_provider_name());
        let Some(found) = iam::saml_provider(ctx.iam(), &arn).await? else {
            return Err(StepError::invalid_input(format!(
                "the SAML provider {arn} no longer exists; start the onboarding of {} again, which creates it",
                entry.alias
            )));
        };
        Ok(Self {
            owner: iam::owner(found.tags(), &entry.alias),
            metadata: read_metadata(found.saml_metadata_document().unwrap_or_default())?,
            arn,
        })
    }

    pub(super) fn must_be_ours(&self, alias: &str) -> Result<(), StepError> {
        if self.owner == Ownership::Ours {
            return Ok(());
        }
        Err(StepError::conflict(format!(
            "the SAML provider {} does not have the tags of {alias}, so its certificates are not changed; rotate manually, or \
             tag it {}={} and {}={alias}",
            self.arn,
            names::MANAGED_BY_KEY,
            names::MANAGED_BY,
            names::ONBOARDING_KEY
        )))
    }

    pub(super) async fn update(&self, ctx: &Context, document: String) -> Result<(), StepError> {
        let sent = ctx.iam().update_saml_provider().saml_provider_arn(&self.arn).saml_metadata_document(document);
        let sent = sent.send().await;
        sent.map(drop).doing_with_known(format_args!("updating the SAML provider {}", self.arn))
    }
}
