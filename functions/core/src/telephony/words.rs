//! What people are told about cases and numbers: notifications in the language of the input, open items for the report.

use super::{
    case::{CaseText, Topic},
    contract::{CaseOrder, Notification, OrderStatus},
};
use crate::{contract::OpenItem, onboarding::Language};

/// For 03 numbers, what AWS looks at first and people overlook.
const TOKYO_JA: &str = "03 番号を含むため、住所を証明する書類の住所は東京都内でなければなりません。";
const TOKYO_EN: &str = "The order has 03 numbers: the address in the proof of address must be in Tokyo.";

/// Something that a person should hear at once.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// The case is filed.
    Filed,
    /// AWS waits for an answer to this message.
    Asked(&'a str),
    /// A person has to file it.
    ByHand(&'a CaseText),
    /// The documents can't be sent.
    Documents(&'a [String]),
    /// AWS closed the case, and what was ordered is not there.
    Closed(&'a str),
}

/// A message about an order. `tokyo`: whether it has 03 numbers.
#[must_use]
pub fn tell(language: Language, order: &CaseOrder, news: News<'_>, tokyo: bool) -> String {
    let japanese = language == Language::Ja;
    let what = what(order.topic, language);
    let case = order.display_id.as_deref().or(order.case_id.as_deref()).unwrap_or("?");
    let reminder = match (tokyo, japanese) {
        (false, _) => String::new(),
        (true, true) => format!("\n{TOKYO_JA}"),
        (true, false) => format!("\n{TOKYO_EN}"),
    };
    match (news, japanese) {
        (News::Filed, true) => format!(
            "{what}: AWS サポートにケース {case} を作成しました。通常 2~6 週間かかります。ワークフローはそのまま待ちます。{reminder}"
        ),
        (News::Filed, false) => {
            format!(
                "{what}: case {case} is filed with AWS Support. Two to six weeks are usual; the workflow waits.{reminder}"
            )
        }
        (News::Asked(message), true) => {
            format!(
                "{what}: AWS サポートがケース {case} への回答を待っています。サポートセンターで回答してください。\n\n{message}"
            )
        }
        (News::Asked(message), false) => {
            format!(
                "{what}: AWS Support waits for your answer to case {case}. Answer it in Support Center.\n\n{message}"
            )
        }
        (News::ByHand(text), true) => format!(
            "{what}: このケースは手作業で作成してください (Support API が使えないか、telephony.order が manual です)。次のリンクを開き、\
             件名と本文を貼り付け、必要な書類を添付してください。件名の [ ] 内は変更しないでください。ワークフローはそのまま待ちます。{reminder}\n\n{}",
            text.to_paste()
        ),
        (News::ByHand(text), false) => format!(
            "{what}: please file this case by hand (the account has no Support API, or telephony.order is \"manual\"). Open the \
             link, paste subject and text, attach the documents that it names, and leave what stands in [ ]. The workflow waits \
             all the same.{reminder}\n\n{}",
            text.to_paste()
        ),
        (News::Documents(problems), true) => format!(
            "{what}: 書類に問題があるため、申請していません。直してから、同じ入力でもう一度開始してください。{reminder}\n\n{}",
            problems.join("\n")
        ),
        (News::Documents(problems), false) => format!(
            "{what}: nothing was ordered, because of the documents. Correct them, then start the same input again.{reminder}\n\n{}",
            problems.join("\n")
        ),
        (News::Closed(message), true) => {
            format!("{what}: ケース {case} は終了しましたが、申請したものがありません。\n\n{message}")
        }
        (News::Closed(message), false) => {
            format!("{what}: case {case} is closed, and what it asked for is not there.\n\n{message}")
        }
    }
}

/// One notification out of the messages of a look.
#[must_use]
pub fn notification(alias: &str, messages: &[String]) -> Option<Notification> {
    if messages.is_empty() {
        return None;
    }
    let mut subject = format!("Amazon Connect {alias}: news from telephony");
    subject.truncate(100);
    Some(Notification { subject, message: messages.join("\n\n") })
}

/// What the report says about an order; nothing where there is nothing left to know.
#[must_use]
pub fn open_item(order: &CaseOrder) -> Option<OpenItem> {
    let subject = what(order.topic, Language::En);
    let case =
        order.display_id.as_deref().or(order.case_id.as_deref()).map_or(String::new(), |id| format!("case {id}: "));
    let said = order.message.as_deref().unwrap_or("no more is known");
    let item = |action: &str| Some(OpenItem::new(subject, format!("{case}{said}"), action));
    match order.status {
        OrderStatus::Open => item("Nothing: AWS decides. Start the same input again to go on waiting."),
        OrderStatus::CustomerAction => {
            item("Answer the case in Support Center, then start the same input again if the workflow has ended.")
        }
        OrderStatus::Manual => {
            let text = order.text.as_ref().map(CaseText::to_paste).unwrap_or_default();
            Some(OpenItem::new(subject, said, format!("File this case by hand and leave what stands in [ ]: {text}")))
        }
        OrderStatus::Done if order.topic == Topic::OutboundToJapaneseMobiles => {
            item("Call a Japanese mobile number from the instance: no API says whether it is allowed.")
        }
        OrderStatus::Done => None,
        OrderStatus::Refused if order.case_id.is_some() => item(
            "Reply to the case to reopen it, then start the same input again. To order anew, change the numbers, or put corrected \
             documents under other keys and name these in the input.",
        ),
        OrderStatus::Refused => item("Put it right as the message says, then start the same input again."),
    }
}

const fn what(topic: Topic, language: Language) -> &'static str {
    match (topic, language) {
        (Topic::PhoneNumbers, Language::En) => "phone numbers",
        (Topic::PhoneNumbers, Language::Ja) => "電話番号",
        (Topic::OutboundToJapaneseMobiles, Language::En) => "outbound calls to Japanese mobiles",
        (Topic::OutboundToJapaneseMobiles, Language::Ja) => "日本の携帯電話への発信",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn order(status: OrderStatus) -> CaseOrder {
        CaseOrder { status, message: Some("said".into()), case_id: Some("case-1".into()), ..Default::default() }
    }

    #[test]
    fn every_order_that_is_not_done_is_open_with_what_to_do() {
        for (status, action) in [
            (OrderStatus::Open, "Nothing"),
            (OrderStatus::CustomerAction, "Answer"),
            (OrderStatus::Manual, "File this case by hand"),
            (OrderStatus::Refused, "Reply to the case"),
        ] {
            let item = open_item(&order(status)).unwrap();
            assert!(item.action.starts_with(action) && item.what.contains("said"), "{item:?}");
        }
        assert_eq!(open_item(&order(OrderStatus::Done)), None);
        let outbound = CaseOrder { topic: Topic::OutboundToJapaneseMobiles, ..order(OrderStatus::Done) };
        assert!(open_item(&outbound).is_some_and(|item| item.action.contains("Call a Japanese mobile")));
    }

    #[test]
    fn the_reminder_of_03_numbers_is_told_in_both_languages() {
        for (language, reminder) in [(Language::Ja, TOKYO_JA), (Language::En, TOKYO_EN)] {
            assert!(tell(language, &order(OrderStatus::Open), News::Filed, true).contains(reminder));
            assert!(!tell(language, &order(OrderStatus::Open), News::Filed, false).contains(reminder));
        }
    }

    #[test]
    fn a_subject_fits_into_what_sns_takes() {
        let notification = notification(&"a".repeat(90), &["x".into(), "y".into()]).unwrap();
        assert!(notification.subject.len() <= 100 && notification.subject.is_ascii());
        assert_eq!(notification.message, "x\n\ny");
        assert!(super::notification("acme", &[]).is_none());
    }
}
