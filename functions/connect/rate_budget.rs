//! The request rates that all functions of a stack share.
//!
//! Connect's quotas for request rates apply to an account in a Region, not to an instance (Amazon Connect service
//! quotas, API throttling). If many syncs ran at the same time and each of them used the whole rate, Connect would
//! throttle most of their requests. Therefore, a sync reserves each request in a [`RateBudget`] before it sends the
//! request. The reservations of an operation follow each other at the rate of its quota (generic cell rate algorithm).

use std::{collections::VecDeque, fmt::Debug, time::Duration};

use futures_util::future::LocalBoxFuture;
use tokio::time::Instant;

/// The reservations of all functions of a stack.
pub trait RateBudget: Debug {
    /// Reserves `duration` for requests of an operation, after all earlier reservations of this operation. Returns the
    /// time from now until the start of this reservation. Returns `None` if the reservation could not be stored. In this
    /// case, the caller sends its requests without a reservation.
    fn reserve<'f>(&'f self, operation: &'static str, duration: Duration) -> LocalBoxFuture<'f, Option<Duration>>;
}

/// The rate at which requests of an operation are reserved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// The time between two requests.
    pub(super) interval: Duration,
    /// The number of requests that can be sent without a pause if no requests were sent recently.
    pub(super) burst: u32,
}

/// The pace of each operation that a request calls, by the name of the operation.
pub(super) type Paces = Vec<(&'static str, Pace)>;

impl Pace {
    /// Reserves requests. Returns the time at which each request may be sent.
    pub(super) async fn reserve(
        self,
        budget: &dyn RateBudget,
        operation: &'static str,
        requests: u32,
    ) -> VecDeque<Instant> {
        let start = budget.reserve(operation, self.interval * requests).await;
        let now = Instant::now();
        self.waits(start, requests).map(|wait| now + wait).collect()
    }

    /// Returns the time from now until each request of a reservation may be sent. `start` is the time from now until the
    /// start of the reservation. Without a reservation, the requests may be sent immediately.
    fn waits(self, start: Option<Duration>, requests: u32) -> impl Iterator<Item = Duration> {
        let early = self.interval * self.burst.saturating_sub(1);
        (0..requests).map(move |request| {
            start.map_or(Duration::ZERO, |start| (start + self.interval * request).saturating_sub(early))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::RateLimiter;

    fn pace() -> Pace {
        RateLimiter::new(2.0, true, Instant::now()).pace()
    }

    #[test]
    fn fifty_functions_together_never_exceed_the_rate_and_use_nearly_all_of_it() {
        let pace = pace();
        // The time of each function, the time until which requests are reserved, and the times of the requests.
        let (mut functions, mut reserved, mut sent) = ([Duration::ZERO; 50], Duration::ZERO, Vec::new());
        for reservation in 0..400 {
            let function = (0..50).min_by_key(|function| functions[*function]).unwrap_or_default();
            let now = functions[function];
            let requests = 1 + reservation % 4;
            let start = reserved.saturating_sub(now);
            reserved = now + start + pace.interval * requests;
            sent.extend(pace.waits(Some(start), requests).map(|wait| now + wait));
            functions[function] = sent.last().copied().unwrap_or_default();
        }
        sent.sort_unstable();
        let (mut tokens, mut last) = (5.0_f64, Duration::ZERO);
        for at in &sent {
            tokens = (at.saturating_sub(last).as_secs_f64().mul_add(2.0, tokens)).min(5.0) - 1.0;
            last = *at;
            assert!(tokens >= 0.0, "Connect throttles the request after {at:?}");
        }
        let fastest = (sent.len() as f64 - 5.0) / 2.0;
        assert!(sent.len() == 1000 && last.as_secs_f64() < fastest * 1.03, "{} requests in {last:?}", sent.len());
    }

    #[test]
    fn without_a_reservation_requests_may_be_sent_immediately() {
        assert!(pace().waits(None, 3).eq([Duration::ZERO; 3]));
    }
}
