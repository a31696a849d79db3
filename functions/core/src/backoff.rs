//! How long to wait between two looks at something slow. The waits grow, so that a year of waiting stays far below the
//! 25,000 events that one execution may have (about nine events a look).

/// Seconds until the next look at a new Connect instance: creation takes a minute or two.
#[must_use]
pub const fn instance_creation(attempt: u32) -> u64 {
    if attempt < 20 { 10 } else { 60 }
}

/// Seconds until the next look at a freshly instantiated Entra application: documentation says 5 to 10 seconds, the field
/// says minutes.
#[must_use]
pub const fn entra_replication(attempt: u32) -> u64 {
    if attempt < 24 { 5 } else { 30 }
}

/// Seconds until the next look at a request that people at AWS decide: 15 minutes at first, six hours in the end. A year
/// makes fewer than 1,500 looks.
#[must_use]
pub fn approval(attempt: u32) -> u64 {
    const FIRST: u64 = 15 * 60;
    const LAST: u64 = 6 * 60 * 60;
    (FIRST << u64::from(attempt.min(10) / 2)).min(LAST)
}

/// How many looks at quotas there are before the loop gives up: the waits of [`approval`] then add up to eleven and a
/// half months. An execution lives for one year, and one that times out leaves no report.
pub const LAST_LOOK: u32 = 1_400;

/// How many looks for ordered phone numbers there are: the waits of [`phone_numbers`] then add up to eleven and a half
/// months, for the same reason.
pub const LAST_NUMBER_LOOK: u32 = 700;

/// Seconds until the next look for phone numbers that were ordered: weeks. Twelve hours in the end, so that this loop and
/// that of the quotas together stay below the event limit of their execution.
#[must_use]
pub fn phone_numbers(attempt: u32) -> u64 {
    const LAST: u64 = 12 * 60 * 60;
    if attempt < 12 { approval(attempt) } else { LAST }
}

/// Seconds until the next look at a number that is being claimed: seconds to minutes.
#[must_use]
pub const fn claim(attempt: u32) -> u64 {
    if attempt < 12 { 5 } else { 60 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_waiting_for_an_approval_stays_below_the_event_limit_of_an_execution() {
        let (mut seconds, mut attempt) = (0, 0);
        while seconds < 365 * 24 * 3600 {
            seconds += approval(attempt);
            attempt += 1;
        }
        assert!(attempt * 9 < 25_000, "{attempt} looks");
        assert_eq!(approval(0), 900);
        assert_eq!(approval(100), 21_600);
    }

    #[test]
    fn a_year_of_waiting_for_quotas_and_numbers_at_once_stays_below_the_event_limit() {
        // A look is a Wait (2 events), a Task (5) and a Choice (2). The rest of an onboarding makes a few hundred.
        let events = (LAST_LOOK + LAST_NUMBER_LOOK) * 9;
        assert!(events + 1_000 < 25_000, "{events}");
        for (last, wait) in [(LAST_LOOK, approval as fn(u32) -> u64), (LAST_NUMBER_LOOK, phone_numbers)] {
            let days = (0..last).map(wait).sum::<u64>() / (24 * 3600);
            assert!((330..355).contains(&days), "{days} days: the report comes before the execution's end");
        }
    }

    #[test]
    fn waits_never_shrink() {
        for attempt in 0..200 {
            assert!(approval(attempt) <= approval(attempt + 1));
            assert!(phone_numbers(attempt) <= phone_numbers(attempt + 1));
            assert!(claim(attempt) <= claim(attempt + 1));
            assert!(instance_creation(attempt) <= instance_creation(attempt + 1));
            assert!(entra_replication(attempt) <= entra_replication(attempt + 1));
        }
    }
}
