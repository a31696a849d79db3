//! Wait times and attempt limits of the polling loops in the state machines.
//!
//! A Standard execution lasts at most one year and has at most 25,000 events. If Step Functions stops an execution at
//! one of these limits, there is no report. Each polling loop therefore ends earlier, with a report or a named error.
//! `tests/contract/loops.rs` adds up the waits and events of all loops of each state machine and compares the sums with
//! the limits.

/// Seconds between the revocation of a finished execution's lease and the takeover of this lease. An invocation of the
/// finished execution may still be running: it starts requests for up to 10 seconds after its last confirmation of the
/// lease, and each attempt of a request takes up to 20 seconds. The remaining seconds cover differences between clocks.
pub const TAKEOVER: u64 = 40;

/// Maximum number of waits of [`TAKEOVER`] seconds in one execution. A second wait is needed only if another execution
/// acquires the lease during the first wait and then also finishes without releasing the lease.
pub const MAX_TAKEOVERS: u32 = 5;

/// Seconds until the next poll of a new Connect instance. The creation of an instance takes one or two minutes.
#[must_use]
pub const fn instance_creation(attempt: u32) -> u64 {
    if attempt < 20 { 10 } else { 60 }
}

/// Maximum number of polls for a new instance: about three hours.
pub const LAST_CREATION_POLL: u32 = 200;

/// Maximum number of polls for the deletion of an instance: about 25 minutes.
pub const LAST_DELETION_POLL: u32 = 40;

/// Seconds until the next poll of a newly instantiated Entra application. The documentation says replication takes 5 to
/// 10 seconds; in practice it can take minutes.
#[must_use]
pub const fn entra_replication(attempt: u32) -> u64 {
    if attempt < 24 { 5 } else { 30 }
}

/// Maximum number of polls for a new Entra application: about 40 minutes.
pub const LAST_REPLICATION_POLL: u32 = 100;

/// Seconds until the next poll of a request on which AWS staff decide: 15 minutes on the first day, six hours in the
/// rest of the first month, and twelve hours after that.
#[must_use]
pub fn approval(attempt: u32) -> u64 {
    const FIRST: u64 = 15 * 60;
    const DAYS: u64 = 6 * 60 * 60;
    const LAST: u64 = 12 * 60 * 60;
    if attempt < 130 { (FIRST << u64::from(attempt.min(10) / 2)).min(DAYS) } else { LAST }
}

/// Maximum number of polls for the quota on the number of instances: about two months. This loop runs before all other
/// loops. An execution can last one year, so this loop must leave most of the year to the loops for the instance's
/// quotas and for the phone numbers.
pub const LAST_INSTANCE_QUOTA_POLL: u32 = 188;

/// Maximum number of polls for the quotas of an instance: almost ten months.
pub const LAST_QUOTA_POLL: u32 = 658;

/// Maximum number of polls for ordered phone numbers: almost ten months.
pub const LAST_NUMBER_POLL: u32 = 599;

/// Seconds until the next poll for ordered phone numbers, which take weeks to arrive. After the first day the interval
/// is twelve hours, so that this loop and the loop for the instance's quotas together stay below the execution's limit
/// of 25,000 events.
#[must_use]
pub fn phone_numbers(attempt: u32) -> u64 {
    const LAST: u64 = 12 * 60 * 60;
    if attempt < 12 { approval(attempt) } else { LAST }
}

/// Seconds until the next poll of a test call. A test call usually takes half a minute, and at most five minutes
/// (Amazon Connect administrator guide, "Execute test cases"). A queued test call starts later.
#[must_use]
pub const fn first_call(attempt: u32) -> u64 {
    if attempt < 6 { 10 } else { 60 }
}

/// Maximum number of polls for a test call: about 15 minutes.
pub const LAST_FIRST_CALL_POLL: u32 = 20;

/// Seconds until the next poll of a phone number that is being claimed. A claim takes seconds to minutes, and the
/// interval grows to one hour. With a constant interval, a claim that never finishes would use up the maximum number of
/// polls within hours, although an order in the same execution needs polls for weeks.
#[must_use]
pub const fn claim(attempt: u32) -> u64 {
    match attempt {
        0..12 => 5,
        12..72 => 60,
        _ => 3_600,
    }
}

/// Seconds until the next attempt to acquire the lock of an alias. An onboarding holds the lock for minutes.
#[must_use]
pub const fn lock(attempt: u32) -> u64 {
    if attempt < 20 { 30 } else { 1800 }
}

/// Maximum number of attempts to acquire a lock: the waits of [`lock`] add up to one day.
pub const LAST_LOCK_ATTEMPT: u32 = 67;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_polled_often_at_first_and_twice_a_day_after_a_month() {
        assert_eq!([0, 10, 129, 130].map(approval), [900, 21_600, 21_600, 43_200]);
    }

    #[test]
    fn the_attempts_to_take_a_lock_add_up_to_a_day() {
        let hours = (0..LAST_LOCK_ATTEMPT).map(lock).sum::<u64>() / 3600;
        assert!((23..=25).contains(&hours), "{hours} hours");
    }

    #[test]
    fn waits_never_shrink() {
        for attempt in 0..700 {
            assert!(approval(attempt) <= approval(attempt + 1));
            assert!(phone_numbers(attempt) <= phone_numbers(attempt + 1));
            assert!(lock(attempt) <= lock(attempt + 1));
            assert!(claim(attempt) <= claim(attempt + 1));
            assert!(instance_creation(attempt) <= instance_creation(attempt + 1));
            assert!(entra_replication(attempt) <= entra_replication(attempt + 1));
        }
    }
}
