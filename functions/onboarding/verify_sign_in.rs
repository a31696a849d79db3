//! `verify-sign-in`: checks the sign-in configuration by reading everything that a sign-in needs from both clouds and
//! comparing it with the expected values, including the name of one Connect user and the role session name that Entra
//! would emit for this user (manual procedure: SAML ログイン). A failed check is reported in the output and is not an
//! error.
//!
//! * Reads: `GET /servicePrincipals/{id}`, its `claimsMappingPolicies` and `appRoleAssignedTo`, `/applications/{id}`,
//!   `/applicationTemplates/{id}`, `/users/{id}`, the federation metadata; `iam:GetSAMLProvider`, `iam:GetRole`,
//!   `iam:ListAttachedRolePolicies`, `iam:GetPolicy`, `iam:GetPolicyVersion`; `connect:DescribeInstance`,
//!   `connect:SearchUsers`.
//! * Writes: nothing.
//! * Safe to repeat: it only reads.

use aws_sdk_connect::types::{ControlPlaneTagFilter, TagCondition, UserSearchFilter};
use onboarding_core::{
    StepError,
    contract::{Check, VerifySignInInput, VerifySignInOutput},
    inspection::Checks,
    names,
    saml::user_access_url,
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

/// Runs the step.
///
/// # Errors
/// If AWS or Graph returns an error. Unexpected values become failed checks.
pub async fn run(ctx: &Context, input: VerifySignInInput) -> Result<VerifySignInOutput, StepError> {
    let wanted = Federation::try_from(&input)?;
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
    take(instance::sign_in_checks(instance::describe(ctx, &input.instance_id).await?.as_ref()));
    take(one_user(ctx, &input).await?);

    let tenant = ctx.graph().tenant_id().await?;
    Ok(VerifySignInOutput {
        passed: checks.iter().all(|check| check.passed),
        checks,
        sso_url: user_access_url(&input.application.app_id, &tenant),
    })
}

/// Checks one user that we created. One is enough, because all names are derived by the same rule.
async fn one_user(ctx: &Context, input: &VerifySignInInput) -> Result<Checks, StepError> {
    let mut checks = Checks::default();
    let ours = TagCondition::builder().tag_key(names::MANAGED_BY_KEY).tag_value(names::MANAGED_BY).build();
    let filter =
        UserSearchFilter::builder().tag_filter(ControlPlaneTagFilter::builder().tag_condition(ours).build()).build();
    let sent =
        ctx.connect().search_users().instance_id(&input.instance_id).search_filter(filter).max_results(10).send().await;
    let found = sent.doing("looking for one of the Connect users")?;
    let tag = |user: &aws_sdk_connect::types::UserSearchSummary| {
        user.tags().and_then(|tags| tags.get(names::ENTRA_OBJECT_ID_KEY)).cloned()
    };
    for user in found.users() {
        let Some(object_id) = tag(user) else { continue };
        let Some(member) = ctx.graph().user(&object_id).await? else { continue };
        let emitted = member.attribute(input.username).unwrap_or("none");
        checks.equal(
            format!("username of {object_id} is its role session name"),
            emitted,
            user.username().unwrap_or("none"),
        );
        return Ok(checks);
    }
    let nobody = input.groups.iter().all(|group| group.users == 0);
    checks.that("a user's name is its role session name", nobody, "at least one user", "no Connect user of ours");
    Ok(checks)
}
