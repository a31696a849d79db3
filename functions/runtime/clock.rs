//! The clock for all waits of the functions: backoff, timeouts of requests, and waits for replication. In AWS, the
//! clock is not scaled.
//!
//! The local cloud responds faster than AWS and Microsoft, so waits in real time would take most of the duration of a
//! local run. Therefore, a scale factor can shorten the waits. The scale factor applies only if the AWS endpoint is on
//! the loopback interface. A deployed function with such an endpoint could not reach AWS, so the waits of a deployed
//! function are never shortened.

use std::{net::IpAddr, time::Duration};

use reqwest::Url;
use time::OffsetDateTime;
use uuid::Uuid;

/// The environment variable with the URL of the AWS endpoint. The SDK reads the same variable.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// The minimum timeout. A call on the loopback interface usually takes milliseconds, but up to a second on a busy
/// machine.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(8);

/// Returns a time in milliseconds since the epoch. The registry and the logs use this format.
#[must_use]
pub fn epoch_millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Returns a duration in milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Converts the duration of a wait in AWS to the duration of this wait in this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    scale: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Clock {
    /// The environment variable with the scale factor for waits, which is greater than 0 and at most 1.
    pub const SCALE: &str = "CLOCK_SCALE";

    /// Reads the scale factor with the function `var`, which reads environment variables except in tests. The scale
    /// factor is 1 unless the AWS endpoint is on the loopback interface.
    #[must_use]
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Self {
        let scale = var(Self::SCALE).and_then(|text| text.parse().ok()).filter(|scale| *scale > 0.0 && *scale <= 1.0);
        let local = var(ENDPOINT).is_some_and(|endpoint| is_on_loopback(&endpoint));
        scale.filter(|_| local).map_or_else(Self::default, |scale| Self { scale })
    }

    /// Returns the scaled duration of a wait.
    #[must_use]
    pub fn wait(self, real: Duration) -> Duration {
        real.mul_f64(self.scale)
    }

    /// Returns the scaled duration of a timeout.
    #[must_use]
    pub fn timeout(self, real: Duration) -> Duration {
        self.wait(real).max(SHORTEST_TIMEOUT.min(real))
    }

    /// Sleeps for the duration `real`, multiplied by the scale factor.
    pub async fn sleep(self, real: Duration) {
        tokio::time::sleep(self.wait(real)).await;
    }
}

/// Returns the duration with a random deviation of up to half of its length. As a result, requests that failed at the
/// same time are not retried at the same time.
#[must_use]
pub fn with_jitter(base: Duration) -> Duration {
    let jitter = u32::from(Uuid::new_v4().as_bytes()[0]);
    base / 2 + base.mul_f64(0.5) * jitter / 128
}

fn is_on_loopback(endpoint: &str) -> bool {
    let url = Url::parse(endpoint).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock(scale: &str, endpoint: Option<&str>) -> Clock {
        Clock::read(|name| match name {
            Clock::SCALE => Some(scale.to_owned()),
            ENDPOINT => endpoint.map(ToOwned::to_owned),
            _ => None,
        })
    }

    #[test]
    fn waits_are_scaled_if_the_endpoint_is_on_loopback() {
        for endpoint in ["http://127.0.0.1:4566", "http://[::1]:4566", "http://127.8.0.1/"] {
            assert_eq!(clock("0.01", Some(endpoint)).wait(SECOND), Duration::from_millis(10), "{endpoint}");
        }
    }

    #[test]
    fn waits_are_not_scaled_if_the_endpoint_is_not_on_loopback() {
        let elsewhere = [
            None,
            Some(""),
            Some("https://states.ap-northeast-1.amazonaws.com"),
            Some("http://127.0.0.1.example.com"),
            Some("http://127.0.0.1@example.com"),
            Some("http://10.0.0.1"),
            Some("http://localhost"),
            Some("127.0.0.1"),
        ];
        for endpoint in elsewhere {
            assert_eq!(clock("0.01", endpoint), Clock::default(), "{endpoint:?}");
        }
    }

    #[test]
    fn the_stack_sets_neither_the_scale_nor_the_endpoint() {
        let template = include_str!("../../template.yaml");
        assert!(template.contains("GRAPH_URL"), "the template sets the functions' environment variables");
        assert!(!template.contains(Clock::SCALE) && !template.contains(ENDPOINT));
    }

    #[test]
    fn an_invalid_scale_is_ignored() {
        for scale in ["", "0", "-1", "2", "inf", "NaN", "fast"] {
            assert_eq!(clock(scale, Some("http://127.0.0.1")), Clock::default(), "{scale}");
        }
    }

    #[test]
    fn a_scaled_timeout_does_not_fall_below_the_minimum() {
        let clock = clock("0.01", Some("http://127.0.0.1"));
        assert_eq!(clock.timeout(20 * SECOND), SHORTEST_TIMEOUT);
        assert_eq!(clock.timeout(1000 * SECOND), 10 * SECOND);
        assert_eq!(clock.timeout(SECOND), SECOND);
        assert_eq!(Clock::default().timeout(20 * SECOND), 20 * SECOND);
    }
}
