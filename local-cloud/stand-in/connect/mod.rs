//! Emulates Amazon Connect.

mod attributes;
mod flows;
mod instances;
mod inventory;
mod numbers;
mod origins;
mod predefined_attributes;
mod proficiencies;
mod profiles;
mod quick_connects;
mod replication;
mod routes;
mod search;
mod sessions;
mod storage;
mod tags;
mod test_cases;
mod user_changes;
mod user_rules;
mod users;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::Input;
use crate::stand_in::world::{Setting, State};

pub(crate) use inventory::inventory;
pub(crate) use numbers::{Number, add_number};
pub use replication::Replicate;
pub(crate) use replication::replicate;
pub(crate) use routes::operation_of;
pub(crate) use tags::at as tags_at;
pub(crate) use users::Users;

/// The Connect resources of the account.
#[derive(Debug, Default)]
pub(crate) struct Connect {
    pub(crate) instances: BTreeMap<u64, Instance>,
    /// Deleted instances that Connect still returns, each with the time until which the instance is returned.
    leaving: Vec<(OffsetDateTime, Instance)>,
    pub(crate) numbers: BTreeMap<u64, Number>,
    /// For each instance, the times at which phone numbers were claimed and released.
    number_churn: Vec<(String, OffsetDateTime)>,
    /// The aliases of all deleted instances.
    former_aliases: HashSet<String>,
    /// The client tokens of `CreateInstance` and `ClaimPhoneNumber` requests, each with the ID of the resource that the
    /// request has created.
    tokens: HashMap<String, String>,
    /// The times at which instances were created and deleted. Connect allows at most 100 creations and deletions
    /// together in 30 days.
    churn: Vec<OffsetDateTime>,
    sequence: u64,
}

/// One Connect instance.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) alias: Option<String>,
    identity: String,
    created: OffsetDateTime,
    ready: OffsetDateTime,
    failure: Option<String>,
    pub(crate) tags: Map<String, Value>,
    pub(crate) attributes: BTreeMap<&'static str, String>,
    pub(crate) storage: Vec<storage::Storage>,
    pub(crate) origins: Vec<origins::Origin>,
    pub(crate) named: profiles::Named,
    pub(crate) predefined: Vec<predefined_attributes::Predefined>,
    pub(crate) users: Users,
    pub(crate) quick_connects: quick_connects::QuickConnects,
    pub(crate) sessions: sessions::Sessions,
    pub(crate) test_cases: test_cases::TestCases,
    pub(crate) replication: Option<replication::Replication>,
}

impl Instance {
    fn is_saml(&self) -> bool {
        self.identity == "SAML"
    }

    /// Whether users can currently sign in to the instance by SAML.
    pub(crate) fn takes_saml(&self, now: OffsetDateTime) -> bool {
        self.is_saml() && self.ready <= now && self.failure.is_none()
    }
}

impl Connect {
    /// Returns the next sequence number. The number becomes the storage key of a new resource.
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// The instance with this ID or ARN.
    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.values().find(|instance| instance.id == id || instance.arn == id)
    }

    pub(crate) fn instance_mut(&mut self, id: &str) -> Option<&mut Instance> {
        self.instances.values_mut().find(|instance| instance.id == id)
    }

    /// The instance that a request names, for operations that require an active instance. As in Connect, returns "not
    /// found" if the creation of the instance has not finished.
    fn ready(&mut self, setting: &Setting, id: &str) -> Result<&mut Instance, Refusal> {
        let now = setting.clock.now();
        let found = self.instances.values_mut().find(|instance| instance.id == id || instance.arn == id);
        found
            .filter(|instance| instance.ready <= now && instance.failure.is_none())
            .ok_or_else(|| Refusal::not_found("Instance not found."))
    }
}

/// Runs a Connect operation.
pub(crate) fn call(setting: &Setting, state: &mut State, operation: &str, input: &Input) -> Answer {
    match operation {
        "CreateInstance" => instances::create(setting, state, input),
        "DescribeInstance" => instances::describe(setting, state, input),
        "ListInstances" => instances::list(setting, state, input),
        "DeleteInstance" => instances::delete(setting, state, input),
        "TagResource" => tags::tag(setting, state, input),
        "UntagResource" => tags::untag(setting, state, input),
        "ListTagsForResource" => tags::list(setting, state, input),
        "SearchAvailablePhoneNumbers" => numbers::search(setting, state, input),
        "ClaimPhoneNumber" => numbers::claim(setting, state, input),
        "DescribePhoneNumber" => numbers::describe(setting, state, input),
        "ListPhoneNumbersV2" => numbers::list(setting, state, input),
        "UpdatePhoneNumberMetadata" => numbers::update_metadata(setting, state, input),
        "AssociatePhoneNumberContactFlow" => numbers::associate_flow(setting, state, input),
        "DisassociatePhoneNumberContactFlow" => numbers::disassociate_flow(setting, state, input),
        "ListFlowAssociations" => numbers::flow_associations(setting, state, input),
        "DeleteContactFlow" => flows::delete(setting, state, input),
        "ReleasePhoneNumber" => numbers::release(setting, state, input),
        "CreateUser" => users::create(setting, state, input),
        "CreatePredefinedAttribute" => predefined_attributes::create(setting, state, input),
        "AssociateUserProficiencies" => proficiencies::associate(setting, state, input),
        "ListReplicationFindings" => replication::call(setting, state, operation, input),
        _ if operation.contains("TrafficDistributionGroup") => replication::call(setting, state, operation, input),
        _ => {
            let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
            in_instance(setting, instance, operation, input)
        }
    }
}

/// Runs an operation on a single instance.
fn in_instance(setting: &Setting, instance: &mut Instance, operation: &str, input: &Input) -> Answer {
    match operation {
        "DescribeInstanceAttribute" => attributes::describe(instance, input),
        "ListInstanceAttributes" => attributes::list(setting, instance, input),
        "UpdateInstanceAttribute" => attributes::update(instance, input),
        "AssociateInstanceStorageConfig" => storage::associate(instance, input),
        "DescribeInstanceStorageConfig" => storage::describe(instance, input),
        "ListInstanceStorageConfigs" => storage::list(setting, instance, input),
        "UpdateInstanceStorageConfig" => storage::update(instance, input),
        "DisassociateInstanceStorageConfig" => storage::disassociate(instance, input),
        "AssociateApprovedOrigin" => origins::associate(instance, input),
        "ListApprovedOrigins" => origins::list(setting, instance, input),
        "DisassociateApprovedOrigin" => origins::disassociate(instance, input),
        "DescribeUser" => users::describe(setting, instance, input),
        "DeleteUser" => users::delete(setting, instance, input),
        "ListUsers" => users::list(setting, instance, input),
        "SearchUsers" => search::users(setting, instance, input),
        "DeleteAllEntitySessions" => sessions::delete_all(setting, instance, input),
        "DescribePredefinedAttribute" => predefined_attributes::describe(setting, instance, input),
        "UpdatePredefinedAttribute" => predefined_attributes::update(setting, instance, input),
        "UpdateUserProficiencies" => proficiencies::update(setting, instance, input),
        "DisassociateUserProficiencies" => proficiencies::disassociate(setting, instance, input),
        "ListUserProficiencies" => proficiencies::list(setting, instance, input),
        "CreateContactFlow" | "DescribeContactFlow" | "UpdateContactFlowContent" => {
            flows::call(setting, instance, operation, input)
        }
        _ if operation.contains("TestCase") => test_cases::call(setting, instance, operation, input),
        _ if operation.contains("QuickConnect") => quick_connects::call(setting, instance, operation, input),
        _ if operation.starts_with("UpdateUser") => user_changes::change(setting, instance, operation, input),
        _ => profiles::call(setting, instance, operation, input),
    }
}

/// The error for a list request with a next token that another list request returned.
fn bad_token() -> Refusal {
    Refusal::invalid_parameter("The next token is not valid.")
}
