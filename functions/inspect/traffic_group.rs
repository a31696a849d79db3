//! The traffic distribution group to which the users of a replicated instance are added.
//!
//! Source (Amazon Connect Administrator Guide): users must belong to a traffic distribution group before they sign in
//! through the global endpoint. Users can be added only in the source Region, and only to a traffic distribution group
//! with the status `ACTIVE`. Connect creates the default traffic distribution group together with the replica.

use aws_sdk_connect::types::TrafficDistributionGroupStatus;
use onboarding_core::{StepError, replication::Replication};

use super::instance;
use crate::{aws::error::CallResult as _, context::Context};

/// The traffic distribution group of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrafficGroup {
    /// The ID of the traffic distribution group. `None` if the instance has no traffic distribution group to which
    /// users can be added.
    pub(crate) id: Option<String>,
    /// The reason why users can't be added to a traffic distribution group of an instance that is, or might be,
    /// replicated.
    pub(crate) finding: Option<String>,
    /// The number of requests that were sent to Connect.
    pub(crate) calls: usize,
}

/// Reads whether the instance is replicated. If the instance is replicated, reads its default traffic distribution
/// group. An error becomes a finding, so that the error does not prevent the other changes to users.
pub(crate) async fn read(ctx: &Context, instance_id: &str) -> TrafficGroup {
    let unknown = |error: StepError, calls| TrafficGroup {
        finding: Some(format!("users are not added to a traffic distribution group: {}", error.message)),
        calls,
        ..TrafficGroup::default()
    };
    let described = match instance::describe(ctx, instance_id).await {
        Ok(described) => described,
        Err(error) => return unknown(error, 1),
    };
    match described.map(|described| described.replication).unwrap_or_default() {
        Replication::Single => TrafficGroup { calls: 1, ..TrafficGroup::default() },
        replication @ Replication::Replica { .. } => TrafficGroup {
            finding: replication.refusal(ctx.region()).map(|why| format!("the instance has become a replica: {why}")),
            calls: 1,
            ..TrafficGroup::default()
        },
        Replication::Source(_) => match default_group(ctx, instance_id).await {
            Ok(found) => TrafficGroup { calls: 2, ..found },
            Err(error) => unknown(error, 2),
        },
    }
}

async fn default_group(ctx: &Context, instance_id: &str) -> Result<TrafficGroup, StepError> {
    let list = ctx.connect().list_traffic_distribution_groups().instance_id(instance_id);
    let mut groups = list.into_paginator().items().send();
    let mut status = None;
    while let Some(group) = groups.try_next().await.doing("listing the traffic distribution groups")? {
        if group.is_default {
            if group.status == Some(TrafficDistributionGroupStatus::Active) {
                return Ok(TrafficGroup { id: group.id, ..TrafficGroup::default() });
            }
            status = group.status;
        }
    }
    let status = status.map_or_else(|| "missing".to_owned(), |status| status.as_str().to_owned());
    Ok(TrafficGroup {
        finding: Some(format!(
            "the instance is replicated, but its default traffic distribution group is {status} and not ACTIVE, so users \
             can't sign in through the global endpoint; check the replication (aws connect \
             list-traffic-distribution-groups); the next sync adds the users"
        )),
        ..TrafficGroup::default()
    })
}
