//! Reads the registry, the stack's table with one entry per onboarded instance.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::{names, sync::SyncProgress};
use serde_json::Value;

use super::{Cloud, error::CommandError};

/// The registry entry of one instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Instance id.
    pub instance_id: String,
    /// Instance alias.
    pub alias: String,
    /// The configuration that the onboarding stored: ids, groups and user settings.
    pub config: Value,
    /// The execution that holds the lease of the instance, if any.
    pub lease: Option<String>,
    /// Time of the last successful user sync, in milliseconds since the epoch.
    pub last_success_at: Option<f64>,
    /// How many users the last successful user sync created, changed, deleted and so on.
    pub last_run: Value,
    /// Time and message of the last failed user sync.
    pub last_failure: Option<(f64, String)>,
    /// The digest of the plan for which approval was last requested. The registry receives the digest before the task
    /// token.
    pub approval_digest: Option<String>,
    /// The user sync plan that waits for approval, if there is one.
    pub approval: Option<Approval>,
    /// Progress of the running user sync.
    pub progress: SyncProgress,
}

/// A plan that waits for approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Digest of the plan.
    pub digest: String,
    /// Expiry of the approval request, in milliseconds since the epoch.
    pub until: f64,
    /// Task token that resumes the waiting execution.
    pub token: String,
}

impl Cloud {
    /// All entries, sorted by alias.
    ///
    /// # Errors
    /// Fails if the registry can't be read.
    pub async fn entries(&self) -> Result<Vec<Entry>, CommandError> {
        let table = self.stack.output("RegistryTable", self.words)?;
        let mut pages = self.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items().send();
        let mut entries = Vec::new();
        while let Some(item) = pages.next().await {
            let item =
                item.map_err(|error| CommandError::of(self.words, &self.words.reading_the_registry(), &error))?;
            entries.push(read(&item));
        }
        entries.retain(|entry| !entry.alias.is_empty());
        entries.sort_by(|one: &Entry, other: &Entry| one.alias.cmp(&other.alias));
        Ok(entries)
    }

    /// The entry of an instance, if it exists.
    ///
    /// # Errors
    /// Fails if the registry can't be read.
    pub async fn entry(&self, instance_id: &str) -> Result<Option<Entry>, CommandError> {
        let found = self
            .dynamodb
            .get_item()
            .table_name(self.stack.output("RegistryTable", self.words)?)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| CommandError::of(self.words, &self.words.reading_the_registry(), &error))?;
        Ok(found.item.as_ref().map(read))
    }

    /// Finds the entry that the operator's argument names. The argument is an alias or an instance id. Without an
    /// argument, returns the only entry.
    ///
    /// # Errors
    /// Fails if no entry matches, or if the argument is missing and there are several entries.
    pub async fn resolve_entry(&self, what: Option<&str>) -> Result<Entry, CommandError> {
        let entries = self.entries().await?;
        let known = entries.iter().map(|entry| entry.alias.as_str()).collect::<Vec<_>>().join(", ");
        match what {
            Some(what) => entries
                .into_iter()
                .find(|entry| names::same_alias(&entry.alias, what) || entry.instance_id == what)
                .ok_or_else(|| CommandError::input(self.words.no_instance(what), self.words.known_instances(known))),
            None if entries.is_empty() => {
                Err(CommandError::input(self.words.nothing_onboarded(), self.words.start_one()))
            }
            None if entries.len() > 1 => {
                Err(CommandError::input(self.words.several_instances(known), self.words.specify_the_instance()))
            }
            None => entries.into_iter().next().ok_or_else(|| CommandError::input(self.words.nothing_onboarded(), "")),
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
        approval_digest: text("approvalDigest"),
        // Without a task token, no execution is waiting for approval. A digest without a token is that of a rejected
        // plan. It stays in the entry so that approval of the same plan is not requested again at once.
        approval: text("approvalDigest").zip(text("approvalToken")).map(|(digest, token)| Approval {
            digest,
            until: number("approvalUntil").unwrap_or_default(),
            token,
        }),
        progress: text("progress").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    }
}
