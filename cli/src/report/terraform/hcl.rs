//! Writes HCL, the language of Terraform's configuration files (HCL native syntax specification, "Structural Elements"
//! and "Expressions").

use std::fmt::{self, Write as _};

/// The value of an argument in HCL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u32),
    Bool(bool),
    List(Vec<Self>),
    /// Keys and values, which are written in this order.
    Map(Vec<(String, Self)>),
    /// An expression that refers to another object, for example `aws_iam_role.sign_in.name`.
    Reference(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// A block with its arguments and its inner blocks, in the order in which they were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    kind: &'static str,
    labels: Vec<String>,
    arguments: Vec<(&'static str, Value)>,
    blocks: Vec<Self>,
}

impl Block {
    pub(super) fn new(kind: &'static str, labels: &[&str]) -> Self {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Self { kind, labels, arguments: Vec::new(), blocks: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.arguments.push((name, value.into()));
        self
    }

    /// Adds an argument if its value is not `None`.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn containing(mut self, block: Self) -> Self {
        self.blocks.push(block);
        self
    }

    fn write(&self, out: &mut String, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        write!(out, "{indent}{}", self.kind)?;
        for label in &self.labels {
            write!(out, " {}", quoted(label))?;
        }
        writeln!(out, " {{")?;
        let width = self.arguments.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in &self.arguments {
            writeln!(out, "{indent}  {name:<width$} = {}", expression(value, depth + 1))?;
        }
        for block in &self.blocks {
            block.write(out, depth + 1)?;
        }
        writeln!(out, "{indent}}}")
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, 0)?;
        f.write_str(&out)
    }
}

fn expression(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Text(text) => quoted(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Reference(reference) => reference.clone(),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(|value| expression(value, depth)).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Map(entries) => {
            let line = |(key, value): &(String, Value)| {
                format!("{indent}  {} = {}\n", quoted(key), expression(value, depth + 1))
            };
            format!("{{\n{}{indent}}}", entries.iter().map(line).collect::<String>())
        }
    }
}

/// Writes a text as an HCL string (a quoted template). In a template, `${` and `%{` start an interpolation or a
/// directive, so they are escaped as `$${` and `%%{` (HCL native syntax specification, "Quoted Templates"). Another `$`
/// or `%` directly before such an escape sequence would be ambiguous, so it is written as a Unicode escape.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if next == Some('{') => out.extend([c, c]),
            '$' if next == Some('$') => out.push_str("\\u0024"),
            '%' if next == Some('%') => out.push_str("\\u0025"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use hcl_edit::{expr::Expression, parser::parse_body};

    use super::*;

    /// Writes `value` as an argument, and returns the value that an independent parser reads.
    fn parsed(value: Value) -> Expression {
        let text = Block::new("b", &["label"]).with("a", value).to_string();
        let body = parse_body(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        let block = body.get_blocks("b").next().unwrap();
        block.body.get_attribute("a").unwrap().value.clone()
    }

    #[test]
    fn a_parser_reads_every_text_as_it_was() {
        for text in [
            "plain",
            "",
            "say \"hi\"",
            "C:\\temp",
            "two\nlines\r\n\ttab",
            "${aws:username}",
            "%{ if true }",
            "$${a}",
            "$$${a}",
            "%%{b}",
            "$",
            "100%",
            "$$",
            "日本語 ${x}",
            "\u{7}bell",
            "{\"Version\": \"2012-10-17\"}",
        ] {
            assert_eq!(parsed(text.into()).as_str(), Some(text));
        }
    }

    #[test]
    fn lists_maps_and_references_are_read_as_such() {
        let list = parsed(Value::List(vec![true.into(), Value::Number(3)]));
        let list = list.as_array().unwrap();
        assert_eq!(list.get(0).unwrap().as_bool(), Some(true));
        assert_eq!(list.get(1).unwrap().as_number().unwrap().as_u64(), Some(3));
        let map = Value::Map(vec![("managed-by".into(), "${x}".into()), ("b c".into(), Value::Map(Vec::new()))]);
        let map = parsed(map);
        let (_, value) = map.as_object().unwrap().iter().next().unwrap();
        assert_eq!(value.expr().as_str(), Some("${x}"));
        assert!(parsed(Value::Reference("aws_iam_role.sign_in.name".into())).is_traversal());
    }
}
