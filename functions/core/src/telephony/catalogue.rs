//! Under which service and category a case is filed. AWS renames both and says that codes must come from
//! `DescribeServices`; so they are found by what they say, in English or Japanese.

use super::case::Topic;

/// A service that cases can be filed under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its code.
    pub code: String,
    /// Its name in the language that was asked for.
    pub name: String,
    /// Code and name of its categories.
    pub categories: Vec<(String, String)>,
}

/// Service code and category code for a topic; none where the catalogue has nothing that fits.
#[must_use]
pub fn choose(services: &[Service], topic: Topic) -> Option<(String, String)> {
    let service = services.iter().find(|service| {
        let text = text(&service.code, &service.name);
        text.contains("connect") && has(&text, &["number", "番号"])
    })?;
    let category = service.categories.iter().find(|(code, name)| fits(topic, &text(code, name))).or_else(|| {
        service.categories.iter().find(|(code, name)| has(&text(code, name), &["other", "general", "その他", "一般"]))
    })?;
    Some((service.code.clone(), category.0.clone()))
}

fn text(code: &str, name: &str) -> String {
    format!("{code} {name}").to_lowercase()
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

fn fits(topic: Topic, text: &str) -> bool {
    match topic {
        Topic::PhoneNumbers => {
            has(text, &["number", "番号"])
                && has(text, &["new", "order", "claim", "新し", "新規"])
                && !has(text, &["port", "migrat", "ポーティング", "移行"])
        }
        Topic::OutboundToJapaneseMobiles => has(text, &["allowlist", "allow-list", "allow list", "許可リスト"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(code: &str, name: &str, categories: &[(&str, &str)]) -> Service {
        let categories = categories.iter().map(|(code, name)| ((*code).into(), (*name).into())).collect();
        Service { code: code.into(), name: name.into(), categories }
    }

    #[test]
    fn service_and_category_are_found_by_what_they_say_in_both_languages() {
        let english = [
            ("p", "Number Porting"),
            ("n", "Request New Phone Number"),
            ("a", "Country Allowlisting for Outbound Calls"),
        ];
        let japanese = [
            ("p", "電話番号のポーティング"),
            ("n", "新しい電話番号のリクエスト"),
            ("a", "アウトバウンド通話の国の許可リスト登録"),
        ];
        for (name, categories) in [("Connect (Number Management)", english), ("Connect (番号管理)", japanese)] {
            let services =
                [service("billing", "Billing", &[("b", "Number of invoices")]), service("s", name, &categories)];
            assert_eq!(choose(&services, Topic::PhoneNumbers), Some(("s".into(), "n".into())));
            assert_eq!(choose(&services, Topic::OutboundToJapaneseMobiles), Some(("s".into(), "a".into())));
        }
    }

    #[test]
    fn an_unknown_catalogue_gives_its_general_category_or_nothing() {
        let services =
            [service("s", "Connect (Number Management)", &[("p", "Number Porting"), ("o", "Other questions")])];
        assert_eq!(choose(&services, Topic::PhoneNumbers), Some(("s".into(), "o".into())));
        assert_eq!(choose(&[service("ec2", "EC2", &[("o", "Other")])], Topic::PhoneNumbers), None);
    }
}
