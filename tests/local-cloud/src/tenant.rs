//! The directory that the local Entra tenant starts with, in Microsoft Graph's own JSON shapes, so that people can load
//! an export of their own.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A directory: groups with their members.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The groups, in Graph's shape with `members` expanded.
    pub groups: Vec<Group>,
}

/// One group with its direct members.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The object id (a GUID); made up where it is missing.
    #[serde(default)]
    pub id: Option<String>,
    /// The display name.
    pub display_name: String,
    /// The direct members as Graph would list them: users, nested groups, devices, … by `@odata.type`.
    #[serde(default)]
    pub members: Vec<Map<String, Value>>,
    /// Other properties of the group, as Graph has them.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
