//! `configure-instance`: sets attributes, flow logs, approved origins, and the storage locations for recordings,
//! transcripts and reports of the instance (manual procedure: the テレフォニー and データストレージ pages of the
//! console).
//!
//! * Reads: `connect:ListInstanceAttributes`, `connect:ListInstanceStorageConfigs`, `connect:ListApprovedOrigins`,
//!   `dynamodb:GetItem`; `connect:ListSecurityProfiles`, and if the instance has the security profile for users who
//!   left, `connect:DescribeSecurityProfile` and `connect:ListSecurityProfilePermissions`.
//! * Writes: `connect:UpdateInstanceAttribute`, `connect:AssociateInstanceStorageConfig`,
//!   `connect:UpdateInstanceStorageConfig`, `connect:AssociateApprovedOrigin`, `connect:DisassociateApprovedOrigin`;
//!   `dynamodb:UpdateItem` (records which origins this onboarding has added); `connect:UpdateSecurityProfile` (removes
//!   permissions that were added to the security profile for users who left). Setting a storage location also requires
//!   `s3:GetBucketAcl` and `s3:GetBucketLocation` on the S3 bucket, `kms:DescribeKey` and `kms:CreateGrant` on the KMS
//!   key, and `iam:PutRolePolicy` on `AWSServiceRoleForAmazonConnect*`. Setting an attribute may also require
//!   `ds:DescribeDirectories` and `logs:CreateLogGroup`.
//! * Safe to repeat: each attribute and storage location is read and compared first, and only differences are written.
//!   A storage location that an administrator set may contain data that is in use, so the step keeps it and reports it.
//!   An approved origin is recorded in the registry before it is added in Connect, so that a retry knows that this
//!   onboarding added the origin. Only recorded origins are removed.

use aws_sdk_connect::types::{InstanceStorageConfig, InstanceStorageResourceType};
use onboarding_core::{
    StepError,
    contract::{ApprovedOrigin, ConfigureInstanceInput, ConfigureInstanceOutput, OpenItem},
    names,
    origin::same,
};

use crate::{
    aws::{self, approved_origins},
    connect::no_access,
    context::Context,
    inspect::{
        instance::{
            attributes, fresh, location, same_key, same_place, storage_configs, stored, wanted_attributes,
            wanted_storage,
        },
        origins::{ADD_OR_REMOVE, ORIGIN, Origins},
    },
    registry::Registry,
};

/// Sets the attributes, storage locations and approved origins that differ from the input.
///
/// # Errors
/// `NotConsistentYet` until Connect finds the new instance in every call; otherwise the error that Connect returns.
pub async fn run(ctx: &Context, input: ConfigureInstanceInput) -> Result<ConfigureInstanceOutput, StepError> {
    let mut output = ConfigureInstanceOutput::default();
    set_attributes(ctx, &input, &mut output).await?;
    for resource_type in stored(&input.instance.storage) {
        set_storage(ctx, &input, &resource_type, &mut output).await?;
    }
    set_origins(ctx, &input, &mut output).await?;
    restore_no_access(ctx, &input, &mut output).await?;
    Ok(output)
}

/// Removes permissions that were added to the security profile for users who left. If the profile does not exist, the
/// function does nothing, because the user sync creates the profile when it first needs it.
async fn restore_no_access(
    ctx: &Context,
    input: &ConfigureInstanceInput,
    output: &mut ConfigureInstanceOutput,
) -> Result<(), StepError> {
    let list = ctx.connect().list_security_profiles().instance_id(&input.instance_id);
    let mut profiles = list.into_paginator().items().send();
    while let Some(profile) = profiles.next().await {
        let profile = profile.map_err(|error| {
            fresh(&format!("listing the security profiles of the instance {}", input.instance_id), &error)
        })?;
        let ids = (input.instance_id.as_str(), input.instance.alias.as_str());
        if profile.name() == Some(names::NO_ACCESS_PROFILE)
            && let Some(id) = profile.id()
            && no_access::restore(ctx.connect(), ids, id).await?
        {
            output.changed.push(names::NO_ACCESS_PROFILE.to_owned());
        }
    }
    Ok(())
}

async fn set_attributes(
    ctx: &Context,
    input: &ConfigureInstanceInput,
    output: &mut ConfigureInstanceOutput,
) -> Result<(), StepError> {
    let present = attributes(ctx, &input.instance_id).await?;
    for (kind, wanted) in wanted_attributes(&input.instance) {
        let wanted = wanted.to_string();
        if present.get(kind.as_str()).is_some_and(|value| value.eq_ignore_ascii_case(&wanted)) {
            continue;
        }
        ctx.connect()
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
    ctx: &Context,
    input: &ConfigureInstanceInput,
    resource_type: &InstanceStorageResourceType,
    output: &mut ConfigureInstanceOutput,
) -> Result<(), StepError> {
    let wanted = wanted_storage(ctx, &input.instance.alias, resource_type)?;
    let mut present = storage_configs(ctx, &input.instance_id, resource_type).await?;
    if present.is_empty() {
        if associate_storage(ctx, input, resource_type, &wanted).await? {
            output.changed.push(resource_type.as_str().to_owned());
            output.storage.push(location(resource_type, &wanted));
            return Ok(());
        }
        present = storage_configs(ctx, &input.instance_id, resource_type).await?;
        if present.is_empty() {
            return Err(StepError::not_consistent_yet(format!(
                "the instance {} has a storage location for {} that can't be read yet",
                input.instance_id,
                resource_type.as_str()
            )));
        }
    }
    if let Some(ours) = present.iter().find(|config| same_place(config, &wanted)) {
        if !same_key(ours, &wanted) {
            update_storage(ctx, input, resource_type, ours.association_id().unwrap_or_default(), &wanted).await?;
            output.changed.push(resource_type.as_str().to_owned());
        }
        output.storage.push(location(resource_type, &wanted));
        return Ok(());
    }
    for other in &present {
        let found = location(resource_type, other);
        output.open_items.push(OpenItem::new(
            format!("storage {}", resource_type.as_str()),
            format!("the instance already stores it at {}, not in the stack's bucket", found.location),
            "None if this location is intended. Otherwise, remove it under Data storage in the Amazon Connect console \
             and start the same input again",
        ));
        output.storage.push(found);
    }
    Ok(())
}

/// Sets the storage location. Returns `false` if the instance already has a storage location. Either an administrator
/// has set a storage location since the comparison, or an earlier attempt of this step has set it and the response was
/// lost.
async fn associate_storage(
    ctx: &Context,
    input: &ConfigureInstanceInput,
    resource_type: &InstanceStorageResourceType,
    wanted: &InstanceStorageConfig,
) -> Result<bool, StepError> {
    let sent = ctx
        .connect()
        .associate_instance_storage_config()
        .instance_id(&input.instance_id)
        .resource_type(resource_type.clone())
        .storage_config(wanted.clone())
        .send()
        .await;
    match sent {
        Ok(_) => Ok(true),
        Err(error) if aws::error::is(&error, &["ResourceConflictException"]) => Ok(false),
        Err(error) => {
            let doing = format!(
                "setting the storage location of the instance {} for {}",
                input.instance_id,
                resource_type.as_str()
            );
            Err(fresh(&doing, &error))
        }
    }
}

async fn update_storage(
    ctx: &Context,
    input: &ConfigureInstanceInput,
    resource_type: &InstanceStorageResourceType,
    association_id: &str,
    wanted: &InstanceStorageConfig,
) -> Result<(), StepError> {
    ctx.connect()
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
                &format!(
                    "setting the encryption key for {} of the instance {}",
                    resource_type.as_str(),
                    input.instance_id
                ),
                &error,
            )
        })
}

/// Adds the missing approved origins. Removes the origins that this onboarding added and that the input no longer
/// contains.
async fn set_origins(
    ctx: &Context,
    input: &ConfigureInstanceInput,
    output: &mut ConfigureInstanceOutput,
) -> Result<(), StepError> {
    let wanted = input.instance.approved_origins();
    let mut origins = Origins::read(ctx, &input.instance_id, &input.instance).await?;
    let missing: Vec<&String> = wanted.iter().filter(|origin| !origins.lists(origin)).collect();
    for origin in missing {
        add_origin(ctx, &input.instance_id, origin, &mut origins).await?;
        output.changed.push(format!("{ORIGIN} {origin}"));
    }
    let is_wanted = |origin: &str| wanted.iter().any(|wanted| same(wanted, origin));
    let recorded: Vec<String> = origins.added.iter().filter(|origin| !is_wanted(origin)).cloned().collect();
    for origin in recorded {
        if origins.listed.contains(&origin) {
            approved_origins::remove(ctx.connect(), &input.instance_id, &origin).await?;
            output.changed.push(format!("{ORIGIN} {origin}"));
        }
        origins.added.remove(&origin);
        Registry::new(ctx)?.record_origins(&input.instance_id, &origins.added).await?;
    }
    let adopted = |origin: &String| !origins.added.contains(origin);
    let approved = |origin: &String| ApprovedOrigin { origin: origin.clone(), adopted: adopted(origin) };
    output.approved_origins = wanted.iter().map(approved).collect();
    let others = origins.of_others().filter(|origin| input.instance.approved_origins.is_some() && !is_wanted(origin));
    output.open_items.extend(others.map(|origin| {
        let what = "it is not in the input; this onboarding did not add it, so it is kept";
        OpenItem::new(format!("{ORIGIN} {origin}"), what, ADD_OR_REMOVE)
    }));
    Ok(())
}

/// Records in the registry that this onboarding adds an approved origin, and then adds the origin in Connect.
async fn add_origin(ctx: &Context, instance_id: &str, origin: &str, origins: &mut Origins) -> Result<(), StepError> {
    let registry = Registry::new(ctx)?;
    let is_new = origins.added.insert(origin.to_owned());
    if is_new {
        registry.record_origins(instance_id, &origins.added).await?;
    }
    match ctx.connect().associate_approved_origin().instance_id(instance_id).origin(origin).send().await {
        Ok(_) => Ok(()),
        // If the registry already contained this origin, an earlier attempt of this step added it, and Connect did not
        // list it yet. Otherwise, an administrator has added the origin since the list was read. A retry by the SDK
        // does not cause this conflict, because it has the same client token as the first request.
        Err(error) if aws::error::is(&error, &["ResourceConflictException"]) => {
            if is_new {
                origins.added.remove(origin);
                registry.record_origins(instance_id, &origins.added).await?;
            }
            Ok(())
        }
        Err(error) => Err(fresh(&format!("adding the approved origin {origin} to the instance {instance_id}"), &error)),
    }
}
