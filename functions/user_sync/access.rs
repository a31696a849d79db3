//! Determines and changes which users can sign in to the Entra application. If the input contains `entra.assignment:
//! "users"`, the sync assigns single users to the application, so that each member has an app role assignment. This
//! module also determines whether Entra still allows the sign-in of a user who left.
//!
//! The sync removes an assignment only from users whom it manages. The sync reads the memberships of the user again
//! immediately before the removal. If groups are assigned instead, this module writes nothing. The module then reads
//! the application with the runtime identity, if this identity has the permission.

use std::{cell::RefCell, collections::BTreeSet, future::ready};

use futures_util::{StreamExt, stream};
use onboarding_core::{
    StepError, StepErrorKind, contract::EntraApplication, entra::Identity, onboarding::Assignment, sync::LetIn,
};
use tokio::sync::OnceCell;
use tracing::{info, warn};

use crate::{
    context::Context,
    entra::{AppRoleAssignment, Assigned, Graph},
    registry::{Entry, Registry},
    runtime::adapter::Deadline,
};

/// Maximum number of concurrent assignment requests. The step `assign-groups` uses the same maximum.
const LANES: usize = 8;

/// The enterprise application of an instance, and its assignments. The assignments are read only once.
pub(super) struct Access<'a> {
    ctx: &'a Context,
    entry: &'a Entry,
    read: OnceCell<Vec<AppRoleAssignment>>,
    /// The IDs of the assignments that were removed after the assignments were read.
    removed: RefCell<BTreeSet<String>>,
}

/// The result of [`Access::assign`].
#[derive(Debug, Default)]
pub(super) struct Assignments {
    /// The number of members who were assigned to the application.
    pub(super) assigned: usize,
    /// The number of members for whom Graph returned an error.
    failed: usize,
    /// The number of members who are not assigned yet because the deadline was reached.
    pub(super) left: usize,
    /// Whether at least one of the failed requests may succeed if it is sent again.
    pub(super) may_pass: bool,
    /// The first error that a request returned.
    pub(super) error: Option<StepError>,
}

impl Assignments {
    /// Adds the result of one assignment request.
    fn add(&mut self, result: Result<(), StepError>) {
        match result {
            Ok(()) => self.assigned += 1,
            Err(error) => {
                self.failed += 1;
                self.may_pass |= error.kind.is_temporary();
                self.error.get_or_insert(error);
            }
        }
    }

    /// Returns whether Graph denied a request because of a missing permission, so that no further request can succeed.
    fn is_denied(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.kind == StepErrorKind::AccessDenied)
    }
}

impl<'a> Access<'a> {
    pub(super) fn new(ctx: &'a Context, entry: &'a Entry) -> Self {
        Self { ctx, entry, read: OnceCell::new(), removed: RefCell::default() }
    }

    /// Returns the application if single users, and not groups, are assigned to it.
    fn of_users(&self) -> Option<&EntraApplication> {
        let assignment = self.entry.onboarding.as_ref().map(|onboarding| onboarding.entra.assignment);
        self.entry.application.as_ref().filter(|_| assignment == Some(Assignment::Users))
    }

    /// Returns whether single users, and not groups, are assigned to the application.
    pub(super) fn assigns_users(&self) -> bool {
        self.of_users().is_some()
    }

    fn graph(&self) -> &'a Graph {
        if self.of_users().is_some() { self.ctx.graph_as(Identity::Setup) } else { self.ctx.graph() }
    }

    /// Returns the assignments of the application, except those that [`Self::revoke`] has removed.
    async fn assignments(&self, application: &EntraApplication) -> Result<Vec<&AppRoleAssignment>, StepError> {
        let read = || self.graph().assignments(&application.service_principal_id);
        let assignments = self.read.get_or_try_init(read).await?;
        let removed = self.removed.borrow();
        let is_removed = |one: &&AppRoleAssignment| one.id.as_ref().is_some_and(|id| removed.contains(id));
        Ok(assignments.iter().filter(|one| !is_removed(one)).collect())
    }

    /// Removes the assignment of a user who left.
    ///
    /// # Errors
    /// The error that Graph returns. For example, Graph returns an error if the setup identity was removed.
    pub(super) async fn revoke(&self, object_id: &str) -> Result<(), StepError> {
        let Some(application) = self.of_users() else { return Ok(()) };
        let principal = &application.service_principal_id;
        let assignments = match self.assignments(application).await {
            // The application no longer exists, so no user is assigned to it.
            Err(error) if error.kind == StepErrorKind::NotConsistentYet => {
                let is_gone = self.graph().service_principal(principal).await?.is_none();
                return if is_gone { Ok(()) } else { Err(error) };
            }
            assignments => assignments?,
        };
        for assignment in assignments.into_iter().filter(|one| one.principal_id == object_id) {
            if let Some(id) = &assignment.id {
                self.graph().unassign(principal, id).await?;
                self.removed.borrow_mut().insert(id.clone());
                info!(object_id, "the assignment of the user was removed");
                if application.adopted {
                    Registry::new(self.ctx)?.forget_assignment(principal, object_id).await;
                }
            }
        }
        Ok(())
    }

    /// Assigns the members who have no assignment yet to the application. If a request fails, the other requests are
    /// still sent, unless a permission is missing. The function stops at the deadline. If groups are assigned to the
    /// application, the function does nothing.
    pub(super) async fn assign(&self, members: BTreeSet<&str>, deadline: Deadline) -> Assignments {
        let Some(application) = self.of_users() else { return Assignments::default() };
        let known = match deadline.finish(self.assignments(application)).await {
            None => return Assignments { left: members.len(), ..Assignments::default() },
            Some(Ok(known)) => known.iter().map(|one| one.principal_id.as_str()).collect::<BTreeSet<_>>(),
            Some(Err(error)) => {
                let mut result = Assignments::default();
                result.add(Err(error));
                return result;
            }
        };
        let missing: Vec<&str> = members.difference(&known).copied().collect();
        let (result, unclear) = (RefCell::new(Assignments::default()), RefCell::new(Vec::new()));
        let requests = stream::iter(&missing)
            .take_while(|_| ready(!result.borrow().is_denied() && !deadline.is_reached()))
            .map(|id| async move { (*id, self.assign_one(application, id).await) })
            .buffer_unordered(LANES)
            .for_each(|(id, assigned)| {
                match assigned {
                    Ok(Assigned::New(_)) => result.borrow_mut().add(Ok(())),
                    Ok(Assigned::Unclear(error)) => unclear.borrow_mut().push((id, error)),
                    Err(error) => result.borrow_mut().add(Err(error)),
                }
                ready(())
            });
        let _ = deadline.finish(requests).await;
        let (mut result, unclear) = (result.into_inner(), unclear.into_inner());
        let _ = deadline.finish(self.resolve(application, unclear, &mut result)).await;
        result.left = missing.len() - result.assigned - result.failed;
        if result.is_denied() {
            // Another round can't assign these members either. So the function does not count them as remaining, and
            // they do not cause another round.
            result.left = 0;
        }
        result
    }

    async fn assign_one(&self, application: &EntraApplication, id: &str) -> Result<Assigned, StepError> {
        let principal = &application.service_principal_id;
        let assigned = self.graph().assign(principal, id, &application.app_role_id).await?;
        if let Assigned::New(new) = &assigned
            && application.adopted
        {
            Registry::new(self.ctx)?.record_assignment(principal, id, new).await;
        }
        Ok(assigned)
    }

    /// Reads the assignments again if Graph rejected some requests. Graph may have rejected these requests because the
    /// assignments already exist.
    async fn resolve(&self, application: &EntraApplication, unclear: Vec<(&str, StepError)>, result: &mut Assignments) {
        if unclear.is_empty() {
            return;
        }
        let assigned = self.graph().assigned(&application.service_principal_id).await;
        for (id, rejected) in unclear {
            match &assigned {
                Ok(assigned) if assigned.contains(id) => result.add(Ok(())),
                Ok(_) => result.add(Err(rejected)),
                Err(error) => result.add(Err(error.clone())),
            }
        }
    }

    /// Returns the users who can sign in although they are not members of the groups. If these users can't be
    /// determined, the result states that all users can sign in.
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
        let of = |kind: &'static str| {
            assignments.iter().copied().filter(move |one| one.principal_type.as_deref() == Some(kind))
        };
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
