//! The progress of a running user sync.

use onboarding_core::{StepError, sync::SyncProgress};

use super::{Registry, string};

impl Registry<'_> {
    /// Stores the progress of an instance's sync.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error, which the caller can ignore.
    pub async fn write_progress(&self, instance_id: &str, progress: &SyncProgress) -> Result<(), StepError> {
        let doing = format!("writing the progress of the sync of the instance {instance_id}");
        let progress = serde_json::to_string(progress)
            .map_err(|error| StepError::internal(format!("the progress could not be encoded: {error}")))?;
        let values = [(":progress", string(progress))];
        self.update_if(&doing, instance_id, "attribute_exists(instanceId)", "SET #progress = :progress", &values)
            .await
            .map(drop)
    }
}
