//! `preflight`: checks the prerequisites in AWS and Entra before anything is created (manual procedure: 前提条件). The
//! step checks the complete input, the AWS account and Region, the Graph token and its permissions, the gallery
//! template, each group, and the quota codes in the input. If permissions are missing, the error lists all of them. The
//! step also checks whether the quota for users is sufficient for the members of the groups.
//!
//! * Reads: `sts:GetCallerIdentity`, `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `secretsmanager:GetSecretValue`; in Graph `GET /applicationTemplates`, `/groups`, `/groups/{id}/members`, or
//!   `/transitiveMembers` if nested groups are flattened.
//! * Writes: nothing.
//! * Permissions: the AWS actions listed under Reads; in Graph, the required permissions of both Entra identities
//!   ([`Identity::permissions`]). This function can sign in as both Entra identities, so that it reports missing
//!   consent before anything is created. No other function of the onboarding can sign in as both.
//! * Safe to repeat: the step only reads.

use onboarding_core::{
    StepError,
    contract::{OpenItem, PreflightInput, PreflightOutput},
    entra::Identity,
    names,
    onboarding::{Onboarding, USERS_QUOTA},
};

use crate::{
    aws::{error::CallResult as _, quotas},
    context::Context,
    inspect::members::Members,
};

/// Runs the step.
///
/// # Errors
/// `InvalidInput` with all errors in the input and in its groups, or if the input and the groups together are too large
/// for the state machine; `AccessDenied` with all missing permissions.
pub async fn run(ctx: &Context, input: PreflightInput) -> Result<PreflightOutput, StepError> {
    let onboarding = Onboarding::parse_step(&input.onboarding)?;
    let identity = ctx.sts().get_caller_identity().send().await.doing("reading the account")?;
    quotas::check_codes(ctx.quotas(), ctx.region(), &onboarding.quotas.0).await?;
    permissions(ctx).await?;
    ctx.graph().application_template(names::GALLERY_APPLICATION, names::GALLERY_APPLICATION_ID).await?;
    let members = Members::read(ctx, &onboarding).await?;
    let users = members.count();
    let mut open_items = members.open_items;
    open_items.extend(users_quota(ctx, users).await);
    let output = PreflightOutput {
        account: identity.account().unwrap_or_default().to_owned(),
        region: ctx.region().to_owned(),
        partition: identity.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws").to_owned(),
        tenant_id: ctx.graph().tenant_id().await?,
        onboarding,
        groups: members.groups,
        users,
        open_items,
    };
    output.within_limits()
}

/// Checks that both Entra identities have the permissions that the workflows require. The error contains the missing
/// permissions of both identities.
async fn permissions(ctx: &Context) -> Result<(), StepError> {
    let mut lacks = Vec::new();
    for identity in Identity::ALL {
        let missing = ctx.graph_as(identity).missing_permissions(identity.required()).await?;
        if !missing.is_empty() {
            lacks.push(format!("the Entra application of the {identity} identity lacks {}", missing.join(", ")));
        }
    }
    if lacks.is_empty() {
        return Ok(());
    }
    Err(StepError::access_denied(format!(
        "{}; add them as application permissions of Microsoft Graph, grant admin consent (`onboard entra-setup` prints how), \
         then start again",
        lacks.join("; ")
    )))
}

/// Returns an open item if the groups have more members than a new instance can have users. The quota for users belongs
/// to the instance, so the onboarding requests the increase after it has created the instance. If the quota can't be
/// read, this check is skipped.
async fn users_quota(ctx: &Context, users: u64) -> Option<OpenItem> {
    let limit = quotas::in_force(ctx.quotas(), USERS_QUOTA, None).await.ok().flatten()?;
    #[expect(clippy::cast_precision_loss, reason = "a group has fewer than 2^53 members")]
    let wanted = users as f64;
    (wanted > limit).then(|| {
        OpenItem::new(
            "quota users",
            format!("the groups have {users} members; a new instance allows {limit} users"),
            "None now: the workflow requests the increase when the instance exists, and creates as many users as the \
             quota allows.",
        )
    })
}
