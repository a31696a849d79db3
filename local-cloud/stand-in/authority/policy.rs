//! IAM policy documents (identity policies and trust policies) and their evaluation for one action.
//!
//! The rules are those of <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>:
//! an explicit deny overrides every allow, and at least one statement must allow the action. If there is a permissions
//! boundary, the boundary must also allow the action. If a policy contains an element that this module does not support
//! (an operator, `NotAction` …), the evaluation returns an error and never allows the action.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

/// The condition keys of a request, in lower case, with their values.
pub type Context = BTreeMap<String, Vec<String>>;

/// One authorization request: an action, the resource, and the condition keys of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The requested action, for example `connect:CreateUser`.
    pub action: String,
    /// The ARN of the resource. `*` if the action does not support resource-level permissions.
    pub resource: String,
    /// Type and name of the principal that requests a role: `("Federated", "arn:…")`. The principal is set only for
    /// evaluations of trust policies, which contain no resource element.
    pub principal: Option<(String, String)>,
    /// The condition keys of the request, with their values.
    pub context: Context,
}

impl Ask {
    /// Creates an authorization request without condition keys.
    #[must_use]
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), ..Self::default() }
    }

    /// Creates a request to assume a role, which the role's trust policy allows or denies.
    #[must_use]
    pub fn of_trust(action: impl Into<String>, kind: &str, principal: impl Into<String>) -> Self {
        Self { action: action.into(), principal: Some((kind.to_owned(), principal.into())), ..Self::default() }
    }

    /// Adds a condition key to the request.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context.entry(key.to_ascii_lowercase()).or_default().push(value.into());
        self
    }
}

/// The result of a policy evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows the action, and none denies it.
    Allow,
    /// Implicitly denied: no statement allows the action.
    NotAllowed,
    /// A statement explicitly denies the action.
    Deny,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    allow: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    /// Type and name of each principal.
    principals: Vec<(String, String)>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    operator: Operator,
    quantifier: Option<Quantifier>,
    if_exists: bool,
    key: String,
    wanted: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    AllValues,
    AnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals {
        same: bool,
        ignore_case: bool,
    },
    Like {
        same: bool,
    },
    /// The three flags state whether the condition matches if the number in the request is less than, equal to, or
    /// greater than the number in the policy.
    Number {
        below: bool,
        same: bool,
        above: bool,
    },
    Bool,
    Null,
}

/// Parses the statements of a policy document.
///
/// # Errors
/// Fails if the document contains an element that this module does not support.
pub fn parse(document: &Value) -> Result<Vec<Statement>, String> {
    let statements = document.get("Statement").ok_or("a policy has no Statement")?;
    let statements = statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]);
    statements.iter().map(statement).collect()
}

fn statement(value: &Value) -> Result<Statement, String> {
    let allow = match value["Effect"].as_str() {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err("a statement has no Effect".into()),
    };
    const KNOWN: [&str; 6] = ["Sid", "Effect", "Action", "Resource", "Principal", "Condition"];
    if let Some(name) = value.as_object().and_then(|fields| fields.keys().find(|name| !KNOWN.contains(&name.as_str())))
    {
        return Err(format!("a statement has a {name}, which the local cloud can't evaluate"));
    }
    let principals = value["Principal"].as_object().into_iter().flatten();
    let blocks = value["Condition"].as_object().into_iter().flatten();
    let conditions = blocks.flat_map(|(operator, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, wanted)| condition(operator, key, wanted))
    });
    Ok(Statement {
        allow,
        actions: texts(&value["Action"]),
        resources: texts(&value["Resource"]),
        principals: principals
            .flat_map(|(kind, names)| texts(names).into_iter().map(|name| (kind.clone(), name)))
            .collect(),
        conditions: conditions.collect::<Result<_, _>>()?,
    })
}

fn condition(name: &str, key: &str, wanted: &Value) -> Result<Condition, String> {
    let (quantifier, plain) = match name.split_once(':') {
        Some(("ForAllValues", plain)) => (Some(Quantifier::AllValues), plain),
        Some(("ForAnyValue", plain)) => (Some(Quantifier::AnyValue), plain),
        _ => (None, name),
    };
    let (plain, if_exists) = plain.strip_suffix("IfExists").map_or((plain, false), |plain| (plain, true));
    let number = |below, same, above| Operator::Number { below, same, above };
    let operator = match plain {
        "StringEquals" | "ArnEquals" => Operator::Equals { same: true, ignore_case: false },
        "StringNotEquals" | "ArnNotEquals" => Operator::Equals { same: false, ignore_case: false },
        "StringEqualsIgnoreCase" => Operator::Equals { same: true, ignore_case: true },
        "StringNotEqualsIgnoreCase" => Operator::Equals { same: false, ignore_case: true },
        "StringLike" | "ArnLike" => Operator::Like { same: true },
        "StringNotLike" | "ArnNotLike" => Operator::Like { same: false },
        "NumericEquals" => number(false, true, false),
        "NumericLessThan" => number(true, false, false),
        "NumericLessThanEquals" => number(true, true, false),
        "NumericGreaterThan" => number(false, false, true),
        "NumericGreaterThanEquals" => number(false, true, true),
        "Bool" => Operator::Bool,
        "Null" => Operator::Null,
        _ => return Err(format!("a condition has the operator {name}, which the local cloud can't evaluate")),
    };
    // `ArnEquals` supports wildcards, as `ArnLike` does.
    let operator = match (plain, operator) {
        ("ArnEquals" | "ArnNotEquals", Operator::Equals { same, .. }) => Operator::Like { same },
        (_, operator) => operator,
    };
    Ok(Condition { operator, quantifier, if_exists, key: key.to_ascii_lowercase(), wanted: texts(wanted) })
}

/// The strings in a JSON string or list. A number or Boolean is converted to a string.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

/// Evaluates identity policies, together with the permissions boundary if one exists.
#[must_use]
pub fn decide(policies: &[Statement], boundary: Option<&[Statement]>, ask: &Ask) -> Decision {
    let within = boundary.map_or(Decision::Allow, |boundary| judge(boundary, ask));
    match (judge(policies, ask), within) {
        (Decision::Deny, _) | (_, Decision::Deny) => Decision::Deny,
        (Decision::Allow, Decision::Allow) => Decision::Allow,
        _ => Decision::NotAllowed,
    }
}

fn judge(statements: &[Statement], ask: &Ask) -> Decision {
    let mut decision = Decision::NotAllowed;
    for statement in statements.iter().filter(|statement| statement.applies(ask)) {
        if !statement.allow {
            return Decision::Deny;
        }
        decision = Decision::Allow;
    }
    decision
}

impl Statement {
    /// Whether the action matches the statement, regardless of the statement's resource and conditions.
    #[must_use]
    pub fn names(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| like(&pattern.to_ascii_lowercase(), &action))
    }

    fn applies(&self, ask: &Ask) -> bool {
        let covers = |pattern: &String| like(&substituted(pattern, &ask.context), &ask.resource);
        let about = match &ask.principal {
            Some(principal) => self.principals.contains(principal),
            None => self.resources.iter().any(covers),
        };
        self.names(&ask.action) && about && self.conditions.iter().all(|condition| condition.holds(&ask.context))
    }
}

impl Condition {
    fn holds(&self, context: &Context) -> bool {
        let found = context.get(&self.key).map(Vec::as_slice).unwrap_or_default();
        if self.operator == Operator::Null {
            return self.wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case("true") == found.is_empty());
        }
        if found.is_empty() {
            let negated =
                matches!(self.operator, Operator::Equals { same: false, .. } | Operator::Like { same: false });
            return self.if_exists || negated || self.quantifier == Some(Quantifier::AllValues);
        }
        let meets = |value: &String| self.meets(value, context);
        match self.quantifier {
            Some(Quantifier::AllValues) => found.iter().all(meets),
            Some(Quantifier::AnyValue) | None => found.iter().any(meets),
        }
    }

    /// Whether a value from the request matches at least one value in the policy. If the operator is negated, whether
    /// it matches none of them.
    fn meets(&self, value: &str, context: &Context) -> bool {
        let mut wanted = self.wanted.iter().map(|wanted| substituted(wanted, context));
        match self.operator {
            Operator::Equals { same, ignore_case } => {
                wanted.any(|wanted| if ignore_case { wanted.eq_ignore_ascii_case(value) } else { wanted == value })
                    == same
            }
            Operator::Like { same } => wanted.any(|wanted| like(&wanted, value)) == same,
            Operator::Bool => wanted.any(|wanted| wanted.eq_ignore_ascii_case(value)),
            Operator::Number { below, same, above } => wanted.any(|wanted| {
                let numbers = value.parse::<f64>().ok().zip(wanted.parse::<f64>().ok());
                match numbers.and_then(|(value, wanted)| value.partial_cmp(&wanted)) {
                    Some(Ordering::Less) => below,
                    Some(Ordering::Equal) => same,
                    Some(Ordering::Greater) => above,
                    None => false,
                }
            }),
            Operator::Null => false,
        }
    }
}

/// Replaces the policy variables (for example `${aws:userid}`) in a pattern. A variable that has no value in this
/// request matches nothing.
fn substituted(pattern: &str, context: &Context) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, following)) = after.split_once('}') else { break };
        let value = match context.get(&name.to_ascii_lowercase()).and_then(|values| values.first()) {
            Some(value) => value,
            None => "\u{0}",
        };
        text.push_str(before);
        text.push_str(value);
        rest = following;
    }
    text + rest
}

/// Whether a text matches a pattern with the wildcards `*` and `?`.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&one) if one == '?' || Some(&one) == text.get(t) => {
                p += 1;
                t += 1;
            }
            // The rest of the pattern does not match at this position, so the last `*` must match one more character.
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|one| *one == '*')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use serde_json::json;

    use super::*;

    fn decision_for(statements: Value, ask: &Ask) -> Decision {
        decide(&parse(&json!({ "Statement": statements })).unwrap(), None, ask)
    }

    fn allow(action: &str, resource: &str, condition: Value) -> Value {
        json!([{ "Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition }])
    }

    #[test]
    fn an_action_is_allowed_only_on_the_resources_of_a_statement() {
        let policy = allow("connect:Create*", "arn:aws:connect:*:1:instance/*", json!({}));
        let on = |action: &str, resource: &str| decision_for(policy.clone(), &Ask::new(action, resource));
        assert_eq!(on("connect:CreateUser", "arn:aws:connect:x:1:instance/a/agent/*"), Decision::Allow);
        assert_eq!(on("connect:createuser", "arn:aws:connect:x:1:instance/a"), Decision::Allow);
        assert_eq!(on("connect:DeleteUser", "arn:aws:connect:x:1:instance/a"), Decision::NotAllowed);
        assert_eq!(on("connect:CreateUser", "arn:aws:connect:x:2:instance/a"), Decision::NotAllowed);
        assert_eq!(on("connect:CreateUser", "*"), Decision::NotAllowed);
    }

    #[test]
    fn a_deny_overrides_every_allow() {
        let policy = json!([
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "iam:*", "Resource": "*" },
        ]);
        assert_eq!(decision_for(policy.clone(), &Ask::new("iam:CreateRole", "r")), Decision::Deny);
        assert_eq!(decision_for(policy, &Ask::new("s3:GetObject", "r")), Decision::Allow);
    }

    #[test]
    fn a_permissions_boundary_must_also_allow_the_action() {
        let all = parse(&json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } })).unwrap();
        let some = parse(&json!({ "Statement": { "Effect": "Allow", "Action": "s3:*", "Resource": "*" } })).unwrap();
        assert_eq!(decide(&all, Some(&some), &Ask::new("s3:GetObject", "r")), Decision::Allow);
        assert_eq!(decide(&all, Some(&some), &Ask::new("iam:GetRole", "r")), Decision::NotAllowed);
        assert_eq!(decide(&[], Some(&some), &Ask::new("s3:GetObject", "r")), Decision::NotAllowed);
    }

    #[test]
    fn conditions_are_evaluated_as_documented() {
        let asked = Ask::new("a:B", "r").with("aws:RequestTag/managed-by", "us").with("n", "60").with("list", "x");
        for (condition, expected) in [
            (json!({ "StringEquals": { "AWS:requesttag/managed-by": "us" } }), true),
            (json!({ "StringEquals": { "aws:RequestTag/managed-by": ["them", "us"] } }), true),
            (json!({ "StringEquals": { "aws:RequestTag/managed-by": "them" } }), false),
            (json!({ "StringEquals": { "missing": "us" } }), false),
            (json!({ "StringEqualsIfExists": { "missing": "us" } }), true),
            (json!({ "StringNotEquals": { "missing": "us" } }), true),
            (json!({ "StringNotEquals": { "aws:RequestTag/managed-by": ["them", "us"] } }), false),
            (json!({ "StringLike": { "aws:RequestTag/managed-by": "u*" } }), true),
            (json!({ "NumericLessThanEquals": { "n": 60 } }), true),
            (json!({ "NumericLessThan": { "n": "60" } }), false),
            (json!({ "Null": { "missing": "true" } }), true),
            (json!({ "Null": { "n": "true" } }), false),
            (json!({ "ForAllValues:StringEquals": { "missing": "x" } }), true),
            (json!({ "ForAllValues:StringEquals": { "list": ["x", "y"] } }), true),
            (json!({ "ForAnyValue:StringEquals": { "missing": "x" } }), false),
        ] {
            let decision = decision_for(allow("a:B", "*", condition.clone()), &asked);
            assert_eq!(decision == Decision::Allow, expected, "{condition}");
        }
    }

    #[test]
    fn a_trust_policy_is_evaluated_by_principal_and_conditions() {
        let policy = json!([{ "Effect": "Allow", "Principal": { "Federated": "p" }, "Action": "sts:AssumeRoleWithSAML",
                              "Condition": { "StringEquals": { "SAML:aud": ["a", "b"] } } }]);
        let trusts = |principal, audience| {
            let ask = Ask::of_trust("sts:AssumeRoleWithSAML", "Federated", principal).with("SAML:aud", audience);
            decision_for(policy.clone(), &ask) == Decision::Allow
        };
        assert!(trusts("p", "a") && trusts("p", "b"));
        assert!(!trusts("q", "a") && !trusts("p", "c"));
        assert_eq!(
            decision_for(policy, &Ask::new("sts:AssumeRoleWithSAML", "*").with("SAML:aud", "a")),
            Decision::NotAllowed
        );
    }

    #[test]
    fn wildcards_match_as_in_iam() {
        assert!(like("a*c?", "abbcd") && like("*", "") && like("a", "a"));
        assert!(!like("a*c?", "abbc") && !like("", "a") && !like("a?", "a"));
    }

    #[test]
    fn a_policy_variable_without_a_value_matches_nothing() {
        let policy = allow("connect:GetFederationToken", "arn:instance/i/user/${aws:userid}", json!({}));
        let ask = Ask::new("connect:GetFederationToken", "arn:instance/i/user/AROA:haruna");
        assert_eq!(decision_for(policy.clone(), &ask.clone().with("aws:userid", "AROA:haruna")), Decision::Allow);
        assert_eq!(decision_for(policy.clone(), &ask.clone().with("aws:userid", "AROA:mika")), Decision::NotAllowed);
        assert_eq!(decision_for(policy, &ask), Decision::NotAllowed);
    }

    #[test]
    fn unsupported_policy_elements_are_errors() {
        for bad in [
            json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": { "IpAddress": { "aws:SourceIp": "1" } } }),
            json!({ "Effect": "Deny", "Action": "*", "NotResource": "arn" }),
            json!({ "Action": "*", "Resource": "*" }),
        ] {
            assert!(parse(&json!({ "Statement": [bad] })).is_err());
        }
    }
}
