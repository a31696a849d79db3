//! The progress of a running user sync.

use onboarding_core::{StepError, contract::Lease, sync::SyncProgress};

use super::{Registry, lease::Renewal, string};
use crate::runtime::fence;

impl Registry<'_> {
    /// Stores the progress of an instance's sync, and extends the lease of the current step with the same write. An
    /// execution that an earlier release started has no lease to check.
    ///
    /// # Errors
    /// `LeaseLost`. If `DynamoDB` returns an error, which the caller can ignore.
    pub async fn write_progress(&self, instance_id: &str, progress: &SyncProgress) -> Result<(), StepError> {
        let doing = format!("writing the progress of the sync of the instance {instance_id}");
        let progress = serde_json::to_string(progress)
            .map_err(|error| StepError::internal(format!("the progress could not be encoded: {error}")))?;
        let progress = (":progress", string(progress));
        let (doing, with_lease) = (&doing, progress.clone());
        let confirmed = fence::confirm_with(|lease: Lease| async move {
            let Renewal { condition, mut values } = Renewal::new(&lease, "=");
            values.push(with_lease);
            let update = format!("SET #progress = :progress, {}", Renewal::SET);
            let written = self.update_if(doing, instance_id, condition.as_str(), &update, &values).await?;
            Ok(written.then_some(lease))
        });
        if confirmed.await?.is_some() {
            return Ok(());
        }
        self.update_if(doing, instance_id, "attribute_exists(instanceId)", "SET #progress = :progress", &[progress])
            .await
            .map(drop)
    }
}
