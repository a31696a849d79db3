//! The SAML provider of an onboarded instance, as used by the certificate rotation.

use onboarding_core::{
    StepError, names,
    saml::{Metadata, read_metadata},
};

use crate::{
    aws::{
        self,
        iam::{self, Owner},
    },
    context::Context,
    registry::Entry,
};

/// The SAML provider in IAM.
pub(super) struct Provider {
    arn: String,
    owner: Owner,
    /// The metadata that IAM trusts.
    pub(super) metadata: Metadata,
}

impl Provider {
    pub(super) async fn read(ctx: &Context, entry: &Entry) -> Result<Self, StepError> {
        let arn = format!("{}:saml-provider/{}", iam::arn_prefix(ctx).await?, entry.saml_provider_name());
        match ctx.iam().get_saml_provider().saml_provider_arn(&arn).send().await {
            Ok(found) => Ok(Self {
                owner: iam::owner(found.tags(), &entry.alias),
                metadata: read_metadata(found.saml_metadata_document().unwrap_or_default())?,
                arn,
            }),
            Err(error) if aws::error::is_not_found(&error) => Err(StepError::invalid_input(format!(
                "the SAML provider {arn} is gone; start the onboarding of {} again, which makes it",
                entry.alias
            ))),
            Err(error) => Err(aws::error::step_error(&format!("reading the SAML provider {arn}"), &error)),
        }
    }

    pub(super) fn must_be_ours(&self, alias: &str) -> Result<(), StepError> {
        if self.owner == Owner::Ours {
            return Ok(());
        }
        Err(StepError::conflict(format!(
            "the SAML provider {} does not carry the tags of {alias}, so its certificates are not touched; rotate by hand, or \
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
        sent.map(drop)
            .map_err(|error| aws::error::step_error(&format!("updating the SAML provider {}", self.arn), &error))
    }
}
