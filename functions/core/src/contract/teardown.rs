//! The teardown of an onboarding: the request, the plan, and input and output of the steps that remove objects.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntraApplication, EntraGroup, OpenItem, PlanItem, PlanStatus};
use crate::{
    digest,
    onboarding::Language,
    sync::{Failure, Totals},
};

/// The start input of the teardown. Objects that can't be restored are kept unless the input requests their deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Teardown {
    /// The id of the instance whose onboarding is to be removed.
    pub instance_id: String,
    /// Whether to plan the teardown only, or to apply the approved plan.
    #[serde(default)]
    pub mode: TeardownMode,
    /// The instance's alias, typed by an operator as a confirmation. Required if users or the instance will be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_alias: Option<String>,
    /// Whether to delete the Connect users of this onboarding.
    #[serde(default)]
    pub users: Disposition,
    /// Whether to delete the instance together with its phone numbers.
    #[serde(default)]
    pub instance: Disposition,
    /// What to do with the enterprise application. An application that existed before the onboarding is never deleted;
    /// at most, it is emptied ([`ApplicationDisposition::Empty`]).
    #[serde(default = "ApplicationDisposition::unless_specified")]
    pub application: ApplicationDisposition,
    /// The digest of the plan that an operator approved. The teardown applies exactly that plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_digest: Option<String>,
}

/// Whether a teardown is only planned, or also applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TeardownMode {
    /// Plan the teardown; change nothing.
    #[default]
    Plan,
    /// Remove the objects of the approved plan.
    Apply,
}

/// Whether to keep or delete an object that can't be restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Disposition {
    /// Keep the object.
    #[default]
    Keep,
    /// Delete the object.
    Delete,
}

/// What to do with the enterprise application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplicationDisposition {
    /// Keep the application unchanged.
    #[default]
    Keep,
    /// Keep the application, but remove its assignments, claims policy and relay state, and the tags of the onboarding.
    Empty,
    /// Delete the application. Entra can restore it for 30 days.
    Delete,
}

impl ApplicationDisposition {
    /// The default value if the input does not specify what to do with the application.
    const fn unless_specified() -> Self {
        Self::Delete
    }
}

/// Input of `plan-teardown`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanTeardownInput {
    /// The start input, exactly as the operator wrote it.
    pub request: Value,
}

/// Output of `plan-teardown`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanTeardownOutput {
    /// Always `PLANNED`. The state machine sets `DONE` at the end.
    pub status: PlanStatus,
    /// The digest of the plan. An operator approves the plan with this digest.
    pub digest: String,
    /// Every object of the plan, in the order of the teardown.
    pub items: Vec<PlanItem>,
    /// Open items for the operator to read before the teardown.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// Whether an operator has approved this plan. The approval of a plan also covers the rest of the plan after a
    /// failed teardown.
    pub approved: bool,
    /// The approval of the plan, which is stored while the teardown runs.
    pub approval: Approval,
    /// Whether the instance has a registry entry. If not, its onboarding failed before the registration.
    #[serde(default)]
    pub registered: bool,
    /// The objects that the steps remove.
    pub target: TeardownTarget,
}

/// An approved plan, stored so that a teardown that failed can continue with the rest of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The digest of the approved plan.
    pub digest: String,
    /// The removals of the approved plan.
    pub removals: Vec<String>,
}

impl Approval {
    /// Creates the approval of a plan.
    #[must_use]
    pub fn of(items: &[PlanItem]) -> Self {
        let removals: Vec<String> = items.iter().filter(|item| item.action.removes()).map(name).collect();
        let parts = items.iter().flat_map(|item| [name(item), item.detail.clone()]);
        Self { digest: digest::of_parts(parts, 32), removals }
    }

    /// Whether this approval contains every removal of a plan.
    #[must_use]
    pub fn covers(&self, items: &[PlanItem]) -> bool {
        items.iter().filter(|item| item.action.removes()).all(|item| self.removals.contains(&name(item)))
    }
}

/// The text that identifies a plan item in an approval. The text does not contain the item's detail, because the detail
/// can contain the number of users, which changes.
fn name(item: &PlanItem) -> String {
    format!("{:?} {} {}", item.action, item.kind, item.name)
}

/// The objects that the steps of a teardown remove.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeardownTarget {
    /// The instance id.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The instance's alias, which is also the value of the tag `onboarding` on the objects.
    pub alias: String,
    /// The language of notifications.
    pub language: Language,
    /// Whether to delete the users one by one.
    pub users: Disposition,
    /// Whether to delete the instance.
    pub instance: Disposition,
    /// What to do with the application, as the plan states: an adopted application is emptied, not deleted.
    pub application_fate: ApplicationDisposition,
    /// The Entra application.
    #[serde(default)]
    pub application: Option<EntraApplication>,
    /// The Entra groups.
    pub groups: Vec<EntraGroup>,
    /// The ARN of the SAML provider.
    pub saml_provider_arn: String,
    /// The ARN of the policy.
    pub policy_arn: String,
    /// The ARN of the role.
    pub role_arn: String,
    /// The phone numbers that the approved plan releases with the instance.
    #[serde(default)]
    pub phone_numbers: Vec<String>,
    /// The approved origins of the instance that the plan removes. Empty if the instance is deleted.
    #[serde(default)]
    pub approved_origins: Vec<String>,
    /// Whether the plan keeps the instance and removes the starter flow from it.
    #[serde(default)]
    pub starter_flow: bool,
    /// Whether the plan keeps the instance and removes the test case of the starter flow from it.
    #[serde(default)]
    pub first_call_test: bool,
}

/// Input of the removal steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveInput {
    /// The objects to remove.
    pub target: TeardownTarget,
    /// The output of the previous call.
    #[serde(default)]
    pub previous: Option<RemoveOutput>,
}

/// Output of the removal steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveOutput {
    /// Whether the step is finished or has more to remove.
    pub status: RemoveStatus,
    /// The number of removed objects, over all calls.
    #[serde(default)]
    pub removed: usize,
    /// The number of calls so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next call.
    #[serde(default)]
    pub wait_seconds: u64,
    /// Objects that were kept, with the reason.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// Users that could not be deleted in the last call.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// The numbers of deleted users and of requests.
    #[serde(default)]
    pub totals: Totals,
    /// The error with which Connect rejected the deletion of the instance. The deletion may have started despite the
    /// error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusedDeletion>,
}

/// The error with which Connect rejected the deletion of an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedDeletion {
    /// The name of the error.
    #[serde(default)]
    pub error: String,
    /// The error message.
    #[serde(default)]
    pub message: String,
}

/// Whether a removal step is finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RemoveStatus {
    /// Everything is removed.
    #[default]
    Done,
    /// Objects are left to remove. The state machine calls the step again after the wait.
    More,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Action, Area};

    fn item(name: &str, action: Action, detail: &str) -> PlanItem {
        PlanItem::new(Area::Iam, "IAM role", name, action, detail)
    }

    #[test]
    fn an_approval_covers_the_rest_of_its_plan_and_nothing_else() {
        let plan = [item("a", Action::Delete, "3 users"), item("b", Action::Release, ""), item("c", Action::Leave, "")];
        let approval = Approval::of(&plan);
        assert!(approval.covers(&plan[..1]), "a part of the plan was already applied");
        assert!(approval.covers(&[item("a", Action::Delete, "1 user"), item("b", Action::Leave, "gone")]));
        assert!(!approval.covers(&[item("d", Action::Delete, "")]), "something new");
        assert!(!approval.covers(&[item("c", Action::Delete, "")]), "the plan leaves this item unchanged");
    }

    #[test]
    fn every_field_of_a_plan_is_part_of_its_digest() {
        let digest = |items: &[PlanItem]| Approval::of(items).digest;
        let plan = item("a", Action::Delete, "3 users");
        assert_eq!(digest(std::slice::from_ref(&plan)), digest(std::slice::from_ref(&plan)));
        for other in [
            item("b", Action::Delete, "3 users"),
            item("a", Action::Leave, "3 users"),
            item("a", Action::Delete, "4 users"),
        ] {
            assert_ne!(digest(std::slice::from_ref(&plan)), digest(&[other]));
        }
    }
}
