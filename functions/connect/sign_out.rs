//! How a run ends the sessions of users who lose access (docs/theory.md, "Sign-out").
//!
//! * If the user can't sign in again, the sessions are ended before the removal.
//! * If the user can sign in again, the user's permissions are removed before the sessions are ended. Otherwise, the
//!   user could start a new session with the former permissions. Before the permissions are removed, the user gets the
//!   tag [`SIGN_OUT_DUE_KEY`](onboarding_core::sync::SIGN_OUT_DUE_KEY). The tag is removed after the sign-out. If this
//!   sync is interrupted, a later sync finds the tag and performs the sign-out.
//! * If the user is linked to another Entra account, the tag with the new account is set last. If the sync is
//!   interrupted before this, the next sync plans the same change again.
//! * A failed sign-out never prevents the removal. The user keeps or gets the tag, and the next sync tries the sign-out
//!   again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use onboarding_core::{
    StepErrorKind,
    sync::{Adoption, Change, UserRef, UserUpdate, date_to_tag},
};
use time::OffsetDateTime;

use super::{
    Operation,
    lane::Attempt,
    request::{Request, RequestError, Write},
    run::{MAX_CONSECUTIVE_FAILURES, MAX_TRIES, Run},
};
use crate::runtime::clock::with_jitter;

/// The sign-outs of a run.
#[derive(Debug, Default)]
pub(super) struct SignOuts<'p> {
    /// The requests to send after a sign-out, by user ID. This map contains only users whose permissions are reduced
    /// before the sign-out.
    after_reduction: BTreeMap<String, Write<'p>>,
    /// The number of consecutive sign-outs that failed because the operation was unavailable.
    consecutive_failures: u32,
}

impl<'p> Run<'p> {
    /// Adds the requests for the adoptions and for the updates of users.
    pub(super) fn adopt_and_update(&mut self) {
        let plan = self.plan;
        let reductions = plan.update.iter().filter(|update| !update.lost_profiles.is_empty());
        let reduced: BTreeSet<&str> = reductions.map(|update| update.user.id.as_str()).collect();
        for Adoption { user, object_id, relinked, .. } in &plan.adopt {
            let adopt = Write::Adopt { user: user.clone(), object_id: object_id.clone(), sign_out_due: None };
            match relinked {
                true if reduced.contains(user.id.as_str()) => {
                    self.sign_outs.after_reduction.insert(user.id.clone(), adopt);
                }
                true if plan.sign_out => self.sign_out(adopt),
                _ => self.write(adopt),
            }
        }
        plan.update.iter().for_each(|update| self.update(update));
    }

    fn update(&mut self, update: &UserUpdate) {
        let reduces = !update.lost_profiles.is_empty() && self.plan.sign_out;
        // If the update removes a security profile of the user, a sign-out follows. So an earlier failed sign-out need
        // not be repeated.
        let changes = || update.changes.iter().filter(|change| !(reduces && matches!(change, Change::RepeatSignOut)));
        self.applied.expect_changes(&update.user.id, changes().count());
        for change in changes() {
            let write = Write::Change { user: update.user.clone(), change: change.clone() };
            match change {
                Change::SecurityProfiles(_) if self.sign_outs.after_reduction.contains_key(&update.user.id) => {
                    self.push_first(write);
                }
                Change::SecurityProfiles(_) if reduces => self.reduce(write),
                Change::RepeatSignOut => self.sign_out(write),
                _ => self.write(write),
            }
        }
    }

    /// Adds the requests to remove a user: a check that the user may be removed, the sign-out, and the request `then`.
    pub(super) fn remove(&mut self, then: Write<'p>) {
        let signs_out = match &then {
            // If this run removes all permissions of the user, the sign-out is performed after the removal of the
            // permissions.
            Write::ScheduleDeletion { user, .. } => !(user.signed_out || self.strips && self.plan.strips(user)),
            then => then.user().is_ok_and(|user| !user.signed_out),
        };
        self.push(Request::CheckRemoval { then, sign_out: self.plan.sign_out && signs_out });
    }

    /// Continues with a removal after the check has confirmed that the user may be removed.
    pub(super) fn removal_checked(&mut self, then: Write<'p>, sign_out: bool, not_revoked: Option<String>) {
        let revoked = not_revoked.is_none();
        if let Some(reason) = not_revoked {
            self.applied.revocation_failed.get_or_insert(reason);
        }
        match then {
            // The user could sign in again immediately. So the sign-out is not recorded here, and the next sync tries
            // again to end the sessions.
            Write::RecordSignOut { .. } if !revoked => {}
            then @ Write::Strip { .. } if self.plan.sign_out && (!revoked || is_let_in(&then)) => self.reduce(then),
            then if sign_out => self.sign_out(then),
            then => self.write(then),
        }
    }

    /// Removes permissions of a user who can sign in again, and then ends the user's sessions.
    fn reduce(&mut self, write: Write<'p>) {
        if let Ok(user) = write.user().cloned() {
            self.sign_outs.after_reduction.insert(user.id.clone(), Write::SignOutDone(user.clone()));
            self.push_first(mark(user, write));
        }
    }

    /// Continues after permissions of a user were removed.
    pub(super) fn reduced(&mut self, write: &Write<'p>) {
        if let Write::Strip { user, .. } | Write::Change { user, change: Change::SecurityProfiles(_) } = write
            && let Some(then) = self.sign_outs.after_reduction.remove(&user.id)
        {
            if self.plan.sign_out { self.sign_out(then) } else { self.write(then) }
        }
    }

    fn sign_out(&mut self, then: Write<'p>) {
        if self.applied.sign_out_unavailable.is_some() {
            self.without_sign_out(then);
        } else {
            self.push(Request::SignOut { then });
        }
    }

    /// Sends the request `then` without the sign-out that should precede it, because the sessions could not be ended.
    /// The next sync tries again to end the sessions.
    fn without_sign_out(&mut self, then: Write<'p>) {
        match then {
            Write::RecordSignOut { .. }
            | Write::SignOutDone(_)
            | Write::Change { change: Change::RepeatSignOut, .. } => {}
            Write::ScheduleDeletion { user, due, .. } => {
                self.write(Write::ScheduleDeletion { user, due, sign_out_due: Some(today()) });
            }
            Write::Adopt { user, object_id, .. } => {
                self.write(Write::Adopt { user, object_id, sign_out_due: Some(today()) });
            }
            Write::Strip { user, no_access } => {
                self.push_first(mark(user.clone(), Write::Strip { user, no_access }));
            }
            then => self.write(then),
        }
    }

    pub(super) fn signed_out(&mut self, then: Write<'p>) {
        self.sign_outs.consecutive_failures = 0;
        if let Ok(user) = then.user() {
            self.applied.signed_out(&user.username);
        }
        match then {
            // This request is sent before all other requests of its operation. There may be many of them, and the user
            // must not keep the permissions until they are finished.
            then @ Write::Strip { .. } => self.push_first(then),
            then => self.write(then),
        }
    }

    /// Handles a failed sign-out. The request that follows the sign-out is still sent. If the operation is denied or
    /// unknown to Connect, or fails for many users, this run signs out no further users.
    pub(super) fn sign_out_failed(&mut self, then: Write<'p>, tries: u32, error: &RequestError) {
        let is_unavailable = error.kind() == StepErrorKind::Unavailable;
        self.sign_outs.consecutive_failures += u32::from(is_unavailable);
        let fails_for_all = self.sign_outs.consecutive_failures >= MAX_CONSECUTIVE_FAILURES;
        if is_unavailable && !fails_for_all && tries + 1 < MAX_TRIES {
            let delay = self.clock.wait(with_jitter(Duration::from_secs(1 << tries)));
            let attempt = Attempt { request: Request::SignOut { then }, tries: tries + 1 };
            return self.lane(Operation::DeleteAllEntitySessions).push_delayed(attempt, delay);
        }
        if error.concerns_one_object() || is_unavailable && !fails_for_all {
            if !error.is_not_found() {
                self.applied.failed(then.username(), error.error.message.clone());
            }
        } else {
            self.applied.sign_out_unavailable.get_or_insert_with(|| error.error.message.clone());
            for request in self.lane(Operation::DeleteAllEntitySessions).clear() {
                if let Request::SignOut { then } = request {
                    self.without_sign_out(then);
                }
            }
        }
        self.without_sign_out(then);
    }

    fn push_first(&mut self, write: Write<'p>) {
        let request = Request::Write(write);
        self.lane(request.operation()).push_first(Attempt { request, tries: 0 });
    }
}

/// Returns a request that first sets the tag for a due sign-out on the user, and then sends `then`.
fn mark(user: UserRef, then: Write<'_>) -> Write<'_> {
    Write::MarkSignOutDue { user, date: today(), then: Box::new(then) }
}

fn is_let_in(write: &Write<'_>) -> bool {
    write.user().is_ok_and(|user| user.let_in)
}

/// Returns the current date in the format of a tag value.
pub(super) fn today() -> String {
    date_to_tag(OffsetDateTime::now_utc().date())
}
