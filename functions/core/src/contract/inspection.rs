//! What a plan says of an onboarding or of its teardown: one line for each object in either cloud.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OpenItem;

/// Which part of an onboarding an object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Area {
    /// The Amazon Connect instance, its attributes and what it stores where.
    Instance,
    /// Service quotas.
    Quotas,
    /// Phone numbers, and what else telephony asks AWS for.
    PhoneNumbers,
    /// The enterprise application, its claims and assignments.
    Entra,
    /// SAML provider, policy and role.
    Iam,
    /// The stack's own record of the instance.
    Registry,
    /// Subscriptions by which changes of groups are heard of.
    Notifications,
    /// Connect users.
    Users,
}

/// What is going to happen to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It does not exist and is made.
    Create,
    /// It exists, was made by somebody else, and is used from now on.
    Adopt,
    /// It is ours and differs.
    Change,
    /// It is as it should be, or is not ours to touch.
    Leave,
    /// It is asked for, and somebody else decides when it is there.
    Wait,
    /// It stands in the way, and the workflow stops there.
    Conflict,
    /// It is removed for good.
    Delete,
    /// What hangs on it is taken away, and it stays.
    Empty,
    /// A phone number is given back, and can't be had again.
    Release,
}

impl Action {
    /// Whether it takes something away that can't be had again as it was.
    #[must_use]
    pub const fn removes(self) -> bool {
        matches!(self, Self::Delete | Self::Empty | Self::Release)
    }
}

/// One object and what is going to happen to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanItem {
    /// The part of the onboarding.
    pub area: Area,
    /// What it is, for example `IAM role`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What is going to happen.
    pub action: Action,
    /// What differs, what is awaited, what stands in the way; empty where the action says all.
    #[serde(default)]
    pub detail: String,
}

impl PlanItem {
    /// A line of a plan.
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
    /// The start input of an onboarding as the person wrote it.
    pub onboarding: Value,
}

/// Output of `plan-onboarding`, and of the state machine around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanOnboardingOutput {
    /// Always `PLANNED`.
    pub status: PlanStatus,
    /// Every object, in the order in which the onboarding comes to it.
    pub items: Vec<PlanItem>,
    /// What a person should know before.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// Whether a plan was carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanStatus {
    /// Nothing was changed.
    #[default]
    Planned,
    /// Everything was done.
    Done,
}
