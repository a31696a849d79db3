//! How long to wait between two polls of something slow, and after how many polls a loop of a state machine ends with a
//! report or a named error. An execution lives for one year and has at most 25,000 events; one that Step Functions ends
//! leaves no report. `tests/contract/loops.rs` adds up the waits and events of all loops of each state machine.

/// Seconds until the next poll of a new Connect instance: creation takes a minute or two.
#[must_use]
pub const fn instance_creation(attempt: u32) -> u64 {
    if attempt < 20 { 10 } else { 60 }
}

/// How many polls a new instance gets: three hours.
pub const LAST_CREATION_LOOK: u32 = 200;

/// How many polls a deleted instance gets to disappear: about 25 minutes.
pub const LAST_DELETION_LOOK: u32 = 40;

/// Seconds until the next poll of a freshly instantiated Entra application: documentation says 5 to 10 seconds, the field
/// says minutes.
#[must_use]
pub const fn entra_replication(attempt: u32) -> u64 {
    if attempt < 24 { 5 } else { 30 }
}

/// How many polls a new Entra application gets: 40 minutes.
pub const LAST_REPLICATION_LOOK: u32 = 100;

/// Seconds until the next poll of a request that people at AWS decide: 15 minutes at first, six hours after a day, twelve
/// hours after a month.
#[must_use]
pub fn approval(attempt: u32) -> u64 {
    const FIRST: u64 = 15 * 60;
    const DAYS: u64 = 6 * 60 * 60;
    const LAST: u64 = 12 * 60 * 60;
    if attempt < 130 { (FIRST << u64::from(attempt.min(10) / 2)).min(DAYS) } else { LAST }
}

/// How many polls the instance quota gets: two months. It comes before everything else, so it must leave the year to the
/// quotas of the instance and the phone numbers.
pub const LAST_INSTANCE_QUOTA_LOOK: u32 = 188;

/// How many polls the quotas of an instance get: nearly ten months.
pub const LAST_LOOK: u32 = 658;

/// How many polls ordered phone numbers get: nearly ten months.
pub const LAST_NUMBER_LOOK: u32 = 599;

/// Seconds until the next poll for phone numbers that were ordered: weeks. Twelve hours after the first day, so that this
/// loop and that of the quotas together stay below the event limit of their execution.
#[must_use]
pub fn phone_numbers(attempt: u32) -> u64 {
    const LAST: u64 = 12 * 60 * 60;
    if attempt < 12 { approval(attempt) } else { LAST }
}

/// Seconds until the next poll of a number that is being claimed: seconds to minutes. An hour in the end, so that a claim
/// that never ends does not use up the polls of an order beside it within hours.
#[must_use]
pub const fn claim(attempt: u32) -> u64 {
    match attempt {
        0..12 => 5,
        12..72 => 60,
        _ => 3_600,
    }
}

/// Seconds until the next attempt to take the lock of an alias, which an onboarding holds for minutes.
#[must_use]
pub const fn lock(attempt: u32) -> u64 {
    if attempt < 20 { 30 } else { 1800 }
}

/// How many attempts to take a lock there are: the waits of [`lock`] then add up to a day.
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
