//! The attributes of a Connect instance, for example whether it accepts inbound calls.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Instance, bad_token};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::world::Setting;

/// Every attribute type of the service model, with the value that the attribute has on an instance created through the
/// API.
const TYPES: [(&str, &str); 14] = [
    ("AUTO_MUTE_AGENT_ON_HOLD", "false"),
    ("INBOUND_CALLS", "false"),
    ("OUTBOUND_CALLS", "false"),
    ("CONTACTFLOW_LOGS", "false"),
    ("CONTACT_LENS", "false"),
    ("AUTO_RESOLVE_BEST_VOICES", "true"),
    ("USE_CUSTOM_TTS_VOICES", "false"),
    ("EARLY_MEDIA", "false"),
    ("MULTI_PARTY_CONFERENCE", "false"),
    ("HIGH_VOLUME_OUTBOUND", "false"),
    ("ENHANCED_CONTACT_MONITORING", "false"),
    ("ENHANCED_CHAT_MONITORING", "false"),
    ("MULTI_PARTY_CHAT_CONFERENCE", "false"),
    ("MESSAGE_STREAMING", "false"),
];

/// The attributes of a new instance.
pub(super) fn defaults(inbound: String, outbound: String) -> BTreeMap<&'static str, String> {
    let mut attributes: BTreeMap<_, _> = TYPES.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    attributes.insert("INBOUND_CALLS", inbound);
    attributes.insert("OUTBOUND_CALLS", outbound);
    attributes
}

fn kind(input: &Input) -> Result<&'static str, Refusal> {
    let asked = input.need("AttributeType")?;
    let known = TYPES.iter().find(|(name, _)| *name == asked).map(|(name, _)| *name);
    known.ok_or_else(|| Refusal::invalid_parameter(format!("Unknown attribute type {asked}.")))
}

pub(super) fn describe(instance: &Instance, input: &Input) -> Answer {
    let kind = kind(input)?;
    answer(json!({ "Attribute": { "AttributeType": kind, "Value": instance.attributes.get(kind) } }))
}

pub(super) fn list(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let all =
        (1..).zip(instance.attributes.iter().map(|(kind, value)| json!({ "AttributeType": kind, "Value": value })));
    let scope = format!("ListInstanceAttributes {}", instance.id);
    let (found, next) = page(all, &scope, input.text("NextToken"), input.page_size(7, 7), setting.paging(), bad_token)?;
    let mut shape = json!({ "Attributes": found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

pub(super) fn update(instance: &mut Instance, input: &Input) -> Answer {
    let (kind, value) = (kind(input)?, input.need("Value")?);
    if !matches!(value, "true" | "false") {
        return Err(Refusal::invalid_parameter(format!("The value of {kind} must be true or false.")));
    }
    instance.attributes.insert(kind, value.into());
    nothing()
}
