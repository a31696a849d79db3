//! `notify`: tells people something, through the stack's one topic. Started by the state machines, and by the rule for
//! failed executions.
//!
//! * Reads: nothing.
//! * Writes: for a plan that waits for approval, the task token into the registry (`dynamodb:UpdateItem`), where `onboard approve`
//!   finds it; `sns:Publish` on the topic; the text for mail, the form of Amazon Q Developer in chat applications for HTTPS
//!   subscriptions.
//! * Permissions: the topic's key, which is also the registry's.
//! * Safe to repeat: the same thing is told again under the same reference. A task token is in the message and in the
//!   registry; an attempt that is repeated has a new one, so the later message is the one that works.
//!
//! All words are in `onboarding_core::messages`. A state machine goes on where people could not be told.

use onboarding_core::{
    StepError,
    messages::{Message, NotifyInput, NotifyOutput},
};
use tracing::info;

use crate::{aws_error, clients::Clients, registry::Registry};

/// Runs the step.
///
/// # Errors
/// Whatever keeps the topic from taking the message.
pub async fn run(cx: &Clients, input: NotifyInput) -> Result<NotifyOutput, StepError> {
    if let Message::UnsafePlan { instance_id, digest, task_token, .. } = &input.message {
        Registry::new(cx)?.keep_approval_token(instance_id, digest, task_token).await?;
    }
    let letter = input.message.compose(input.language.unwrap_or_else(|| cx.settings.language()));
    let published = cx
        .sns()
        .publish()
        .topic_arn(cx.settings.notification_topic()?)
        .subject(&letter.subject)
        .message(letter.body())
        .message_structure("json")
        .send()
        .await
        .map_err(|error| aws_error::step_error(&format!("publishing the message {}", input.message.kind()), &error))?;
    let message_id = published.message_id.unwrap_or_default();
    info!(kind = input.message.kind(), reference = letter.reference, message_id, "people told");
    Ok(NotifyOutput { message_id, reference: letter.reference })
}
