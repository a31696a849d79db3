//! `delete-federation`: deletes the IAM role, the IAM policy and the SAML provider of an onboarding during the
//! teardown. After this step, no user can sign in. If the instance is kept, this step also removes the approved origins
//! that the onboarding added, so that no website can embed the instance.
//!
//! * Reads: `iam:GetRole`, `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`, `iam:GetPolicy`,
//!   `iam:ListPolicyVersions`, `iam:ListEntitiesForPolicy`, `iam:GetSAMLProvider`; `dynamodb:GetItem`.
//! * Writes: `iam:DetachRolePolicy`, `iam:DeleteRolePolicy`, `iam:DeleteRole`, `iam:DeletePolicyVersion`,
//!   `iam:DeletePolicy`, `iam:DeleteSAMLProvider`; `connect:DisassociateApprovedOrigin`. The permissions allow the
//!   deletion of roles and policies only under the path `connect-onboarding/`, and the deletion of SAML providers only
//!   with the tag of an onboarding.
//! * Safe to repeat: if an object no longer exists, its deletion counts as successful. The step reads the tags of an
//!   object immediately before it deletes the object. An object that does not belong to this onboarding is kept and
//!   reported. A policy that another role or user also uses is also kept and reported. The step reads the registry
//!   again before it removes an approved origin. The step removes only origins that are in the approved plan and that
//!   this onboarding added.

use aws_sdk_iam::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use onboarding_core::{
    StepError,
    contract::{OpenItem, RemoveInput, RemoveOutput, TeardownTarget},
    sync::Ownership,
};
use tracing::info;

use crate::{
    aws::{self, approved_origins, error::CallResult as _, iam},
    context::Context,
    registry::Registry,
};

/// Runs the step.
///
/// # Errors
/// `NotConsistentYet` if IAM still reports an attachment that was already removed, or if IAM returns an object in one
/// call but not in the next.
pub async fn run(ctx: &Context, input: RemoveInput) -> Result<RemoveOutput, StepError> {
    let target = &input.target;
    let mut output = RemoveOutput::default();
    let role = target.role_arn.rsplit('/').next().unwrap_or_default();
    delete_role(ctx, role, &target.alias, &mut output).await?;
    delete_policy(ctx, &target.policy_arn, &target.alias, &mut output).await?;
    delete_provider(ctx, &target.saml_provider_arn, &target.alias, &mut output).await?;
    remove_origins(ctx, target, &mut output).await?;
    Ok(output)
}

/// Removes the approved origins in the plan. The record of the added origins is deleted later, together with the
/// registry entry.
async fn remove_origins(ctx: &Context, target: &TeardownTarget, output: &mut RemoveOutput) -> Result<(), StepError> {
    if target.approved_origins.is_empty() {
        return Ok(());
    }
    let added = Registry::new(ctx)?.added_origins(&target.instance_id).await?;
    for origin in target.approved_origins.iter().filter(|origin| added.contains(*origin)) {
        approved_origins::remove(ctx.connect(), &target.instance_id, origin).await?;
        info!(instance = target.alias, origin, "approved origin removed");
        output.removed += 1;
    }
    Ok(())
}

fn keep(output: &mut RemoveOutput, what: String, why: &str) {
    let action = "Delete it manually if it is no longer needed.";
    output.open_items.push(OpenItem::new(what, format!("it is kept: {why}"), action));
}

async fn delete_role(ctx: &Context, name: &str, alias: &str, output: &mut RemoveOutput) -> Result<(), StepError> {
    let Some(role) = iam::role(ctx.iam(), name).await? else { return Ok(()) };
    if iam::owner(role.tags(), alias) != Ownership::Ours {
        keep(output, format!("IAM role {name}"), "it has no tag of this onboarding");
        return Ok(());
    }
    for policy in iam::attached_policies(ctx.iam(), name).await? {
        let doing = format!("detaching {policy} from the role {name}");
        gone(&doing, ctx.iam().detach_role_policy().role_name(name).policy_arn(&policy).send().await)?;
    }
    for policy in iam::inline_policies(ctx.iam(), name).await? {
        let doing = format!("deleting the inline policy {policy} of the role {name}");
        gone(&doing, ctx.iam().delete_role_policy().role_name(name).policy_name(&policy).send().await)?;
    }
    gone(&format!("deleting the role {name}"), ctx.iam().delete_role().role_name(name).send().await)?;
    info!(role = name, "role deleted");
    output.removed += 1;
    Ok(())
}

async fn delete_policy(ctx: &Context, arn: &str, alias: &str, output: &mut RemoveOutput) -> Result<(), StepError> {
    let Some(policy) = iam::policy(ctx.iam(), arn).await? else { return Ok(()) };
    if iam::owner(policy.tags(), alias) != Ownership::Ours {
        keep(output, format!("IAM policy {arn}"), "it has no tag of this onboarding");
        return Ok(());
    }
    if policy.attachment_count().unwrap_or_default() > 0 && used_by_others(ctx, arn).await? {
        keep(output, format!("IAM policy {arn}"), "other roles, users or groups use it");
        return Ok(());
    }
    // All pages of the list are read before the first deletion, because a deletion could move other versions to another
    // page.
    let versions = iam::policy_versions(ctx.iam(), arn).await?;
    for version in versions.iter().filter(|version| !version.is_default_version()) {
        let id = version.version_id().unwrap_or_default();
        let doing = format!("removing version {id} of the policy {arn}");
        gone(&doing, ctx.iam().delete_policy_version().policy_arn(arn).version_id(id).send().await)?;
    }
    gone(&format!("deleting the policy {arn}"), ctx.iam().delete_policy().policy_arn(arn).send().await)?;
    info!(policy = arn, "policy deleted");
    output.removed += 1;
    Ok(())
}

/// Returns whether other roles, users or groups use the policy. The function reads the list of attachments, because the
/// attachment count of the policy may still include the role that was just deleted.
async fn used_by_others(ctx: &Context, arn: &str) -> Result<bool, StepError> {
    // IAM may return an empty page even if more pages follow (API reference, `ListEntitiesForPolicy`, `IsTruncated`).
    let pages = ctx.iam().list_entities_for_policy().policy_arn(arn).into_paginator().send().try_collect().await;
    let pages = pages.if_found().doing(format_args!("listing the entities that use the policy {arn}"))?;
    Ok(pages.into_iter().flatten().any(|page| {
        !page.policy_roles().is_empty() || !page.policy_users().is_empty() || !page.policy_groups().is_empty()
    }))
}

async fn delete_provider(ctx: &Context, arn: &str, alias: &str, output: &mut RemoveOutput) -> Result<(), StepError> {
    let Some(provider) = iam::saml_provider(ctx.iam(), arn).await? else { return Ok(()) };
    if iam::owner(provider.tags(), alias) != Ownership::Ours {
        keep(output, format!("SAML provider {arn}"), "it has no tag of this onboarding");
        return Ok(());
    }
    let sent = ctx.iam().delete_saml_provider().saml_provider_arn(arn).send().await;
    gone(&format!("deleting the SAML provider {arn}"), sent)?;
    info!(provider = arn, "SAML provider deleted");
    output.removed += 1;
    Ok(())
}

/// Converts the result of a deletion. If the object no longer exists, returns success. If IAM still reports an
/// attachment, returns a temporary error.
fn gone<O, E, R>(doing: &str, sent: Result<O, SdkError<E, R>>) -> Result<(), StepError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: aws_sdk_iam::operation::RequestId,
{
    match sent.if_found() {
        Ok(_) => Ok(()),
        Err(error) if aws::error::is(&error, &["DeleteConflict"]) => {
            Err(StepError::not_consistent_yet(aws::error::step_error(doing, &error).message))
        }
        Err(error) => Err(aws::error::step_error(doing, &error)),
    }
}
