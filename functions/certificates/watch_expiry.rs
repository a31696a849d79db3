//! `watch-expiry`: measures the remaining lifetime of signing certificates, of the credentials for Microsoft Graph, and
//! of the subscriptions to groups. The step runs once a day, so that an alarm notifies the operator before one of them
//! expires.
//!
//! * Reads: `dynamodb:Scan` on the registry; the federation metadata of each application (no permission); Graph `GET
//!   /subscriptions` and, if `Application.Read.All` is granted, `GET /servicePrincipals/{id}`; the runtime identity's
//!   credential. For the setup identity, the step reads only the tag `expires` of the secret
//!   (`secretsmanager:DescribeSecret`), because only the functions of an onboarding may read the secret's value.
//! * Writes: only the metrics `SigningCertificateDaysLeft`, `CredentialDaysLeft` and `SubscriptionHoursLeft`.
//! * Safe to repeat: the step only reads. If there is not enough time for all instances, the step fails, and Lambda
//!   invokes it again. Each invocation begins with an instance that depends on the time.
//!
//! The metadata may contain several certificates. If the step can read the service principal, it measures the active
//! certificate. Otherwise, the step measures the certificate that expires first, so that the alarm is too early rather
//! than too late.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use onboarding_core::{
    StepError,
    contract::{CredentialExpiry, InstanceExpiry, WatchExpiryInput, WatchExpiryOutput},
    entra::Identity,
    names, saml,
};
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{
    aws::error::CallResult as _,
    context::Context,
    entra::{Subscription, moment, x509},
    registry::{Entry, Registry},
    runtime::{
        adapter::{Deadline, Invocation},
        metrics::{Metric, Metrics},
        settings::SignIn,
    },
};

/// Runs the step.
///
/// # Errors
/// The first error that occurred. The step returns this error only after it has completed all other checks.
pub async fn run(
    ctx: &Context,
    _input: WatchExpiryInput,
    invocation: Invocation,
) -> Result<WatchExpiryOutput, StepError> {
    let (now, deadline) = (OffsetDateTime::now_utc(), invocation.deadline());
    let (mut output, mut failure) = (WatchExpiryOutput::default(), None);
    for identity in Identity::ALL {
        match credential(ctx, identity).await {
            Ok(Some(end)) => {
                output.credentials.push(CredentialExpiry { identity, days_left: (end - now).whole_days() });
            }
            Ok(None) => info!(%identity, "the credential does not expire, or its expiry is unknown"),
            Err(error) => log(&mut failure, "credential", error),
        }
    }
    if let Some(first) = output.credentials.iter().map(|credential| credential.days_left).min() {
        Metrics::of_stack().with(Metric::CredentialDaysLeft, first).emit();
    }
    let mut entries = Registry::new(ctx)?.entries().await?;
    start_elsewhere(&mut entries, now);
    let subscriptions = match entries.is_empty() {
        true => None,
        false => subscriptions(ctx, deadline).await.map_err(|error| log(&mut failure, "subscriptions", error)).ok(),
    };
    let mut left = Vec::new();
    for entry in entries {
        let certificate = match deadline.run(certificate(ctx, &entry)).await {
            Some(Ok(certificate)) => certificate,
            Some(Err(error)) => {
                log(&mut failure, "signing certificate", error);
                None
            }
            None => {
                left.push(entry.alias.clone());
                None
            }
        };
        let seen = InstanceExpiry {
            signing_certificate_days_left: certificate.map(|end| (end - now).whole_days()),
            subscription_hours_left: subscriptions.as_deref().and_then(|all| hours_left(all, &entry, now)),
            instance_id: entry.instance_id,
            alias: entry.alias,
        };
        emit(&seen);
        output.instances.push(seen);
    }
    if let Some(first) = left.first() {
        let message = format!(
            "there was no time to read the signing certificates of {} instances, for example {first}; Lambda repeats the check",
            left.len()
        );
        log(&mut failure, "signing certificates", StepError::unavailable(message));
    }
    failure.map_or(Ok(output), Err)
}

/// Emits the metrics of an instance.
fn emit(seen: &InstanceExpiry) {
    let mut metrics = Metrics::of_instance(&seen.alias);
    if let Some(days) = seen.signing_certificate_days_left {
        metrics = metrics.with(Metric::SigningCertificateDaysLeft, days);
    }
    if let Some(hours) = seen.subscription_hours_left {
        metrics = metrics.with(Metric::SubscriptionHoursLeft, hours);
    }
    metrics.emit();
}

/// Rotates the entries, so that a repeated check begins with other instances. Without this, a check that always runs out
/// of time would never reach the last instances.
fn start_elsewhere(entries: &mut [Entry], now: OffsetDateTime) {
    if !entries.is_empty() {
        entries.rotate_left(start(now, entries.len()));
    }
}

/// Returns the position of the entry with which a check at this time begins. The position is derived from a hash of the
/// time. If it were derived from the time itself, the checks at the same time of each day would begin with the same
/// entry for many numbers of entries.
fn start(now: OffsetDateTime, entries: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    now.unix_timestamp().hash(&mut hasher);
    let entries = u64::try_from(entries).unwrap_or(u64::MAX);
    hasher.finish().checked_rem(entries).and_then(|start| usize::try_from(start).ok()).unwrap_or_default()
}

fn log(failure: &mut Option<StepError>, what: &str, error: StepError) {
    warn!(what, error = error.name(), message = error.message, "could not be checked");
    failure.get_or_insert(error);
}

/// Returns all subscriptions of the stack.
async fn subscriptions(ctx: &Context, deadline: Deadline) -> Result<Vec<Subscription>, StepError> {
    let read = deadline.run(ctx.graph().subscriptions()).await;
    read.unwrap_or_else(|| Err(StepError::unavailable("Microsoft Graph did not list the subscriptions in time")))
}

/// Returns the expiry time of the credential of an Entra identity.
async fn credential(ctx: &Context, identity: Identity) -> Result<Option<OffsetDateTime>, StepError> {
    if identity == Identity::Runtime {
        return ctx.graph_as(identity).credential_expires().await;
    }
    // If the stack has no setup identity, there is no credential to check. If both identities use the same secret, the
    // step checks the secret only once, for the runtime identity.
    let name = match ctx.settings.sign_in(identity) {
        Ok(SignIn::Secret(name)) if ctx.settings.sign_in(Identity::Runtime) != Ok(SignIn::Secret(name)) => name,
        _ => return Ok(None),
    };
    let secret = ctx.secrets().describe_secret().secret_id(name).send().await;
    let secret = secret.doing(format_args!("reading the tags of the secret {name}"))?;
    let tag = secret.tags().iter().find(|tag| tag.key() == Some(names::EXPIRES_KEY));
    Ok(tag.and_then(|tag| tag.value()).and_then(moment))
}

/// Returns the expiry time of the certificate with which Entra signs an instance's assertions.
async fn certificate(ctx: &Context, entry: &Entry) -> Result<Option<OffsetDateTime>, StepError> {
    let Some(application) = &entry.application else { return Ok(None) };
    let xml = ctx.graph().federation_metadata(&application.app_id).await?;
    let principal = ctx.graph().service_principal(&application.service_principal_id).await;
    // Without the permission `Application.Read.All`, the active certificate is unknown.
    let active = principal.ok().flatten().and_then(|principal| principal.preferred_token_signing_key_thumbprint);
    Ok(end_of_signing(&saml::signing_certificates(&xml), active.as_deref()))
}

/// Returns the expiry time of the certificate whose thumbprint is `active`. If no certificate has this thumbprint,
/// returns the earliest expiry time of all certificates.
fn end_of_signing(certificates: &[Vec<u8>], active: Option<&str>) -> Option<OffsetDateTime> {
    let is_active = |der: &&Vec<u8>| active.is_some_and(|active| saml::thumbprint_of(der).eq_ignore_ascii_case(active));
    let end = |der: &Vec<u8>| x509::read(der).map(|facts| facts.not_after);
    certificates.iter().find(is_active).and_then(end).or_else(|| certificates.iter().filter_map(end).min())
}

/// Returns the remaining lifetime, in hours, of the group subscription that expires first.
fn hours_left(subscriptions: &[Subscription], entry: &Entry, now: OffsetDateTime) -> Option<i64> {
    let of_group = |id: &str| {
        let ends =
            subscriptions.iter().filter(|subscription| subscription.watches(id)).filter_map(Subscription::expires);
        ends.max().map_or(0, |end| (end - now).whole_hours().max(0))
    };
    entry.groups.iter().map(|group| of_group(&group.id)).min()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use time::Duration;

    use super::*;

    #[test]
    fn daily_checks_begin_with_every_instance_in_turn() {
        for entries in [2, 3, 4, 5, 6, 8, 10, 24] {
            let day = |number: i64| start(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000 + number), entries);
            let starts: BTreeSet<usize> = (0..365).map(day).collect();
            assert_eq!(starts, (0..entries).collect(), "{entries} entries");
        }
    }
}
