//! `onboard export`: describes an onboarding as a Terraform configuration with `import` blocks, with which Terraform
//! can import the existing resources and then manage them.
//!
//! With the operator's credentials, the command reads the instance (`connect:DescribeInstance`,
//! `ListInstanceAttributes`, `ListInstanceStorageConfigs`, `ListSecurityProfiles`, `DescribeSecurityProfile`,
//! `ListSecurityProfilePermissions`, `ListContactFlows`, `DescribeContactFlow`, `ListFlowAssociations`) and the IAM
//! objects. A drift check of the stack, which reverts nothing, reads the enterprise application.

use std::collections::BTreeMap;

use aws_sdk_connect::types::{
    ContactFlowType, InstanceStorageResourceType, ListFlowAssociationResourceType, StorageType,
};
use onboarding_core::{names, sync::Ownership};

use super::{as_found, result_file};
use crate::{
    args::{ExportArgs, ExportFormat},
    cloud::{Cloud, error::CommandError, iam::Tags, registry::Entry},
    exit::Exit,
    output::Export,
    report::terraform::{Configuration, Instance, SecurityProfile, Source, StarterFlow, Storage, render},
    ui::{Console, Tone},
};

/// The types of data whose storage location an onboarding configures.
const STORED: [InstanceStorageResourceType; 3] = [
    InstanceStorageResourceType::CallRecordings,
    InstanceStorageResourceType::ChatTranscripts,
    InstanceStorageResourceType::ScheduledReports,
];

/// Runs the command.
///
/// # Errors
/// Fails if the file exists and `--force` is not set, if it can't be written, or if a request to AWS or the local cloud
/// fails.
pub async fn run(args: ExportArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    if let Some(file) = args.output.as_ref().filter(|file| !args.force && file.exists()) {
        return Err(CommandError::input(words.file_exists(file.display()), words.use_force()));
    }
    if let Some(file) = &args.output {
        result_file::check(file, words)?;
    }
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(Some(&args.instance)).await?;
    let Some(found) = as_found::read(&cloud, &entry, console).await? else { return Ok(Exit::Interrupted) };
    let has_application = found.application.is_object();
    let (instance, denied) = instance(&cloud, &entry).await?;
    let complete = has_application && denied.is_none();
    let source = Source {
        region: cloud.region().to_owned(),
        tenant_id: entry.config["tenantId"].as_str().unwrap_or_default().to_owned(),
        instance,
        federation: cloud.federation(&entry).await?,
        application: found.application,
        assignments: found.assignments,
    };
    let Configuration { text, resources } = match args.format {
        ExportFormat::Terraform => render(&source),
    };
    match &args.output {
        Some(file) => {
            result_file::write(file, &text, words)?;
            console.line(&console.paint(Tone::Good, &words.export_written(file.display(), resources.len())));
        }
        None if !console.is_json() => console.raw(text.trim_end()),
        None => {}
    }
    if !has_application {
        console.error(&words.export_without_application());
    }
    if let Some(error) = denied {
        console.error(&words.export_without_starter_flow(error.what));
    }
    console.note(&words.export_next());
    console.result(&Export {
        alias: entry.alias,
        file: args.output.map(|file| file.display().to_string()),
        resources,
        complete,
        configuration: text,
    });
    Ok(if complete { Exit::Done } else { Exit::Undecided })
}

/// Reads the instance with its attributes and storage locations. If the operator lacks a permission to read the starter
/// flow, returns the instance without this flow, together with the error.
async fn instance(cloud: &Cloud, entry: &Entry) -> Result<(Instance, Option<CommandError>), CommandError> {
    let connect = aws_sdk_connect::Client::new(&cloud.config);
    let id = entry.instance_id.as_str();
    let doing = cloud.words.reading_instance(&entry.alias);
    let described = connect.describe_instance().instance_id(id).send().await;
    let described = described.map_err(|error| CommandError::of(cloud.words, &doing, &error))?;
    let mut instance = Instance { id: id.to_owned(), alias: entry.alias.clone(), ..Instance::default() };
    if let Some(found) = described.instance {
        instance.alias = found.instance_alias.unwrap_or(instance.alias);
        instance.identity_management =
            found.identity_management_type.map_or_else(String::new, |kind| kind.as_str().to_owned());
        instance.inbound_calls = found.inbound_calls_enabled.unwrap_or_default();
        instance.outbound_calls = found.outbound_calls_enabled.unwrap_or_default();
        instance.tags = found.tags.unwrap_or_default().into_iter().collect();
    }
    let mut pages = connect.list_instance_attributes().instance_id(id).into_paginator().items().send();
    while let Some(attribute) = pages.next().await {
        let attribute = attribute.map_err(|error| CommandError::of(cloud.words, &doing, &error))?;
        let value = attribute.value.and_then(|value| value.parse().ok());
        instance.attributes.extend(attribute.attribute_type.map(|kind| kind.as_str().to_owned()).zip(value));
    }
    for kind in STORED {
        let listed = connect.list_instance_storage_configs().instance_id(id).resource_type(kind.clone());
        let mut pages = listed.into_paginator().items().send();
        while let Some(config) = pages.next().await {
            let config = config.map_err(|error| CommandError::of(cloud.words, &doing, &error))?;
            // Only storage locations in S3 are exported. An instance can also send data to a stream, but an onboarding
            // never configures a stream.
            let Some(s3) = config.s3_config.filter(|_| config.storage_type == StorageType::S3) else { continue };
            instance.storage.push(Storage {
                resource_type: kind.as_str().to_owned(),
                association: config.association_id.unwrap_or_default(),
                bucket: s3.bucket_name,
                prefix: s3.bucket_prefix,
                key: s3.encryption_config.map(|encryption| encryption.key_id),
            });
        }
    }
    instance.security_profile = security_profile(cloud, &connect, id, &doing).await?;
    let denied = match starter_flow(cloud, &connect, entry, &doing).await {
        Ok(flow) => {
            instance.starter_flow = flow;
            None
        }
        Err(error) if error.is_denied() => Some(error),
        Err(error) => return Err(error),
    };
    Ok((instance, denied))
}

/// Reads the security profile for users who left. An onboarding creates only this security profile.
async fn security_profile(
    cloud: &Cloud,
    connect: &aws_sdk_connect::Client,
    instance: &str,
    doing: &str,
) -> Result<Option<SecurityProfile>, CommandError> {
    let mut ids = BTreeMap::new();
    let mut pages = connect.list_security_profiles().instance_id(instance).into_paginator().items().send();
    while let Some(profile) = pages.next().await {
        let profile = profile.map_err(|error| CommandError::of(cloud.words, doing, &error))?;
        ids.extend(profile.name.zip(profile.id));
    }
    let Some(id) = ids.remove(names::NO_ACCESS_PROFILE) else { return Ok(None) };
    let described = connect.describe_security_profile().instance_id(instance).security_profile_id(&id).send().await;
    let described = described.map_err(|error| CommandError::of(cloud.words, doing, &error))?;
    let Some(found) = described.security_profile else { return Ok(None) };
    let tags: Tags = found.tags.unwrap_or_default().into_iter().collect();
    if tags.get(names::MANAGED_BY_KEY).is_none_or(|owner| owner != names::MANAGED_BY) {
        return Ok(None);
    }
    let listed = connect.list_security_profile_permissions().instance_id(instance).security_profile_id(&id);
    let mut pages = listed.into_paginator().items().send();
    let mut permissions = Vec::new();
    while let Some(permission) = pages.next().await {
        permissions.push(permission.map_err(|error| CommandError::of(cloud.words, doing, &error))?);
    }
    permissions.sort();
    let name = names::NO_ACCESS_PROFILE.to_owned();
    Ok(Some(SecurityProfile { id, name, description: found.description, permissions, tags }))
}

/// Reads the starter flow that the onboarding created, and the phone numbers that use this flow.
async fn starter_flow(
    cloud: &Cloud,
    connect: &aws_sdk_connect::Client,
    entry: &Entry,
    doing: &str,
) -> Result<Option<StarterFlow>, CommandError> {
    let instance = entry.instance_id.as_str();
    let list = connect.list_contact_flows().instance_id(instance).contact_flow_types(ContactFlowType::ContactFlow);
    let mut pages = list.into_paginator().items().send();
    let id = loop {
        let Some(flow) = pages.next().await else { return Ok(None) };
        let flow = flow.map_err(|error| CommandError::of(cloud.words, doing, &error))?;
        if flow.name.as_deref() == Some(names::STARTER_FLOW) {
            break flow.id.unwrap_or_default();
        }
    };
    let described = connect.describe_contact_flow().instance_id(instance).contact_flow_id(&id).send().await;
    let described = described.map_err(|error| CommandError::of(cloud.words, doing, &error))?;
    let Some(found) = described.contact_flow else { return Ok(None) };
    let tags: Tags = found.tags.unwrap_or_default().into_iter().collect();
    let tag = |key: &str| tags.get(key).map(String::as_str);
    if Ownership::from_tags(tag(names::MANAGED_BY_KEY), tag(names::ONBOARDING_KEY), &entry.alias) != Ownership::Ours {
        return Ok(None);
    }
    let list = connect.list_flow_associations().instance_id(instance);
    let list = list.resource_type(ListFlowAssociationResourceType::VoicePhoneNumber);
    let mut pages = list.into_paginator().items().send();
    let mut numbers = Vec::new();
    // The fields `FlowId` and `ResourceId` of the response contain ARNs.
    let last = |arn: Option<String>| arn.as_deref().and_then(|arn| arn.rsplit('/').next()).map(ToOwned::to_owned);
    while let Some(one) = pages.next().await {
        let one = one.map_err(|error| CommandError::of(cloud.words, doing, &error))?;
        let flow = last(one.flow_id);
        numbers.extend(last(one.resource_id).filter(|_| flow.as_ref() == Some(&id)));
    }
    numbers.sort();
    let (name, content) = (names::STARTER_FLOW.to_owned(), found.content.unwrap_or_default());
    Ok(Some(StarterFlow { id, name, description: found.description, content, tags, numbers }))
}
