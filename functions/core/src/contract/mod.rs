//! What goes into each step and what comes out: the state machine's data. Fields may be added (with a default), never
//! renamed: an execution that waits for weeks meets the next releases.

mod drift;
mod entra;
mod events;
mod expiry;
mod iam;
mod inspection;
mod instance;
mod lock;
mod quota;
mod report;
mod rotation;
mod teardown;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{StepError, onboarding::Onboarding};

pub use self::{
    drift::{DetectDriftInput, DriftFinding, DriftReport, InstanceDrift, MAX_FINDINGS, Mending, SkippedInstance},
    entra::{
        AssignGroupsInput, AssignGroupsOutput, ConfigureEntraClaimsInput, ConfigureEntraClaimsOutput,
        ConfigureEntraSignOnInput, CreateEntraApplicationInput, EntraApplication, EntraSignOn,
    },
    events::{
        EVENT_SOURCE, GroupSubscription, MEMBERSHIP_CHANGED, MembershipChange, QueuedEvent, REAUTHORIZATION_REQUIRED,
        Reauthorization, SubscribeGroupsInput, SubscribeGroupsOutput, SubscriptionAction, SyncMembersInput,
        SyncMembersOutput,
    },
    expiry::{CredentialExpiry, InstanceExpiry, WatchExpiryInput, WatchExpiryOutput},
    iam::{
        CreatePolicyInput, CreatePolicyOutput, CreateRoleInput, CreateRoleOutput, CreateSamlProviderInput,
        CreateSamlProviderOutput,
    },
    inspection::{Action, Area, PlanItem, PlanOnboardingInput, PlanOnboardingOutput, PlanStatus},
    instance::{
        ConfigureInstanceInput, ConfigureInstanceOutput, CreateInstanceInput, CreateInstanceOutput, StorageLocation,
    },
    lock::{LockAction, LockAliasInput, LockAliasOutput, LockScope, LockStatus},
    quota::{InstanceQuotaInput, QuotaResult, QuotaStatus, RequestQuotasInput, RequestQuotasOutput},
    report::{
        BranchFailure, Check, RegisterInstanceInput, RegisterInstanceOutput, Report, ReportInput, SignOnResult,
        TelephonyResult, VerifySignInInput, VerifySignInOutput,
    },
    rotation::{RotateCertificateInput, RotateCertificateOutput, Rotation, RotationStatus},
    teardown::{
        ApplicationFate, Approval, Fate, PlanTeardownInput, PlanTeardownOutput, RefusedDeletion, RemoveInput,
        RemoveOutput, RemoveStatus, Teardown, TeardownMode, TeardownTarget,
    },
};

/// Something that a person should know or do although the workflow goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenItem {
    /// What it is about, for example `quota users` or `group Support agents`.
    pub subject: String,
    /// What is the case.
    pub what: String,
    /// What to do about it.
    pub action: String,
}

impl OpenItem {
    /// An open item.
    #[must_use]
    pub fn new(subject: impl Into<String>, what: impl Into<String>, action: impl Into<String>) -> Self {
        Self { subject: subject.into(), what: what.into(), action: action.into() }
    }
}

/// A group as Entra knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntraGroup {
    /// The object id.
    pub id: String,
    /// The display name.
    pub display_name: String,
    /// How many of its members would become Connect users.
    #[serde(default)]
    pub users: u64,
}

/// Input of `preflight`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightInput {
    /// The start input as the person wrote it.
    pub onboarding: Value,
}

/// Output of `preflight`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightOutput {
    /// The input with every default filled in.
    pub onboarding: Onboarding,
    /// The AWS account.
    pub account: String,
    /// The AWS Region.
    pub region: String,
    /// The AWS partition, `aws`.
    pub partition: String,
    /// The Entra tenant.
    pub tenant_id: String,
    /// The groups of the input, in its order.
    pub groups: Vec<EntraGroup>,
    /// How many people would become Connect users (each counted once).
    pub users: u64,
    /// What a person should know.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

impl PreflightOutput {
    /// What Step Functions allows a state to be given, in bytes (developer guide of Step Functions, "Service quotas"). The
    /// state `Report` is given the outputs of all steps.
    pub const MAX_STATE: usize = 256 * 1024;
    /// What orders of phone numbers and their quotas add at most, in bytes.
    const TELEPHONY: usize = 64 * 1024;
    /// What all other steps add at most, in bytes, apart from what they add for each group.
    const REST: usize = 48 * 1024;
    /// What a group's subscription, and the check of its assignment without the group's name, take in bytes.
    const GROUP: usize = 300;

    /// How many bytes `Report` may be given in the end: this output, and for each group a check of the sign-in and a
    /// subscription.
    #[must_use]
    pub fn carried(&self) -> usize {
        let telephony = &self.onboarding.telephony;
        let wanted = !self.onboarding.phone_numbers.is_empty() || telephony.outbound_to_japanese_mobiles;
        let rest = if wanted { Self::TELEPHONY + Self::REST } else { Self::REST };
        let groups: usize = self.groups.iter().map(|group| bytes(&group.display_name) + Self::GROUP).sum();
        bytes(self) + groups + rest
    }

    /// Refuses an input that the state machine could not carry to its end: a state that exceeds the limit ends the execution,
    /// and no rule of the state machine can catch that.
    ///
    /// # Errors
    /// `InvalidInput` with the size and the number of groups.
    pub fn within_limits(self) -> Result<Self, StepError> {
        let carried = self.carried();
        if carried <= Self::MAX_STATE {
            return Ok(self);
        }
        Err(StepError::invalid_input(format!(
            "the input with what Entra says about its {} groups will take {} KiB, and a state can carry {} KiB: name fewer groups, \
             for example parent groups with users.nestedGroups \"flatten\"; nothing was created",
            self.groups.len(),
            carried.div_ceil(1024),
            Self::MAX_STATE / 1024
        )))
    }
}

fn bytes(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX / 8, |text| text.len())
}
