//! Storage configurations: the destinations of recordings, transcripts and reports.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Instance, bad_token};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::world::Setting;

/// The association of a resource type with a storage destination.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) kind: String,
    pub(crate) config: Map<String, Value>,
}

impl Storage {
    fn id(&self) -> &str {
        self.config.get("AssociationId").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The storage configuration in a request. The configuration must contain the member that belongs to its storage type.
fn config(input: &Input) -> Result<Map<String, Value>, Refusal> {
    let config = input.object("StorageConfig").ok_or_else(|| Refusal::invalid_request("StorageConfig is required."))?;
    let kind = config.get("StorageType").and_then(Value::as_str).unwrap_or_default();
    let part = match kind {
        "S3" => "S3Config",
        "KINESIS_VIDEO_STREAM" => "KinesisVideoStreamConfig",
        "KINESIS_STREAM" => "KinesisStreamConfig",
        "KINESIS_FIREHOSE" => "KinesisFirehoseConfig",
        _ => return Err(Refusal::invalid_parameter(format!("Unknown storage type {kind}."))),
    };
    if !config.get(part).is_some_and(Value::is_object) {
        return Err(Refusal::invalid_request(format!("A storage configuration of type {kind} needs a {part}.")));
    }
    let key = config.get(part).and_then(|part| part.pointer("/EncryptionConfig/KeyId")).and_then(Value::as_str);
    if key.is_some_and(|key| !key.starts_with("arn:")) {
        return Err(Refusal::invalid_parameter("EncryptionConfig.KeyId must be the full ARN of the key."));
    }
    Ok(config.clone())
}

/// Adds a storage configuration. The local cloud accepts only one configuration per resource type, although AWS allows
/// several for some resource types, such as `CONTACT_TRACE_RECORDS`.
pub(super) fn associate(instance: &mut Instance, input: &Input) -> Answer {
    let (kind, mut config) = (input.need("ResourceType")?.to_owned(), config(input)?);
    if instance.storage.iter().any(|storage| storage.kind == kind) {
        let message = format!("A storage configuration is already associated with the resource type {kind}.");
        return Err(Refusal::new(409, "ResourceConflictException", message));
    }
    let id = Uuid::new_v4().simple().to_string();
    config.insert("AssociationId".into(), json!(id));
    instance.storage.push(Storage { kind, config });
    answer(json!({ "AssociationId": id }))
}

fn position(instance: &Instance, input: &Input) -> Result<usize, Refusal> {
    let (kind, id) = (input.need("ResourceType")?, input.need("AssociationId")?);
    let found = instance.storage.iter().position(|storage| storage.kind == kind && storage.id() == id);
    found.ok_or_else(|| Refusal::not_found("The storage association was not found."))
}

pub(super) fn describe(instance: &Instance, input: &Input) -> Answer {
    let found = position(instance, input)?;
    answer(json!({ "StorageConfig": instance.storage[found].config }))
}

pub(super) fn list(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let kind = input.need("ResourceType")?;
    let all =
        (1..).zip(instance.storage.iter().filter(|storage| storage.kind == kind).map(|storage| json!(storage.config)));
    let scope = format!("ListInstanceStorageConfigs {} {kind}", instance.id);
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(10, 10), setting.paging(), bad_token)?;
    let mut shape = json!({ "StorageConfigs": found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

pub(super) fn update(instance: &mut Instance, input: &Input) -> Answer {
    let found = position(instance, input)?;
    let mut config = config(input)?;
    config.insert("AssociationId".into(), json!(instance.storage[found].id()));
    instance.storage[found].config = config;
    nothing()
}

pub(super) fn disassociate(instance: &mut Instance, input: &Input) -> Answer {
    let found = position(instance, input)?;
    instance.storage.remove(found);
    nothing()
}
