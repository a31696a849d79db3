//! Counter-assumptions: every fact about AWS, Entra and Graph that no documentation settles, with both of its readings.
//!
//! A row is a real switch in how the local cloud behaves. The default reading is the one that documentation, service models or
//! public reports make likely; the product must also work, or end with a clear open item, under the other one. The list of what was
//! not seen in a real account is generated from this table, and `onboard live-check` finds out which reading is true.

mod aws;
mod connect;
mod entra;

use std::collections::BTreeSet;

use crate::options::Behaviour;

/// The word that stands for every row.
pub const ALL: &str = "all";

/// A text in both languages of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Japanese.
    pub ja: &'static str,
}

/// What a fact is about: one paragraph of the documents each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The Entra tenant and Microsoft Graph.
    Entra,
    /// Signing certificates and IAM's SAML provider.
    Certificates,
    /// Amazon Connect: instances, users, phone numbers.
    Connect,
    /// Which permissions AWS checks, and how.
    Permissions,
    /// Service Quotas and AWS Support.
    Quotas,
}

impl Area {
    /// All of them, in the order of the documents.
    pub const ALL: [Self; 5] = [Self::Entra, Self::Certificates, Self::Connect, Self::Permissions, Self::Quotas];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> Text {
        match self {
            Self::Entra => Text { en: "Entra and Graph", ja: "Entra と Graph" },
            Self::Certificates => Text { en: "Certificates", ja: "証明書" },
            Self::Connect => Text { en: "Amazon Connect", ja: "Amazon Connect" },
            Self::Permissions => Text { en: "Permissions", ja: "アクセス許可" },
            Self::Quotas => Text { en: "Quotas and Support", ja: "クォータとサポート" },
        }
    }
}

/// One fact that no documentation settles.
#[derive(Debug)]
pub struct Assumption {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// What it is about.
    pub area: Area,
    /// The reading that the local cloud emulates by default.
    pub assumed: Text,
    /// The other reading.
    pub other: Text,
    /// Where the default reading, or the doubt about it, comes from.
    pub source: &'static str,
    /// Switches the local cloud to the other reading.
    play: fn(&mut Behaviour),
}

/// Every row, in the order of the documents.
pub fn all() -> impl Iterator<Item = &'static Assumption> {
    entra::ROWS.iter().chain(&connect::ROWS).chain(&aws::ROWS)
}

/// The rows of these names; `all` names every row.
///
/// # Errors
/// The first unknown name, with all known ones.
pub fn named<T: AsRef<str>>(names: &[T]) -> Result<Vec<&'static Assumption>, String> {
    let mut wanted = BTreeSet::new();
    for name in names.iter().map(AsRef::as_ref) {
        if name != ALL && !all().any(|row| row.name == name) {
            let known: Vec<&str> = all().map(|row| row.name).collect();
            return Err(format!("There is no assumption {name}. There are: {ALL}, {}.", known.join(", ")));
        }
        wanted.insert(name);
    }
    Ok(all().filter(|row| wanted.contains(ALL) || wanted.contains(row.name)).collect())
}

/// Switches a behaviour to the other reading of these rows.
pub fn play(rows: &[&Assumption], behaviour: &mut Behaviour) {
    for row in rows {
        (row.play)(behaviour);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn each_row_has_a_name_of_its_own_and_changes_the_behaviour() {
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
            assert_ne!(other, default, "{} switches nothing", row.name);
            assert!(seen.insert(other), "{} switches what another row switches", row.name);
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
