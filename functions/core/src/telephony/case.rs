//! The texts of Support cases, in Japanese and English, and the marker that identifies a Support case.

use serde::{Deserialize, Serialize};

use super::numbers::{needs_documents, type_name};
use crate::{
    digest,
    onboarding::{Documents, Language, PhoneNumber},
};

/// The URL where an operator files a Support case about phone numbers (Amazon Connect administrator guide, "Port phone
/// numbers").
const CONSOLE: &str = "https://support.console.aws.amazon.com/support/home#/case/create?issueType=customer-service&serviceCode=service-connect-number-management";

/// The topic of a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Topic {
    /// Phone numbers for the instance.
    #[default]
    PhoneNumbers,
    /// Outbound calls to 070, 080 and 090 numbers, which new instances block.
    OutboundToJapaneseMobiles,
}

/// The subject and text of a case, in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaseText {
    /// The subject in Japanese, with the marker.
    pub subject_ja: String,
    /// The subject in English, with the marker.
    pub subject_en: String,
    /// The text in Japanese.
    pub body_ja: String,
    /// The text in English.
    pub body_en: String,
    /// URL where an operator files the case.
    pub console_url: String,
}

/// One item of an order: the country, type and prefix of the phone numbers, and their quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderItem {
    country: String,
    kind: &'static str,
    prefix: Option<String>,
    quantity: usize,
}

impl OrderItem {
    /// Whether this item orders Tokyo phone numbers (03).
    pub(super) fn is_tokyo(&self) -> bool {
        self.prefix.as_deref().is_some_and(|prefix| prefix.starts_with("+813"))
    }
}

/// The items of an order. `desired_numbers` contains entries of `phoneNumbers`, each with the number of phone numbers
/// that are still missing for it.
pub(super) fn order_items<'a>(desired_numbers: impl IntoIterator<Item = (&'a PhoneNumber, usize)>) -> Vec<OrderItem> {
    let item = |(desired, quantity): (&PhoneNumber, usize)| OrderItem {
        country: desired.country.clone(),
        kind: type_name(desired.kind),
        prefix: desired.prefix.clone(),
        quantity,
    };
    desired_numbers.into_iter().filter(|(_, quantity)| *quantity > 0).map(item).collect()
}

/// The usual name of the Japanese phone numbers with this prefix: 03, 050, 0120 or 0800.
#[must_use]
pub fn number_name(prefix: &str) -> Option<&'static str> {
    let names = [("+813", "03"), ("+8150", "050"), ("+81120", "0120"), ("+81800", "0800")];
    names.into_iter().find(|(start, _)| prefix.starts_with(start)).map(|(_, name)| name)
}

/// The marker in the subject of a Support case. A repeated step, or a later execution with the same input, finds the
/// case by this marker.
///
/// The marker is a digest of the phone numbers in the input. The marker does not depend on how many phone numbers are
/// still missing, because this can change with each poll. If other documents are specified, the marker changes, so that
/// a rejected order can be filed again with these documents. If the phone numbers need no documents, the marker does
/// not depend on `documents`.
#[must_use]
pub fn marker<'a>(
    alias: &str,
    topic: Topic,
    instance_arn: &str,
    desired_numbers: impl IntoIterator<Item = &'a PhoneNumber>,
    documents: Option<&Documents>,
) -> String {
    let topic = match topic {
        Topic::PhoneNumbers => "numbers",
        Topic::OutboundToJapaneseMobiles => "outbound",
    };
    let mut parts = vec![topic.to_owned(), instance_arn.to_owned()];
    let mut with_documents = false;
    for desired in desired_numbers {
        with_documents |= needs_documents(desired);
        let prefix = desired.prefix.clone().unwrap_or_default();
        parts.extend([
            desired.country.clone(),
            type_name(desired.kind).to_owned(),
            prefix,
            desired.quantity.to_string(),
        ]);
    }
    if let Some(Documents { identity, address, relationship }) = documents.filter(|_| with_documents) {
        parts.extend([identity, address, relationship].map(Clone::clone));
    }
    format!("[connect-onboarding {alias} {}]", digest::of_parts(parts, 6))
}

impl CaseText {
    /// The subject and text of an order for phone numbers. `documents` states whether the three documents are attached.
    pub(super) fn order(marker: &str, instance_arn: &str, items: &[OrderItem], documents: bool) -> Self {
        let kind = |item: &OrderItem| {
            let name = item.prefix.as_deref().and_then(number_name).map_or(String::new(), |name| format!(" ({name})"));
            format!("{}{name}", item.kind)
        };
        let list = |words: [&str; 5]| {
            let [country, type_word, prefix, none, quantity] = words;
            let item = |item: &OrderItem| {
                let start = item.prefix.as_deref().unwrap_or(none);
                format!(
                    "- {country}: {} / {type_word}: {} / {prefix}: {start} / {quantity}: {}\n",
                    item.country,
                    kind(item),
                    item.quantity
                )
            };
            items.iter().map(item).collect::<String>()
        };
        let attached = |text: &'static str| if documents { text } else { "" };
        Self {
            subject_ja: format!("Amazon Connect 電話番号の申請 {marker}"),
            subject_en: format!("Amazon Connect: request for phone numbers {marker}"),
            body_ja: format!(
                "次の Amazon Connect インスタンスで使用する電話番号を申請します。\n\n\
                 インスタンス ARN: {instance_arn}\n\n希望する電話番号:\n{}\n{}\
                 取得した電話番号を、上記のインスタンスに割り当ててください。\n\
                 不足している情報がある場合は、このケースでお知らせください。\n",
                list(["国", "種類", "プレフィックス", "指定なし", "数量"]),
                attached(
                    "添付書類 (3 点): 代表者の身分証明書、企業の住所の証明書類、代表者と企業の関係を証明する書類\n\n"
                ),
            ),
            body_en: format!(
                "We request phone numbers for this Amazon Connect instance.\n\nInstance ARN: \
                 {instance_arn}\n\nPhone numbers:\n{}\n{}Please assign the numbers to the instance above.\nIf \
                 any information is missing, please tell us in this case.\n",
                list(["country", "type", "prefix", "any", "quantity"]),
                attached(
                    "Three documents are attached: the representative's identity document, the proof of the \
                     company's address, and the proof of the representative's relationship to the company\n\n"
                ),
            ),
            console_url: CONSOLE.into(),
        }
    }

    /// The subject and text of the request to allow calls to Japanese mobile numbers.
    pub(super) fn outbound(marker: &str, instance_arn: &str) -> Self {
        Self {
            subject_ja: format!("Amazon Connect 日本の携帯電話への発信許可 {marker}"),
            subject_en: format!("Amazon Connect: outbound calls to Japanese mobile numbers {marker}"),
            body_ja: format!(
                "次の Amazon Connect インスタンスから日本の携帯電話番号 (+8170、+8180、+8190) への発信を許可してください。\n\n\
                 インスタンス ARN: {instance_arn}\n"
            ),
            body_en: format!(
                "Please allow outbound calls from this Amazon Connect instance to Japanese mobile numbers (+8170, +8180, +8190).\n\n\
                 Instance ARN: {instance_arn}\n"
            ),
            console_url: CONSOLE.into(),
        }
    }

    /// The subject and text in one language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> (&str, &str) {
        match language {
            Language::Ja => (&self.subject_ja, &self.body_ja),
            Language::En => (&self.subject_en, &self.body_en),
        }
    }

    /// The subject and text in both languages, for an operator who files the Support case manually.
    #[must_use]
    pub fn to_paste(&self) -> String {
        format!(
            "{}\n\n---- 日本語 ----\n{}\n\n{}\n---- English ----\n{}\n\n{}",
            self.console_url, self.subject_ja, self.body_ja, self.subject_en, self.body_en
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onboarding::PhoneNumberType;

    const ARN: &str = "arn:aws:connect:ap-northeast-1:111122223333:instance/11111111-2222-3333-4444-555555555555";

    fn desired(prefix: Option<&str>, quantity: u32) -> PhoneNumber {
        PhoneNumber {
            country: "JP".into(),
            kind: PhoneNumberType::Did,
            prefix: prefix.map(Into::into),
            quantity,
            description: None,
            contact_flow: None,
        }
    }

    fn documents(identity: &str) -> Documents {
        Documents { identity: identity.into(), address: "a".into(), relationship: "r".into() }
    }

    #[test]
    fn an_order_contains_all_required_information_in_both_languages() {
        let desired_numbers = [desired(Some("+813"), 2), desired(None, 1), desired(Some("+8150"), 3)];
        let ordered = order_items(desired_numbers.iter().zip([2, 1, 0]));
        let text = CaseText::order("[connect-onboarding acme 0a]", ARN, &ordered, true);
        assert!(
            text.body_ja.contains("- 国: JP / 種類: DID (03) / プレフィックス: +813 / 数量: 2\n"),
            "{}",
            text.body_ja
        );
        assert!(text.body_en.contains("- country: JP / type: DID / prefix: any / quantity: 1\n"), "{}", text.body_en);
        assert!(!text.body_en.contains("+8150"), "no numbers of this kind are missing");
        for (subject, body) in [text.in_language(Language::Ja), text.in_language(Language::En)] {
            assert!(subject.ends_with("[connect-onboarding acme 0a]") && body.contains(ARN));
        }
        let paste = text.to_paste();
        assert!(paste.contains(CONSOLE) && paste.contains(&text.body_ja) && paste.contains(&text.body_en));
    }

    #[test]
    fn other_numbers_or_documents_change_the_marker_and_a_repetition_does_not() {
        let of = |desired: &PhoneNumber, key: &str| {
            marker("acme", Topic::PhoneNumbers, ARN, [desired], Some(&documents(key)))
        };
        let first = of(&desired(Some("+813"), 2), "i");
        assert_eq!(first, of(&desired(Some("+813"), 2), "i"));
        assert_ne!(first, of(&desired(Some("+813"), 3), "i"));
        assert_ne!(first, of(&desired(Some("+813"), 2), "j"));
        assert_ne!(first, marker("acme", Topic::OutboundToJapaneseMobiles, ARN, [], None));
        assert!(first.starts_with("[connect-onboarding acme ") && !first.contains('\n'));
        let american = PhoneNumber { country: "US".into(), ..desired(None, 1) };
        assert_eq!(of(&american, "i"), of(&american, "j"), "an order without documents");
    }
}
