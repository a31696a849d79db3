//! Wait times of the polling loops in the state machines, and the maximum number of polls in each loop. A poll is one
//! call of a step that checks whether AWS or Entra has finished a request.
//!
//! An execution of a Standard workflow of Step Functions lasts at most one year and has at most 25,000 events. If Step
//! Functions stops an execution at one of these limits, no report is written. Each polling loop therefore ends before
//! an execution reaches these limits, with a report or a named error. `tests/contract/loops.rs` adds up the waits and
//! events of all loops of each state machine and compares the sums with the limits.

/// Seconds between revoking the lease of a finished execution and acquiring this lease for another execution. A lease
/// allows only one execution at a time to change the resources of an alias or the users of an instance. A Lambda
/// invocation of the finished execution may still be running. The invocation can start requests for up to 10 seconds
/// after its last confirmation of the lease, and each attempt of a request takes up to 20 seconds. The remaining 10
/// seconds allow for differences between clocks.
pub const TAKEOVER: u64 = 40;

/// How many times one execution can wait [`TAKEOVER`] seconds. A second wait is needed only if another execution
/// acquires the lease during the first wait and then also finishes without releasing the lease.
pub const MAX_TAKEOVERS: u32 = 5;

/// Seconds until the next poll of a new Connect instance. Amazon Connect needs one or two minutes to create an
/// instance.
#[must_use]
pub const fn instance_creation(attempt: u32) -> u64 {
    if attempt < 20 { 10 } else { 60 }
}

/// Maximum number of polls of a new Connect instance; the waits add up to about three hours.
pub const LAST_CREATION_POLL: u32 = 200;

/// Maximum number of polls of an instance that is being deleted; the waits add up to about 25 minutes.
pub const LAST_DELETION_POLL: u32 = 40;

/// Seconds until the next poll of an Entra application that was just created from the gallery. According to the
/// documentation, replication in Entra takes 5 to 10 seconds. In practice, replication can take minutes.
#[must_use]
pub const fn entra_replication(attempt: u32) -> u64 {
    if attempt < 24 { 5 } else { 30 }
}

/// Maximum number of polls of a new Entra application; the waits add up to about 40 minutes.
pub const LAST_REPLICATION_POLL: u32 = 100;

/// Seconds until the next poll of a request that AWS staff must approve: 15 minutes at first, at most six hours during
/// the first month, and twelve hours after that.
#[must_use]
pub fn approval(attempt: u32) -> u64 {
    const FIRST: u64 = 15 * 60;
    const DAYS: u64 = 6 * 60 * 60;
    const LAST: u64 = 12 * 60 * 60;
    if attempt < 130 { (FIRST << u64::from(attempt.min(10) / 2)).min(DAYS) } else { LAST }
}

/// Maximum number of polls of the request to increase the quota for the number of instances; the waits add up to about
/// two months. This loop runs before all other loops. An execution lasts at most one year, so this loop must leave most
/// of the year for the loops that wait for the instance's quotas and for phone numbers.
pub const LAST_INSTANCE_QUOTA_POLL: u32 = 188;

/// Maximum number of polls of the quota requests for an instance; the waits add up to almost ten months.
pub const LAST_QUOTA_POLL: u32 = 658;

/// Maximum number of polls of ordered phone numbers; the waits add up to almost ten months.
pub const LAST_NUMBER_POLL: u32 = 599;

/// Seconds until the next poll of ordered phone numbers, which take weeks to arrive. After the first day, the interval
/// is twelve hours, so that this loop and the loop for the instance's quotas together remain below the limit of 25,000
/// events for an execution.
#[must_use]
pub fn phone_numbers(attempt: u32) -> u64 {
    const LAST: u64 = 12 * 60 * 60;
    if attempt < 12 { approval(attempt) } else { LAST }
}

/// Seconds until the next poll of a test call. A test call usually takes half a minute and at most five minutes (Amazon
/// Connect administrator guide, "Execute test cases"). A test call that is queued starts later.
#[must_use]
pub const fn first_call(attempt: u32) -> u64 {
    if attempt < 6 { 10 } else { 60 }
}

/// Maximum number of polls of a test call; the waits add up to about 15 minutes.
pub const LAST_FIRST_CALL_POLL: u32 = 20;

/// Seconds until the next poll of a phone number that is being claimed. Claiming a phone number takes seconds to
/// minutes, and the interval grows to one hour. With a constant interval, a claim that never finishes would use up the
/// maximum number of polls within hours. An order of other phone numbers in the same execution needs polls for weeks.
#[must_use]
pub const fn claim(attempt: u32) -> u64 {
    match attempt {
        0..12 => 5,
        12..72 => 60,
        _ => 3_600,
    }
}

/// Seconds until the next attempt to acquire the lock of an alias. An onboarding holds this lock for minutes.
#[must_use]
pub const fn lock(attempt: u32) -> u64 {
    if attempt < 20 { 30 } else { 1800 }
}

/// Maximum number of attempts to acquire a lock; the waits of [`lock`] add up to one day.
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
