//! The services and categories of support cases. The codes differ from those of AWS, so that a client with hard-coded
//! AWS codes fails.

use serde_json::{Value, json};

/// A service in the list: service code, English name, Japanese name, and categories.
type Entry = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const SERVICES: [Entry; 4] = [
    (
        "service-connect-number-management",
        "Connect (Number Management)",
        "Connect (番号管理)",
        &[
            ("number-porting-7c1", "Number Porting", "電話番号のポーティング"),
            ("request-new-phone-number-4f2", "Request New Phone Number", "新しい電話番号のリクエスト"),
            ("phone-number-migration-1d9", "Phone Number Migration", "電話番号の移行"),
            (
                "outbound-country-allowlist-8a3",
                "Country Allowlisting for Outbound Calls",
                "アウトバウンド通話の国の許可リスト登録",
            ),
            ("custom-caller-id-2b6", "Custom Outbound Caller ID", "カスタムアウトバウンド発信者 ID"),
        ],
    ),
    (
        "amazon-connect",
        "Connect (Contact Center)",
        "Connect (コンタクトセンター)",
        &[("general-guidance", "General Guidance", "一般的なガイダンス"), ("contact-flows", "Flows", "フロー")],
    ),
    (
        "customer-account",
        "Account",
        "アカウント",
        &[("other-account-issues", "Other Account Issues", "その他のアカウントの問題")],
    ),
    (
        "billing",
        "Billing",
        "請求",
        &[("other-billing-questions", "Other Billing Questions", "その他の請求に関する質問")],
    ),
];

/// The entry of the Connect service if the service list contains no separate service for phone numbers.
const CONNECT_WITH_NUMBERS: Entry = (
    "amazon-connect",
    "Connect (Contact Center)",
    "Connect (コンタクトセンター)",
    &[
        ("general-guidance", "General Guidance", "一般的なガイダンス"),
        ("contact-flows", "Flows", "フロー"),
        ("phone-number-order-6e5", "Order New Phone Numbers", "新しい電話番号の注文"),
    ],
);

/// Whether a category is for orders of phone numbers.
pub(super) fn is_number_order(category: &str) -> bool {
    [SERVICES[0].3[1].0, CONNECT_WITH_NUMBERS.3[2].0].contains(&category)
}

/// The list of services. Depending on the settings, phone numbers have their own service or belong to the Connect
/// service.
fn listed(numbers: bool) -> impl Iterator<Item = &'static Entry> {
    let own = SERVICES.iter().filter(move |_| numbers);
    let shared = [&CONNECT_WITH_NUMBERS].into_iter().chain(&SERVICES[2..]).filter(move |_| !numbers);
    own.chain(shared)
}

/// Whether the service exists and contains the category.
pub(super) fn exists(numbers: bool, service: &str, category: &str) -> bool {
    let found = listed(numbers).find(|entry| entry.0 == service);
    found.is_some_and(|entry| entry.3.iter().any(|known| known.0 == category))
}

/// The list that `DescribeServices` returns in the given language.
pub(super) fn describe(numbers: bool, codes: &[&str], language: &str) -> Vec<Value> {
    let name = |english: &'static str, japanese: &'static str| if language == "ja" { japanese } else { english };
    let wanted = listed(numbers).filter(|entry| codes.is_empty() || codes.contains(&entry.0));
    wanted
        .map(|(code, english, japanese, categories)| {
            let category = |(code, english, japanese): &(&'static str, &'static str, &'static str)| {
                json!({ "code": code, "name": name(english, japanese) })
            };
            let categories: Vec<Value> = categories.iter().map(category).collect();
            json!({ "code": code, "name": name(english, japanese), "categories": categories })
        })
        .collect()
}
