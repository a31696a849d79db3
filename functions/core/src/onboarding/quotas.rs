//! The input section `quotas`: the required values of service quotas.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// The quotas with their required values, in the order of the input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quotas(pub Vec<Quota>);

#[cfg(feature = "schema")]
impl JsonSchema for Quotas {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quotas".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = serde_json::json!({ "type": "number", "minimum": 1, "maximum": 10_000_000_000_u64 });
        let required = serde_json::json!({
            "description": "Whether a denied request fails the onboarding; otherwise the onboarding continues and reports the denial.",
            "type": "boolean",
            "default": false
        });
        let names: Vec<&str> = QUOTA_NAMES.iter().map(|(name, _, _)| *name).collect();
        let wish = serde_json::json!({ "anyOf": [
            value,
            { "type": "object", "properties": { "value": value, "required": required }, "required": ["value"], "additionalProperties": false }
        ] });
        let by_name: serde_json::Map<String, serde_json::Value> =
            names.iter().map(|name| ((*name).to_owned(), wish.clone())).collect();
        schemars::json_schema!({ "anyOf": [
            { "type": "object", "properties": by_name, "patternProperties": { "^L-[0-9A-Fa-f]{8}$": wish }, "additionalProperties": false },
            { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "code": { "anyOf": [{ "type": "string", "enum": names }, { "type": "string", "pattern": "^L-[0-9A-Fa-f]{8}$" }] },
                    "value": value,
                    "required": required
                },
                "required": ["code", "value"],
                "additionalProperties": false
            } }
        ] })
    }
}

/// One quota of the service `connect`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// The quota code: `L-` followed by eight uppercase hexadecimal digits.
    #[serde(deserialize_with = "upper_case")]
    pub code: String,
    /// The required value.
    pub value: f64,
    /// Whether the onboarding fails if AWS denies an increase of this quota. If the quota is not required, the
    /// onboarding continues after a denial, and its report contains the denial.
    #[serde(default)]
    pub required: bool,
}

/// Deserializes a quota code in upper or lower case and converts it to upper case, the notation of Service Quotas.
fn upper_case<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|code| code.to_ascii_uppercase())
}

/// The Connect quotas that have a short name in the input. Each entry contains the short name, the quota code, and
/// whether the quota applies to one instance (Amazon Connect administrator guide, service quotas).
pub const QUOTA_NAMES: [(&str, &str, bool); 9] = [
    ("instances", "L-AA17A6B9", false),
    ("phoneNumbers", "L-8F812903", true),
    ("concurrentActiveCalls", "L-12AB7C57", true),
    ("users", "L-9A46857E", true),
    ("securityProfiles", "L-F325A715", true),
    ("routingProfiles", "L-D3E7BE26", true),
    ("queues", "L-19A87C94", true),
    ("contactFlows", "L-22922690", true),
    ("concurrentActiveChats", "L-D4BA6F6E", true),
];

/// The quota for the number of instances in an account and Region.
pub const INSTANCES_QUOTA: &str = "L-AA17A6B9";
/// The quota for the number of users in an instance.
pub const USERS_QUOTA: &str = "L-9A46857E";

/// The quota for the number of phone numbers in an instance.
pub const PHONE_NUMBERS_QUOTA: &str = "L-8F812903";

/// The short name for a quota code. If the quota has no short name, the code.
#[must_use]
pub fn quota_name(code: &str) -> &str {
    QUOTA_NAMES.iter().find(|(_, known, _)| *known == code).map_or(code, |(name, _, _)| name)
}

/// Whether a quota applies to one instance. The request to increase such a quota contains the instance ARN as
/// `ContextId`. Returns true for unknown codes, because almost all adjustable quotas of Connect apply to one instance.
#[must_use]
pub fn quota_is_per_instance(code: &str) -> bool {
    QUOTA_NAMES.iter().find(|(_, known, _)| *known == code).is_none_or(|(_, _, per_instance)| *per_instance)
}
