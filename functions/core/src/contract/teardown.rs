//! The teardown of an onboarding: the request, the plan, and the input and output of the steps that remove objects.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntraApplication, EntraGroup, OpenItem, PlanItem, PlanStatus};
use crate::{
    digest,
    onboarding::Language,
    sync::{Failure, Totals},
};

/// The execution input of the teardown. Objects that can't be restored are kept unless the input requests their
/// deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Teardown {
    /// The id of the instance whose onboarding is removed.
    pub instance_id: String,
    /// Whether to only plan the teardown, or to apply the approved plan.
    #[serde(default)]
    pub mode: TeardownMode,
    /// The alias of the instance, which the operator types as a confirmation. Required if users or the instance will be
    /// deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_alias: Option<String>,
    /// Whether to delete the Connect users of this onboarding.
    #[serde(default)]
    pub users: Disposition,
    /// Whether to delete the instance together with its phone numbers.
    #[serde(default)]
    pub instance: Disposition,
    /// What to do with the enterprise application. An application that existed before the onboarding is never deleted.
    /// At most, the objects that the onboarding added to such an application are removed
    /// ([`ApplicationDisposition::Empty`]).
    #[serde(default = "ApplicationDisposition::unless_specified")]
    pub application: ApplicationDisposition,
    /// The digest of the plan that an operator approved. The teardown applies exactly that plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_digest: Option<String>,
}

/// Whether a teardown is only planned or also applied.
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
    /// Keep the application, but remove its assignments, its claims policy, its relay state and the tags of the
    /// onboarding.
    Empty,
    /// Delete the application. Entra can restore a deleted application for 30 days.
    Delete,
}

impl ApplicationDisposition {
    /// The value that is used if the input does not specify what to do with the application.
    const fn unless_specified() -> Self {
        Self::Delete
    }
}

/// Input of `plan-teardown`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanTeardownInput {
    /// The execution input, exactly as the operator wrote it.
    pub request: Value,
}

/// Output of `plan-teardown`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanTeardownOutput {
    /// Always `PLANNED`. When the teardown is complete, the state machine changes the value to `DONE`.
    pub status: PlanStatus,
    /// The digest of the plan. An operator approves the plan by this digest.
    pub digest: String,
    /// Every object in the plan, in the order of removal.
    pub items: Vec<PlanItem>,
    /// Open items that the operator must read before the teardown.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// Whether an operator has approved this plan. If a teardown fails, the approval is also valid for the remaining
    /// removals of the plan.
    pub approved: bool,
    /// The approval of the plan, which is stored while the teardown runs.
    pub approval: Approval,
    /// Whether the instance has a registry entry. An instance has no registry entry if its onboarding failed before it
    /// registered the instance.
    #[serde(default)]
    pub registered: bool,
    /// The objects that the steps of the teardown remove.
    pub target: TeardownTarget,
}

/// The approval of a plan, which is stored while a teardown runs. If a teardown fails, the next teardown can therefore
/// continue with the remaining removals without a new approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The digest of the approved plan.
    pub digest: String,
    /// The removals in the approved plan.
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

    /// Whether this approval contains every removal in a plan.
    #[must_use]
    pub fn covers(&self, items: &[PlanItem]) -> bool {
        items.iter().filter(|item| item.action.removes()).all(|item| self.removals.contains(&name(item)))
    }
}

/// The text that identifies a plan item in an approval. The text does not contain the item's detail. The detail can
/// contain the number of users, which may change between the approval and the teardown.
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
    /// Whether to delete the Connect users individually.
    pub users: Disposition,
    /// Whether to delete the instance.
    pub instance: Disposition,
    /// What to do with the application according to the plan. From an application that existed before the onboarding,
    /// the teardown removes at most what the onboarding added.
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
    /// The approved origins that the plan removes from the instance. Empty if the instance is deleted.
    #[serde(default)]
    pub approved_origins: Vec<String>,
    /// Whether the plan keeps the instance, but removes the starter flow from it.
    #[serde(default)]
    pub starter_flow: bool,
    /// Whether the plan keeps the instance, but removes the test case of the starter flow from it.
    #[serde(default)]
    pub first_call_test: bool,
}

/// Input of the steps that remove objects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveInput {
    /// The objects to remove.
    pub target: TeardownTarget,
    /// The output of the previous call of this step.
    #[serde(default)]
    pub previous: Option<RemoveOutput>,
}

/// Output of the steps that remove objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveOutput {
    /// Whether the step has finished or must be called again.
    pub status: RemoveStatus,
    /// The number of objects that all calls of this step have removed.
    #[serde(default)]
    pub removed: usize,
    /// The number of calls of this step so far.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next call of this step.
    #[serde(default)]
    pub wait_seconds: u64,
    /// One open item for each object that was kept, with the reason.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// Users that could not be deleted in the last call.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// The number of deleted users and the number of sent requests.
    #[serde(default)]
    pub totals: Totals,
    /// The error with which Connect rejected the request to delete the instance. Connect may have started the deletion
    /// despite the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusedDeletion>,
}

/// The error with which Connect rejected a request to delete an instance.
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

/// Whether a removal step has finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RemoveStatus {
    /// The step has removed all objects.
    #[default]
    Done,
    /// Some objects have not been removed yet. The state machine calls the step again after a wait.
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
