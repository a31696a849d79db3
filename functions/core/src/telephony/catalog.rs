//! Selects the service and the category of a Support case from the response of `DescribeServices`, as the AWS
//! documentation requires. AWS may change the codes, so the codes and names are searched for English and Japanese
//! keywords.

use super::case::Topic;

/// A service in the catalog of AWS Support.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// The service code.
    pub code: String,
    /// The name of the service, in the language of the request.
    pub name: String,
    /// The code and the name of each category of the service.
    pub categories: Vec<(String, String)>,
}

/// The service code and the category code for a topic. `None` if no service and category match.
#[must_use]
pub fn choose(services: &[Service], topic: Topic) -> Option<(String, String)> {
    let named = |service: &Service, words: &[&str]| {
        let text = text(&service.code, &service.name);
        text.contains("connect") && (words.is_empty() || has(&text, words))
    };
    let category = |service: &Service, wanted: &dyn Fn(&str) -> bool| {
        let found = service.categories.iter().find(|(code, name)| wanted(&text(code, name)))?;
        Some((service.code.clone(), found.0.clone()))
    };
    let of_numbers = || services.iter().filter(|service| named(service, &["number", "番号"]));
    // In AWS Support, phone numbers may be a category of the service Connect instead of a service of their own.
    let all = || of_numbers().chain(services.iter().filter(|service| named(service, &[])));
    let general = |text: &str| has(text, &["other", "general", "その他", "一般"]);
    all()
        .find_map(|service| category(service, &|text| fits(topic, text)))
        .or_else(|| of_numbers().find_map(|service| category(service, &general)))
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
    fn service_and_category_are_found_by_keyword_in_both_languages() {
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
    fn a_category_of_connects_own_service_is_found_if_numbers_have_no_service() {
        let categories = [("g", "General Guidance"), ("n", "Order New Phone Numbers"), ("p", "Number Porting")];
        let services = [
            service("ec2", "EC2", &[("x", "New number of instances")]),
            service("c", "Connect (Contact Center)", &categories),
        ];
        assert_eq!(choose(&services, Topic::PhoneNumbers), Some(("c".into(), "n".into())));
        assert_eq!(choose(&services, Topic::OutboundToJapaneseMobiles), None);
    }

    #[test]
    fn without_a_match_the_general_category_or_nothing_is_selected() {
        let services =
            [service("s", "Connect (Number Management)", &[("p", "Number Porting"), ("o", "Other questions")])];
        assert_eq!(choose(&services, Topic::PhoneNumbers), Some(("s".into(), "o".into())));
        assert_eq!(choose(&[service("ec2", "EC2", &[("o", "Other")])], Topic::PhoneNumbers), None);
    }
}
