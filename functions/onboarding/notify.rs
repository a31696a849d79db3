//! `notify`: publishes a notification to the stack's SNS topic. The state machines run this step. The EventBridge rule
//! for failed executions also runs it.
//!
//! * Reads: nothing.
//! * Writes: `sns:Publish` on the topic. The message is plain text for email, and has the format of Amazon Q Developer
//!   in chat applications for HTTPS subscriptions. After a request for approval was published, `dynamodb:UpdateItem`
//!   records in the registry that the operators were notified. Without this record, the next user sync publishes the
//!   request again.
//! * Permissions: permission to use the KMS key that encrypts both the topic and the registry.
//! * Safe to repeat: a repeated notification has the same reference as the first one, so operators can recognize the
//!   repetition.
//!
//! `onboarding_core::messages` contains the texts of all messages. If a notification fails, the state machine
//! continues.

use onboarding_core::{
    StepError,
    messages::{Message, NotifyInput, NotifyOutput},
};
use tracing::info;

use crate::{aws::error::CallResult as _, context::Context, registry::Registry};

/// Runs the step.
///
/// # Errors
/// If SNS rejects the message, or if the step can't record in the registry that the operators were notified of a
/// request for approval.
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
