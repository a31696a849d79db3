//! Start options of the stand-in: the emulator's URL, the Entra application that may request tokens, fault rules, and
//! the behavior of the AWS account and the Entra tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use crate::stand_in::assumptions::Assumption;
use crate::stand_in::graph::GraphBehaviour;
use crate::stand_in::tenant::Tenant;

/// The options of [`crate::stand_in::LocalCloud::start`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Clock scale: how many seconds an operation in the local cloud takes for each second that it takes in the real
    /// cloud (0.02: fifty times faster). The emulator's `SFN_WAIT_SCALE` must have the same value.
    pub clock_scale: f64,
    /// The URL of the emulator, for example `http://127.0.0.1:4570`.
    pub upstream: String,
    /// The Region of the AWS account, as it appears in ARNs.
    pub region: String,
    /// The account ID, twelve digits.
    pub account: String,
    /// The initial directory of the Entra tenant.
    pub tenant: Tenant,
    /// The tenant ID, a GUID.
    pub tenant_id: String,
    /// The Entra application that may request Graph tokens, with its client secret.
    pub client: ClientCredentials,
    /// The file in which each call is recorded as one line with a JSON object.
    pub record: Option<PathBuf>,
    /// Whether Connect's default rate limits apply (2 requests per second, burst 5) instead of higher rate limits.
    pub real_rates: bool,
    /// Botocore's `data` directory. If given, every request and response of Connect, Service Quotas and Support is
    /// compared with the official model.
    pub models: Option<PathBuf>,
    /// How this AWS account and the Entra tenant behave.
    pub behaviour: Behaviour,
    /// The assumptions whose alternative reading is emulated from the start.
    pub assume: Vec<&'static Assumption>,
}

/// An Entra application's client ID and secret.
#[derive(Clone)]
pub struct ClientCredentials {
    /// The application (client) ID, a GUID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientCredentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// How AWS and Entra behave. All durations are in seconds, as in the real cloud. The clock scale shortens them.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Applied quota values of the account, by quota code. If a quota applies to each instance separately, the value
    /// applies to every instance whose own quota has not been raised.
    pub quotas: BTreeMap<String, f64>,
    /// Whether the account has an applied value, equal to the AWS default, for each quota that was never increased.
    /// Accounts with and without such applied values have been observed. If there is no applied value,
    /// `GetServiceQuota` returns `NoSuchResourceException`.
    pub account_quotas_applied: bool,
    /// How AWS processes requests to increase a quota, by quota code.
    pub quota_paths: BTreeMap<String, QuotaPath>,
    /// How AWS processes requests to increase a quota if [`Behaviour::quota_paths`] does not contain the quota.
    pub quota_path: QuotaPath,
    /// Whether the account has a support plan that includes the Support API.
    pub support_subscribed: bool,
    /// How AWS Support processes a case about phone numbers.
    pub support_path: SupportPath,
    /// How long a new instance has the status `CREATION_IN_PROGRESS`.
    pub instance_seconds: f64,
    /// How long Connect still returns an instance, and reserves its alias, after `DeleteInstance`.
    pub instance_deletion_seconds: f64,
    /// Whether a second `DeleteInstance` during deletion returns an invalid request error instead of "not found".
    pub refuses_second_deletion: bool,
    /// Whether the alias of a deleted instance can be reused.
    pub aliases_reusable: bool,
    /// The message with which `CreateInstance` rejects an alias that is taken. Only this message identifies the error,
    /// because the error has no code of its own.
    pub alias_taken_message: &'static str,
    /// If set, instance creation ends in `CREATION_FAILED` with this text as its `StatusReason`.
    pub instance_failure: Option<String>,
    /// Aliases that instances of other accounts use, in any Region.
    pub taken_aliases: BTreeSet<String>,
    /// For how long after `CreateUser` the calls that name the new user return "not found".
    pub user_visible_seconds: f64,
    /// For how long after `CreateUser` the new user is missing from `ListUsers` and `SearchUsers`.
    pub user_listed_seconds: f64,
    /// Whether the username of a deleted user can be reused in the same instance.
    pub usernames_reusable: bool,
    /// Whether `DeleteUser` rejects the deletion of a user to whom a quick connect transfers contacts. If false, the
    /// user is deleted, and the quick connect is kept.
    pub quick_connects_block_deletion: bool,
    /// Whether `AssociateTrafficDistributionGroupUser` rejects a user who is already in the group.
    pub group_associations_conflict: bool,
    /// Whether `DeleteUser` rejects the deletion of a user who is in a traffic distribution group. If false, the
    /// deletion also removes the user from the group.
    pub groups_block_deletion: bool,
    /// Whether `UpdateUserConfig` keeps the settings of those channels that the request does not name. If false, the
    /// operation clears the settings of these channels.
    pub config_merges_channels: bool,
    /// Whether `SearchUsers` returns after-contact work time per channel in milliseconds, as in `PhoneConfig`.
    pub channel_work_in_milliseconds: bool,
    /// Whether `AssociateUserProficiencies` accepts a proficiency that the user already has, and sets its level.
    pub proficiencies_reassociable: bool,
    /// Whether Connect supplies the condition key `aws:ResourceTag` when it authorizes the deletion of an instance or a
    /// user.
    pub deletion_by_tags: bool,
    /// The name of the action that authorizes `DeleteAllEntitySessions`.
    pub sign_out_action: &'static str,
    /// Whether the IAM actions that authorize the operations on test cases have the names of these operations.
    pub test_case_actions: bool,
    /// Whether Connect offers test cases in the Region.
    pub test_cases_offered: bool,
    /// The version of the testing language in which test cases must be written.
    pub testing_language: &'static str,
    /// Whether `DescribeContactFlow` returns the content of a flow with metadata and empty members that the caller has
    /// not written.
    pub flow_content_completed: bool,
    /// Whether Connect supplies the condition key `aws:TagKeys`, which contains the tag keys of a request.
    pub tag_keys_evaluated: bool,
    /// Whether Directory Service checks permissions on the ARN of the directory that Connect creates for an instance.
    /// If false, Directory Service checks permissions only on the resource `*`.
    pub directories_by_arn: bool,
    /// Whether IAM accepts only metadata that its issuer has signed.
    pub metadata_must_be_signed: bool,
    /// How long IAM rejects trust policies that name a new SAML provider as a principal.
    pub provider_visible_seconds: f64,
    /// How long some AWS sign-in endpoints still use the old metadata after an update of a SAML provider.
    pub provider_update_seconds: f64,
    /// The phone numbers that `SearchAvailablePhoneNumbers` can return. As in AWS, the default contains no Japanese
    /// phone numbers.
    pub number_inventory: Vec<NumberStock>,
    /// How long a claimed phone number has the status `IN_PROGRESS`.
    pub claim_seconds: f64,
    /// How long a claimed phone number is missing from `ListPhoneNumbersV2`.
    pub number_listed_seconds: f64,
    /// If set, every claim of a phone number ends in `FAILED` with this message.
    pub claim_failure: Option<String>,
    /// If set, no page contains more entries than this number, even if the caller requests a larger page.
    pub page_limit: Option<usize>,
    /// Whether every list operation first returns an empty page with a next token.
    pub empty_page: bool,
    /// Whether all Connect operations share one token bucket. If false, each operation has its own token bucket.
    pub shared_bucket: bool,
    /// Whether the service list of AWS Support contains a separate service for Connect phone numbers.
    pub number_service_listed: bool,
    /// How long an attachment set of AWS Support can be used before it expires.
    pub attachment_set_seconds: f64,
    /// How the Entra tenant behaves.
    pub graph: GraphBehaviour,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            quotas: BTreeMap::new(),
            account_quotas_applied: false,
            quota_paths: BTreeMap::from([("L-AA17A6B9".to_owned(), QuotaPath::automatic())]),
            quota_path: QuotaPath::default(),
            support_subscribed: true,
            support_path: SupportPath::default(),
            instance_seconds: 45.0,
            instance_deletion_seconds: 20.0,
            refuses_second_deletion: false,
            aliases_reusable: true,
            alias_taken_message: "Invalid Input. Instance alias is already used.",
            instance_failure: None,
            taken_aliases: BTreeSet::new(),
            user_visible_seconds: 2.0,
            user_listed_seconds: 4.0,
            usernames_reusable: true,
            quick_connects_block_deletion: false,
            group_associations_conflict: false,
            groups_block_deletion: false,
            config_merges_channels: false,
            channel_work_in_milliseconds: false,
            proficiencies_reassociable: false,
            deletion_by_tags: true,
            sign_out_action: "DeleteAllEntitySessions",
            test_case_actions: true,
            test_cases_offered: true,
            testing_language: "2019-10-30",
            flow_content_completed: false,
            tag_keys_evaluated: true,
            directories_by_arn: true,
            metadata_must_be_signed: false,
            provider_visible_seconds: 10.0,
            provider_update_seconds: 60.0,
            number_inventory: vec![NumberStock {
                country: "US".into(),
                kind: "DID".into(),
                prefix: "+1206555".into(),
                quantity: 20,
            }],
            claim_seconds: 20.0,
            number_listed_seconds: 12.0,
            claim_failure: None,
            page_limit: None,
            empty_page: false,
            shared_bucket: false,
            number_service_listed: true,
            attachment_set_seconds: 3600.0,
            graph: GraphBehaviour::default(),
        }
    }
}

/// The outcome of a quota increase request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaOutcome {
    /// The request becomes `APPROVED`, and the value is raised.
    Approved,
    /// The request becomes `DENIED`, and the value is unchanged.
    Denied,
    /// The request becomes `NOT_APPROVED`, and the value is unchanged.
    NotApproved,
    /// The request becomes `CASE_CLOSED`, although the value is raised.
    CaseClosedGranted,
    /// The request becomes `CASE_CLOSED`, and the value is unchanged.
    CaseClosedRefused,
    /// The request becomes `INVALID_REQUEST`, and the value is unchanged.
    InvalidRequest,
    /// AWS never decides on the request.
    Never,
}

/// How AWS processes a quota increase request. All times are seconds since the request was made, as in the real cloud.
#[derive(Clone, Debug)]
pub struct QuotaPath {
    /// When the request becomes a support case (`CASE_OPENED`). `None` if AWS decides on the request automatically.
    pub case_opened: Option<f64>,
    /// The time at which AWS decides on the request.
    pub decided: f64,
    /// The decision of AWS on the request.
    pub outcome: QuotaOutcome,
    /// The time between the decision and the change of the quota value. The status of the request can change before the
    /// value changes.
    pub value_lag: f64,
    /// The value that AWS grants, if it differs from the requested value.
    pub granted: Option<f64>,
}

impl Default for QuotaPath {
    fn default() -> Self {
        Self {
            case_opened: Some(300.0),
            decided: 1800.0,
            outcome: QuotaOutcome::Approved,
            value_lag: 60.0,
            granted: None,
        }
    }
}

impl QuotaPath {
    /// A request on which AWS decides automatically within minutes, without a support case.
    #[must_use]
    pub fn automatic() -> Self {
        Self { case_opened: None, decided: 120.0, value_lag: 10.0, ..Self::default() }
    }

    /// A request that AWS processes as by default, but with this outcome.
    #[must_use]
    pub fn ending(outcome: QuotaOutcome) -> Self {
        Self { outcome, ..Self::default() }
    }
}

/// How AWS Support processes a support case about phone numbers. All times are seconds since the customer's last
/// message in the support case, as in the real cloud.
#[derive(Clone, Debug)]
pub struct SupportPath {
    /// When a support agent starts to work on the support case (`work-in-progress`).
    pub picked_up: f64,
    /// If set, AWS Support asks this question, and the support case has the status `pending-customer-action` until the
    /// customer replies.
    pub question: Option<String>,
    /// When AWS Support adds the phone numbers to the instance and resolves the support case.
    pub decided: f64,
    /// Whether AWS Support provides the phone numbers. If false, AWS Support resolves the support case with a
    /// rejection.
    pub granted: bool,
}

impl Default for SupportPath {
    fn default() -> Self {
        Self { picked_up: 600.0, question: None, decided: 14_400.0, granted: true }
    }
}

/// Phone numbers that are available to claim.
#[derive(Clone, Debug)]
pub struct NumberStock {
    /// The ISO country code of the phone numbers, for example `US`.
    pub country: String,
    /// The type of the phone numbers: `DID`, `TOLL_FREE`, …
    pub kind: String,
    /// The first digits of all these phone numbers, for example `+1206555`.
    pub prefix: String,
    /// How many phone numbers of this kind are available.
    pub quantity: u32,
}
