//! The record of the approved origins that an onboarding has added to its instance (attribute `origins`, a JSON list).
//! Approved origins have no tags in Connect, so only this record shows which of them belong to the onboarding. An
//! onboarding writes the record before it adds an origin, and while it holds the lease of the alias.

use std::collections::BTreeSet;

use onboarding_core::StepError;

use super::{Registry, string, text};

/// The attribute that contains the record of approved origins.
const ORIGINS: &str = "origins";

impl Registry<'_> {
    /// Returns the approved origins that the onboarding of an instance has added. The result may contain an origin that
    /// was recorded but not added.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn added_origins(&self, instance_id: &str) -> Result<BTreeSet<String>, StepError> {
        let item = self.item(instance_id).await?;
        let record = item.as_ref().and_then(|item| text(item, ORIGINS));
        Ok(record.and_then(|record| serde_json::from_str(record).ok()).unwrap_or_default())
    }

    /// Records the approved origins that the onboarding of an instance has added or will add immediately afterwards.
    ///
    /// # Errors
    /// `Internal` if the instance has no item; or the error that `DynamoDB` returns.
    pub async fn record_origins(&self, instance_id: &str, origins: &BTreeSet<String>) -> Result<(), StepError> {
        let doing = format!("recording the approved origins of the instance {instance_id} in the registry");
        let record = serde_json::to_string(origins)
            .map_err(|error| StepError::internal(format!("the approved origins could not be encoded: {error}")))?;
        let (update, values) = match origins.is_empty() {
            true => (format!("REMOVE #{ORIGINS}"), Vec::new()),
            false => (format!("SET #{ORIGINS} = :{ORIGINS}"), vec![(":origins", string(record))]),
        };
        match self.update_if(&doing, instance_id, "attribute_exists(instanceId)", &update, &values).await? {
            true => Ok(()),
            false => Err(StepError::internal(format!("{doing}: the instance has no item"))),
        }
    }
}
