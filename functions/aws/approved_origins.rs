//! Removes approved origins of an Amazon Connect instance, for the onboarding and the teardown.

use aws_sdk_connect::Client;
use onboarding_core::StepError;

use crate::aws::error::CallResult as _;

/// Removes an approved origin. If the origin does not exist, the function returns `Ok`.
///
/// # Errors
/// If Connect returns an error.
pub async fn remove(client: &Client, instance_id: &str, origin: &str) -> Result<(), StepError> {
    let sent = client.disassociate_approved_origin().instance_id(instance_id).origin(origin).send().await;
    let doing = format_args!("removing the approved origin {origin} from the instance {instance_id}");
    sent.if_found().doing(doing).map(drop)
}
