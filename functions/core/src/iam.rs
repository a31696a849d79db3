//! Builds and compares the IAM policy documents of the federation.

use serde_json::{Value, json};

use crate::{StepError, replication::GlobalSignIn};

/// The maximum session duration of a SAML role, in seconds (IAM: `MaxSessionDuration`).
pub const LONGEST_SESSION: u32 = 43_200;
/// The smallest value of `MaxSessionDuration` that IAM accepts, in seconds.
pub const SHORTEST_SESSION: u32 = 3_600;

/// The policy that lets a federated user sign in to one instance (Connect administrator guide: Configure SAML).
#[must_use]
pub fn federation_policy(instance_id: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "GetFederationToken",
            "Effect": "Allow",
            "Action": "connect:GetFederationToken",
            "Resource": "*",
            "Condition": { "StringEquals": { "connect:InstanceId": instance_id } }
        }]
    })
}

/// The trust policy of the role. The policy accepts assertions only from this SAML provider. The audience must be one
/// of the two AWS sign-in endpoints or, if the instance is replicated, the global sign-in endpoint of the instance.
#[must_use]
pub fn trust_policy(saml_provider_arn: &str, region: &str, global: Option<&GlobalSignIn>) -> Value {
    let mut audiences = sign_in_endpoints(region).to_vec();
    audiences.extend(global.map(GlobalSignIn::audience));
    let operator = if global.is_some() { "StringLike" } else { "StringEquals" };
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": saml_provider_arn },
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": { operator: { "SAML:aud": audiences } }
        }]
    })
}

/// Whether an onboarding keeps this trust policy of the role. For a replicated instance, an administrator may have
/// configured the global sign-in. For such an instance, the onboarding keeps every trust policy that trusts only the
/// sign-in endpoints of this instance.
#[must_use]
pub fn is_wanted_trust(found: &Value, saml_provider_arn: &str, region: &str, global: Option<&GlobalSignIn>) -> bool {
    same_document(found, &trust_policy(saml_provider_arn, region, global))
        || global.is_some_and(|global| global.is_trust_policy(found, saml_provider_arn, region))
}

/// The two AWS sign-in endpoints that accept a SAML response: the endpoint without a Region, followed by the endpoint
/// of the Region. Both endpoints are reply URLs in Entra and audiences in the trust policy.
#[must_use]
pub fn sign_in_endpoints(region: &str) -> [String; 2] {
    ["https://signin.aws.amazon.com/saml".into(), format!("https://{region}.signin.aws.amazon.com/saml")]
}

/// Whether two policy documents are equivalent. An administrator may have edited a document without changing its
/// meaning. Therefore, the order of a list is ignored, and a single value is equivalent to a list that contains only
/// this value.
#[must_use]
pub fn same_document(one: &Value, other: &Value) -> bool {
    fn normal(value: &Value) -> Value {
        match value {
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(normal).collect();
                items.sort_by_key(Value::to_string);
                if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
            }
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), normal(value))).collect(),
            other => other.clone(),
        }
    }
    normal(one) == normal(other)
}

/// A readable summary of a policy document: the effect, principals, actions, resources and conditions of each
/// statement.
#[must_use]
pub fn summary(document: &Value) -> String {
    fn list(value: &Value) -> Vec<Value> {
        value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
    }
    fn words(value: &Value) -> String {
        let words: Vec<String> = list(value).iter().map(|word| word.as_str().unwrap_or("?").to_owned()).collect();
        words.join(", ")
    }
    let statements = match document.get("Statement") {
        None => return "no statement".into(),
        Some(statements) => list(statements),
    };
    let texts = statements.iter().map(|statement| {
        let effect = statement.get("Effect").and_then(Value::as_str).unwrap_or("?");
        let mut text = effect.to_owned();
        for (key, word) in [("Principal", ""), ("NotPrincipal", "all but ")] {
            match statement.get(key) {
                Some(Value::Object(kinds)) => {
                    let names: Vec<String> = kinds.values().map(words).collect();
                    text = format!("{text} {word}{}", names.join(", "));
                }
                Some(anybody) => text = format!("{text} {word}{}", words(anybody)),
                None => {}
            }
        }
        for (key, word) in
            [("Action", ""), ("NotAction", "all but "), ("Resource", "on "), ("NotResource", "on all but ")]
        {
            if let Some(value) = statement.get(key) {
                text = format!("{text} {word}{}", words(value));
            }
        }
        let conditions: Vec<String> = statement
            .get("Condition")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .flat_map(|(_, keys)| keys.as_object().into_iter().flatten())
            .map(|(key, value)| format!("{key} {}", words(value)))
            .collect();
        if conditions.is_empty() { text } else { format!("{text} if {}", conditions.join(" and ")) }
    });
    texts.collect::<Vec<_>>().join("; ")
}

/// Converts an ISO 8601 duration (`PT12H`, `PT1H30M`) to seconds.
///
/// # Errors
/// `InvalidInput` if the text is not an ISO 8601 duration, or if the duration is shorter than one hour or longer than
/// twelve hours.
pub fn session_seconds(duration: &str) -> Result<u32, StepError> {
    let bad = || {
        StepError::invalid_input(format!(
            "the session duration `{duration}` is not an ISO 8601 duration between PT1H and PT12H; use for \
             example PT12H"
        ))
    };
    let mut rest = duration.strip_prefix("PT").ok_or_else(bad)?;
    let (mut seconds, mut last) = (0_u32, u32::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: u32 = rest[..digits].parse().map_err(|_| bad())?;
        let unit = match rest.as_bytes()[digits] {
            b'H' => 3600,
            b'M' => 60,
            b'S' => 1,
            _ => return Err(bad()),
        };
        if unit >= last {
            return Err(bad());
        }
        last = unit;
        seconds = number.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(bad)?;
        rest = &rest[digits + 1..];
    }
    if (SHORTEST_SESSION..=LONGEST_SESSION).contains(&seconds) { Ok(seconds) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_one_value_equals_the_single_value() {
        let mut edited = federation_policy("i");
        edited["Statement"] = edited["Statement"][0].clone();
        edited["Statement"]["Action"] = json!(["connect:GetFederationToken"]);
        assert!(same_document(&federation_policy("i"), &edited));
        assert!(!same_document(&federation_policy("i"), &federation_policy("j")));
    }

    #[test]
    fn the_order_of_audiences_makes_no_difference() {
        let mut edited = trust_policy("arn:aws:iam::1:saml-provider/p", "ap-northeast-1", None);
        if let Some(list) = edited["Statement"][0]["Condition"]["StringEquals"]["SAML:aud"].as_array_mut() {
            list.reverse();
        }
        assert!(same_document(&trust_policy("arn:aws:iam::1:saml-provider/p", "ap-northeast-1", None), &edited));
    }

    #[test]
    fn a_summary_names_every_principal() {
        let mut edited = trust_policy("P", "r", None);
        if let Some(statements) = edited["Statement"].as_array_mut() {
            statements.push(json!({ "Effect": "Allow", "Principal": { "AWS": "root" }, "Action": ["sts:AssumeRole"] }));
        }
        let text = summary(&edited);
        assert!(text.starts_with("Allow P sts:AssumeRoleWithSAML if SAML:aud https://signin"), "{text}");
        assert!(text.ends_with("; Allow root sts:AssumeRole"), "{text}");
        assert_eq!(summary(&Value::Null), "no statement");
        assert_eq!(
            summary(&json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "a", "Resource": "b" } })),
            "Allow * a on b"
        );
    }

    #[test]
    fn durations_between_one_and_twelve_hours_are_accepted() {
        for (text, seconds) in
            [("PT1H", 3600), ("PT12H", 43_200), ("PT1H30M", 5400), ("PT90M", 5400), ("PT7200S", 7200)]
        {
            assert_eq!(session_seconds(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn other_durations_are_rejected() {
        for text in ["", "PT", "12H", "PT13H", "PT59M", "PT1M1H", "PT1H1H", "PT1D", "P1D", "PT99999999999H", "PT1"] {
            assert!(session_seconds(text).is_err(), "{text}");
        }
    }
}
