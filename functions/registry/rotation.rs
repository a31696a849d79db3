//! The claim of an execution to add a signing certificate to an instance's application.

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::StepError;
use time::OffsetDateTime;

use super::Registry;
use crate::aws;

/// Validity of a claim to a certificate rotation, in seconds.
const CLAIM_SECONDS: i64 = 900;

/// The execution that may add a signing certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This execution, newly.
    Fresh,
    /// This execution, which had the claim already: an earlier attempt has failed.
    Ours,
    /// Another execution.
    Taken,
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
        let sent = self
            .client
            .update_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .update_expression("SET rotation = :me, rotationUntil = :until")
            .condition_expression(
                "attribute_exists(instanceId) AND (attribute_not_exists(rotation) OR rotationUntil < :now)",
            )
            .expression_attribute_values(":me", AttributeValue::S(execution.to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .expression_attribute_values(":until", AttributeValue::N((now + CLAIM_SECONDS).to_string()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Claim::Fresh),
            Err(error) if aws::error::is(&error, &["ConditionalCheckFailedException"]) => {
                let holder = self.item(instance_id).await?.and_then(|mut item| item.remove("rotation"));
                let ours = holder.is_some_and(|holder| holder.as_s().is_ok_and(|holder| holder == execution));
                Ok(if ours { Claim::Ours } else { Claim::Taken })
            }
            Err(error) => Err(aws::error::step_error(&doing, &error)),
        }
    }

    /// Removes the claim from an instance whose rotation is finished, regardless of the execution that had it.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn release_rotation(&self, instance_id: &str) -> Result<(), StepError> {
        let sent = self
            .client
            .update_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .update_expression("REMOVE rotation, rotationUntil")
            .condition_expression("attribute_exists(rotation)")
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if aws::error::is(&error, &["ConditionalCheckFailedException"]) => Ok(()),
            Err(error) => Err(aws::error::step_error(
                &format!("releasing the certificate rotation of the instance {instance_id}"),
                &error,
            )),
        }
    }
}
