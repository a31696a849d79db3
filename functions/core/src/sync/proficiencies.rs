//! The proficiencies that users get from their groups, and the requests that assign these proficiencies to a user.
//!
//! None of Connect's operations that list users returns proficiencies (service model of Amazon Connect,
//! `UserSearchSummary` and `User`). Reading the proficiencies of all users would need one request for each user.
//! Therefore, a tag of each user contains a record of the proficiencies that the sync has assigned. The sync reads the
//! proficiencies of a user only if this record differs from the proficiencies of the user's groups. The sync changes
//! and removes only proficiencies that are in the groups or in the record. All other proficiencies were assigned
//! manually and are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::digest;
use crate::onboarding::{Proficiency, Users};
use crate::text::Quoted;

/// The prefix of a record that is written before the proficiencies are assigned. If the sync is interrupted, the next
/// sync finds this prefix and reads the proficiencies of the user.
const PENDING: &str = "pending:";
/// Length of the digest that identifies an attribute and a value in a record, in bytes.
const FINGERPRINT_BYTES: usize = 4;

/// A proficiency that a user gets, and the group that defines it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GivenProficiency {
    /// The attribute, the value and the level.
    pub proficiency: Proficiency,
    /// The name of the first group that defines this level.
    pub group: String,
}

/// All proficiencies that a user gets from the groups, ordered by attribute and value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proficiencies {
    given: Vec<GivenProficiency>,
    record: Option<String>,
}

impl Proficiencies {
    /// Combines the proficiencies of all groups, each with its highest level. `None` if a user would get more than
    /// [`Users::MAX_PROFICIENCIES`] proficiencies.
    pub(super) fn of_groups<'g>(groups: impl Iterator<Item = (&'g str, &'g [Proficiency])>) -> Option<Self> {
        let mut best: BTreeMap<(&str, &str), (&Proficiency, &str)> = BTreeMap::new();
        for (group, proficiencies) in groups {
            for one in proficiencies {
                let known = best.entry((&one.attribute, &one.value)).or_insert((one, group));
                if one.level > known.0.level {
                    *known = (one, group);
                }
            }
        }
        if best.len() > Users::MAX_PROFICIENCIES {
            return None;
        }
        let given: Vec<_> = best
            .into_values()
            .map(|(proficiency, group)| GivenProficiency { proficiency: proficiency.clone(), group: group.to_owned() })
            .collect();
        let mut parts: Vec<String> = given
            .iter()
            .map(|GivenProficiency { proficiency, .. }| {
                let Proficiency { attribute, value, level } = proficiency;
                format!("{}{level}", fingerprint(attribute, value))
            })
            .collect();
        parts.sort_unstable();
        let record = (!parts.is_empty()).then(|| parts.join("."));
        Some(Self { given, record })
    }

    /// Whether no group defines a proficiency.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The value of the tag that records these proficiencies. For each proficiency, the value contains eight
    /// hexadecimal digits that identify the attribute and the value, followed by the level. `None` if there are no
    /// proficiencies, because the user then has no such tag.
    #[must_use]
    pub fn record(&self) -> Option<&str> {
        self.record.as_deref()
    }

    /// The value of the tag while these proficiencies are being assigned. `None` if there are no proficiencies.
    #[must_use]
    pub fn pending_record(&self) -> Option<String> {
        self.record.as_ref().map(|record| format!("{PENDING}{record}"))
    }

    /// The proficiencies, ordered by attribute and value.
    pub fn iter(&self) -> impl Iterator<Item = &Proficiency> {
        self.given.iter().map(|given| &given.proficiency)
    }

    /// Each proficiency as text, with the name of the group that defines it.
    pub(super) fn sources(&self) -> impl Iterator<Item = (String, &str)> {
        self.given.iter().map(|GivenProficiency { proficiency: Proficiency { attribute, value, level }, group }| {
            (format!("{attribute}: {value} {level}"), group.as_str())
        })
    }

    /// Whether the attribute of at least one proficiency is in this set.
    #[must_use]
    pub fn uses(&self, attributes: &BTreeSet<String>) -> bool {
        self.iter().any(|one| attributes.contains(&one.attribute))
    }
}

impl fmt::Display for Proficiencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.given.is_empty() {
            return f.write_str("no proficiencies from groups");
        }
        f.write_str("proficiencies ")?;
        for (index, (text, group)) in self.sources().enumerate() {
            let separator = if index == 0 { "" } else { " + " };
            write!(f, "{separator}{text} (from {})", Quoted(group))?;
        }
        Ok(())
    }
}

/// A change of a user's proficiencies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProficiencyChange {
    /// The proficiencies that the user's groups define.
    pub desired: Proficiencies,
    /// The current value of the tag that records the assigned proficiencies.
    pub recorded: Option<String>,
}

/// One request to change a user's proficiencies, as part of a [`ProficiencyChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProficiencyStep {
    /// Removes these proficiencies with `DisassociateUserProficiencies`.
    Remove(Vec<Proficiency>),
    /// Stores this record in the tag with `TagResource`. The record states that the following requests are pending.
    Announce(String),
    /// Assigns these proficiencies with `AssociateUserProficiencies`.
    Add(Vec<Proficiency>),
    /// Changes the levels of these proficiencies with `UpdateUserProficiencies`.
    SetLevel(Vec<Proficiency>),
    /// Stores [`Proficiencies::record`] in the tag with `TagResource`. If the groups define no proficiencies, removes
    /// the tag with `UntagResource`.
    Record,
}

impl ProficiencyChange {
    /// The requests that change the proficiencies of a user from `current` to the desired proficiencies, in order. The
    /// list is never empty, because the last request stores the result in the tag.
    ///
    /// Until the last request, the record states that requests are pending, and contains every proficiency of the user
    /// that the sync has assigned. If the sync is interrupted, the next sync therefore reads the user's proficiencies
    /// again, and removes the proficiencies that the groups no longer define. Removals are sent first, so that the
    /// number of proficiencies never exceeds Connect's quota.
    #[must_use]
    pub fn steps(&self, current: &[Proficiency]) -> Vec<ProficiencyStep> {
        let recorded = self.recorded_fingerprints();
        let desired: BTreeMap<(&str, &str), u8> =
            self.desired.iter().map(|one| ((one.attribute.as_str(), one.value.as_str()), one.level)).collect();
        let levels: BTreeMap<(&str, &str), u8> =
            current.iter().map(|one| ((one.attribute.as_str(), one.value.as_str()), one.level)).collect();
        let remove: Vec<_> = current
            .iter()
            .filter(|one| !desired.contains_key(&(one.attribute.as_str(), one.value.as_str())))
            .filter(|one| recorded.contains(fingerprint(&one.attribute, &one.value).as_str()))
            .cloned()
            .collect();
        let level_of = |one: &Proficiency| levels.get(&(one.attribute.as_str(), one.value.as_str())).copied();
        let add: Vec<_> = self.desired.iter().filter(|one| level_of(one).is_none()).cloned().collect();
        let set = self.desired.iter().filter(|one| level_of(one).is_some_and(|level| level != one.level));
        let set: Vec<_> = set.cloned().collect();
        let is_recorded = |one: &Proficiency| recorded.contains(fingerprint(&one.attribute, &one.value).as_str());
        let is_pending = self.recorded.as_ref().is_some_and(|record| record.starts_with(PENDING));
        let removes = !remove.is_empty() && !is_pending;
        let old = removes.then(|| format!("{PENDING}{}", self.recorded.as_deref().unwrap_or_default()));
        let covered = (is_pending || removes) && add.iter().all(is_recorded);
        let changes = !add.is_empty() || !set.is_empty();
        let new = self.desired.pending_record().filter(|_| changes && !covered);
        let steps = [
            old.map(ProficiencyStep::Announce),
            (!remove.is_empty()).then_some(ProficiencyStep::Remove(remove)),
            new.map(ProficiencyStep::Announce),
            (!add.is_empty()).then_some(ProficiencyStep::Add(add)),
            (!set.is_empty()).then_some(ProficiencyStep::SetLevel(set)),
            Some(ProficiencyStep::Record),
        ];
        steps.into_iter().flatten().collect()
    }

    /// The fingerprints in the recorded value of the tag. If this value does not have the format of a record, the
    /// result is empty. The sync then removes no proficiencies.
    fn recorded_fingerprints(&self) -> BTreeSet<&str> {
        let record = self.recorded.as_deref().unwrap_or_default();
        let parts = record.strip_prefix(PENDING).unwrap_or(record).split('.');
        parts
            .filter_map(|part| part.split_at_checked(2 * FINGERPRINT_BYTES))
            .map(|(fingerprint, _)| fingerprint)
            .collect()
    }
}

/// A short digest that identifies an attribute and a value in a record. The full strings would not fit into a tag.
fn fingerprint(attribute: &str, value: &str) -> String {
    digest::of_parts([attribute, value], FINGERPRINT_BYTES)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't unwrap has failed")]
    use proptest::prelude::*;

    use super::*;

    fn one(attribute: &str, value: &str, level: u8) -> Proficiency {
        Proficiency { attribute: attribute.into(), value: value.into(), level }
    }

    fn given(groups: &[(&str, &[Proficiency])]) -> Proficiencies {
        Proficiencies::of_groups(groups.iter().copied()).unwrap()
    }

    fn change(desired: &[Proficiency], recorded: Option<&str>) -> ProficiencyChange {
        ProficiencyChange { desired: given(&[("Agents", desired)]), recorded: recorded.map(Into::into) }
    }

    fn record_of(desired: &[Proficiency]) -> Option<String> {
        given(&[("Agents", desired)]).record().map(Into::into)
    }

    /// Applies a request as Connect does. Returns `None` if Connect would reject the request.
    fn apply(
        step: &ProficiencyStep,
        change: &ProficiencyChange,
        user: &(Vec<Proficiency>, Option<String>),
    ) -> Option<(Vec<Proficiency>, Option<String>)> {
        let (mut current, mut record) = user.clone();
        let place = |current: &[Proficiency], one: &Proficiency| {
            current.iter().position(|other| (&other.attribute, &other.value) == (&one.attribute, &one.value))
        };
        match step {
            ProficiencyStep::Remove(list) => {
                for one in list {
                    current.remove(place(&current, one)?);
                }
            }
            ProficiencyStep::Announce(text) => record = Some(text.clone()),
            ProficiencyStep::Add(list) => {
                for one in list {
                    if place(&current, one).is_some() {
                        return None;
                    }
                    current.push(one.clone());
                }
            }
            ProficiencyStep::SetLevel(list) => {
                for one in list {
                    let place = place(&current, one)?;
                    current[place].level = one.level;
                }
            }
            ProficiencyStep::Record => record = change.desired.record().map(Into::into),
        }
        current.sort();
        Some((current, record))
    }

    #[test]
    fn several_groups_give_the_union_with_the_highest_level_and_the_first_group_that_has_it() {
        let agents = [one("Language", "Japanese", 3), one("Product", "Cards", 2)];
        let experts = [one("Language", "Japanese", 5), one("Product", "Cards", 2), one("Language", "English", 1)];
        let given = given(&[("Agents", &agents), ("Experts", &experts)]);
        assert_eq!(
            given.to_string(),
            "proficiencies Language: English 1 (from \"Experts\") + Language: Japanese 5 (from \"Experts\") + \
             Product: Cards 2 (from \"Agents\")"
        );
    }

    #[test]
    fn the_record_has_at_most_256_characters_and_does_not_depend_on_the_order() {
        let most: Vec<_> = (0..Users::MAX_PROFICIENCIES).map(|index| one("Language", &index.to_string(), 5)).collect();
        let backwards: Vec<_> = most.iter().rev().cloned().collect();
        let given = given(&[("Agents", &most)]);
        assert_eq!(given.pending_record().unwrap().len(), 8 + 24 * 10 - 1);
        assert_eq!(given.record().map(Into::into), record_of(&backwards));
        let more: Vec<_> = most.into_iter().chain([one("Language", "more", 1)]).collect();
        assert_eq!(Proficiencies::of_groups([("Agents", more.as_slice())].into_iter()), None);
    }

    #[test]
    fn a_proficiency_that_was_assigned_manually_stays_and_one_of_a_former_group_is_removed() {
        let former = [one("Language", "Japanese", 5), one("Language", "English", 2)];
        let change = change(&former[1..], record_of(&former).as_deref());
        let by_hand = one("Language", "French", 4);
        let steps = change.steps(&[former[0].clone(), former[1].clone(), by_hand]);
        let announce = ProficiencyStep::Announce(format!("pending:{}", record_of(&former).unwrap()));
        assert_eq!(steps, [announce, ProficiencyStep::Remove(former[..1].to_vec()), ProficiencyStep::Record]);
    }

    #[test]
    fn a_level_that_was_changed_manually_is_set_back_and_a_pending_change_is_not_announced_again() {
        let desired = [one("Language", "Japanese", 5)];
        let pending = format!("pending:{}", record_of(&desired).unwrap());
        let set = ProficiencyStep::SetLevel(desired.to_vec());
        let steps = change(&desired, None).steps(&[one("Language", "Japanese", 1)]);
        assert_eq!(steps, [ProficiencyStep::Announce(pending.clone()), set.clone(), ProficiencyStep::Record]);
        let steps = change(&desired, Some(&pending)).steps(&[one("Language", "Japanese", 1)]);
        assert_eq!(steps, [set, ProficiencyStep::Record]);
    }

    #[test]
    fn text_that_is_not_a_record_removes_nothing() {
        let by_hand = [one("Language", "Japanese", 5)];
        for text in ["", "pending:", "習熟度", "x", "."] {
            assert_eq!(change(&[], Some(text)).steps(&by_hand), [ProficiencyStep::Record], "{text}");
        }
    }

    fn some() -> impl Strategy<Value = Vec<Proficiency>> {
        prop::collection::btree_map((0..3_usize, 0..3_usize), 1..=5_u8, 0..6).prop_map(|map| {
            let name = |index: usize| ["A", "B", "C"][index];
            map.into_iter().map(|((a, v), level)| one(name(a), name(v), level)).collect()
        })
    }

    proptest! {
        /// If a sync is interrupted at any request, the user has the right proficiencies after the next sync: those of
        /// the groups and those that were assigned manually. The groups may have changed before the next sync.
        #[test]
        fn an_interrupted_change_is_completed_by_the_next_sync(
            manual in some(), first in some(), second in some(), other in some(), back in any::<bool>(),
            stop in 0..7_usize,
        ) {
            let third = if back { first.clone() } else { other };
            let touches = |one: &Proficiency| [&first, &second, &third].into_iter().flatten()
                .any(|other| (&other.attribute, &other.value) == (&one.attribute, &one.value));
            let manual: Vec<_> = manual.into_iter().filter(|one| !touches(one)).collect();
            let mut user = (manual.clone(), None);
            for (desired, stop) in [(&first, usize::MAX), (&second, stop), (&third, usize::MAX)] {
                if record_of(desired) == user.1 {
                    continue;
                }
                let change = ProficiencyChange { desired: given(&[("G", desired)]), recorded: user.1.clone() };
                for step in change.steps(&user.0).iter().take(stop) {
                    user = apply(step, &change, &user).unwrap();
                }
            }
            let mut expected = [manual, third.clone()].concat();
            expected.sort();
            prop_assert_eq!((user.0, user.1), (expected, record_of(&third)));
        }
    }
}
