//! `assign-groups`: assigns the groups or users of the input to the enterprise application, so that they can sign in
//! (manual procedure: ユーザーとグループの割り当て).
//!
//! * Reads: `GET /servicePrincipals/{id}/appRoleAssignedTo`; if single users are assigned, also `GET
//!   /groups/{id}/members` or `/transitiveMembers`.
//! * Writes: `POST /servicePrincipals/{id}/appRoleAssignedTo`; if single users are assigned to an application that existed
//!   before the onboarding, `dynamodb:UpdateItem` on the registry, which records each new assignment for the teardown.
//! * Permissions: `AppRoleAssignment.ReadWrite.All`, `Application.ReadWrite.All`; to read members, `Group.Read.All`
//!   and `User.Read.All`. Assigning groups requires Entra ID P1.
//! * Safe to repeat: a group or user that already has an assignment, with any app role, is skipped. If Graph rejects an
//!   assignment because it already exists, the step verifies this by reading the list of assignments again. The step
//!   never removes assignments. After an error, the step starts no further assignment, but waits until the assignments
//!   that are being created have been recorded. A repeated step finds these assignments and would not record them.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    future::ready,
};

use futures_util::{StreamExt, stream};
use onboarding_core::{
    StepError,
    contract::{AssignGroupsInput, AssignGroupsOutput, EntraApplication, EntraGroup},
    onboarding::Assignment,
};

use crate::{
    context::Context,
    entra::{Assigned, Graph},
    registry::Registry,
};

/// Maximum number of concurrent assignment requests. A tenant accepts 3,000 write requests per 150 seconds from one
/// application. Eight concurrent requests result in 8 to 16 requests per second, which is below this limit.
const LANES: usize = 8;

/// Creates the missing assignments.
///
/// # Errors
/// `InvalidInput` if a group no longer exists, or if the license does not allow the assignment of groups;
/// `NotConsistentYet` if the application, the app role or a group has not replicated yet.
pub async fn run(ctx: &Context, input: AssignGroupsInput) -> Result<AssignGroupsOutput, StepError> {
    let graph = ctx.graph();
    let principal = &input.application.service_principal_id;
    let assigned = graph.assigned(principal).await?;
    let wanted: BTreeSet<String> = match input.assignment {
        Assignment::Groups => input.groups.iter().map(|group| group.id.clone()).collect(),
        Assignment::Users => users(graph, &input.groups, input.nested).await?,
    };
    let failed = Cell::new(false);
    let outcomes: Vec<Result<(&String, Assigned), StepError>> = stream::iter(wanted.difference(&assigned))
        .take_while(|_| ready(!failed.get()))
        .map(|id| assign(ctx, &input, id))
        .buffer_unordered(LANES)
        .inspect(|outcome| failed.set(failed.get() || outcome.is_err()))
        .collect()
        .await;
    let outcomes: Vec<(&String, Assigned)> = outcomes.into_iter().collect::<Result<_, _>>()?;
    let mut unclear = BTreeMap::new();
    for (id, outcome) in &outcomes {
        if let Assigned::Unclear(error) = outcome {
            unclear.insert(*id, error);
        }
    }
    if !unclear.is_empty() {
        let assigned = graph.assigned(principal).await?;
        if let Some((_, &error)) = unclear.iter().find(|(id, _)| !assigned.contains(**id)) {
            return Err(error.clone());
        }
    }
    let made = outcomes.len() - unclear.len();
    Ok(AssignGroupsOutput { assigned: count(made), existing: count(wanted.len() - made) })
}

/// Assigns a group or user. If the application existed before the onboarding, records the assignment of a user. A
/// teardown recognizes the assignments of groups by the groups in the input.
async fn assign<'i>(
    ctx: &Context,
    input: &AssignGroupsInput,
    id: &'i String,
) -> Result<(&'i String, Assigned), StepError> {
    let EntraApplication { service_principal_id: principal, app_role_id: role, adopted, .. } = &input.application;
    let assigned = ctx.graph().assign(principal, id, role).await?;
    if let Assigned::New(new) = &assigned
        && *adopted
        && input.assignment == Assignment::Users
    {
        Registry::new(ctx)?.record_assignment(principal, id, new).await;
    }
    Ok((id, assigned))
}

async fn users(graph: &Graph, groups: &[EntraGroup], nested: bool) -> Result<BTreeSet<String>, StepError> {
    let mut users = BTreeSet::new();
    for group in groups {
        let members = graph.group_members(&group.id, nested).await?.ok_or_else(|| {
            StepError::invalid_input(format!(
                "the group \"{}\" ({}) no longer exists; remove it from users.groups",
                group.display_name, group.id
            ))
        })?;
        users.extend(members.members.into_iter().map(|member| member.id));
    }
    Ok(users)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
