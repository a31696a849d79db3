//! The reservations of requests to Connect ([`RateBudget`]).
//!
//! One item for each operation stores the time until which requests are reserved (`reservedUntil`, in milliseconds since
//! the epoch). Functions of the same stack in the same account and Region share these items.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use onboarding_core::StepError;
use time::OffsetDateTime;
use tracing::warn;

use super::{Registry, number, number_in};
use crate::{
    connect::RateBudget,
    runtime::clock::{epoch_millis, millis},
};

/// The prefix of the partition keys of these items. Earlier releases ignore items whose key begins with `approval#`.
const PREFIX: &str = "approval#rate#";
/// Maximum number of attempts to store a reservation.
const MAX_TRIES: usize = 3;
/// A reservation that ends later than this time from now is invalid, because a function reserves only a few seconds at a
/// time. A function with a wrong clock could have stored such a reservation.
const FARTHEST: Duration = Duration::from_secs(15 * 60);

impl RateBudget for Registry<'_> {
    fn reserve<'f>(&'f self, operation: &'static str, duration: Duration) -> LocalBoxFuture<'f, Option<Duration>> {
        Box::pin(async move {
            self.try_reserve(operation, duration).await.unwrap_or_else(|error| {
                warn!(
                    error = error.name(),
                    message = error.message,
                    operation,
                    "requests are sent without a reservation"
                );
                None
            })
        })
    }
}

impl Registry<'_> {
    async fn try_reserve(&self, operation: &str, duration: Duration) -> Result<Option<Duration>, StepError> {
        let doing = format!("reserving requests of {operation} in the registry");
        let key = format!("{PREFIX}{operation}");
        let duration = millis(duration) + 1;
        for _ in 0..MAX_TRIES {
            let now = u64::try_from(epoch_millis(OffsetDateTime::now_utc())).unwrap_or_default();
            let (from, to) = ((":now", number(now)), (":farthest", number(now + millis(FARTHEST))));
            let is_free = "attribute_not_exists(reservedUntil) OR NOT reservedUntil BETWEEN :now AND :farthest";
            let values = [from.clone(), to.clone(), (":until", number(now + duration))];
            if self.update_if(&doing, &key, is_free, "SET reservedUntil = :until", &values).await? {
                return Ok(Some(Duration::ZERO));
            }
            let is_reserved = "reservedUntil BETWEEN :now AND :farthest";
            let values = [from, to, (":duration", number(duration))];
            let update = "SET reservedUntil = reservedUntil + :duration";
            let updated = self.update_returning(&doing, &key, is_reserved, update, &values).await?;
            if let Some(until) = updated.and_then(|updated| number_in(&updated, "reservedUntil")) {
                return Ok(Some(Duration::from_millis(until.saturating_sub(duration + now))));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_not_the_entry_of_an_instance() {
        assert!(super::super::approval::is_key(PREFIX));
    }
}
