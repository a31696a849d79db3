//! `create-role`: the role that people take on by signing in (the how-to's IAM ロールの作成). It trusts the SAML provider and
//! nobody else: whoever else could take it on could choose the session name, and so become any Connect user.
//!
//! * Reads: `iam:GetRole`, `iam:ListAttachedRolePolicies`.
//! * Writes: `iam:CreateRole`, `iam:TagRole`, `iam:UpdateAssumeRolePolicy`, `iam:UpdateRole`,
//!   `iam:PutRolePermissionsBoundary`, `iam:AttachRolePolicy`, each on `role/connect-onboarding/*` only, the last with
//!   `iam:PolicyARN` under `policy/connect-onboarding/`.
//! * The stack's permissions boundary, where it has one, is the role's too. It must allow `connect:GetFederationToken`.
//! * Safe to repeat: the name is the key. A role with our tags is set back to what it should be, also where somebody let
//!   further principals in; it is never replaced, because Connect ties each user to the role of the first sign-in. An
//!   unmarked role is used as it is where it is exactly what is wanted, else it is a conflict. Further policies on the
//!   role are left alone.

use aws_sdk_iam::types::Role;
use onboarding_core::{
    StepError,
    contract::{CreateRoleInput, CreateRoleOutput},
    iam::{same_document, session_seconds, trust_policy},
    names,
};

use crate::{
    aws_error,
    clients::Clients,
    iam::{self, Owner},
};

/// Makes the role what it should be.
///
/// # Errors
/// `NotConsistentYet` while IAM does not see the new provider or policy everywhere; `Conflict` where a role of this name is
/// not ours and not what is wanted.
pub async fn run(cx: &Clients, input: CreateRoleInput) -> Result<CreateRoleOutput, StepError> {
    let wanted = Wanted {
        trust: trust_policy(&input.saml_provider_arn, &input.region),
        seconds: i32::try_from(session_seconds(&input.session_duration)?)
            .map_err(|_| StepError::internal("a session duration left its range"))?,
        boundary: cx.settings.permissions_boundary().map(ToOwned::to_owned),
    };
    let Some(role) = iam::role(cx, &input.name).await? else {
        let role_arn = create(cx, &input, &wanted).await?;
        attach(cx, &input).await?;
        return Ok(CreateRoleOutput { role_arn });
    };
    let attached = iam::attached_policies(cx, &input.name).await?;
    let trust_as_wanted = same_document(&iam::document(role.assume_role_policy_document()), &wanted.trust);
    let lasts_as_wanted = role.max_session_duration() == Some(wanted.seconds);
    let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    let bound_as_wanted = wanted.boundary.is_none() || boundary == wanted.boundary.as_deref();
    match iam::owner(role.tags(), &input.alias) {
        Owner::Ours => {
            if !trust_as_wanted {
                set_trust(cx, &input.name, &wanted).await?;
            }
            if !lasts_as_wanted {
                set_duration(cx, &role, &wanted).await?;
            }
            if !bound_as_wanted {
                set_boundary(cx, &input.name, &wanted).await?;
            }
            if !attached.contains(&input.policy_arn) {
                attach(cx, &input).await?;
            }
        }
        Owner::Unknown
            if trust_as_wanted && lasts_as_wanted && bound_as_wanted && attached == [input.policy_arn.as_str()] => {}
        owner => {
            let difference = if trust_as_wanted {
                "its session duration, its policies or its permissions boundary are not the ones wanted"
            } else {
                "it trusts other principals than the SAML provider alone"
            };
            return Err(iam::not_ours(&format!("the role {}", input.name), owner, difference, "iam.roleName"));
        }
    }
    Ok(CreateRoleOutput { role_arn: role.arn })
}

struct Wanted {
    trust: serde_json::Value,
    seconds: i32,
    /// None where the stack has none: then a boundary that somebody set stays.
    boundary: Option<String>,
}

async fn create(cx: &Clients, input: &CreateRoleInput, wanted: &Wanted) -> Result<String, StepError> {
    let doing = format!("creating the role {}", input.name);
    let sent = cx
        .iam()
        .create_role()
        .role_name(&input.name)
        .path(names::IAM_PATH)
        // IAM takes no Japanese here: Latin-1 only.
        .description(format!("Sign-in to the Amazon Connect instance {} from Microsoft Entra ID", input.alias))
        .assume_role_policy_document(wanted.trust.to_string())
        .max_session_duration(wanted.seconds)
        .set_permissions_boundary(wanted.boundary.clone())
        .set_tags(Some(iam::tags(&input.alias)?))
        .send()
        .await;
    match sent {
        Ok(created) => match created.role {
            Some(role) => Ok(role.arn),
            None => Err(StepError::internal(format!("{doing}: IAM answered without the role"))),
        },
        // Made by a call whose answer was lost, or by another name in all but upper and lower case.
        Err(error) if aws_error::is(&error, &["EntityAlreadyExists"]) => Err(StepError::not_consistent_yet(format!(
            "{doing}: it exists, but IAM does not show it; if it stays so, a role differs from this name in upper and lower \
             case only: write it the same in iam.roleName, or give another name"
        ))),
        Err(error) => Err(aws_error::step_error(&doing, &error)),
    }
}

async fn set_trust(cx: &Clients, name: &str, wanted: &Wanted) -> Result<(), StepError> {
    tracing::warn!(role = name, "the trust policy was changed by somebody; setting it back");
    cx.iam()
        .update_assume_role_policy()
        .role_name(name)
        .policy_document(wanted.trust.to_string())
        .send()
        .await
        .map(drop)
        .map_err(|error| aws_error::step_error(&format!("setting the trust policy of the role {name}"), &error))
}

async fn set_duration(cx: &Clients, role: &Role, wanted: &Wanted) -> Result<(), StepError> {
    cx.iam()
        .update_role()
        .role_name(role.role_name())
        .set_description(role.description().map(ToOwned::to_owned))
        .max_session_duration(wanted.seconds)
        .send()
        .await
        .map(drop)
        .map_err(|error| {
            aws_error::step_error(&format!("setting the session duration of the role {}", role.role_name()), &error)
        })
}

async fn set_boundary(cx: &Clients, name: &str, wanted: &Wanted) -> Result<(), StepError> {
    cx.iam()
        .put_role_permissions_boundary()
        .role_name(name)
        .set_permissions_boundary(wanted.boundary.clone())
        .send()
        .await
        .map(drop)
        .map_err(|error| aws_error::step_error(&format!("setting the permissions boundary of the role {name}"), &error))
}

async fn attach(cx: &Clients, input: &CreateRoleInput) -> Result<(), StepError> {
    let doing = format!("attaching {} to the role {}", input.policy_arn, input.name);
    match cx.iam().attach_role_policy().role_name(&input.name).policy_arn(&input.policy_arn).send().await {
        Ok(_) => Ok(()),
        // Both exist, or the steps before would have failed; IAM takes seconds to show them everywhere.
        Err(error) if aws_error::is_not_found(&error) => {
            Err(StepError::not_consistent_yet(aws_error::step_error(&doing, &error).message))
        }
        Err(error) => Err(aws_error::step_error(&doing, &error)),
    }
}
