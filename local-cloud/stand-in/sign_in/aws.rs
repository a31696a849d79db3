//! The AWS part of a sign-in. AWS exchanges the SAML response for a role session (`AssumeRoleWithSAML`), the relay
//! state selects the Connect instance, and Connect signs in the user whose username is the session name.
//!
//! The error messages are those of AWS: "Troubleshoot SAML federation with IAM" in the IAM user guide, and
//! "Troubleshoot SAML with Amazon Connect" in the Connect administrator guide.

use serde_json::{Map, Value};
use time::Duration;

use super::{
    PostedResponse, Refusal,
    assertion::{Assertion, Issuer},
    xml_signature,
};
use crate::stand_in::{
    authority::policy::{self, Ask, Decision},
    front::Cloud,
    inventory,
};

const SIGN_IN: &str = "AWS sign-in";
const CONNECT: &str = "Amazon Connect";
/// The maximum age that a SAML response may have when it arrives.
const REDEEM: Duration = Duration::minutes(5);

/// A role session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The role session name.
    pub(crate) name: String,
    role: Map<String, Value>,
}

/// Validates a posted SAML response in the same way as AWS sign-in and STS.
///
/// # Errors
/// If AWS rejects the response. The error contains the message of AWS's sign-in page.
pub(crate) async fn assume_role(cloud: &Cloud, posted: &PostedResponse) -> Result<Session, Refusal> {
    let invalid = |_| refuse("Your request included an invalid SAML response. To logout, click here.");
    let assertion = Assertion::read(&posted.response).map_err(invalid)?;
    let (role_arn, provider_arn) = pair(&assertion).ok_or_else(|| invalid(String::new()))?;
    let documents = cloud.iam.sign_in_metadata(&provider_arn).await;
    if documents.is_empty() {
        return Err(saml("Specified provider doesn't exist", "AuthSamlInvalidSamlResponseException"));
    }
    // After an update of the metadata, AWS may use the old or the new document, so the response must be valid with
    // both.
    for document in &documents {
        let issuer = Issuer::read(document).filter(|issuer| issuer.entity_id == assertion.issuer).ok_or_else(|| {
            saml(
                "Failed to assume role: Issuer not present in specified provider",
                "AuthSamlInvalidSamlResponseException",
            )
        })?;
        xml_signature::verify(&posted.response, &assertion.id, &issuer.certificates)
            .map_err(|_| saml("Response signature invalid", "InvalidIdentityToken"))?;
    }
    let now = cloud.world.setting().clock.now();
    if assertion.not_on_or_after <= now || assertion.issued + REDEEM < now {
        return Err(saml("Token must be redeemed within 5 minutes of issuance", "ExpiredTokenException"));
    }
    if assertion.not_before > now {
        return Err(saml("Token is not valid yet", "InvalidIdentityToken"));
    }
    let endpoint = |url: &str| is_endpoint(url, &cloud.world.setting().region);
    if !assertion.audiences.iter().any(|audience| audience == "urn:amazon:webservices" || endpoint(audience)) {
        return Err(saml("Response does not contain the required audience.", "InvalidIdentityToken"));
    }
    if assertion.recipient != posted.reply_url || !endpoint(&assertion.recipient) {
        return Err(saml("The Recipient of the SAML response is not an AWS sign-in endpoint", "InvalidIdentityToken"));
    }
    let name = session_name(&assertion)?;
    let role = role(cloud, &role_arn).await.ok_or_else(not_authorized)?;
    let ask = Ask::of_trust("sts:AssumeRoleWithSAML", "Federated", provider_arn)
        .with("SAML:aud", assertion.recipient.clone())
        .with("SAML:iss", assertion.issuer.clone());
    let trust = role.get("AssumeRolePolicyDocument").map(inventory::document_of).unwrap_or_default();
    // A trust policy that cannot be evaluated trusts no principal.
    let trusted = policy::parse(&trust).is_ok_and(|trust| policy::decide(&trust, None, &ask) == Decision::Allow);
    if !trusted {
        return Err(not_authorized());
    }
    check_duration(&assertion, &role)?;
    Ok(Session { name, role })
}

/// The ID of the instance that a relay state selects.
///
/// # Errors
/// If the relay state selects no instance with SAML sign-in. The error contains the message of the page that the
/// browser shows instead.
pub(crate) fn destination(cloud: &Cloud, relay_state: &str) -> Result<String, Refusal> {
    let place = format!("https://{}.console.aws.amazon.com/connect/federate/", cloud.world.setting().region);
    let Some(rest) = relay_state.strip_prefix(&place) else {
        // If the relay state is missing or does not belong to Connect, the browser opens the AWS console, in which
        // agents have no permissions.
        return Err(refuse(format!("The relay state `{relay_state}` leads to the AWS console and not to Connect.")));
    };
    let id = rest.split(['?', '#']).next().unwrap_or_default().to_owned();
    let state = cloud.world.state();
    let now = cloud.world.setting().clock.now();
    match state.connect.instance(&id) {
        Some(instance) if instance.takes_saml(now) => Ok(id),
        _ => {
            Err(Refusal::new(CONNECT, format!("There is no Amazon Connect instance {id} that accepts SAML sign-ins.")))
        }
    }
}

/// The Connect part of a sign-in: checks that the session may request a federation token and that the user exists.
/// Returns the ID of the Connect session.
///
/// # Errors
/// If Connect rejects the session. The error contains the message of Connect's page.
pub(crate) async fn federate(cloud: &Cloud, session: &Session, instance: &str) -> Result<String, Refusal> {
    let setting = &cloud.world.setting();
    let user_id = format!("{}:{}", text(&session.role, "RoleId"), session.name);
    let resource = setting.arn(&format!("instance/{instance}/user/{user_id}"));
    let ask = Ask::new("connect:GetFederationToken", resource)
        .with("aws:userid", user_id)
        .with("aws:RequestedRegion", setting.region.clone())
        .with("connect:InstanceId", instance);
    if !cloud.authority.asked(text(&session.role, "RoleName"), &ask).await {
        return Err(Refusal::new(
            CONNECT,
            "Access denied, Please contact your AWS account administrator for assistance.",
        ));
    }
    let mut state = cloud.world.state();
    let instance = state.connect.instance_mut(instance);
    instance.and_then(|instance| instance.sign_in(setting, &session.name)).ok_or_else(|| {
        Refusal::new(
            CONNECT,
            "Access denied. Your account has been authenticated, but has not been onboarded to this application.",
        )
    })
}

/// Continues a Connect session without a new sign-in. Returns the instance ID and the username.
///
/// # Errors
/// If the session has ended.
pub(crate) fn resume(cloud: &Cloud, session: &str) -> Result<(String, String), Refusal> {
    let state = cloud.world.state();
    let found =
        state.connect.instances.values().find_map(|instance| {
            instance.signed_in(session).map(|username| (instance.id.clone(), username.to_owned()))
        });
    found.ok_or_else(|| Refusal::new(CONNECT, "Your session has ended. Sign in again."))
}

fn is_endpoint(url: &str, region: &str) -> bool {
    url == "https://signin.aws.amazon.com/saml" || url == format!("https://{region}.signin.aws.amazon.com/saml")
}

/// The role and the provider in the Role attribute of an assertion. The attribute can list the two in either order.
fn pair(assertion: &Assertion) -> Option<(String, String)> {
    let [value] = assertion.values("Role") else { return None };
    let (one, other) = value.split_once(',')?;
    let (one, other) = (one.trim().to_owned(), other.trim().to_owned());
    if one.contains(":role/") && other.contains(":saml-provider/") {
        Some((one, other))
    } else if one.contains(":saml-provider/") && other.contains(":role/") {
        Some((other, one))
    } else {
        None
    }
}

fn session_name(assertion: &Assertion) -> Result<String, Refusal> {
    let [name] = assertion.values("RoleSessionName") else {
        return Err(saml("RoleSessionName is required in AuthnResponse", "InvalidIdentityToken"));
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&name.len()) || !name.chars().all(legal) {
        let rule = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
        return Err(saml(rule, "InvalidIdentityToken"));
    }
    Ok(name.clone())
}

fn check_duration(assertion: &Assertion, role: &Map<String, Value>) -> Result<(), Refusal> {
    let [seconds] = assertion.values("SessionDuration") else { return Ok(()) };
    let longest = role.get("MaxSessionDuration").and_then(Value::as_u64).unwrap_or(3600);
    match seconds.parse::<u64>() {
        Ok(seconds) if seconds > longest => Err(saml(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "ValidationError",
        )),
        Ok(900..=43_200) => Ok(()),
        _ => Err(saml("SessionDuration in AuthnResponse must be between 900 and 43200", "InvalidIdentityToken")),
    }
}

async fn role(cloud: &Cloud, arn: &str) -> Option<Map<String, Value>> {
    let name = arn.rsplit('/').next()?;
    let found = inventory::ask(&cloud.upstream, "GetRole", &[("RoleName", name)]).await;
    found.get("Role").and_then(Value::as_object).filter(|role| text(role, "Arn") == arn).cloned()
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal::new(SIGN_IN, message)
}

/// An error page. As in AWS, the service, status and error code follow the text.
fn saml(text: &str, code: &str) -> Refusal {
    let service = if code.starts_with("AuthSaml") { "AWSOpenIdDiscoveryService" } else { "AWSSecurityTokenService" };
    refuse(format!("{text} (Service: {service}; Status Code: 400; Error Code: {code})"))
}

fn not_authorized() -> Refusal {
    refuse(
        "Not authorized to perform sts:AssumeRoleWithSAML (Service: AWSSecurityTokenService; Status Code: 403; Error \
         Code: AccessDenied)",
    )
}
