//! A notification in the form that is published to the Amazon SNS topic: a subject, a text for email, and a form for
//! chat applications.

use serde_json::{Value, json};

use super::{Message, Step, Words};
use crate::{digest, onboarding::Language};

/// Amazon SNS accepts a UTF-8 subject of fewer than 100 characters, without line breaks or control characters (API
/// reference, Publish).
pub const MAX_SUBJECT: usize = 99;
/// Below the limit of 3,000 characters for a section of a chat message (Slack, Block Kit).
const MAX_CHAT_TEXT: usize = 2_900;
/// Text and chat form together stay far below the 256 KiB that Amazon SNS accepts.
const MAX_TEXT: usize = 40_000;

/// A notification that `notify` publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The subject: at most [`MAX_SUBJECT`] characters, no line breaks.
    pub subject: String,
    /// The text for email and all other subscriptions.
    pub text: String,
    /// The custom notification for Amazon Q Developer in chat applications (administrator guide, "Custom notifications").
    pub chat: Value,
    /// A reference number. Repeated notifications of the same event have the same reference.
    pub reference: String,
}

impl Letter {
    pub(super) fn new(message: &Message, words: Words, language: Language) -> Self {
        let reference = reference(message);
        let labels = Labels::of(language);
        let Words { title, what, steps } = words;
        let execution = message.execution();
        let mut text = format!("{title}\n\n{what}\n");
        if !steps.is_empty() {
            text.push_str(&format!("\n{}\n", labels.next));
        }
        for (number, Step { say, commands }) in steps.iter().enumerate() {
            text.push_str(&format!("{}. {say}\n", number + 1));
            if !commands.is_empty() {
                text.push_str(&format!("   {}\n", commands.join(&format!("\n   {}\n   ", labels.or))));
            }
        }
        text = text.trim_end().to_owned();
        let text = format!(
            "{}\n\n{}: {execution}\n{}: {reference} ({})\n",
            cut(&text, MAX_TEXT),
            labels.execution,
            labels.reference,
            labels.again
        );
        let next_steps: Vec<String> = steps
            .iter()
            .map(|Step { say, commands }| {
                let commands: Vec<String> = commands.iter().map(|command| format!("```{command}```")).collect();
                if commands.is_empty() {
                    say.clone()
                } else {
                    format!("{say}\n{}", commands.join(&format!("\n{}\n", labels.or)))
                }
            })
            .collect();
        let chat = json!({
            "version": "1.0",
            "source": "custom",
            "id": reference,
            "content": {
                "textType": "client-markdown",
                "title": title,
                "description": cut(&what, MAX_CHAT_TEXT),
                "nextSteps": next_steps,
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

    /// The value of `Message` with `MessageStructure` `json`: email and queues receive the text, HTTPS subscriptions
    /// receive the chat form. Chat applications subscribe by HTTPS.
    #[must_use]
    pub fn body(&self) -> String {
        let chat = self.chat.to_string();
        json!({ "default": self.text, "http": chat, "https": chat }).to_string()
    }
}

struct Labels {
    next: &'static str,
    or: &'static str,
    execution: &'static str,
    reference: &'static str,
    again: &'static str,
}

impl Labels {
    const fn of(language: Language) -> Self {
        match language {
            Language::En => Self {
                next: "What to do next:",
                or: "or",
                execution: "Execution",
                reference: "Reference",
                again: "if you receive another message with this reference, use the later one",
            },
            Language::Ja => Self {
                next: "次のステップ:",
                or: "または",
                execution: "実行",
                reference: "参照番号",
                again: "同じ参照番号のメッセージが再度届いた場合は、後から届いたメッセージに従ってください",
            },
        }
    }
}

fn subject(title: &str) -> String {
    title.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_SUBJECT).collect()
}

/// Shortens a text to `most` characters and marks the cut.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain(" […]".chars()).collect()
}

/// A digest of the content, without time and task token, so that a repeated notification has the same reference.
fn reference(message: &Message) -> String {
    digest::of_parts([message.kind(), message.execution(), message.topic()], 6)
}
