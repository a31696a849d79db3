//! The clock of the whole local cloud. Its scale is the duration of an operation in the local cloud, divided by the
//! duration of the same operation in the real cloud. The emulator multiplies the times of Wait states by the same
//! scale.

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
    /// Creates a clock. What takes one second in the real cloud takes `scale` seconds on this clock (0.02: fifty times
    /// faster).
    #[must_use]
    pub fn new(scale: f64) -> Self {
        Self { scale, skew_ms: Arc::new(AtomicI64::new(0)) }
    }

    /// The current time of the local cloud: the real time plus the offset from [`Clock::advance`].
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

    /// Advances the clock, for an administration call. `seconds` is a duration in the real cloud, which the scale
    /// shortens.
    pub fn advance(&self, seconds: f64) {
        let ms = self.lasts(seconds).as_millis();
        self.skew_ms.fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
