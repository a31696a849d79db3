//! Decides when a full comparison is due, and whether a changed user of the tenant may be a group member. A full
//! comparison reads all group members and all Connect users. Other syncs first read only the changes in Entra.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// Number of bits in a [`MemberFilter`] for each member. With this size and [`HASHES`], about 1% of the ids of other
/// users also match the filter.
const BITS_PER_MEMBER: usize = 10;
/// Number of bits that each member sets in the filter.
const HASHES: usize = 7;
/// Minimum size of a filter, in bytes.
const SMALLEST: usize = 64;

/// A compact set of object ids (a Bloom filter). Every member matches the filter, and about 1% of other users also
/// match. Therefore, a change to a user who is not a member rarely causes a full comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFilter(Vec<u8>);

impl MemberFilter {
    /// Maximum number of members. A filter for more members would not fit into one `DynamoDB` item.
    pub const MAX_MEMBERS: usize = 250_000;

    /// Creates the filter for these object ids.
    pub fn new<'i>(ids: impl ExactSizeIterator<Item = &'i str>) -> Self {
        let bytes = (ids.len() * BITS_PER_MEMBER).div_ceil(8).max(SMALLEST);
        let mut bits = vec![0; bytes];
        for id in ids {
            for place in places(id, bytes) {
                bits[place / 8] |= 1 << (place % 8);
            }
        }
        Self(bits)
    }

    /// Creates a filter from the output of [`Self::as_bytes`]. Returns `None` if the bytes are not a filter.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= SMALLEST).then_some(Self(bytes))
    }

    /// The filter as bytes that can be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the id may be that of a member. If the result is false, the id is not that of a member.
    #[must_use]
    pub fn may_contain(&self, id: &str) -> bool {
        places(id, self.0.len()).all(|place| self.0[place / 8] & (1 << (place % 8)) != 0)
    }
}

/// The positions of the bits that an id sets in a filter with this number of bytes.
fn places(id: &str, bytes: usize) -> impl Iterator<Item = usize> {
    let hash = Sha256::digest(id.to_ascii_lowercase());
    let words: Vec<u32> =
        hash.chunks_exact(4).map(|word| word.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))).collect();
    words.into_iter().take(HASHES).map(move |word| word as usize % (bytes * 8))
}

/// Whether the next full comparison of an instance is due. Each instance has one full comparison in each period. The
/// periods of different instances begin at different times, so that the full comparisons of many instances do not start
/// together. If the period is zero, a full comparison is always due. All times are milliseconds since the epoch.
#[must_use]
pub fn comparison_is_due(instance_id: &str, compared_at: u64, now: u64, period: Duration) -> bool {
    let Ok(period) = u64::try_from(period.as_millis()) else { return false };
    if period == 0 || now < compared_at {
        return true;
    }
    let hash = Sha256::digest(instance_id);
    let offset = hash.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) % period;
    let period_of = |at: u64| (at + offset) / period;
    period_of(compared_at) != period_of(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const PERIOD: Duration = Duration::from_secs(4 * 3600);

    fn id(number: usize) -> String {
        format!("75000000-ABCD-4000-8000-{number:012}")
    }

    #[test]
    fn a_filter_contains_every_member_in_any_case_and_few_other_ids() {
        let ids: Vec<String> = (0..10_000).map(id).collect();
        let filter = MemberFilter::new(ids.iter().map(String::as_str));
        assert!(ids.iter().all(|id| filter.may_contain(&id.to_lowercase())));
        let others = (10_000..20_000).filter(|number| filter.may_contain(&id(*number))).count();
        assert!(others < 200, "{others} of 10,000 other ids");
        assert!(filter.as_bytes().len() < 13_000);
        assert_eq!(MemberFilter::from_bytes(filter.as_bytes().to_vec()), Some(filter));
    }

    #[test]
    fn the_filter_of_the_most_members_fits_in_one_item() {
        const { assert!(MemberFilter::MAX_MEMBERS * BITS_PER_MEMBER / 8 < 350_000) };
        assert_eq!(MemberFilter::from_bytes(Vec::new()), None);
        assert!(!MemberFilter::new(std::iter::empty()).may_contain(&id(1)));
    }

    #[test]
    fn each_period_has_one_full_comparison_and_its_time_differs_between_instances() {
        let due_at =
            |instance: &str| (0..5).find(|hour| comparison_is_due(instance, 1000 * HOUR, (1000 + hour) * HOUR, PERIOD));
        let times: std::collections::BTreeSet<_> = (0..100).map(|number| due_at(&id(number))).collect();
        assert_eq!(times, (1..5).map(Some).collect(), "spread over all hours, and never later than one period");
    }

    #[test]
    fn without_a_period_and_after_a_change_of_the_clock_a_comparison_is_due() {
        assert!(comparison_is_due("i", HOUR, HOUR, Duration::ZERO));
        assert!(comparison_is_due("i", 2 * HOUR, HOUR, PERIOD));
        assert!(!comparison_is_due("i", HOUR, HOUR, PERIOD));
    }
}
