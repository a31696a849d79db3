//! Requests for another pass of a running user sync (docs/theory.md, "Rounds and passes").
//!
//! A running sync accepts a request in two phases: while it holds the lease of the instance (`lease`), and while it
//! gathers changes after a pass (`gatherer`, until about `gatherUntil`). A request sets `dirty`, on the condition that
//! the sync is still in the same phase. The sync leaves a phase only with a write that depends on `dirty`, or that
//! clears `dirty` before a comparison begins. So no request is lost.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::StepError;
use time::OffsetDateTime;

use super::{
    Item, Registry,
    lease::{USERS_LEASE, is_running},
    string, text, time,
};

/// For how long after the last renewal of a lease its holder is expected to run. While a function of a sync runs, it
/// renews the lease at least every 10 seconds. Three times this time also covers the start of a function and the states
/// between two functions. If the lease is older, for example because the sync was stopped or waits for a retry, an
/// execution of the user sync must check its holder.
const RENEWED: Duration = Duration::from_secs(30);
/// How late the write that ends the gathering may be: the time for two retries of this write, and differences between
/// clocks.
const LATE: Duration = Duration::from_secs(10);

/// A user sync that the registry shows as running. A running sync compares Entra and Connect again if another pass is
/// requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningSync {
    execution: String,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The sync holds the lease of the instance.
    Pass,
    /// The sync has released the lease and gathers requests. Meanwhile, any other execution can acquire the lease.
    Gathering,
}

impl RunningSync {
    /// Returns the running sync that the item of an instance shows. Returns `None` if there is none, or if it is not
    /// certain that the sync is still running.
    pub(super) fn in_item(item: &Item, now: OffsetDateTime) -> Option<Self> {
        if let Some(execution) = text(item, "lease") {
            let renewed = time(item, "leaseUntil")? - USERS_LEASE;
            let is_running = (now - renewed).abs() < RENEWED && !item.contains_key("leaseRevokedAt");
            return is_running.then(|| Self { execution: execution.to_owned(), phase: Phase::Pass });
        }
        let (execution, until) = (text(item, "gatherer")?, time(item, "gatherUntil")?);
        (now < until + LATE).then(|| Self { execution: execution.to_owned(), phase: Phase::Gathering })
    }
}

impl Registry<'_> {
    /// Requests another pass from a running sync. An urgent pass begins without a time of gathering. Returns `false` if
    /// the sync does not accept the request: the sync has ended or is in another phase, or it is gathering and the pass
    /// is urgent. The caller must then start another sync.
    ///
    /// The registry alone does not show that a sync is running: the function of a stopped execution keeps running for
    /// up to 15 minutes, and renews the lease.
    ///
    /// # Errors
    /// If `DynamoDB` or Step Functions returns an error.
    pub async fn request_pass(
        &self,
        step_functions: &aws_sdk_sfn::Client,
        instance_id: &str,
        sync: &RunningSync,
        urgent: bool,
    ) -> Result<bool, StepError> {
        let condition = match sync.phase {
            Phase::Pass => "lease = :sync AND attribute_not_exists(leaseRevokedAt)",
            Phase::Gathering if urgent => return Ok(false),
            Phase::Gathering => "gatherer = :sync AND attribute_not_exists(lease)",
        };
        if !is_running(step_functions, &sync.execution).await? {
            return Ok(false);
        }
        let update = if urgent { "SET dirty = :yes, urgent = :yes" } else { "SET dirty = :yes" };
        let doing = format!("requesting another pass of the user sync of the instance {instance_id}");
        let values = [(":sync", string(&sync.execution)), (":yes", AttributeValue::Bool(true))];
        self.update_if(&doing, instance_id, condition, update, &values).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::number;

    const NOW: i64 = 1_800_000_000;

    fn running(attributes: &[(&str, i64)]) -> Option<RunningSync> {
        let item = attributes.iter().map(|&(name, seconds)| match name {
            "lease" | "gatherer" => (name.to_owned(), string(name)),
            _ => (name.to_owned(), number((NOW + seconds) * 1000)),
        });
        RunningSync::in_item(&item.collect(), OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(NOW))
    }

    #[test]
    fn a_sync_is_running_if_its_lease_was_renewed_recently_and_is_not_revoked() {
        let of_lease = Some(RunningSync { execution: "lease".into(), phase: Phase::Pass });
        for (until, expected) in [(3600, &of_lease), (3571, &of_lease), (3570, &None), (3629, &of_lease), (3630, &None)]
        {
            assert_eq!(&running(&[("lease", 0), ("leaseUntil", until)]), expected, "{until}");
        }
        assert_eq!(running(&[("lease", 0), ("leaseUntil", 3600), ("leaseRevokedAt", 0)]), None);
        assert_eq!(running(&[("lease", 0)]), None);
        assert_eq!(running(&[]), None);
    }

    #[test]
    fn a_sync_gathers_changes_until_the_end_of_its_wait_unless_another_execution_holds_the_lease() {
        let of_gatherer = Some(RunningSync { execution: "gatherer".into(), phase: Phase::Gathering });
        for (until, expected) in [(30, &of_gatherer), (-9, &of_gatherer), (-10, &None)] {
            assert_eq!(&running(&[("gatherer", 0), ("gatherUntil", until)]), expected, "{until}");
        }
        assert_eq!(running(&[("lease", 0), ("leaseUntil", 0), ("gatherer", 0), ("gatherUntil", 30)]), None);
    }
}
