//! The token buckets of Connect, which limit the rate of calls. They use real time: the clock scale of the local cloud
//! does not affect them.

use std::collections::HashMap;
use std::time::Instant;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// The token buckets by name: one bucket for each operation, or a single bucket that all operations share.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<String, Bucket>);

impl Buckets {
    /// Takes a token from the token bucket `name`. The bucket refills at `rate` tokens per second, up to `burst`
    /// tokens. Returns whether a token was available.
    pub(crate) fn take(&mut self, name: &str, rate: f64, burst: f64, now: Instant) -> bool {
        let bucket = self.0.entry(name.to_owned()).or_insert(Bucket { tokens: burst, at: now });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(burst);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn after_the_burst_the_bucket_allows_its_rate() {
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        let given =
            (0..100u64).filter(|n| buckets.take("Op", 2.0, 5.0, start + Duration::from_millis(n * 100))).count();
        // 24 tokens: the burst of 5, and 2 tokens per second for 9.9 seconds.
        assert_eq!(given, 24);
    }
}
