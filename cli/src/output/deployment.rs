//! The objects that `deploy` prints.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// A deployment: first the planned changes, and then the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deployment {
    /// Name of the stack.
    pub stack: String,
    /// `PLANNED` before the changes are made, and then the status of the stack, as CloudFormation returns it.
    pub status: String,
    /// The changes of the stack's resources.
    pub changes: Vec<Change>,
    /// The stack outputs by name; empty before the changes are made.
    pub outputs: BTreeMap<String, String>,
}

/// A change of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What happens to the resource.
    pub action: ChangeAction,
    /// Logical id of the resource in the template.
    pub resource: String,
    /// Type of the resource.
    #[serde(rename = "type")]
    pub kind: String,
    /// Physical id of an existing resource.
    pub id: Option<String>,
    /// The properties and attributes that change.
    pub properties: Vec<String>,
    /// What happens to the old resource, as CloudFormation returns it: `Delete`, `Retain`, `ReplaceAndRetain` …
    pub policy: Option<String>,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangeAction {
    /// The resource is created.
    Add,
    /// The resource is changed and keeps its data.
    Change,
    /// CloudFormation decides during the deployment whether the resource is replaced.
    MayReplace,
    /// A new resource is created, and the old one is deleted unless its policy keeps it.
    Replace,
    /// The resource is deleted unless its policy keeps it.
    Remove,
}
