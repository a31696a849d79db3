//! `notify`: publishes a notification to the stack's SNS topic. The state machines start this step, and so does the
//! EventBridge rule for failed executions.
//!
//! * Reads: nothing.
//! * Writes: `sns:Publish` on the topic, with plain text for email and the format of Amazon Q Developer in chat
//!   applications for HTTPS subscriptions; for a request for approval, the registry (`dynamodb:UpdateItem`) then records
//!   that the operators were notified. Without this record, the next user sync sends the request again.
//! * Permissions: use of the KMS key that encrypts both the topic and the registry.
//! * Safe to repeat: a repeated notification has the same reference.
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
/// If the topic does not accept the message, or the registry does not record the notification about an approval.
pub async fn run(ctx: &Context, input: NotifyInput) -> Result<NotifyOutput, StepError> {
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
    if let Message::UnsafePlan { instance_id, digest, .. } = &input.message {
        Registry::new(ctx)?.approval_notified(instance_id, digest).await?;
    }
    Ok(NotifyOutput { message_id, reference: notification.reference })
}
