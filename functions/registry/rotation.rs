//! The right of one execution to add a signing certificate to the application of an instance.

use onboarding_core::StepError;
use time::OffsetDateTime;

use super::{Registry, number, string, text};

/// The number of seconds after which another execution can acquire the right to add a certificate.
const CLAIM_SECONDS: i64 = 900;

/// The result of an attempt to acquire the right to add a signing certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This execution has just acquired the right to add a certificate.
    New,
    /// This execution already acquired the right in an earlier attempt, which failed afterwards.
    Repeated,
    /// Another execution has the right to add a certificate.
    HeldByOther,
}

impl Registry<'_> {
    /// Acquires the right to add a signing certificate for an instance. An execution adds the certificate immediately
    /// after it has acquired this right. If the right has not been released after 15 minutes, the execution is
    /// therefore no longer running, and another execution can acquire the right.
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

    /// Releases the right to add a signing certificate for an instance whose rotation is finished, regardless of which
    /// execution holds this right.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn release_rotation(&self, instance_id: &str) -> Result<(), StepError> {
        let doing = format!("releasing the certificate rotation of the instance {instance_id}");
        let update = "REMOVE rotation, rotationUntil";
        self.update_if(&doing, instance_id, "attribute_exists(rotation)", update, &[]).await.map(drop)
    }
}
