//! `notify`: publishes a notification to the stack's SNS topic. The state machines start this step, and so does the
//! EventBridge rule for failed executions.
//!
//! * Reads: nothing.
//! * Writes: for a plan that waits for approval, the task token in the registry (`dynamodb:UpdateItem`), where
//!   `onboard approve` reads it; `sns:Publish` on the topic, with plain text for email and the format of Amazon Q
//!   Developer in chat applications for HTTPS subscriptions.
//! * Permissions: use of the KMS key that encrypts both the topic and the registry.
//! * Safe to repeat: a repeated notification has the same reference. The task token is in the message and in the
//!   registry. Each attempt of the task has a new token, so only the token in the latest message is valid.
//!
//! All message texts are in `onboarding_core::messages`. A state machine continues if the notification fails.

use onboarding_core::{
    StepError,
    messages::{Message, NotifyInput, NotifyOutput},
};
use tracing::info;

use crate::{aws::error::CallResult as _, context::Context, registry::Registry};

/// Runs the step.
///
/// # Errors
/// If the topic does not accept the message.
pub async fn run(ctx: &Context, input: NotifyInput) -> Result<NotifyOutput, StepError> {
    if let Message::UnsafePlan { instance_id, digest, task_token, .. } = &input.message {
        Registry::new(ctx)?.store_approval_token(instance_id, digest, task_token).await?;
    }
    let notification = input.message.compose(input.language.unwrap_or_else(|| ctx.settings.language()));
    let published = ctx
        .sns()
        .publish()
        .topic_arn(ctx.settings.notification_topic()?)
        .subject(&notification.subject)
        .message(notification.body())
        .message_structure("json")
        .send()
        .await
        .doing(format_args!("publishing the message {}", input.message.kind()))?;
    let message_id = published.message_id.unwrap_or_default();
    info!(kind = input.message.kind(), reference = notification.reference, message_id, "notification published");
    Ok(NotifyOutput { message_id, reference: notification.reference })
}
