//! The state of incremental syncs: the links that return the changes in Entra since the last full comparison, and the
//! members that this comparison read.
//!
//! This state is stored in a separate item, whose partition key is `delta#` and the instance ID. The item contains
//! `tracking` (JSON), `members` (the [`MemberFilter`]) and `leaseNumber`, the number of the lease under which the item
//! was last written. A write with a smaller lease number is rejected. So a function that has lost its lease can't
//! restore a state that is no longer valid. If the state is missing or can't be read, the next sync makes a full
//! comparison.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, KeysAndAttributes},
};
use onboarding_core::{
    StepError,
    sync::{Counts, MemberFilter},
};
use serde::{Deserialize, Serialize};

use super::{Entry, Item, Registry, number, string, text};
use crate::{aws::error::CallResult as _, runtime::fence};

/// The prefix of the partition keys of these items.
const PREFIX: &str = "delta#";

/// The links and the results of the last full comparison. Times are in milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tracking {
    /// The links that return changes to the members of the groups.
    pub groups: Vec<String>,
    /// The link that returns changes to the users of the tenant.
    pub users: String,
    /// The time since which the links have returned no change to a group or member.
    pub since: u64,
    /// The digest of the settings that the comparison used.
    pub settings: String,
    /// The counts that the comparison determined.
    pub counts: Counts,
    /// The time of the comparison.
    pub compared_at: u64,
    /// The Entra object IDs of the users who left their groups and still have permissions in Connect. If an object ID
    /// is unknown, the string is empty.
    pub leavers: Vec<String>,
    /// The date of the next scheduled deletion of a user, in the format of the tag that contains this date.
    pub next_deletion: Option<String>,
}

/// Returns whether a partition key in the registry belongs to the state of incremental syncs.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

impl Registry<'_> {
    /// Returns the registry entry of an instance and the state of its incremental syncs, if this state exists and can
    /// be read. One request reads both items, with consistent reads.
    ///
    /// # Errors
    /// `InvalidInput` if the instance has no entry, or if the entry can't be read.
    pub async fn entry_and_tracking(
        &self,
        instance_id: &str,
    ) -> Result<(Entry, Option<(Tracking, MemberFilter)>), StepError> {
        let doing = format!("reading the instance {instance_id} and its incremental syncs from the registry");
        let keys = [instance_id.to_owned(), format!("{PREFIX}{instance_id}")];
        let keys = keys.map(|key| HashMap::from([("instanceId".to_owned(), string(key))]));
        let request = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys.to_vec())).build();
        let request = request.map_err(|error| StepError::internal(format!("{doing}: {error}")))?;
        let sent = self.client.batch_get_item().request_items(self.table, request).send().await.doing(doing)?;
        let items = sent.responses.unwrap_or_default().remove(self.table).unwrap_or_default();
        let (states, entries): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| text(item, "instanceId").is_some_and(is_key));
        let entry = match entries.first() {
            Some(item) => self.readable(instance_id, item)?,
            // Under high load, DynamoDB may process only a part of the request. In this case, another request reads the
            // entry.
            None => self.entry(instance_id).await?,
        };
        Ok((entry, states.first().and_then(tracking_in)))
    }

    /// Stores the state of the incremental syncs of an instance. If `members` is `None`, the stored members remain
    /// unchanged.
    ///
    /// # Errors
    /// `LeaseLost` if a function with a later lease has written the item; otherwise the error that `DynamoDB` returns.
    pub async fn write_tracking(
        &self,
        instance_id: &str,
        tracking: &Tracking,
        members: Option<&MemberFilter>,
    ) -> Result<(), StepError> {
        let json = serde_json::to_string(tracking)
            .map_err(|error| StepError::internal(format!("the state could not be encoded: {error}")))?;
        let mut values = vec![(":tracking", string(json))];
        let mut update = "SET tracking = :tracking, leaseNumber = :number".to_owned();
        if let Some(members) = members {
            values.push((":members", AttributeValue::B(Blob::new(members.as_bytes()))));
            update.push_str(", members = :members");
        }
        self.update_tracking(instance_id, &update, values).await
    }

    /// Deletes the state of the incremental syncs of an instance, so that the next sync makes a full comparison.
    ///
    /// # Errors
    /// `LeaseLost` if a function with a later lease has written the item; otherwise the error that `DynamoDB` returns.
    pub async fn forget_tracking(&self, instance_id: &str) -> Result<(), StepError> {
        self.update_tracking(instance_id, "SET leaseNumber = :number REMOVE tracking, members", Vec::new()).await
    }

    async fn update_tracking(
        &self,
        instance_id: &str,
        update: &str,
        mut values: Vec<(&'static str, AttributeValue)>,
    ) -> Result<(), StepError> {
        let doing = format!("storing the state of the incremental syncs of the instance {instance_id}");
        // An execution that an earlier release started has no lease. The writes of such an execution use the number 0,
        // so they never replace a write of an execution with a lease.
        values.push((":number", number(fence::number().unwrap_or_default())));
        let condition = "attribute_not_exists(leaseNumber) OR leaseNumber <= :number";
        if self.update_if(&doing, &format!("{PREFIX}{instance_id}"), condition, update, &values).await? {
            return Ok(());
        }
        Err(StepError::lease_lost(format!("{doing}: another execution has already stored a later state")))
    }
}

/// Returns the state in an item, or `None` if the state can't be read.
fn tracking_in(item: &Item) -> Option<(Tracking, MemberFilter)> {
    let tracking = serde_json::from_str(text(item, "tracking")?).ok()?;
    let members = item.get("members")?.as_b().ok()?;
    Some((tracking, MemberFilter::from_bytes(members.clone().into_inner())?))
}
