//! Reads the registry, and writes the decisions of operators into it. The registry is the stack's `DynamoDB` table with
//! one entry for each onboarded instance.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::{
    names,
    sync::{SyncProgress, WaitingPart},
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{Cloud, error::CommandError};

/// For how long an approval is valid.
const APPROVAL_VALIDITY: Duration = Duration::days(3);

/// The registry entry of one instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Id of the Connect instance.
    pub instance_id: String,
    /// Alias of the Connect instance.
    pub alias: String,
    /// The configuration that the onboarding stored: ids, groups and user settings.
    pub config: Value,
    /// The execution, if any, that holds the lease of the instance. Only the holder of the lease may change the
    /// instance's users.
    pub lease: Option<String>,
    /// The user sync, if any, that has released the lease but is still running, because it gathers requests for another
    /// pass. This sync can acquire the lease again.
    pub gatherer: Option<String>,
    /// Time of the last successful user sync, in milliseconds since the epoch.
    pub last_success_at: Option<f64>,
    /// The counts of the last successful user sync, for example how many users the sync created, changed and deleted.
    pub last_run: Value,
    /// Time and message of the last failed user sync.
    pub last_failure: Option<(f64, String)>,
    /// The request for approval, if there is one. The request may have expired.
    pub approval: Option<ApprovalRequest>,
    /// The last approval, if there is one. The approval may have expired.
    pub approved: Option<RecordedDecision>,
    /// Progress of the running user sync.
    pub progress: SyncProgress,
}

/// A request for approval of changes that a user sync has not applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApprovalRequest {
    /// Digest of the request for approval. The digest identifies the request.
    pub digest: String,
    /// Expiry of the request, in milliseconds since the epoch.
    pub until: f64,
    /// Whether an earlier release stored the request. In that release, an execution waits for the decision with a Step
    /// Functions task token.
    pub outdated: bool,
    /// The changes that wait for approval.
    pub waiting: WaitingPart,
    /// The ARN of the operator who rejected the request.
    pub rejected_by: Option<String>,
    /// The time of the rejection, in milliseconds since the epoch.
    pub rejected_at: Option<f64>,
}

/// A decision of an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedDecision {
    /// Digest of the request that the operator approved or rejected.
    pub digest: String,
    /// The ARN of the operator who decided.
    pub by: String,
    /// The time of the decision, in milliseconds since the epoch.
    pub at: f64,
}

impl ApprovalRequest {
    /// Whether the request is still waiting for a decision at the time `now`, in milliseconds since the epoch.
    #[must_use]
    pub fn is_open(&self, now: f64) -> bool {
        self.rejected_by.is_none() && self.until > now
    }
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

    /// Writes the decision about the request with this digest into the registry. Returns false without writing if the
    /// request has expired, if another request has replaced it, or if a teardown has started.
    ///
    /// # Errors
    /// Fails if the caller can't be identified or the registry can't be written.
    pub async fn decide(&self, instance_id: &str, digest: &str, decision: Decision) -> Result<bool, CommandError> {
        let caller = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await;
        let caller = caller.map_err(|error| CommandError::of(self.words, &self.words.identifying_caller(), &error))?;
        let now = OffsetDateTime::now_utc().unix_timestamp() * 1000;
        let number = |number: i64| AttributeValue::N(number.to_string());
        let update = self
            .dynamodb
            .update_item()
            .table_name(self.stack.output("RegistryTable", self.words)?)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .update_expression(decision.update())
            .condition_expression(
                "approvalDigest = :digest AND approvalUntil > :now AND attribute_exists(approvalChunks) AND \
                 attribute_not_exists(teardown)",
            )
            .expression_attribute_values(":digest", AttributeValue::S(digest.to_owned()))
            .expression_attribute_values(":me", AttributeValue::S(caller.arn.unwrap_or_default()))
            .expression_attribute_values(":now", number(now));
        let update = match decision {
            Decision::Approve => {
                update.expression_attribute_values(":until", number(now + APPROVAL_VALIDITY.whole_seconds() * 1000))
            }
            Decision::Reject => update,
        };
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(CommandError::of(self.words, &self.words.writing_the_decision(), &error)),
        }
    }

    /// Finds the registry entry that the operator's argument specifies. The argument is an alias or an instance id.
    /// Without an argument, returns the only entry.
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

/// The decision of an operator about a request for approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Approves the changes. The next user sync applies them.
    Approve,
    /// Rejects the changes. No user sync applies them.
    Reject,
}

impl Decision {
    /// The update expression that writes this decision into the registry entry. An approval copies the digest of the
    /// request and the list of its actions.
    const fn update(self) -> &'static str {
        match self {
            Self::Approve => {
                "SET approvedDigest = approvalDigest, approvedChunks = approvalChunks, approvedBy = :me, approvedAt = :now, \
                 approvedUntil = :until REMOVE approvalDigest, approvalChunks, approvalSummary, approvalRequestedAt, \
                 approvalUntil, approvalNotified, rejectedBy, rejectedAt"
            }
            Self::Reject => "SET rejectedBy = :me, rejectedAt = :now",
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
        gatherer: text("gatherer"),
        last_success_at: number("lastSuccessAt"),
        last_run: json("lastRun"),
        last_failure: number("lastFailureAt").zip(text("lastFailure")),
        approval: text("approvalDigest").map(|digest| ApprovalRequest {
            digest,
            until: number("approvalUntil").unwrap_or_default(),
            outdated: !item.contains_key("approvalChunks"),
            waiting: serde_json::from_value(json("approvalSummary")).unwrap_or_default(),
            rejected_by: text("rejectedBy"),
            rejected_at: number("rejectedAt"),
        }),
        approved: text("approvedDigest").map(|digest| RecordedDecision {
            digest,
            by: text("approvedBy").unwrap_or_default(),
            at: number("approvedAt").unwrap_or_default(),
        }),
        progress: text("progress").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    }
}
