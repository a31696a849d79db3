//! `rotate-certificate`: replaces SAML signing certificates before they expire, without interrupting sign-in. Without
//! rotation, a certificate would expire after three years, and no user could sign in. Each invocation is one round of
//! the state machine `rotate-certificate`. A round performs one action for each instance and returns the time to wait
//! until the next round.
//!
//! * Reads: `dynamodb:Scan` or `GetItem`; `GET /servicePrincipals/{id}`; the federation metadata if IAM rejects the
//!   composed metadata; `sts:GetCallerIdentity`, `iam:GetSAMLProvider`.
//! * Writes: `POST /servicePrincipals/{id}/addTokenSigningCertificate`, `PATCH /servicePrincipals/{id}` (activates a
//!   certificate, or writes the certificate lists without an old certificate), `iam:UpdateSAMLProvider`;
//!   `dynamodb:UpdateItem` (records which execution may add a certificate). To acquire the lease of the alias:
//!   `dynamodb:UpdateItem`, `states:DescribeExecution`.
//! * Permissions: `Application.Read.All` of the runtime identity for the reads, if this permission is granted. All
//!   other calls use `Application.ReadWrite.All` of the setup identity, and are made only when a certificate is due for
//!   rotation.
//! * Safe to repeat: [`onboarding_core::rotation`] chooses each action from the current certificates in Entra and IAM,
//!   and sign-in works after each action. Two concurrent executions add only one certificate, because the registry
//!   permits only one of them to add a certificate.
//!
//! This step composes the metadata for IAM from the application's certificate list, and does not use Entra's metadata
//! document, for three reasons. First, Entra adds a new certificate to the document only after a delay. Second, a
//! removed certificate remains in the document for some time. Third, Microsoft does not guarantee which certificates
//! the document contains.
//! If Entra or IAM permanently refuses a change, the step reports the refusal to the operator instead of returning an
//! error, so that the rotation for the other instances continues.
//!
//! Certificates are removed from only one instance at a time, and the result is verified before the next removal. One
//! round returns the removal, and the next round carries it out. So even if a round is interrupted, the next round
//! verifies the result. After an unexpected result, the execution removes no more certificates.

mod observation;
mod provider;
mod removals;

use std::collections::BTreeSet;

use onboarding_core::{
    StepError, StepErrorKind,
    contract::{EntraApplication, RotateCertificateInput, RotateCertificateOutput, Rotation, RotationStatus},
    entra::Identity,
    names,
    rotation::{self, Observed, RotationAction, RotationParameters},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{info, warn};

use self::{
    observation::Observation,
    provider::Provider,
    removals::{Admission, Removals, damaged, not_removed},
};
use crate::{
    context::Context,
    entra::{Graph, LOOKS_FOR_A_LOST_CERTIFICATE, Removal, ServicePrincipal},
    registry::{self, Acquisition, Claim, Entry, Registry, Scope, Unreadable},
    runtime::adapter::{Deadline, Invocation},
};

/// Seconds until the next round if a temporary error occurred, or if Entra does not return a newly added certificate
/// yet.
const LOOK_AGAIN: u64 = 60;
/// Maximum number of consecutive rounds with an error.
const MOST_FAILURES: u32 = 10;

/// Runs one round for all instances. The round ends before the Lambda timeout, and the next round begins with the
/// instances for which there was no time.
///
/// # Errors
/// If the registry can't be read. An error that affects only one instance is part of the output instead.
pub async fn run(
    ctx: &Context,
    input: RotateCertificateInput,
    invocation: Invocation,
) -> Result<RotateCertificateOutput, StepError> {
    let deadline = invocation.deadline();
    let registry = Registry::new(ctx)?;
    let (entries, unreadable) = match &input.instance_id {
        Some(id) => (vec![registry.entry(id).await?], Vec::new()),
        None => {
            let contents = registry.scan().await?;
            (contents.entries.into_iter().map(|instance| instance.entry).collect::<Vec<_>>(), contents.unreadable)
        }
    };
    let (mut output, mut left) = (RotateCertificateOutput::default(), Vec::new());
    let before = if input.previous.is_empty() {
        unreadable.into_iter().map(unreadable_rotation).chain(entries.iter().map(started)).collect()
    } else {
        input.previous.clone()
    };
    let mut removals = Removals::new(&before);
    for rotation in before {
        let entry = entries.iter().find(|entry| entry.instance_id == rotation.instance_id);
        let (rotation, wait) = match entry {
            _ if !rotation.status.pending() => (rotation, 0),
            Some(_) if deadline.is_reached() => {
                left.push(rotation);
                continue;
            }
            Some(entry) => {
                let round = Round { ctx, registry: &registry, entry, before: &rotation, input: &input, deadline };
                round.run_locked(&mut removals).await.unwrap_or_else(|error| after_error(&rotation, &error))
            }
            None => (
                Rotation {
                    status: RotationStatus::NotDue,
                    detail: "the instance is no longer registered".into(),
                    ..rotation
                },
                0,
            ),
        };
        info!(
            instance = rotation.instance_id,
            status = ?rotation.status,
            thumbprint = rotation.thumbprint,
            detail = rotation.detail,
            "certificate"
        );
        output.wait_seconds = output.wait_seconds.max(wait);
        output.instances.push(rotation);
    }
    if !left.is_empty() {
        info!(instances = left.len(), "the next round continues with the instances for which there was no time");
        output.wait_seconds = output.wait_seconds.max(LOOK_AGAIN);
        output.instances.splice(0..0, left);
    }
    Ok(output)
}

fn started(entry: &Entry) -> Rotation {
    Rotation {
        instance_id: entry.instance_id.clone(),
        alias: entry.alias.clone(),
        language: entry.language,
        ..Rotation::default()
    }
}

/// Returns the rotation status for a registry entry that can't be read. Without the entry, the step can't determine the
/// certificate of the instance, so an operator must act.
fn unreadable_rotation(entry: Unreadable) -> Rotation {
    Rotation {
        instance_id: entry.instance_id,
        alias: entry.alias,
        status: RotationStatus::NeedsPerson,
        detail: entry.message,
        ..Rotation::default()
    }
}

/// Converts an error to a rotation status. After an error that may be temporary, the next round tries again. After any
/// other error, an operator must act.
fn after_error(before: &Rotation, error: &StepError) -> (Rotation, u64) {
    let failures = before.failures + 1;
    let is_retried =
        error.kind.is_temporary() || matches!(error.kind, StepErrorKind::LeaseLost | StepErrorKind::Internal);
    let (status, wait) = match is_retried {
        true if failures <= MOST_FAILURES => (before.status, LOOK_AGAIN),
        true => (RotationStatus::Failed, 0),
        false => (RotationStatus::NeedsPerson, 0),
    };
    let detail = if status == before.status { String::new() } else { format!("{}: {}", error.name(), error.message) };
    info!(
        instance = before.instance_id,
        error = error.name(),
        message = error.message,
        failures,
        "no progress in this round"
    );
    let halts_removals = before.halts_removals || (before.removal.is_some() && !status.pending());
    (Rotation { status, failures, detail, halts_removals, ..before.clone() }, wait)
}

/// One round of the rotation for one instance.
struct Round<'a> {
    ctx: &'a Context,
    registry: &'a Registry<'a>,
    entry: &'a Entry,
    before: &'a Rotation,
    input: &'a RotateCertificateInput,
    deadline: Deadline,
}

impl Round<'_> {
    /// Runs the round while holding the lease of the alias. The lease is released between two rounds, because hours can
    /// pass between them, and because each round makes its decision from the current certificates in Entra and IAM.
    async fn run_locked(&self, removals: &mut Removals) -> Result<(Rotation, u64), StepError> {
        let lock = (Scope::Alias, self.entry.alias.as_str());
        let execution = self.input.execution.as_str();
        let lease = match self.registry.acquire_lease(self.ctx.step_functions(), lock, execution).await? {
            Acquisition::Acquired(lease) => lease,
            Acquisition::Revoked(holder) => {
                return Err(StepError::unavailable(holder.revoked_message(Scope::Alias, &self.entry.alias)));
            }
            Acquisition::HeldByOther(holder) => {
                let message = holder.message(Scope::Alias, &self.entry.alias);
                if self.before.status == RotationStatus::Started {
                    // This rotation has not changed anything yet, so it can wait for the next daily run.
                    return Ok((Rotation { status: RotationStatus::Busy, detail: message, ..self.before.clone() }, 0));
                }
                return Err(StepError::unavailable(message));
            }
        };
        let round = self.deadline.finish(registry::fence(self.ctx, lease)?.guard(self.run(removals))).await;
        // AWS or Entra may still execute an abandoned request. So the lease is not released, and the next round of this
        // execution acquires it again.
        let Some(result) = round else { return Err(StepError::unavailable("AWS or Entra did not respond in time")) };
        if result.as_ref().is_err_and(|error| error.kind == StepErrorKind::LeaseLost) {
            // The lease may now belong to a later invocation of this execution.
            return result;
        }
        if let Err(error) = self.registry.release_lease(lock, execution).await {
            warn!(
                error = error.name(),
                message = error.message,
                "the alias remains locked until this execution has finished"
            );
        }
        result
    }

    /// Reads the certificates in Entra and IAM, chooses one action and performs it. Returns the new state of the
    /// rotation, and the seconds to wait until the next round.
    async fn run(&self, removals: &mut Removals) -> Result<(Rotation, u64), StepError> {
        let observation = self.observe().await?;
        let parameters = RotationParameters {
            now: OffsetDateTime::now_utc(),
            days: self.ctx.settings.certificate_rotation_days()?,
            force: self.input.force,
            stage: self.before.status,
            target: &self.before.thumbprint,
        };
        let action = rotation::next(&observation.observed, &parameters);
        if let Some(begun) = &self.before.removal
            && !action.removes_certificates()
        {
            let verified = self.writer().verify_removal(&observation.principal.id, begun).await?;
            if let Removal::Damaged(missing) = verified {
                self.registry.release_rotation(&self.entry.instance_id).await?;
                return Ok((self.damaged(&observation, removals, &missing), 0));
            }
            removals.finish(&self.entry.instance_id);
        }
        if action.writes() {
            // Each change in Entra requires that this SAML provider trusts the new certificate. So the owner of the
            // provider is checked before any change in Entra.
            observation.provider.must_be_ours(&self.entry.alias)?;
        }
        match action {
            RotationAction::Nothing => self.finish(&observation).await,
            RotationAction::Add => self.add(&observation).await,
            RotationAction::Trust { target, certificates } => self.trust(&observation, &target, &certificates).await,
            RotationAction::AwaitTrust { target } => Ok(self.wait_for_trust(&observation, &target)),
            RotationAction::Switch { target } => self.activate(&observation, &target).await,
            RotationAction::AwaitSwitch { target } => Ok(self.wait_for_activation(&observation, &target)),
            RotationAction::Retire { removed, certificates } => {
                self.retire(&observation, &removed, certificates, removals).await
            }
            RotationAction::NotVisible => Err(self.not_visible()),
            RotationAction::NoneActive => Err(self.none_active(&observation)),
            RotationAction::OtherActive => Err(self.overruled(&observation)),
        }
    }

    async fn observe(&self) -> Result<Observation, StepError> {
        let principal = self.principal(self.application()?).await?;
        let provider = Provider::read(self.ctx, self.entry).await?;
        Ok(Observation::new(principal, provider, &names::certificate_subject(&self.entry.alias)))
    }

    /// Updates the metadata of the SAML provider in IAM, so that IAM trusts the new certificate in addition to the
    /// active certificate.
    async fn trust(
        &self,
        observation: &Observation,
        target: &str,
        certificates: &BTreeSet<String>,
    ) -> Result<(Rotation, u64), StepError> {
        observation.trust(self.ctx, certificates).await?;
        Ok(self.wait_for_trust(observation, target))
    }

    fn wait_for_trust(&self, observation: &Observation, target: &str) -> (Rotation, u64) {
        (self.at(RotationStatus::Trusted, &observation.observed, target), rotation::TRUST_PROPAGATION)
    }

    /// Makes the new certificate the active certificate in Entra.
    async fn activate(&self, observation: &Observation, target: &str) -> Result<(Rotation, u64), StepError> {
        self.writer().activate_certificate(&observation.principal, target).await?;
        Ok(self.wait_for_activation(observation, target))
    }

    fn wait_for_activation(&self, observation: &Observation, target: &str) -> (Rotation, u64) {
        (self.at(RotationStatus::Switched, &observation.observed, target), rotation::SWITCH_PROPAGATION)
    }

    fn not_visible(&self) -> StepError {
        let thumbprint = &self.before.thumbprint;
        StepError::not_consistent_yet(format!("Entra does not show the certificate {thumbprint} yet"))
    }

    fn none_active(&self, observation: &Observation) -> StepError {
        StepError::invalid_input(format!(
            "no certificate of the Entra application {} is active; start the onboarding of {} again, which creates one",
            observation.principal.app_id, self.entry.alias
        ))
    }

    fn overruled(&self, observation: &Observation) -> StepError {
        StepError::conflict(format!(
            "a certificate other than {} was activated in Entra during the rotation ({}); if this was intended, delete the \
             other certificate there",
            self.before.thumbprint, observation.observed.active
        ))
    }

    /// Returns the Graph client of the setup identity. The permissions of this identity are needed only for changes. If
    /// a permission was revoked, the error of the change names the permission.
    fn writer(&self) -> &Graph {
        self.ctx.graph_as(Identity::Setup)
    }

    /// Returns the final status of a rotation that needs no further action.
    async fn finish(&self, observation: &Observation) -> Result<(Rotation, u64), StepError> {
        let first = self.before.status == RotationStatus::Started;
        if !first {
            self.registry.release_rotation(&self.entry.instance_id).await?;
        }
        let status = if first { RotationStatus::NotDue } else { RotationStatus::Rotated };
        Ok((self.at(status, &observation.observed, &observation.observed.active), 0))
    }

    /// Adds a certificate, unless another execution has the right to add a certificate.
    async fn add(&self, observation: &Observation) -> Result<(Rotation, u64), StepError> {
        match self.registry.claim_rotation(&self.entry.instance_id, &self.input.execution).await? {
            Claim::HeldByOther => {
                Ok((self.at(RotationStatus::Busy, &observation.observed, &observation.observed.active), 0))
            }
            Claim::Repeated if self.before.failures < LOOKS_FOR_A_LOST_CERTIFICATE => {
                Err(StepError::not_consistent_yet(
                    "an interrupted attempt may have added a certificate that Entra does not show yet",
                ))
            }
            Claim::Repeated | Claim::New => {
                let subject = names::certificate_subject(&self.entry.alias);
                let made = self.writer().add_signing_certificate(&observation.principal.id, &subject).await?;
                let rotation = Rotation {
                    status: RotationStatus::Added,
                    thumbprint: made.thumbprint.to_uppercase(),
                    expires: made.end_date_time,
                    failures: 0,
                    ..self.before.clone()
                };
                Ok((rotation, LOOK_AGAIN))
            }
        }
    }

    /// Removes old certificates if the removal is allowed, then updates the certificates that IAM trusts.
    async fn retire(
        &self,
        observation: &Observation,
        removed: &BTreeSet<String>,
        mut certificates: BTreeSet<String>,
        removals: &mut Removals,
    ) -> Result<(Rotation, u64), StepError> {
        let admission = if removed.is_empty() { None } else { Some(removals.admit(&self.entry.instance_id)) };
        let result = match admission {
            None => Removal::Done,
            Some(Admission::Now) => self.remove(observation, removed).await?,
            Some(Admission::NextRound) => return Ok((self.before.clone(), LOOK_AGAIN)),
            Some(Admission::Never(why)) => Removal::Refused(why),
        };
        let done = match self.before.status {
            RotationStatus::Started => RotationStatus::NotDue,
            _ => RotationStatus::Rotated,
        };
        let mut rotation = self.at(done, &observation.observed, &observation.observed.active);
        match &result {
            Removal::Planned(removal) => {
                return Ok((Rotation { removal: Some(removal.clone()), ..self.before.clone() }, LOOK_AGAIN));
            }
            Removal::Done => {}
            Removal::Refused(why) => {
                rotation.status = RotationStatus::NeedsPerson;
                rotation.detail = not_removed(removed, why);
                rotation.halts_removals = self.is_unclear();
            }
            Removal::Damaged(missing) => rotation = self.damaged(observation, removals, missing),
        }
        if result == Removal::Done {
            removals.finish(&self.entry.instance_id);
        } else {
            // IAM continues to trust the old certificate, because Entra's certificate list may still contain it, and an
            // administrator could activate it there.
            certificates.extend(removed.iter().cloned());
        }
        if certificates != observation.observed.trusted {
            observation.trust(self.ctx, &certificates).await?;
        }
        self.registry.release_rotation(&self.entry.instance_id).await?;
        Ok((rotation, 0))
    }

    /// Returns the status after a removal for which credentials are missing that must be kept.
    fn damaged(&self, observation: &Observation, removals: &mut Removals, missing: &str) -> Rotation {
        removals.halt(&self.entry.alias);
        let rotation = self.at(RotationStatus::NeedsPerson, &observation.observed, &observation.observed.active);
        let detail = damaged(&observation.principal.app_id, missing);
        Rotation { detail, halts_removals: true, ..rotation }
    }

    /// Returns whether several rounds could not determine the result of a removal that was begun.
    fn is_unclear(&self) -> bool {
        self.before.removal.is_some() && self.before.failures >= MOST_FAILURES
    }

    async fn remove(&self, observation: &Observation, removed: &BTreeSet<String>) -> Result<Removal, StepError> {
        let all = observation.observed.certificates.iter().map(|certificate| certificate.thumbprint.clone());
        let kept = all.filter(|thumbprint| !removed.contains(thumbprint)).collect();
        let begun = self.before.removal.as_ref();
        match self.writer().remove_certificates(&observation.principal.id, removed, &kept, begun).await {
            // After several retries, it is still unclear whether the removal is safe.
            Err(error) if error.kind == StepErrorKind::NotConsistentYet && self.before.failures >= MOST_FAILURES => {
                Ok(Removal::Refused(error.message))
            }
            result => result,
        }
    }

    fn at(&self, status: RotationStatus, observed: &Observed, thumbprint: &str) -> Rotation {
        let certificate = observed.certificates.iter().find(|one| one.thumbprint.eq_ignore_ascii_case(thumbprint));
        let expires = certificate.and_then(|one| one.expires.format(&Rfc3339).ok()).unwrap_or_default();
        let thumbprint = thumbprint.to_uppercase();
        Rotation { status, thumbprint, expires, failures: 0, removal: None, ..self.before.clone() }
    }

    fn application(&self) -> Result<&EntraApplication, StepError> {
        self.entry.application.as_ref().ok_or_else(|| {
            StepError::invalid_input(format!(
                "the registry entry of {} has no Entra application; start its onboarding again, which adds it",
                self.entry.alias
            ))
        })
    }

    async fn principal(&self, application: &EntraApplication) -> Result<ServicePrincipal, StepError> {
        let id = &application.service_principal_id;
        let read = match self.ctx.graph_as(Identity::Runtime).service_principal(id).await {
            // The permission `Application.Read.All` is optional for the runtime identity.
            Err(error) if error.kind == StepErrorKind::AccessDenied => {
                self.ctx.graph_as(Identity::Setup).service_principal(id).await
            }
            read => read,
        };
        read?.ok_or_else(|| {
            StepError::invalid_input(format!(
                "the Entra application {} of {} no longer exists; start the onboarding again, or tear the instance down",
                application.app_id, self.entry.alias
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use onboarding_core::contract::CertificateRemoval;

    use super::*;

    #[test]
    fn a_removal_that_is_not_verified_delays_other_removals_and_prevents_them_if_it_is_never_verified() {
        let begun = Rotation {
            instance_id: "b".into(),
            status: RotationStatus::Switched,
            removal: Some(CertificateRemoval::default()),
            ..Rotation::default()
        };
        let (mut rotation, _) = after_error(&begun, &StepError::unavailable("no response"));
        assert!(!rotation.halts_removals, "the next round verifies the removal");
        let mut removals = Removals::new(std::slice::from_ref(&rotation));
        assert_eq!((removals.admit("a"), removals.admit("b")), (Admission::NextRound, Admission::Now));
        rotation.failures = MOST_FAILURES;
        let (failed, _) = after_error(&rotation, &StepError::unavailable("no response"));
        assert_eq!((failed.status, failed.halts_removals), (RotationStatus::Failed, true));
    }
}
