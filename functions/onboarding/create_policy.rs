//! `create-policy`: creates the IAM policy for federated users. The policy allows `connect:GetFederationToken` for this
//! instance only (manual procedure: IAM ポリシーの作成).
//!
//! * Reads: `sts:GetCallerIdentity`, `iam:GetPolicy`, `iam:GetPolicyVersion`, `iam:ListPolicyVersions`, and, if the
//!   policy name is already in use, `iam:ListPolicies`.
//! * Writes: `iam:CreatePolicy`, `iam:TagPolicy`, `iam:CreatePolicyVersion`, `iam:DeletePolicyVersion`, each only on
//!   `policy/connect-onboarding/*`.
//! * Safe to repeat: the step identifies the policy by its name and path. The step creates a new policy version only if
//!   the content of the default version differs. If the policy already has five versions (the maximum in IAM), the step
//!   first deletes the oldest version that is not the default version.

use aws_sdk_iam::types::PolicyScopeType;
use onboarding_core::{
    StepError,
    contract::{CreatePolicyInput, CreatePolicyOutput},
    iam::{federation_policy, same_document},
    names,
    sync::Ownership,
};

use crate::{
    aws::{error::CallResult as _, iam, retries::WithoutRetries as _},
    context::Context,
};

/// IAM's maximum number of versions of a policy.
const MOST_VERSIONS: usize = 5;

/// Creates the policy, or updates its content.
///
/// # Errors
/// `Conflict` if the account already has a policy with this name that has different content and does not belong to the
/// onboarding.
pub async fn run(ctx: &Context, input: CreatePolicyInput) -> Result<CreatePolicyOutput, StepError> {
    let wanted = federation_policy(&input.instance_id);
    let arn = format!("{}:policy{}{}", iam::arn_prefix(ctx.sts()).await?, names::IAM_PATH, input.name);
    let Some(policy) = iam::policy(ctx.iam(), &arn).await? else {
        return create(ctx, &input, &wanted.to_string()).await;
    };
    let same = same_document(&iam::policy_document(ctx.iam(), &policy).await?, &wanted);
    match iam::owner(policy.tags(), &input.alias) {
        Ownership::Ours if same => {}
        Ownership::Ours => replace(ctx, &arn, &wanted.to_string()).await?,
        Ownership::Unmanaged if same => {}
        owner => {
            let what = format!("the policy {}{}", names::IAM_PATH, input.name);
            return Err(iam::not_ours(&what, &owner, "other roles may depend on its statements", "iam.policyName"));
        }
    }
    Ok(CreatePolicyOutput { policy_arn: arn })
}

async fn create(ctx: &Context, input: &CreatePolicyInput, document: &str) -> Result<CreatePolicyOutput, StepError> {
    let doing = format!("creating the policy {}{}", names::IAM_PATH, input.name);
    let sent = ctx
        .iam()
        .create_policy()
        .policy_name(&input.name)
        .path(names::IAM_PATH)
        .description(format!("Federation into the Amazon Connect instance {}", input.alias))
        .policy_document(document)
        .set_tags(Some(iam::tags(&input.alias)?))
        .send()
        .await;
    let Some(created) = sent.none_if(&["EntityAlreadyExists"]).doing(&doing)? else {
        return Err(name_conflict(ctx, &input.name).await?);
    };
    match created.policy.and_then(|policy| policy.arn) {
        Some(policy_arn) => Ok(CreatePolicyOutput { policy_arn }),
        None => Err(StepError::internal(format!("{doing}: the response from IAM contains no ARN"))),
    }
}

/// Determines why the policy name is already in use. Policy names are unique across all paths. Either an earlier
/// attempt created the policy and the response was lost, or the account has a policy with this name under another path.
async fn name_conflict(ctx: &Context, name: &str) -> Result<StepError, StepError> {
    let mut items = ctx.iam().list_policies().scope(PolicyScopeType::Local).into_paginator().items().send();
    while let Some(policy) = items.try_next().await.doing("listing the account's policies")? {
        let same_name = policy.policy_name().is_some_and(|other| other.eq_ignore_ascii_case(name));
        if same_name && (policy.path() != Some(names::IAM_PATH) || policy.policy_name() != Some(name)) {
            return Ok(StepError::conflict(format!(
                "the account already has a policy {}, and this onboarding changes only policies under {}. Set another \
                 name in iam.policyName, or delete that policy if it is not needed, then start again",
                policy.arn().unwrap_or(name),
                names::IAM_PATH
            )));
        }
    }
    Ok(StepError::not_consistent_yet(format!("the policy {name} exists, but IAM does not show it yet")))
}

async fn replace(ctx: &Context, arn: &str, document: &str) -> Result<(), StepError> {
    let versions = iam::policy_versions(ctx.iam(), arn).await?;
    if versions.len() >= MOST_VERSIONS {
        let number = |id: &str| id.trim_start_matches('v').parse::<u64>().unwrap_or(u64::MAX);
        let oldest = versions
            .iter()
            .filter(|version| !version.is_default_version())
            .filter_map(|version| version.version_id())
            .min_by_key(|id| number(id))
            .ok_or_else(|| StepError::internal(format!("the policy {arn} has no version that can be removed")))?;
        ctx.iam()
            .delete_policy_version()
            .policy_arn(arn)
            .version_id(oldest)
            .send()
            .await
            .if_found()
            .doing(format_args!("removing version {oldest} of the policy {arn}"))?;
    }
    // The SDK must not retry this request. If the SDK repeated a request that was successful, the second request would
    // create another version, or would exceed the maximum number of versions.
    ctx.iam()
        .without_retries()
        .create_policy_version()
        .policy_arn(arn)
        .policy_document(document)
        .set_as_default(true)
        .send()
        .await
        .map(drop)
        .doing_with_known(format_args!("creating a version of the policy {arn}"))
}
