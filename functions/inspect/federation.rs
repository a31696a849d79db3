//! The IAM objects through which the users of an instance sign in: the SAML provider, the policy and the role.

use aws_sdk_iam::{
    operation::get_saml_provider::GetSamlProviderOutput,
    types::{Role, Tag},
};
use onboarding_core::{
    StepError,
    contract::{Area, VerifySignInInput},
    iam::{federation_policy, is_wanted_trust, same_document, session_seconds, summary, trust_policy},
    inspection::{Checks, Object, Presence},
    names,
    onboarding::{Destination, Onboarding, UsernameAttribute},
    replication::GlobalSignIn,
    saml::{Metadata, read_metadata},
    sync::Ownership,
};
use serde_json::Value;

use crate::{aws::iam, context::Context};

/// The IAM objects of an instance, with the settings that the input requires.
#[derive(Clone, Debug)]
pub(crate) struct Federation {
    pub(crate) region: String,
    /// The ID of the instance, or an empty string if the instance does not exist yet.
    pub(crate) instance_id: String,
    pub(crate) saml_provider_arn: String,
    pub(crate) policy_arn: String,
    pub(crate) role_arn: String,
    pub(crate) username: UsernameAttribute,
    pub(crate) session_seconds: u32,
    /// The expected thumbprint of the signing certificate. `None` means that the thumbprint of the active certificate
    /// is expected.
    pub(crate) certificate: Option<String>,
    /// The expected identifier of the Entra application. `None` means that every identifier in the format that AWS
    /// requires is accepted.
    pub(crate) identifier: Option<String>,
    /// The page that opens for users after sign-in.
    pub(crate) destination: Option<Destination>,
    /// The settings for global sign-in of a replicated instance. An onboarding never overwrites these settings.
    pub(crate) global: Option<GlobalSignIn>,
}

impl TryFrom<&VerifySignInInput> for Federation {
    type Error = StepError;

    fn try_from(input: &VerifySignInInput) -> Result<Self, StepError> {
        Ok(Self {
            region: input.region.clone(),
            instance_id: input.instance_id.clone(),
            saml_provider_arn: input.saml_provider_arn.clone(),
            policy_arn: input.policy_arn.clone(),
            role_arn: input.role_arn.clone(),
            username: input.username,
            session_seconds: session_seconds(&input.session_duration)?,
            certificate: Some(input.sign_on.certificate_thumbprint.clone()),
            identifier: Some(input.sign_on.identifier_uri.clone()),
            destination: input.sign_in.destination.clone(),
            global: None,
        })
    }
}

impl Federation {
    /// Returns the IAM objects that an input requires. `account` is the ARN prefix of the account, such as
    /// `arn:aws:iam::123456789012`.
    ///
    /// # Errors
    /// `InvalidInput` if the session duration is invalid.
    pub(crate) fn new(
        onboarding: &Onboarding,
        (account, region, instance_id): (&str, &str, &str),
    ) -> Result<Self, StepError> {
        let wanted = &onboarding.iam;
        Ok(Self {
            region: region.into(),
            instance_id: instance_id.into(),
            saml_provider_arn: format!("{account}:saml-provider/{}", wanted.saml_provider_name),
            policy_arn: format!("{account}:policy{}{}", names::IAM_PATH, wanted.policy_name),
            role_arn: format!("{account}:role{}{}", names::IAM_PATH, wanted.role_name),
            username: onboarding.users.username,
            session_seconds: session_seconds(&wanted.session_duration)?,
            certificate: None,
            identifier: None,
            destination: onboarding.sign_in.destination.clone(),
            global: None,
        })
    }

    pub(crate) fn role_name(&self) -> &str {
        last(&self.role_arn)
    }
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Compares a document with the desired document. The check contains a summary of both documents.
fn document(checks: &mut Checks, name: &str, wanted: &Value, found: &Value) {
    checks.that(name, same_document(wanted, found), summary(wanted), summary(found));
}

/// Compares the trust policy of the role with the desired trust policy.
fn trust_check(checks: &mut Checks, wanted: &Federation, found: &Value) {
    let (provider, region, global) = (&wanted.saml_provider_arn, &wanted.region, wanted.global.as_ref());
    let right = is_wanted_trust(found, provider, region, global);
    checks.that("trust policy", right, summary(&trust_policy(provider, region, global)), summary(found));
}

/// Checks that this certificate and this issuer are both in the metadata that Entra publishes and in the metadata in
/// IAM.
pub(crate) fn certificate_checks(
    (certificate, entity_id): (&str, &str),
    published: &str,
    provider: Option<&GetSamlProviderOutput>,
) -> Checks {
    let mut checks = Checks::default();
    let provided = provider.and_then(GetSamlProviderOutput::saml_metadata_document).unwrap_or_default();
    for (name, xml) in [("certificate in Entra's metadata", published), ("certificate in the SAML provider", provided)]
    {
        match read_metadata(xml) {
            Ok(metadata) => {
                let trusted = metadata.thumbprints.iter().any(|one| one.eq_ignore_ascii_case(certificate));
                let found = format!("{} of {}", metadata.thumbprints.join(", "), metadata.entity_id);
                let right = trusted && metadata.entity_id == entity_id;
                checks.that(name, right, format!("{certificate} of {entity_id}"), found);
            }
            Err(error) => checks.that(name, false, certificate, error.message),
        }
    }
    checks
}

/// Compares the SAML provider with the metadata that Entra publishes (`None` if the application does not exist yet).
/// Also compares the SAML provider with the thumbprint of the active certificate, and with the thumbprints of all
/// certificates of the application.
///
/// # Errors
/// If IAM returns an error.
pub(crate) async fn provider_object(
    ctx: &Context,
    wanted: &Federation,
    alias: &str,
    (published, active, certificates): (Option<&Metadata>, Option<&str>, &[String]),
) -> Result<Object, StepError> {
    const KIND: &str = "SAML provider";
    let name = last(&wanted.saml_provider_arn);
    let Some(provider) = iam::saml_provider(ctx.iam(), &wanted.saml_provider_arn).await? else {
        return Ok(Object::new(Area::Iam, KIND, name, Presence::Absent));
    };
    let xml = provider.saml_metadata_document().unwrap_or_default();
    let present = read_metadata(xml);
    let describe = |metadata: &Metadata| format!("{} of {}", metadata.thumbprints.join(", "), metadata.entity_id);
    let mut checks = Checks::default();
    checks.that(
        "trusted certificates",
        published.is_some_and(|published| published.is_trusted_by(xml, active)),
        match (published, active) {
            (None, _) => "those of the new application".into(),
            (Some(published), None) => describe(published),
            (Some(published), Some(active)) => format!("{active} of {}", published.entity_id),
        },
        present.as_ref().map_or_else(|error| error.message.clone(), describe),
    );
    let mut guards = Checks::default();
    if let (Some(published), Ok(present)) = (published, &present) {
        let known = |one: &String| {
            let same = |other: &String| other.eq_ignore_ascii_case(one);
            published.thumbprints.iter().any(same) || certificates.iter().any(same)
        };
        let strange: Vec<&str> = present.thumbprints.iter().filter(|one| !known(one)).map(String::as_str).collect();
        let found = if strange.is_empty() { "none".to_owned() } else { strange.join(", ") };
        // The onboarding updates the metadata only if the SAML provider has the onboarding's tags.
        let untagged = iam::owner(provider.tags(), alias) == Ownership::Unmanaged;
        let strangers = if untagged { &mut checks } else { &mut guards };
        strangers.equal("certificates that are not in Entra", "none", found);
    }
    let why = "its metadata may serve other sign-ins";
    Ok(owned(KIND, name, provider.tags(), alias, checks, why, "iam.samlProviderName").guarded(guards))
}

/// Checks that the IAM policy grants the permissions that the sign-in requires.
///
/// # Errors
/// If IAM returns an error.
pub(crate) async fn policy_checks(ctx: &Context, wanted: &Federation) -> Result<Checks, StepError> {
    let found = match iam::policy(ctx.iam(), &wanted.policy_arn).await? {
        Some(policy) => iam::policy_document(ctx.iam(), &policy).await?,
        None => Value::Null,
    };
    let mut checks = Checks::default();
    document(&mut checks, "policy", &federation_policy(&wanted.instance_id), &found);
    Ok(checks)
}

/// Compares the IAM policy with the policy that the input requires.
///
/// # Errors
/// If IAM returns an error.
pub(crate) async fn policy_object(ctx: &Context, wanted: &Federation, alias: &str) -> Result<Object, StepError> {
    const KIND: &str = "IAM policy";
    let name = last(&wanted.policy_arn);
    let Some(policy) = iam::policy(ctx.iam(), &wanted.policy_arn).await? else {
        return Ok(Object::new(Area::Iam, KIND, name, Presence::Absent));
    };
    let found = iam::policy_document(ctx.iam(), &policy).await?;
    let mut checks = Checks::default();
    document(&mut checks, "policy", &federation_policy(&wanted.instance_id), &found);
    let why = "other roles may depend on its statements";
    Ok(owned(KIND, name, policy.tags(), alias, checks, why, "iam.policyName").guarded(tag_guard(policy.tags(), alias)))
}

/// An IAM role with the policies that are attached to it.
#[derive(Debug, Default)]
pub(crate) struct FoundRole {
    pub(crate) role: Option<Role>,
    pub(crate) attached: Vec<String>,
}

impl FoundRole {
    /// Reads a role.
    ///
    /// # Errors
    /// If IAM returns an error.
    pub(crate) async fn read(ctx: &Context, name: &str) -> Result<Self, StepError> {
        let Some(role) = iam::role(ctx.iam(), name).await? else { return Ok(Self::default()) };
        Ok(Self { role: Some(role), attached: iam::attached_policies(ctx.iam(), name).await? })
    }

    /// Checks that users can sign in through the role.
    pub(crate) fn sign_in_checks(&self, wanted: &Federation) -> Checks {
        let mut checks = Checks::default();
        let Some(role) = &self.role else {
            checks.equal("role", &wanted.role_arn, "none");
            return checks;
        };
        checks.equal("role", &wanted.role_arn, role.arn());
        let trust = iam::document(role.assume_role_policy_document());
        trust_check(&mut checks, wanted, &trust);
        let (longest, seconds) = (longest_session(role), wanted.session_seconds);
        checks.that("session duration", longest >= seconds, format!("at least {seconds} s"), format!("{longest} s"));
        let there = self.attached.contains(&wanted.policy_arn);
        checks.that("attached policy", there, &wanted.policy_arn, self.attached.join(", "));
        checks
    }
}

fn longest_session(role: &Role) -> u32 {
    role.max_session_duration().and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(3600)
}

/// Compares the IAM role with the role that the input requires.
///
/// # Errors
/// If IAM returns an error.
pub(crate) async fn role_object(ctx: &Context, wanted: &Federation, alias: &str) -> Result<Object, StepError> {
    const KIND: &str = "IAM role";
    let name = wanted.role_name();
    let found = FoundRole::read(ctx, name).await?;
    let Some(role) = &found.role else {
        return Ok(Object::new(Area::Iam, KIND, name, Presence::Absent));
    };
    let trust = iam::document(role.assume_role_policy_document());
    let (longest, seconds) = (longest_session(role), wanted.session_seconds);
    let mut checks = Checks::default();
    trust_check(&mut checks, wanted, &trust);
    checks.equal("session duration", format!("{seconds} s"), format!("{longest} s"));
    let there = found.attached.contains(&wanted.policy_arn);
    checks.that("attached policy", there, &wanted.policy_arn, found.attached.join(", "));

    let mut guards = tag_guard(role.tags(), alias);
    let none = |list: Vec<String>| if list.is_empty() { "none".into() } else { list.join(", ") };
    let further = found.attached.iter().filter(|arn| **arn != wanted.policy_arn).cloned().collect();
    guards.equal("further attached policies", "none", none(further));
    guards.equal("inline policies of the role", "none", none(iam::inline_policies(ctx.iam(), name).await?));
    let note = match &wanted.global {
        Some(global) => {
            format!("the trust policies for {} are kept, because the instance is replicated", global.endpoint())
        }
        None => String::new(),
    };
    let why = "it differs from the expected role: it may trust other principals than the SAML provider, or allow more";
    let object = owned(KIND, name, role.tags(), alias, checks, why, "iam.roleName");
    // If a role without tags has additional policies, it may belong to another application.
    let strange = object.presence == Presence::Adoptable && found.attached.len() > 1;
    let foreign = || {
        Presence::Foreign(
            iam::not_ours(&format!("the role {name}"), &Ownership::Unmanaged, why, "iam.roleName").message,
        )
    };
    let presence = if strange { foreign() } else { object.presence.clone() };
    Ok(Object { presence, ..object }.guarded(guards).noting(note))
}

/// Checks that an object has the tags of the onboarding. Only onboardings create objects under this IAM path. So if an
/// object does not have these tags, the tags were removed.
fn tag_guard(tags: &[Tag], alias: &str) -> Checks {
    let value = |key: &str| tags.iter().find(|tag| tag.key() == key).map_or("none", Tag::value).to_owned();
    let mut guards = Checks::default();
    for (key, wanted) in names::tags(alias) {
        guards.equal(format!("tag {key}"), wanted, value(key));
    }
    guards
}

fn owned(
    kind: &'static str,
    name: &str,
    tags: &[Tag],
    alias: &str,
    checks: Checks,
    difference: &str,
    input_field: &str,
) -> Object {
    let object = Object::new(Area::Iam, kind, name, Presence::Ours).with(checks);
    let presence = match iam::owner(tags, alias) {
        Ownership::Ours => Presence::Ours,
        Ownership::Unmanaged if object.differences().next().is_none() => Presence::Adoptable,
        owner => {
            Presence::Foreign(iam::not_ours(&format!("the {kind} {name}"), &owner, difference, input_field).message)
        }
    };
    Object { presence, ..object }
}
