//! Assumptions about facts of AWS, Entra and Microsoft Graph that no documentation settles. For each fact, there are
//! two readings (possible interpretations).
//!
//! Each assumption can switch the local cloud from the default reading to the alternative reading. The default reading
//! is the one that documentation, service models or public reports make likely. With the alternative reading, the
//! product must work too, or its report must contain an open item that names the problem. The list in
//! docs/local-cloud.md is generated from these assumptions. `onboard live-check` finds out in a real account which
//! reading is true.

mod aws;
mod connect;
mod entra;

use std::collections::BTreeSet;

use crate::stand_in::options::Behaviour;

/// The name that selects every assumption.
pub const ALL: &str = "all";

/// A text in English and Japanese.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text in English.
    pub en: &'static str,
    /// The text in Japanese.
    pub ja: &'static str,
}

/// The topic of an assumption. The table of assumptions in docs/local-cloud.md is sorted by topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Facts about the Entra tenant and Microsoft Graph.
    Entra,
    /// Facts about signing certificates and IAM's SAML provider.
    Certificates,
    /// Facts about Amazon Connect: instances, users, phone numbers.
    Connect,
    /// Facts about which permissions AWS checks, and how.
    Permissions,
    /// Facts about Service Quotas and AWS Support.
    Quotas,
}

impl Area {
    /// All topics, in the order of the table in docs/local-cloud.md.
    pub const ALL: [Self; 5] = [Self::Entra, Self::Certificates, Self::Connect, Self::Permissions, Self::Quotas];
}

/// A fact that no documentation settles, with its two readings (possible interpretations).
#[derive(Debug)]
pub struct Assumption {
    /// The name of the assumption, in kebab case.
    pub name: &'static str,
    /// The topic of the assumption.
    pub area: Area,
    /// The reading that the local cloud emulates by default.
    pub assumed: Text,
    /// The alternative reading of the assumption.
    pub other: Text,
    /// The source that supports the default reading, or that casts doubt on it.
    pub source: &'static str,
    /// Switches the local cloud to the alternative reading.
    play: fn(&mut Behaviour),
}

/// Every assumption, in the order of the table in docs/local-cloud.md.
pub fn all() -> impl Iterator<Item = &'static Assumption> {
    entra::ROWS.iter().chain(&connect::ROWS).chain(&aws::ROWS)
}

/// The assumptions with these names. The name `all` selects every assumption.
///
/// # Errors
/// Fails if a name is unknown. The message contains that name and a list of all known names.
pub fn named<T: AsRef<str>>(names: &[T]) -> Result<Vec<&'static Assumption>, String> {
    let mut wanted = BTreeSet::new();
    for name in names.iter().map(AsRef::as_ref) {
        if name != ALL && !all().any(|row| row.name == name) {
            let known: Vec<&str> = all().map(|row| row.name).collect();
            return Err(format!("Unknown assumption {name}. Known names: {ALL}, {}.", known.join(", ")));
        }
        wanted.insert(name);
    }
    Ok(all().filter(|row| wanted.contains(ALL) || wanted.contains(row.name)).collect())
}

/// Changes `behaviour` so that the local cloud emulates the alternative reading of these assumptions.
pub fn play(rows: &[&Assumption], behaviour: &mut Behaviour) {
    for row in rows {
        (row.play)(behaviour);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn each_row_has_a_unique_name_and_changes_the_behaviour() {
        let names: BTreeSet<&str> = all().map(|row| row.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.len() >= 25, "{}", names.len());
        let default = format!("{:?}", Behaviour::default());
        let mut seen = BTreeSet::new();
        for row in all() {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(row.name.chars().all(kebab) && row.name != ALL, "{}", row.name);
            let mut behaviour = Behaviour::default();
            play(&[row], &mut behaviour);
            let other = format!("{behaviour:?}");
            assert_ne!(other, default, "{} changes no behavior", row.name);
            assert!(seen.insert(other), "{} changes the same behavior as another row", row.name);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        assert_eq!(named(&["alias-reuse", "rate-bucket", "alias-reuse"]).unwrap().len(), 2);
        assert_eq!(named(&[ALL]).unwrap().len(), all().count());
        let refused = named(&["alias-reuse", "nonsense"]).unwrap_err();
        assert!(refused.contains("nonsense") && refused.contains("rate-bucket"), "{refused}");
    }
}
