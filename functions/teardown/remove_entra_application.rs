//! `remove-entra-application`: deletes the enterprise application of an onboarding during the teardown, or removes only
//! the settings that the onboarding made.
//!
//! * Reads: `GET /servicePrincipals/{id}` with its claims policies and assignments, `/applications/{id}`,
//!   `/policies/claimsMappingPolicies`, `/policies/claimsMappingPolicies/{id}/appliesTo`; if the application existed
//!   before the onboarding, also `GET /servicePrincipals/{id}/appRoleAssignedTo/{id}`, and `dynamodb:GetItem` on the
//!   registry.
//! * Writes: `DELETE /servicePrincipals/{id}/appRoleAssignedTo/{id}`, `…/claimsMappingPolicies/{id}/$ref`,
//!   `/policies/claimsMappingPolicies/{id}`, `/applications/{id}`, `/servicePrincipals/{id}`; `PATCH
//!   /servicePrincipals/{id}`, `/applications/{id}`; `dynamodb:UpdateItem` on the registry.
//! * Permissions: `Application.ReadWrite.All`, `AppRoleAssignment.ReadWrite.All`,
//!   `Policy.ReadWrite.ApplicationConfiguration`.
//! * Safe to repeat: if an object no longer exists, its deletion counts as successful. The step changes the application
//!   only if the application has the tag of this onboarding, and removes this tag last.
//! * If the application existed before the onboarding, it is never deleted and keeps its identifiers, regardless of the
//!   input. The step then removes only the settings that the onboarding made, the assignments of the onboarding's
//!   groups, and the assignments of single users that the onboarding and its user syncs have recorded in the registry.
//!   The step reads a recorded assignment again immediately before the removal.
//! * If Entra refuses to delete the application, the step deletes the service principal and the application object
//!   separately. If an object still can't be deleted, the step adds an open item, and the teardown continues.
//! * The step identifies the onboarding's claims policy by its name. The step keeps the claims policy if it is also
//!   assigned to another application.
//!
//! A deleted application can be restored for 30 days, and Entra reserves its identifiers during this time. Therefore,
//! the step removes the identifiers before it deletes the application.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use onboarding_core::{
    StepError, StepErrorKind,
    contract::{ApplicationDisposition, EntraApplication, OpenItem, RemoveInput, RemoveOutput, TeardownTarget},
    names, saml,
};
use serde_json::{Value, json};
use tracing::info;

use crate::{
    context::Context,
    entra::{AppRoleAssignment, Deletion, Graph},
    inspect::{
        assignments,
        entra::{APPLICATION, ApplicationOwner, Found, owner},
    },
    registry::Registry,
};

/// Maximum number of concurrent requests that remove assignments. This maximum is the same as the maximum for requests
/// that create assignments.
const LANES: usize = 8;
const BY_HAND: &str = "Delete it manually if it is no longer needed.";
const IN_PORTAL: &str = "Delete it in the Entra admin center under Enterprise applications > Properties.";

/// Runs the step.
///
/// # Errors
/// The error that Graph returns. If Graph refuses a deletion, the step adds an open item and does not return an error.
pub async fn run(ctx: &Context, input: RemoveInput) -> Result<RemoveOutput, StepError> {
    let (graph, target) = (ctx.graph(), &input.target);
    let mut output = RemoveOutput::default();
    if target.application_fate == ApplicationDisposition::Keep {
        return Ok(output);
    }
    let mut released = None;
    if let Some(known) = &target.application {
        match Found::read(graph, &known.service_principal_id, &known.application_id).await? {
            Some(found) => {
                let is_known = owner(&found.principal, &target.alias) != ApplicationOwner::Unknown;
                released = is_known.then_some(known.service_principal_id.as_str());
                remove(ctx, target, &found, &mut output).await?;
            }
            None => {
                released = Some(known.service_principal_id.as_str());
                remove_registration(graph, target, known, &mut output).await?;
            }
        }
    }
    delete_claims_policies(graph, &target.alias, released, &mut output).await?;
    Ok(output)
}

/// Deletes the application, or removes only the settings that the onboarding made. The current tags of the application
/// determine which of the two applies.
async fn remove(
    ctx: &Context,
    target: &TeardownTarget,
    found: &Found,
    output: &mut RemoveOutput,
) -> Result<(), StepError> {
    let graph = ctx.graph();
    let owner = owner(&found.principal, &target.alias);
    let app_id = &found.principal.app_id;
    let policies = found.claims.iter().filter(|policy| is_ours(policy.display_name.as_deref(), &target.alias));
    if owner == ApplicationOwner::Unknown {
        // Either an earlier attempt has already removed the settings and the tag of the onboarding, or an administrator
        // has removed the tag.
        if policies.count() > 0 || target.application_fate == ApplicationDisposition::Delete {
            output.open_items.push(stays(app_id, "it has no tag of this onboarding", BY_HAND));
        }
        return Ok(());
    }
    for policy in policies {
        graph.unassign_claims_policy(&found.principal.id, &policy.id).await?;
    }
    match (target.application_fate, owner) {
        (ApplicationDisposition::Delete, ApplicationOwner::Ours) => delete(ctx, target, found, output).await,
        (ApplicationDisposition::Delete | ApplicationDisposition::Empty, ApplicationOwner::Adopted) => {
            output.open_items.push(stays(app_id, "it existed before this onboarding", BY_HAND));
            empty(ctx, target, found, output).await
        }
        (ApplicationDisposition::Empty, ApplicationOwner::Ours) => empty(ctx, target, found, output).await,
        (ApplicationDisposition::Keep, _) | (_, ApplicationOwner::Unknown) => Ok(()),
    }
}

/// Deletes the application object if the service principal, which had the tags, no longer exists.
async fn remove_registration(
    graph: &Graph,
    target: &TeardownTarget,
    known: &EntraApplication,
    output: &mut RemoveOutput,
) -> Result<(), StepError> {
    if target.application_fate != ApplicationDisposition::Delete
        || graph.application(&known.application_id).await?.is_none()
    {
        return Ok(());
    }
    if known.adopted {
        output.open_items.push(stays(&known.app_id, "it may have existed before this onboarding", BY_HAND));
        return Ok(());
    }
    match graph.delete_application(&known.application_id).await? {
        Deletion::Gone => output.removed += 1,
        Deletion::Refused(why) => output.open_items.push(registration_stays(&known.app_id, &why)),
    }
    Ok(())
}

fn is_ours(policy: Option<&str>, alias: &str) -> bool {
    policy.is_some_and(|policy| names::same_alias(policy, &names::claims_policy(alias)))
}

fn stays(app_id: &str, why: &str, action: &str) -> OpenItem {
    OpenItem::new(format!("{APPLICATION} {app_id}"), format!("it is kept: {why}"), action)
}

fn registration_stays(app_id: &str, why: &str) -> OpenItem {
    OpenItem::new(
        format!("application registration {app_id}"),
        format!("it is kept, but no user can sign in with it: Entra refuses to delete it ({why})"),
        "Delete it in the Entra admin center under App registrations > All applications.",
    )
}

async fn empty(
    ctx: &Context,
    target: &TeardownTarget,
    found: &Found,
    output: &mut RemoveOutput,
) -> Result<(), StepError> {
    let graph = ctx.graph();
    let principal = found.principal.id.as_str();
    let owner = owner(&found.principal, &target.alias);
    let recorded = match owner {
        ApplicationOwner::Adopted => assignments::recorded(&Registry::new(ctx)?, found).await?,
        ApplicationOwner::Ours | ApplicationOwner::Unknown => BTreeSet::new(),
    };
    let (removed, kept) = assignments::removable(found, owner, &target.groups, &recorded);
    let planned = removed.len();
    let ended: Vec<bool> = stream::iter(removed)
        .map(|assignment| unassign(ctx, principal, assignment, &recorded))
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    let ended = ended.into_iter().filter(|removed| *removed).count();
    output.removed += ended;
    let stays = kept.len() + planned - ended;
    if stays > 0 {
        output.open_items.push(OpenItem::new(
            format!("assignments of the enterprise application {}", found.principal.app_id),
            format!("{stays} groups or users remain assigned: the application existed before this onboarding"),
            "In the Entra admin center, under Enterprise applications > Users and groups, remove the groups and users \
             that no longer need the application.",
        ));
    }
    let ours = |tag: &String| tag.starts_with(&names::service_principal_tag("")) || tag == names::ADOPTED_TAG;
    let tags: Vec<&String> = found.principal.tags.iter().filter(|tag| !ours(tag)).collect();
    // The last write removes the tags, so that a retry before it can still identify the application.
    let changes = json!({ "samlSingleSignOnSettings": { "relayState": Value::Null }, "tags": tags });
    graph.update_service_principal(principal, changes).await?;
    info!(service_principal = principal, assignments = ended, "application emptied");
    Ok(())
}

/// Removes an assignment. Returns whether the assignment was removed. A recorded assignment is read again immediately
/// before, and is kept if an administrator has replaced it meanwhile, or if only the list of assignments contains it.
async fn unassign(
    ctx: &Context,
    principal: &str,
    assignment: &AppRoleAssignment,
    recorded: &BTreeSet<String>,
) -> Result<bool, StepError> {
    let Some(id) = assignment.id.as_ref() else { return Ok(false) };
    if !recorded.contains(id) {
        return ctx.graph().unassign(principal, id).await.map(|()| true);
    }
    let registry = Registry::new(ctx)?;
    match ctx.graph().assignment(principal, id).await? {
        Some(current) if !registry.has_recorded(principal, &current).await? => return Ok(false),
        Some(_) => ctx.graph().unassign(principal, id).await?,
        None => {
            // The assignment was removed meanwhile, or it is missing only in a replica.
            let left = ctx.graph().assignments(principal).await?;
            if left.iter().any(|one| one.id.as_ref() == Some(id)) {
                return Ok(false);
            }
        }
    }
    registry.forget_assignment(principal, &assignment.principal_id).await;
    Ok(true)
}

async fn delete(
    ctx: &Context,
    target: &TeardownTarget,
    found: &Found,
    output: &mut RemoveOutput,
) -> Result<(), StepError> {
    let graph = ctx.graph();
    let (principal, application) = (found.principal.id.as_str(), found.application.id.as_str());
    if application.is_empty() {
        if let Deletion::Refused(why) = graph.delete_service_principal(principal).await? {
            output.open_items.push(stays(&found.principal.app_id, &refusal(&why), IN_PORTAL));
            return empty(ctx, target, found, output).await;
        }
        output.removed += 1;
        return Ok(());
    }
    let others: Vec<&String> =
        found.application.identifier_uris.iter().filter(|uri| !saml::is_aws_identifier(uri)).collect();
    if others.len() < found.application.identifier_uris.len() {
        graph.update_application(application, json!({ "identifierUris": others })).await?;
    }
    match graph.delete_application(application).await? {
        Deletion::Gone => {
            info!(application, service_principal = principal, "application deleted");
            output.removed += 1;
            Ok(())
        }
        Deletion::Refused(why) => delete_by_parts(ctx, (target, found), &why, output).await,
    }
}

/// Deletes the service principal and the application object separately. Entra refuses to delete some SAML applications
/// (`DeletingSamlSpNotAllowed`, hashicorp/terraform-provider-azuread issue 1388). Administrators report two
/// workarounds: deleting the service principal first, or disabling single sign-on first.
async fn delete_by_parts(
    ctx: &Context,
    (target, found): (&TeardownTarget, &Found),
    why: &str,
    output: &mut RemoveOutput,
) -> Result<(), StepError> {
    let graph = ctx.graph();
    let (principal, application) = (found.principal.id.as_str(), found.application.id.as_str());
    let app_id = &found.principal.app_id;
    info!(application, service_principal = principal, why, "deleting the application in parts");
    match graph.delete_service_principal(principal).await? {
        Deletion::Gone => {
            output.removed += 1;
            if let Deletion::Refused(why) = graph.delete_application(application).await? {
                output.open_items.push(registration_stays(app_id, &why));
            }
            Ok(())
        }
        Deletion::Refused(_) => {
            let off = json!({ "preferredSingleSignOnMode": "notSupported" });
            graph.update_service_principal(principal, off).await?;
            match graph.delete_application(application).await? {
                Deletion::Gone => {
                    output.removed += 1;
                    Ok(())
                }
                Deletion::Refused(why) => {
                    output.open_items.push(stays(app_id, &refusal(&why), IN_PORTAL));
                    empty(ctx, target, found, output).await
                }
            }
        }
    }
}

fn refusal(why: &str) -> String {
    format!("Entra refuses to delete it ({why})")
}

/// Deletes the onboarding's claims policies, unless another application also uses them. `released` is the service
/// principal from which the policies were just removed. For a short time, Graph may still list the policies as assigned
/// to this service principal.
async fn delete_claims_policies(
    graph: &Graph,
    alias: &str,
    released: Option<&str>,
    output: &mut RemoveOutput,
) -> Result<(), StepError> {
    let name = names::claims_policy(alias);
    for policy in graph.claims_policies_named(&name).await? {
        let applied = graph.claims_policy_applies_to(&policy.id).await?;
        if applied.iter().all(|id| Some(id.as_str()) == released) {
            graph.delete_claims_policy(&policy.id).await.map_err(|error| match error.kind {
                // Microsoft does not document whether Graph deletes a policy that a replica still lists as assigned.
                StepErrorKind::InvalidInput | StepErrorKind::Conflict if !applied.is_empty() => {
                    StepError::not_consistent_yet(error.message)
                }
                _ => error,
            })?;
            info!(policy = policy.id, "claims mapping policy deleted");
            output.removed += 1;
        } else {
            output.open_items.push(OpenItem::new(
                format!("claims mapping policy {name}"),
                "it is kept: it is also assigned to another application",
                "Delete it manually when it is no longer needed.",
            ));
        }
    }
    Ok(())
}
