//! Lists the Amazon Connect instances of the account. The steps that check the instance quota or create the instance
//! use this list.

use aws_sdk_connect::{
    Client,
    types::{InstanceStatus, InstanceSummary},
};
use onboarding_core::{StepError, names};

use crate::aws::error::CallResult as _;

/// Returns all instances of the account in the Region. The request asks for ten instances per page, the maximum page
/// size of Connect.
///
/// # Errors
/// If Connect returns an error.
pub async fn list(client: &Client) -> Result<Vec<InstanceSummary>, StepError> {
    let items = client.list_instances().max_results(10).into_paginator().items().send();
    items.try_collect().await.doing("listing the Amazon Connect instances")
}

/// Returns the number of instances that count against the instance quota.
///
/// # Errors
/// If Connect returns an error.
pub async fn living(client: &Client) -> Result<usize, StepError> {
    Ok(list(client).await?.iter().filter(|instance| takes_room(instance)).count())
}

/// Returns whether an instance counts against the quota. If the creation of an instance failed, Connect still lists the
/// instance for 24 hours, but does not count it against the quota.
#[must_use]
pub fn takes_room(instance: &InstanceSummary) -> bool {
    instance.instance_status() != Some(&InstanceStatus::CreationFailed)
}

/// Returns whether an instance has this alias.
#[must_use]
pub fn has_alias(instance: &InstanceSummary, alias: &str) -> bool {
    instance.instance_alias().is_some_and(|other| names::same_alias(other, alias))
}
