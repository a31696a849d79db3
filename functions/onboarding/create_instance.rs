//! `create-instance`: creates the Amazon Connect instance with SAML 2.0 as its method of identity management (manual
//! procedure: インスタンスの作成).
//!
//! * Reads: `connect:ListInstances`, `connect:DescribeInstance`.
//! * Writes: `connect:CreateInstance`, which also requires `connect:TagResource`, `ds:CheckAlias`, `ds:CreateAlias`,
//!   `ds:CreateIdentityPoolDirectory`, `ds:CreateDirectory`, `ds:DescribeDirectories`, `ds:AuthorizeApplication`,
//!   `ds:UnauthorizeApplication`, and `iam:CreateServiceLinkedRole` with `iam:PutRolePolicy` on
//!   `AWSServiceRoleForAmazonConnect*`.
//! * Safe to repeat: aliases are globally unique. So if an instance in this account has the alias in the input, it is
//!   the instance that the input refers to. The step adopts this instance if it uses SAML. The client token is derived
//!   from the execution and the alias, so a repeated call does not create a second instance. Each invocation polls
//!   once. The state machine waits between polls.

use aws_sdk_connect::types::{DirectoryType, Instance, InstanceStatus, InstanceSummary};
use onboarding_core::{
    StepError, backoff,
    contract::{CreateInstanceInput, CreateInstanceOutput},
    digest, names,
};

use crate::{
    aws::{self, instances},
    context::Context,
    inspect::instance::{Described, describe, is_ours},
};

/// Number of polls during which `DescribeInstance` may report that the new instance does not exist.
const INVISIBLE_POLLS: u32 = 12;

/// Finds or creates the instance. If the creation of the instance is in progress, polls its status.
///
/// # Errors
/// `Conflict` if the alias belongs to another AWS customer or to an instance without SAML. `LimitExceeded` if the
/// account already has the maximum number of instances that its quota allows. `Internal` if the creation failed in
/// Connect. `NotConsistentYet` if the creation does not finish.
pub async fn run(ctx: &Context, input: CreateInstanceInput) -> Result<CreateInstanceOutput, StepError> {
    let alias = input.instance.alias.as_str();
    if let Some(previous) = input.previous.as_ref().filter(|previous| !previous.instance_id.is_empty()) {
        return match describe(ctx, &previous.instance_id).await? {
            Some(described) => output(ctx.region(), alias, &described, previous.attempt),
            None if previous.attempt < INVISIBLE_POLLS => {
                Ok(in_creation(previous.instance_id.clone(), previous.instance_arn.clone(), previous.attempt))
            }
            None => Err(StepError::internal(format!(
                "the Amazon Connect instance {} ({alias}) was created but no longer exists; check whether it was \
                 deleted, then start the same input again",
                previous.instance_id
            ))),
        };
    }
    let mut failed = None;
    if let Some(summary) = find(ctx, alias).await? {
        if summary.instance_status() != Some(&InstanceStatus::CreationFailed) {
            return adopt(ctx, alias, &summary).await;
        }
        failed = summary.id;
    }
    create(ctx, &input, failed.as_deref()).await
}

/// Returns the instance with this alias. If several instances have the alias, an active instance takes precedence over
/// an instance whose creation failed.
async fn find(ctx: &Context, alias: &str) -> Result<Option<InstanceSummary>, StepError> {
    Ok(instances::list(ctx.connect())
        .await?
        .into_iter()
        .filter(|instance| instances::has_alias(instance, alias))
        .min_by_key(|instance| instance.instance_status() == Some(&InstanceStatus::CreationFailed)))
}

async fn adopt(ctx: &Context, alias: &str, summary: &InstanceSummary) -> Result<CreateInstanceOutput, StepError> {
    let id = summary.id().unwrap_or_default();
    if summary.identity_management_type() != Some(&DirectoryType::Saml) {
        let kind = summary.identity_management_type().map_or("unknown", DirectoryType::as_str);
        return Err(StepError::conflict(format!(
            "the Amazon Connect instance {id} has the alias {alias} but its identity management is {kind}, which can \
             never be changed to SAML; choose another alias, or delete that instance if it is not needed"
        )));
    }
    match describe(ctx, id).await? {
        Some(described) => output(ctx.region(), alias, &described, 0),
        None => Err(StepError::not_consistent_yet(format!(
            "the Amazon Connect instance {id} is listed but can't be read yet"
        ))),
    }
}

async fn create(
    ctx: &Context,
    input: &CreateInstanceInput,
    failed: Option<&str>,
) -> Result<CreateInstanceOutput, StepError> {
    let instance = &input.instance;
    let alias = instance.alias.as_str();
    let sent = ctx
        .connect()
        .create_instance()
        .client_token(client_token(&input.execution_id, alias, failed))
        .identity_management_type(DirectoryType::Saml)
        .instance_alias(alias)
        .inbound_calls_enabled(instance.inbound_calls)
        .outbound_calls_enabled(instance.outbound_calls)
        .set_tags(Some(names::tags(alias).map(|(key, value)| (key.to_owned(), value)).into()))
        .send()
        .await;
    let error = match sent {
        Ok(created) => return Ok(in_creation(created.id.unwrap_or_default(), created.arn.unwrap_or_default(), 0)),
        Err(refusal) => {
            let error = aws::error::step_error(format_args!("creating the Amazon Connect instance {alias}"), &refusal);
            if !aws::error::is_about_alias(&refusal) {
                return Err(error);
            }
            error
        }
    };
    // The input check has already validated the format of the alias, so this error means that the alias is in use.
    // Either an earlier attempt of this onboarding created an instance that the first list did not contain yet, or
    // another AWS customer uses the alias.
    match find(ctx, alias).await? {
        Some(summary) if summary.instance_status() == Some(&InstanceStatus::CreationFailed) => {
            Err(StepError::conflict(format!(
                "the alias {alias} is still used by the instance {}, whose creation failed ({}); delete that instance, \
                 or wait until Connect deletes it after 24 hours, then start the same input again",
                summary.id().unwrap_or_default(),
                failure(ctx, summary.id().unwrap_or_default()).await?
            )))
        }
        Some(summary) => adopt(ctx, alias, &summary).await,
        None => Err(StepError::conflict(format!(
            "the alias {alias} is taken: an alias is unique among all Amazon Connect instances of all AWS customers \
             and Regions, and no instance of this account in {} has it; the alias of a deleted instance may remain \
             taken; choose another alias. {error}",
            ctx.region()
        ))),
    }
}

/// Returns the reason that Connect reports for a failed creation.
async fn failure(ctx: &Context, id: &str) -> Result<String, StepError> {
    Ok(describe(ctx, id).await?.map_or_else(|| "no reason given".into(), |described| reason(&described.instance)))
}

fn reason(instance: &Instance) -> String {
    instance.status_reason().and_then(|reason| reason.message()).unwrap_or("no reason given").to_owned()
}

/// Returns the client token for the creation of an instance. All retries use the same token. If a creation failed, the
/// next creation uses a different token.
fn client_token(execution_id: &str, alias: &str, failed: Option<&str>) -> String {
    digest::of(format!("{execution_id}\n{alias}\n{}", failed.unwrap_or_default()), 32)
}

fn in_creation(instance_id: String, instance_arn: String, polls: u32) -> CreateInstanceOutput {
    CreateInstanceOutput {
        instance_id,
        instance_arn,
        status: InstanceStatus::CreationInProgress.as_str().into(),
        adopted: false,
        access_url: None,
        global_sign_in_endpoint: None,
        attempt: polls + 1,
        wait_seconds: backoff::instance_creation(polls),
    }
}

fn output(region: &str, alias: &str, described: &Described, polls: u32) -> Result<CreateInstanceOutput, StepError> {
    let (instance, id) = (&described.instance, described.id());
    if let Some(refusal) = described.replication.refusal(region) {
        return Err(StepError::conflict(format!("the instance {id} ({alias}) can't be onboarded: {refusal}")));
    }
    let seen = CreateInstanceOutput {
        adopted: !is_ours(instance, alias),
        access_url: instance.instance_access_url().map(ToOwned::to_owned),
        global_sign_in_endpoint: described.global_sign_in().map(|global| global.endpoint().to_owned()),
        ..in_creation(id.into(), instance.arn().unwrap_or_default().into(), polls)
    };
    match instance.instance_status() {
        Some(InstanceStatus::Active) => {
            Ok(CreateInstanceOutput { status: InstanceStatus::Active.as_str().into(), wait_seconds: 0, ..seen })
        }
        Some(InstanceStatus::CreationFailed) => Err(StepError::internal(format!(
            "Amazon Connect could not create the instance {id} ({alias}): {}; correct the named cause (often a \
             permission of the create-instance function for ds: or for the service-linked role), then start the same \
             input again",
            reason(instance)
        ))),
        _ if seen.attempt >= backoff::LAST_CREATION_POLL => Err(StepError::not_consistent_yet(format!(
            "the Amazon Connect instance {id} ({alias}) is still being created after {polls} polls in three hours; \
             check it in the Amazon Connect console and contact AWS Support, then start the same input again: an \
             instance that has become active is adopted"
        ))),
        _ => Ok(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_token_is_equal_only_for_the_same_attempt() {
        let token = client_token("execution", "acme", None);
        assert_eq!(token, client_token("execution", "acme", None));
        assert_eq!(token.len(), 64);
        for other in [
            client_token("later", "acme", None),
            client_token("execution", "acme2", None),
            client_token("execution", "acme", Some("f")),
        ] {
            assert_ne!(token, other);
        }
    }
}
