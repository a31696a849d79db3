//! A notification as published to the Amazon SNS topic: a subject, a text for email, and a message for chat
//! applications.

use serde_json::{Value, json};

use super::{
    Message,
    content::{Content, NextStep},
    texts::Texts,
};
use crate::{digest, onboarding::Language};

/// Amazon SNS accepts a UTF-8 subject of fewer than 100 characters, without line breaks or control characters (API
/// reference, Publish).
pub const MAX_SUBJECT: usize = 99;
/// Maximum number of characters in the text for chat applications. Slack allows 3,000 characters in a section of a
/// message (Block Kit).
const MAX_CHAT_TEXT: usize = 2_900;
/// Maximum number of characters in the text for email. With this limit, the text for email and the message for chat
/// applications together remain far below the 256 KiB that Amazon SNS accepts.
const MAX_TEXT: usize = 40_000;

/// A notification that `notify` publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The subject, with at most [`MAX_SUBJECT`] characters and without line breaks.
    pub subject: String,
    /// The text for email and for all other subscriptions that are not for chat applications.
    pub text: String,
    /// The message for chat applications, as a custom notification for Amazon Q Developer (administrator guide, "Custom
    /// notifications").
    pub chat: Value,
    /// A reference number. Repeated notifications of the same event have the same reference number.
    pub reference: String,
}

impl Notification {
    pub(super) fn new(message: &Message, language: Language) -> Self {
        let reference = reference(message);
        let texts = Texts(language);
        let Content { title, description, steps } = Content::of(message, language);
        let execution = message.execution();
        let mut text = format!("{title}\n\n{description}\n");
        if !steps.is_empty() {
            text.push_str(&format!("\n{}\n", texts.next_steps()));
        }
        for (number, NextStep { text: action, commands }) in steps.iter().enumerate() {
            text.push_str(&format!("{}. {action}\n", number + 1));
            if !commands.is_empty() {
                text.push_str(&format!("   {}\n", commands.join(&format!("\n   {}\n   ", texts.or()))));
            }
        }
        let text = format!(
            "{}\n\n{}: {execution}\n{}: {reference} ({})\n",
            cut(text.trim_end(), MAX_TEXT),
            texts.execution(),
            texts.reference(),
            texts.repeated()
        );
        let next_steps = steps.iter().map(|NextStep { text, commands }| {
            let commands: Vec<String> = commands.iter().map(|command| format!("```{command}```")).collect();
            let separator = if commands.is_empty() { "" } else { "\n" };
            format!("{text}{separator}{}", commands.join(&format!("\n{}\n", texts.or())))
        });
        let chat = json!({
            "version": "1.0",
            "source": "custom",
            "id": reference,
            "content": {
                "textType": "client-markdown",
                "title": title,
                "description": cut(&description, MAX_CHAT_TEXT),
                "nextSteps": next_steps.collect::<Vec<_>>(),
            },
            "metadata": {
                "threadId": execution.rsplit(':').next().unwrap_or_default(),
                "summary": title,
                "eventType": message.kind(),
                "relatedResources": [execution],
                "enableCustomActions": false,
            },
        });
        Self { subject: subject(&title), text, chat, reference }
    }

    /// The value of the parameter `Message` in a call of the Amazon SNS operation `Publish` with `MessageStructure` set
    /// to `json`. Email and queue subscriptions receive the text. HTTPS subscriptions, which chat applications use,
    /// receive the message for chat applications.
    #[must_use]
    pub fn body(&self) -> String {
        let chat = self.chat.to_string();
        json!({ "default": self.text, "http": chat, "https": chat }).to_string()
    }
}

fn subject(title: &str) -> String {
    title.chars().map(|character| if character.is_control() { ' ' } else { character }).take(MAX_SUBJECT).collect()
}

/// Shortens a text to `most` characters and marks the end of a shortened text.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain(" […]".chars()).collect()
}

/// Computes the reference number, which is a digest of the kind, the execution and the topic of the message. Repeated
/// notifications of the same event therefore have the same reference number.
fn reference(message: &Message) -> String {
    digest::of_parts([message.kind(), message.execution(), message.topic()], 6)
}
