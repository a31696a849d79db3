//! Decides the next action in the rotation of a SAML signing certificate, so that users can always sign in.
//!
//! The decision is based on the certificates in Entra and IAM, and on the stage that the previous call of the step
//! reached. A rotation that failed at any point can therefore continue. In this module, a round is one call of the
//! step.
//!
//! 1. Add a new certificate to the application. Entra does not sign with it yet.
//! 2. Let IAM trust both certificates. Wait until the change has propagated in AWS ([`TRUST_PROPAGATION`]), so that
//!    every AWS endpoint accepts signatures of both certificates.
//! 3. Make the new certificate active. Wait until the change has propagated in Entra ([`SWITCH_PROPAGATION`]). Until
//!    then, Entra may sign with either certificate.
//! 4. Remove the old certificate, then let IAM trust only the remaining certificates.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use crate::contract::RotationStatus;

/// Seconds to wait after the metadata in IAM has changed. AWS guarantees no propagation time. Changes usually take
/// effect within seconds, but sometimes only after minutes.
pub const TRUST_PROPAGATION: u64 = 600;
/// Seconds to wait after the new certificate has become active. During this time, AWS may still receive SAML responses
/// that were signed with the old certificate: the replication in Entra takes minutes, and a SAML response is valid for
/// five minutes.
pub const SWITCH_PROPAGATION: u64 = 3_600;

/// A signing certificate of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The SHA-1 thumbprint, in uppercase hexadecimal.
    pub thumbprint: String,
    /// The expiry time of the certificate.
    pub expires: OffsetDateTime,
    /// Whether this stack created the certificate. A rotation removes only such certificates.
    pub ours: bool,
    /// The certificate in DER format, encoded in Base64.
    pub der: String,
}

/// The certificates in Entra and the certificates that IAM trusts.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The application's certificates.
    pub certificates: Vec<Certificate>,
    /// The thumbprint of the active certificate, with which Entra signs SAML responses.
    pub active: String,
    /// The thumbprints that the SAML provider in IAM trusts.
    pub trusted: BTreeSet<String>,
}

/// The parameters of the decision, in addition to the certificates.
#[derive(Clone, Copy, Debug)]
pub struct RotationParameters<'a> {
    /// The current time.
    pub now: OffsetDateTime,
    /// If the active certificate expires in fewer than this many days, it is replaced.
    pub days: i64,
    /// Whether to replace the certificate regardless of the time until it expires.
    pub force: bool,
    /// The stage that the previous round reached.
    pub stage: RotationStatus,
    /// The thumbprint of the new certificate, as returned by the previous round. Empty in the first round.
    pub target: &'a str,
}

/// The next action of a certificate rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationAction {
    /// No action is needed: the active certificate does not expire soon, and no old certificate is left.
    Nothing,
    /// Add a new certificate to the application.
    Add,
    /// Let IAM trust these certificates, then wait [`TRUST_PROPAGATION`].
    Trust {
        /// The thumbprint of the certificate that signs SAML responses, or that will sign them after the rotation.
        target: String,
        /// The thumbprints of all certificates that IAM should trust.
        certificates: BTreeSet<String>,
    },
    /// IAM already trusts the new certificate, but the change may not have propagated yet: wait [`TRUST_PROPAGATION`].
    AwaitTrust {
        /// The thumbprint of the new certificate.
        target: String,
    },
    /// Make the new certificate active, then wait [`SWITCH_PROPAGATION`].
    Switch {
        /// The thumbprint of the new certificate.
        target: String,
    },
    /// The new certificate is active, but the change may not have propagated yet: wait [`SWITCH_PROPAGATION`].
    AwaitSwitch {
        /// The thumbprint of the new certificate, which is active.
        target: String,
    },
    /// Remove the old certificates from Entra, then let IAM trust only the remaining certificates.
    Retire {
        /// The thumbprints of the certificates to remove.
        removed: BTreeSet<String>,
        /// The thumbprints of all certificates that IAM should trust afterwards.
        certificates: BTreeSet<String>,
    },
    /// The certificates that Entra returned do not include the new certificate. The response of Entra may be outdated.
    NotVisible,
    /// The application has no active certificate. Only an onboarding creates the first certificate, so a rotation can't
    /// continue.
    NoneActive,
    /// During the rotation, an administrator made another certificate active.
    OtherActive,
}

impl RotationAction {
    /// Whether the action changes anything in Entra or IAM.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self {
            Self::Add | Self::Trust { .. } | Self::Switch { .. } | Self::Retire { .. } => true,
            Self::Nothing | Self::AwaitTrust { .. } | Self::AwaitSwitch { .. } => false,
            Self::NotVisible | Self::NoneActive | Self::OtherActive => false,
        }
    }

    /// Whether the action removes certificates from the application.
    #[must_use]
    pub fn removes_certificates(&self) -> bool {
        matches!(self, Self::Retire { removed, .. } if !removed.is_empty())
    }
}

/// Decides the next action of a certificate rotation.
#[must_use]
pub fn next(observed: &Observed, parameters: &RotationParameters<'_>) -> RotationAction {
    let find =
        |thumbprint: &str| observed.certificates.iter().find(|one| one.thumbprint.eq_ignore_ascii_case(thumbprint));
    let Some(active) = find(&observed.active) else { return RotationAction::NoneActive };
    let old = |one: &&Certificate| one.ours && one.thumbprint != active.thumbprint && one.expires <= active.expires;
    let outdated: BTreeSet<String> =
        observed.certificates.iter().filter(old).map(|one| one.thumbprint.clone()).collect();
    // IAM should trust every certificate with which Entra may sign. Entra may also sign with a certificate that an
    // administrator has added in the portal and may make active. An expired certificate is included only if it is the
    // active certificate.
    let usable =
        observed.certificates.iter().filter(|one| one.expires > parameters.now || one.thumbprint == active.thumbprint);
    let usable: BTreeSet<String> = usable.map(|one| one.thumbprint.clone()).collect();

    let target = if parameters.target.is_empty() {
        // A certificate of this stack may be inactive and expire after the active certificate. Such a certificate was
        // added by an earlier rotation that failed before it activated the certificate. An administrator may also have
        // activated a certificate that this stack did not create, for example because the private key of the stack's
        // certificate was disclosed. The rotation keeps the administrator's certificate active until this certificate
        // is about to expire.
        let due = active.expires < parameters.now + Duration::days(parameters.days);
        let successor = observed.certificates.iter().filter(|one| one.ours && one.expires > active.expires);
        let successor = successor.filter(|one| one.expires > parameters.now && (active.ours || due));
        match successor.max_by_key(|one| one.expires) {
            Some(successor) => successor,
            None if due => return RotationAction::Add,
            // The previous rotation failed after it activated the new certificate. The rest of that rotation is done
            // first, even if the input requests another rotation.
            None if !outdated.is_empty() || usable != observed.trusted => active,
            None if parameters.force => return RotationAction::Add,
            None => return RotationAction::Nothing,
        }
    } else {
        match find(parameters.target) {
            Some(target) => target,
            None => return RotationAction::NotVisible,
        }
    };
    let name = target.thumbprint.clone();
    if !observed.trusted.contains(&active.thumbprint) || !observed.trusted.contains(&name) {
        return RotationAction::Trust { target: name, certificates: usable };
    }
    if name != active.thumbprint {
        return match parameters.stage {
            RotationStatus::Trusted => RotationAction::Switch { target: name },
            RotationStatus::Switched => RotationAction::OtherActive,
            _ => RotationAction::AwaitTrust { target: name },
        };
    }
    if !outdated.is_empty() && parameters.stage != RotationStatus::Switched {
        return RotationAction::AwaitSwitch { target: name };
    }
    let certificates: BTreeSet<String> = usable.difference(&outdated).cloned().collect();
    if outdated.is_empty() && certificates == observed.trusted {
        return RotationAction::Nothing;
    }
    RotationAction::Retire { removed: outdated, certificates }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
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

    fn parameters(stage: RotationStatus, target: &str) -> RotationParameters<'_> {
        RotationParameters { now: day(0), days: 30, force: false, stage, target }
    }

    /// Emulates Entra and IAM. An execution may fail after any action. The next execution does not receive the output
    /// of the failed execution.
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

        /// Applies an action as the step would. Returns the stage and the thumbprint of the new certificate for the
        /// next round.
        fn apply(&mut self, decided: RotationAction) -> Option<(RotationStatus, String)> {
            match decided {
                RotationAction::Add => {
                    self.added += 1;
                    self.observed.certificates.push(certificate("NEW", 1095, true));
                    Some((RotationStatus::Added, "NEW".into()))
                }
                RotationAction::Trust { target, certificates } => {
                    self.observed.trusted = certificates;
                    Some((RotationStatus::Trusted, target))
                }
                RotationAction::AwaitTrust { target } => Some((RotationStatus::Trusted, target)),
                RotationAction::Switch { target } => {
                    self.observed.active.clone_from(&target);
                    Some((RotationStatus::Switched, target))
                }
                RotationAction::AwaitSwitch { target } => Some((RotationStatus::Switched, target)),
                RotationAction::Retire { removed, certificates } => {
                    self.observed.certificates.retain(|one| !removed.contains(&one.thumbprint));
                    self.observed.trusted = certificates;
                    None
                }
                RotationAction::Nothing => None,
                other => panic!("{other:?}"),
            }
        }

        /// Whether users can sign in, which requires that IAM trusts the active certificate.
        fn sign_in_works(&self) -> bool {
            self.observed.trusted.contains(&self.observed.active)
        }

        /// Runs rounds until the rotation has finished, or until this number of actions has been applied. Returns
        /// whether the rotation has finished.
        fn run(&mut self, force: bool, actions: usize) -> bool {
            let (mut stage, mut target) = (RotationStatus::Started, String::new());
            for _ in 0..actions {
                let decided = next(&self.observed, &RotationParameters { force, ..parameters(stage, &target) });
                assert!(self.sign_in_works());
                match self.apply(decided) {
                    Some(update) => (stage, target) = update,
                    None => return true,
                }
            }
            false
        }
    }

    #[test]
    fn a_rotation_that_fails_after_any_move_is_finished_by_the_next_one_with_one_new_certificate() {
        for force in [false, true] {
            for actions in 0..4 {
                let mut clouds = Clouds::new(if force { 900 } else { 10 });
                assert!(!clouds.run(force, actions), "the rotation was complete after only {actions} actions");
                assert!(clouds.sign_in_works(), "after {actions} actions");
                assert!(clouds.run(force, 20));
                assert_eq!((clouds.observed.active.as_str(), &clouds.observed.trusted), ("NEW", &set(&["NEW"])));
                assert_eq!((clouds.observed.certificates.len(), clouds.added), (1, 1), "after {actions} actions");
            }
        }
    }

    #[test]
    fn a_repeated_last_round_has_nothing_to_do() {
        let mut clouds = Clouds::new(900);
        clouds.run(true, 20);
        let again = RotationParameters { force: true, ..parameters(RotationStatus::Switched, "NEW") };
        assert_eq!(next(&clouds.observed, &again), RotationAction::Nothing);
    }

    #[test]
    fn a_certificate_that_is_valid_for_long_enough_is_kept() {
        assert_eq!(next(&Clouds::new(31).observed, &parameters(RotationStatus::Started, "")), RotationAction::Nothing);
        assert_eq!(next(&Clouds::new(29).observed, &parameters(RotationStatus::Started, "")), RotationAction::Add);
        let forced = RotationParameters { force: true, ..parameters(RotationStatus::Started, "") };
        assert_eq!(next(&Clouds::new(900).observed, &forced), RotationAction::Add);
    }

    #[test]
    fn a_certificate_is_made_active_only_after_iam_has_trusted_it_for_a_round() {
        let mut clouds = Clouds::new(10);
        clouds.observed.certificates.push(certificate("NEW", 1095, true));
        let trust = RotationAction::Trust { target: "NEW".into(), certificates: set(&["NEW", "OLD"]) };
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Trusted, "NEW")), trust);
        clouds.observed.trusted = set(&["NEW", "OLD"]);
        for stage in [RotationStatus::Started, RotationStatus::Added] {
            assert_eq!(
                next(&clouds.observed, &parameters(stage, "")),
                RotationAction::AwaitTrust { target: "NEW".into() }
            );
        }
        assert_eq!(
            next(&clouds.observed, &parameters(RotationStatus::Trusted, "NEW")),
            RotationAction::Switch { target: "NEW".into() }
        );
    }

    #[test]
    fn certificates_of_other_administrators_stay_and_stay_trusted() {
        let mut clouds = Clouds::new(900);
        clouds.observed.certificates.push(certificate("PORTAL", 500, false));
        let trust = RotationAction::Retire { removed: set(&[]), certificates: set(&["OLD", "PORTAL"]) };
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Started, "")), trust);
        clouds.observed.trusted = set(&["OLD", "PORTAL"]);
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Started, "")), RotationAction::Nothing);
        // If a certificate is removed in the portal, IAM must no longer trust it.
        clouds.observed.certificates.pop();
        let narrow = RotationAction::Retire { removed: set(&[]), certificates: set(&["OLD"]) };
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Started, "")), narrow);
    }

    #[test]
    fn a_certificate_that_an_administrator_activated_stays_active_until_it_expires_soon() {
        let mut clouds = Clouds::new(1000);
        clouds.observed.certificates.push(certificate("PORTAL", 300, false));
        (clouds.observed.active, clouds.observed.trusted) = ("PORTAL".into(), set(&["OLD", "PORTAL"]));
        let started = parameters(RotationStatus::Started, "");
        assert_eq!(next(&clouds.observed, &started), RotationAction::Nothing);
        // A rotation that the input requests explicitly adds a new certificate.
        assert_eq!(next(&clouds.observed, &RotationParameters { force: true, ..started }), RotationAction::Add);
        let soon = RotationParameters { now: day(280), ..started };
        assert_eq!(next(&clouds.observed, &soon), RotationAction::AwaitTrust { target: "OLD".into() });
    }

    #[test]
    fn an_active_certificate_that_iam_does_not_trust_is_trusted_at_once() {
        let mut clouds = Clouds::new(900);
        clouds.observed.trusted = set(&["LOST"]);
        let trust = RotationAction::Trust { target: "OLD".into(), certificates: set(&["OLD"]) };
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Started, "")), trust);
    }

    #[test]
    fn a_missing_target_or_a_manual_change_stops_the_rotation() {
        let mut clouds = Clouds::new(10);
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Added, "NEW")), RotationAction::NotVisible);
        clouds.observed.certificates.push(certificate("NEW", 1095, true));
        clouds.observed.trusted = set(&["NEW", "OLD"]);
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Switched, "NEW")), RotationAction::OtherActive);
        clouds.observed.active = "GONE".into();
        assert_eq!(next(&clouds.observed, &parameters(RotationStatus::Started, "")), RotationAction::NoneActive);
    }
}
