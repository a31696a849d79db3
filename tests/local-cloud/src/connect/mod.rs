//! Amazon Connect.

mod attributes;
mod instances;
mod inventory;
mod numbers;
mod profiles;
mod routes;
mod search;
mod storage;
mod tags;
mod user_changes;
mod user_rules;
mod users;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::aws_error::{Answer, Refusal};
use crate::input::Input;
use crate::world::{Setting, State};

pub(crate) use inventory::inventory;
pub(crate) use numbers::{Number, add_number};
pub(crate) use routes::operation_of;
pub(crate) use tags::at as tags_at;
pub(crate) use users::Users;

/// Everything of Connect's in the account.
#[derive(Debug, Default)]
pub(crate) struct Connect {
    pub(crate) instances: BTreeMap<u64, Instance>,
    /// Instances that were deleted and can be seen for a while, with until when.
    leaving: Vec<(OffsetDateTime, Instance)>,
    pub(crate) numbers: BTreeMap<u64, Number>,
    /// Claims and releases of numbers, by instance.
    number_churn: Vec<(String, OffsetDateTime)>,
    /// The aliases of instances that were deleted.
    former_aliases: HashSet<String>,
    /// Client tokens of `CreateInstance` and `ClaimPhoneNumber`, with what they made.
    tokens: HashMap<String, String>,
    /// When instances were created and deleted: together they are limited to 100 in 30 days.
    churn: Vec<OffsetDateTime>,
    sequence: u64,
}

/// One instance.
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
    pub(crate) named: profiles::Named,
    pub(crate) users: Users,
}

impl Instance {
    fn is_saml(&self) -> bool {
        self.identity == "SAML"
    }

    /// Whether people can be signed in to it by SAML now.
    pub(crate) fn takes_saml(&self, now: OffsetDateTime) -> bool {
        self.is_saml() && self.ready <= now && self.failure.is_none()
    }
}

impl Connect {
    /// A number that grows: the key of the next thing.
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// The instance with this id or ARN.
    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.values().find(|instance| instance.id == id || instance.arn == id)
    }

    /// The instance of a call that needs it to be ready: before that, Connect does not know it.
    fn ready(&mut self, setting: &Setting, id: &str) -> Result<&mut Instance, Refusal> {
        let now = setting.clock.now();
        let found = self.instances.values_mut().find(|instance| instance.id == id || instance.arn == id);
        found
            .filter(|instance| instance.ready <= now && instance.failure.is_none())
            .ok_or_else(|| Refusal::not_found("Instance not found."))
    }
}

/// Runs one operation of Connect.
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
        "ReleasePhoneNumber" => numbers::release(setting, state, input),
        "CreateUser" => users::create(setting, state, input),
        _ => {
            let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
            in_instance(setting, instance, operation, input)
        }
    }
}

/// Operations that concern one instance alone.
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
        "DescribeUser" => users::describe(setting, instance, input),
        "DeleteUser" => users::delete(setting, instance, input),
        "ListUsers" => users::list(setting, instance, input),
        "SearchUsers" => search::users(setting, instance, input),
        _ if operation.starts_with("UpdateUser") => user_changes::change(setting, instance, operation, input),
        _ => profiles::call(setting, instance, operation, input),
    }
}

/// The refusal of a next token that is none of the listing's.
fn bad_token() -> Refusal {
    Refusal::invalid_parameter("The next token is not valid.")
}
