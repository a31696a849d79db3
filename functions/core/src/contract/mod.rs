//! What goes into each step and what comes out: the state machine's data. Fields may be added (with a default), never
//! renamed: an execution that waits for weeks meets the next releases.

mod drift;
mod entra;
mod events;
mod expiry;
mod iam;
mod inspection;
mod instance;
mod quota;
mod report;
mod rotation;
mod teardown;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{StepError, onboarding::Onboarding};

pub use self::{
    drift::{DetectDriftInput, DriftFinding, DriftReport, InstanceDrift, MAX_FINDINGS, Mending},
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
    quota::{InstanceQuotaInput, QuotaResult, QuotaStatus, RequestQuotasInput, RequestQuotasOutput},
    report::{
        BranchFailure, Check, RegisterInstanceInput, RegisterInstanceOutput, Report, ReportInput, SignOnResult,
        TelephonyResult, VerifySignInInput, VerifySignInOutput,
    },
    rotation::{RotateCertificateInput, RotateCertificateOutput, Rotation, RotationStatus},
    teardown::{
        ApplicationFate, Approval, Fate, PlanTeardownInput, PlanTeardownOutput, RemoveInput, RemoveOutput,
        RemoveStatus, Teardown, TeardownMode, TeardownTarget,
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
    /// The most bytes of this output. Step Functions allows 256 KiB for what a state is given, and the state `Report` is
    /// given this output with those of all other steps (developer guide of Step Functions, "Service quotas").
    pub const MAX_BYTES: usize = 160 * 1024;

    /// Refuses an input that the state machine could not carry to its end: a state that exceeds the limit ends the execution,
    /// and no rule of the state machine can catch that.
    ///
    /// # Errors
    /// `InvalidInput` with the size and the number of groups.
    pub fn within_limits(self) -> Result<Self, StepError> {
        let bytes = serde_json::to_string(&self).map_or(usize::MAX, |text| text.len());
        if bytes <= Self::MAX_BYTES {
            return Ok(self);
        }
        Err(StepError::invalid_input(format!(
            "the input with what Entra says about its {} groups takes {} KiB, and the state machine can carry {} KiB: name fewer \
             groups, for example parent groups with users.nestedGroups \"flatten\"; nothing was created",
            self.groups.len(),
            bytes.div_ceil(1024),
            Self::MAX_BYTES / 1024
        )))
    }
}
