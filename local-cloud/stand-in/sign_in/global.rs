//! The global sign-in of a replicated instance. The reply URL, not a relay state, selects the instance.
//!
//! Source: "Integrate your identity provider (`IdP`) with a Connect Customer Global Resiliency SAML sign in endpoint"
//! in the Connect administrator guide.

use super::{Refusal, aws::CONNECT, relay_state::Target};
use crate::stand_in::front::Cloud;

/// The parameters that the reply URL must contain.
const PARAMETERS: [&str; 4] = ["instanceId", "accountId", "role", "idp"];

/// Whether a URL is the global sign-in endpoint of an instance, with or without a query.
pub(crate) fn is_endpoint(cloud: &Cloud, url: &str) -> bool {
    let endpoint = url.split('?').next();
    let state = cloud.world.state();
    let mut instances = state.connect.instances.values();
    instances.any(|instance| instance.global_sign_in_endpoint().as_deref() == endpoint)
}

/// The target of a reply URL, if it is the global sign-in endpoint of an instance.
///
/// # Errors
/// Fails if the reply URL lacks a parameter, or the user does not belong to a traffic distribution group. The error
/// contains the message of the page that the browser shows instead.
pub(crate) fn target(cloud: &Cloud, reply_url: &str, username: &str) -> Result<Option<Target>, Refusal> {
    let (endpoint, query) = reply_url.split_once('?').unwrap_or((reply_url, ""));
    let now = cloud.world.setting().clock.now();
    let state = cloud.world.state();
    let mut instances = state.connect.instances.values();
    let found = instances.find(|instance| instance.global_sign_in_endpoint().as_deref() == Some(endpoint));
    let Some(instance) = found else { return Ok(None) };
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let missing = PARAMETERS.iter().find(|name| value(name).is_none_or(str::is_empty));
    if let Some(missing) =
        missing.copied().or_else(|| (value("instanceId") != Some(&instance.id)).then_some("instanceId"))
    {
        return Err(Refusal::new(CONNECT, format!("The parameter {missing} of the reply URL is missing or wrong.")));
    }
    let user = instance.users.by_name(username, now);
    if user.is_some_and(|user| instance.group_of(&user.id).is_none()) {
        let message = "ResourceNotFoundException: The user is in no traffic distribution group.";
        return Err(Refusal::new(CONNECT, message));
    }
    Ok(Some(Target { instance: instance.id.clone(), page: None }))
}
