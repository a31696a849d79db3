//! The account's Amazon Connect instances: what both the quota of instances and their creation look at.

use aws_sdk_connect::types::{InstanceStatus, InstanceSummary};
use onboarding_core::{StepError, names};

use crate::{aws_error, clients::Clients};

/// All instances of the account in the Region. They come ten a page, that is Connect's maximum.
///
/// # Errors
/// Whatever keeps Connect from answering.
pub async fn list(cx: &Clients) -> Result<Vec<InstanceSummary>, StepError> {
    let mut items = cx.connect().list_instances().max_results(10).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        found.push(item.map_err(|error| aws_error::step_error("listing the Amazon Connect instances", &error))?);
    }
    Ok(found)
}

/// How many of them take room in the quota of instances.
///
/// # Errors
/// Whatever keeps Connect from answering.
pub async fn living(cx: &Clients) -> Result<usize, StepError> {
    Ok(list(cx).await?.iter().filter(|instance| takes_room(instance)).count())
}

/// Whether an instance takes room: a failed one is listed for 24 hours and takes none.
#[must_use]
pub fn takes_room(instance: &InstanceSummary) -> bool {
    instance.instance_status() != Some(&InstanceStatus::CreationFailed)
}

/// Whether an instance has this alias.
#[must_use]
pub fn has_alias(instance: &InstanceSummary, alias: &str) -> bool {
    instance.instance_alias().is_some_and(|other| names::same_alias(other, alias))
}
