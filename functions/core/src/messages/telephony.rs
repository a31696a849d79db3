//! The notifications about number orders and Support cases, composed by the step `order-numbers`.

use crate::{
    onboarding::Language,
    telephony::{CaseOrder, CaseText, Topic},
};

/// AWS checks this requirement for 03 numbers first, and orders often miss it.
const TOKYO_JA: &str = "03 番号を申請するため、住所の証明書類には東京都内の住所が記載されている必要があります。";
const TOKYO_EN: &str = "The order includes 03 numbers: the proof of address must show an address in Tokyo.";

/// An event that an operator should learn about at once.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// The step filed the case.
    Filed,
    /// AWS asked a question in the case and waits for a reply.
    Asked(&'a str),
    /// An operator must file the case.
    ByHand(&'a CaseText),
    /// The documents can't be sent, for these reasons.
    Documents(&'a [String]),
    /// The step filed the case, but the account's support plan no longer lets the Support API read it.
    Unreadable,
    /// AWS closed the case, and the order is not fulfilled.
    Closed(&'a str),
}

/// The text of a notification about an order. `tokyo`: the order includes 03 numbers.
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
            "{what}: AWS サポートにケース {case} を作成しました。通常は 2~6 週間かかります。\
             ワークフローは結果を待機します。{reminder}"
        ),
        (News::Filed, false) => {
            format!(
                "{what}: case {case} was filed with AWS Support. It usually takes two to six weeks; the \
                 workflow waits.{reminder}"
            )
        }
        (News::Asked(message), true) => {
            format!(
                "{what}: AWS サポートがケース {case} への返信を待っています。サポートセンターで返信してください。\n\n\
                 {message}"
            )
        }
        (News::Asked(message), false) => {
            format!(
                "{what}: AWS Support is waiting for your reply to case {case}. Reply in Support Center.\n\n{message}"
            )
        }
        (News::ByHand(text), true) => format!(
            "{what}: このケースを手動で作成してください (AWS Support API を利用できないか、\
             telephony.order が manual に設定されています)。次のリンクを開き、件名と本文を貼り付け、\
             記載された書類を添付してください。件名の [ ] 内は変更しないでください。\
             [ ] 内が同じケースがすでにサポートセンターにある場合は、新しいケースを作成しないでください。\
             ワークフローは結果を待機します。{reminder}\n\n{}",
            text.to_paste()
        ),
        (News::ByHand(text), false) => format!(
            "{what}: file this case manually (the account can't use the Support API, or telephony.order is \
             \"manual\"). Open the link, paste the subject and text, and attach the documents that the text \
             lists. Do not change the part of the subject in [ ]. If Support Center already has a case with the \
             same [ ], do not file another one. The workflow waits for the result.{reminder}\n\n{}",
            text.to_paste()
        ),
        (News::Documents(problems), true) => format!(
            "{what}: 書類に問題があるため、申請していません。書類を修正し、同じ入力で再実行してください。\
             {reminder}\n\n{}",
            problems.join("\n")
        ),
        (News::Documents(problems), false) => format!(
            "{what}: nothing was ordered, because there is a problem with the documents. Correct the documents, \
             then start the same input again.{reminder}\n\n{}",
            problems.join("\n")
        ),
        (News::Unreadable, true) => format!(
            "{what}: ケース {case} は作成済みですが、\
             このアカウントのサポートプランでは AWS Support API を利用できなくなったため、\
             ワークフローはケースの状態を取得できません。サポートセンターでケースを確認し、\
             AWS からの質問に返信してください。新しいケースは作成しないでください。"
        ),
        (News::Unreadable, false) => format!(
            "{what}: case {case} was filed, but the account's support plan no longer includes the Support API, \
             so the workflow can't read the case. Follow the case in Support Center and reply to AWS there. Do \
             not file another case."
        ),
        (News::Closed(message), true) => {
            format!("{what}: ケース {case} はクローズされましたが、申請した内容が反映されていません。\n\n{message}")
        }
        (News::Closed(message), false) => {
            format!("{what}: case {case} is closed, but the request was not fulfilled.\n\n{message}")
        }
    }
}

/// The subject of a case.
pub(crate) const fn what(topic: Topic, language: Language) -> &'static str {
    match (topic, language) {
        (Topic::PhoneNumbers, Language::En) => "phone numbers",
        (Topic::PhoneNumbers, Language::Ja) => "電話番号",
        (Topic::OutboundToJapaneseMobiles, Language::En) => "outbound calls to Japanese mobiles",
        (Topic::OutboundToJapaneseMobiles, Language::Ja) => "日本の携帯電話への発信",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telephony::OrderStatus;

    #[test]
    fn the_reminder_about_03_numbers_is_in_both_languages() {
        let order = CaseOrder { status: OrderStatus::Open, ..CaseOrder::default() };
        for (language, reminder) in [(Language::Ja, TOKYO_JA), (Language::En, TOKYO_EN)] {
            assert!(tell(language, &order, News::Filed, true).contains(reminder));
            assert!(!tell(language, &order, News::Filed, false).contains(reminder));
        }
    }
}
