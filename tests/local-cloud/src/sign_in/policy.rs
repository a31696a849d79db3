//! IAM policies, as far as a federated sign-in meets them: one request against the statements of a document. What is not
//! understood grants nothing and denies everything that it might.

use std::collections::BTreeMap;

use serde_json::Value;

/// One request to be judged.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) action: &'a str,
    /// The resource's ARN; empty for a trust policy, which is its role's.
    pub(crate) resource: &'a str,
    /// Kind and name of who asks, for a trust policy: `("Federated", "arn:…")`.
    pub(crate) principal: Option<(&'a str, &'a str)>,
    /// Condition keys and policy variables.
    pub(crate) context: BTreeMap<&'a str, String>,
}

/// Whether the documents together allow a request.
pub(crate) fn allows(documents: &[Value], request: &Request<'_>) -> bool {
    let statements: Vec<&Value> = documents.iter().flat_map(|document| list(&document["Statement"])).collect();
    let with = |effect: &str, sure: bool| {
        statements.iter().filter(|one| one["Effect"] == effect).any(|one| applies(one, request).unwrap_or(sure))
    };
    !with("Deny", true) && with("Allow", false)
}

/// Whether a statement is about a request; `None` where that is not understood.
fn applies(statement: &Value, request: &Request<'_>) -> Option<bool> {
    let known = ["Sid", "Effect", "Action", "Resource", "Principal", "Condition"];
    if statement.as_object()?.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let action =
        texts(&statement["Action"]).any(|pattern| fits(&pattern.to_lowercase(), &request.action.to_lowercase()));
    let subject = match request.principal {
        Some((kind, name)) => texts(&statement["Principal"][kind]).any(|principal| principal == name),
        None => texts(&statement["Resource"]).any(|pattern| fits(&filled(pattern, request), request.resource)),
    };
    let mut conditions = true;
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, wanted) in keys.as_object()? {
            let found = request.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
            let mut wanted = texts(wanted).map(|text| filled(text, request));
            conditions &= match operator.as_str() {
                "StringEquals" => found.is_some_and(|found| wanted.any(|wanted| wanted == *found)),
                "StringNotEquals" => found.is_none_or(|found| wanted.all(|wanted| wanted != *found)),
                "StringEqualsIgnoreCase" => {
                    found.is_some_and(|found| wanted.any(|wanted| wanted.eq_ignore_ascii_case(found)))
                }
                "StringLike" | "ArnLike" | "ArnEquals" => {
                    found.is_some_and(|found| wanted.any(|wanted| fits(&wanted, found)))
                }
                _ => return None,
            };
        }
    }
    Some(action && subject && conditions)
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).into_iter().filter_map(Value::as_str)
}

/// A text with its policy variables (`${aws:userid}`) filled in.
fn filled(text: &str, request: &Request<'_>) -> String {
    let mut text = text.to_owned();
    for (name, value) in &request.context {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    text
}

/// Whether a text fits a pattern with `*` and `?`.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request<'a>() -> Request<'a> {
        Request {
            action: "connect:GetFederationToken",
            resource: "arn:aws:connect:r:1:instance/i/user/ROLE:ren",
            principal: None,
            context: BTreeMap::from([("aws:userid", "ROLE:ren".into()), ("connect:InstanceId", "i".into())]),
        }
    }

    fn allowed(statement: Value) -> bool {
        allows(&[json!({ "Statement": statement })], &request())
    }

    #[test]
    fn both_forms_of_connects_policy_let_the_user_in_and_another_instances_do_not() {
        let by_key = |id: &str| {
            json!([{ "Effect": "Allow", "Action": "connect:GetFederationToken", "Resource": "*",
                                          "Condition": { "StringEquals": { "connect:InstanceId": [id, "other"] } } }])
        };
        let by_arn = |id: &str| {
            json!({ "Effect": "Allow", "Action": ["connect:Get*"],
                                         "Resource": [format!("arn:aws:connect:r:1:instance/{id}/user/${{aws:userid}}")] })
        };
        assert!(allowed(by_key("i")) && allowed(by_arn("i")));
        assert!(!allowed(by_key("j")) && !allowed(by_arn("j")));
    }

    #[test]
    fn a_denial_wins_and_what_is_not_understood_grants_nothing() {
        let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        assert!(allowed(allow.clone()));
        assert!(!allowed(json!([allow, { "Effect": "Deny", "Action": "connect:*", "Resource": "*" }])));
        let odd = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
        assert!(!allowed(json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": odd })));
        assert!(!allowed(json!([allow, { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": odd }])));
        assert!(!allowed(json!({ "Effect": "Allow", "NotAction": "s3:*", "Resource": "*" })));
    }

    #[test]
    fn a_trust_policy_is_about_its_principal_and_its_conditions() {
        let document = json!({ "Statement": [{ "Effect": "Allow", "Principal": { "Federated": "p" }, "Action": "sts:AssumeRoleWithSAML",
                                               "Condition": { "StringEquals": { "SAML:aud": ["a", "b"] } } }] });
        let trusts = |principal, audience: &str| {
            let context = BTreeMap::from([("SAML:aud", audience.to_owned())]);
            let principal = Some(("Federated", principal));
            allows(
                std::slice::from_ref(&document),
                &Request { action: "sts:AssumeRoleWithSAML", resource: "", principal, context },
            )
        };
        assert!(trusts("p", "a") && trusts("p", "b"));
        assert!(!trusts("q", "a") && !trusts("p", "c"));
    }

    #[test]
    fn stars_and_question_marks_fit_as_in_iam() {
        assert!(fits("a*c?", "abbcd") && fits("*", "") && fits("a", "a"));
        assert!(!fits("a*c?", "abbc") && !fits("", "a") && !fits("a?", "a"));
    }
}
