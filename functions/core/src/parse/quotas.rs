//! Checks the section `quotas`, which is either an object with names or codes of quotas as its fields, or a list.

use serde_json::{Value, json};

use super::check::{Location, boolean, list, object, optional, required, text};
use crate::onboarding::{QUOTA_NAMES, quota_name};

pub(super) fn quotas(at: &Location<'_>, value: &Value) {
    let names: Vec<&str> = match value {
        Value::Object(map) => {
            for (name, quota) in map {
                named_quota(&at.key(name), name, quota);
            }
            map.keys().map(String::as_str).collect()
        }
        Value::Array(_) => list(at, value, listed_quota).iter().filter_map(|item| item["code"].as_str()).collect(),
        other => return at.wrong_type("an object or a list", "オブジェクトまたはリストで指定してください", other),
    };
    let codes: Vec<String> = names.into_iter().filter_map(code).collect();
    for (_, code) in codes.iter().enumerate().filter(|(index, code)| codes[..*index].contains(code)) {
        let quota = match quota_name(code) {
            name if name == code => name.to_owned(),
            name => format!("{name} ({code})"),
        };
        at.fault(
            format!("names the quota {quota} twice; keep only one of the entries"),
            format!("クォータ {quota} が重複して指定されています。いずれか一方だけを指定してください"),
        );
    }
}

/// Converts the section `quotas` of the input to a list. Each entry contains a quota code. The steps of the state
/// machine use only this form of the section.
pub(super) fn as_list(mut input: Value) -> Value {
    let listed = match input.get("quotas") {
        Some(Value::Object(map)) => map
            .iter()
            .map(|(name, quota)| {
                let value = quota.get("value").unwrap_or(quota);
                json!({ "code": code(name), "value": value, "required": quota["required"] == true })
            })
            .collect(),
        Some(Value::Array(items)) => items
            .iter()
            .cloned()
            .map(|mut item| {
                item["code"] = item["code"].as_str().and_then(code).into();
                item
            })
            .collect(),
        _ => return input,
    };
    input["quotas"] = Value::Array(listed);
    input
}

fn named_quota(at: &Location<'_>, name: &str, value: &Value) {
    quota_code(at, name);
    if value.is_object() {
        object(at, value, &[required("value", quota_value), optional("required", boolean)]);
    } else {
        quota_value(at, value);
    }
}

fn listed_quota(at: &Location<'_>, value: &Value) {
    let code = |at: &Location<'_>, value: &Value| {
        if let Some(name) = text(at, value) {
            quota_code(at, name);
        }
    };
    object(at, value, &[required("code", code), required("value", quota_value), optional("required", boolean)]);
}

/// Returns the quota code for a short name, or for a quota code in upper or lower case.
fn code(name: &str) -> Option<String> {
    let is_code =
        name.strip_prefix("L-").is_some_and(|hex| hex.len() == 8 && hex.chars().all(|c| c.is_ascii_hexdigit()));
    if is_code {
        return Some(name.to_ascii_uppercase());
    }
    QUOTA_NAMES.iter().find(|(known, _, _)| *known == name).map(|(_, code, _)| (*code).to_owned())
}

fn quota_code(at: &Location<'_>, name: &str) {
    if code(name).is_none() {
        let known = QUOTA_NAMES.iter().map(|(known, _, _)| *known).collect::<Vec<_>>().join(", ");
        at.fault(
            format!("is not a known quota; use a code (`L-` and eight hexadecimal digits) or one of {known}"),
            format!(
                "クォータの名前またはコードが正しくありません。\
                 コード (`L-` と 8 桁の 16 進数) または次のいずれかの名前を指定してください: {known}"
            ),
        );
    }
}

fn quota_value(at: &Location<'_>, value: &Value) {
    if !value.as_f64().is_some_and(|number| (1.0..=10_000_000_000.0).contains(&number)) {
        at.fault("must be a number from 1 to 10,000,000,000", "1〜10,000,000,000 の数値を指定してください");
    }
}
