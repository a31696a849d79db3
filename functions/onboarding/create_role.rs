//! `create-role`: creates the IAM role that users assume when they sign in (manual procedure: IAM ロールの作成). The
//! role trusts only the SAML provider. If another principal could assume the role, it could choose the session name,
//! and thereby sign in as any Connect user.
//!
//! * Reads: `iam:GetRole`, `iam:ListAttachedRolePolicies`.
//! * Writes: `iam:CreateRole`, `iam:TagRole`, `iam:UpdateAssumeRolePolicy`, `iam:UpdateRole`,
//!   `iam:PutRolePermissionsBoundary`, `iam:AttachRolePolicy`, each only on `role/connect-onboarding/*`.
//!   `iam:AttachRolePolicy` is also limited to policies under `policy/connect-onboarding/` (`iam:PolicyARN`).
//! * If the stack has a permissions boundary, the role gets the same boundary. The boundary must allow
//!   `connect:GetFederationToken`.
//! * The role of a replicated instance keeps its trust policy if this policy trusts only endpoints of the instance,
//!   because an administrator may have configured global sign-in (`onboarding_core::replication`). A role that the step
//!   creates also trusts the global endpoint.
//! * Safe to repeat: the step identifies the role by its name. If the role has the tags of this onboarding, the step
//!   resets the settings of the role to the desired settings, including the trust policy, and keeps additional
//!   policies. The step never replaces the role, because Connect binds each user to the role with which the user first
//!   signed in. If the role has no tags, the step uses the role only if all settings already have the desired values.
//!   Otherwise, the step fails with `Conflict`.

use aws_sdk_iam::types::Role;
use onboarding_core::{
    StepError,
    contract::{CreateRoleInput, CreateRoleOutput},
    iam::{is_wanted_trust, session_seconds, trust_policy},
    names,
    replication::GlobalSignIn,
    sync::Ownership,
};

use crate::{
    aws::{error::CallResult as _, iam},
    context::Context,
};

/// Creates the role, or updates its settings.
///
/// # Errors
/// `NotConsistentYet` until every replica of IAM returns the new SAML provider and the new policy. `Conflict` if the
/// account already has a role with this name that has other settings and does not belong to the onboarding.
pub async fn run(ctx: &Context, input: CreateRoleInput) -> Result<CreateRoleOutput, StepError> {
    let global = input.global_sign_in_endpoint.as_ref().map(GlobalSignIn::new);
    let wanted = Wanted {
        trust: trust_policy(&input.saml_provider_arn, &input.region, global.as_ref()),
        seconds: i32::try_from(session_seconds(&input.session_duration)?)
            .map_err(|_| StepError::internal("a session duration is outside its range"))?,
        boundary: ctx.settings.permissions_boundary().map(ToOwned::to_owned),
    };
    let Some(role) = iam::role(ctx.iam(), &input.name).await? else {
        let role_arn = create(ctx, &input, &wanted).await?;
        attach(ctx, &input).await?;
        return Ok(CreateRoleOutput { role_arn });
    };
    let attached = iam::attached_policies(ctx.iam(), &input.name).await?;
    let trust = iam::document(role.assume_role_policy_document());
    let trust_as_wanted = is_wanted_trust(&trust, &input.saml_provider_arn, &input.region, global.as_ref());
    let lasts_as_wanted = role.max_session_duration() == Some(wanted.seconds);
    let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    let bound_as_wanted = wanted.boundary.is_none() || boundary == wanted.boundary.as_deref();
    match iam::owner(role.tags(), &input.alias) {
        Ownership::Ours => {
            if !trust_as_wanted {
                set_trust(ctx, &input.name, &wanted).await?;
            }
            if !lasts_as_wanted {
                set_duration(ctx, &role, &wanted).await?;
            }
            if !bound_as_wanted {
                set_boundary(ctx, &input.name, &wanted).await?;
            }
            if !attached.contains(&input.policy_arn) {
                attach(ctx, &input).await?;
            }
        }
        Ownership::Unmanaged
            if trust_as_wanted && lasts_as_wanted && bound_as_wanted && attached == [input.policy_arn.as_str()] => {}
        owner => {
            let difference = if trust_as_wanted {
                "its session duration, policies or permissions boundary differ from the expected ones"
            } else {
                "it trusts other principals than the SAML provider"
            };
            return Err(iam::not_ours(&format!("the role {}", input.name), &owner, difference, "iam.roleName"));
        }
    }
    Ok(CreateRoleOutput { role_arn: role.arn })
}

struct Wanted {
    trust: serde_json::Value,
    seconds: i32,
    /// The permissions boundary of the stack. If the boundary is `None`, an existing role keeps its current boundary.
    boundary: Option<String>,
}

async fn create(ctx: &Context, input: &CreateRoleInput, wanted: &Wanted) -> Result<String, StepError> {
    let doing = format!("creating the role {}", input.name);
    let sent = ctx
        .iam()
        .create_role()
        .role_name(&input.name)
        .path(names::IAM_PATH)
        // IAM accepts only Latin-1 characters in a description.
        .description(format!("Sign-in to the Amazon Connect instance {} from Microsoft Entra ID", input.alias))
        .assume_role_policy_document(wanted.trust.to_string())
        .max_session_duration(wanted.seconds)
        .set_permissions_boundary(wanted.boundary.clone())
        .set_tags(Some(iam::tags(&input.alias)?))
        .send()
        .await;
    let Some(created) = sent.none_if(&["EntityAlreadyExists"]).doing(&doing)? else {
        // Either an earlier call created the role and the response was lost, or the account has a role whose name
        // differs from this name only in case.
        return Err(StepError::not_consistent_yet(format!(
            "{doing}: it exists, but IAM does not return it; if the error continues, the name of an existing role \
             differs only in case: use the same case in iam.roleName, or set another name"
        )));
    };
    match created.role {
        Some(role) => Ok(role.arn),
        None => Err(StepError::internal(format!("{doing}: the response from IAM contains no role"))),
    }
}

async fn set_trust(ctx: &Context, name: &str, wanted: &Wanted) -> Result<(), StepError> {
    tracing::warn!(role = name, "the trust policy was changed outside this onboarding and is reset");
    ctx.iam()
        .update_assume_role_policy()
        .role_name(name)
        .policy_document(wanted.trust.to_string())
        .send()
        .await
        .map(drop)
        .doing_with_known(format_args!("setting the trust policy of the role {name}"))
}

async fn set_duration(ctx: &Context, role: &Role, wanted: &Wanted) -> Result<(), StepError> {
    ctx.iam()
        .update_role()
        .role_name(role.role_name())
        .set_description(role.description().map(ToOwned::to_owned))
        .max_session_duration(wanted.seconds)
        .send()
        .await
        .map(drop)
        .doing_with_known(format_args!("setting the session duration of the role {}", role.role_name()))
}

async fn set_boundary(ctx: &Context, name: &str, wanted: &Wanted) -> Result<(), StepError> {
    ctx.iam()
        .put_role_permissions_boundary()
        .role_name(name)
        .set_permissions_boundary(wanted.boundary.clone())
        .send()
        .await
        .map(drop)
        .doing_with_known(format_args!("setting the permissions boundary of the role {name}"))
}

async fn attach(ctx: &Context, input: &CreateRoleInput) -> Result<(), StepError> {
    let doing = format!("attaching {} to the role {}", input.policy_arn, input.name);
    let sent = ctx.iam().attach_role_policy().role_name(&input.name).policy_arn(&input.policy_arn).send().await;
    sent.map(drop).doing_with_known(doing)
}
