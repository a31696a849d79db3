//! The registry: one `DynamoDB` item per onboarded instance with the data that the user sync needs, and one item per
//! alias that an execution has locked ([`lock`]).
//!
//! The key of an instance's item is `instanceId`. Several components own attributes of the same item, so it is updated
//! and never replaced:
//!
//! * this module: `alias`, `config`, `registeredAt`;
//! * [`rotation`]: the claim of the execution that may add a signing certificate (`rotation`, `rotationUntil`);
//! * the onboarding: `begun`, its input, until there is a `config`;
//! * the user sync: the lease (`lease`, `leaseUntil`, `dirty`), the approval (`approvalDigest`, `approvalUntil`,
//!   `approvalBy`, and `approvalToken`, which `notify` adds), the progress of the running sync (`progress`) and the
//!   results of the latest syncs (`lastRun`, `lastSuccessAt`, `lastFailure`, `lastFailureAt`);
//! * drift detection: `driftDigest`;
//! * the teardown: `teardown`, the approved plan. While this attribute exists, no other component works on the
//!   instance.
//!
//! Times are milliseconds since the epoch. The registry is not a record of existing objects; these are always read
//! from AWS and Entra.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::{StepError, contract::Approval, names, sync::SyncProgress};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::error;

pub use self::{
    entry::{Begun, Entry},
    lock::{Holder, Scope, Taken},
    rotation::Claim,
};
use crate::{
    aws,
    context::Context,
    runtime::metrics::{Metric, Metrics},
};

mod entry;
pub mod lock;
mod rotation;

/// The attribute with the entry.
const CONFIG: &str = "config";
/// The attribute that marks an instance whose teardown has started.
const TEARDOWN: &str = "teardown";
/// The attribute with the input of an onboarding that has not registered the instance yet.
const BEGUN: &str = "begun";

/// An item of the table.
type Item = HashMap<String, AttributeValue>;

/// The registry's data about all instances whose teardown has not started.
#[derive(Debug, Default)]
pub struct Contents {
    /// The entries, each with the time of the instance's last successful sync, or of its registration if there was
    /// none.
    pub entries: Vec<(Entry, Option<OffsetDateTime>)>,
    /// The entries that can't be read.
    pub unreadable: Vec<Unreadable>,
}

/// An entry that can't be read: it was edited or damaged, or written by a later release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The ID of the instance.
    pub instance_id: String,
    /// The item's alias, or the instance ID if there is none.
    pub alias: String,
    /// The problem, and how to solve it.
    pub message: String,
}

impl Unreadable {
    fn new(item: &Item, reason: &str) -> Self {
        let instance_id = text(item, "instanceId").unwrap_or_default().to_owned();
        Self {
            alias: text(item, "alias").unwrap_or(&instance_id).to_owned(),
            message: format!(
                "the registry entry of the instance {instance_id} can't be read ({reason}); run the onboarding of the instance \
                 again, which writes the entry anew"
            ),
            instance_id,
        }
    }
}

/// The registry table.
#[derive(Debug)]
pub struct Registry<'a> {
    client: &'a aws_sdk_dynamodb::Client,
    table: &'a str,
}

impl<'a> Registry<'a> {
    /// Returns the registry of the settings.
    ///
    /// # Errors
    /// `Internal` if the settings contain no table.
    pub fn new(ctx: &'a Context) -> Result<Self, StepError> {
        Ok(Self { client: ctx.dynamodb(), table: ctx.settings.registry_table()? })
    }

    /// Returns the entry of an instance, read consistently.
    ///
    /// # Errors
    /// `InvalidInput` if there is none or it can't be read.
    pub async fn entry(&self, instance_id: &str) -> Result<Entry, StepError> {
        self.find(instance_id).await?.ok_or_else(|| {
            StepError::invalid_input(format!(
                "the instance {instance_id} is not in the registry {}; run the onboarding for it first",
                self.table
            ))
        })
    }

    /// Returns the entry of an instance, or `None` if there is none.
    ///
    /// # Errors
    /// `InvalidInput` if the entry can't be read.
    pub async fn find(&self, instance_id: &str) -> Result<Option<Entry>, StepError> {
        let Some(item) = self.item(instance_id).await? else { return Ok(None) };
        configuration(&item).map_err(|unreadable| StepError::invalid_input(unreadable.message))
    }

    /// Returns all readable entries, read consistently ([`Self::scan`]).
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn entries(&self) -> Result<Vec<Entry>, StepError> {
        Ok(self.scan().await?.entries.into_iter().map(|(entry, _)| entry).collect())
    }

    /// Returns the complete registry, read consistently. An unreadable entry does not affect the others; it is logged
    /// and counted in a metric with an alarm.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn scan(&self) -> Result<Contents, StepError> {
        let mut contents = Contents::default();
        for item in self.items().await? {
            // Instances in teardown no longer take part in schedules and events.
            if item.contains_key(TEARDOWN) {
                continue;
            }
            match configuration(&item) {
                Ok(Some(entry)) => {
                    let in_step_at = time(&item, "lastSuccessAt").or_else(|| time(&item, "registeredAt"));
                    contents.entries.push((entry, in_step_at));
                }
                Ok(None) => {}
                Err(unreadable) => {
                    error!(instance = unreadable.instance_id, "{}", unreadable.message);
                    contents.unreadable.push(unreadable);
                }
            }
        }
        if !contents.unreadable.is_empty() {
            Metrics::of_stack().with(Metric::UnreadableEntries, contents.unreadable.len()).emit();
        }
        Ok(contents)
    }

    /// Returns the IDs of the groups that other instances use.
    ///
    /// # Errors
    /// `InvalidInput` if the entry of another instance can't be read, because its groups would be treated as unused.
    pub async fn groups_of_others(&self, instance_id: &str) -> Result<BTreeSet<String>, StepError> {
        let contents = self.scan().await?;
        if let Some(other) = contents.unreadable.into_iter().find(|other| other.instance_id != instance_id) {
            return Err(StepError::invalid_input(format!(
                "the groups that other instances follow are not known, so nothing is removed: {}, then start again",
                other.message
            )));
        }
        let others =
            contents.entries.into_iter().map(|(entry, _)| entry).filter(|entry| entry.instance_id != instance_id);
        Ok(others.flat_map(|entry| entry.groups).map(|group| group.id).collect())
    }

    /// Returns the spelling of an alias in the registry, if it differs from `alias` only in case. Covers instances
    /// that are registered, in onboarding or in teardown.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn other_spelling(&self, alias: &str) -> Result<Option<String>, StepError> {
        let items = self.items().await?;
        let mut known =
            items.iter().filter_map(|item| text(item, "alias")).filter(|known| names::same_alias(known, alias));
        let spelled = known.next().map(ToOwned::to_owned);
        Ok(spelled.filter(|spelled| spelled != alias && known.all(|other| other != alias)))
    }

    /// Returns the stored data of an instance that is not registered.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn begun(&self, instance_id: &str) -> Result<Begun, StepError> {
        let item = self.item(instance_id).await?.unwrap_or_default();
        let onboarding = text(&item, BEGUN).and_then(|text| serde_json::from_str(text).ok());
        Ok(Begun { alias: text(&item, "alias").map(ToOwned::to_owned), onboarding })
    }

    /// Returns the stored approval of an instance's teardown, if the teardown has started.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn teardown(&self, instance_id: &str) -> Result<Option<Approval>, StepError> {
        let item = self.item(instance_id).await?;
        let text = item.as_ref().and_then(|item| text(item, TEARDOWN));
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    }

    /// Writes the entry if it is new or different; returns whether it was written.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn write(&self, entry: &Entry) -> Result<bool, StepError> {
        let config = serde_json::to_string(entry)
            .map_err(|error| StepError::internal(format!("the registry entry could not be encoded: {error}")))?;
        let known = self.item(&entry.instance_id).await?;
        let abandoned = known.as_ref().is_some_and(|item| item.contains_key(TEARDOWN));
        if !abandoned && known.as_ref().and_then(|item| text(item, CONFIG)).is_some_and(|known| same(known, &config)) {
            return Ok(false);
        }
        let now_ms = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        self.client
            .update_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(entry.instance_id.clone()))
            .update_expression(
                "SET #alias = :alias, #config = :config, registeredAt = if_not_exists(registeredAt, :now) \
                 REMOVE #teardown, #begun",
            )
            // A new onboarding ends an unfinished teardown.
            .expression_attribute_names("#teardown", TEARDOWN)
            .expression_attribute_names("#begun", BEGUN)
            .expression_attribute_names("#alias", "alias")
            .expression_attribute_names("#config", "config")
            .expression_attribute_values(":alias", AttributeValue::S(entry.alias.clone()))
            .expression_attribute_values(":config", AttributeValue::S(config))
            .expression_attribute_values(":now", AttributeValue::N(now_ms.to_string()))
            .send()
            .await
            .map_err(|error| {
                aws::error::step_error(&format!("writing the instance {} into the registry", entry.instance_id), &error)
            })?;
        Ok(true)
    }

    /// Stores the task token of the execution that waits for approval of a plan, unless approval is now requested for
    /// another plan.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn keep_approval_token(&self, instance_id: &str, digest: &str, token: &str) -> Result<(), StepError> {
        let kept = self
            .client
            .update_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .update_expression("SET approvalToken = :token")
            .condition_expression("approvalDigest = :digest")
            .expression_attribute_values(":token", AttributeValue::S(token.to_owned()))
            .expression_attribute_values(":digest", AttributeValue::S(digest.to_owned()))
            .send()
            .await;
        match kept {
            Ok(_) => Ok(()),
            // The plan is already decided, or approval is now requested for another plan.
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => {
                Err(aws::error::step_error(&format!("keeping the approval of the instance {instance_id}"), &error))
            }
        }
    }

    /// Stores the progress of an instance's sync.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error, which the caller can ignore.
    pub async fn tell_progress(&self, instance_id: &str, progress: &SyncProgress) -> Result<(), StepError> {
        let progress = serde_json::to_string(progress)
            .map_err(|error| StepError::internal(format!("the progress could not be encoded: {error}")))?;
        self.client
            .update_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .update_expression("SET #progress = :progress")
            .condition_expression("attribute_exists(instanceId)")
            .expression_attribute_names("#progress", "progress")
            .expression_attribute_values(":progress", AttributeValue::S(progress))
            .send()
            .await
            .map_err(|error| {
                aws::error::step_error(&format!("telling the progress of the instance {instance_id}"), &error)
            })?;
        Ok(())
    }

    async fn items(&self) -> Result<Vec<Item>, StepError> {
        let mut pages = self.client.scan().table_name(self.table).consistent_read(true).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(|error| aws::error::step_error("reading the registry", &error))?);
        }
        Ok(items)
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
            .map_err(|error| {
                aws::error::step_error(&format!("reading the instance {instance_id} from the registry"), &error)
            })?;
        Ok(output.item)
    }
}

/// Returns the entry in an item, or `None` if the item is a lock or the instance is not registered.
fn configuration(item: &Item) -> Result<Option<Entry>, Unreadable> {
    let instance_id = text(item, "instanceId").unwrap_or_default();
    if lock::is_key(instance_id) {
        return Ok(None);
    }
    let registered = item.contains_key("registeredAt");
    let expected = item.contains_key(BEGUN) || item.contains_key(TEARDOWN);
    match item.get(CONFIG) {
        None if expected && !registered => Ok(None),
        None => Err(Unreadable::new(item, "it has no configuration")),
        Some(AttributeValue::S(config)) => match serde_json::from_str::<Entry>(config) {
            Ok(entry) if entry.instance_id == instance_id => Ok(Some(entry)),
            Ok(entry) => {
                let reason = format!("its configuration is that of the instance {}", entry.instance_id);
                Err(Unreadable::new(item, &reason))
            }
            Err(error) => Err(Unreadable::new(item, &error.to_string())),
        },
        Some(_) => Err(Unreadable::new(item, "its configuration is not a text")),
    }
}

/// Returns the string in an attribute.
fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Returns the time in an attribute.
fn time(item: &Item, name: &str) -> Option<OffsetDateTime> {
    let ms: i128 = item.get(name)?.as_n().ok()?.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(ms.checked_mul(1_000_000)?).ok()
}

/// Formats a time for messages and logs.
fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Returns whether two configurations are equal, ignoring the order of keys.
fn same(known: &str, new: &str) -> bool {
    known == new
        || matches!(
            (serde_json::from_str::<serde_json::Value>(known), serde_json::from_str::<serde_json::Value>(new)),
            (Ok(known), Ok(new)) if known == new
        )
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

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        let id = ("instanceId".to_owned(), AttributeValue::S("i".into()));
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).chain([id]).collect()
    }

    #[test]
    fn an_unreadable_entry_differs_from_a_missing_entry() {
        let text = |text: &str| AttributeValue::S(text.into());
        let entry =
            r#"{"instanceId":"i","instanceArn":"a","alias":"acme","tenantId":"t","users":{"groups":[]},"groups":[]}"#;
        let registered = ("registeredAt", AttributeValue::N("1".into()));
        assert!(configuration(&item(&[("config", text(entry))])).is_ok_and(|entry| entry.is_some()));
        for unreadable in [
            &[("config", text("garbage"))][..],
            &[("config", text(""))],
            &[("config", AttributeValue::N("1".into()))],
            &[("config", AttributeValue::Null(true))],
            &[("config", text(&entry.replace(r#"Id":"i""#, r#"Id":"other""#)))],
            std::slice::from_ref(&registered),
            &[registered.clone(), ("begun", text("{}"))],
            &[],
        ] {
            let told = configuration(&item(unreadable)).err().map(|unreadable| unreadable.message).unwrap_or_default();
            assert!(told.contains("instance i can't be read") && told.contains("run the onboarding"), "{unreadable:?}");
        }
        for expected in ["begun", "teardown"] {
            assert_eq!(configuration(&item(&[(expected, text("{}"))])), Ok(None));
        }
        let lock = Item::from([("instanceId".to_owned(), text(&Scope::Alias.key("acme")))]);
        assert_eq!(configuration(&lock), Ok(None));
    }

    #[test]
    fn configurations_with_a_different_order_of_keys_are_equal() {
        assert!(same(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same("nonsense", r#"{"a":2}"#));
    }
}
