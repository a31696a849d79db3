//! The registry, a `DynamoDB` table. The table contains one item for each onboarded instance, with the data that the
//! user sync needs. The table also contains one item for each alias, with the lease of the alias ([`lease`]), and items
//! with the actions that require approval ([`approval`]).
//!
//! The partition key of the item of an instance is `instanceId`. Each of the following components writes different
//! attributes of this item. So a component updates the item and never replaces it:
//!
//! * [`entries`]: the alias, the registry entry and the time of the registration (`alias`, `config`, `registeredAt`);
//! * [`rotation`]: the execution that may add a signing certificate, and the time until which it may do so (`rotation`,
//!   `rotationUntil`);
//! * the onboarding: the input of the onboarding (`begun`), which is kept until `config` exists;
//! * [`origins`]: the approved origins that the onboarding has added to the instance (`origins`);
//! * [`lease`] and the state machines of the user sync and the teardown: the lease of the users (`lease`, `leaseUntil`,
//!   `leaseNumber`, `leaseRevokedAt`);
//! * [`passes`] and the state machine of the user sync: the request for another pass (`dirty`, `urgent`);
//! * the state machine of the user sync: the sync that gathers such requests (`gatherer`, `gatherUntil`) and the results
//!   of the latest syncs (`lastRun`, `lastSuccessAt`, `lastFailure`, `lastFailureAt`);
//! * [`approval`]: the request for approval (`approval…`, `rejected…`) and the approval (`approved…`). The commands
//!   `onboard approve` and `onboard reject` also write these attributes;
//! * [`progress`]: the progress of the running sync (`progress`);
//! * drift detection: the digest of the findings that were last reported (`driftDigest`);
//! * the teardown: the approved plan (`teardown`). While this attribute exists, no other component changes the
//!   instance.
//!
//! Separate items store the state of incremental syncs ([`tracking`]), the reservations of requests to Connect
//! ([`rates`]), and each assignment that an onboarding created at an application that existed before the onboarding
//! ([`assignments`]).
//!
//! Times are in milliseconds since the epoch. The registry does not record which objects exist in AWS and Entra,
//! because the functions always read the objects from AWS and Entra. There is one exception: approved origins and
//! assignments can't have tags, so the registry records which of them the onboarding created.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue},
};
use onboarding_core::StepError;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::{
    approval::{Approvals, GivenApproval, Request},
    entries::{Contents, Pending, Registered, Unreadable},
    entry::Entry,
    lease::{Acquisition, Holder, Scope, fence},
    passes::RunningSync,
    rotation::Claim,
    tracking::Tracking,
};
use crate::{
    aws::error::CallResult as _,
    context::Context,
    runtime::clock::{Clock, epoch_millis},
};

mod approval;
mod assignments;
mod entries;
mod entry;
pub mod lease;
mod origins;
mod passes;
mod progress;
mod rates;
mod rotation;
mod tracking;

/// An item of the registry table.
type Item = HashMap<String, AttributeValue>;

/// The registry table.
#[derive(Debug)]
pub struct Registry<'a> {
    client: &'a Client,
    table: &'a str,
    clock: Clock,
}

impl<'a> Registry<'a> {
    /// Returns the registry. The settings contain the name of the table.
    ///
    /// # Errors
    /// `Internal` if the settings do not contain the name of the table.
    pub fn new(ctx: &'a Context) -> Result<Self, StepError> {
        Ok(Self { client: ctx.dynamodb(), table: ctx.settings.registry_table()?, clock: ctx.settings.clock() })
    }

    async fn items(&self) -> Result<Vec<Item>, StepError> {
        let pages = self.client.scan().table_name(self.table).consistent_read(true).into_paginator().items().send();
        pages.try_collect().await.doing("reading the registry")
    }

    async fn item(&self, instance_id: &str) -> Result<Option<Item>, StepError> {
        let output = self
            .client
            .get_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .doing(format_args!("reading the instance {instance_id} from the registry"))?;
        Ok(output.item)
    }

    /// Updates the item with the partition key `key`, if `condition` is met or is `None`. Returns whether the item was
    /// updated. In the condition and the update, `#name` stands for the attribute `name`. The placeholder is necessary
    /// because an attribute name may be a reserved word of `DynamoDB`.
    async fn update_if<'c>(
        &self,
        doing: &str,
        key: &str,
        condition: impl Into<Option<&'c str>>,
        update: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<bool, StepError> {
        self.update_returning(doing, key, condition, update, values).await.map(|updated| updated.is_some())
    }

    /// Updates an item as [`Self::update_if`] does. Returns the new values of the attributes that the update changes,
    /// or `None` if the item was not updated.
    async fn update_returning<'c>(
        &self,
        doing: &str,
        key: &str,
        condition: impl Into<Option<&'c str>>,
        update: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<Option<Item>, StepError> {
        let condition = condition.into();
        let names = condition.into_iter().chain([update]).flat_map(attribute_names);
        let names = names.map(|name| (format!("#{name}"), name.to_owned())).collect::<HashMap<_, _>>();
        let values: HashMap<_, _> = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let sent = self
            .client
            .update_item()
            .table_name(self.table)
            .key("instanceId", string(key))
            .update_expression(update)
            .set_condition_expression(condition.map(ToOwned::to_owned))
            .set_expression_attribute_names((!names.is_empty()).then_some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        let updated = sent.none_if(&["ConditionalCheckFailedException"]).doing(doing)?;
        Ok(updated.map(|updated| updated.attributes.unwrap_or_default()))
    }
}

/// Returns the attribute names that follow a `#` in an expression.
fn attribute_names(expression: &str) -> impl Iterator<Item = &str> {
    expression.split('#').skip(1).filter_map(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).next())
}

/// Returns a DynamoDB attribute that contains a string.
fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Returns a DynamoDB attribute that contains a number.
fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Returns the current time in milliseconds since the epoch.
fn now_ms() -> AttributeValue {
    number(epoch_millis(OffsetDateTime::now_utc()))
}

/// Returns the string in an attribute of an item.
fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Returns the number in an attribute of an item.
fn number_in(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Returns the time in an attribute of an item.
fn time(item: &Item, name: &str) -> Option<OffsetDateTime> {
    let ms: i128 = item.get(name)?.as_n().ok()?.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(ms.checked_mul(1_000_000)?).ok()
}

/// Formats a time for messages and logs, rounded down to seconds.
pub fn rfc3339(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_milliseconds_and_an_invalid_time_is_none() {
        let item = HashMap::from([
            ("at".to_owned(), AttributeValue::N("1500".into())),
            ("text".to_owned(), AttributeValue::S("1500".into())),
            ("never".to_owned(), AttributeValue::N("9".repeat(38))),
        ]);
        let times = ["at", "text", "never", "missing"].map(|name| time(&item, name).map(|time| time.millisecond()));
        assert_eq!(times, [Some(500), None, None, None]);
    }

    #[test]
    fn the_attributes_of_an_expression_are_found_by_their_prefix() {
        let names: Vec<_> = attribute_names("SET #alias = :alias, #config=:config REMOVE #begun").collect();
        assert_eq!(names, ["alias", "config", "begun"]);
        assert_eq!(attribute_names("holder = :me").next(), None);
    }
}
