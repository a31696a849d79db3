//! The plan of an onboarding or a teardown: one item for each object in AWS and Entra ID.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OpenItem;
use crate::sync::PlannedUser;

/// The part of an onboarding that an object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Area {
    /// The Amazon Connect instance, its attributes and its storage locations.
    Instance,
    /// Service quotas.
    Quotas,
    /// Phone numbers and other telephony requests to AWS.
    PhoneNumbers,
    /// The enterprise application, its claims and assignments.
    Entra,
    /// The SAML provider, policy and role.
    Iam,
    /// The registry entry of the instance.
    Registry,
    /// Graph subscriptions that report changes of group members.
    Notifications,
    /// Connect users.
    Users,
}

/// What will happen to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The object does not exist and will be created.
    Create,
    /// The object exists, was not created by an onboarding, and will be used.
    Adopt,
    /// The object belongs to this onboarding and differs from the input.
    Change,
    /// The object remains unchanged, because it matches the input or is not managed by this stack.
    Leave,
    /// The object has been requested from AWS, which decides when it becomes available.
    Wait,
    /// The object blocks the onboarding, and the workflow stops.
    Conflict,
    /// The object will be deleted permanently.
    Delete,
    /// The object itself is kept, and only its contents are removed.
    Empty,
    /// The phone number will be released and can't be claimed back.
    Release,
}

impl Action {
    /// Whether the action removes something that can't be restored.
    #[must_use]
    pub const fn removes(self) -> bool {
        matches!(self, Self::Delete | Self::Empty | Self::Release)
    }
}

/// One object and its planned action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlanItem {
    /// The part of the onboarding to which the object belongs.
    pub area: Area,
    /// The type of the object, for example `IAM role`.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// The planned action.
    pub action: Action,
    /// An explanation of the action, for example the difference or the conflict. Empty if no explanation is needed.
    #[serde(default)]
    pub detail: String,
}

impl PlanItem {
    /// Creates a plan item.
    #[must_use]
    pub fn new(
        area: Area,
        kind: impl Into<String>,
        name: impl Into<String>,
        action: Action,
        detail: impl Into<String>,
    ) -> Self {
        Self { area, kind: kind.into(), name: name.into(), action, detail: detail.into() }
    }
}

/// Input of `plan-onboarding`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanOnboardingInput {
    /// The execution input of an onboarding, exactly as the operator wrote it.
    pub onboarding: Value,
}

/// Output of `plan-onboarding` and of its state machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlanOnboardingOutput {
    /// The status, which is always `PLANNED`.
    pub status: PlanStatus,
    /// Every object, in the order of the onboarding.
    pub items: Vec<PlanItem>,
    /// Open items for the operator to read before the onboarding.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// The first users whom the user sync creates, adopts or changes, each with the groups that the user's values come
    /// from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned_users: Vec<PlannedUser>,
}

/// Input of `describe-onboarding`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOnboardingInput {
    /// The execution input ([`crate::adoption::Request`]), exactly as the operator wrote it.
    pub request: Value,
}

/// Output of `describe-onboarding`, and of the state machine `plan` if it describes an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DescribeOnboardingOutput {
    /// The status, which is always `PLANNED`.
    pub status: PlanStatus,
    /// The id of the instance.
    pub instance_id: String,
    /// Whether an onboarding has registered the instance. If so, the groups and rules come from the registry.
    #[serde(default)]
    pub registered: bool,
    /// The content of `onboarding.json`.
    pub onboarding: Value,
    /// The open items: settings that could not be read from AWS or Entra, or that an operator must check before an
    /// onboarding.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// Whether a plan was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanStatus {
    /// Nothing was changed.
    #[default]
    Planned,
    /// The whole plan was applied.
    Done,
}
