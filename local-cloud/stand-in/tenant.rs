//! The initial directory of the local Entra tenant. The directory has the JSON format of Microsoft Graph, so that
//! operators can load an export of their own tenant.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A directory, which consists of groups with their members.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The groups in the format of Microsoft Graph, with expanded `members`.
    pub groups: Vec<Group>,
}

/// One group with its direct members.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The object ID, a GUID. If the ID is missing, an ID is generated.
    #[serde(default)]
    pub id: Option<String>,
    /// The group's display name.
    pub display_name: String,
    /// The direct members as Microsoft Graph lists them: users, nested groups, devices, …, identified by `@odata.type`.
    #[serde(default)]
    pub members: Vec<Map<String, Value>>,
    /// Other properties of the group, as in Microsoft Graph.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
