//! Who may add a signing certificate to an instance's application.

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::StepError;
use time::OffsetDateTime;

use super::Registry;
use crate::aws_error;

/// How long a claim to a certificate rotation is good for, in seconds.
const CLAIM_SECONDS: i64 = 900;

/// Who may add a signing certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The execution, from now on.
    Fresh,
    /// The execution, which claimed it before: an attempt of it died.
    Ours,
    /// Another execution.
    Taken,
}

impl Registry<'_> {
    /// Lays claim to adding a signing certificate for an instance. Who holds one adds the certificate at once, so a claim
    /// that is older than a quarter of an hour is that of somebody dead.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
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
            Err(error) if aws_error::is(&error, &["ConditionalCheckFailedException"]) => {
                let holder = self.item(instance_id).await?.and_then(|mut item| item.remove("rotation"));
                let ours = holder.is_some_and(|holder| holder.as_s().is_ok_and(|holder| holder == execution));
                Ok(if ours { Claim::Ours } else { Claim::Taken })
            }
            Err(error) => Err(aws_error::step_error(&doing, &error)),
        }
    }

    /// Takes the claim off an instance whose rotation is finished, whoever began it.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
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
            Err(error) if aws_error::is(&error, &["ConditionalCheckFailedException"]) => Ok(()),
            Err(error) => Err(aws_error::step_error(
                &format!("releasing the certificate rotation of the instance {instance_id}"),
                &error,
            )),
        }
    }
}
