//! `configure-instance`: sets the instance's attributes, flow logs, and storage locations for recordings, transcripts
//! and reports (manual procedure: the console's テレフォニー and データストレージ pages).
//!
//! * Reads: `connect:ListInstanceAttributes`, `connect:ListInstanceStorageConfigs`.
//! * Writes: `connect:UpdateInstanceAttribute`, `connect:AssociateInstanceStorageConfig`,
//!   `connect:UpdateInstanceStorageConfig`. Setting a storage location also requires `s3:GetBucketAcl` and
//!   `s3:GetBucketLocation` on the bucket, `kms:DescribeKey` and `kms:CreateGrant` on the key, and `iam:PutRolePolicy`
//!   on `AWSServiceRoleForAmazonConnect*`. Setting an attribute may require `ds:DescribeDirectories` and
//!   `logs:CreateLogGroup`.
//! * Safe to repeat: each attribute and storage location is read and compared first, and only differences are written.
//!   A storage location that another administrator set may contain data that is in use, so it is kept and reported.

use aws_sdk_connect::types::{InstanceStorageConfig, InstanceStorageResourceType};
use onboarding_core::{
    StepError,
    contract::{ConfigureInstanceInput, ConfigureInstanceOutput, OpenItem},
};

use crate::{
    aws,
    context::Context,
    inspect::instance::{
        attributes, fresh, location, same_key, same_place, storage_configs, stored, wanted_attributes, wanted_storage,
    },
};

/// Sets the attributes and storage locations that differ.
///
/// # Errors
/// `NotConsistentYet` until the new instance is visible everywhere in Connect; otherwise the error that Connect
/// returns.
pub async fn run(ctx: &Context, input: ConfigureInstanceInput) -> Result<ConfigureInstanceOutput, StepError> {
    let mut output = ConfigureInstanceOutput::default();
    set_attributes(ctx, &input, &mut output).await?;
    for resource_type in stored(&input.instance.storage) {
        set_storage(ctx, &input, &resource_type, &mut output).await?;
    }
    Ok(output)
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

/// Sets the storage location. Returns false if the instance already has a storage location, because another caller has
/// set it in the meantime, or because the response to an earlier attempt of this step was lost.
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
