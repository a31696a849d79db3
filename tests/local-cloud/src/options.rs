//! What a local cloud is started with: where the emulator is, who may sign in, which faults to play, and how this one
//! account of AWS's behaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use crate::assumptions::Assumption;
use crate::fault::FaultRule;
use crate::graph::GraphBehaviour;
use crate::tenant::Tenant;

/// Everything that [`crate::LocalCloud::start`] needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a second of the real cloud lasts here, in seconds (0.02: fifty times faster). The same factor as the
    /// emulator's `SFN_WAIT_SCALE`.
    pub clock_scale: f64,
    /// The emulator behind, for example `http://127.0.0.1:4570`.
    pub upstream: String,
    /// The Region whose name stands in the ARNs.
    pub region: String,
    /// The account number, twelve digits.
    pub account: String,
    /// The directory that the Entra tenant starts with.
    pub tenant: Tenant,
    /// The tenant's id, a GUID.
    pub tenant_id: String,
    /// The application that may ask for Graph tokens with a secret.
    pub client: ClientCredentials,
    /// Fault rules that are in force from the start.
    pub faults: Vec<FaultRule>,
    /// The file to which every call is written, one JSON object a line.
    pub record: Option<PathBuf>,
    /// Keep Connect's real rates (2 requests a second, burst 5) instead of granting higher ones.
    pub real_rates: bool,
    /// Botocore's `data` directory. When given, every request and answer of Connect, Service Quotas and Support is held
    /// against the official model while serving.
    pub models: Option<PathBuf>,
    /// How this account behaves.
    pub behaviour: Behaviour,
    /// The assumptions of which the other reading is emulated from the start.
    pub assume: Vec<&'static Assumption>,
}

/// An Entra application's id and secret.
#[derive(Clone)]
pub struct ClientCredentials {
    /// The application (client) id, a GUID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientCredentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// How AWS and Entra behave: the knobs. All durations are seconds of the real cloud; the clock's scale shortens them.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Values that were applied to the account, by quota code. For a quota per instance it is the value that an instance has
    /// until its own is raised.
    pub quotas: BTreeMap<String, f64>,
    /// Whether the account has an applied value (AWS's default) for quotas that were never raised. Both were seen; without
    /// one, `GetServiceQuota` answers `NoSuchResourceException`.
    pub account_quotas_applied: bool,
    /// What happens to requests for an increase of a quota, by quota code.
    pub quota_paths: BTreeMap<String, QuotaPath>,
    /// What happens to requests for quotas that [`Behaviour::quota_paths`] does not name.
    pub quota_path: QuotaPath,
    /// Whether the account has a support plan with the Support API.
    pub support_subscribed: bool,
    /// What happens to a case about phone numbers.
    pub support_path: SupportPath,
    /// How long an instance stays in `CREATION_IN_PROGRESS`.
    pub instance_seconds: f64,
    /// For how long after `DeleteInstance` the instance can still be seen, and its alias is taken.
    pub instance_deletion_seconds: f64,
    /// Whether a second `DeleteInstance` while the instance is being deleted is an invalid request instead of "not found".
    pub refuses_second_deletion: bool,
    /// Whether the alias of a deleted instance can be used again.
    pub aliases_reusable: bool,
    /// The text by which `CreateInstance` refuses an alias that is taken; it has no code of its own.
    pub alias_taken_message: &'static str,
    /// When set, instances end in `CREATION_FAILED` with this text as their `StatusReason`.
    pub instance_failure: Option<String>,
    /// Aliases that belong to someone else's instances, anywhere in the world.
    pub taken_aliases: BTreeSet<String>,
    /// For how long after `CreateUser` the user is unknown to the calls that name it.
    pub user_visible_seconds: f64,
    /// For how long after `CreateUser` the user is missing from `ListUsers` and `SearchUsers`.
    pub user_listed_seconds: f64,
    /// Whether the username of a deleted user can be used again in the same instance.
    pub usernames_reusable: bool,
    /// Whether `UpdateUserConfig` leaves the channels alone that the request does not name, instead of clearing them.
    pub config_merges_channels: bool,
    /// Whether `SearchUsers` returns after-contact work of a channel in milliseconds, as it does in `PhoneConfig`.
    pub channel_work_in_milliseconds: bool,
    /// Whether Connect evaluates the tags of an instance or a user that is to be deleted (`aws:ResourceTag`).
    pub deletion_by_tags: bool,
    /// Whether Connect evaluates the tag keys of a request (`aws:TagKeys`).
    pub tag_keys_evaluated: bool,
    /// Whether Directory Service evaluates the ARN of the directory that Connect makes for an instance, or only `*`.
    pub directories_by_arn: bool,
    /// Whether IAM accepts only metadata with the signature of its issuer.
    pub metadata_must_be_signed: bool,
    /// For how long after its creation IAM refuses a SAML provider as a principal.
    pub provider_visible_seconds: f64,
    /// For how long after an update of a SAML provider some of AWS's sign-in goes by the metadata of before.
    pub provider_update_seconds: f64,
    /// Numbers that can be found with `SearchAvailablePhoneNumbers`. None in Japan, as in life.
    pub number_inventory: Vec<NumberStock>,
    /// How long a claimed number stays `IN_PROGRESS`.
    pub claim_seconds: f64,
    /// For how long after a claim the number is missing from `ListPhoneNumbersV2`.
    pub number_listed_seconds: f64,
    /// When set, claims end in `FAILED` with this message.
    pub claim_failure: Option<String>,
    /// When set, no page is longer than this, whatever the caller asks for.
    pub page_limit: Option<usize>,
    /// Whether every listing begins with an empty page that has a next token.
    pub empty_page: bool,
    /// One token bucket for all of Connect's operations instead of one for each.
    pub shared_bucket: bool,
    /// Whether the catalogue of AWS Support has a service of its own for Connect's phone numbers.
    pub number_service_listed: bool,
    /// How long an attachment set of AWS Support lives.
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
            config_merges_channels: false,
            channel_work_in_milliseconds: false,
            deletion_by_tags: true,
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

/// How a request for a quota increase ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaOutcome {
    /// `APPROVED`; the value follows.
    Approved,
    /// `DENIED`; the value stays.
    Denied,
    /// `NOT_APPROVED`; the value stays.
    NotApproved,
    /// `CASE_CLOSED`, and the value rises all the same.
    CaseClosedGranted,
    /// `CASE_CLOSED`, and the value stays.
    CaseClosedRefused,
    /// `INVALID_REQUEST`; the value stays.
    InvalidRequest,
    /// Nobody ever decides.
    Never,
}

/// The life of a request for a quota increase. Times count from the request, in seconds of the real cloud.
#[derive(Clone, Debug)]
pub struct QuotaPath {
    /// When the request becomes a support case (`CASE_OPENED`); none for requests that are decided automatically.
    pub case_opened: Option<f64>,
    /// When it is decided.
    pub decided: f64,
    /// How it is decided.
    pub outcome: QuotaOutcome,
    /// How long after the decision the new value is in force: a status can come before its value.
    pub value_lag: f64,
    /// The value that is granted, where it is not the desired one.
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
    /// Decided by a machine within minutes, without a case.
    #[must_use]
    pub fn automatic() -> Self {
        Self { case_opened: None, decided: 120.0, value_lag: 10.0, ..Self::default() }
    }

    /// The default path with another end.
    #[must_use]
    pub fn ending(outcome: QuotaOutcome) -> Self {
        Self { outcome, ..Self::default() }
    }
}

/// The life of a support case about phone numbers. Times count from the case's last customer message, in seconds of
/// the real cloud.
#[derive(Clone, Debug)]
pub struct SupportPath {
    /// When someone picks it up (`work-in-progress`).
    pub picked_up: f64,
    /// When set, support asks this question and the case is `pending-customer-action` until someone adds a
    /// communication.
    pub question: Option<String>,
    /// When the numbers appear on the instance and the case is resolved.
    pub decided: f64,
    /// Whether the numbers are granted; if not, the case is resolved with a refusal.
    pub granted: bool,
}

impl Default for SupportPath {
    fn default() -> Self {
        Self { picked_up: 600.0, question: None, decided: 14_400.0, granted: true }
    }
}

/// Phone numbers that can be claimed.
#[derive(Clone, Debug)]
pub struct NumberStock {
    /// ISO country code, `US`.
    pub country: String,
    /// `DID`, `TOLL_FREE`, …
    pub kind: String,
    /// The digits that all of them begin with, `+1206555`.
    pub prefix: String,
    /// How many there are.
    pub quantity: u32,
}
