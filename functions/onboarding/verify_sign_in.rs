//! `verify-sign-in`: reads all settings in AWS and Entra that a sign-in requires, and compares them with the expected
//! values (manual procedure: SAML ログイン). The step also compares the username of one Connect user with the role
//! session name that Entra would send for this user. A failed check is part of the output and is not an error.
//!
//! * Reads: `GET /servicePrincipals/{id}`, its `claimsMappingPolicies` and `appRoleAssignedTo`, `/applications/{id}`,
//!   `/applicationTemplates/{id}`, `/users/{id}`, the federation metadata; `iam:GetSAMLProvider`, `iam:GetRole`,
//!   `iam:ListAttachedRolePolicies`, `iam:GetPolicy`, `iam:GetPolicyVersion`; `connect:DescribeInstance`,
//!   `connect:SearchUsers`.
//! * Writes: nothing.
//! * Safe to repeat: the step only reads.

use aws_sdk_connect::types::{ControlPlaneTagFilter, TagCondition, UserSearchFilter, UserSearchSummary};
use onboarding_core::{
    StepError,
    contract::{Check, VerifySignInInput, VerifySignInOutput},
    inspection::Checks,
    names,
    saml::user_access_url,
    sync::{Ownership, REMOVAL_DUE_KEY},
};
use time::OffsetDateTime;

use crate::{
    aws::{error::CallResult as _, iam},
    context::Context,
    inspect::{
        entra,
        federation::{Federation, FoundRole, certificate_checks, policy_checks},
        instance,
    },
};

const USERS_PER_PAGE: i32 = 100;
/// Maximum number of Connect users that the step looks up in Entra. The step stops when it finds a user that still
/// exists in Entra.
const MAX_USERS_READ: u32 = 100;

/// Runs the step.
///
/// # Errors
/// If AWS or Graph returns an error. A value that differs from the expected value is a failed check, not an error.
pub async fn run(ctx: &Context, input: VerifySignInInput) -> Result<VerifySignInOutput, StepError> {
    let instance = instance::describe(ctx, &input.instance_id).await?;
    let global = instance.as_ref().and_then(instance::Described::global_sign_in).cloned();
    let wanted = Federation { global, ..Federation::try_from(&input)? };
    let mut checks: Vec<Check> = Vec::new();
    let mut take = |part: Checks| checks.extend(Vec::from(part));

    let (principal, application) = (&input.application.service_principal_id, &input.application.application_id);
    let found = match entra::Found::read(ctx.graph(), principal, application).await? {
        Some(found) => found.with_gallery(ctx.graph()).await?,
        None => entra::Found::default(),
    };
    take(found.sign_in_checks(&wanted, OffsetDateTime::now_utc()));
    take(found.assignment_checks(&input.groups));

    let published = ctx.graph().federation_metadata(&input.application.app_id).await?;
    let provider = iam::saml_provider(ctx.iam(), &wanted.saml_provider_arn).await?;
    let expected = (input.sign_on.certificate_thumbprint.as_str(), input.sign_on.entity_id.as_str());
    take(certificate_checks(expected, &published, provider.as_ref()));
    take(FoundRole::read(ctx, wanted.role_name()).await?.sign_in_checks(&wanted));
    take(policy_checks(ctx, &wanted).await?);
    let instance = instance.map(|described| described.instance);
    take(instance::sign_in_checks(instance.as_ref()));
    let alias = instance.as_ref().and_then(|instance| instance.instance_alias()).unwrap_or_default();
    take(check_username(ctx, &input, alias).await?);

    let tenant = ctx.graph().tenant_id().await?;
    Ok(VerifySignInOutput {
        passed: checks.iter().all(|check| check.passed),
        checks,
        sso_url: user_access_url(&input.application.app_id, &tenant),
    })
}

/// Checks the username of one user that the user sync created and that still exists in Entra. One user is sufficient,
/// because all usernames are derived by the same rule.
///
/// # Errors
/// If Connect or Graph returns an error.
pub async fn check_username(ctx: &Context, input: &VerifySignInInput, alias: &str) -> Result<Checks, StepError> {
    let mut checks = Checks::default();
    let ours = TagCondition::builder().tag_key(names::MANAGED_BY_KEY).tag_value(names::MANAGED_BY).build();
    let filter =
        UserSearchFilter::builder().tag_filter(ControlPlaneTagFilter::builder().tag_condition(ours).build()).build();
    let users = ctx.connect().search_users().instance_id(&input.instance_id).search_filter(filter);
    let mut users = users.max_results(USERS_PER_PAGE).into_paginator().items().send();
    let mut reads = 0;
    // Users who left their groups remain in Connect during their grace period, or permanently. So the first users that
    // the search returns may be such users.
    while reads < MAX_USERS_READ
        && let Some(user) = users.try_next().await.doing("searching for a Connect user of this onboarding")?
    {
        let Some(object_id) = current_member(&user, alias) else { continue };
        reads += 1;
        let Some(member) = ctx.graph().user(object_id).await? else { continue };
        let emitted = member.attribute(input.username).unwrap_or("none");
        let name = format!("username of {object_id} is its role session name");
        checks.equal(name, emitted, user.username().unwrap_or("none"));
        return Ok(checks);
    }
    let no_members = input.groups.iter().all(|group| group.users == 0);
    let found = "no user of this onboarding that still exists in Entra";
    checks.that("a user's name is its role session name", no_members, "at least one user", found);
    Ok(checks)
}

/// Returns the Entra object ID of a user of this onboarding. Returns `None` if the deletion of the user is scheduled,
/// or if the user does not belong to this onboarding.
fn current_member<'a>(user: &'a UserSearchSummary, alias: &str) -> Option<&'a str> {
    let tag = |key: &str| user.tags().and_then(|tags| tags.get(key)).map(String::as_str);
    let owner = Ownership::from_tags(tag(names::MANAGED_BY_KEY), tag(names::ONBOARDING_KEY), alias);
    let is_current = owner == Ownership::Ours && tag(REMOVAL_DUE_KEY).is_none();
    tag(names::ENTRA_OBJECT_ID_KEY).filter(|_| is_current)
}
