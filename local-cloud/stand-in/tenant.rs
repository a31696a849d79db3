//! The initial directory of the local Entra tenant, as Microsoft Graph represents it in JSON, so that operators can
//! load an export of their own tenant.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A directory: groups with their members.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The groups as Microsoft Graph represents them, with `members` expanded.
    pub groups: Vec<Group>,
}

/// One group with its direct members.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The object ID, a GUID. Generated if missing.
    #[serde(default)]
    pub id: Option<String>,
    /// The display name.
    pub display_name: String,
    /// The direct members as Microsoft Graph lists them: users, nested groups, devices, …, identified by `@odata.type`.
    #[serde(default)]
    pub members: Vec<Map<String, Value>>,
    /// Other properties of the group, as in Microsoft Graph.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
