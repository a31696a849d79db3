//! `remove-entra-application`: the enterprise application of an onboarding that is torn down: deleted, or only emptied of
//! what the onboarding put into it.
//!
//! * Reads: `GET /servicePrincipals/{id}` with its claims policies and assignments, `/applications/{id}`,
//!   `/policies/claimsMappingPolicies`, `/policies/claimsMappingPolicies/{id}/appliesTo`.
//! * Writes: `DELETE /servicePrincipals/{id}/appRoleAssignedTo/{id}`, `…/claimsMappingPolicies/{id}/$ref`,
//!   `/policies/claimsMappingPolicies/{id}`, `/applications/{id}` (or `/servicePrincipals/{id}` where that is gone);
//!   `PATCH /servicePrincipals/{id}`, `/applications/{id}`.
//! * Permissions: `Application.ReadWrite.All`, `AppRoleAssignment.ReadWrite.All`,
//!   `Policy.ReadWrite.ApplicationConfiguration`.
//! * Safe to repeat: what is gone is success. The application is touched only while it carries our mark, which goes last.
//!   Our claims policy is known by its name, and stays where somebody put it on another application too.
//!
//! An application that is deleted keeps its identifiers for the 30 days in which it can be restored, and no other may have
//! them; so they are taken away first.

use futures_util::{StreamExt, TryStreamExt, stream};
use onboarding_core::{
    StepError,
    contract::{ApplicationFate, OpenItem, RemoveInput, RemoveOutput},
    names, saml,
};
use serde_json::{Value, json};
use tracing::info;

use crate::{clients::Clients, graph::Graph, inspect::entra::Found};

/// Assignments on their way at a time, as where they are made.
const LANES: usize = 8;

/// Runs the step.
///
/// # Errors
/// What Graph refuses.
pub async fn run(cx: &Clients, input: RemoveInput) -> Result<RemoveOutput, StepError> {
    let (graph, target) = (cx.graph(), &input.target);
    let mut output = RemoveOutput::default();
    if target.application_fate == ApplicationFate::Keep {
        return Ok(output);
    }
    let Some(known) = &target.application else {
        delete_claims_policies(graph, &target.alias, &mut output).await?;
        return Ok(output);
    };
    let mark = names::service_principal_tag(&target.alias);
    match Found::read(graph, &known.service_principal_id, &known.application_id).await? {
        Some(found) if !found.principal.tags.contains(&mark) => {
            // Emptied by an attempt before this one, or somebody took the mark away.
            let ours = found.claims.iter().any(|policy| is_ours(policy.display_name.as_deref(), &target.alias));
            if ours || target.application_fate == ApplicationFate::Delete {
                output.open_items.push(OpenItem::new(
                    format!("enterprise application {}", known.app_id),
                    "it stays: it carries no mark of ours",
                    "Delete it by hand if nobody needs it.",
                ));
            }
        }
        Some(found) => {
            let principal = found.principal.id.as_str();
            for policy in found.claims.iter().filter(|policy| is_ours(policy.display_name.as_deref(), &target.alias)) {
                graph.unassign_claims_policy(principal, &policy.id).await?;
            }
            if target.application_fate == ApplicationFate::Empty {
                empty(graph, &found, &mark, &mut output).await?;
            } else {
                delete(graph, &found, &mut output).await?;
            }
        }
        None => {
            // The service principal is gone; its registration may not be.
            if graph.application(&known.application_id).await?.is_some()
                && target.application_fate == ApplicationFate::Delete
            {
                graph.delete_application(&known.application_id).await?;
                output.removed += 1;
            }
        }
    }
    delete_claims_policies(graph, &target.alias, &mut output).await?;
    Ok(output)
}

fn is_ours(policy: Option<&str>, alias: &str) -> bool {
    policy == Some(names::claims_policy(alias).as_str())
}

async fn empty(graph: &Graph, found: &Found, mark: &str, output: &mut RemoveOutput) -> Result<(), StepError> {
    let principal = found.principal.id.as_str();
    let ids = found.assignments.iter().filter_map(|assignment| assignment.id.as_deref());
    let ended: Vec<()> = stream::iter(ids)
        .map(|assignment| graph.unassign(principal, assignment))
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    output.removed += ended.len();
    let tags: Vec<&String> = found.principal.tags.iter().filter(|tag| *tag != mark).collect();
    // The mark goes with the last write: until then a repetition knows that the application is ours.
    let changes = json!({ "samlSingleSignOnSettings": { "relayState": Value::Null }, "tags": tags });
    graph.update_service_principal(principal, changes).await?;
    info!(service_principal = principal, assignments = ended.len(), "application emptied");
    Ok(())
}

async fn delete(graph: &Graph, found: &Found, output: &mut RemoveOutput) -> Result<(), StepError> {
    let (principal, application) = (found.principal.id.as_str(), found.application.id.as_str());
    if application.is_empty() {
        graph.delete_service_principal(principal).await?;
    } else {
        let others: Vec<&String> =
            found.application.identifier_uris.iter().filter(|uri| !saml::is_aws_identifier(uri)).collect();
        if others.len() < found.application.identifier_uris.len() {
            graph.update_application(application, json!({ "identifierUris": others })).await?;
        }
        graph.delete_application(application).await?;
    }
    info!(application, service_principal = principal, "application deleted");
    output.removed += 1;
    Ok(())
}

async fn delete_claims_policies(graph: &Graph, alias: &str, output: &mut RemoveOutput) -> Result<(), StepError> {
    let name = names::claims_policy(alias);
    for policy in graph.claims_policies_named(&name).await? {
        if graph.claims_policy_applies_to(&policy.id).await?.is_empty() {
            graph.delete_claims_policy(&policy.id).await?;
            info!(policy = policy.id, "claims mapping policy deleted");
            output.removed += 1;
        } else {
            output.open_items.push(OpenItem::new(
                format!("claims mapping policy {name}"),
                "it stays: it is on another application as well",
                "Delete it by hand once nobody needs it.",
            ));
        }
    }
    Ok(())
}
