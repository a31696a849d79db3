//! The task token of an execution that waits for an approval.

use onboarding_core::StepError;

use super::{Registry, string};

impl Registry<'_> {
    /// Stores the task token of the execution that waits for approval of a plan, unless the plan is already decided or
    /// approval is now requested for another plan.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn store_approval_token(&self, instance_id: &str, digest: &str, token: &str) -> Result<(), StepError> {
        let doing = format!("storing the approval token of the instance {instance_id}");
        let values = [(":token", string(token)), (":digest", string(digest))];
        self.update_if(&doing, instance_id, "approvalDigest = :digest", "SET approvalToken = :token", &values)
            .await
            .map(drop)
    }
}
