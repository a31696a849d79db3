//! Progress of a user sync: how many users it has processed, and how fast. The running sync writes these numbers to the
//! registry.

use std::collections::VecDeque;

use onboarding_core::sync::SyncProgress;

use crate::output::UserProgress;

/// The processing rate is measured over this number of seconds.
const SPAN: f64 = 30.0;

/// Number of processed users and the processing rate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    planned: f64,
    /// Measurements, oldest first. Each measurement is a time and the number of users that the sync had processed by
    /// this time.
    done: VecDeque<(f64, f64)>,
    failed: f64,
}

impl Users {
    /// Adds a measurement from the registry. Ignores it if an earlier sync wrote it, that is, before the time
    /// `started`.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn observe(&mut self, progress: &SyncProgress, started: f64) {
        let at = progress.at as f64 / 1_000.0;
        if at < started || self.done.back().is_some_and(|(last, _)| *last >= at) {
            return;
        }
        self.planned = progress.planned as f64;
        self.failed = progress.failed as f64;
        self.done.push_back((at, progress.done as f64));
        while self.done.len() > 2 && self.done.front().is_some_and(|(then, _)| at - then > SPAN) {
            self.done.pop_front();
        }
    }

    /// The number of processed users and the number of planned users, if known.
    #[must_use]
    pub fn counts(&self) -> Option<(f64, f64)> {
        let (_, done) = self.done.back()?;
        (self.planned > 0.0).then_some((done.min(self.planned), self.planned))
    }

    /// Number of users for which a change failed.
    #[must_use]
    pub const fn failed(&self) -> f64 {
        self.failed
    }

    /// How many users the sync processed per second during the last half minute.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let ((first, before), (last, done)) = (self.done.front()?, self.done.back()?);
        let rate = (done - before) / (last - first);
        (last > first && rate > 0.0).then_some(rate)
    }

    /// Estimated number of seconds until all users are processed.
    #[must_use]
    pub fn left(&self) -> Option<f64> {
        let (done, planned) = self.counts()?;
        Some((planned - done) / self.rate()?)
    }

    /// The progress of the users as the tool prints it with `--json`, if the progress is known.
    #[must_use]
    pub fn output(&self) -> Option<UserProgress> {
        let (done, planned) = self.counts()?;
        Some(UserProgress { done, planned, failed: self.failed, per_second: self.rate(), seconds_left: self.left() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn at(second: i64, done: usize) -> SyncProgress {
        SyncProgress { at: second * 1_000, planned: 1_000, done, failed: 1 }
    }

    #[test]
    fn rate_and_remaining_time_are_based_on_the_last_half_minute() {
        let mut users = Users::default();
        for (second, done) in [(100, 0), (110, 400), (150, 480), (170, 520)] {
            users.observe(&at(second, done), 90.0);
        }
        assert_eq!(users.counts().unwrap(), (520.0, 1_000.0));
        assert!((users.rate().unwrap() - 2.0).abs() < 0.01, "{users:?}");
        assert!((users.left().unwrap() - 240.0).abs() < 1.0);
    }

    #[test]
    fn counts_of_an_earlier_sync_are_ignored() {
        let mut users = Users::default();
        users.observe(&at(50, 7), 90.0);
        assert_eq!(users.counts(), None);
        users.observe(&SyncProgress::default(), 90.0);
        assert_eq!(users.output(), None);
    }

    #[test]
    fn a_repeated_count_does_not_lower_the_rate() {
        let mut users = Users::default();
        for (second, done) in [(100, 0), (102, 10), (102, 10)] {
            users.observe(&at(second, done), 90.0);
        }
        assert!((users.rate().unwrap() - 5.0).abs() < 0.01);
    }
}
