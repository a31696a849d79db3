//! One clock for the whole local cloud: what takes an hour in the real one takes an hour times the scale here, the same
//! factor by which the emulator shortens the Wait states of a state machine.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use time::OffsetDateTime;

/// A scaled clock. Clones share their skew.
#[derive(Clone, Debug)]
pub struct Clock {
    scale: f64,
    skew_ms: Arc<AtomicI64>,
}

impl Clock {
    /// A clock on which a real second lasts `scale` seconds (0.02: fifty times faster than life).
    #[must_use]
    pub fn new(scale: f64) -> Self {
        Self { scale, skew_ms: Arc::new(AtomicI64::new(0)) }
    }

    /// The time by which things happen and expire here: wall time, moved by what [`Clock::advance`] added.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::milliseconds(self.skew_ms.load(Ordering::Relaxed))
    }

    /// How long something lasts here that lasts `seconds` in the real cloud.
    #[must_use]
    pub fn lasts(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.scale).max(0.0))
    }

    /// How many seconds of the real cloud something lasts that lasts `seconds` here.
    #[must_use]
    pub fn real(&self, seconds: f64) -> f64 {
        if self.scale > 0.0 { seconds / self.scale } else { 0.0 }
    }

    /// The moment, on this clock, at which something that lasts `seconds` in the real cloud and begins now is over.
    #[must_use]
    pub fn after(&self, seconds: f64) -> OffsetDateTime {
        self.now() + self.lasts(seconds)
    }

    /// Moves the clock ahead by `seconds` of the real cloud's time (an administrator's call).
    pub fn advance(&self, seconds: f64) {
        let ms = self.lasts(seconds).as_millis();
        self.skew_ms.fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
