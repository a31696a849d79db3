//! The scaled clock of the whole local cloud. An operation that takes one hour in the real cloud takes one hour times
//! the scale in the local cloud. The emulator shortens the Wait states of a state machine by the same factor.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use time::OffsetDateTime;

/// A scaled clock. Clones share the offset that [`Clock::advance`] adds.
#[derive(Clone, Debug)]
pub struct Clock {
    scale: f64,
    skew_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Creates a clock on which one real-cloud second takes `scale` seconds (0.02: fifty times faster).
    #[must_use]
    pub fn new(scale: f64) -> Self {
        Self { scale, skew_ms: Arc::new(AtomicI64::new(0)) }
    }

    /// The current time of the local cloud: wall-clock time plus the offset from [`Clock::advance`].
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::milliseconds(self.skew_ms.load(Ordering::Relaxed))
    }

    /// Converts a duration in the real cloud, in seconds, to the duration in the local cloud.
    #[must_use]
    pub fn lasts(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.scale).max(0.0))
    }

    /// Converts a duration in the local cloud, in seconds, to the duration in the real cloud, in seconds.
    #[must_use]
    pub fn real(&self, seconds: f64) -> f64 {
        if self.scale > 0.0 { seconds / self.scale } else { 0.0 }
    }

    /// The time on this clock at which an operation that starts now will finish. `seconds` is the duration of the
    /// operation in the real cloud.
    #[must_use]
    pub fn after(&self, seconds: f64) -> OffsetDateTime {
        self.now() + self.lasts(seconds)
    }

    /// Advances the clock by `seconds` of real-cloud time (an administration call).
    pub fn advance(&self, seconds: f64) {
        let ms = self.lasts(seconds).as_millis();
        self.skew_ms.fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
