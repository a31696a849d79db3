//! `rotate-certificate`: renews SAML signing certificates before they expire, without interrupting sign-in. Without
//! rotation, no user could sign in after three years. Each invocation is one round of the state machine
//! `rotate-certificate`: one action per instance, then the time to wait.
//!
//! * Reads: `dynamodb:Scan` or `GetItem`; `GET /servicePrincipals/{id}`; the federation metadata if IAM refuses the
//!   composed metadata; `sts:GetCallerIdentity`, `iam:GetSAMLProvider`.
//! * Writes: `POST /servicePrincipals/{id}/addTokenSigningCertificate`, `PATCH /servicePrincipals/{id}` (the active
//!   certificate; the certificate lists without an old certificate), `iam:UpdateSAMLProvider`; `dynamodb:UpdateItem`
//!   (the claim of the execution that may add a certificate). The lock of the alias: `dynamodb:UpdateItem`,
//!   `dynamodb:DeleteItem`, `states:DescribeExecution`.
//! * Permissions: `Application.Read.All` of the runtime identity for reading, if granted; `Application.ReadWrite.All`
//!   of the setup identity for the rest, used only when a certificate is due.
//! * Safe to repeat: [`onboarding_core::rotation`] decides from the state of both clouds, and sign-in works after each
//!   action. Two concurrent executions add only one certificate, because the registry grants the claim to one of them.
//!
//! The metadata for IAM is composed here from the application's certificate list. Entra's metadata document is not
//! used, because it shows a new certificate late and a removed certificate for too long, and does not guarantee which
//! certificates it contains. A permanent refusal by either cloud is reported to the operator and is not an error, so
//! that one instance does not stop the others.
//!
//! Each round removes certificates from one instance only, and the result is verified before the next removal. After
//! an unexpected result, the execution removes no more certificates.

mod provider;

use std::collections::BTreeSet;

use onboarding_core::{
    StepError, StepErrorKind,
    contract::{EntraApplication, RotateCertificateInput, RotateCertificateOutput, Rotation, RotationStatus},
    entra::Identity,
    names,
    rotation::{self, Certificate, Move, Observed, Wish},
    saml::{self, Metadata, read_metadata},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{info, warn};

use self::provider::Provider;
use crate::{
    context::Context,
    entra::{Graph, KeyCredential, LOOKS_FOR_A_LOST_CERTIFICATE, Removal, ServicePrincipal},
    registry::{Claim, Entry, LockResult, Registry, Scope, Unreadable},
};

/// Seconds to wait for a newly added certificate to become visible, and after a temporary error.
const LOOK_AGAIN: u64 = 60;
/// Maximum number of consecutive rounds with an error.
const MOST_FAILURES: u32 = 10;

/// Runs one round.
///
/// # Errors
/// If the registry can't be read. An error of a single instance is returned in the output.
pub async fn run(ctx: &Context, input: RotateCertificateInput) -> Result<RotateCertificateOutput, StepError> {
    let registry = Registry::new(ctx)?;
    let (entries, unreadable) = match &input.instance_id {
        Some(id) => (vec![registry.entry(id).await?], Vec::new()),
        None => {
            let contents = registry.scan().await?;
            (contents.entries.into_iter().map(|(entry, _)| entry).collect::<Vec<_>>(), contents.unreadable)
        }
    };
    let mut output = RotateCertificateOutput::default();
    let before = if input.previous.is_empty() {
        unreadable.into_iter().map(needs_person).chain(entries.iter().map(begun)).collect()
    } else {
        input.previous.clone()
    };
    let mut removals = Removals::new(&before);
    for rotation in before {
        let entry = entries.iter().find(|entry| entry.instance_id == rotation.instance_id);
        let (rotation, wait) = match entry {
            _ if !rotation.status.pending() => (rotation, 0),
            Some(entry) => {
                let round = Round { ctx, registry: &registry, entry, before: &rotation, input: &input };
                round.play_alone(&mut removals).await.unwrap_or_else(|error| told(&rotation, &error))
            }
            None => (
                Rotation { status: RotationStatus::NotDue, detail: "it is not registered any more".into(), ..rotation },
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
    Ok(output)
}

/// Limits removals: one instance per round, and none after a removal had an unexpected result.
#[derive(Debug)]
struct Removals {
    /// Whether this round has already removed certificates from an instance.
    used: bool,
    /// The alias of the instance whose removal had an unexpected result.
    halted_by: Option<String>,
}

/// Whether an instance may remove certificates.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    Now,
    NextRound,
    /// Not in this execution, for the given reason.
    Never(String),
}

impl Removals {
    fn new(before: &[Rotation]) -> Self {
        let halted_by = before.iter().find(|rotation| rotation.halts_removals).map(|rotation| rotation.alias.clone());
        Self { used: false, halted_by }
    }

    fn admit(&mut self) -> Admission {
        match &self.halted_by {
            Some(alias) => Admission::Never(format!("the removal for {alias} went wrong, so no other one is tried")),
            None if self.used => Admission::NextRound,
            None => {
                self.used = true;
                Admission::Now
            }
        }
    }
}

fn begun(entry: &Entry) -> Rotation {
    Rotation {
        instance_id: entry.instance_id.clone(),
        alias: entry.alias.clone(),
        language: entry.language,
        ..Rotation::default()
    }
}

/// Reports an unreadable registry entry. The instance's certificate can't be determined.
fn needs_person(entry: Unreadable) -> Rotation {
    Rotation {
        instance_id: entry.instance_id,
        alias: entry.alias,
        status: RotationStatus::NeedsPerson,
        detail: entry.message,
        ..Rotation::default()
    }
}

/// Converts an error to a rotation status: after a temporary error the next round retries; any other error requires
/// the operator.
fn told(before: &Rotation, error: &StepError) -> (Rotation, u64) {
    let failures = before.failures + 1;
    let passes = matches!(
        error.kind,
        StepErrorKind::Throttled
            | StepErrorKind::Unavailable
            | StepErrorKind::NotConsistentYet
            | StepErrorKind::Internal
    );
    let (status, wait) = match passes {
        true if failures <= MOST_FAILURES => (before.status, LOOK_AGAIN),
        true => (RotationStatus::Failed, 0),
        false => (RotationStatus::NeedsPerson, 0),
    };
    let detail = if status == before.status { String::new() } else { format!("{}: {}", error.name(), error.message) };
    info!(instance = before.instance_id, error = error.name(), message = error.message, failures, "no progress");
    (Rotation { status, failures, detail, ..before.clone() }, wait)
}

/// One round of one instance.
struct Round<'a> {
    ctx: &'a Context,
    registry: &'a Registry<'a>,
    entry: &'a Entry,
    before: &'a Rotation,
    input: &'a RotateCertificateInput,
}

impl Round<'_> {
    /// Runs the round while holding the lock of the alias. The lock is released between rounds, because rounds are
    /// hours apart and each decides anew from the state of both clouds.
    async fn play_alone(&self, removals: &mut Removals) -> Result<(Rotation, u64), StepError> {
        let lock = (Scope::Alias, self.entry.alias.as_str());
        let execution = self.input.execution.as_str();
        match self.registry.acquire_lock(self.ctx.step_functions(), lock, execution).await? {
            LockResult::Acquired => {}
            LockResult::HeldByOther(holder) => {
                let message = holder.message(Scope::Alias, &self.entry.alias);
                if self.before.status == RotationStatus::Started {
                    // Nothing has been changed yet, so the next daily run is early enough.
                    return Ok((Rotation { status: RotationStatus::Busy, detail: message, ..self.before.clone() }, 0));
                }
                return Err(StepError::unavailable(message));
            }
        }
        let played = self.play(removals).await;
        if let Err(error) = self.registry.release_lock(lock, execution).await {
            warn!(
                error = error.name(),
                message = error.message,
                "the alias stays locked until this execution has finished"
            );
        }
        played
    }

    /// Observes both clouds, decides and performs one action; returns the new state and the time to wait.
    async fn play(&self, removals: &mut Removals) -> Result<(Rotation, u64), StepError> {
        let application = self.application()?;
        let principal = self.principal(application).await?;
        let provider = Provider::read(self.ctx, self.entry).await?;
        let observed = observed(&principal, &names::certificate_subject(&self.entry.alias), &provider.metadata);
        let seen = Seen { principal, provider, observed };
        let wish = Wish {
            now: OffsetDateTime::now_utc(),
            days: self.ctx.settings.certificate_rotation_days()?,
            force: self.input.force,
            stage: self.before.status,
            target: &self.before.thumbprint,
        };
        let decided = rotation::next(&seen.observed, &wish);
        if decided.writes() {
            // Checked before any change in Entra that IAM would have to trust.
            seen.provider.must_be_ours(&self.entry.alias)?;
        }
        let at = |status, target: &str| self.at(status, &seen.observed, target);
        match decided {
            Move::Nothing => self.rest(&seen).await,
            Move::Add => self.add(&seen).await,
            Move::NotSeen => Err(StepError::not_consistent_yet(format!(
                "Entra does not show the certificate {} yet",
                self.before.thumbprint
            ))),
            Move::Trust { target, certificates } => {
                seen.trust(self.ctx, &certificates).await?;
                Ok((at(RotationStatus::Trusted, &target), rotation::SETTLE))
            }
            Move::Settle { target } => Ok((at(RotationStatus::Trusted, &target), rotation::SETTLE)),
            Move::Switch { target } => {
                self.writer().activate_certificate(&seen.principal, &target).await?;
                Ok((at(RotationStatus::Switched, &target), rotation::GRACE))
            }
            Move::Linger { target } => Ok((at(RotationStatus::Switched, &target), rotation::GRACE)),
            Move::Retire { removed, certificates } => self.retire(&seen, &removed, certificates, removals).await,
            Move::NoneActive => Err(StepError::invalid_input(format!(
                "no certificate of the Entra application {} is active; start the onboarding of {} again, which makes one",
                application.app_id, self.entry.alias
            ))),
            Move::Overruled => Err(StepError::conflict(format!(
                "another certificate than {} was made active in Entra meanwhile ({}); if that was on purpose, delete the \
                 other one there",
                self.before.thumbprint, seen.observed.active
            ))),
        }
    }

    /// Returns the client of the setup identity. Only writes need its permissions; if they were revoked, the error
    /// names them.
    fn writer(&self) -> &Graph {
        self.ctx.graph_as(Identity::Setup)
    }

    /// Handles a rotation with nothing left to do.
    async fn rest(&self, seen: &Seen) -> Result<(Rotation, u64), StepError> {
        let first = self.before.status == RotationStatus::Started;
        if !first {
            self.registry.release_rotation(&self.entry.instance_id).await?;
        }
        let status = if first { RotationStatus::NotDue } else { RotationStatus::Rotated };
        Ok((self.at(status, &seen.observed, &seen.observed.active), 0))
    }

    /// Adds a certificate unless another execution has the claim.
    async fn add(&self, seen: &Seen) -> Result<(Rotation, u64), StepError> {
        match self.registry.claim_rotation(&self.entry.instance_id, &self.input.execution).await? {
            Claim::HeldByOther => Ok((self.at(RotationStatus::Busy, &seen.observed, &seen.observed.active), 0)),
            Claim::Repeated if self.before.failures < LOOKS_FOR_A_LOST_CERTIFICATE => {
                Err(StepError::not_consistent_yet(
                    "an attempt that died may have added a certificate, which Entra may show late",
                ))
            }
            Claim::Repeated | Claim::New => {
                let subject = names::certificate_subject(&self.entry.alias);
                let made = self.writer().add_signing_certificate(&seen.principal.id, &subject).await?;
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

    /// Removes old certificates if allowed, then updates the certificates that IAM trusts.
    async fn retire(
        &self,
        seen: &Seen,
        removed: &BTreeSet<String>,
        mut certificates: BTreeSet<String>,
        removals: &mut Removals,
    ) -> Result<(Rotation, u64), StepError> {
        let admission = if removed.is_empty() { None } else { Some(removals.admit()) };
        let result = match admission {
            None => Removal::Done,
            Some(Admission::Now) => self.remove(seen, removed).await?,
            Some(Admission::NextRound) => return Ok((self.before.clone(), LOOK_AGAIN)),
            Some(Admission::Never(why)) => Removal::Refused(why),
        };
        let done = match self.before.status {
            RotationStatus::Started => RotationStatus::NotDue,
            _ => RotationStatus::Rotated,
        };
        let (status, detail) = match &result {
            Removal::Done => (done, String::new()),
            Removal::Refused(why) => (RotationStatus::NeedsPerson, not_removed(removed, why)),
            Removal::Damaged(missing) => (RotationStatus::NeedsPerson, damaged(&seen.principal.app_id, missing)),
        };
        if result != Removal::Done {
            // The certificate may still be in Entra's list, and an administrator may activate it.
            certificates.extend(removed.iter().cloned());
        }
        if certificates != seen.observed.trusted {
            seen.trust(self.ctx, &certificates).await?;
        }
        self.registry.release_rotation(&self.entry.instance_id).await?;
        let halts_removals = matches!(result, Removal::Damaged(_));
        if halts_removals {
            removals.halted_by = Some(self.entry.alias.clone());
        }
        let rotation = self.at(status, &seen.observed, &seen.observed.active);
        Ok((Rotation { detail, halts_removals, ..rotation }, 0))
    }

    async fn remove(&self, seen: &Seen, removed: &BTreeSet<String>) -> Result<Removal, StepError> {
        let all = seen.observed.certificates.iter().map(|certificate| certificate.thumbprint.clone());
        let kept = all.filter(|thumbprint| !removed.contains(thumbprint)).collect();
        match self.writer().remove_certificates(&seen.principal.id, removed, &kept).await {
            // Several retries have not resolved the uncertainty.
            Err(error) if error.kind == StepErrorKind::NotConsistentYet && self.before.failures >= MOST_FAILURES => {
                Ok(Removal::Refused(error.message))
            }
            result => result,
        }
    }

    fn at(&self, status: RotationStatus, observed: &Observed, thumbprint: &str) -> Rotation {
        let certificate = observed.certificates.iter().find(|one| one.thumbprint.eq_ignore_ascii_case(thumbprint));
        let expires = certificate.and_then(|one| one.expires.format(&Rfc3339).ok()).unwrap_or_default();
        Rotation { status, thumbprint: thumbprint.to_uppercase(), expires, failures: 0, ..self.before.clone() }
    }

    fn application(&self) -> Result<&EntraApplication, StepError> {
        self.entry.application.as_ref().ok_or_else(|| {
            StepError::invalid_input(format!(
                "the registry does not know the Entra application of {}; start its onboarding again, which enters it",
                self.entry.alias
            ))
        })
    }

    async fn principal(&self, application: &EntraApplication) -> Result<ServicePrincipal, StepError> {
        let id = &application.service_principal_id;
        let read = match self.ctx.graph_as(Identity::Runtime).service_principal(id).await {
            // `Application.Read.All` is optional for the runtime identity.
            Err(error) if error.kind == StepErrorKind::AccessDenied => {
                self.ctx.graph_as(Identity::Setup).service_principal(id).await
            }
            read => read,
        };
        read?.ok_or_else(|| {
            StepError::invalid_input(format!(
                "the Entra application {} of {} is gone; start the onboarding again, or tear the instance down",
                application.app_id, self.entry.alias
            ))
        })
    }
}

/// The observed state of an instance in both clouds.
struct Seen {
    principal: ServicePrincipal,
    provider: Provider,
    observed: Observed,
}

impl Seen {
    /// Updates the SAML provider in IAM with metadata that contains exactly these certificates.
    async fn trust(&self, ctx: &Context, thumbprints: &BTreeSet<String>) -> Result<(), StepError> {
        let listed = self.observed.certificates.iter().filter(|one| thumbprints.contains(&one.thumbprint));
        let certificates: Vec<&str> = listed.map(|one| one.der.as_str()).collect();
        let known = &self.provider.metadata;
        let document = saml::metadata_document(&known.entity_id, &known.single_sign_on, &certificates);
        // Verified before the update: without the active certificate in the metadata, every sign-in would fail.
        let said: BTreeSet<String> = read_metadata(&document)?.thumbprints.into_iter().collect();
        if said != *thumbprints || !said.contains(&self.observed.active) {
            return Err(StepError::internal(format!(
                "metadata with the certificates {thumbprints:?} can't be composed of what Entra lists"
            )));
        }
        match self.provider.update(ctx, document).await {
            // AWS does not document whether IAM requires the issuer's signature.
            Err(error) if error.kind == StepErrorKind::InvalidInput => {
                self.trust_published(ctx, thumbprints, &error.message).await
            }
            result => result,
        }
    }

    /// Updates the SAML provider in IAM with Entra's own metadata document, if this contains exactly these
    /// certificates.
    async fn trust_published(
        &self,
        ctx: &Context,
        thumbprints: &BTreeSet<String>,
        refusal: &str,
    ) -> Result<(), StepError> {
        let app_id = &self.principal.app_id;
        let document = ctx.graph_as(Identity::Runtime).federation_metadata(app_id).await?;
        let said: BTreeSet<String> = read_metadata(&document)?.thumbprints.into_iter().collect();
        if said != *thumbprints {
            return Err(StepError::not_consistent_yet(format!(
                "{refusal}; Entra's own federation metadata of the application {app_id} lists the certificates {said:?} and not \
                 {thumbprints:?} yet"
            )));
        }
        self.provider.update(ctx, document).await
    }
}

fn not_removed(removed: &BTreeSet<String>, why: &str) -> String {
    format!(
        "the new certificate signs, but the old one was not removed from Entra ({why}); delete {} in the Entra admin center under \
         Enterprise applications > Single sign-on > SAML certificates",
        removed.iter().cloned().collect::<Vec<_>>().join(", ")
    )
}

fn damaged(app_id: &str, missing: &str) -> String {
    format!(
        "the old certificate was removed, and Entra does not show other credentials of the application {app_id} any more that \
         had to stay ({missing}); check at once whether users can sign in, and if not, start the onboarding again, which makes \
         a new certificate and lets IAM trust it"
    )
}

fn observed(principal: &ServicePrincipal, subject: &str, trusted: &Metadata) -> Observed {
    let certificate = |key: &KeyCredential| {
        let der = key.key.clone()?;
        Some(Certificate {
            thumbprint: saml::thumbprint(&der)?,
            expires: OffsetDateTime::parse(key.end_date_time.as_deref()?, &Rfc3339).ok()?,
            ours: key.display_name.as_deref() == Some(subject),
            der,
        })
    };
    let public = principal.key_credentials.iter().filter(|key| key.usage.as_deref() == Some("Verify"));
    Observed {
        certificates: public.filter_map(certificate).collect(),
        active: principal.preferred_token_signing_key_thumbprint.clone().unwrap_or_default().to_uppercase(),
        trusted: trusted.thumbprints.iter().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instance_per_round_removes_certificates_and_none_after_a_failed_removal() {
        let mut removals = Removals::new(&[Rotation::default()]);
        assert_eq!((removals.admit(), removals.admit()), (Admission::Now, Admission::NextRound));
        removals.halted_by = Some("acme".into());
        assert!(matches!(removals.admit(), Admission::Never(why) if why.contains("acme")));
        let wrong = Rotation { alias: "acme".into(), halts_removals: true, ..Rotation::default() };
        let mut next_round = Removals::new(&[Rotation::default(), wrong]);
        assert!(matches!(next_round.admit(), Admission::Never(_)));
    }
}
