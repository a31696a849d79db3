//! `assign-groups`: who may sign in (the how-to's ユーザーとグループの割り当て).
//!
//! * Reads: `GET /servicePrincipals/{id}/appRoleAssignedTo`; where single users are assigned, `GET /groups/{id}/members` or
//!   `/transitiveMembers`.
//! * Writes: `POST /servicePrincipals/{id}/appRoleAssignedTo`.
//! * Permissions: `AppRoleAssignment.ReadWrite.All`, `Application.ReadWrite.All`; for members `Group.Read.All` and
//!   `User.Read.All`. Assigning groups needs Entra ID P1.
//! * Safe to repeat: who is assigned already, in whatever role, is left alone, and "already exists" is success. Nobody's
//!   assignment is taken away here.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use onboarding_core::{
    StepError,
    contract::{AssignGroupsInput, AssignGroupsOutput, EntraGroup},
    onboarding::Assignment,
};

use crate::{clients::Clients, graph::Graph};

/// Assignments on their way at a time. A tenant takes 3,000 writes in 150 seconds from one application; eight lanes of one
/// or two a second stay below that.
const LANES: usize = 8;

/// Assigns what is missing.
///
/// # Errors
/// `InvalidInput` where a group is gone, the role or the licence does not fit.
pub async fn run(cx: &Clients, input: AssignGroupsInput) -> Result<AssignGroupsOutput, StepError> {
    let graph = cx.graph();
    let principal = &input.application.service_principal_id;
    let assigned: BTreeSet<String> =
        graph.assignments(principal).await?.into_iter().map(|assignment| assignment.principal_id).collect();
    let wanted: BTreeSet<String> = match input.assignment {
        Assignment::Groups => input.groups.iter().map(|group| group.id.clone()).collect(),
        Assignment::Users => users(graph, &input.groups, input.nested).await?,
    };
    let made: Vec<bool> = stream::iter(wanted.difference(&assigned))
        .map(|id| graph.assign(principal, id, &input.application.app_role_id))
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    let made = made.into_iter().filter(|&new| new).count();
    Ok(AssignGroupsOutput { assigned: count(made), existing: count(wanted.len() - made) })
}

async fn users(graph: &Graph, groups: &[EntraGroup], nested: bool) -> Result<BTreeSet<String>, StepError> {
    let mut users = BTreeSet::new();
    for group in groups {
        let members = graph.group_members(&group.id, nested).await?.ok_or_else(|| {
            StepError::invalid_input(format!(
                "the group \"{}\" ({}) does not exist any more; take it out of users.groups",
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
