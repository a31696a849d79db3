//! Applies a plan to Connect at the rate that the account's quotas allow.
//!
//! Each operation is a lane with its own token bucket ([`Pace`]), and all lanes run concurrently on one thread. A
//! throttle slows only its lane. An error that concerns one user is recorded for this user; only a missing permission
//! or an unavailable service stops the run. When the deadline is reached, no new request starts, and the number of
//! remaining requests is returned.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    time::Duration,
};

use futures_util::{
    future::LocalBoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use onboarding_core::{
    StepError, StepErrorKind,
    sync::{ConnectUser, NewUser, Ownership, Plan, Removal, Totals, UserRef, changes_instead_of_creation},
};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::{
    Directory, Operation, Pace,
    directory::paced,
    outcome::Applied,
    rate_limiter::DEFAULT_RATE,
    request::{Job, Refused, Requests},
};
use crate::{aws::quotas, runtime::clock::Clock};

/// Maximum number of concurrent requests of one lane.
const MOST_IN_FLIGHT: usize = 32;
/// Maximum number of attempts of a request that may fail because of eventual consistency.
const TRIES: u32 = 6;
/// This many consecutive failures without a throttle mean that the service is unavailable.
const DOWN: u32 = 25;
/// Graph reads per second. Graph's own limits are much higher.
const MEMBERSHIP_RATE: f64 = 20.0;

/// Checks immediately before a deletion whether the user must be kept after all.
pub trait Membership {
    /// Returns whether the user must be kept.
    fn belongs(&self, user: &UserRef) -> impl Future<Output = Result<bool, StepError>>;
}

/// Changes the users of one instance.
#[derive(Debug)]
pub struct Writer<'a, M> {
    client: aws_sdk_connect::Client,
    quotas: &'a aws_sdk_servicequotas::Client,
    directory: &'a Directory<'a>,
    membership: M,
    instance_id: &'a str,
    alias: &'a str,
    rested: bool,
    told: Option<&'a Cell<Totals>>,
}

struct Attempt<'p> {
    job: Job<'p>,
    tries: u32,
}

struct Lane<'p> {
    pace: Pace,
    ready: VecDeque<Attempt<'p>>,
    later: Vec<(Instant, Attempt<'p>)>,
    in_flight: usize,
}

/// The result of a successful request.
enum Brought {
    Done,
    /// The existing user with the name of a user to create, if Connect shows it.
    Found(Box<Option<ConnectUser>>),
    Belongs(bool),
}

type Flight<'f, 'p> = LocalBoxFuture<'f, (Attempt<'p>, Result<Brought, Refused>)>;

/// The state of one run.
struct Run<'p> {
    plan: &'p Plan,
    lanes: BTreeMap<Operation, Lane<'p>>,
    /// The token bucket of `DescribeUser`, which several lanes share.
    user_reads: Pace,
    applied: Applied,
    quota_full: bool,
    failures_in_a_row: u32,
    fatal: Option<StepError>,
    /// Why users can't be deleted. The run sends all other requests before it ends with this error.
    deletion_denied: Option<StepError>,
    rested: bool,
    clock: Clock,
}

impl<'a, M: Membership> Writer<'a, M> {
    /// Creates a writer for the instance. `rested` means that no requests were sent in the last seconds, so that the
    /// token buckets are full.
    pub fn new(
        client: &aws_sdk_connect::Client,
        quotas: &'a aws_sdk_servicequotas::Client,
        directory: &'a Directory<'a>,
        membership: M,
        (instance_id, alias): (&'a str, &'a str),
        rested: bool,
    ) -> Self {
        Self { client: paced(client), quotas, directory, membership, instance_id, alias, rested, told: None }
    }

    /// Returns a writer that continuously updates `totals` while it works.
    #[must_use]
    pub fn telling(self, totals: &'a Cell<Totals>) -> Self {
        Self { told: Some(totals), ..self }
    }

    /// Applies the plan until it is complete or `deadline` is reached, after which no request starts.
    ///
    /// # Errors
    /// `AccessDenied` if a permission is missing, `Unavailable` if the service is unavailable. Changes made before the
    /// error persist, and the next plan takes them into account.
    pub async fn apply(&self, plan: &Plan, deadline: Instant) -> Result<Applied, StepError> {
        let mut run = Run::new(plan, self.rested, self.directory.clock());
        self.set_rates(&mut run).await;
        self.drive(&mut run, deadline).await;
        // The old user of a renamed user is deleted only after the new user exists.
        for removal in plan.delete.iter().filter(|removal| removal.replaced_by.is_some()) {
            let successor = removal.replaced_by.as_deref().unwrap_or_default();
            if run.applied.exists(plan, successor) {
                run.push(Job::Verify { removal: removal.clone() });
            }
        }
        self.drive(&mut run, deadline).await;
        if let Some(error) = run.fatal.or(run.deletion_denied) {
            return Err(error);
        }
        run.applied.left = run.lanes.values().map(|lane| lane.ready.len() + lane.later.len()).sum();
        Ok(run.applied)
    }

    /// Reads the rate quota of each operation with more requests than its bucket has tokens. Keeps the default rate if
    /// Service Quotas returns an error.
    async fn set_rates(&self, run: &mut Run<'_>) {
        let now = Instant::now();
        let busy: Vec<(Operation, &str)> = run
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.pace.holds(lane.ready.len(), now))
            .flat_map(|(operation, _)| [Some(*operation), operation.reads_user().then_some(Operation::DescribeUser)])
            .flatten()
            .collect::<BTreeSet<Operation>>()
            .into_iter()
            .filter_map(|operation| Some((operation, operation.rate_quota()?)))
            .collect();
        let reads = busy.iter().map(|(_, code)| quotas::in_force(self.quotas, code, None));
        let rates = futures_util::future::join_all(reads).await;
        for ((operation, _), rate) in busy.into_iter().zip(rates) {
            run.applied.totals.calls += 1;
            let Some(rate) = rate.ok().flatten().filter(|rate| *rate > 0.0) else { continue };
            debug!(operation = operation.name(), rate, "rate in force");
            let pace = Pace::new(rate, run.rested, Instant::now());
            if operation == Operation::DescribeUser {
                run.user_reads = pace;
            } else if let Some(lane) = run.lanes.get_mut(&operation) {
                lane.pace = pace;
            }
        }
    }

    /// Runs all lanes until they are empty, `deadline` is reached or a fatal error occurs; then waits for the requests
    /// in flight.
    async fn drive<'p>(&self, run: &mut Run<'p>, deadline: Instant) {
        let mut flights: FuturesUnordered<Flight<'_, 'p>> = FuturesUnordered::new();
        loop {
            let now = Instant::now();
            let mut wake = None;
            if now < deadline && run.fatal.is_none() {
                let Run { lanes, user_reads, .. } = &mut *run;
                for (operation, lane) in lanes {
                    let reads = operation.reads_user().then_some(&mut *user_reads);
                    wake = earliest(wake, lane.launch(now, reads, |attempt| flights.push(Box::pin(self.fly(attempt)))));
                }
            }
            let wake = wake.map(|at| at.min(deadline));
            match (flights.is_empty(), wake) {
                (true, None) => return,
                (true, Some(at)) => sleep_until(at).await,
                (false, at) => tokio::select! {
                    Some((attempt, brought)) = flights.next() => {
                        run.settle(attempt, brought);
                        if let Some(told) = self.told {
                            told.set(run.applied.totals);
                        }
                    }
                    () = sleep_until(at.unwrap_or(now)), if at.is_some() => {}
                },
            }
        }
    }

    async fn fly<'p>(&self, attempt: Attempt<'p>) -> (Attempt<'p>, Result<Brought, Refused>) {
        let requests = Requests { client: &self.client, instance_id: self.instance_id, alias: self.alias };
        let done = |()| Brought::Done;
        let brought = match &attempt.job {
            Job::Create(user) => requests.create(user).await.map(done),
            Job::Resolve { new, .. } => self
                .directory
                .user(&new.username)
                .await
                .map(|user| Brought::Found(Box::new(user)))
                .map_err(Refused::from),
            Job::Adopt { user, object_id } => requests.adopt(user, object_id).await.map(done),
            Job::Change { user, change } => requests.change(user, change).await.map(done),
            Job::Mark { user, due } => requests.mark(user, due).await.map(done),
            Job::Unmark { user } => requests.unmark(user).await.map(done),
            Job::Verify { removal } => {
                self.membership.belongs(&removal.user).await.map(Brought::Belongs).map_err(Refused::from)
            }
            Job::Delete { user } => requests.delete(user).await.map(done),
        };
        (attempt, brought)
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

impl<'p> Lane<'p> {
    fn new(operation: Operation, rested: bool) -> Self {
        let rate = if operation == Operation::ReadMembership { MEMBERSHIP_RATE } else { DEFAULT_RATE };
        Self { pace: Pace::new(rate, rested, Instant::now()), ready: VecDeque::new(), later: Vec::new(), in_flight: 0 }
    }

    /// Starts the requests that may be sent now. If `reads` is given, each request also takes a token from that
    /// bucket. Returns the time of the next check, if known.
    fn launch(
        &mut self,
        now: Instant,
        mut reads: Option<&mut Pace>,
        mut launch: impl FnMut(Attempt<'p>),
    ) -> Option<Instant> {
        let mut index = 0;
        while index < self.later.len() {
            if self.later[index].0 <= now {
                let (_, attempt) = self.later.swap_remove(index);
                self.ready.push_front(attempt);
            } else {
                index += 1;
            }
        }
        let mut wake = self.later.iter().map(|(at, _)| *at).min();
        while self.in_flight < MOST_IN_FLIGHT {
            if self.ready.is_empty() {
                break;
            }
            let at = reads.as_ref().map_or(now, |reads| reads.next(now)).max(self.pace.next(now));
            if at > now {
                wake = earliest(wake, Some(at));
                break;
            }
            if let Some(attempt) = self.ready.pop_front() {
                self.pace.take(now);
                if let Some(reads) = &mut reads {
                    reads.take(now);
                }
                self.in_flight += 1;
                launch(attempt);
            }
        }
        wake
    }
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan, rested: bool, clock: Clock) -> Self {
        let mut run = Self {
            plan,
            lanes: BTreeMap::new(),
            user_reads: Pace::new(DEFAULT_RATE, rested, Instant::now()),
            applied: Applied::default(),
            quota_full: false,
            failures_in_a_row: 0,
            fatal: None,
            deletion_denied: None,
            rested,
            clock,
        };
        for user in &plan.create {
            run.push(Job::Create(user));
        }
        for adoption in &plan.adopt {
            run.push(Job::Adopt { user: adoption.user.clone(), object_id: adoption.object_id.clone() });
        }
        for update in &plan.update {
            run.applied.expect_changes(&update.user.id, update.changes.len());
            for change in &update.changes {
                run.push(Job::Change { user: update.user.clone(), change: change.clone() });
            }
        }
        for user in &plan.unmark {
            run.push(Job::Unmark { user: user.clone() });
        }
        for mark in &plan.mark {
            run.push(Job::Mark { user: mark.user.clone(), due: mark.tag_value() });
        }
        for removal in plan.delete.iter().filter(|removal| removal.replaced_by.is_none()) {
            run.push(Job::Verify { removal: removal.clone() });
        }
        run
    }

    fn lane(&mut self, operation: Operation) -> &mut Lane<'p> {
        let rested = self.rested;
        self.lanes.entry(operation).or_insert_with(|| Lane::new(operation, rested))
    }

    /// Returns the token buckets that a request of this operation uses.
    fn paces(&mut self, operation: Operation) -> impl Iterator<Item = &mut Pace> {
        let rested = self.rested;
        let lane = self.lanes.entry(operation).or_insert_with(|| Lane::new(operation, rested));
        let reads = operation.reads_user().then_some(&mut self.user_reads);
        [Some(&mut lane.pace), reads].into_iter().flatten()
    }

    fn push(&mut self, job: Job<'p>) {
        self.lane(job.operation()).ready.push_back(Attempt { job, tries: 0 });
    }

    fn settle(&mut self, attempt: Attempt<'p>, brought: Result<Brought, Refused>) {
        let operation = attempt.job.operation();
        let now = Instant::now();
        self.applied.totals.calls += 1 + usize::from(operation.reads_user());
        self.lane(operation).in_flight -= 1;
        for pace in self.paces(operation) {
            pace.answered(now);
            match &brought {
                Ok(_) => pace.succeeded(now),
                Err(refused) if refused.error.kind == StepErrorKind::Throttled => pace.throttled(now),
                Err(_) => {}
            }
        }
        match brought {
            Ok(brought) => {
                self.failures_in_a_row = 0;
                self.succeeded(attempt, brought);
            }
            Err(refused) if refused.error.kind == StepErrorKind::Throttled => {
                self.lane(operation).ready.push_front(attempt);
                self.applied.totals.throttles += 1;
            }
            Err(refused) => self.refused(attempt, refused, now),
        }
    }

    fn succeeded(&mut self, attempt: Attempt<'p>, brought: Brought) {
        let tally = &mut self.applied;
        match (attempt.job, brought) {
            (Job::Create(user), _) => tally.created(&user.username),
            (Job::Resolve { new, lost }, Brought::Found(found)) => match *found {
                Some(found) => self.instead_of_creation(new, lost, &found),
                None => self.again(
                    Attempt { job: Job::Resolve { new, lost }, tries: attempt.tries },
                    "Amazon Connect says that the username exists and does not show it; look for a user whose name differs \
                     only in case and delete it, then the next sync creates this one; if there is none, a deleted user had the \
                     name, and this person needs another one in Entra",
                ),
            },
            (Job::Adopt { user, .. }, _) => tally.adopted(&user.username),
            (Job::Change { user, change }, _) => {
                tally.changed(&user.username, &user.id, &self.plan.describe(&change));
            }
            (Job::Mark { user, due }, _) => tally.marked(&user.username, &user.id, &due),
            (Job::Unmark { user }, _) => tally.unmarked(&user.username),
            (Job::Verify { removal: Removal { user, .. } }, Brought::Belongs(true)) => {
                tally.returned(&user.username, &user.id);
            }
            (Job::Verify { removal: Removal { user, .. } }, _) => self.push(Job::Delete { user }),
            (Job::Delete { user }, _) => tally.removed(&user.username, &user.id),
            (Job::Resolve { .. }, _) => {}
        }
    }

    /// Handles a taken name: the user was created by our own call whose response was lost, manually, or by another
    /// onboarding.
    fn instead_of_creation(&mut self, new: &'p NewUser, lost: bool, found: &ConnectUser) {
        if let Ownership::OtherOnboarding(alias) = &found.ownership {
            let reason = format!("the Connect user of this name belongs to the onboarding {alias:?}");
            return self.applied.failed(&new.username, reason);
        }
        let user = UserRef {
            username: found.username.clone(),
            id: found.id.clone(),
            arn: found.arn.clone(),
            object_id: Some(new.object_id.clone()),
        };
        if found.ownership == Ownership::Ours && found.entra_object_id.as_ref() == Some(&new.object_id) {
            self.applied.found(&new.username, lost);
        } else {
            self.push(Job::Adopt { user: user.clone(), object_id: new.object_id.clone() });
        }
        let changes = changes_instead_of_creation(new, found);
        if !changes.is_empty() {
            self.applied.expect_changes(&found.id, changes.len());
        }
        for change in changes {
            self.push(Job::Change { user: user.clone(), change });
        }
    }

    fn refused(&mut self, attempt: Attempt<'p>, refused: Refused, now: Instant) {
        let kind = refused.error.kind;
        if kind == StepErrorKind::AccessDenied && matches!(attempt.job, Job::Delete { .. }) {
            self.deletion_denied.get_or_insert(refused.error);
            for operation in [Operation::ReadMembership, Operation::DeleteUser] {
                let lane = self.lane(operation);
                lane.ready.clear();
                lane.later.clear();
            }
            return;
        }
        if kind == StepErrorKind::AccessDenied {
            self.fatal.get_or_insert(refused.error);
            return self.lane(attempt.job.operation()).ready.push_front(attempt);
        }
        if kind == StepErrorKind::Unavailable {
            self.failures_in_a_row += 1;
            if self.failures_in_a_row >= DOWN {
                self.fatal.get_or_insert(refused.error.clone());
            }
            return self.again(attempt, &refused.error.message);
        }
        self.failures_in_a_row = 0;
        match (&attempt.job, kind) {
            (Job::Create(user), _) if refused.is_duplicate() => {
                self.push(Job::Resolve { new: user, lost: attempt.tries > 0 });
            }
            (Job::Create(_), StepErrorKind::LimitExceeded) => self.users_quota_reached(),
            (Job::Delete { user }, _) if refused.is_not_found() => self.applied.removed(&user.username, &user.id),
            // The object may not be visible yet, or the request is permanently wrong; retries decide.
            (Job::Create(_), _) if refused.is_not_found() => self.again_at(attempt, &refused.error.message, now),
            (Job::Create(_), _) => self.fail(&attempt.job, &refused.error.message),
            _ if refused.may_pass() => self.again_at(attempt, &refused.error.message, now),
            _ => self.fail(&attempt.job, &refused.error.message),
        }
    }

    /// The users quota is reached: all other creations would be refused too, and are left for the next sync.
    fn users_quota_reached(&mut self) {
        let lane = self.lane(Operation::CreateUser);
        let waiting = lane.ready.len() + lane.later.len();
        lane.ready.clear();
        lane.later.clear();
        self.quota_full = true;
        self.applied.totals.waiting_for_quota += waiting + 1;
    }

    fn again(&mut self, attempt: Attempt<'p>, reason: &str) {
        self.again_at(attempt, reason, Instant::now());
    }

    /// Retries after 1, 2, 4 … seconds, and fails the user after [`TRIES`] attempts.
    fn again_at(&mut self, attempt: Attempt<'p>, reason: &str, now: Instant) {
        let tries = attempt.tries + 1;
        if tries >= TRIES {
            return self.fail(&attempt.job, reason);
        }
        if self.quota_full && matches!(attempt.job, Job::Create(_)) {
            self.applied.totals.waiting_for_quota += 1;
            return;
        }
        let at = now + self.clock.wait(Duration::from_secs(1 << attempt.tries));
        self.lane(attempt.job.operation()).later.push((at, Attempt { job: attempt.job, tries }));
    }

    fn fail(&mut self, job: &Job<'_>, reason: &str) {
        self.applied.failed(job.username(), reason.to_owned());
    }
}
