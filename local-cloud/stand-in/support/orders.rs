//! Parses an order of phone numbers as a support agent reads it. The order must name the instance. For each kind of
//! phone number, the order must state the country, the type, the prefix and the exact quantity. An order of Japanese
//! phone numbers requires three documents.

use std::sync::LazyLock;

use regex::Regex;

/// Matches `arn:aws:connect:…:instance/<id>`.
static INSTANCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"arn:aws[a-z-]*:connect:[a-z0-9-]+:\d{12}:instance/[0-9a-f-]{36}").ok());
static COUNTRY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b[A-Z]{2}\b|日本|Japan").ok());
static TYPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b(DID|TOLL_FREE|UIFN)\b").ok());
static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\+\d{1,7}").ok());
/// Matches a quantity with a label. If a line contains no label, [`NUMBER`] finds the first numeral that is neither a
/// prefix nor part of a phone number.
static QUANTITY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:quantity|qty|数量|個数|×|\bx)\s*[:：=]?\s*([1-9]\d{0,3})").ok());
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[\s:：=(（])([1-9]\d{0,3})(?:$|[\s,.;)）個件])").ok());

/// One item of an order.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    country: String,
    kind: String,
    prefix: String,
    quantity: u32,
}

impl Line {
    /// A phone number of plausible length, for example +81 3 5000 0007, +81 120 500 009 or +81 50 5000 0001.
    fn phone(&self, n: u64) -> String {
        let length = if self.prefix == "+8150" { 13 } else { 12 };
        let width = length - 1 - self.prefix.len().min(length - 5);
        format!("{}5{n:0width$}", self.prefix)
    }
}

/// A parsed order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) instance: String,
    lines: Vec<Line>,
}

impl Order {
    /// The phone numbers to add, each with its country and type. The last digits count up from `from`, so that the new
    /// phone numbers differ from those added earlier.
    pub(super) fn numbers(&self, from: u64) -> Vec<(String, &str, &str)> {
        let each = self.lines.iter().flat_map(|line| (0..line.quantity).map(move |_| line));
        (from..).zip(each).map(|(n, line)| (line.phone(n), line.country.as_str(), line.kind.as_str())).collect()
    }
}

/// Parses an order. If information is missing, the error is the question with which a support agent asks for this
/// information.
pub(super) fn read(text: &str, instances: &[String], files: usize) -> Result<Order, &'static str> {
    let found = |pattern: &LazyLock<Option<Regex>>, text: &str| {
        pattern.as_ref().and_then(|pattern| pattern.find(text)).map(|found| found.as_str().to_owned())
    };
    let instance = found(&INSTANCE, text).filter(|arn| instances.contains(arn));
    let instance = instance.ok_or("Please tell us the ARN of the Amazon Connect instance.")?;
    let lines: Vec<Line> = text
        .lines()
        .filter_map(|line| {
            let kind = found(&TYPE, line)?;
            let country = match found(&COUNTRY, line)?.as_str() {
                "日本" | "Japan" => "JP".to_owned(),
                code => code.to_owned(),
            };
            let captured = |pattern: &LazyLock<Option<Regex>>| {
                let found = pattern.as_ref()?.captures(line)?;
                found.get(1)?.as_str().parse().ok()
            };
            let quantity = captured(&QUANTITY).or_else(|| captured(&NUMBER))?;
            let usual = if country == "JP" { if kind == "DID" { "+8150" } else { "+81120" } } else { "+1" };
            let prefix = found(&PREFIX, line).unwrap_or_else(|| usual.into());
            Some(Line { country, kind, prefix, quantity })
        })
        .collect();
    if lines.is_empty() {
        return Err(
            "Please tell us the country, the type (DID or TOLL_FREE), the prefix and the exact quantity of the phone numbers.",
        );
    }
    if files < 3 && lines.iter().any(|line| line.country == "JP") {
        return Err("Phone numbers in Japan need three documents. Please attach the missing ones.");
    }
    Ok(Order { instance, lines })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an unreadable order fails the test")]
    use super::*;

    const ARN: &str = "arn:aws:connect:ap-northeast-1:000000000000:instance/0f8fad5b-d9cb-469f-a165-70867728950e";

    #[test]
    fn an_order_is_parsed_line_by_line() {
        let text = format!(
            "インスタンス: {ARN}\n- JP DID +813 × 2\n- country: JP, type: TOLL_FREE, prefix: +81120, quantity: 1\n"
        );
        let order = read(&text, &[ARN.into()], 3).unwrap();
        let numbers = order.numbers(7);
        assert_eq!(
            numbers.iter().map(|number| number.0.as_str()).collect::<Vec<_>>(),
            ["+81350000007", "+81350000008", "+81120500009"]
        );
        assert_eq!(numbers[2].2, "TOLL_FREE");
    }

    #[test]
    fn the_reply_to_an_incomplete_order_names_the_missing_information() {
        assert!(read("two numbers please", &[ARN.into()], 3).unwrap_err().contains("ARN"));
        assert!(read(ARN, &[ARN.into()], 3).unwrap_err().contains("quantity"));
        assert!(read(&format!("{ARN}\nJP DID 1"), &[ARN.into()], 2).unwrap_err().contains("documents"));
    }
}
