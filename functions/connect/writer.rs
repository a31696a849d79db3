//! Applies a plan to Connect within the API rate limits of the account.
//!
//! The requests of each operation wait in a lane with its own [`RateLimiter`](super::RateLimiter). All lanes send their
//! requests concurrently on one thread. If other functions share the rates, the writer reserves each request in the
//! [`RateBudget`](super::RateBudget). If Connect throttles a request, only the lane of this request becomes slower.
//! An error that concerns one user is recorded for this user. Only a missing permission or an unavailable service stops
//! the run. After the deadline, no new request is sent, and the result contains the number of requests that were not
//! sent. Requests that have no response shortly before the Lambda timeout are abandoned, and also count as not sent. For
//! example, a check before a removal consists of several requests to Graph, each with retries, so it can take minutes.

use std::{cell::Cell, collections::VecDeque, future::Future};

use futures_util::{
    future::{LocalBoxFuture, join_all},
    stream::{FuturesUnordered, StreamExt},
};
use onboarding_core::{
    StepError,
    sync::{Plan, Totals, UserRef},
};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::{
    Applied, Directory, Operation,
    lane::{Attempt, Finished, Lane},
    rate_budget::Paces,
    request::{Request, RequestError, Response},
    run::Run,
    user_api::UserApi,
};
use crate::{
    aws::{quotas, retries::WithoutRetries as _, sessions::Sessions},
    runtime::adapter::Deadline,
};

/// The checks and actions immediately before a user is removed.
pub trait RemovalCheck {
    /// Returns whether the user must be kept, although the plan removes the user.
    fn must_keep(&self, user: &UserRef) -> impl Future<Output = Result<bool, StepError>>;

    /// Revokes the user's access in Entra: removes the user's assignment to the enterprise application. Called after
    /// [`Self::must_keep`] and before the sign-out.
    fn revoke(&self, _user: &UserRef) -> impl Future<Output = Result<(), StepError>> {
        std::future::ready(Ok(()))
    }
}

/// Changes the users of one instance.
#[derive(Debug)]
pub struct Writer<'a, C> {
    api: UserApi<'a>,
    quotas: &'a aws_sdk_servicequotas::Client,
    directory: &'a Directory<'a>,
    removal_check: C,
    burst_available: bool,
    progress: Option<&'a Cell<Totals>>,
    no_access: Option<String>,
}

/// The end of a future that the writer waits for.
enum Event<'p> {
    /// A request is finished.
    Finished(Box<Finished<'p>>),
    /// Requests of an operation may be sent at these times.
    Reserved(Operation, VecDeque<Instant>),
}

type InFlight<'f, 'p> = LocalBoxFuture<'f, Event<'p>>;

impl<'a, C: RemovalCheck> Writer<'a, C> {
    /// Creates a writer for the instance. `burst_available` means that no requests were sent in the last seconds, so
    /// the token buckets start full.
    pub fn new(
        client: &aws_sdk_connect::Client,
        quotas: &'a aws_sdk_servicequotas::Client,
        sessions: Sessions<'a>,
        directory: &'a Directory<'a>,
        removal_check: C,
        (instance_id, alias): (&'a str, &'a str),
        burst_available: bool,
    ) -> Self {
        let api = UserApi { client: client.without_retries(), instance_id, alias, sessions };
        Self { api, quotas, directory, removal_check, burst_available, progress: None, no_access: None }
    }

    /// Returns a writer that updates `totals` while it applies the plan, so that the caller can report the progress.
    #[must_use]
    pub fn with_progress(self, totals: &'a Cell<Totals>) -> Self {
        Self { progress: Some(totals), ..self }
    }

    /// Returns a writer that assigns the security profile with this ID to users who are kept without permissions. If
    /// the ID is `None`, the writer does not change such users.
    #[must_use]
    pub fn with_no_access(self, profile_id: Option<String>) -> Self {
        Self { no_access: profile_id, ..self }
    }

    /// Applies the plan until the plan is complete or `deadline` is reached. After the deadline, no request is sent.
    /// A request without a response counts as not sent, because the next plan contains it again if it was not successful.
    ///
    /// # Errors
    /// `AccessDenied` if a permission is missing, `Unavailable` if the service is unavailable. Changes that were
    /// applied before the error remain, and the next plan takes them into account.
    pub async fn apply(&self, plan: &Plan, deadline: Deadline) -> Result<Applied, StepError> {
        let mut run = Run::new(plan, self.burst_available, self.directory.clock(), self.no_access.as_deref());
        self.set_rates(&mut run).await;
        self.drive(&mut run, deadline).await;
        // If a member was renamed in Entra, the user with the previous username is deleted only after the user with the
        // new username exists.
        run.push_replaced();
        self.drive(&mut run, deadline).await;
        if let Some(error) = run.fatal.or(run.deletion_denied).or(run.details_denied) {
            return Err(error);
        }
        run.applied.left = run.abandoned + run.lanes.values().map(Lane::waiting).sum::<usize>();
        Ok(run.applied)
    }

    /// Reads the quota for the request rate of each operation that has more requests than tokens in its bucket. If
    /// Service Quotas returns an error, the default rate applies.
    async fn set_rates(&self, run: &mut Run<'_>) {
        let limited = run.limited_operations().into_iter();
        let coded: Vec<_> = limited.filter_map(|operation| Some((operation, operation.rate_quota()?))).collect();
        let reads = coded.iter().map(|(_, code)| quotas::in_force(self.quotas, code, None));
        for ((operation, _), rate) in coded.iter().zip(join_all(reads).await) {
            run.applied.totals.calls += 1;
            if let Some(rate) = rate.ok().flatten().filter(|rate| *rate > 0.0) {
                debug!(operation = operation.name(), rate, "rate in force");
                run.set_rate(*operation, rate);
            }
        }
    }

    /// Sends the requests of all lanes until the lanes are empty, `deadline` is reached or a fatal error occurs. Then
    /// waits for the responses to the requests that were already sent, at most until the time of the last response.
    async fn drive<'p>(&self, run: &mut Run<'p>, deadline: Deadline) {
        let budget = self.directory.budget();
        let mut in_flight: FuturesUnordered<InFlight<'_, 'p>> = FuturesUnordered::new();
        loop {
            let now = Instant::now();
            let mut wake = None;
            if now < deadline.last_request && run.fatal.is_none() {
                wake = run.launch(now, budget.is_some(), |attempt| in_flight.push(Box::pin(self.send(attempt))));
                for (operation, requests, paces) in budget.iter().flat_map(|_| run.start_reservations()) {
                    in_flight.push(Box::pin(self.reserve(operation, requests, paces)));
                }
            }
            let wake = wake.map(|at| at.min(deadline.last_request));
            match (in_flight.is_empty(), wake) {
                (true, None) => return,
                (true, Some(at)) => sleep_until(at).await,
                (false, at) => tokio::select! {
                    Some(event) = in_flight.next() => match event {
                        Event::Reserved(operation, times) => run.lane(operation).add_reserved(times),
                        Event::Finished(finished) => {
                            run.settle(*finished);
                            if let Some(progress) = self.progress {
                                progress.set(run.applied.totals);
                            }
                        }
                    },
                    () = sleep_until(at.unwrap_or(now)), if at.is_some() => {}
                    () = sleep_until(deadline.last_response) => {
                        let abandoned: usize = run.lanes.values().map(Lane::in_flight).sum();
                        warn!(abandoned, "requests were abandoned shortly before the timeout");
                        run.abandoned += abandoned;
                        let checks = run.lanes.get(&Operation::ReadMembership);
                        run.applied.abandoned_checks += checks.map_or(0, Lane::in_flight);
                        return;
                    }
                },
            }
        }
    }

    /// Reserves requests of an operation, and of the read operation that is called before each of them.
    async fn reserve<'p>(&self, operation: Operation, requests: u32, paces: Paces) -> Event<'p> {
        let mut times = VecDeque::from(vec![Instant::now(); requests as usize]);
        for (name, pace) in paces {
            if let Some(budget) = self.directory.budget() {
                let reserved = pace.reserve(budget, name, requests).await;
                times = times.into_iter().zip(reserved).map(|(one, other)| one.max(other)).collect();
            }
        }
        Event::Reserved(operation, times)
    }

    async fn send<'p>(&self, attempt: Attempt<'p>) -> Event<'p> {
        let Attempt { request, tries } = attempt;
        let operation = request.operation();
        let result = match self.response(&request).await {
            Ok(response) => Ok(response),
            Err(error) => Err((request, error)),
        };
        Event::Finished(Box::new(Finished { operation, tries, result }))
    }

    async fn response<'p>(&self, request: &Request<'p>) -> Result<Response<'p>, RequestError> {
        match request {
            Request::Write(write) => {
                let sent = self.api.send(write).await?;
                Ok(Response::Written { write: write.clone(), sent })
            }
            Request::Resolve { new, lost } => {
                let found = self.directory.user(&new.username).await?.map(Box::new);
                Ok(Response::Resolved { new, lost: *lost, found })
            }
            Request::CheckRemoval { then, sign_out } => {
                let (mut must_keep, mut not_revoked) = (false, None);
                if let Ok(user) = then.user() {
                    must_keep = self.removal_check.must_keep(user).await?;
                    if !must_keep {
                        // After a temporary error, the whole check is repeated, because the user can still sign in. Any
                        // other error is reported, and the user is still removed.
                        not_revoked = match self.removal_check.revoke(user).await {
                            Err(error) if error.kind.is_temporary() => return Err(error.into()),
                            revoked => revoked.err().map(|error| error.message),
                        };
                    }
                }
                Ok(Response::RemovalChecked { then: then.clone(), sign_out: *sign_out, must_keep, not_revoked })
            }
            Request::SignOut { then } => {
                if let Ok(user) = then.user() {
                    self.api.sign_out(user).await?;
                }
                Ok(Response::SignedOut(then.clone()))
            }
            Request::QuickConnect { of, target } => {
                let changed = self.api.change_quick_connect(of, target.as_deref()).await?;
                Ok(Response::QuickConnectChanged { of: *of, changed })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::{future::pending, time::Duration};

    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use tokio::time::timeout;

    use super::*;
    use crate::{context::Context, runtime::settings::Settings};

    /// A check whose service does not respond.
    struct NoResponse;

    impl RemovalCheck for NoResponse {
        async fn must_keep(&self, _: &UserRef) -> Result<bool, StepError> {
            pending().await
        }
    }

    #[tokio::test]
    async fn a_removal_whose_check_has_no_response_before_the_timeout_is_left_for_the_next_round() {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("us-east-1"));
        let ctx = Context::new(config.build(), Settings::default());
        let directory = Directory::new(ctx.connect(), "i", "acme", ctx.settings.clock());
        let ids = ("i", "acme");
        let writer = Writer::new(ctx.connect(), ctx.quotas(), ctx.sessions(), &directory, NoResponse, ids, true);
        let user = |number: usize| UserRef { id: format!("u{number}"), ..UserRef::default() };
        let plan = Plan::deleting((0..2).map(user));
        let soon = |milliseconds| Instant::now() + Duration::from_millis(milliseconds);
        let deadline = Deadline { last_request: soon(100), last_response: soon(200) };
        let applied = timeout(Duration::from_secs(120), writer.apply(&plan, deadline)).await;
        let applied = applied.unwrap().unwrap();
        assert_eq!((applied.left, applied.totals.removed, applied.totals.failed), (2, 0, 0));
        assert_eq!(applied.abandoned_checks, 2);
    }
}
