//! Input and output of each step. The state machines store the inputs and outputs. An execution may wait for weeks, so
//! a step of a later release may read data that an earlier release wrote. Therefore, every new field has a default
//! value, and a field is never renamed.

mod drift;
mod entra;
mod events;
mod expiry;
mod iam;
mod inspection;
mod instance;
mod lease;
mod lock;
mod quota;
mod report;
mod rotation;
mod teardown;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    StepError,
    onboarding::{Onboarding, UserGroup},
};

pub use self::{
    drift::{DetectDriftInput, DriftFinding, DriftReport, InstanceDrift, MAX_FINDINGS, Remediation, SkippedInstance},
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
    inspection::{
        Action, Area, DescribeOnboardingInput, DescribeOnboardingOutput, PlanItem, PlanOnboardingInput,
        PlanOnboardingOutput, PlanStatus,
    },
    instance::{
        ApprovedOrigin, ConfigureInstanceInput, ConfigureInstanceOutput, CreateInstanceInput, CreateInstanceOutput,
        StorageLocation,
    },
    lease::Lease,
    lock::{LockAction, LockAliasInput, LockAliasOutput, LockScope, LockStatus},
    quota::{InstanceQuotaInput, QuotaResult, QuotaStatus, RequestQuotasInput, RequestQuotasOutput},
    report::{
        BranchFailure, Check, RegisterInstanceInput, RegisterInstanceOutput, Report, ReportInput, SignOnResult,
        TelephonyResult, VerifySignInInput, VerifySignInOutput,
    },
    rotation::{CertificateRemoval, RotateCertificateInput, RotateCertificateOutput, Rotation, RotationStatus},
    teardown::{
        ApplicationDisposition, Approval, Disposition, PlanTeardownInput, PlanTeardownOutput, RefusedDeletion,
        RemoveInput, RemoveOutput, RemoveStatus, Teardown, TeardownMode, TeardownTarget,
    },
};

/// An open item: information or an action for the operator. An open item does not stop the workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OpenItem {
    /// The subject, for example `quota users` or `group Support agents`.
    pub subject: String,
    /// What has failed, or is not finished.
    pub what: String,
    /// What the operator should do.
    pub action: String,
}

impl OpenItem {
    /// Creates an open item.
    #[must_use]
    pub fn new(subject: impl Into<String>, what: impl Into<String>, action: impl Into<String>) -> Self {
        Self { subject: subject.into(), what: what.into(), action: action.into() }
    }
}

/// An Entra group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntraGroup {
    /// The object id.
    pub id: String,
    /// The display name.
    pub display_name: String,
    /// The number of members who would become Connect users.
    #[serde(default)]
    pub users: u64,
}

/// Input of `preflight`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightInput {
    /// The execution input, exactly as the operator wrote it.
    pub onboarding: Value,
}

/// Output of `preflight`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightOutput {
    /// The execution input with all default values added.
    pub onboarding: Onboarding,
    /// The id of the AWS account.
    pub account: String,
    /// The AWS Region.
    pub region: String,
    /// The AWS partition of the account, for example `aws`.
    pub partition: String,
    /// The id of the Entra tenant.
    pub tenant_id: String,
    /// The Entra groups, in the order of the input.
    pub groups: Vec<EntraGroup>,
    /// The number of distinct members who would become Connect users.
    pub users: u64,
    /// Open items for the operator.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

impl PreflightOutput {
    /// Maximum size of a state's input in bytes (developer guide of Step Functions, "Service quotas"). The state
    /// `Report` has the largest input, which contains the outputs of all steps.
    pub const MAX_STATE: usize = 256 * 1024;
    /// Size in bytes that is reserved for the outputs of the steps for phone numbers and quotas.
    const TELEPHONY: usize = 64 * 1024;
    /// Size in bytes that is reserved for the outputs of all other steps, without the data that each group adds.
    const REST: usize = 48 * 1024;
    /// Size in bytes of the data that each group adds to the outputs: its subscription and its sign-in check, without
    /// the name of the group.
    const GROUP: usize = 300;
    /// Number of characters of an object id in Entra.
    const OBJECT_ID: usize = 36;

    /// The smallest possible value of [`Self::carried`] for an input whose groups have not been read from Entra yet.
    #[must_use]
    pub fn least_carried(onboarding: &Onboarding) -> usize {
        Self::least(onboarding).carried()
    }

    /// The output with the fewest bytes for an input whose groups have not been read from Entra yet. If the input
    /// contains the object id of a group, the length of the group's name is unknown, and an empty name is assumed.
    pub(crate) fn least(onboarding: &Onboarding) -> Self {
        let group = |group: &UserGroup| {
            let is_id =
                group.group.len() == Self::OBJECT_ID && group.group.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
            let display_name = if is_id { String::new() } else { group.group.clone() };
            EntraGroup { id: "0".repeat(Self::OBJECT_ID), display_name, users: 0 }
        };
        Self {
            groups: onboarding.users.groups.iter().map(group).collect(),
            onboarding: onboarding.clone(),
            account: String::new(),
            region: String::new(),
            partition: String::new(),
            tenant_id: String::new(),
            users: 0,
            open_items: Vec::new(),
        }
    }

    /// The maximum size in bytes of the input of the state `Report`. This input contains the output of `preflight`, the
    /// outputs of the other steps, and a subscription and a sign-in check for each group.
    #[must_use]
    pub fn carried(&self) -> usize {
        let telephony = &self.onboarding.telephony;
        let wanted = !self.onboarding.phone_numbers.is_empty() || telephony.outbound_to_japanese_mobiles;
        let rest = if wanted { Self::TELEPHONY + Self::REST } else { Self::REST };
        let groups: usize = self.groups.iter().map(|group| bytes(&group.display_name) + Self::GROUP).sum();
        bytes(self) + groups + rest
    }

    /// Rejects an execution input that is too large for the state machine. If the input of a state exceeds the limit,
    /// Step Functions stops the execution, and no `Catch` of the state machine can handle this error.
    ///
    /// # Errors
    /// `InvalidInput` with the size of the data and the number of groups.
    pub fn within_limits(self) -> Result<Self, StepError> {
        let carried = self.carried();
        if carried <= Self::MAX_STATE {
            return Ok(self);
        }
        Err(StepError::invalid_input(format!(
            "the input and the data of its {} groups need {} KiB, but a state can hold only {} KiB: name fewer \
             groups, for example parent groups with users.nestedGroups \"flatten\"; nothing was created",
            self.groups.len(),
            carried.div_ceil(1024),
            Self::MAX_STATE / 1024
        )))
    }
}

fn bytes(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX / 8, |text| text.len())
}
