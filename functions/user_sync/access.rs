//! Which users Entra lets sign in to the application. With `entra.assignment: "users"`, the app role assignments of
//! single users follow the members. The module also determines whether Entra would still let a leaver sign in.
//!
//! Only users whom this sync manages lose their assignment, immediately after their membership was read again. With
//! assigned groups, nothing is written, and the runtime identity reads the application if it may.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use onboarding_core::{StepError, contract::EntraApplication, entra::Identity, onboarding::Assignment, sync::LetIn};
use tokio::sync::OnceCell;
use tracing::{info, warn};

use crate::{
    context::Context,
    entra::{AppRoleAssignment, Graph},
    registry::Entry,
};

/// Maximum number of concurrent assignment requests, as in `assign-groups`.
const LANES: usize = 8;

/// The application of an instance, and its assignments, which are read once.
pub(super) struct Access<'a> {
    ctx: &'a Context,
    entry: &'a Entry,
    assignments: OnceCell<Vec<AppRoleAssignment>>,
}

impl<'a> Access<'a> {
    pub(super) fn new(ctx: &'a Context, entry: &'a Entry) -> Self {
        Self { ctx, entry, assignments: OnceCell::new() }
    }

    /// The application, if single users are assigned to it.
    fn of_users(&self) -> Option<&EntraApplication> {
        let assignment = self.entry.onboarding.as_ref().map(|onboarding| onboarding.entra.assignment);
        self.entry.application.as_ref().filter(|_| assignment == Some(Assignment::Users))
    }

    /// Returns whether single users are assigned to the application.
    pub(super) fn assigns_users(&self) -> bool {
        self.of_users().is_some()
    }

    fn graph(&self) -> &'a Graph {
        if self.of_users().is_some() { self.ctx.graph_as(Identity::Setup) } else { self.ctx.graph() }
    }

    async fn assignments(&self, application: &EntraApplication) -> Result<&[AppRoleAssignment], StepError> {
        let read = || self.graph().assignments(&application.service_principal_id);
        Ok(self.assignments.get_or_try_init(read).await?)
    }

    /// Removes the assignment of a user who left.
    ///
    /// # Errors
    /// The error that Graph returns, for example if the setup identity was removed.
    pub(super) async fn revoke(&self, object_id: &str) -> Result<(), StepError> {
        let Some(application) = self.of_users() else { return Ok(()) };
        for assignment in self.assignments(application).await?.iter().filter(|one| one.principal_id == object_id) {
            if let Some(id) = &assignment.id {
                self.graph().unassign(&application.service_principal_id, id).await?;
                info!(object_id, "the assignment of the user was removed");
            }
        }
        Ok(())
    }

    /// Assigns the members who have no assignment yet. Does nothing if groups are assigned.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub(super) async fn assign(&self, members: BTreeSet<&str>) -> Result<(), StepError> {
        let Some(application) = self.of_users() else { return Ok(()) };
        let assigned = self.assignments(application).await?;
        let assigned: BTreeSet<&str> = assigned.iter().map(|one| one.principal_id.as_str()).collect();
        let (principal, role) = (&application.service_principal_id, &application.app_role_id);
        stream::iter(members.difference(&assigned))
            .map(|id| async move { self.graph().assign(principal, id, role).await.map(drop) })
            .buffer_unordered(LANES)
            .try_collect()
            .await
    }

    /// Returns the users whom Entra lets sign in although they are not members of the groups. If this can't be read,
    /// returns all users.
    pub(super) async fn let_in(&self) -> LetIn {
        let Some(application) = &self.entry.application else { return LetIn::default() };
        self.try_let_in(application).await.unwrap_or_else(|error| {
            warn!(error = error.name(), message = error.message, "it is unknown whether Entra lets leavers sign in");
            LetIn { all_users: true, ..LetIn::default() }
        })
    }

    async fn try_let_in(&self, application: &EntraApplication) -> Result<LetIn, StepError> {
        let principal = self.graph().service_principal(&application.service_principal_id).await?;
        let Some(principal) = principal else { return Ok(LetIn::default()) };
        let assignments = self.assignments(application).await?;
        let of = |kind: &'static str| assignments.iter().filter(move |one| one.principal_type.as_deref() == Some(kind));
        let configured = |id: &str| self.entry.groups.iter().any(|group| group.id.eq_ignore_ascii_case(id));
        let other_group = of("Group").any(|one| !configured(&one.principal_id));
        let all_users = principal.app_role_assignment_required != Some(true) || other_group;
        let single = of("User").map(|one| one.principal_id.clone()).collect();
        Ok(match self.of_users() {
            Some(_) => LetIn { all_users, assigned: single, ..LetIn::default() },
            None => LetIn { all_users, users: single, ..LetIn::default() },
        })
    }
}
