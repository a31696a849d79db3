//! The claim of an execution to add a signing certificate to an instance's application.

use onboarding_core::StepError;
use time::OffsetDateTime;

use super::{Registry, number, string, text};

/// Validity of a claim to a certificate rotation, in seconds.
const CLAIM_SECONDS: i64 = 900;

/// The execution that may add a signing certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This execution, newly.
    New,
    /// This execution, which had the claim already: an earlier attempt has failed.
    Repeated,
    /// Another execution.
    HeldByOther,
}

impl Registry<'_> {
    /// Claims the right to add a signing certificate for an instance. An execution with a claim adds the certificate
    /// immediately, so a claim older than 15 minutes belongs to an execution that no longer runs.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn claim_rotation(&self, instance_id: &str, execution: &str) -> Result<Claim, StepError> {
        let doing = format!("claiming the certificate rotation of the instance {instance_id}");
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let condition = "attribute_exists(instanceId) AND (attribute_not_exists(rotation) OR rotationUntil < :now)";
        let update = "SET rotation = :me, rotationUntil = :until";
        let values = [(":me", string(execution)), (":now", number(now)), (":until", number(now + CLAIM_SECONDS))];
        if self.update_if(&doing, instance_id, condition, update, &values).await? {
            return Ok(Claim::New);
        }
        let item = self.item(instance_id).await?.unwrap_or_default();
        Ok(if text(&item, "rotation") == Some(execution) { Claim::Repeated } else { Claim::HeldByOther })
    }

    /// Removes the claim from an instance whose rotation is finished, regardless of the execution that had it.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn release_rotation(&self, instance_id: &str) -> Result<(), StepError> {
        let doing = format!("releasing the certificate rotation of the instance {instance_id}");
        let update = "REMOVE rotation, rotationUntil";
        self.update_if(&doing, instance_id, "attribute_exists(rotation)", update, &[]).await.map(drop)
    }
}
