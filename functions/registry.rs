//! The registry: one `DynamoDB` item for each onboarded instance, with what the user sync needs to know.
//!
//! The item's key is `instanceId`. Several own attributes of the same item, which is why it is updated and never put whole:
//!
//! * this module: `alias`, `config`, `registeredAt`, and who may add a signing certificate (`rotation`, `rotationUntil`);
//! * the onboarding: `begun`, its input, until there is a `config`;
//! * the user sync: the lease (`lease`, `leaseUntil`, `dirty`), the approval (`approvalDigest`, `approvalUntil`, `approvalBy`,
//!   and `approvalToken`, which `notify` adds), how far the running sync is (`progress`) and what came of its runs
//!   (`lastRun`, `lastSuccessAt`, `lastFailure`, `lastFailureAt`);
//! * drift: `driftDigest`;
//! * the teardown: `teardown`, what was approved; while it is there, nothing else works on the instance.
//!
//! Times are milliseconds since the epoch. The clouds themselves are the record of what exists.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::{
    StepError,
    contract::{Approval, EntraApplication, EntraGroup, RegisterInstanceInput},
    names,
    onboarding::{Language, Onboarding, UserGroup, Users},
    sync::SyncProgress,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tracing::error;

use crate::{aws_error, clients::Clients};

/// The attribute that says that the instance is being torn down.
const TEARDOWN: &str = "teardown";
/// The attribute that holds the input of an onboarding that has not come to the instance's registration yet.
const BEGUN: &str = "begun";

/// What is known of an instance that is not registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begun {
    /// Its alias.
    pub alias: Option<String>,
    /// The input of its onboarding.
    pub onboarding: Option<Onboarding>,
}

/// What is known of an onboarded instance. Stored as JSON; new fields get defaults, because an entry outlives releases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The instance's id, the key.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The instance's alias; also the value of our `onboarding` tags.
    pub alias: String,
    /// The Entra tenant.
    pub tenant_id: String,
    /// Who becomes a user.
    pub users: Users,
    /// The groups of `users.groups`, in the same order, with their object ids.
    pub groups: Vec<EntraGroup>,
    /// The Entra application.
    #[serde(default)]
    pub application: Option<EntraApplication>,
    /// The language of notifications.
    #[serde(default)]
    pub language: Language,
    /// The whole input of the last onboarding; `None` in an entry of a release that did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onboarding: Option<Onboarding>,
    /// Whether the instance was there before and carries no mark of ours; `None` where an older release did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_adopted: Option<bool>,
}

impl From<RegisterInstanceInput> for Entry {
    fn from(input: RegisterInstanceInput) -> Self {
        let RegisterInstanceInput {
            onboarding,
            instance_id,
            instance_arn,
            tenant_id,
            groups,
            application,
            instance_adopted,
        } = input;
        // What was found on the way (members, looks) is no configuration, and would make every repetition of the onboarding
        // differ from the one before.
        let groups = groups.into_iter().map(|group| EntraGroup { users: 0, ..group }).collect();
        Self {
            instance_id,
            instance_arn,
            alias: onboarding.instance.alias.clone(),
            tenant_id,
            users: onboarding.users.clone(),
            groups,
            application: Some(EntraApplication { attempt: 0, searched: false, wait_seconds: 0, ..application }),
            language: onboarding.language,
            onboarding: Some(onboarding),
            instance_adopted,
        }
    }
}

impl Entry {
    /// The name of the SAML provider in IAM.
    #[must_use]
    pub fn saml_provider_name(&self) -> String {
        let given = self.onboarding.as_ref().map(|onboarding| onboarding.iam.saml_provider_name.clone());
        given.filter(|name| !name.is_empty()).unwrap_or_else(|| names::saml_provider(&self.alias))
    }

    /// The input of the last onboarding. Of an older release's entry only what it kept, with the default names.
    #[must_use]
    pub fn input(&self) -> Onboarding {
        self.onboarding
            .clone()
            .unwrap_or_else(|| Onboarding::with_defaults(&self.alias, self.users.clone(), self.language))
    }

    /// Each group with what its members get.
    ///
    /// # Errors
    /// `Internal` where the two lists do not match.
    pub fn user_groups(&self) -> Result<Vec<(&EntraGroup, &UserGroup)>, StepError> {
        if self.groups.len() != self.users.groups.len() {
            return Err(StepError::internal(format!(
                "the registry entry of the instance {} has {} group ids for {} groups; run the onboarding again, which \
                 writes it anew",
                self.instance_id,
                self.groups.len(),
                self.users.groups.len()
            )));
        }
        Ok(self.groups.iter().zip(&self.users.groups).collect())
    }
}

/// How long a claim to a certificate rotation is good for, in seconds.
const CLAIM_SECONDS: i64 = 900;

/// Who may add a signing certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The execution, from now on.
    Fresh,
    /// The execution, which claimed it before: an attempt of it died.
    Ours,
    /// Another execution.
    Taken,
}

/// The table.
#[derive(Debug)]
pub struct Registry<'a> {
    client: &'a aws_sdk_dynamodb::Client,
    table: &'a str,
}

impl<'a> Registry<'a> {
    /// The registry that the settings name.
    ///
    /// # Errors
    /// `Internal` where they name none.
    pub fn new(cx: &'a Clients) -> Result<Self, StepError> {
        Ok(Self { client: cx.dynamodb(), table: cx.settings.registry_table()? })
    }

    /// The entry of an instance, read consistently.
    ///
    /// # Errors
    /// `InvalidInput` where there is none, `Internal` where it can't be understood.
    pub async fn entry(&self, instance_id: &str) -> Result<Entry, StepError> {
        self.find(instance_id).await?.ok_or_else(|| {
            StepError::invalid_input(format!(
                "the instance {instance_id} is not in the registry {}; run the onboarding for it first",
                self.table
            ))
        })
    }

    /// The same; `None` where there is none.
    ///
    /// # Errors
    /// `Internal` where it can't be understood.
    pub async fn find(&self, instance_id: &str) -> Result<Option<Entry>, StepError> {
        let Some(config) = self.config(instance_id).await? else { return Ok(None) };
        serde_json::from_str(&config).map(Some).map_err(|error| {
            StepError::internal(format!(
                "the registry entry of the instance {instance_id} can't be read ({error}); run the onboarding again, \
                 which writes it anew"
            ))
        })
    }

    /// All entries, read consistently. One that can't be understood is left out, so that it stops no other, and named in the
    /// log; the next onboarding of its instance writes it anew.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn entries(&self) -> Result<Vec<Entry>, StepError> {
        Ok(self.scan().await?.into_iter().map(|(entry, _)| entry).collect())
    }

    /// All entries as [`Self::entries`] reads them, each with the time of the last sync that left its instance in step;
    /// before the first one, of its registration.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn scan(&self) -> Result<Vec<(Entry, Option<OffsetDateTime>)>, StepError> {
        let mut items = self.client.scan().table_name(self.table).consistent_read(true).into_paginator().items().send();
        let mut entries = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| aws_error::step_error("reading the registry", &error))?;
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
            // What is being torn down has no part in schedules and events any more, and what is not registered none yet.
            let Some(config) = text("config").filter(|_| !item.contains_key(TEARDOWN)) else { continue };
            match serde_json::from_str(config) {
                Ok(entry) => {
                    entries.push((entry, time(&item, "lastSuccessAt").or_else(|| time(&item, "registeredAt"))))
                }
                Err(error) => error!(instance = text("instanceId"), %error, "a registry entry can't be read"),
            }
        }
        Ok(entries)
    }

    /// The ids of the groups that other instances follow.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn groups_of_others(&self, instance_id: &str) -> Result<BTreeSet<String>, StepError> {
        let others = self.entries().await?.into_iter().filter(|entry| entry.instance_id != instance_id);
        Ok(others.flat_map(|entry| entry.groups).map(|group| group.id).collect())
    }

    /// What is known of an instance that is not registered.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn begun(&self, instance_id: &str) -> Result<Begun, StepError> {
        let item = self.item(instance_id).await?.unwrap_or_default();
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let onboarding = text(BEGUN).and_then(|text| serde_json::from_str(&text).ok());
        Ok(Begun { alias: text("alias"), onboarding })
    }

    /// What was approved of an instance's teardown, where one has begun.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn teardown(&self, instance_id: &str) -> Result<Option<Approval>, StepError> {
        let item = self.item(instance_id).await?;
        let text = item.as_ref().and_then(|item| item.get(TEARDOWN)).and_then(|value| value.as_s().ok());
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    }

    /// Writes the entry if it is new or different, and says whether it wrote.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn write(&self, entry: &Entry) -> Result<bool, StepError> {
        let config = serde_json::to_string(entry)
            .map_err(|error| StepError::internal(format!("the registry entry could not be encoded: {error}")))?;
        let known = self.item(&entry.instance_id).await?;
        let abandoned = known.as_ref().is_some_and(|item| item.contains_key(TEARDOWN));
        if !abandoned && known.and_then(config_of).is_some_and(|known| same(&known, &config)) {
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
            // Whoever onboards again does not want the teardown any more.
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
                aws_error::step_error(&format!("writing the instance {} into the registry", entry.instance_id), &error)
            })?;
        Ok(true)
    }

    /// Keeps by what the execution is answered that asks a person about a plan, as long as it is this plan that is asked about.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
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
            // Somebody answered already, or another plan is asked about by now.
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => {
                Err(aws_error::step_error(&format!("keeping the approval of the instance {instance_id}"), &error))
            }
        }
    }

    /// Says how far the sync of an instance is.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering; nothing depends on it.
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
                aws_error::step_error(&format!("telling the progress of the instance {instance_id}"), &error)
            })?;
        Ok(())
    }

    /// Lays claim to adding a signing certificate for an instance. Who holds one adds the certificate at once, so a claim
    /// that is older than a quarter of an hour is that of somebody dead.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn claim_rotation(&self, instance_id: &str, execution: &str) -> Result<Claim, StepError> {
        let doing = format!("claiming the certificate rotation of the instance {instance_id}");
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let sent = self
            .client
            .update_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .update_expression("SET rotation = :me, rotationUntil = :until")
            .condition_expression(
                "attribute_exists(instanceId) AND (attribute_not_exists(rotation) OR rotationUntil < :now)",
            )
            .expression_attribute_values(":me", AttributeValue::S(execution.to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .expression_attribute_values(":until", AttributeValue::N((now + CLAIM_SECONDS).to_string()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Claim::Fresh),
            Err(error) if aws_error::is(&error, &["ConditionalCheckFailedException"]) => {
                let holder = self.item(instance_id).await?.and_then(|mut item| item.remove("rotation"));
                let ours = holder.is_some_and(|holder| holder.as_s().is_ok_and(|holder| holder == execution));
                Ok(if ours { Claim::Ours } else { Claim::Taken })
            }
            Err(error) => Err(aws_error::step_error(&doing, &error)),
        }
    }

    /// Takes the claim off an instance whose rotation is finished, whoever began it.
    ///
    /// # Errors
    /// Whatever keeps `DynamoDB` from answering.
    pub async fn release_rotation(&self, instance_id: &str) -> Result<(), StepError> {
        let sent = self
            .client
            .update_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .update_expression("REMOVE rotation, rotationUntil")
            .condition_expression("attribute_exists(rotation)")
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if aws_error::is(&error, &["ConditionalCheckFailedException"]) => Ok(()),
            Err(error) => Err(aws_error::step_error(
                &format!("releasing the certificate rotation of the instance {instance_id}"),
                &error,
            )),
        }
    }

    async fn config(&self, instance_id: &str) -> Result<Option<String>, StepError> {
        Ok(self.item(instance_id).await?.and_then(config_of))
    }

    async fn item(&self, instance_id: &str) -> Result<Option<HashMap<String, AttributeValue>>, StepError> {
        let output = self
            .client
            .get_item()
            .table_name(self.table)
            .key("instanceId", AttributeValue::S(instance_id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| {
                aws_error::step_error(&format!("reading the instance {instance_id} from the registry"), &error)
            })?;
        Ok(output.item)
    }
}

fn config_of(mut item: HashMap<String, AttributeValue>) -> Option<String> {
    item.remove("config")?.as_s().ok().cloned()
}

/// The time that an attribute holds.
fn time(item: &HashMap<String, AttributeValue>, name: &str) -> Option<OffsetDateTime> {
    let ms: i128 = item.get(name)?.as_n().ok()?.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(ms.checked_mul(1_000_000)?).ok()
}

/// Whether two configurations say the same, whatever the order of their keys.
fn same(known: &str, new: &str) -> bool {
    known == new
        || matches!(
            (serde_json::from_str::<serde_json::Value>(known), serde_json::from_str::<serde_json::Value>(new)),
            (Ok(known), Ok(new)) if known == new
        )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't unwrap has failed")]
    use super::*;

    fn entry(json: &str) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn an_entry_of_an_older_release_is_read_with_defaults() {
        let entry = entry(
            r#"{"instanceId":"i","instanceArn":"a","alias":"acme","tenantId":"t",
                "users":{"groups":[{"group":"Support","securityProfiles":["Agent"]}]},
                "groups":[{"id":"g","displayName":"Support"}],"fromTheFuture":true}"#,
        )
        .unwrap();
        let groups = entry.user_groups().unwrap();
        assert_eq!((groups[0].0.id.as_str(), groups[0].1.routing_profile.as_str()), ("g", "Basic Routing Profile"));
    }

    #[test]
    fn group_ids_that_do_not_match_the_groups_are_a_fault_that_says_what_to_do() {
        let entry = entry(
            r#"{"instanceId":"i","instanceArn":"a","alias":"acme","tenantId":"t",
                "users":{"groups":[{"group":"Support","securityProfiles":["Agent"]}]},"groups":[]}"#,
        )
        .unwrap();
        assert!(entry.user_groups().is_err_and(|error| error.message.contains("run the onboarding again")));
    }

    #[test]
    fn a_time_is_read_in_milliseconds_and_nonsense_is_none() {
        let item = HashMap::from([
            ("at".to_owned(), AttributeValue::N("1500".into())),
            ("text".to_owned(), AttributeValue::S("1500".into())),
            ("never".to_owned(), AttributeValue::N("9".repeat(38))),
        ]);
        let times = ["at", "text", "never", "missing"].map(|name| time(&item, name).map(|time| time.millisecond()));
        assert_eq!(times, [Some(500), None, None, None]);
    }

    #[test]
    fn the_order_of_keys_is_no_difference() {
        assert!(same(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same("nonsense", r#"{"a":2}"#));
    }
}
