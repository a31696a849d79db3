//! Exchanges a SAML response for a role session, as STS does. AWS's sign-in page and the operation `AssumeRoleWithSAML`
//! use the same exchange with the same checks.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::{
    assertion::{Assertion, Issuer},
    global, xml_signature,
};
use crate::stand_in::{
    authority::policy::{self, Ask, Decision, Statement},
    cloud_trail,
    front::Cloud,
    inventory,
};

/// The maximum age of a SAML response at the time at which STS receives the response.
const REDEEM: Duration = Duration::minutes(5);

/// The reason why STS rejects a SAML response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Rejection {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    pub(crate) fn not_authorized() -> Self {
        let message = "Not authorized to perform sts:AssumeRoleWithSAML".to_owned();
        Self { status: 403, code: "AccessDenied", message }
    }
}

/// The role and the SAML provider that a caller selects, by ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) role: String,
    pub(crate) provider: String,
}

impl Pair {
    /// The pairs of role and SAML provider in the attribute `Role` of an assertion. In each value, the role and the
    /// SAML provider can be in either order.
    pub(crate) fn all(assertion: &Assertion) -> Vec<Self> {
        let pairs = assertion.values("Role").iter().filter_map(|value| {
            let (one, other) = value.split_once(',')?;
            let (one, other) = (one.trim().to_owned(), other.trim().to_owned());
            if one.contains(":role/") && other.contains(":saml-provider/") {
                Some(Self { role: one, provider: other })
            } else if one.contains(":saml-provider/") && other.contains(":role/") {
                Some(Self { role: other, provider: one })
            } else {
                None
            }
        });
        pairs.collect()
    }
}

/// A role session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The role session name.
    pub(crate) name: String,
    pub(crate) role: Map<String, Value>,
    /// The value of the condition key `saml:namequalifier`.
    pub(crate) name_qualifier: String,
}

/// Checks a SAML response and returns the role session for it. The response must pass the validation with each
/// metadata document in `documents`. AWS may currently use any of these documents.
///
/// # Errors
/// Fails if STS rejects the response.
pub(crate) async fn session(
    cloud: &Cloud,
    response: &str,
    assertion: &Assertion,
    pair: &Pair,
    documents: &[String],
) -> Result<Session, Rejection> {
    if documents.is_empty() {
        return Err(Rejection::new("AuthSamlInvalidSamlResponseException", "Specified provider doesn't exist"));
    }
    for document in documents {
        let issuer = Issuer::read(document).filter(|issuer| issuer.entity_id == assertion.issuer).ok_or_else(|| {
            let message = "Failed to assume role: Issuer not present in specified provider";
            Rejection::new("AuthSamlInvalidSamlResponseException", message)
        })?;
        xml_signature::verify(response, &assertion.id, &issuer.certificates)
            .map_err(|_| Rejection::new("InvalidIdentityToken", "Response signature invalid"))?;
    }
    check_time_and_recipient(assertion, cloud.world.setting().clock.now(), |url| {
        is_endpoint(url, &cloud.world.setting().region) || global::is_endpoint(cloud, url)
    })?;
    let name = session_name(assertion)?;
    let role = role(cloud, &pair.role).await.ok_or_else(Rejection::not_authorized)?;
    let qualifier = name_qualifier(assertion, &cloud.world.setting().account, &pair.provider);
    let trust = role.get("AssumeRolePolicyDocument").map(inventory::document_of).unwrap_or_default();
    // A trust policy that cannot be evaluated trusts no principal.
    let trusted = policy::parse(&trust).is_ok_and(|trust| is_trusted(&trust, assertion, pair, &qualifier));
    if !trusted {
        return Err(Rejection::not_authorized());
    }
    check_duration(assertion, &role)?;
    cloud_trail::record(&cloud.world, (&pair.role, &pair.provider), &name, &assertion.recipient);
    Ok(Session { name, role, name_qualifier: qualifier })
}

fn check_time_and_recipient(
    assertion: &Assertion,
    now: OffsetDateTime,
    is_endpoint: impl Fn(&str) -> bool,
) -> Result<(), Rejection> {
    if assertion.not_on_or_after <= now || assertion.issued + REDEEM < now {
        return Err(Rejection::new("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"));
    }
    if assertion.not_before > now {
        return Err(Rejection::new("InvalidIdentityToken", "Token is not valid yet"));
    }
    let accepted = |audience: &String| audience == "urn:amazon:webservices" || is_endpoint(audience);
    if !assertion.audiences.iter().any(accepted) {
        return Err(Rejection::new("InvalidIdentityToken", "Response does not contain the required audience."));
    }
    if !is_endpoint(&assertion.recipient) {
        let message = "The Recipient of the SAML response is not an AWS sign-in endpoint";
        return Err(Rejection::new("InvalidIdentityToken", message));
    }
    Ok(())
}

/// Whether the trust policy of a role allows the session, with all session tags.
fn is_trusted(trust: &[Statement], assertion: &Assertion, pair: &Pair, qualifier: &str) -> bool {
    let ask = |action: &str| {
        Ask::of_trust(action, "Federated", pair.provider.clone())
            .with("SAML:aud", assertion.recipient.clone())
            .with("SAML:iss", assertion.issuer.clone())
            .with("SAML:sub", assertion.subject.clone())
            .with("SAML:sub_type", assertion.subject_type.clone())
            .with("SAML:namequalifier", qualifier)
    };
    let allowed = |ask: &Ask| policy::decide(trust, None, ask) == Decision::Allow;
    let tags: Vec<(&str, &str)> = assertion.principal_tags().collect();
    if tags.is_empty() {
        return allowed(&ask("sts:AssumeRoleWithSAML"));
    }
    // If a response contains session tags, these two actions are both checked with the tags.
    ["sts:AssumeRoleWithSAML", "sts:TagSession"].into_iter().all(|action| {
        let tagged = tags.iter().fold(ask(action), |ask, (key, value)| {
            ask.with(&format!("aws:RequestTag/{key}"), *value).with("aws:TagKeys", *key)
        });
        allowed(&tagged)
    })
}

/// The value of `saml:namequalifier`: a hash of the issuer, the account and the name of the SAML provider (STS API
/// reference, `AssumeRoleWithSAML`).
fn name_qualifier(assertion: &Assertion, account: &str, provider: &str) -> String {
    let name = provider.rsplit('/').next().unwrap_or_default();
    let text = format!("{}{account}/{name}", assertion.issuer);
    STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

pub(crate) fn is_endpoint(url: &str, region: &str) -> bool {
    url == "https://signin.aws.amazon.com/saml" || url == format!("https://{region}.signin.aws.amazon.com/saml")
}

fn session_name(assertion: &Assertion) -> Result<String, Rejection> {
    let [name] = assertion.values("RoleSessionName") else {
        return Err(Rejection::new("InvalidIdentityToken", "RoleSessionName is required in AuthnResponse"));
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&name.len()) || !name.chars().all(legal) {
        let rule = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
        return Err(Rejection::new("InvalidIdentityToken", rule));
    }
    Ok(name.clone())
}

/// The maximum session duration of a role, in seconds.
pub(crate) fn longest(role: &Map<String, Value>) -> u64 {
    role.get("MaxSessionDuration").and_then(Value::as_u64).unwrap_or(3600)
}

pub(crate) fn too_long() -> Rejection {
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    Rejection::new("ValidationError", message)
}

fn check_duration(assertion: &Assertion, role: &Map<String, Value>) -> Result<(), Rejection> {
    let [seconds] = assertion.values("SessionDuration") else { return Ok(()) };
    match seconds.parse::<u64>() {
        Ok(seconds) if seconds > longest(role) => Err(too_long()),
        Ok(900..=43_200) => Ok(()),
        _ => {
            let message = "SessionDuration in AuthnResponse must be between 900 and 43200";
            Err(Rejection::new("InvalidIdentityToken", message))
        }
    }
}

async fn role(cloud: &Cloud, arn: &str) -> Option<Map<String, Value>> {
    let name = arn.rsplit('/').next()?;
    let found = inventory::ask(&cloud.upstream, "GetRole", &[("RoleName", name)]).await;
    found.get("Role").and_then(Value::as_object).filter(|role| text(role, "Arn") == arn).cloned()
}

/// The value of a role member that contains text.
pub(crate) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use serde_json::json;

    use super::*;
    use crate::stand_in::{
        graph::SigningKey,
        sign_in::response::{Attributes, Content},
    };

    #[test]
    fn a_response_with_session_tags_needs_a_trust_policy_that_allows_the_tags() {
        let now = OffsetDateTime::now_utc();
        let key = SigningKey::generate("test", now, now + Duration::days(1)).unwrap();
        let name = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:team".to_owned();
        let attributes = Attributes::from([(name, vec!["support".to_owned()])]);
        let content = Content {
            issuer: "https://issuer.example/",
            reply_url: "https://signin.aws.amazon.com/saml",
            audience: "urn:amazon:webservices",
            name: "mio@contoso.example",
            attributes: &attributes,
        };
        let assertion = Assertion::read(&content.signed(&key, now).unwrap()).unwrap();
        assert_eq!(assertion.principal_tags().collect::<Vec<_>>(), [("team", "support")]);
        let pair = Pair { role: "r".into(), provider: "p".into() };
        let trusts = |actions: serde_json::Value, team: &str| {
            let statement = json!({ "Statement": [{
                "Effect": "Allow", "Principal": { "Federated": "p" }, "Action": actions,
                "Condition": { "StringEquals": { "aws:RequestTag/team": team } },
            }] });
            is_trusted(&policy::parse(&statement).unwrap(), &assertion, &pair, "q")
        };
        let both = json!(["sts:AssumeRoleWithSAML", "sts:TagSession"]);
        assert!(trusts(both.clone(), "support"));
        assert!(!trusts(both, "sales"));
        assert!(!trusts(json!("sts:AssumeRoleWithSAML"), "support"));
    }
}
