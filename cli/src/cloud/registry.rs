//! The registry: what the stack knows of each onboarded instance.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::{names, sync::SyncProgress};
use serde_json::Value;

use super::{Cloud, trouble::Trouble};

/// An entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The instance's id.
    pub instance_id: String,
    /// Its alias.
    pub alias: String,
    /// What the onboarding wrote: ids, groups, rules for users.
    pub config: Value,
    /// The execution that holds the lease, while one does.
    pub lease: Option<String>,
    /// When a sync succeeded last, in milliseconds since the epoch.
    pub last_success_at: Option<f64>,
    /// The counts of that sync.
    pub last_run: Value,
    /// The last failure, and when it was.
    pub last_failure: Option<(f64, String)>,
    /// The digest of the plan about which a person is, or was last, asked. It is there before the token is.
    pub asked: Option<String>,
    /// The plan that waits for a person.
    pub approval: Option<Approval>,
    /// How far the sync is that runs now.
    pub progress: SyncProgress,
}

/// A plan that waits for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// The plan's digest.
    pub digest: String,
    /// Until when it waits, in milliseconds since the epoch.
    pub until: f64,
    /// By what the waiting execution is answered.
    pub token: String,
}

impl Cloud {
    /// All entries, by alias.
    ///
    /// # Errors
    /// Where the registry can't be read.
    pub async fn entries(&self) -> Result<Vec<Entry>, Trouble> {
        let table = self.stack.output("RegistryTable", self.words)?;
        let mut pages = self.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items().send();
        let mut entries = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| Trouble::of(self.words, &self.words.reading_the_registry(), &error))?;
            entries.push(read(&item));
        }
        entries.retain(|entry| !entry.alias.is_empty());
        entries.sort_by(|one: &Entry, other: &Entry| one.alias.cmp(&other.alias));
        Ok(entries)
    }

    /// The entry of an instance, if there is one.
    ///
    /// # Errors
    /// Where the registry can't be read.
    pub async fn entry(&self, instance_id: &str) -> Result<Option<Entry>, Trouble> {
        let found = self
            .dynamodb
            .get_item()
            .table_name(self.stack.output("RegistryTable", self.words)?)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| Trouble::of(self.words, &self.words.reading_the_registry(), &error))?;
        Ok(found.item.as_ref().map(read))
    }

    /// The entry that a person means: by alias, by id, or the only one.
    ///
    /// # Errors
    /// Where there is none, or more than one.
    pub async fn meant_entry(&self, what: Option<&str>) -> Result<Entry, Trouble> {
        let entries = self.entries().await?;
        let known = entries.iter().map(|entry| entry.alias.as_str()).collect::<Vec<_>>().join(", ");
        match what {
            Some(what) => entries
                .into_iter()
                .find(|entry| names::same_alias(&entry.alias, what) || entry.instance_id == what)
                .ok_or_else(|| Trouble::input(self.words.no_instance(what), self.words.known_instances(known))),
            None if entries.is_empty() => Err(Trouble::input(self.words.nothing_onboarded(), self.words.start_one())),
            None if entries.len() > 1 => {
                Err(Trouble::input(self.words.several_instances(known), self.words.name_the_instance()))
            }
            None => entries.into_iter().next().ok_or_else(|| Trouble::input(self.words.nothing_onboarded(), "")),
        }
    }
}

fn read(item: &HashMap<String, AttributeValue>) -> Entry {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse::<f64>().ok());
    let json =
        |name: &str| -> Value { text(name).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default() };
    let config: Value = json("config");
    Entry {
        instance_id: text("instanceId").unwrap_or_default(),
        alias: text("alias").or_else(|| config["alias"].as_str().map(ToOwned::to_owned)).unwrap_or_default(),
        config,
        lease: text("lease"),
        last_success_at: number("lastSuccessAt"),
        last_run: json("lastRun"),
        last_failure: number("lastFailureAt").zip(text("lastFailure")),
        asked: text("approvalDigest"),
        // Without a token nobody waits: the digest stays after a refusal, so that nobody is asked again at once.
        approval: text("approvalDigest").zip(text("approvalToken")).map(|(digest, token)| Approval {
            digest,
            until: number("approvalUntil").unwrap_or_default(),
            token,
        }),
        progress: text("progress").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    }
}
