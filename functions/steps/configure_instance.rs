//! `configure-instance`: what the console's wizard sets besides the instance itself (the how-to's テレフォニー and データストレージ
//! pages): attributes, flow logs, and where recordings, transcripts and reports are stored.
//!
//! * Reads: `connect:ListInstanceAttributes`, `connect:ListInstanceStorageConfigs`.
//! * Writes: `connect:UpdateInstanceAttribute`, `connect:AssociateInstanceStorageConfig`,
//!   `connect:UpdateInstanceStorageConfig`. A storage place also needs `s3:GetBucketAcl` and `s3:GetBucketLocation` on the
//!   bucket, `kms:DescribeKey` and `kms:CreateGrant` on the key, and `iam:PutRolePolicy` on
//!   `AWSServiceRoleForAmazonConnect*`. Attributes may need `ds:DescribeDirectories` and `logs:CreateLogGroup`.
//! * Safe to repeat: every attribute and place is read and compared first; what is as wanted is not touched. A place that
//!   somebody else chose holds data that people rely on: it is left alone and reported.

use std::collections::BTreeMap;

use aws_sdk_connect::{
    error::SdkError,
    types::{
        EncryptionConfig, EncryptionType, InstanceAttributeType, InstanceStorageConfig, InstanceStorageResourceType,
        S3Config, StorageType,
    },
};
use aws_smithy_types::error::{metadata::ProvideErrorMetadata, operation::BuildError};
use onboarding_core::{
    StepError,
    contract::{ConfigureInstanceInput, ConfigureInstanceOutput, OpenItem, StorageLocation},
    names,
    onboarding::Instance,
};

use crate::{aws_error, clients::Clients};

/// Sets what differs.
///
/// # Errors
/// Whatever Connect refuses. `NotConsistentYet` while Connect does not see the new instance everywhere.
pub async fn run(cx: &Clients, input: ConfigureInstanceInput) -> Result<ConfigureInstanceOutput, StepError> {
    let mut output = ConfigureInstanceOutput::default();
    set_attributes(cx, &input, &mut output).await?;
    let storage = &input.instance.storage;
    for (wanted, resource_type) in [
        (storage.call_recordings, InstanceStorageResourceType::CallRecordings),
        (storage.chat_transcripts, InstanceStorageResourceType::ChatTranscripts),
        (storage.scheduled_reports, InstanceStorageResourceType::ScheduledReports),
    ] {
        if wanted {
            set_storage(cx, &input, &resource_type, &mut output).await?;
        }
    }
    Ok(output)
}

fn wanted_attributes(instance: &Instance) -> Vec<(InstanceAttributeType, bool)> {
    let always = [
        (InstanceAttributeType::InboundCalls, instance.inbound_calls),
        (InstanceAttributeType::OutboundCalls, instance.outbound_calls),
        (InstanceAttributeType::ContactflowLogs, instance.flow_logs),
    ];
    let where_said = [
        (InstanceAttributeType::ContactLens, instance.contact_lens),
        (InstanceAttributeType::EarlyMedia, instance.early_media),
    ];
    always.into_iter().chain(where_said.into_iter().filter_map(|(kind, value)| Some((kind, value?)))).collect()
}

async fn set_attributes(
    cx: &Clients,
    input: &ConfigureInstanceInput,
    output: &mut ConfigureInstanceOutput,
) -> Result<(), StepError> {
    let doing = format!("reading the attributes of the instance {}", input.instance_id);
    let mut items =
        cx.connect().list_instance_attributes().instance_id(&input.instance_id).into_paginator().items().send();
    let mut present = BTreeMap::new();
    while let Some(item) = items.next().await {
        let attribute = item.map_err(|error| fresh(&doing, &error))?;
        if let (Some(kind), Some(value)) = (attribute.attribute_type, attribute.value) {
            present.insert(kind.as_str().to_owned(), value);
        }
    }
    for (kind, wanted) in wanted_attributes(&input.instance) {
        let wanted = wanted.to_string();
        if present.get(kind.as_str()).is_some_and(|value| value.eq_ignore_ascii_case(&wanted)) {
            continue;
        }
        cx.connect()
            .update_instance_attribute()
            .instance_id(&input.instance_id)
            .attribute_type(kind.clone())
            .value(&wanted)
            .send()
            .await
            .map_err(|error| {
                fresh(&format!("setting {} of the instance {} to {wanted}", kind.as_str(), input.instance_id), &error)
            })?;
        output.changed.push(kind.as_str().to_owned());
    }
    Ok(())
}

async fn set_storage(
    cx: &Clients,
    input: &ConfigureInstanceInput,
    resource_type: &InstanceStorageResourceType,
    output: &mut ConfigureInstanceOutput,
) -> Result<(), StepError> {
    let wanted = wanted_storage(cx, &input.instance.alias, resource_type)?;
    let mut present = storage_configs(cx, &input.instance_id, resource_type).await?;
    if present.is_empty() {
        let sent = cx
            .connect()
            .associate_instance_storage_config()
            .instance_id(&input.instance_id)
            .resource_type(resource_type.clone())
            .storage_config(wanted.clone())
            .send()
            .await;
        match sent {
            Ok(_) => {
                output.changed.push(resource_type.as_str().to_owned());
                output.storage.push(location(resource_type, &wanted));
                return Ok(());
            }
            // Somebody, or this step before a lost answer, was quicker: see which place it is.
            Err(error) if aws_error::is(&error, &["ResourceConflictException"]) => {
                present = storage_configs(cx, &input.instance_id, resource_type).await?;
                if present.is_empty() {
                    return Err(StepError::not_consistent_yet(format!(
                        "the instance {} has a place for {} that can't be read yet",
                        input.instance_id,
                        resource_type.as_str()
                    )));
                }
            }
            Err(error) => {
                let doing =
                    format!("setting where the instance {} stores {}", input.instance_id, resource_type.as_str());
                return Err(fresh(&doing, &error));
            }
        }
    }
    if let Some(ours) = present.iter().find(|config| same_place(config, &wanted)) {
        if !same_key(ours, &wanted) {
            update_storage(cx, input, resource_type, ours.association_id().unwrap_or_default(), &wanted).await?;
            output.changed.push(resource_type.as_str().to_owned());
        }
        output.storage.push(location(resource_type, &wanted));
        return Ok(());
    }
    for other in &present {
        let found = location(resource_type, other);
        output.open_items.push(OpenItem::new(
            format!("storage {}", resource_type.as_str()),
            format!("the instance stores it at {} already, not in the stack's bucket", found.location),
            "Nothing, if that place is meant. Otherwise remove it under Data storage in the Amazon Connect console and start \
             the same input again",
        ));
        output.storage.push(found);
    }
    Ok(())
}

async fn update_storage(
    cx: &Clients,
    input: &ConfigureInstanceInput,
    resource_type: &InstanceStorageResourceType,
    association_id: &str,
    wanted: &InstanceStorageConfig,
) -> Result<(), StepError> {
    cx.connect()
        .update_instance_storage_config()
        .instance_id(&input.instance_id)
        .association_id(association_id)
        .resource_type(resource_type.clone())
        .storage_config(wanted.clone())
        .send()
        .await
        .map(drop)
        .map_err(|error| {
            fresh(
                &format!("setting the key of {} of the instance {}", resource_type.as_str(), input.instance_id),
                &error,
            )
        })
}

async fn storage_configs(
    cx: &Clients,
    instance_id: &str,
    resource_type: &InstanceStorageResourceType,
) -> Result<Vec<InstanceStorageConfig>, StepError> {
    let doing = format!("reading where the instance {instance_id} stores {}", resource_type.as_str());
    let mut items = cx
        .connect()
        .list_instance_storage_configs()
        .instance_id(instance_id)
        .resource_type(resource_type.clone())
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        found.push(item.map_err(|error| fresh(&doing, &error))?);
    }
    Ok(found)
}

fn wanted_storage(
    cx: &Clients,
    alias: &str,
    resource_type: &InstanceStorageResourceType,
) -> Result<InstanceStorageConfig, StepError> {
    let place = |bucket: &str, key: &str| -> Result<InstanceStorageConfig, BuildError> {
        let key = EncryptionConfig::builder().encryption_type(EncryptionType::Kms).key_id(key).build()?;
        let prefix = names::storage_prefix(alias, resource_type.as_str());
        let place = S3Config::builder().bucket_name(bucket).bucket_prefix(prefix).encryption_config(key).build()?;
        InstanceStorageConfig::builder().storage_type(StorageType::S3).s3_config(place).build()
    };
    place(cx.settings.storage_bucket()?, cx.settings.storage_key_arn()?)
        .map_err(|error| StepError::internal(error.to_string()))
}

fn same_place(one: &InstanceStorageConfig, other: &InstanceStorageConfig) -> bool {
    let place = |config: &InstanceStorageConfig| {
        config.s3_config().map(|s3| (s3.bucket_name().to_owned(), s3.bucket_prefix().trim_end_matches('/').to_owned()))
    };
    place(one).is_some() && place(one) == place(other)
}

fn same_key(one: &InstanceStorageConfig, other: &InstanceStorageConfig) -> bool {
    let key = |config: &InstanceStorageConfig| {
        config.s3_config().and_then(|s3| s3.encryption_config()).map(|key| key.key_id().to_owned())
    };
    key(one) == key(other)
}

fn location(resource_type: &InstanceStorageResourceType, config: &InstanceStorageConfig) -> StorageLocation {
    StorageLocation {
        resource_type: resource_type.as_str().into(),
        location: config.s3_config().map_or_else(
            || config.storage_type().as_str().to_owned(),
            |s3| format!("s3://{}/{}", s3.bucket_name(), s3.bucket_prefix()),
        ),
    }
}

/// Connect may answer "not found" for some minutes after an instance has become active (eventual consistency).
fn fresh<E, R>(doing: &str, error: &SdkError<E, R>) -> StepError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: aws_sdk_connect::operation::RequestId,
{
    let failure = aws_error::step_error(doing, error);
    if aws_error::is_not_found(error) { StepError::not_consistent_yet(failure.message) } else { failure }
}
