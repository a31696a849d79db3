//! The relay state of a sign-in to Connect. The relay state selects the instance and the page that opens after sign-in.
//!
//! Source: "Use a destination in your relay state URL" in the Connect administrator guide. A destination must be
//! percent-encoded. The guide states no other rules, so this module accepts only relay states in the form of its
//! examples.

use percent_encoding::percent_decode_str;

use super::{Refusal, aws::CONNECT};
use crate::stand_in::{connect::Instance, front::Cloud};

/// The target of a relay state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The ID of the instance.
    pub(crate) instance: String,
    /// The page that opens after sign-in. If `None`, Connect selects the page.
    pub(crate) page: Option<Page>,
}

/// The page that opens after sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The URL of the page.
    pub(crate) url: String,
    /// The permission that a security profile of the user must contain, if it is known.
    pub(crate) permission: Option<&'static str>,
}

/// The target of a relay state.
///
/// # Errors
/// Fails if the relay state selects no instance with SAML sign-in, or no page. The error contains the message of the
/// page that the browser shows instead.
pub(crate) fn target(cloud: &Cloud, relay_state: &str) -> Result<Target, Refusal> {
    let endpoint = format!("https://{}.console.aws.amazon.com/connect/federate/", cloud.world.setting().region);
    let Some(rest) = relay_state.strip_prefix(&endpoint) else {
        // If the relay state is missing or does not belong to Connect, the browser opens the AWS console, in which
        // agents have no permissions.
        let message = format!("The relay state `{relay_state}` leads to the AWS console and not to Connect.");
        return Err(Refusal::new("AWS sign-in", message));
    };
    let (id, query) = rest.split_once('?').map_or((rest, None), |(id, query)| (id, Some(query)));
    let state = cloud.world.state();
    let now = cloud.world.setting().clock.now();
    let Some(instance) = state.connect.instance(id).filter(|found| found.id == id && found.takes_saml(now)) else {
        let message = format!("There is no Amazon Connect instance {id} that accepts SAML sign-ins.");
        return Err(Refusal::new(CONNECT, message));
    };
    let destination = query.map_or(Ok(None), destination).map_err(|message| Refusal::new(CONNECT, message))?;
    let page = destination.map(|destination| page(instance, &destination)).transpose();
    let page = page.map_err(|message| Refusal::new(CONNECT, message))?;
    Ok(Target { instance: instance.id.clone(), page })
}

/// The decoded destination in the query of a relay state.
fn destination(query: &str) -> Result<Option<String>, String> {
    let mut destination = None;
    for parameter in query.split('&') {
        match parameter.split_once('=') {
            Some(("destination", value)) if destination.is_none() => destination = Some(decoded(value)?),
            Some(("new_domain", "true")) => {}
            _ => return Err(format!("The relay state has the unknown parameter `{parameter}`.")),
        }
    }
    Ok(destination)
}

fn decoded(value: &str) -> Result<String, String> {
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        let is_encoded = byte == b'%' && is_digit() && is_digit();
        if !is_encoded && !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte) {
            return Err(format!("The destination `{value}` is not percent-encoded."));
        }
    }
    let decoded = percent_decode_str(value).decode_utf8();
    decoded.map(String::from).map_err(|_| format!("The destination `{value}` is not text."))
}

/// The page that a destination names. The page must be on the domain of the instance or at an approved origin.
fn page(instance: &Instance, destination: &str) -> Result<Page, String> {
    let host = destination.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if host.is_some_and(|host| instance.origins.iter().any(|origin| origin.url == format!("https://{host}"))) {
        return Ok(Page { url: destination.to_owned(), permission: None });
    }
    let path = destination.split(['?', '#']).next().unwrap_or_default();
    let leaves = !path.starts_with('/')
        || path.contains("//")
        || path.split('/').any(|segment| matches!(segment, "." | ".."))
        || destination.contains('\\')
        || destination.chars().any(|c| c.is_control() || c.is_whitespace());
    if leaves {
        return Err(format!("The destination `{destination}` is not a page of the instance."));
    }
    // Connect administrator guide: "The user must be assigned a security profile that grants access to that page."
    let for_agents =
        ["/agent-app-v2", "/ccp-v2"].iter().any(|page| path == *page || path.starts_with(&format!("{page}/")));
    let alias = instance.alias.as_deref().unwrap_or(&instance.id).to_ascii_lowercase();
    Ok(Page {
        url: format!("https://{alias}.my.connect.aws{destination}"),
        permission: for_agents.then_some("BasicAgentAccess"),
    })
}

#[cfg(test)]
mod tests {
    use super::destination;

    #[test]
    fn a_destination_is_decoded_once_and_must_be_encoded() {
        for (query, found) in [
            ("destination=%2Fagent-app-v2", Some("/agent-app-v2")),
            ("destination=%2Fccp-v2%2Fchat&new_domain=true", Some("/ccp-v2/chat")),
            ("destination=%252Fa", Some("%2Fa")),
            ("new_domain=true", None),
        ] {
            assert_eq!(destination(query), Ok(found.map(str::to_owned)), "{query}");
        }
        for refused in [
            "destination=/agent-app-v2",
            "destination=%2Fa%",
            "destination=%2Fa%2",
            "destination=%FF",
            "destination=%2Fa&destination=%2Fb",
            "new_domain=false",
            "destinations=%2Fa",
            "",
        ] {
            assert!(destination(refused).is_err(), "{refused}");
        }
    }
}
