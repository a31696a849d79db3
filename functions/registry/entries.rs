//! The registry entries of instances.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::{StepError, contract::Approval, names, onboarding::Onboarding};
use time::OffsetDateTime;
use tracing::error;

use super::{Entry, Item, Registry, RunningSync, approval, lease, now_ms, string, text, time, tracking};
use crate::runtime::metrics::{Metric, Metrics};

/// The attribute that contains the registry entry, as JSON.
const CONFIG: &str = "config";
/// The attribute that exists only after the teardown of the instance has started.
const TEARDOWN: &str = "teardown";
/// The attribute that contains the input of an onboarding that has not registered the instance yet.
const PENDING: &str = "begun";

/// The data in the registry about an instance that is not registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pending {
    /// The instance's alias.
    pub alias: Option<String>,
    /// The input of the onboarding of the instance.
    pub onboarding: Option<Onboarding>,
}

/// The registry entries of all instances whose teardown has not started.
#[derive(Debug, Default)]
pub struct Contents {
    /// The instances whose entry can be read.
    pub entries: Vec<Registered>,
    /// The registry entries that can't be read.
    pub unreadable: Vec<Unreadable>,
}

/// A registered instance.
#[derive(Debug)]
pub struct Registered {
    /// The registry entry.
    pub entry: Entry,
    /// The time of the last successful sync. If no sync was successful yet, this is the time of the registration.
    pub last_success: Option<OffsetDateTime>,
    /// The user sync that the registry shows as running.
    pub running: Option<RunningSync>,
}

/// A registry entry that can't be read. The entry may have been edited or damaged, or a later release may have written
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The ID of the instance.
    pub instance_id: String,
    /// The alias in the item, or the instance ID if the item contains no alias.
    pub alias: String,
    /// The reason why the entry can't be read, and what an operator must do.
    pub message: String,
}

impl Unreadable {
    fn new(item: &Item, reason: &str) -> Self {
        let instance_id = text(item, "instanceId").unwrap_or_default().to_owned();
        Self {
            alias: text(item, "alias").unwrap_or(&instance_id).to_owned(),
            message: format!(
                "the registry entry of the instance {instance_id} can't be read ({reason}); run the onboarding of the instance \
                 again to write a new entry"
            ),
            instance_id,
        }
    }
}

impl Registry<'_> {
    /// Returns the registry entry of an instance, with a consistent read.
    ///
    /// # Errors
    /// `InvalidInput` if the instance has no entry, or if the entry can't be read.
    pub async fn entry(&self, instance_id: &str) -> Result<Entry, StepError> {
        self.find(instance_id).await?.ok_or_else(|| self.not_registered(instance_id))
    }

    /// Returns the registry entry in the item of an instance.
    ///
    /// # Errors
    /// `InvalidInput` if the item contains no entry, or if the entry can't be read.
    pub(super) fn readable(&self, instance_id: &str, item: &Item) -> Result<Entry, StepError> {
        let entry = configuration(item).map_err(|unreadable| StepError::invalid_input(unreadable.message))?;
        entry.ok_or_else(|| self.not_registered(instance_id))
    }

    fn not_registered(&self, instance_id: &str) -> StepError {
        StepError::invalid_input(format!(
            "the instance {instance_id} is not in the registry {}; run its onboarding first",
            self.table
        ))
    }

    /// Returns the entry of an instance, or `None` if the instance has no entry.
    ///
    /// # Errors
    /// `InvalidInput` if the entry can't be read.
    pub async fn find(&self, instance_id: &str) -> Result<Option<Entry>, StepError> {
        let Some(item) = self.item(instance_id).await? else { return Ok(None) };
        configuration(&item).map_err(|unreadable| StepError::invalid_input(unreadable.message))
    }

    /// Returns all registry entries that can be read, with a consistent read ([`Self::scan`]).
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn entries(&self) -> Result<Vec<Entry>, StepError> {
        Ok(self.scan().await?.entries.into_iter().map(|instance| instance.entry).collect())
    }

    /// Returns the complete registry, with a consistent read. An entry that can't be read does not prevent the reading
    /// of the others. The unreadable entry is logged, and counted in a metric for which there is an alarm.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn scan(&self) -> Result<Contents, StepError> {
        let mut contents = Contents::default();
        for item in self.items().await? {
            // An instance whose teardown has started is no longer processed by schedules and events.
            if item.contains_key(TEARDOWN) {
                continue;
            }
            match configuration(&item) {
                Ok(Some(entry)) => {
                    let last_success = time(&item, "lastSuccessAt").or_else(|| time(&item, "registeredAt"));
                    let running = RunningSync::in_item(&item, OffsetDateTime::now_utc());
                    contents.entries.push(Registered { entry, last_success, running });
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
    /// `InvalidInput` if the entry of another instance can't be read. Without this error, the caller would treat the
    /// groups of that instance as unused.
    pub async fn groups_of_others(&self, instance_id: &str) -> Result<BTreeSet<String>, StepError> {
        let contents = self.scan().await?;
        if let Some(other) = contents.unreadable.into_iter().find(|other| other.instance_id != instance_id) {
            return Err(StepError::invalid_input(format!(
                "the groups of other instances can't be determined, so nothing is removed: {}, then start again",
                other.message
            )));
        }
        let others = contents
            .entries
            .into_iter()
            .map(|instance| instance.entry)
            .filter(|entry| entry.instance_id != instance_id);
        Ok(others.flat_map(|entry| entry.groups).map(|group| group.id).collect())
    }

    /// Returns the spelling of the alias in the registry, if this spelling differs from `alias` only in case. The
    /// search includes the aliases of instances whose onboarding or teardown is running.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn other_spelling(&self, alias: &str) -> Result<Option<String>, StepError> {
        let items = self.items().await?;
        let mut spellings =
            items.iter().filter_map(|item| text(item, "alias")).filter(|stored| names::same_alias(stored, alias));
        let first = spellings.next().map(ToOwned::to_owned);
        Ok(first.filter(|first| first != alias && spellings.all(|other| other != alias)))
    }

    /// Returns the data in the registry about an instance that is not registered.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn pending(&self, instance_id: &str) -> Result<Pending, StepError> {
        let item = self.item(instance_id).await?.unwrap_or_default();
        let onboarding = text(&item, PENDING).and_then(|text| serde_json::from_str(text).ok());
        Ok(Pending { alias: text(&item, "alias").map(ToOwned::to_owned), onboarding })
    }

    /// Returns the approval of the teardown of an instance, if this teardown has started.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn teardown(&self, instance_id: &str) -> Result<Option<Approval>, StepError> {
        let item = self.item(instance_id).await?;
        let text = item.as_ref().and_then(|item| text(item, TEARDOWN));
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    }

    /// Writes the registry entry if it is new or has changed, and deletes the record of an unfinished teardown. Returns
    /// whether the entry was written.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn write(&self, entry: &Entry) -> Result<bool, StepError> {
        let id = &entry.instance_id;
        let config = entry.to_json()?;
        let stored = self.item(id).await?.unwrap_or_default();
        let unchanged = text(&stored, CONFIG).is_some_and(|stored| same(stored, &config));
        if unchanged && !stored.contains_key(TEARDOWN) {
            return Ok(false);
        }
        let values = [(":alias", string(&entry.alias)), (":config", string(config)), (":now", now_ms())];
        let update = format!(
            "SET #alias = :alias, #{CONFIG} = :config, registeredAt = if_not_exists(registeredAt, :now) \
             REMOVE #{TEARDOWN}, #{PENDING}"
        );
        self.update_if(&format!("writing the instance {id} into the registry"), id, None, &update, &values).await
    }
}

/// Returns the registry entry in an item. Returns `None` if the item does not belong to an instance, or if the instance
/// is not registered.
fn configuration(item: &Item) -> Result<Option<Entry>, Unreadable> {
    let instance_id = text(item, "instanceId").unwrap_or_default();
    if [lease::is_key, approval::is_key, tracking::is_key].iter().any(|is_other| is_other(instance_id)) {
        return Ok(None);
    }
    let registered = item.contains_key("registeredAt");
    let expected = item.contains_key(PENDING) || item.contains_key(TEARDOWN);
    match item.get(CONFIG) {
        None if expected && !registered => Ok(None),
        None => Err(Unreadable::new(item, "it has no configuration")),
        Some(AttributeValue::S(config)) => match Entry::from_json(config) {
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

/// Returns whether two stored entries are equal, regardless of the order of the JSON keys.
fn same(stored: &str, new: &str) -> bool {
    stored == new
        || matches!(
            (serde_json::from_str::<serde_json::Value>(stored), serde_json::from_str::<serde_json::Value>(new)),
            (Ok(stored), Ok(new)) if stored == new
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Scope;

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
            let message =
                configuration(&item(unreadable)).err().map(|unreadable| unreadable.message).unwrap_or_default();
            assert!(
                message.contains("instance i can't be read") && message.contains("run the onboarding"),
                "{unreadable:?}"
            );
        }
        for expected in ["begun", "teardown"] {
            assert_eq!(configuration(&item(&[(expected, text("{}"))])), Ok(None));
        }
        let lease = Item::from([("instanceId".to_owned(), text(&Scope::Alias.key("acme")))]);
        assert_eq!(configuration(&lease), Ok(None));
        let chunk = Item::from([("instanceId".to_owned(), text("approval#i#d#0"))]);
        assert_eq!(configuration(&chunk), Ok(None));
    }

    #[test]
    fn configurations_with_a_different_order_of_keys_are_equal() {
        assert!(same(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same("nonsense", r#"{"a":2}"#));
    }
}
