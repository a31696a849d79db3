//! Quick connects. Agents use quick connects to transfer contacts, for example to another user.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Instance, bad_token, profiles, tags};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::world::Setting;

/// One quick connect.
#[derive(Debug)]
pub(crate) struct QuickConnect {
    id: String,
    pub(crate) name: String,
    description: Option<String>,
    /// `QuickConnectConfig`: the type of the quick connect, and the settings for this type.
    pub(crate) config: Map<String, Value>,
    tags: Map<String, Value>,
    modified: OffsetDateTime,
}

/// The quick connects of an instance, in order of creation.
#[derive(Debug, Default)]
pub(crate) struct QuickConnects {
    pub(crate) all: BTreeMap<u64, QuickConnect>,
    sequence: u64,
}

impl QuickConnects {
    fn named(&mut self, input: &Input) -> Result<&mut QuickConnect, Refusal> {
        let id = input.need("QuickConnectId")?;
        let id = id.rsplit('/').next().unwrap_or(id);
        let found = self.all.values_mut().find(|one| one.id == id);
        found.ok_or_else(|| Refusal::not_found("Quick connect not found."))
    }

    /// Whether a quick connect transfers contacts to this user.
    pub(super) fn any_transfers_to(&self, user_id: &str) -> bool {
        self.all.values().any(|one| one.user_id() == Some(user_id))
    }
}

impl QuickConnect {
    fn user_id(&self) -> Option<&str> {
        self.config.get("UserConfig")?.get("UserId")?.as_str()
    }
}

/// Runs an operation on quick connects.
pub(super) fn call(setting: &Setting, instance: &mut Instance, operation: &str, input: &Input) -> Answer {
    match operation {
        "CreateQuickConnect" => create(setting, instance, input),
        "DescribeQuickConnect" => {
            let arn = instance.arn.clone();
            let found = instance.quick_connects.named(input)?;
            answer(json!({ "QuickConnect": shape(setting, &arn, found) }))
        }
        "SearchQuickConnects" => search(setting, instance, input),
        "UpdateQuickConnectConfig" => {
            let config = valid_config(setting, instance, input)?;
            let found = instance.quick_connects.named(input)?;
            found.config = config;
            found.modified = setting.clock.now();
            nothing()
        }
        "DeleteQuickConnect" => {
            let id = instance.quick_connects.named(input)?.id.clone();
            instance.quick_connects.all.retain(|_, one| one.id != id);
            nothing()
        }
        _ => {
            Err(Refusal::new(404, "UnknownOperationException", format!("{operation} is not part of the local cloud.")))
        }
    }
}

fn create(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let name = input.need("Name")?.to_owned();
    let config = valid_config(setting, instance, input)?;
    let tags = input.object("Tags").cloned().unwrap_or_default();
    tags::check(&tags)?;
    let list = &mut instance.quick_connects;
    if list.all.values().any(|one| one.name == name) {
        return Err(Refusal::new(409, "DuplicateResourceException", format!("The name {name} is already used.")));
    }
    let id = Uuid::new_v4().to_string();
    list.sequence += 1;
    let description = input.text("Description").map(ToOwned::to_owned);
    let made = QuickConnect { id: id.clone(), name, description, config, tags, modified: setting.clock.now() };
    list.all.insert(list.sequence, made);
    answer(json!({ "QuickConnectId": id, "QuickConnectARN": arn(&instance.arn, &id) }))
}

/// Validates the configuration in a request. A quick connect to a user requires an existing user and an existing flow.
/// A quick connect to a phone number requires a phone number.
fn valid_config(setting: &Setting, instance: &mut Instance, input: &Input) -> Result<Map<String, Value>, Refusal> {
    let config = input.object("QuickConnectConfig").cloned().unwrap_or_default();
    let member = match config.get("QuickConnectType").and_then(Value::as_str) {
        Some("USER") => "UserConfig",
        Some("PHONE_NUMBER") => "PhoneConfig",
        _ => return Err(Refusal::invalid_request("The local cloud has no quick connects of this type.")),
    };
    let Some(inner) = config.get(member) else {
        return Err(Refusal::invalid_request(format!("{member} is required for this type of quick connect.")));
    };
    if member == "UserConfig" {
        let text = |name: &str| inner.get(name).and_then(Value::as_str).unwrap_or_default();
        if instance.users.named(text("UserId"), setting.clock.now()).is_none() {
            return Err(Refusal::invalid_request("The user of the quick connect is not valid."));
        }
        if profiles::find(&instance.named.flows, text("ContactFlowId")).is_err() {
            return Err(Refusal::invalid_request("The flow of the quick connect is not valid."));
        }
    }
    Ok(config)
}

fn search(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    if input.0.contains_key("SearchCriteria") || input.0.contains_key("SearchFilter") {
        return Err(Refusal::invalid_request("The local cloud searches quick connects only without criteria."));
    }
    let list = &instance.quick_connects;
    let scope = format!("SearchQuickConnects {}", instance.id);
    let all = list.all.iter().map(|(key, one)| (*key, one));
    let size = input.page_size(10, 100);
    let (found, next) = page(all, &scope, input.text("NextToken"), size, setting.paging(), bad_token)?;
    let found: Vec<Value> = found.into_iter().map(|one| shape(setting, &instance.arn, one)).collect();
    let mut shape = json!({ "QuickConnects": found, "ApproximateTotalCount": list.all.len() });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

/// The ARN of a quick connect. In ARNs, the resource type of a quick connect is `transfer-destination` (Service
/// Authorization Reference).
fn arn(instance: &str, id: &str) -> String {
    format!("{instance}/transfer-destination/{id}")
}

fn shape(setting: &Setting, instance: &str, one: &QuickConnect) -> Value {
    let mut shape = json!({
        "QuickConnectId": one.id, "QuickConnectARN": arn(instance, &one.id), "Name": one.name,
        "QuickConnectConfig": one.config, "LastModifiedTime": epoch(one.modified),
        "LastModifiedRegion": setting.region,
    });
    if let Some(description) = &one.description {
        shape["Description"] = json!(description);
    }
    if !one.tags.is_empty() {
        shape["Tags"] = json!(one.tags);
    }
    shape
}
