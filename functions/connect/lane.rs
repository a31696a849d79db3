//! A lane, which is a queue of the waiting requests of one Connect operation. The requests of a lane are sent within
//! the API rate limit of this operation.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    Operation, RateLimiter,
    rate_limiter::DEFAULT_RATE,
    request::{Request, RequestError, Response},
};

/// Maximum number of requests of one lane that are sent concurrently.
const MAX_IN_FLIGHT: usize = 32;
/// Maximum number of reads from Graph per second. Graph's own limits are much higher.
const MEMBERSHIP_RATE: f64 = 20.0;

/// A request, and the number of earlier attempts to send it.
pub(super) struct Attempt<'p> {
    pub(super) request: Request<'p>,
    pub(super) tries: u32,
}

/// An attempt whose result is known. If the attempt failed, this value contains the request, so that the request can be
/// sent again.
pub(super) struct Finished<'p> {
    pub(super) operation: Operation,
    pub(super) tries: u32,
    pub(super) result: Result<Response<'p>, (Request<'p>, RequestError)>,
}

/// The waiting requests of one operation.
pub(super) struct Lane<'p> {
    pub(super) limiter: RateLimiter,
    ready: VecDeque<Attempt<'p>>,
    delayed: Vec<(Instant, Attempt<'p>)>,
    in_flight: usize,
    /// The times at which reserved requests may be sent. Empty if no request is reserved.
    reserved: VecDeque<Instant>,
    is_reserving: bool,
}

impl<'p> Lane<'p> {
    pub(super) fn new(operation: Operation, burst_available: bool) -> Self {
        let rate = if operation == Operation::ReadMembership { MEMBERSHIP_RATE } else { DEFAULT_RATE };
        Self {
            limiter: RateLimiter::new(rate, burst_available, Instant::now()),
            ready: VecDeque::new(),
            delayed: Vec::new(),
            in_flight: 0,
            reserved: VecDeque::new(),
            is_reserving: false,
        }
    }

    /// Returns the number of requests that are not sent yet.
    pub(super) fn waiting(&self) -> usize {
        self.ready.len() + self.delayed.len()
    }

    /// Returns the number of requests that have no response yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns whether more requests are ready than the token bucket of the lane has tokens.
    pub(super) fn is_limited(&self, now: Instant) -> bool {
        !self.limiter.allows(self.ready.len(), now)
    }

    /// Returns the number of requests to reserve now. Returns `None` if no request is ready, if a ready request is
    /// already reserved, or if a reservation is not finished yet. The caller must finish the reservation with
    /// [`Self::add_reserved`].
    pub(super) fn start_reservation(&mut self) -> Option<u32> {
        if self.is_reserving || self.ready.is_empty() || !self.reserved.is_empty() {
            return None;
        }
        self.is_reserving = true;
        Some(u32::try_from(self.ready.len()).unwrap_or(u32::MAX).min(self.limiter.pace().burst))
    }

    /// Adds the times at which reserved requests may be sent.
    pub(super) fn add_reserved(&mut self, times: VecDeque<Instant>) {
        self.is_reserving = false;
        self.reserved.extend(times);
    }

    /// Adds a request at the end of the lane.
    pub(super) fn push(&mut self, request: Request<'p>) {
        self.ready.push_back(Attempt { request, tries: 0 });
    }

    /// Adds an attempt at the front of the lane.
    pub(super) fn push_first(&mut self, attempt: Attempt<'p>) {
        self.ready.push_front(attempt);
    }

    /// Adds an attempt that is sent after `delay`.
    pub(super) fn push_delayed(&mut self, attempt: Attempt<'p>, delay: Duration) {
        self.delayed.push((Instant::now() + delay, attempt));
    }

    /// Removes all requests that are not sent yet and returns them.
    pub(super) fn clear(&mut self) -> Vec<Request<'p>> {
        let delayed = self.delayed.drain(..).map(|(_, attempt)| attempt);
        self.ready.drain(..).chain(delayed).map(|attempt| attempt.request).collect()
    }

    /// Records that a request is finished.
    pub(super) const fn finish(&mut self) {
        self.in_flight -= 1;
    }

    /// Sends the requests that may be sent now. If a second token bucket `reads` is given, each request also takes a
    /// token from it. If `reserved` is set, only reserved requests are sent. Returns the time at which the next waiting
    /// request may be sent, if this time is known.
    pub(super) fn launch(
        &mut self,
        now: Instant,
        mut reads: Option<&mut RateLimiter>,
        reserved: bool,
        mut send: impl FnMut(Attempt<'p>),
    ) -> Option<Instant> {
        for (_, attempt) in self.delayed.extract_if(.., |(at, _)| *at <= now) {
            self.ready.push_front(attempt);
        }
        let next_delayed = self.delayed.iter().map(|(at, _)| *at).min();
        while self.in_flight < MAX_IN_FLIGHT {
            let first = if reserved { self.reserved.front().copied() } else { Some(now) };
            let Some(first) = first else { break };
            let Some(attempt) = self.ready.pop_front() else { break };
            let at = reads.as_ref().map_or(now, |reads| reads.next(now)).max(self.limiter.next(now)).max(first);
            if at > now {
                self.ready.push_front(attempt);
                return earliest(next_delayed, Some(at));
            }
            self.limiter.take(now);
            if let Some(reads) = &mut reads {
                reads.take(now);
            }
            self.reserved.pop_front();
            self.in_flight += 1;
            send(attempt);
        }
        next_delayed
    }
}

pub(super) fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
