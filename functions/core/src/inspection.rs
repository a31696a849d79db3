//! Compares the settings of an object in AWS or Entra with the input. The plan item and the drift findings of the
//! object are derived from this comparison.

use crate::contract::{Action, Area, Check, DriftFinding, PlanItem};

/// The names of the checks whose settings affect security: if such a setting is changed, an unauthorized user can get
/// access.
const SECURITY: [&str; 13] = [
    "trust policy",
    "policy",
    "trusted certificates",
    "certificates that are not in Entra",
    "further attached policies",
    "inline policies of the role",
    "claims",
    "reply URL",
    "further reply URLs",
    "identity management",
    "user assignment required",
    "listed in the input",
    "permissions of users who left",
];

/// Whether an object exists, and whether this onboarding manages it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The object does not exist.
    Absent,
    /// The object has the tags of an onboarding of this alias.
    Ours,
    /// The object does not have the tags of an onboarding, but an onboarding can use the existing object.
    Adoptable,
    /// The object belongs to an onboarding of this alias, but the input no longer contains it.
    Surplus,
    /// Another administrator chose the value of this setting, and an onboarding keeps this value. The string describes
    /// the value.
    Elsewhere(String),
    /// An onboarding can't use the object, and the object prevents the onboarding. The string contains the reason.
    Foreign(String),
    /// The object can't be read. The string contains the reason.
    Hidden(String),
}

impl Presence {
    /// The text that a finding shows instead of the values of the settings if the object does not exist or can't be
    /// read. `None` if the values are known.
    #[must_use]
    pub fn without_settings(&self) -> Option<&str> {
        match self {
            Self::Absent => Some("none"),
            Self::Hidden(why) => Some(why),
            Self::Ours | Self::Adoptable | Self::Surplus | Self::Elsewhere(_) | Self::Foreign(_) => None,
        }
    }
}

/// One object of an onboarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The part of the onboarding that the object belongs to.
    pub area: Area,
    /// The type of the object, for example `IAM role`.
    pub kind: &'static str,
    /// The name of the object.
    pub name: String,
    /// Whether the object exists, and whether this onboarding manages it.
    pub presence: Presence,
    /// The comparisons of the settings that an onboarding sets. A failed check is a difference from the input.
    pub checks: Vec<Check>,
    /// The comparisons of settings that an onboarding does not set and that no administrator should change. An
    /// onboarding reports a changed setting, but does not revert the change.
    pub guards: Vec<Check>,
    /// Additional information about the object.
    pub note: String,
    /// Whether a step of the onboarding can revert differences of this object.
    pub reversible: bool,
    /// What an operator should do about a difference that no step can revert.
    pub advice: String,
}

impl Object {
    /// An object without checks.
    #[must_use]
    pub fn new(area: Area, kind: &'static str, name: impl Into<String>, presence: Presence) -> Self {
        Self {
            area,
            kind,
            name: name.into(),
            presence,
            checks: Vec::new(),
            guards: Vec::new(),
            note: String::new(),
            reversible: true,
            advice: String::new(),
        }
    }

    /// Adds the checks of settings that an onboarding sets.
    #[must_use]
    pub fn with(mut self, checks: impl Into<Vec<Check>>) -> Self {
        self.checks = checks.into();
        self
    }

    /// Adds the checks of settings that an onboarding only reports.
    #[must_use]
    pub fn guarded(mut self, guards: impl Into<Vec<Check>>) -> Self {
        self.guards = guards.into();
        self
    }

    /// Adds a note about the object.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds what an operator should do about a difference that no step can revert.
    #[must_use]
    pub fn advising(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Records that no step can revert the differences of this object, and adds what an operator should do.
    #[must_use]
    pub fn irreversible(mut self, advice: impl Into<String>) -> Self {
        self.reversible = false;
        self.advising(advice)
    }

    /// The failed checks of settings that an onboarding sets.
    pub fn differences(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed)
    }

    /// The action that an onboarding would take. `known` is true if an earlier onboarding of this alias already uses
    /// the object. If `known` is true, the plan does not report the object as adopted again.
    #[must_use]
    pub fn planned(&self, known: bool) -> PlanItem {
        let differences = || {
            let texts = self
                .differences()
                .map(|check| format!("{}: {} instead of {}", check.name, check.expected, check.found));
            texts.collect::<Vec<_>>().join("; ")
        };
        let differs = self.differences().next().is_some();
        let (action, detail) = match &self.presence {
            Presence::Absent => (Action::Create, self.note.clone()),
            Presence::Surplus => (Action::Delete, "it is no longer in the input".into()),
            Presence::Elsewhere(found) => (Action::Leave, found.clone()),
            Presence::Foreign(why) | Presence::Hidden(why) => (Action::Conflict, why.clone()),
            Presence::Ours if differs => (Action::Change, differences()),
            Presence::Adoptable if differs && known => (Action::Change, differences()),
            Presence::Adoptable if differs => (Action::Adopt, differences()),
            Presence::Adoptable if !known => (Action::Adopt, self.note.clone()),
            Presence::Ours | Presence::Adoptable => (Action::Leave, self.note.clone()),
        };
        PlanItem::new(self.area, self.kind, &self.name, action, detail)
    }
}

impl Object {
    /// The drift findings about the object: the differences that were made outside Connect Onboarding since the last
    /// onboarding.
    #[must_use]
    pub fn drifted(&self) -> Vec<DriftFinding> {
        let thing = format!("{} {}", self.kind, self.name);
        let advice = |revertible: bool| if revertible { String::new() } else { self.advice.clone() };
        let of = |check: &Check, revertible: bool| DriftFinding {
            place: format!("{thing}: {}", check.name),
            expected: check.expected.clone(),
            found: check.found.clone(),
            security: SECURITY.contains(&check.name.as_str()),
            revertible,
            reverted: false,
            advice: advice(revertible),
        };
        let whole = |expected: &str, found: &str, revertible| {
            let (expected, found, advice) = (expected.to_owned(), found.to_owned(), advice(revertible));
            vec![DriftFinding { place: thing.clone(), expected, found, revertible, advice, ..DriftFinding::default() }]
        };
        let revertible = match &self.presence {
            Presence::Absent => return whole("present", "none", self.reversible),
            Presence::Surplus => return whole("none", "present", self.reversible),
            Presence::Hidden(why) => return whole("readable", why, false),
            // If the settings of a `Foreign` object could be read, the code after this `match` compares the settings.
            Presence::Foreign(why) if self.checks.is_empty() => {
                return whole("an object of this onboarding", why, false);
            }
            Presence::Ours | Presence::Adoptable => self.reversible,
            Presence::Foreign(_) | Presence::Elsewhere(_) => false,
        };
        let differences = self.differences().map(|check| of(check, revertible));
        let guards = self.guards.iter().filter(|check| !check.passed).map(|check| of(check, false));
        differences.chain(guards).collect()
    }
}

/// Collects the results of comparisons, in the order in which they are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Compares two strings and adds the result.
    pub fn equal(&mut self, name: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        self.that(name, expected == found, expected, found);
    }

    /// Adds the result of a comparison that the caller has made.
    pub fn that(
        &mut self,
        name: impl Into<String>,
        passed: bool,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.0.push(Check { name: name.into(), passed, expected: expected.into(), found: found.into() });
    }
}

impl From<Checks> for Vec<Check> {
    fn from(checks: Checks) -> Self {
        checks.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(presence: Presence, passed: bool) -> Object {
        let mut checks = Checks::default();
        checks.that("trust policy", passed, "the provider alone", "the provider and a user");
        Object::new(Area::Iam, "IAM role", "r", presence).with(checks)
    }

    #[test]
    fn every_presence_has_its_action() {
        for (presence, passed, known, action) in [
            (Presence::Absent, true, false, Action::Create),
            (Presence::Surplus, true, true, Action::Delete),
            (Presence::Ours, true, false, Action::Leave),
            (Presence::Ours, false, true, Action::Change),
            (Presence::Adoptable, true, false, Action::Adopt),
            (Presence::Adoptable, true, true, Action::Leave),
            (Presence::Adoptable, false, true, Action::Change),
            (Presence::Foreign("taken".into()), true, false, Action::Conflict),
            (Presence::Hidden("no permission".into()), true, false, Action::Conflict),
        ] {
            assert_eq!(object(presence.clone(), passed).planned(known).action, action, "{presence:?} {passed} {known}");
        }
    }

    #[test]
    fn a_widened_trust_is_a_security_finding_that_an_onboarding_reverts() {
        let findings = object(Presence::Ours, false).drifted();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "IAM role r: trust policy");
        assert!(findings[0].security && findings[0].revertible && !findings[0].reverted);
    }

    #[test]
    fn a_missing_or_unreadable_object_is_a_finding_and_a_matching_object_is_not() {
        assert!(object(Presence::Ours, true).drifted().is_empty());
        assert!(object(Presence::Absent, true).drifted()[0].revertible);
        let hidden = &object(Presence::Hidden("no Policy.Read.All".into()), true).drifted()[0];
        assert_eq!((hidden.found.as_str(), hidden.revertible), ("no Policy.Read.All", false));
    }

    #[test]
    fn a_failed_guard_is_a_finding_that_no_step_reverts() {
        let mut guards = Checks::default();
        guards.equal("further attached policies", "none", "arn:aws:iam::aws:policy/AdministratorAccess");
        let object = object(Presence::Ours, true).guarded(guards);
        assert_eq!(object.planned(true).action, Action::Leave);
        let finding = &object.drifted()[0];
        assert!(finding.security && !finding.revertible);
    }

    #[test]
    fn a_difference_that_no_step_reverts_has_advice_for_the_operator() {
        let gone =
            Object::new(Area::Entra, "enterprise application", "a", Presence::Absent).irreversible("onboard start");
        let finding = &gone.drifted()[0];
        assert_eq!((finding.revertible, finding.advice.as_str()), (false, "onboard start"));
        let finding = &object(Presence::Ours, false).advising("manually").drifted()[0];
        assert_eq!((finding.revertible, finding.advice.as_str()), (true, ""), "a step can revert the finding");
        assert!(!object(Presence::Ours, false).irreversible("manually").drifted()[0].revertible);
    }

    #[test]
    fn a_change_names_the_expected_and_the_found_value() {
        let item = object(Presence::Ours, false).planned(true);
        assert_eq!(item.detail, "trust policy: the provider alone instead of the provider and a user");
    }
}
