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
    fn waits_never_shrink() {
        for attempt in 0..200 {
            assert!(approval(attempt) <= approval(attempt + 1));
            assert!(instance_creation(attempt) <= instance_creation(attempt + 1));
            assert!(entra_replication(attempt) <= entra_replication(attempt + 1));
        }
    }
}
