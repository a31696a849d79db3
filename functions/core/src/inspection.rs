//! An object of an onboarding as it stands in the clouds, held against what the input wants: what an inspector finds, and
//! what a plan or a drift report makes of it.

use crate::contract::{Action, Area, Check, DriftFinding, PlanItem};

/// What lets somebody in who should not be, where it differs.
const SECURITY: [&str; 11] = [
    "trust policy",
    "policy",
    "trusted certificates",
    "certificates that Entra does not know",
    "further attached policies",
    "policies in the role itself",
    "claims",
    "reply URL",
    "further reply URLs",
    "identity management",
    "user assignment required",
];

/// Whether an object is there, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It does not exist.
    Absent,
    /// It carries our mark for this alias.
    Ours,
    /// It carries no mark of ours and can be used as it is.
    Adoptable,
    /// Somebody else decided otherwise, the text says what, and it is left so.
    Elsewhere(String),
    /// It stands in the way; the text says why.
    Foreign(String),
    /// It can't be seen; the text says why.
    Hidden(String),
}

/// One object of an onboarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The part of the onboarding.
    pub area: Area,
    /// What it is, for example `IAM role`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it is there, and whose it is.
    pub presence: Presence,
    /// What an onboarding compares and sets. A check that failed is a difference.
    pub checks: Vec<Check>,
    /// What nobody should have changed and an onboarding leaves alone all the same.
    pub guards: Vec<Check>,
    /// What is worth saying about it besides.
    pub note: String,
    /// Whether a step of the onboarding can set it back.
    pub reversible: bool,
    /// What an operator does about a difference that no step sets back.
    pub advice: String,
}

impl Object {
    /// An object about which nothing was compared yet.
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

    /// The same with what was compared.
    #[must_use]
    pub fn with(mut self, checks: impl Into<Vec<Check>>) -> Self {
        self.checks = checks.into();
        self
    }

    /// The same with what is only watched.
    #[must_use]
    pub fn guarded(mut self, guards: impl Into<Vec<Check>>) -> Self {
        self.guards = guards.into();
        self
    }

    /// The same with a note.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The same with what an operator does about a difference that no step sets back.
    #[must_use]
    pub fn advising(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// The same as something that no step can set back.
    #[must_use]
    pub fn irreversible(mut self, advice: impl Into<String>) -> Self {
        self.reversible = false;
        self.advising(advice)
    }

    /// What differs.
    pub fn differences(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed)
    }

    /// What an onboarding would do about it. `known` says that an earlier onboarding used it already, so that using it is
    /// nothing new.
    #[must_use]
    pub fn planned(&self, known: bool) -> PlanItem {
        let differences = || {
            let told = self
                .differences()
                .map(|check| format!("{}: {} instead of {}", check.name, check.expected, check.found));
            told.collect::<Vec<_>>().join("; ")
        };
        let differs = self.differences().next().is_some();
        let (action, detail) = match &self.presence {
            Presence::Absent => (Action::Create, self.note.clone()),
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
    /// What somebody changed about it by hand, once an onboarding had made it what it should be.
    #[must_use]
    pub fn drifted(&self) -> Vec<DriftFinding> {
        let thing = format!("{} {}", self.kind, self.name);
        let advice = |mendable: bool| if mendable { String::new() } else { self.advice.clone() };
        let of = |check: &Check, mendable: bool| DriftFinding {
            place: format!("{thing}: {}", check.name),
            expected: check.expected.clone(),
            found: check.found.clone(),
            security: SECURITY.contains(&check.name.as_str()),
            mendable,
            mended: false,
            advice: advice(mendable),
        };
        let whole = |expected: &str, found: &str, mendable| {
            let (expected, found, advice) = (expected.to_owned(), found.to_owned(), advice(mendable));
            vec![DriftFinding { place: thing.clone(), expected, found, mendable, advice, ..DriftFinding::default() }]
        };
        let mendable = match &self.presence {
            Presence::Absent => return whole("to be there", "none", self.reversible),
            Presence::Hidden(why) => return whole("to be seen", why, false),
            // What it says may still be compared.
            Presence::Foreign(why) if self.checks.is_empty() => return whole("ours", why, false),
            Presence::Ours | Presence::Adoptable => self.reversible,
            Presence::Foreign(_) | Presence::Elsewhere(_) => false,
        };
        let differences = self.differences().map(|check| of(check, mendable));
        let guards = self.guards.iter().filter(|check| !check.passed).map(|check| of(check, false));
        differences.chain(guards).collect()
    }
}

/// What was compared, in the order in which it was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Two texts that have to be the same.
    pub fn equal(&mut self, name: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        self.that(name, expected == found, expected, found);
    }

    /// Something that was compared otherwise.
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
    fn a_widened_trust_is_a_security_finding_that_an_onboarding_sets_back() {
        let findings = object(Presence::Ours, false).drifted();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "IAM role r: trust policy");
        assert!(findings[0].security && findings[0].mendable && !findings[0].mended);
    }

    #[test]
    fn what_is_gone_or_can_not_be_seen_is_a_finding_and_what_is_as_it_should_be_is_none() {
        assert!(object(Presence::Ours, true).drifted().is_empty());
        assert!(object(Presence::Absent, true).drifted()[0].mendable);
        let hidden = &object(Presence::Hidden("no Policy.Read.All".into()), true).drifted()[0];
        assert_eq!((hidden.found.as_str(), hidden.mendable), ("no Policy.Read.All", false));
    }

    #[test]
    fn a_guard_is_a_finding_that_only_a_person_can_settle() {
        let mut guards = Checks::default();
        guards.equal("further attached policies", "none", "arn:aws:iam::aws:policy/AdministratorAccess");
        let object = object(Presence::Ours, true).guarded(guards);
        assert_eq!(object.planned(true).action, Action::Leave);
        let finding = &object.drifted()[0];
        assert!(finding.security && !finding.mendable);
    }

    #[test]
    fn what_no_step_can_set_back_says_what_an_operator_does() {
        let gone =
            Object::new(Area::Entra, "enterprise application", "a", Presence::Absent).irreversible("onboard start");
        let finding = &gone.drifted()[0];
        assert_eq!((finding.mendable, finding.advice.as_str()), (false, "onboard start"));
        let finding = &object(Presence::Ours, false).advising("by hand").drifted()[0];
        assert_eq!((finding.mendable, finding.advice.as_str()), (true, ""), "a step does it");
        assert!(!object(Presence::Ours, false).irreversible("by hand").drifted()[0].mendable);
    }

    #[test]
    fn a_change_says_what_is_wanted_and_what_is_there() {
        let item = object(Presence::Ours, false).planned(true);
        assert_eq!(item.detail, "trust policy: the provider alone instead of the provider and a user");
    }
}
