//! The plan of an onboarding or a teardown: one item for each object in AWS and Entra ID.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OpenItem, bytes};
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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

impl PlanOnboardingOutput {
    /// Maximum size of a plan in bytes. Step Functions limits the output of a state to 256 KiB (developer guide of Step
    /// Functions, "Service quotas"). Only the open items can exceed this limit, because each group of a large input can
    /// have open items.
    const MAX_BYTES: usize = 240 * 1024;

    /// Omits the last open items if the plan would be too large. An additional open item then states how many items
    /// were omitted.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        let all = std::mem::take(&mut self.open_items);
        let (count, mut left) = (all.len(), Self::MAX_BYTES.saturating_sub(bytes(&self)));
        let fits = |item: &OpenItem| {
            let remaining = left.checked_sub(bytes(item) + 1);
            left = remaining.unwrap_or_default();
            remaining.is_some()
        };
        self.open_items = all.into_iter().take_while(fits).collect();
        let omitted = count - self.open_items.len();
        if omitted > 0 {
            self.open_items.push(OpenItem::new(
                "plan",
                format!("{omitted} further open items are not listed, because the plan would be too large"),
                "Correct the listed items, then plan again.",
            ));
        }
        self
    }
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
    /// Whether an onboarding has registered the instance. If so, the groups and the rules of the user sync in
    /// `onboarding` come from the registry.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_with_very_many_open_items_is_shortened_and_states_how_many_are_missing() {
        let item = |number: usize| OpenItem::new(format!("group {number}"), "w".repeat(1_500), "a");
        let plan = PlanOnboardingOutput { open_items: (0..300).map(item).collect(), ..PlanOnboardingOutput::default() };
        let short = plan.within_limits();
        assert!(bytes(&short) <= 256 * 1024, "{} bytes", bytes(&short));
        let listed = short.open_items.len() - 1;
        assert!(listed > 150 && short.open_items[..listed].iter().eq((0..listed).map(item).collect::<Vec<_>>().iter()));
        assert!(short.open_items[listed].what.starts_with(&format!("{} further", 300 - listed)), "{short:?}");
    }
}
