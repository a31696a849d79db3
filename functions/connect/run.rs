//! The state of one call of [`Writer::apply`](super::Writer::apply): the waiting requests, the results so far, and the
//! error handling.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use onboarding_core::{
    StepError, StepErrorKind,
    sync::{ConnectUser, NewUser, Ownership, Plan, UserRef, changes_instead_of_creation, lost_profiles},
};
use tokio::time::Instant;

use super::{
    Applied, Operation, RateLimiter,
    lane::{Attempt, Finished, Lane, earliest},
    rate_budget::Paces,
    rate_limiter::DEFAULT_RATE,
    request::{Reaction, Request, RequestError, Response, Write},
    sign_out::{SignOuts, today},
};
use crate::runtime::clock::{Clock, with_jitter};

/// Maximum number of attempts for a request that can fail because Connect is eventually consistent.
pub(super) const MAX_TRIES: u32 = 6;
/// Maximum number of consecutive failures other than throttling. After this number, Connect is considered unavailable.
pub(super) const MAX_CONSECUTIVE_FAILURES: u32 = 25;
const HIDDEN_USER: &str = "Amazon Connect reports that the username exists, but does not return the user. Search for a user whose name \
                           differs only in case and delete it; the next sync then creates this user. If there is none, a deleted user \
                           had the name, and the member needs another username in Entra";

const HIDDEN_SUCCESSOR: &str = "Amazon Connect does not list the new user of the member yet, so the quick connects of \
                                this user can't be transferred; the next sync transfers them and deletes this user";

const MORE_RIGHTS: &str = "a user with this username was created after the plan and has security profiles that the \
                           user's groups do not have, so the user was not changed; the next sync compares the user, and \
                           requests approval if necessary";

pub(super) struct Run<'p> {
    pub(super) plan: &'p Plan,
    pub(super) lanes: BTreeMap<Operation, Lane<'p>>,
    pub(super) applied: Applied,
    pub(super) fatal: Option<StepError>,
    /// The error with which Connect denied a deletion. Before the run ends with this error, it sends all other
    /// requests.
    pub(super) deletion_denied: Option<StepError>,
    /// The error with which Connect denied a change of user details ([`Operation::is_of_details`]). Before the run ends
    /// with this error, it sends all other requests.
    pub(super) details_denied: Option<StepError>,
    /// The token buckets of the read operations that are called immediately before other requests. Several lanes share
    /// one such token bucket.
    reads: BTreeMap<Operation, RateLimiter>,
    /// Whether this run can remove all permissions of the users that the plan keeps without permissions.
    pub(super) strips: bool,
    pub(super) sign_outs: SignOuts<'p>,
    quota_reached: bool,
    /// The number of requests that had no response when the time was over.
    pub(super) abandoned: usize,
    consecutive_failures: u32,
    burst_available: bool,
    pub(super) clock: Clock,
}

impl<'p> Run<'p> {
    /// Creates a run with all requests of the plan except some deletions. If a member was renamed in Entra, the plan
    /// creates a user with the new username and deletes the user with the previous username. The deletions of users
    /// with the previous username are added later ([`Self::push_replaced`]).
    pub(super) fn new(plan: &'p Plan, burst_available: bool, clock: Clock, no_access: Option<&str>) -> Self {
        let mut run = Self {
            plan,
            lanes: BTreeMap::new(),
            applied: Applied::default(),
            fatal: None,
            deletion_denied: None,
            details_denied: None,
            reads: [Operation::DescribeUser, Operation::DescribeQuickConnect]
                .map(|read| (read, RateLimiter::new(DEFAULT_RATE, burst_available, Instant::now())))
                .into(),
            strips: no_access.is_some(),
            sign_outs: SignOuts::default(),
            quota_reached: false,
            abandoned: 0,
            consecutive_failures: 0,
            burst_available,
            clock,
        };
        for user in &plan.create {
            run.write(Write::Create(user));
        }
        run.adopt_and_update();
        for user in &plan.cancel_deletion {
            run.write(Write::CancelDeletion(user.clone()));
        }
        for mark in &plan.schedule_deletion {
            run.remove(Write::ScheduleDeletion { user: mark.user.clone(), due: mark.tag_value(), sign_out_due: None });
        }
        for removal in plan.delete.iter().filter(|removal| removal.replaced_by.is_none()) {
            run.remove(Write::Delete(removal));
        }
        for user in plan.strip.iter().filter(|_| no_access.is_some()) {
            let no_access = no_access.unwrap_or_default().to_owned();
            run.remove(Write::Strip { user: user.clone(), no_access });
        }
        for user in &plan.end_sessions {
            run.remove(Write::RecordSignOut { user: user.clone(), date: today() });
        }
        run
    }

    /// Adds the deletions that had to wait: the deletions of users with the previous username of a renamed member. The
    /// deletion of such a user is added only if the user with the new username exists, and if the IDs of all users who
    /// receive quick connects of the deleted user are known.
    pub(super) fn push_replaced(&mut self) {
        for removal in &self.plan.delete {
            let exists =
                removal.replaced_by.as_deref().is_some_and(|successor| self.applied.exists(self.plan, successor));
            if !exists {
                continue;
            }
            match removal.awaited_users().find(|username| self.applied.id_of(username).is_none()) {
                Some(_) => self.applied.failed(&removal.user.username, HIDDEN_SUCCESSOR.to_owned()),
                None => self.remove(Write::Delete(removal)),
            }
        }
    }

    /// Returns the operations that have more requests that could be sent now than tokens. The result also contains the
    /// operations that follow these requests, and the read operations that precede them.
    pub(super) fn limited_operations(&self) -> BTreeSet<Operation> {
        let now = Instant::now();
        let limited = self.lanes.iter().filter(|(_, lane)| lane.is_limited(now)).map(|(operation, _)| *operation);
        let gives_proficiencies = !self.plan.predefined_attributes().is_empty();
        let with_others = |operation: Operation| {
            let follow = operation.of_proficiencies_after().iter().filter(|_| gives_proficiencies);
            [Some(operation), operation.read_before()].into_iter().flatten().chain(follow.copied())
        };
        limited.flat_map(with_others).collect()
    }

    /// Sets the rate of an operation in requests per second.
    pub(super) fn set_rate(&mut self, operation: Operation, rate: f64) {
        let limiter = RateLimiter::new(rate, self.burst_available, Instant::now());
        if let Some(reads) = self.reads.get_mut(&operation) {
            *reads = limiter;
        } else {
            self.lane(operation).limiter = limiter;
        }
    }

    /// Sends the requests of all lanes that may be sent now. If `reserved` is set, requests that count for the quotas of
    /// Connect are sent only if they are reserved. Returns the time at which the next waiting request may be sent, if
    /// this time is known.
    pub(super) fn launch(
        &mut self,
        now: Instant,
        reserved: bool,
        mut send: impl FnMut(Attempt<'p>),
    ) -> Option<Instant> {
        self.lanes.iter_mut().fold(None, |wake, (operation, lane)| {
            let reads = operation.read_before().and_then(|read| self.reads.get_mut(&read));
            earliest(wake, lane.launch(now, reads, reserved && operation.is_reserved(), &mut send))
        })
    }

    /// Returns the requests to reserve now: the operation, the number of requests, and the pace of each operation that
    /// a request calls. The caller must finish each reservation ([`Lane::add_reserved`]).
    pub(super) fn start_reservations(&mut self) -> Vec<(Operation, u32, Paces)> {
        let reads = &self.reads;
        let lanes = self.lanes.iter_mut().filter(|(operation, _)| operation.is_reserved());
        lanes
            .filter_map(|(operation, lane)| {
                let requests = lane.start_reservation()?;
                let read = operation.read_before().and_then(|read| Some((read.name(), reads.get(&read)?.pace())));
                let paces = [(operation.name(), lane.limiter.pace())].into_iter().chain(read);
                Some((*operation, requests, paces.collect()))
            })
            .collect()
    }

    pub(super) fn lane(&mut self, operation: Operation) -> &mut Lane<'p> {
        self.lanes.entry(operation).or_insert_with(|| Lane::new(operation, self.burst_available))
    }

    pub(super) fn push(&mut self, request: Request<'p>) {
        self.lane(request.operation()).push(request);
    }

    pub(super) fn write(&mut self, write: Write<'p>) {
        match write {
            Write::Delete(removal) => self.release_and_delete(removal, 0),
            write => self.push(Request::Write(write)),
        }
    }

    /// Handles a finished request.
    pub(super) fn settle(&mut self, finished: Finished<'p>) {
        let Finished { operation, tries, result } = finished;
        let throttled = matches!(&result, Err((_, error)) if error.kind() == StepErrorKind::Throttled);
        self.applied.totals.calls += 1 + usize::from(operation.read_before().is_some());
        let lane = self.lanes.entry(operation).or_insert_with(|| Lane::new(operation, self.burst_available));
        lane.finish();
        let reads = operation.read_before().and_then(|read| self.reads.get_mut(&read));
        for limiter in [Some(&mut lane.limiter), reads].into_iter().flatten() {
            let now = Instant::now();
            limiter.responded(now);
            match &result {
                Ok(_) => limiter.succeeded(now),
                Err(_) if throttled => limiter.throttled(now),
                Err(_) => {}
            }
        }
        match result {
            Ok(response) => {
                self.consecutive_failures = 0;
                self.succeeded(response, tries);
            }
            Err((request, _)) if throttled => {
                lane.push_first(Attempt { request, tries });
                self.applied.totals.throttles += 1;
            }
            Err((Request::SignOut { then }, error)) => self.sign_out_failed(then, tries, &error),
            Err((Request::QuickConnect { of, target }, error)) => {
                self.quick_connect_failed(of, target, tries, &error);
            }
            Err((request, error)) => self.failed(Attempt { request, tries }, error),
        }
    }

    fn succeeded(&mut self, response: Response<'p>, tries: u32) {
        match response {
            Response::Written { write, sent } => {
                if let (Err(new), Some(id)) = (write.user(), sent.created) {
                    self.applied.has_id(&new.username, id);
                }
                write.record(self.plan, &mut self.applied);
                self.reduced(&write);
                for then in sent.then {
                    // The next request for this user is sent before the requests for other users, so that the change of
                    // this user is completed first. The number of attempts is not reset, because otherwise a change
                    // that always fails at the same step would be repeated endlessly.
                    let attempt = Attempt { request: Request::Write(then), tries };
                    self.lane(attempt.request.operation()).push_first(attempt);
                }
            }
            Response::QuickConnectChanged { of, changed } => self.quick_connect_changed(of, changed || tries > 0),
            Response::Resolved { new, lost, found: Some(found) } => self.use_existing(new, lost, &found),
            Response::Resolved { new, lost, found: None } => {
                self.retry(Attempt { request: Request::Resolve { new, lost }, tries }, HIDDEN_USER);
            }
            Response::RemovalChecked { then, must_keep: true, .. } => {
                if let Ok(user) = then.user() {
                    self.applied.kept(&user.username);
                }
            }
            Response::RemovalChecked { then, sign_out, not_revoked, .. } => {
                self.removal_checked(then, sign_out, not_revoked);
            }
            Response::SignedOut(then) => self.signed_out(then),
        }
    }

    /// Handles a username that already belongs to another user. There are three possible origins of the existing user:
    /// an earlier request of this onboarding whose response was lost, a manual creation, or another onboarding.
    fn use_existing(&mut self, new: &'p NewUser, lost: bool, found: &ConnectUser) {
        if let Ownership::OtherOnboarding(alias) = &found.ownership {
            let reason = format!("the Connect user with this name belongs to the onboarding {alias:?}");
            return self.applied.failed(&new.username, reason);
        }
        // This change of security profiles may need approval, which only the planner can determine. So this run does
        // not change the user.
        if !lost_profiles(found, &new.assignment).is_empty() {
            return self.applied.failed(&new.username, MORE_RIGHTS.to_owned());
        }
        self.applied.has_id(&found.username, found.id.clone());
        let user = UserRef {
            username: found.username.clone(),
            id: found.id.clone(),
            arn: found.arn.clone(),
            object_id: Some(new.object_id.clone()),
            signed_out: found.signed_out,
            let_in: false,
            traffic_group: found.traffic_group.clone(),
        };
        if found.ownership == Ownership::Ours && found.entra_object_id.as_ref() == Some(&new.object_id) {
            self.applied.found(self.plan, new, lost);
        } else {
            self.write(Write::Adopt { user: user.clone(), object_id: new.object_id.clone(), sign_out_due: None });
        }
        let changes = changes_instead_of_creation(new, found);
        if !changes.is_empty() {
            self.applied.expect_changes(&found.id, changes.len());
        }
        for change in changes {
            self.write(Write::Change { user: user.clone(), change });
        }
    }

    fn failed(&mut self, attempt: Attempt<'p>, error: RequestError) {
        if error.kind() == StepErrorKind::AccessDenied {
            return self.denied(attempt, error.error);
        }
        self.count_failure(&error);
        match attempt.request.reaction(&error) {
            Reaction::Retry => self.retry(attempt, &error.error.message),
            Reaction::Fail => self.applied.failed(attempt.request.username(), error.error.message),
            Reaction::Resolve(new) => self.push(Request::Resolve { new, lost: attempt.tries > 0 }),
            // All other creations of users would also fail, so they are not sent. The next sync plans them again.
            Reaction::QuotaReached => {
                self.quota_reached = true;
                self.applied.totals.waiting_for_quota += 1 + self.lane(Operation::CreateUser).clear().len();
            }
            Reaction::Deleted(user) => self.applied.removed(&user.username),
        }
    }

    /// Counts consecutive failures. After [`MAX_CONSECUTIVE_FAILURES`], the run ends.
    pub(super) fn count_failure(&mut self, error: &RequestError) {
        if error.kind() == StepErrorKind::Unavailable {
            self.consecutive_failures += 1;
            if self.consecutive_failures >= MAX_CONSECUTIVE_FAILURES {
                self.fatal.get_or_insert(error.error.clone());
            }
        } else {
            self.consecutive_failures = 0;
        }
    }

    /// Ends the run because a permission is missing. If Connect denies only deletions or changes of user details, all
    /// other requests are sent before the run ends.
    fn denied(&mut self, attempt: Attempt<'p>, error: StepError) {
        if matches!(attempt.request, Request::Write(Write::Delete(_))) {
            self.deletion_denied.get_or_insert(error);
            for operation in [Operation::DeleteUser, Operation::DeleteQuickConnect, Operation::UpdateQuickConnectConfig]
            {
                self.lane(operation).clear();
            }
        } else if attempt.request.operation().is_of_details() {
            self.details_denied.get_or_insert(error);
            self.lane(attempt.request.operation()).clear();
        } else {
            self.fatal.get_or_insert(error);
            self.lane(attempt.request.operation()).push_first(attempt);
        }
    }

    /// Retries the request after about 1, 2, 4 … seconds. After [`MAX_TRIES`] attempts, records a failure of the user.
    pub(super) fn retry(&mut self, attempt: Attempt<'p>, reason: &str) {
        let Attempt { request, tries } = attempt;
        if tries + 1 >= MAX_TRIES {
            return self.applied.failed(request.username(), reason.to_owned());
        }
        if self.quota_reached && matches!(request, Request::Write(Write::Create(_))) {
            self.applied.totals.waiting_for_quota += 1;
            return;
        }
        let delay = self.clock.wait(with_jitter(Duration::from_secs(1 << tries)));
        let request = request.again();
        self.lane(request.operation()).push_delayed(Attempt { request, tries: tries + 1 }, delay);
    }
}
