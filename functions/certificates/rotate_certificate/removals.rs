//! The order of the removals of certificates in one execution.

use std::collections::BTreeSet;

use onboarding_core::contract::Rotation;

/// Limits the removal of certificates to one instance at a time. After a removal with an unexpected result, no more
/// certificates are removed.
#[derive(Debug)]
pub(super) struct Removals {
    /// The ID of the instance whose certificates may be removed in this round. If an earlier round has begun a removal
    /// that is not verified yet, this is the instance of that removal.
    instance_id: Option<String>,
    /// The alias of the instance for which the removal of certificates had an unexpected result.
    halted_by: Option<String>,
}

/// Whether certificates of an instance may be removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Now,
    NextRound,
    /// No certificate may be removed in this execution, for the given reason.
    Never(String),
}

impl Removals {
    /// Continues with the results of the previous round.
    pub(super) fn new(before: &[Rotation]) -> Self {
        let halted_by = before.iter().find(|rotation| rotation.halts_removals).map(|rotation| rotation.alias.clone());
        let begun = before.iter().find(|rotation| rotation.status.pending() && rotation.removal.is_some());
        Self { instance_id: begun.map(|rotation| rotation.instance_id.clone()), halted_by }
    }

    /// Returns whether certificates of this instance may be removed in this round.
    pub(super) fn admit(&mut self, instance_id: &str) -> Admission {
        if let Some(alias) = &self.halted_by {
            return Admission::Never(format!(
                "the removal for {alias} had an unexpected result, so this execution removes no more certificates"
            ));
        }
        match self.instance_id.get_or_insert_with(|| instance_id.to_owned()) == instance_id {
            true => Admission::Now,
            false => Admission::NextRound,
        }
    }

    /// Allows the next removal, after the removal for this instance was verified.
    pub(super) fn finish(&mut self, instance_id: &str) {
        self.instance_id.take_if(|begun| begun == instance_id);
    }

    /// Prevents further removals, after the removal for this alias had an unexpected result.
    pub(super) fn halt(&mut self, alias: &str) {
        self.halted_by = Some(alias.to_owned());
    }
}

/// Returns the message that asks an administrator to remove the certificates `removed`.
pub(super) fn not_removed(removed: &BTreeSet<String>, why: &str) -> String {
    format!(
        "the new certificate is active, but the old one was not removed from Entra ({why}); delete {} in the Entra admin center under \
         Enterprise applications > Single sign-on > SAML certificates",
        removed.iter().cloned().collect::<Vec<_>>().join(", ")
    )
}

/// Returns the message after a removal for which the credentials `missing` are missing that must be kept.
pub(super) fn damaged(app_id: &str, missing: &str) -> String {
    format!(
        "the old certificate was removed, but other credentials of the application {app_id} that must be kept are no longer \
         in Entra ({missing}); check immediately whether users can sign in, and if not, start the onboarding again, which creates \
         a new certificate and adds it to the SAML provider in IAM"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instance_at_a_time_removes_certificates_and_none_after_a_failed_removal() {
        let mut removals = Removals::new(&[Rotation::default()]);
        assert_eq!((removals.admit("a"), removals.admit("b")), (Admission::Now, Admission::NextRound));
        removals.finish("b");
        assert_eq!(removals.admit("b"), Admission::NextRound);
        removals.finish("a");
        assert_eq!(removals.admit("b"), Admission::Now);
        removals.halt("acme");
        assert!(matches!(removals.admit("a"), Admission::Never(why) if why.contains("acme")));
        let wrong = Rotation { alias: "acme".into(), halts_removals: true, ..Rotation::default() };
        let mut next_round = Removals::new(&[Rotation::default(), wrong]);
        assert!(matches!(next_round.admit("a"), Admission::Never(_)));
    }
}
