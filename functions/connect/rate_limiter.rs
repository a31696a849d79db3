//! The rate limit of one Connect operation: a token bucket that is filled at the rate that the account's quota allows.
//! Other programs in the account share this quota. So the rate is adapted when Connect throttles requests (additive
//! increase, multiplicative decrease).

use std::time::Duration;

use tokio::time::Instant;

use super::rate_budget::Pace;

/// The default rate limit, in requests per second, of nearly all Connect operations (Amazon Connect service quotas, API
/// throttling).
pub(super) const DEFAULT_RATE: f64 = 2.0;
/// The maximum burst, as a multiple of the rate. By default, Connect allows 2 requests per second and a burst of 5
/// requests. The same ratio is assumed for an increased quota.
const BURST_RATIO: f64 = 2.5;
/// The fraction of the rate that is used. The rest is a margin, so that a request does not arrive too early because of
/// network jitter.
const MARGIN: f64 = 0.985;
/// If a request is throttled, the current rate is multiplied by this factor.
const DECREASE: f64 = 0.7;
/// After a successful request, the current rate increases by this fraction of the maximum rate.
const INCREASE: f64 = 0.02;
/// If several requests are throttled within this time, the rate is decreased only once, because these requests were
/// sent before the rate could be decreased.
const THROTTLE_WINDOW: Duration = Duration::from_millis(500);
/// The minimum number of requests per second, regardless of the number of throttled requests.
const MIN_RATE: f64 = 0.1;

/// The token bucket of one operation.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    ceiling: f64,
    rate: f64,
    burst: f64,
    tokens: f64,
    refilled: Instant,
    responded: bool,
    throttled: Option<Instant>,
}

impl RateLimiter {
    /// Creates a token bucket for an operation with a rate of `rate` requests per second. `full` means that no requests
    /// were sent recently, so the bucket starts full. Otherwise, the bucket starts with one token.
    #[must_use]
    pub fn new(rate: f64, full: bool, now: Instant) -> Self {
        let ceiling = (rate * MARGIN).max(MIN_RATE);
        // Half a token is subtracted for the network latency of a request after a pause. The token bucket in Connect
        // starts to fill when the request arrives, but this token bucket starts to fill when the request is sent.
        let burst = (rate * BURST_RATIO - 0.5).max(1.0);
        Self {
            ceiling,
            rate: ceiling,
            burst,
            tokens: if full { burst } else { 1.0 },
            refilled: now,
            responded: false,
            throttled: None,
        }
    }

    /// Returns the time at which the next request may be sent. If this time is now or in the past, the request may be
    /// sent immediately.
    #[must_use]
    pub fn next(&self, now: Instant) -> Instant {
        let missing = 1.0 - self.available(now);
        if missing <= 0.0 { now } else { now + Duration::from_secs_f64(missing / self.rate) }
    }

    /// Returns whether this number of requests may be sent immediately.
    #[must_use]
    pub fn allows(&self, requests: usize, now: Instant) -> bool {
        u32::try_from(requests).is_ok_and(|requests| f64::from(requests) <= self.available(now))
    }

    /// Takes the token for a request that is sent now.
    pub fn take(&mut self, now: Instant) {
        self.refill(now);
        self.tokens -= 1.0;
    }

    /// Records a response of any kind. This token bucket starts to fill only after the first response. The first
    /// request opens the connection and may be slow, and the token bucket in Connect does not start to fill before this
    /// request has arrived.
    pub fn responded(&mut self, now: Instant) {
        if !self.responded {
            self.responded = true;
            self.refilled = now;
        }
    }

    /// Records that Connect throttled a request, and decreases the rate.
    pub fn throttled(&mut self, now: Instant) {
        self.refill(now);
        self.tokens = self.tokens.min(0.0);
        if self.throttled.is_none_or(|last| now.duration_since(last) > THROTTLE_WINDOW) {
            self.rate = (self.rate * DECREASE).max(MIN_RATE);
        }
        self.throttled = Some(now);
    }

    /// Records a successful request, and increases the rate.
    pub fn succeeded(&mut self, now: Instant) {
        self.refill(now);
        self.rate = (self.rate + self.ceiling * INCREASE).min(self.ceiling);
    }

    /// Returns the current rate in requests per second.
    #[must_use]
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// Returns the rate and the burst of the quota, regardless of throttled requests.
    pub(super) fn pace(&self) -> Pace {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the burst is at least 1 and small"
        )]
        Pace { interval: Duration::from_secs_f64(1.0 / self.ceiling), burst: self.burst as u32 }
    }

    fn available(&self, now: Instant) -> f64 {
        if !self.responded {
            return self.tokens;
        }
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        (self.tokens + passed * self.rate).min(self.burst)
    }

    fn refill(&mut self, now: Instant) {
        self.tokens = self.available(now);
        self.refilled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates `requests` requests that the rate limiter controls. The simulated service allows a rate of `rate` and
    /// a burst of 2.5 × `rate`. Each request arrives after a delay of up to `jitter`. Returns the elapsed seconds and
    /// the number of throttled requests.
    fn simulate(mut limiter: RateLimiter, start: Instant, requests: usize, rate: f64, jitter: f64) -> (f64, usize) {
        let (mut now, mut served, mut throttles) = (start, 0, 0);
        let (mut tokens, mut refilled) = (rate * 2.5, start);
        let mut seed = 1_u64;
        while served < requests {
            now = now.max(limiter.next(now));
            limiter.take(now);
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let arrival = now + Duration::from_secs_f64(jitter * (seed >> 40) as f64 / f64::from(1 << 24));
            tokens = (tokens + arrival.saturating_duration_since(refilled).as_secs_f64() * rate).min(rate * 2.5);
            refilled = refilled.max(arrival);
            limiter.responded(arrival);
            if tokens >= 1.0 {
                tokens -= 1.0;
                served += 1;
                limiter.succeeded(now);
            } else {
                throttles += 1;
                limiter.throttled(now);
            }
        }
        (now.duration_since(start).as_secs_f64(), throttles)
    }

    #[test]
    fn a_thousand_requests_take_little_more_than_the_minimum_time_without_a_throttle() {
        let start = Instant::now();
        let (seconds, throttles) = simulate(RateLimiter::new(2.0, true, start), start, 1000, 2.0, 0.1);
        let minimum = (1000.0 - 5.0) / 2.0;
        assert!(seconds / minimum < 1.03, "{seconds} s with a minimum of {minimum} s");
        assert_eq!(throttles, 0);
    }

    #[test]
    fn after_a_slow_first_request_the_following_ones_are_not_sent_too_early() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(2.0, true, start);
        while limiter.next(start) <= start {
            limiter.take(start);
        }
        let first_response = start + Duration::from_secs(3);
        assert!(
            limiter.next(first_response) > first_response,
            "the time starts when the service receives the first request"
        );
        limiter.responded(first_response);
        let after = first_response + Duration::from_millis(600);
        assert!(limiter.next(after) <= after);
    }

    #[test]
    fn an_increased_quota_is_fully_used() {
        let start = Instant::now();
        let (seconds, throttles) = simulate(RateLimiter::new(50.0, true, start), start, 1000, 50.0, 0.02);
        assert!(seconds / ((1000.0 - 125.0) / 50.0) < 1.05, "{seconds} s");
        assert_eq!(throttles, 0);
    }

    #[test]
    fn if_other_programs_use_half_the_quota_the_rate_adapts_to_the_other_half() {
        let start = Instant::now();
        let (seconds, throttles) = simulate(RateLimiter::new(4.0, true, start), start, 500, 2.0, 0.05);
        assert!(seconds < 300.0, "{seconds} s, although 250 s are possible");
        assert!(throttles < 250, "{throttles} throttles for 500 requests");
    }

    #[test]
    fn a_throttle_reduces_the_rate_and_successes_restore_it() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(2.0, true, start);
        limiter.responded(start);
        let full = limiter.rate();
        limiter.throttled(start);
        limiter.throttled(start + Duration::from_millis(100));
        assert!((limiter.rate() - full * DECREASE).abs() < 1e-9, "concurrent throttles count once");
        assert!(limiter.next(start + Duration::from_millis(100)) > start + Duration::from_millis(500));
        for second in 1..60 {
            limiter.succeeded(start + Duration::from_secs(second));
        }
        assert!((limiter.rate() - full).abs() < 1e-9);
    }

    #[test]
    fn continuous_throttling_never_stops_requests_completely() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(2.0, true, start);
        limiter.responded(start);
        for second in 0..1000 {
            limiter.throttled(start + Duration::from_secs(second));
        }
        let now = start + Duration::from_secs(1000);
        assert!(limiter.next(now) <= now + Duration::from_secs(10));
    }

    #[test]
    fn a_recently_used_bucket_starts_almost_empty() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(2.0, false, start);
        limiter.take(start);
        assert!(limiter.next(start) > start);
    }
}
