//! The rules of Connect for users of a SAML instance. Source: the field descriptions of the API reference.

use serde_json::{Map, Value};
use unicode_normalization::is_nfc;

use super::{Instance, profiles};
use crate::stand_in::aws_error::Refusal;
use crate::stand_in::input::Input;

/// The request members with a configuration per channel. These members replace `PhoneConfig`, and a request cannot
/// contain both.
pub(super) const CHANNEL_CONFIGS: [&str; 5] = [
    "AutoAcceptConfigs",
    "AfterContactWorkConfigs",
    "PhoneNumberConfigs",
    "PersistentConnectionConfigs",
    "VoiceEnhancementConfigs",
];

/// Validates a username: 1 to 64 characters of `[a-zA-Z0-9_.@-]`. `@` is valid only in a full email address.
pub(super) fn username(name: &str) -> Result<(), Refusal> {
    let refuse = |why: &str| Err(Refusal::invalid_parameter(format!("Username is not valid: {why}")));
    if name.chars().count() > 64 {
        return refuse("it is longer than 64 characters.");
    }
    let legal = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    match name.split_once('@') {
        None if legal(name) => Ok(()),
        Some((local, domain)) if !local.is_empty() && legal(local) && legal(domain) => {
            let labels: Vec<&str> = domain.split('.').collect();
            if labels.len() < 2 || labels.iter().any(|label| label.is_empty()) {
                return refuse("@ is allowed only in a full email address.");
            }
            Ok(())
        }
        _ => refuse("only letters, digits, _ - . and @ may be used."),
    }
}

/// Validates the first and last name in a request, and rejects an email address if the instance uses SAML.
pub(super) fn identity(instance: &Instance, info: Option<&Map<String, Value>>) -> Result<Map<String, Value>, Refusal> {
    let text =
        |name: &str| info.and_then(|info| info.get(name)).and_then(Value::as_str).filter(|text| !text.is_empty());
    if instance.is_saml() && text("Email").is_some() {
        return Err(Refusal::invalid_request("Email must not be given when SAML is used for identity management."));
    }
    for name in ["FirstName", "LastName"] {
        let Some(value) = text(name) else {
            return Err(Refusal::invalid_request(format!("IdentityInfo.{name} is required.")));
        };
        if !is_nfc(value) {
            return Err(Refusal::invalid_parameter(format!(
                "IdentityInfo.{name} is not in Unicode normalization form C."
            )));
        }
    }
    Ok(info.cloned().unwrap_or_default())
}

/// Validates the security profiles in a request: one to ten profiles, which must all exist.
pub(super) fn security_profiles(instance: &Instance, input: &Input) -> Result<Vec<String>, Refusal> {
    let asked = input.texts("SecurityProfileIds");
    if asked.is_empty() || asked.len() > 10 {
        return Err(Refusal::invalid_parameter("SecurityProfileIds must hold 1 to 10 ids."));
    }
    let known = |id: &&str| profiles::find(&instance.named.security, id).map(|profile| profile.id.clone());
    asked.iter().map(|id| known(id).map_err(|_| unknown("security profile", id))).collect()
}

pub(super) fn routing_profile(instance: &Instance, input: &Input) -> Result<String, Refusal> {
    let id = input.need("RoutingProfileId")?;
    let found = profiles::find(&instance.named.routing, id).map_err(|_| unknown("routing profile", id))?;
    Ok(found.id.clone())
}

pub(super) fn hierarchy_group(instance: &Instance, input: &Input) -> Result<Option<String>, Refusal> {
    let Some(id) = input.text("HierarchyGroupId") else { return Ok(None) };
    let found = profiles::find(&instance.named.hierarchy, id).map_err(|_| unknown("hierarchy group", id))?;
    Ok(Some(found.id.clone()))
}

fn unknown(what: &str, id: &str) -> Refusal {
    Refusal::invalid_parameter(format!("The {what} {id} does not exist in this instance."))
}

/// Validates the settings in one request member. Each channel may occur at most once. Request members and settings that
/// the API reference limits to the channel `VOICE` accept no other channel. The values themselves are not checked here,
/// because the service model limits them.
fn channels(name: &str, list: &Value) -> Result<(), Refusal> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let channel = |one: &Value| one["Channel"].as_str().unwrap_or_default().to_owned();
    for (index, one) in list.iter().enumerate() {
        let channel_of = channel(one);
        if list[..index].iter().any(|other| channel(other) == channel_of) {
            return Err(Refusal::invalid_parameter(format!("{name} contains the channel {channel_of} twice.")));
        }
        let callbacks = ["AgentFirstCallbackAutoAccept", "AgentFirstCallbackAfterContactWorkConfig"];
        let only_voice = !["AutoAcceptConfigs", "AfterContactWorkConfigs"].contains(&name)
            || callbacks.iter().any(|member| one.get(member).is_some());
        if only_voice && channel_of != "VOICE" {
            return Err(Refusal::invalid_parameter(format!("{name} does not support the channel {channel_of}.")));
        }
    }
    Ok(())
}

/// The phone settings in a request: either `PhoneConfig` or the configurations per channel.
pub(super) fn phone_settings(input: &Input) -> Result<Map<String, Value>, Refusal> {
    let mut settings = Map::new();
    for name in CHANNEL_CONFIGS {
        if let Some(value) = input.0.get(name).filter(|value| !value.is_null()) {
            channels(name, value)?;
            settings.insert(name.into(), value.clone());
        }
    }
    if let Some(phone) = input.object("PhoneConfig") {
        if !settings.is_empty() {
            return Err(Refusal::invalid_request(
                "PhoneConfig cannot be combined with channel-specific configurations.",
            ));
        }
        let desk = phone.get("PhoneType").and_then(Value::as_str) == Some("DESK_PHONE");
        if desk && phone.get("DeskPhoneNumber").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Refusal::invalid_request("A desk phone needs a DeskPhoneNumber."));
        }
        settings.insert("PhoneConfig".into(), Value::Object(phone.clone()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_must_have_the_characters_and_the_form_that_saml_allows() {
        for good in ["Taro.Yamada@example.com", "a", "x_y-z.1", &"a".repeat(64)] {
            assert_eq!(username(good), Ok(()), "{good}");
        }
        for bad in [
            "testuser@example",
            "a+b@example.com",
            "a_b.com#EXT#@t.onmicrosoft.com",
            "太郎",
            "a@@b.c",
            "a b",
            &"a".repeat(65),
        ] {
            assert!(username(bad).is_err(), "{bad}");
        }
    }
}
