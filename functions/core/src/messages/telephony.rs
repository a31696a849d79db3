//! The notifications about phone number orders and Support cases. The step `order-numbers` composes these
//! notifications.

use super::texts::Texts;
use crate::{
    onboarding::Language,
    telephony::{CaseOrder, Topic},
};

/// An event about which an operator must be notified immediately.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// The step filed the Support case.
    Filed,
    /// AWS asked a question in the Support case and waits for a reply. The string contains the question.
    Asked(&'a str),
    /// An operator must file the Support case with the text in the order.
    FileManually,
    /// The documents can't be attached to the Support case. The strings contain the reasons.
    Documents(&'a [String]),
    /// The step filed the Support case but can't read it, for example because the account has lost access to the
    /// Support API.
    Unreadable,
    /// AWS closed the Support case without fulfilling the order. The string contains the last message from AWS.
    Closed(&'a str),
}

/// Composes the text of a notification about an order. `tokyo` states whether the order includes Tokyo phone numbers
/// (03).
#[must_use]
pub fn telephony_news(language: Language, order: &CaseOrder, news: News<'_>, tokyo: bool) -> String {
    let texts = Texts(language);
    let topic = topic_name(order.topic, language);
    let case = order.case_number().unwrap_or("?");
    let reminder = if tokyo { texts.tokyo_address() } else { String::new() };
    match news {
        News::Filed => texts.case_filed(topic, case, reminder),
        News::Asked(message) => texts.reply_requested(topic, case, message),
        News::FileManually => texts.file_manually(topic, reminder, order.text_to_paste()),
        News::Documents(problems) => texts.documents_rejected(topic, reminder, problems.join("\n")),
        News::Unreadable => texts.case_unreadable(topic, case),
        News::Closed(message) => texts.case_closed(topic, case, message),
    }
}

/// The name of a Support case's topic in a notification.
pub(crate) fn topic_name(topic: Topic, language: Language) -> String {
    match topic {
        Topic::PhoneNumbers => Texts(language).phone_numbers(),
        Topic::OutboundToJapaneseMobiles => Texts(language).outbound_calls(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telephony::OrderStatus;

    #[test]
    fn the_reminder_about_03_numbers_is_in_both_languages() {
        let order = CaseOrder { status: OrderStatus::Open, ..CaseOrder::default() };
        for (language, reminder) in [(Language::Ja, "東京都内の住所"), (Language::En, "an address in Tokyo")] {
            assert!(telephony_news(language, &order, News::Filed, true).contains(reminder));
            assert!(!telephony_news(language, &order, News::Filed, false).contains(reminder));
        }
    }
}
