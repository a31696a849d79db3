//! The AWS part of a sign-in. AWS's sign-in page exchanges the SAML response for a role session. The relay state
//! ([`super::relay_state`]) selects the Connect instance. Connect looks up the user whose username is the session name.
//!
//! The error messages are those of AWS: "Troubleshoot SAML federation with IAM" in the IAM user guide, and
//! "Troubleshoot SAML with Amazon Connect" in the Connect administrator guide.

use super::{
    PostedResponse, Refusal,
    assertion::Assertion,
    exchange::{self, Pair, Rejection, Session, text},
    relay_state::Target,
};
use crate::stand_in::{authority::policy::Ask, front::Cloud};

const SIGN_IN: &str = "AWS sign-in";
pub(super) const CONNECT: &str = "Amazon Connect";

/// Exchanges a posted SAML response for a role session, with the same validation as AWS sign-in and STS.
///
/// # Errors
/// Fails if AWS rejects the response. The error contains the message of AWS's sign-in page.
pub(crate) async fn assume_role(cloud: &Cloud, posted: &PostedResponse) -> Result<Session, Refusal> {
    let invalid = || refuse("Your request included an invalid SAML response. To logout, click here.");
    let assertion = Assertion::read(&posted.response).map_err(|_| invalid())?;
    // If the response contains several pairs of role and SAML provider, AWS shows a page on which the user selects a
    // role. The local cloud has no such page, and rejects the response.
    let pairs = Pair::all(&assertion);
    let ([pair], [_]) = (pairs.as_slice(), assertion.values("Role")) else { return Err(invalid()) };
    // After an update of the metadata, AWS may use the old or the new document, so the response must be valid according
    // to both documents.
    let documents = cloud.iam.sign_in_metadata(&pair.provider).await;
    let session = exchange::session(cloud, &posted.response, &assertion, pair, &documents).await.map_err(page)?;
    if assertion.recipient != posted.reply_url {
        let message = "The Recipient of the SAML response is not an AWS sign-in endpoint";
        return Err(page(Rejection::new("InvalidIdentityToken", message)));
    }
    Ok(session)
}

/// The Connect part of a sign-in. Checks that the session may request a federation token, that the user exists, and
/// that the user's security profiles grant access to the page. Returns the ID of the Connect session.
///
/// # Errors
/// Fails if Connect rejects the session. The error contains the message of Connect's page.
pub(crate) async fn federate(cloud: &Cloud, session: &Session, target: &Target) -> Result<String, Refusal> {
    let instance = target.instance.as_str();
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
    let unknown = "There is no such Amazon Connect instance.";
    let permission = target.page.as_ref().and_then(|page| page.permission);
    let signed_in = instance.ok_or(unknown).and_then(|instance| instance.sign_in(setting, &session.name, permission));
    signed_in.map_err(|message| Refusal::new(CONNECT, message))
}

/// Continues a Connect session without a new sign-in. Returns the instance ID and the username.
///
/// # Errors
/// Fails if the session has ended.
pub(crate) fn resume(cloud: &Cloud, session: &str) -> Result<(String, String), Refusal> {
    let state = cloud.world.state();
    let found =
        state.connect.instances.values().find_map(|instance| {
            instance.signed_in(session).map(|username| (instance.id.clone(), username.to_owned()))
        });
    found.ok_or_else(|| Refusal::new(CONNECT, "Your session has ended. Sign in again."))
}

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal::new(SIGN_IN, message)
}

/// The error page for a rejected response. As in AWS, the service, status and error code follow the error message.
fn page(Rejection { status, code, message }: Rejection) -> Refusal {
    let service = if code.starts_with("AuthSaml") { "AWSOpenIdDiscoveryService" } else { "AWSSecurityTokenService" };
    refuse(format!("{message} (Service: {service}; Status Code: {status}; Error Code: {code})"))
}
