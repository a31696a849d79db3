//! The Amazon Connect instance: reads its current settings and compares them with an input.

use std::collections::BTreeMap;

use aws_sdk_connect::{
    error::SdkError,
    types::{
        DirectoryType, EncryptionConfig, EncryptionType, Instance as ConnectInstance, InstanceAttributeType,
        InstanceStatus, InstanceStorageConfig, InstanceStorageResourceType, ReplicationConfiguration, S3Config,
        StorageType,
    },
};
use aws_smithy_types::error::{metadata::ProvideErrorMetadata, operation::BuildError};
use onboarding_core::{
    StepError,
    contract::{Area, StorageLocation},
    inspection::{Checks, Object, Presence},
    names,
    onboarding::{Instance, Storage},
    replication::{GlobalSignIn, Replication, Reported},
    sync::Ownership,
};

use crate::{
    aws::{self, error::CallResult as _, instances},
    context::Context,
};

/// The attributes that an onboarding sets when it creates the instance.
const SET_AT_CREATION: [InstanceAttributeType; 2] =
    [InstanceAttributeType::InboundCalls, InstanceAttributeType::OutboundCalls];

/// What an operator must do if the instance no longer exists.
const START_AGAIN: &str =
    "No step reverts this. Start the onboarding again, which creates a new instance: onboard start FILE";

/// An instance, and the information whether it is replicated.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) instance: ConnectInstance,
    pub(crate) replication: Replication,
}

impl Described {
    pub(crate) fn id(&self) -> &str {
        self.instance.id().unwrap_or_default()
    }

    pub(crate) const fn global_sign_in(&self) -> Option<&GlobalSignIn> {
        self.replication.global_sign_in()
    }
}

/// Returns the instance with this ID, or `None` if the instance does not exist.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn describe(ctx: &Context, id: &str) -> Result<Option<Described>, StepError> {
    let sent = ctx.connect().describe_instance().instance_id(id).send().await;
    let found = sent.if_found().doing(format_args!("reading the Amazon Connect instance {id}"))?;
    Ok(found.and_then(|output| {
        let reported = output.replication_configuration.map(reported).unwrap_or_default();
        Some(Described { instance: output.instance?, replication: Replication::of(id, ctx.region(), &reported) })
    }))
}

fn reported(configuration: ReplicationConfiguration) -> Reported {
    let summaries = configuration.replication_status_summary_list.unwrap_or_default();
    Reported {
        source_region: configuration.source_region,
        endpoint: configuration.global_sign_in_endpoint,
        regions: summaries.into_iter().filter_map(|summary| summary.region).collect(),
    }
}

/// Returns the instance with this alias if it is active or being created.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn of_alias(ctx: &Context, alias: &str) -> Result<Option<Described>, StepError> {
    let found = instances::list(ctx.connect()).await?;
    let found = found.iter().find(|one| instances::has_alias(one, alias) && instances::takes_room(one));
    match found.and_then(|summary| summary.id()) {
        Some(id) => describe(ctx, id).await,
        None => Ok(None),
    }
}

/// Returns whether an instance has the two tags that an onboarding with this alias sets.
pub(crate) fn is_ours(instance: &ConnectInstance, alias: &str) -> bool {
    let tag = |key: &str| instance.tags().and_then(|tags| tags.get(key)).map(String::as_str);
    Ownership::from_tags(tag(names::MANAGED_BY_KEY), tag(names::ONBOARDING_KEY), alias) == Ownership::Ours
}

/// Compares the instance with the desired settings.
pub(crate) fn object(region: &str, alias: &str, found: Option<&Described>) -> Object {
    const KIND: &str = "Amazon Connect instance";
    let Some(described) = found else {
        return Object::new(Area::Instance, KIND, alias, Presence::Absent).irreversible(START_AGAIN);
    };
    let instance = &described.instance;
    let identity = instance.identity_management_type();
    let presence = if identity != Some(&DirectoryType::Saml) {
        Presence::Foreign(format!(
            "its identity management is {}, which can never be changed to SAML; choose another alias",
            identity.map_or("unknown", DirectoryType::as_str)
        ))
    } else if let Some(refusal) = described.replication.refusal(region) {
        Presence::Foreign(refusal)
    } else if is_ours(instance, alias) {
        Presence::Ours
    } else {
        Presence::Adoptable
    };
    Object::new(Area::Instance, KIND, alias, presence)
        .with(sign_in_checks(Some(instance)))
        .noting(match described.global_sign_in() {
            Some(_) => format!("{}, replicated to another Region", described.id()),
            None => described.id().to_owned(),
        })
        .irreversible("No step reverts this. Check the instance in the Amazon Connect console: onboard doctor FILE")
}

/// Checks the settings of the instance that a sign-in requires.
pub(crate) fn sign_in_checks(found: Option<&ConnectInstance>) -> Checks {
    let mut checks = Checks::default();
    let status = found.and_then(ConnectInstance::instance_status).map_or("none", InstanceStatus::as_str);
    checks.equal("instance", "ACTIVE", status);
    let identity = found.and_then(ConnectInstance::identity_management_type).map_or("none", DirectoryType::as_str);
    checks.equal("identity management", "SAML", identity);
    checks
}

/// Compares the attributes of the instance with the input. On a new instance, all attributes are disabled, except those
/// that are set when the instance is created. Terraform users observed this on instances that were created through the
/// API.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn attribute_objects(
    ctx: &Context,
    id: Option<&str>,
    wanted: &Instance,
) -> Result<Vec<Object>, StepError> {
    let present = match id {
        Some(id) => attributes(ctx, id).await?,
        None => BTreeMap::new(),
    };
    let object = |(kind, wanted): (InstanceAttributeType, bool)| {
        const KIND: &str = "instance attribute";
        let (name, wanted) = (kind.as_str(), wanted.to_string());
        if id.is_none() {
            let comes_with_it = SET_AT_CREATION.contains(&kind) || wanted == "false";
            let missing = || Object::new(Area::Instance, KIND, name, Presence::Absent).noting(&wanted);
            return (!comes_with_it).then(missing);
        }
        let mut checks = Checks::default();
        let found = present.get(name).map_or("none", String::as_str);
        checks.that("value", found.eq_ignore_ascii_case(&wanted), &wanted, found);
        Some(Object::new(Area::Instance, KIND, name, Presence::Ours).with(checks))
    };
    Ok(wanted_attributes(wanted).into_iter().filter_map(object).collect())
}

/// Compares the storage locations with the input, for each resource type for which the input enables storage.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn storage_objects(
    ctx: &Context,
    id: Option<&str>,
    instance: &Instance,
) -> Result<Vec<Object>, StepError> {
    const KIND: &str = "storage";
    let mut objects = Vec::new();
    for resource_type in stored(&instance.storage) {
        let name = resource_type.as_str();
        let wanted = wanted_storage(ctx, &instance.alias, &resource_type)?;
        let place = location(&resource_type, &wanted).location;
        let present = match id {
            Some(id) => storage_configs(ctx, id, &resource_type).await?,
            None => Vec::new(),
        };
        let object = if let Some(ours) = present.iter().find(|config| same_place(config, &wanted)) {
            let mut checks = Checks::default();
            let key = |config: &InstanceStorageConfig| key(config).unwrap_or_else(|| "none".into());
            checks.that("key", same_key(ours, &wanted), key(&wanted), key(ours));
            Object::new(Area::Instance, KIND, name, Presence::Ours).with(checks).noting(place)
        } else if let Some(other) = present.first() {
            let found = location(&resource_type, other).location;
            let mut checks = Checks::default();
            checks.equal("place", place, &found);
            Object::new(Area::Instance, KIND, name, Presence::Elsewhere(found)).with(checks)
        } else {
            Object::new(Area::Instance, KIND, name, Presence::Absent).noting(place)
        };
        objects.push(object);
    }
    Ok(objects)
}

/// Returns the attributes of an instance by type.
///
/// # Errors
/// See [`fresh`].
pub(crate) async fn attributes(ctx: &Context, instance_id: &str) -> Result<BTreeMap<String, String>, StepError> {
    let doing = format!("reading the attributes of the instance {instance_id}");
    let found = ctx.connect().list_instance_attributes().instance_id(instance_id).into_paginator().items().send();
    let found = found.try_collect().await.map_err(|error| fresh(&doing, &error))?;
    Ok(found.into_iter().filter_map(|one| Some((one.attribute_type?.as_str().to_owned(), one.value?))).collect())
}

/// Returns the resource types for which an input enables storage.
pub(crate) fn stored(storage: &Storage) -> impl Iterator<Item = InstanceStorageResourceType> + use<> {
    let kinds = [
        (storage.call_recordings, InstanceStorageResourceType::CallRecordings),
        (storage.chat_transcripts, InstanceStorageResourceType::ChatTranscripts),
        (storage.scheduled_reports, InstanceStorageResourceType::ScheduledReports),
    ];
    kinds.into_iter().filter_map(|(wanted, kind)| wanted.then_some(kind))
}

/// Returns the attributes that an input sets, with their values.
pub(crate) fn wanted_attributes(instance: &Instance) -> Vec<(InstanceAttributeType, bool)> {
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

/// Returns the storage locations of an instance for one resource type.
///
/// # Errors
/// See [`fresh`].
pub(crate) async fn storage_configs(
    ctx: &Context,
    instance_id: &str,
    resource_type: &InstanceStorageResourceType,
) -> Result<Vec<InstanceStorageConfig>, StepError> {
    let doing = format!("reading the storage location of the instance {instance_id} for {}", resource_type.as_str());
    let configs = ctx.connect().list_instance_storage_configs().instance_id(instance_id);
    let configs = configs.resource_type(resource_type.clone()).into_paginator().items().send();
    configs.try_collect().await.map_err(|error| fresh(&doing, &error))
}

/// Returns the desired storage location: the stack's S3 bucket, with encryption by the stack's KMS key.
///
/// # Errors
/// `Internal` if the function's settings do not contain the S3 bucket or the KMS key.
pub(crate) fn wanted_storage(
    ctx: &Context,
    alias: &str,
    resource_type: &InstanceStorageResourceType,
) -> Result<InstanceStorageConfig, StepError> {
    let place = |bucket: &str, key: &str| -> Result<InstanceStorageConfig, BuildError> {
        let key = EncryptionConfig::builder().encryption_type(EncryptionType::Kms).key_id(key).build()?;
        let prefix = names::storage_prefix(alias, resource_type.as_str());
        let place = S3Config::builder().bucket_name(bucket).bucket_prefix(prefix).encryption_config(key).build()?;
        InstanceStorageConfig::builder().storage_type(StorageType::S3).s3_config(place).build()
    };
    place(ctx.settings.storage_bucket()?, ctx.settings.storage_key_arn()?)
        .map_err(|error| StepError::internal(error.to_string()))
}

/// Returns whether two storage locations are the same. The KMS keys are not compared.
pub(crate) fn same_place(one: &InstanceStorageConfig, other: &InstanceStorageConfig) -> bool {
    let place = |config: &InstanceStorageConfig| {
        config.s3_config().map(|s3| (s3.bucket_name().to_owned(), s3.bucket_prefix().trim_end_matches('/').to_owned()))
    };
    place(one).is_some() && place(one) == place(other)
}

/// Returns whether two storage locations use the same KMS key.
pub(crate) fn same_key(one: &InstanceStorageConfig, other: &InstanceStorageConfig) -> bool {
    key(one) == key(other)
}

fn key(config: &InstanceStorageConfig) -> Option<String> {
    config.s3_config().and_then(|s3| s3.encryption_config()).map(|key| key.key_id().to_owned())
}

/// Formats a storage location for messages.
pub(crate) fn location(resource_type: &InstanceStorageResourceType, config: &InstanceStorageConfig) -> StorageLocation {
    StorageLocation {
        resource_type: resource_type.as_str().into(),
        location: config.s3_config().map_or_else(
            || config.storage_type().as_str().to_owned(),
            |s3| format!("s3://{}/{}", s3.bucket_name(), s3.bucket_prefix()),
        ),
    }
}

/// Converts the error of a call that concerns an instance that may be new. Connect is eventually consistent, and may
/// report for some minutes that an instance does not exist although it is already active.
pub(crate) fn fresh<E, R>(doing: &str, error: &SdkError<E, R>) -> StepError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: aws_sdk_connect::operation::RequestId,
{
    aws::error::with_known(doing, error)
}
