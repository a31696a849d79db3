//! The order in which a SAML signing certificate is replaced without anybody noticing: what to do next, by what both clouds
//! show. Nothing is remembered but how far the round before came, so a rotation that broke off anywhere goes on from there.
//!
//! 1. Add a certificate beside the old one. It signs nothing.
//! 2. IAM trusts both. Wait until all of AWS knows ([`SETTLE`]): a sign-in anywhere has to be accepted with either.
//! 3. Make the new one active. Wait until all of Entra knows ([`GRACE`]): for a while both sign.
//! 4. Remove the old one, then let IAM trust what is left.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use crate::contract::RotationStatus;

/// How long after a change of its metadata IAM may still go by the old one, in seconds. AWS promises no time; what it calls
/// eventual is seconds, at times some minutes.
pub const SETTLE: u64 = 600;
/// How long after the switch a sign-in may still arrive with the old signature, in seconds: replicas of the directory take
/// minutes, a response under way is taken for five.
pub const GRACE: u64 = 3_600;

/// A signing certificate of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-1 thumbprint, upper-case hex.
    pub thumbprint: String,
    /// When it expires.
    pub expires: OffsetDateTime,
    /// Whether this stack made it: only those are removed.
    pub ours: bool,
    /// Base64 DER.
    pub der: String,
}

/// What both clouds show.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The application's certificates.
    pub certificates: Vec<Certificate>,
    /// The thumbprint of the one that signs.
    pub active: String,
    /// The thumbprints that the SAML provider in IAM trusts.
    pub trusted: BTreeSet<String>,
}

/// What is wanted of a round.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Now.
    pub now: OffsetDateTime,
    /// A certificate with fewer days left is replaced.
    pub days: i64,
    /// Replace it in any case.
    pub force: bool,
    /// How far the round before came.
    pub stage: RotationStatus,
    /// The certificate that the round before worked for; empty in the first round.
    pub target: &'a str,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing: the certificate is good for long enough and everything is tidy.
    Nothing,
    /// Add a certificate.
    Add,
    /// Let IAM trust these, then wait [`SETTLE`] for the sake of this one.
    Trust {
        /// The one that is going to sign, or signs.
        target: String,
        /// All that IAM should trust.
        certificates: BTreeSet<String>,
    },
    /// IAM trusts this one, but perhaps not everywhere yet: wait [`SETTLE`].
    Settle {
        /// The one that is going to sign.
        target: String,
    },
    /// Make this one active, then wait [`GRACE`].
    Switch {
        /// The one that is going to sign.
        target: String,
    },
    /// This one signs, but perhaps not everywhere yet: wait [`GRACE`].
    Linger {
        /// The one that signs.
        target: String,
    },
    /// Remove these from Entra, then let IAM trust those.
    Retire {
        /// Thumbprints of the certificates that go.
        removed: BTreeSet<String>,
        /// What IAM should trust afterwards.
        certificates: BTreeSet<String>,
    },
    /// The target is not seen (yet).
    NotSeen,
    /// None of the certificates is active: the onboarding makes one.
    NoneActive,
    /// Somebody made another certificate active meanwhile.
    Overruled,
}

impl Move {
    /// Whether it changes anything in one of the clouds.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self {
            Self::Add | Self::Trust { .. } | Self::Switch { .. } | Self::Retire { .. } => true,
            Self::Nothing | Self::Settle { .. } | Self::Linger { .. } => false,
            Self::NotSeen | Self::NoneActive | Self::Overruled => false,
        }
    }
}

/// Decides.
#[must_use]
pub fn next(observed: &Observed, wish: &Wish<'_>) -> Move {
    let find =
        |thumbprint: &str| observed.certificates.iter().find(|one| one.thumbprint.eq_ignore_ascii_case(thumbprint));
    let Some(active) = find(&observed.active) else { return Move::NoneActive };
    let old = |one: &&Certificate| one.ours && one.thumbprint != active.thumbprint && one.expires <= active.expires;
    let outdated: BTreeSet<String> =
        observed.certificates.iter().filter(old).map(|one| one.thumbprint.clone()).collect();
    // IAM should trust whatever Entra may sign with, also what a person is about to make active in the portal. An expired
    // certificate signs nothing, unless it is the active one, which is then the best there is.
    let usable =
        observed.certificates.iter().filter(|one| one.expires > wish.now || one.thumbprint == active.thumbprint);
    let usable: BTreeSet<String> = usable.map(|one| one.thumbprint.clone()).collect();

    let target = if wish.target.is_empty() {
        // Ours, made after the active one and not active: a rotation that broke off.
        let successor = observed.certificates.iter().filter(|one| one.ours && one.expires > active.expires);
        match successor.filter(|one| one.expires > wish.now).max_by_key(|one| one.expires) {
            Some(successor) => successor,
            None if active.expires < wish.now + Duration::days(wish.days) => return Move::Add,
            // Broken off behind the switch: to tidy up is to finish it, also for who asks for another rotation.
            None if !outdated.is_empty() || usable != observed.trusted => active,
            None if wish.force => return Move::Add,
            None => return Move::Nothing,
        }
    } else {
        match find(wish.target) {
            Some(target) => target,
            None => return Move::NotSeen,
        }
    };
    let name = target.thumbprint.clone();
    if !observed.trusted.contains(&active.thumbprint) || !observed.trusted.contains(&name) {
        return Move::Trust { target: name, certificates: usable };
    }
    if name != active.thumbprint {
        return match wish.stage {
            RotationStatus::Trusted => Move::Switch { target: name },
            RotationStatus::Switched => Move::Overruled,
            _ => Move::Settle { target: name },
        };
    }
    if !outdated.is_empty() && wish.stage != RotationStatus::Switched {
        return Move::Linger { target: name };
    }
    let certificates: BTreeSet<String> = usable.difference(&outdated).cloned().collect();
    if outdated.is_empty() && certificates == observed.trusted {
        return Move::Nothing;
    }
    Move::Retire { removed: outdated, certificates }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn day(number: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap() + Duration::days(number)
    }

    fn certificate(name: &str, expires: i64, ours: bool) -> Certificate {
        Certificate { thumbprint: name.into(), expires: day(expires), ours, der: String::new() }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn wish(stage: RotationStatus, target: &str) -> Wish<'_> {
        Wish { now: day(0), days: 30, force: false, stage, target }
    }

    /// Plays both clouds. Every act may be the last of its execution; the next execution begins with nothing.
    struct Clouds {
        observed: Observed,
        added: usize,
    }

    impl Clouds {
        fn new(days_left: i64) -> Self {
            let observed = Observed {
                certificates: vec![certificate("OLD", days_left, true)],
                active: "OLD".into(),
                trusted: set(&["OLD"]),
            };
            Self { observed, added: 0 }
        }

        /// Does a move, as the step does; the stage and target that the next round is told.
        fn play(&mut self, decided: Move) -> Option<(RotationStatus, String)> {
            match decided {
                Move::Add => {
                    self.added += 1;
                    self.observed.certificates.push(certificate("NEW", 1095, true));
                    Some((RotationStatus::Added, "NEW".into()))
                }
                Move::Trust { target, certificates } => {
                    self.observed.trusted = certificates;
                    Some((RotationStatus::Trusted, target))
                }
                Move::Settle { target } => Some((RotationStatus::Trusted, target)),
                Move::Switch { target } => {
                    self.observed.active.clone_from(&target);
                    Some((RotationStatus::Switched, target))
                }
                Move::Linger { target } => Some((RotationStatus::Switched, target)),
                Move::Retire { removed, certificates } => {
                    self.observed.certificates.retain(|one| !removed.contains(&one.thumbprint));
                    self.observed.trusted = certificates;
                    None
                }
                Move::Nothing => None,
                other => panic!("{other:?}"),
            }
        }

        /// Whoever may sign is trusted.
        fn works(&self) -> bool {
            self.observed.trusted.contains(&self.observed.active)
        }

        /// Runs to the end, or until `acts` moves were made.
        fn run(&mut self, force: bool, acts: usize) -> bool {
            let (mut stage, mut target) = (RotationStatus::Started, String::new());
            for _ in 0..acts {
                let decided = next(&self.observed, &Wish { force, ..wish(stage, &target) });
                assert!(self.works());
                match self.play(decided) {
                    Some(told) => (stage, target) = told,
                    None => return true,
                }
            }
            false
        }
    }

    #[test]
    fn a_rotation_that_dies_after_any_act_is_finished_by_the_next_one_with_one_new_certificate() {
        for force in [false, true] {
            for acts in 0..4 {
                let mut clouds = Clouds::new(if force { 900 } else { 10 });
                assert!(!clouds.run(force, acts), "{acts} acts are not the whole rotation");
                assert!(clouds.works(), "after {acts} acts");
                assert!(clouds.run(force, 20));
                assert_eq!((clouds.observed.active.as_str(), &clouds.observed.trusted), ("NEW", &set(&["NEW"])));
                assert_eq!((clouds.observed.certificates.len(), clouds.added), (1, 1), "after {acts} acts");
            }
        }
    }

    #[test]
    fn a_last_round_whose_answer_was_lost_finds_nothing_more_to_do() {
        let mut clouds = Clouds::new(900);
        clouds.run(true, 20);
        let again = Wish { force: true, ..wish(RotationStatus::Switched, "NEW") };
        assert_eq!(next(&clouds.observed, &again), Move::Nothing);
    }

    #[test]
    fn a_certificate_that_is_good_for_long_enough_is_left_alone() {
        assert_eq!(next(&Clouds::new(31).observed, &wish(RotationStatus::Started, "")), Move::Nothing);
        assert_eq!(next(&Clouds::new(29).observed, &wish(RotationStatus::Started, "")), Move::Add);
        let forced = Wish { force: true, ..wish(RotationStatus::Started, "") };
        assert_eq!(next(&Clouds::new(900).observed, &forced), Move::Add);
    }

    #[test]
    fn nothing_is_switched_before_iam_has_trusted_it_for_a_round() {
        let mut clouds = Clouds::new(10);
        clouds.observed.certificates.push(certificate("NEW", 1095, true));
        let trust = Move::Trust { target: "NEW".into(), certificates: set(&["NEW", "OLD"]) };
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Trusted, "NEW")), trust);
        clouds.observed.trusted = set(&["NEW", "OLD"]);
        for stage in [RotationStatus::Started, RotationStatus::Added] {
            assert_eq!(next(&clouds.observed, &wish(stage, "")), Move::Settle { target: "NEW".into() });
        }
        assert_eq!(
            next(&clouds.observed, &wish(RotationStatus::Trusted, "NEW")),
            Move::Switch { target: "NEW".into() }
        );
    }

    #[test]
    fn certificates_of_other_people_stay_and_stay_trusted() {
        let mut clouds = Clouds::new(900);
        clouds.observed.certificates.push(certificate("PORTAL", 500, false));
        let trust = Move::Retire { removed: set(&[]), certificates: set(&["OLD", "PORTAL"]) };
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Started, "")), trust);
        clouds.observed.trusted = set(&["OLD", "PORTAL"]);
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Started, "")), Move::Nothing);
        // One that is removed in the portal is not trusted for ever.
        clouds.observed.certificates.pop();
        let narrow = Move::Retire { removed: set(&[]), certificates: set(&["OLD"]) };
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Started, "")), narrow);
    }

    #[test]
    fn an_active_certificate_that_iam_does_not_trust_is_trusted_at_once() {
        let mut clouds = Clouds::new(900);
        clouds.observed.trusted = set(&["LOST"]);
        let trust = Move::Trust { target: "OLD".into(), certificates: set(&["OLD"]) };
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Started, "")), trust);
    }

    #[test]
    fn what_is_gone_or_was_changed_meanwhile_is_not_guessed_at() {
        let mut clouds = Clouds::new(10);
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Added, "NEW")), Move::NotSeen);
        clouds.observed.certificates.push(certificate("NEW", 1095, true));
        clouds.observed.trusted = set(&["NEW", "OLD"]);
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Switched, "NEW")), Move::Overruled);
        clouds.observed.active = "GONE".into();
        assert_eq!(next(&clouds.observed, &wish(RotationStatus::Started, "")), Move::NoneActive);
    }
}
