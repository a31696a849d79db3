//! The teardown of an onboarding: what is asked for, what is planned, and the steps that remove.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{EntraApplication, EntraGroup, OpenItem, PlanItem, PlanStatus};
use crate::{
    onboarding::Language,
    sync::{Failure, Totals},
};

/// What a person asks for: the start input of the teardown. Whatever can't be had again stays unless it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Teardown {
    /// The instance whose onboarding is torn down.
    pub instance_id: String,
    /// Only plan, or do it.
    #[serde(default)]
    pub mode: TeardownMode,
    /// The instance's alias, typed by a person: needed where users or the instance are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_alias: Option<String>,
    /// What becomes of the Connect users of this onboarding.
    #[serde(default)]
    pub users: Fate,
    /// What becomes of the instance, and with it of its phone numbers.
    #[serde(default)]
    pub instance: Fate,
    /// What becomes of the enterprise application. One that was there before its onboarding is emptied, never deleted.
    #[serde(default = "ApplicationFate::unless_said")]
    pub application: ApplicationFate,
    /// The digest of the plan that a person saw: exactly that plan is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_digest: Option<String>,
}

/// Whether a teardown changes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TeardownMode {
    /// It only plans.
    #[default]
    Plan,
    /// It does what the approved plan says.
    Apply,
}

/// What becomes of something that can't be had again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It stays.
    #[default]
    Keep,
    /// It is deleted.
    Delete,
}

/// What becomes of the enterprise application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplicationFate {
    /// It stays as it is.
    #[default]
    Keep,
    /// Assignments, claims policy, relay state and our tags are taken away; the application stays.
    Empty,
    /// It is deleted. Entra keeps it for 30 days, in which it can be restored.
    Delete,
}

impl ApplicationFate {
    /// What an input means that does not name the application.
    const fn unless_said() -> Self {
        Self::Delete
    }
}

/// Input of `plan-teardown`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanTeardownInput {
    /// The start input as the person wrote it.
    pub request: Value,
}

/// Output of `plan-teardown`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanTeardownOutput {
    /// Always `PLANNED`; the state machine says `DONE` in the end.
    pub status: PlanStatus,
    /// What a person approves.
    pub digest: String,
    /// Every object, in the order in which the teardown comes to it.
    pub items: Vec<PlanItem>,
    /// What a person should know before.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// Whether this is the plan that a person approved, or what is left of it.
    pub approved: bool,
    /// What is remembered of the approval while the teardown is under way.
    pub approval: Approval,
    /// Whether the registry knows the instance; else its onboarding broke off before.
    #[serde(default)]
    pub registered: bool,
    /// What the steps work on.
    pub target: TeardownTarget,
}

/// What is remembered of an approved plan, so that a teardown that broke off goes on with what is left of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The digest of the plan that was approved.
    pub digest: String,
    /// What that plan removes.
    pub removals: Vec<String>,
}

impl Approval {
    /// What is to be remembered of a plan.
    #[must_use]
    pub fn of(items: &[PlanItem]) -> Self {
        let removals: Vec<String> = items.iter().filter(|item| item.action.removes()).map(name).collect();
        let mut digest = Sha256::new();
        for item in items {
            for part in [&name(item), &item.detail] {
                digest.update(part);
                digest.update([0]);
            }
        }
        Self { digest: digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), removals }
    }

    /// Whether a plan removes nothing that was not approved.
    #[must_use]
    pub fn covers(&self, items: &[PlanItem]) -> bool {
        items.iter().filter(|item| item.action.removes()).all(|item| self.removals.contains(&name(item)))
    }
}

/// What tells an item from all others; how many users it is about does not.
fn name(item: &PlanItem) -> String {
    format!("{:?} {} {}", item.action, item.kind, item.name)
}

/// What the steps of a teardown work on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeardownTarget {
    /// The instance.
    pub instance_id: String,
    /// Its ARN.
    pub instance_arn: String,
    /// Its alias; also the value of our `onboarding` tags.
    pub alias: String,
    /// The language of messages.
    pub language: Language,
    /// Whether users are deleted one by one.
    pub users: Fate,
    /// Whether the instance is deleted.
    pub instance: Fate,
    /// What becomes of the application, as the plan says: one that is only emptied there is not deleted.
    pub application_fate: ApplicationFate,
    /// The application.
    #[serde(default)]
    pub application: Option<EntraApplication>,
    /// The groups.
    pub groups: Vec<EntraGroup>,
    /// The SAML provider.
    pub saml_provider_arn: String,
    /// The policy.
    pub policy_arn: String,
    /// The role.
    pub role_arn: String,
    /// The phone numbers that the approved plan releases with the instance.
    #[serde(default)]
    pub phone_numbers: Vec<String>,
}

/// Input of the steps that remove.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveInput {
    /// What the step works on.
    pub target: TeardownTarget,
    /// What the previous look left.
    #[serde(default)]
    pub previous: Option<RemoveOutput>,
}

/// Output of the steps that remove.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveOutput {
    /// Whether everything is gone, or there is more to do.
    pub status: RemoveStatus,
    /// What was removed, over all looks.
    #[serde(default)]
    pub removed: usize,
    /// How many looks there were.
    #[serde(default)]
    pub attempt: u32,
    /// Seconds until the next look.
    #[serde(default)]
    pub wait_seconds: u64,
    /// What was left alone, and why.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
    /// Users that could not be deleted in the last look.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// Counts of the users' deletion.
    #[serde(default)]
    pub totals: Totals,
    /// The refusal of a deletion that may have begun all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusedDeletion>,
}

/// A refusal by the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedDeletion {
    /// The name of the error.
    #[serde(default)]
    pub error: String,
    /// Its message.
    #[serde(default)]
    pub message: String,
}

/// Whether a step that removes is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RemoveStatus {
    /// Nothing is left to do.
    #[default]
    Done,
    /// Call again, after the wait.
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
    fn an_approval_covers_what_is_left_of_its_plan_and_nothing_more() {
        let plan = [item("a", Action::Delete, "3 users"), item("b", Action::Release, ""), item("c", Action::Leave, "")];
        let approval = Approval::of(&plan);
        assert!(approval.covers(&plan[..1]), "some of it is done");
        assert!(approval.covers(&[item("a", Action::Delete, "1 user"), item("b", Action::Leave, "gone")]));
        assert!(!approval.covers(&[item("d", Action::Delete, "")]), "something new");
        assert!(!approval.covers(&[item("c", Action::Delete, "")]), "what was to stay");
    }

    #[test]
    fn every_word_of_a_plan_is_part_of_its_digest() {
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
