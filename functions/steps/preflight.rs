//! `preflight`: the prerequisites (the how-to's 前提条件), looked at in both clouds before anything is created: the whole
//! input, the AWS account and Region, the Graph token and its permissions (the missing ones are named), the gallery
//! template, each group, the quota codes of the input, and whether the instance's users quota will hold the groups.
//!
//! * Reads: `sts:GetCallerIdentity`, `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `secretsmanager:GetSecretValue`; in Graph `GET /applicationTemplates`, `/groups`, `/groups/{id}/members`, or `/transitiveMembers` where nested groups are
//!   flattened.
//! * Writes: nothing.
//! * Permissions: the reads; in Graph the required ones of both identities ([`Identity::permissions`]). It is the one
//!   function that may sign in as both, so that a missing consent is told before anything is made.
//! * Safe to repeat: it only reads.

use onboarding_core::{
    StepError,
    contract::{OpenItem, PreflightInput, PreflightOutput},
    entra::Identity,
    names,
    onboarding::{Onboarding, USERS_QUOTA},
};

use crate::{aws_error, clients::Clients, inspect::people::People, quota};

/// Runs the step.
///
/// # Errors
/// `InvalidInput` with every fault of the input or of its groups at once, or if both together are too large for the state
/// machine; `AccessDenied` with every missing permission.
pub async fn run(cx: &Clients, input: PreflightInput) -> Result<PreflightOutput, StepError> {
    let onboarding = Onboarding::parse_step(&input.onboarding)?;
    let identity = cx
        .sts()
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| aws_error::step_error("asking AWS for the account", &error))?;
    quota::check_codes(cx, &onboarding.quotas.0).await?;
    permissions(cx).await?;
    cx.graph().application_template(names::GALLERY_APPLICATION, names::GALLERY_APPLICATION_ID).await?;
    let people = People::read(cx, &onboarding).await?;
    let users = people.count();
    let mut open_items = people.open_items;
    open_items.extend(users_quota(cx, users).await);
    let output = PreflightOutput {
        account: identity.account().unwrap_or_default().to_owned(),
        region: cx.region().to_owned(),
        partition: identity.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws").to_owned(),
        tenant_id: cx.graph().tenant_id().await?,
        onboarding,
        groups: people.groups,
        users,
        open_items,
    };
    output.within_limits()
}

/// Whether both identities may do what the workflow will ask of them; what they lack is told for both at once.
async fn permissions(cx: &Clients) -> Result<(), StepError> {
    let mut lacks = Vec::new();
    for identity in Identity::ALL {
        let missing = cx.graph_as(identity).missing_permissions(identity.required()).await?;
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

/// What a person should know where the groups hold more people than a new instance takes. The increase is asked for once
/// the instance exists, since the quota belongs to it; that nobody can read it before is no reason to stop here.
async fn users_quota(cx: &Clients, users: u64) -> Option<OpenItem> {
    let limit = quota::in_force(cx.quotas(), USERS_QUOTA, None).await.ok().flatten()?;
    #[expect(clippy::cast_precision_loss, reason = "no group has 2^53 members")]
    let wanted = users as f64;
    (wanted > limit).then(|| {
        OpenItem::new(
            "quota users",
            format!("the groups hold {users} people, a new instance takes {limit}"),
            "Nothing now: the workflow asks for the increase once the instance exists, and creates as many as fit.",
        )
    })
}
