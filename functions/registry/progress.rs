//! The progress of a running user sync.

use onboarding_core::{StepError, contract::Lease, sync::SyncProgress};

use super::{Registry, lease::Renewal, string};
use crate::runtime::fence;

impl Registry<'_> {
    /// Stores the progress of the user sync of an instance. The same write also extends the lease of the current step.
    /// If an earlier release started the execution, there is no lease to extend.
    ///
    /// # Errors
    /// `LeaseLost` if the execution no longer holds the lease; otherwise the error that `DynamoDB` returns. The caller
    /// can ignore the latter.
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
