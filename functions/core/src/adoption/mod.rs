//! Derives the content of `onboarding.json` from an existing instance: converts the settings of the objects in AWS and
//! Entra to fields. If a setting cannot be read from AWS or Entra, no value is assumed. The setting becomes an open
//! item instead.

mod groups;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

pub use self::groups::{DerivedGroup, DerivedUsers, derive};
use crate::{
    contract::OpenItem,
    names,
    onboarding::{
        Destination, Instance, Language, NumberOrder, Onboarding, Page, PhoneNumber, PhoneNumberType, Storage,
        UsernameAttribute,
    },
    origin::normal_form,
    saml::{ROLE_CLAIM, ROLE_SESSION_NAME_CLAIM, SESSION_DURATION_CLAIM, relay_state},
    telephony::{NumberResult, flow_content, is_same_content, type_name},
};

/// The execution input that makes the state machine `plan` describe an existing instance instead of planning an
/// onboarding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Request {
    /// The alias of the instance.
    #[serde(rename = "adopt")]
    pub alias: String,
    /// The names or object ids of the Entra groups whose members have Connect users. If the list is empty, the groups
    /// that are assigned to the enterprise application are used.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// The settings of an instance, as Amazon Connect returns them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundInstance {
    /// The alias of the instance, with the upper and lower case letters that Connect returns.
    pub alias: String,
    /// The values of the instance attributes, by attribute type, for example `INBOUND_CALLS`.
    pub attributes: BTreeMap<String, String>,
    /// The types of data for which the instance has a storage location, in the stack's bucket or in another bucket.
    pub storage: Storage,
    /// The approved origins of the instance.
    pub origins: Vec<String>,
}

impl FoundInstance {
    /// Converts the settings to the section `instance` of the input. If the instance already has an onboarding,
    /// `declared` is the section `instance` of its last input. An optional setting that `declared` omits is also
    /// omitted from the result, so that the onboarding still does not manage it.
    #[must_use]
    pub fn section(&self, declared: Option<&Instance>) -> (Instance, Vec<OpenItem>) {
        let on = |kind: &str| self.attributes.get(kind).map(|value| value.eq_ignore_ascii_case("true"));
        let optional = |kind: &str, declared: Option<Option<bool>>| match declared {
            Some(None) => None,
            _ => on(kind),
        };
        let mut open_items = Vec::new();
        let mut origins = Vec::new();
        for listed in &self.origins {
            match normal_form(listed) {
                Ok(origin) if origins.contains(&origin) => {}
                Ok(origin) => origins.push(origin),
                Err(_) => open_items.push(OpenItem::new(
                    format!("approved origin {listed}"),
                    "it is not an HTTPS origin, so the input cannot name it",
                    "If no website needs it, remove it under Approved origins in the Amazon Connect console.",
                )),
            }
        }
        if let Some(declared) = declared.and_then(|declared| declared.approved_origins.as_ref()) {
            // The order of approved origins has no meaning. The origins that the last input contains are therefore
            // listed in the order of the last input.
            origins.sort_by_key(|origin| declared.iter().position(|other| other == origin).unwrap_or(usize::MAX));
        }
        let names_origins = declared.map_or(!origins.is_empty(), |declared| declared.approved_origins.is_some());
        let instance = Instance {
            alias: self.alias.clone(),
            inbound_calls: on("INBOUND_CALLS").unwrap_or_default(),
            outbound_calls: on("OUTBOUND_CALLS").unwrap_or_default(),
            flow_logs: on("CONTACTFLOW_LOGS").unwrap_or_default(),
            contact_lens: optional("CONTACT_LENS", declared.map(|declared| declared.contact_lens)),
            early_media: optional("EARLY_MEDIA", declared.map(|declared| declared.early_media)),
            approved_origins: names_origins.then_some(origins),
            storage: self.storage.clone(),
        };
        (instance, open_items)
    }
}

/// Adds the phone numbers of the instance to the input: one entry for each country and type. The instance already has
/// these phone numbers, so they are not ordered. The input needs documents only if it requests further phone numbers.
pub fn add_phone_numbers(onboarding: &mut Onboarding, held: &[NumberResult]) -> Vec<OpenItem> {
    let kinds = [PhoneNumberType::Did, PhoneNumberType::TollFree, PhoneNumberType::Uifn];
    let mut numbers: BTreeMap<(&str, usize), u32> = BTreeMap::new();
    let mut open_items = Vec::new();
    for number in held {
        match kinds.iter().position(|kind| type_name(*kind) == number.kind) {
            Some(kind) => *numbers.entry((&number.country, kind)).or_default() += 1,
            None => open_items.push(OpenItem::new(
                format!("phone number {}", number.phone_number),
                format!("the input cannot name numbers of the type {}", number.kind),
                "None: the onboarding does not change this number.",
            )),
        }
    }
    onboarding.phone_numbers = numbers
        .into_iter()
        .map(|((country, kind), quantity)| PhoneNumber {
            country: country.to_owned(),
            kind: kinds[kind],
            prefix: None,
            quantity,
            description: None,
            contact_flow: None,
        })
        .collect();
    if onboarding.phone_numbers.iter().any(|number| number.country == "JP") {
        onboarding.telephony.order = NumberOrder::Manual;
        open_items.push(OpenItem::new(
            "documents",
            "the documents with which the Japanese phone numbers were ordered cannot be read from AWS, so \
             telephony.order is \"manual\"",
            "Before you order further numbers, add the section documents and set telephony.order to \"automatic\".",
        ));
    }
    open_items
}

/// Sets `telephony.starterFlow` for an instance that has the starter flow of this onboarding. `content` is the content
/// of the flow. The input gets the language of the flow, so that the onboarding does not change the flow. Must be
/// called after [`add_phone_numbers`]. If the field can't be set, returns an open item with the reason.
pub fn add_starter_flow(onboarding: &mut Onboarding, content: &str) -> Option<OpenItem> {
    let left_out = |why: &str, action: &str| {
        let what = format!("{why}, so the file does not contain telephony.starterFlow");
        Some(OpenItem::new(format!("flow {}", names::STARTER_FLOW), what, action))
    };
    let is_same = |language: &Language| is_same_content(content, &flow_content(*language));
    let Some(language) = [Language::En, Language::Ja].into_iter().find(is_same) else {
        return left_out(
            "its content was changed",
            "None if this content is intended. Otherwise, set telephony.starterFlow to true. The next onboarding then \
             restores the content.",
        );
    };
    if !onboarding.instance.inbound_calls || onboarding.phone_numbers.is_empty() {
        return left_out(
            "the instance does not accept calls or has no phone number",
            "None: the onboarding does not change the flow.",
        );
    }
    onboarding.telephony.starter_flow = true;
    onboarding.language = language;
    None
}

/// The values that an onboarding would set in a claims mapping policy, as found in an existing policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundClaims {
    /// The ARN of the role in the `Role` claim.
    pub role: Option<String>,
    /// The ARN of the SAML provider in the `Role` claim.
    pub saml_provider: Option<String>,
    /// The user attribute in the `RoleSessionName` claim.
    pub username: Option<UsernameAttribute>,
    /// The session duration in seconds, from the `SessionDuration` claim.
    pub session_seconds: Option<u32>,
}

impl FoundClaims {
    /// Reads the definition of a claims mapping policy. The `Role` claim contains the ARN of the role and the ARN of
    /// the SAML provider. The two ARNs can be in either order, because AWS's documentation lists the role first, and
    /// many guides list the provider first.
    #[must_use]
    pub fn of(definition: &Value) -> Self {
        let mut found = Self::default();
        let entries = definition.pointer("/ClaimsMappingPolicy/ClaimsSchema").and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let text = |key: &str| entry[key].as_str();
            match text("SamlClaimType") {
                Some(ROLE_CLAIM) => {
                    for arn in text("Value").unwrap_or_default().split(',').map(str::trim) {
                        if arn.contains(":role/") {
                            found.role = Some(arn.to_owned());
                        } else if arn.contains(":saml-provider/") {
                            found.saml_provider = Some(arn.to_owned());
                        }
                    }
                }
                Some(ROLE_SESSION_NAME_CLAIM) => {
                    let source = text("ID").unwrap_or_default();
                    found.username =
                        groups::USERNAMES.into_iter().find(|one| one.claim_source().eq_ignore_ascii_case(source));
                }
                Some(SESSION_DURATION_CLAIM) => {
                    found.session_seconds = text("Value").and_then(|seconds| seconds.parse().ok());
                }
                _ => {}
            }
        }
        found
    }
}

/// Whether this relay state opens the instance with this id. The relay state must contain the id of the instance. The
/// page and the Region in the host name are ignored.
#[must_use]
pub fn leads_to(relay_state: &str, instance_id: &str) -> bool {
    let path = relay_state.split_once("/connect/federate/").map_or("", |(_, path)| path);
    !instance_id.is_empty() && path.split(['?', '#', '/']).next() == Some(instance_id)
}

/// The page that a relay state opens. `None` if the relay state contains no page, or if it differs from the relay state
/// that an onboarding sets for this page.
#[must_use]
pub fn destination(found: &str, region: &str, instance_id: &str) -> Option<Destination> {
    let (_, query) = found.split_once('?')?;
    let encoded = query.split('&').find_map(|pair| pair.strip_prefix("destination="))?;
    let path = percent_decode_str(encoded).decode_utf8().ok()?;
    let named = [Page::AgentWorkspace, Page::Ccp, Page::Admin].map(Destination::Page);
    let page = named.into_iter().find(|page| page.path() == path);
    let page = page.unwrap_or_else(|| Destination::Path(path.into_owned()));
    (relay_state(region, instance_id, Some(&page)) == found).then_some(page)
}

/// Converts a number of seconds to an ISO 8601 duration.
#[must_use]
pub fn iso_duration(seconds: u32) -> String {
    let parts = [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    format!("PT{text}")
}

/// Converts the input to the content of `onboarding.json`. Omits each section that contains only default values, except
/// the sections `instance` and `users`.
///
/// # Errors
/// If the input cannot be converted to JSON, which never happens.
pub fn document(onboarding: &Onboarding) -> serde_json::Result<Value> {
    let defaults = Onboarding::with_defaults(&onboarding.instance.alias, onboarding.users.clone(), Language::default());
    let defaults = serde_json::to_value(defaults)?;
    let mut value = serde_json::to_value(onboarding)?;
    if let Some(sections) = value.as_object_mut() {
        sections.retain(|name, section| ["instance", "users"].contains(&name.as_str()) || *section != defaults[name]);
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
