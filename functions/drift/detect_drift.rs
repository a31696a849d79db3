//! `detect-drift`: compares all settings that an onboarding made in AWS and Entra with the input of the latest
//! onboarding. The purpose is to find manual changes.
//!
//! * Reads from the registry: `dynamodb:GetItem` or `dynamodb:Scan`.
//! * Reads from Connect: `connect:DescribeInstance`, for a replicated instance `connect:ListReplicationFindings`;
//!   `connect:ListInstanceAttributes`, `connect:ListInstanceStorageConfigs`, `connect:ListApprovedOrigins`, the lists
//!   of profiles and hierarchy groups; for the starter flow, `connect:ListContactFlows`, `connect:DescribeContactFlow`,
//!   `connect:ListTestCases` and `connect:DescribeTestCase`; for the security profile without permissions,
//!   `connect:SearchUsers`, `connect:DescribeSecurityProfile` and `connect:ListSecurityProfilePermissions`.
//! * Reads from IAM: `iam:GetSAMLProvider`, `iam:GetPolicy`, `iam:GetPolicyVersion`, `iam:GetRole`,
//!   `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`.
//! * Reads from Graph: `/servicePrincipals/{id}` with its claims policies and assignments, `/applications/{id}`,
//!   `/groups/{id}` (and the members, if single users are assigned), `/subscriptions`; and from Entra the federation
//!   metadata.
//! * Writes: nothing. The steps of the onboarding revert drift.
//! * Permissions: the AWS actions listed under Reads; in Graph `Application.Read.All`, `Policy.Read.All`,
//!   `Group.Read.All`, `User.Read.All`. A missing permission is reported as a finding.
//! * Safe to repeat: the step only reads.

use std::collections::BTreeSet;

use onboarding_core::{
    StepError, StepErrorKind,
    contract::{Area, Check, DetectDriftInput, DriftFinding, DriftReport, InstanceDrift, MAX_FINDINGS, Remediation},
    inspection::{Checks, Object, Presence},
    log_messages, names,
    onboarding::{Assignment, DriftResponse, NestedGroups, Onboarding, RemovalAction},
    replication::GlobalSignIn,
    saml::read_metadata,
};
use time::OffsetDateTime;
use tracing::{info, warn};

use super::{
    findings::{digest, settled, short, skipped, unreadable},
    pass::pass,
};
use crate::{
    aws::iam,
    connect::{Directory, no_access},
    context::Context,
    inspect::{
        entra::{self, Found, as_found},
        federation::{Federation, policy_object, provider_object, role_object},
        instance::{self, Described},
        origins, record, replication_findings, starter_flow,
    },
    registry::{Entry, Registry},
    runtime::{
        adapter::Invocation,
        metrics::{Metric, Metrics},
    },
};

/// Compares each instance with the input of its latest onboarding. If there is not enough time for all instances, the
/// report says so, and the state machine calls the step again.
///
/// # Errors
/// If the registry can't be read, or a temporary error interrupts the comparison of an instance.
pub async fn run(ctx: &Context, input: DetectDriftInput, invocation: Invocation) -> Result<DriftReport, StepError> {
    let deadline = invocation.deadline();
    let registry = Registry::new(ctx)?;
    let mut report = DriftReport { more: false, ..input.previous.clone().unwrap_or_default() };
    let entries = match &input.instance_id {
        Some(id) => vec![registry.entry(id).await?],
        None => {
            let contents = registry.scan().await?;
            let new = contents.unreadable.iter().filter(|entry| report.of(&entry.instance_id).is_none());
            let new: Vec<_> = new.map(unreadable).collect();
            report.instances.extend(new);
            contents.entries.into_iter().map(|instance| instance.entry).collect()
        }
    };
    let check =
        async |entry: &Entry, before: Option<&InstanceDrift>| deadline.run(check(ctx, &input, entry, before)).await;
    pass(report, &entries, input.before.as_ref(), check).await.map(DriftReport::within_limits)
}

/// Compares one instance. `before` is the result of the first check, after which drift was reverted.
async fn check(
    ctx: &Context,
    input: &DetectDriftInput,
    entry: &Entry,
    before: Option<&InstanceDrift>,
) -> Result<InstanceDrift, StepError> {
    let Compared { findings: mut found, application_gone, global } = compare(ctx, entry).await?;
    if let Some(before) = before {
        found = settled(before, found);
        found.extend(input.skipped.iter().filter(|one| one.instance_id == entry.instance_id).map(skipped));
    }
    let mend = input.mend.unwrap_or_else(|| entry.input().drift.response == DriftResponse::Revert);
    let revertible = found.iter().any(|finding| finding.revertible && !finding.reverted);
    let remediation = if mend && revertible && before.is_none() {
        remediation(ctx, entry, application_gone, global).await?
    } else {
        None
    };
    if remediation.is_none() {
        let left = found.iter().filter(|finding| !finding.reverted).count();
        Metrics::of_instance(&entry.alias).with(Metric::DriftFindings, left).emit();
    }
    for finding in &found {
        let DriftFinding { place, expected, found, reverted, .. } = &short(finding.clone());
        warn!(instance = entry.alias, place, expected, found, mended = reverted, "{}", log_messages::DRIFT);
    }
    info!(instance = entry.alias, findings = found.len(), "{}", log_messages::COMPARED);
    Ok(InstanceDrift {
        instance_id: entry.instance_id.clone(),
        alias: entry.alias.clone(),
        language: entry.language,
        count: found.len(),
        digest: digest(&found),
        findings: found.into_iter().take(MAX_FINDINGS).map(short).collect(),
        remediation,
    })
}

/// Returns the input for the steps that revert drift. Returns `None` if the registry entry was written by an older
/// release, which did not store the necessary settings.
async fn remediation(
    ctx: &Context,
    entry: &Entry,
    application_gone: bool,
    global: Option<GlobalSignIn>,
) -> Result<Option<Remediation>, StepError> {
    let (Some(mut onboarding), Some(application)) = (entry.onboarding.clone(), entry.application.clone()) else {
        return Ok(None);
    };
    // No step that reverts drift needs the settings of the groups. In a large input, these settings would make the
    // report exceed its size limit.
    onboarding.users.groups.clear();
    let account = iam::arn_prefix(ctx.sts()).await?;
    let place = (account.as_str(), ctx.region(), entry.instance_id.as_str());
    let wanted = Federation::new(&onboarding, place)?;
    Ok(Some(Remediation {
        region: ctx.region().to_owned(),
        instance_arn: entry.instance_arn.clone(),
        saml_provider_arn: wanted.saml_provider_arn,
        policy_arn: wanted.policy_arn,
        role_arn: wanted.role_arn,
        onboarding,
        application,
        global_sign_in_endpoint: global.map(|global| global.endpoint().to_owned()),
        application_gone,
        groups: entry.groups.clone(),
    }))
}

/// The result of comparing one instance.
struct Compared {
    findings: Vec<DriftFinding>,
    /// Whether the Entra application of the instance no longer exists.
    application_gone: bool,
    /// The settings for global sign-in, if the instance is replicated to another Region.
    global: Option<GlobalSignIn>,
}

/// Compares all areas of an instance. If the comparison of one area has a permanent error, the error becomes a finding,
/// and the other areas are still compared. A temporary error does not indicate a manual change, so it is returned as an
/// error.
async fn compare(ctx: &Context, entry: &Entry) -> Result<Compared, StepError> {
    let described = match instance::describe(ctx, &entry.instance_id).await {
        Err(error) if error.kind.is_temporary() => return Err(error),
        described => described,
    };
    let global = described.as_ref().map(|found| found.as_ref()?.global_sign_in().cloned()).map_err(Clone::clone);
    let comparison =
        Comparison { ctx, entry, described, global, onboarding: entry.input(), now: OffsetDateTime::now_utc() };
    let (mut findings, mut application_gone) = (Vec::new(), false);
    for (area, name, objects) in [
        (Area::Instance, "instance", comparison.instance().await),
        (Area::Instance, "profiles", comparison.profiles().await),
        (Area::Instance, "replication", comparison.replication().await),
        (Area::Entra, "Entra", comparison.entra().await),
        (Area::Iam, "IAM", comparison.federation().await),
        (Area::Notifications, "subscriptions", comparison.subscriptions().await),
    ] {
        match objects {
            Ok(objects) => {
                log_settings(&entry.alias, &objects);
                application_gone |= objects
                    .iter()
                    .any(|object| object.kind == entra::APPLICATION && object.presence == Presence::Absent);
                findings.extend(objects.iter().flat_map(Object::drifted));
            }
            Err(error) if error.kind.is_temporary() => return Err(error),
            Err(error) => {
                let why = match error.kind {
                    StepErrorKind::AccessDenied => format!("it can't be read: {}", error.message),
                    _ => error.message,
                };
                findings.extend(Object::new(area, name, &entry.alias, Presence::Hidden(why)).drifted());
            }
        }
    }
    let global = comparison.global.ok().flatten();
    Ok(Compared { findings, application_gone, global })
}

/// Logs each setting with its value, including the settings that match the input. The report contains only the
/// differences, whereas these log lines document all settings at this time.
fn log_settings(instance: &str, objects: &[Object]) {
    for object in objects {
        let thing = format!("{} {}", object.kind, object.name);
        if let Some(found) = object.presence.without_settings() {
            info!(instance, place = thing, expected = "present", found, passed = false, "{}", log_messages::SETTING);
            continue;
        }
        let checks: Vec<&Check> = object.checks.iter().chain(&object.guards).collect();
        if checks.is_empty() {
            let (expected, found) = match &object.presence {
                Presence::Foreign(why) => ("present", why.as_str()),
                Presence::Surplus => ("none", "present"),
                _ => ("present", "present"),
            };
            info!(instance, place = thing, expected, found, passed = expected == found, "{}", log_messages::SETTING);
        }
        for Check { name, passed, expected, found } in checks {
            info!(instance, place = format!("{thing}: {name}"), expected, found, passed, "{}", log_messages::SETTING);
        }
    }
}

struct Comparison<'a> {
    ctx: &'a Context,
    entry: &'a Entry,
    /// The instance, or the error that occurred while reading the instance.
    described: Result<Option<Described>, StepError>,
    /// The settings for global sign-in, if the instance is replicated to another Region. Without these settings, the
    /// comparison would report global sign-in as drift.
    global: Result<Option<GlobalSignIn>, StepError>,
    onboarding: Onboarding,
    now: OffsetDateTime,
}

impl Comparison<'_> {
    async fn wanted(&self) -> Result<Federation, StepError> {
        let account = iam::arn_prefix(self.ctx.sts()).await?;
        let place = (account.as_str(), self.ctx.region(), self.entry.instance_id.as_str());
        Ok(Federation { global: self.global.clone()?, ..Federation::new(&self.onboarding, place)? })
    }

    async fn instance(&self) -> Result<Vec<Object>, StepError> {
        let (id, alias) = (self.entry.instance_id.as_str(), self.entry.alias.as_str());
        let found = self.described.as_ref().map_err(Clone::clone)?.as_ref();
        let mut object = instance::object(self.ctx.region(), alias, found);
        if self.entry.instance_adopted == Some(false)
            && let Some(found) = found
        {
            let mut guards = Checks::default();
            let ours = instance::is_ours(&found.instance, alias);
            guards.that("tags", ours, "the tags of this onboarding", if ours { "the same" } else { "other tags" });
            object = object.guarded(guards);
        }
        let mut objects = vec![object];
        // If the registry entry was written by an older release, the entry does not contain the other settings of the
        // input. So the other settings are not compared.
        if found.is_some() && self.entry.onboarding.is_some() {
            let wanted = &self.onboarding.instance;
            objects.extend(instance::attribute_objects(self.ctx, Some(id), wanted).await?);
            objects.extend(instance::storage_objects(self.ctx, Some(id), wanted).await?);
            objects.extend(origins::origin_objects(self.ctx, Some(id), wanted).await?);
            let telephony = (&self.onboarding.telephony, self.onboarding.language);
            objects.extend(starter_flow::objects(self.ctx.connect(), Some(id), alias, telephony).await?);
        }
        Ok(objects)
    }

    /// Returns the resources that are not completely replicated to the other Region.
    async fn replication(&self) -> Result<Vec<Object>, StepError> {
        match &self.global {
            Ok(Some(_)) => replication_findings::objects(self.ctx, &self.entry.instance_id).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Returns the profiles and hierarchy groups that the input's groups refer to.
    async fn profiles(&self) -> Result<Vec<Object>, StepError> {
        let (id, alias) = (self.entry.instance_id.as_str(), self.entry.alias.as_str());
        let users = &self.onboarding.users;
        let hierarchy = users.hierarchy_groups();
        let directory = Directory::new(self.ctx.connect(), id, alias, self.ctx.settings.clock());
        let found = directory.profiles(&hierarchy).await?;
        let mut objects = Vec::new();
        if let Some(profile) = found.security.get(names::NO_ACCESS_PROFILE)
            && (users.removed.action == RemovalAction::Strip || directory.is_assigned(profile).await?)
        {
            objects.push(self.no_access(profile).await?);
        }
        let mut add = |kind, name: &str, there: bool| {
            let known = objects.iter().any(|object: &Object| object.kind == kind && object.name == name);
            if !known && !there {
                let why = format!(
                    "the instance has no {kind} with this name, so members of the groups that need it can't be set up"
                );
                objects.push(Object::new(Area::Users, kind, name, Presence::Foreign(why)));
            }
        };
        for group in &users.groups {
            for profile in &group.security_profiles {
                add("security profile", profile, found.security.contains_key(profile));
            }
            add("routing profile", &group.routing_profile, found.routing.contains_key(&group.routing_profile));
            if let Some(path) = &group.hierarchy_group {
                add("hierarchy group", path, found.hierarchy.contains_key(path));
            }
        }
        Ok(objects)
    }

    /// Returns the security profile without permissions. This profile is assigned to users who left their groups. Such
    /// users would receive every permission that is added to the profile.
    async fn no_access(&self, profile: &str) -> Result<Object, StepError> {
        let (client, ids) = (self.ctx.connect(), (self.entry.instance_id.as_str(), self.entry.alias.as_str()));
        let ours = no_access::is_ours(client, ids, profile).await?;
        let permissions = no_access::permissions(client, ids.0, profile).await?;
        let (mut checks, mut guards) = (Checks::default(), Checks::default());
        let found = if permissions.is_empty() { "none".to_owned() } else { permissions.join(", ") };
        checks.that("permissions of users who left", permissions.is_empty(), "none", found);
        guards.that("tags", ours, "the tags of this onboarding", if ours { "the same" } else { "others" });
        let presence = if ours {
            Presence::Ours
        } else {
            Presence::Foreign("it does not have the tags of this onboarding".into())
        };
        let object = Object::new(Area::Users, "security profile", names::NO_ACCESS_PROFILE, presence);
        Ok(object.with(checks).guarded(guards).advising(format!(
            "if this security profile was created by the user sync, restore its tags ({}={}, {}={}); otherwise, rename \
             it in Amazon Connect, and start a user sync, which creates its own profile: onboard sync {}",
            names::MANAGED_BY_KEY,
            names::MANAGED_BY,
            names::ONBOARDING_KEY,
            ids.1,
            ids.1
        )))
    }

    async fn application(&self) -> Result<Option<Found>, StepError> {
        let Some(known) = &self.entry.application else { return Ok(None) };
        let graph = self.ctx.graph();
        match Found::read(graph, &known.service_principal_id, &known.application_id).await? {
            Some(found) => found.with_gallery(graph).await.map(Some),
            None => Ok(None),
        }
    }

    async fn entra(&self) -> Result<Vec<Object>, StepError> {
        let mut groups = Vec::new();
        let mut people = BTreeSet::new();
        let nested = self.onboarding.users.nested_groups == NestedGroups::Flatten;
        for group in &self.entry.groups {
            let missing = match self.onboarding.entra.assignment {
                Assignment::Groups => match self.ctx.graph().resolve_group(&group.id).await {
                    Ok(_) => false,
                    Err(error) if error.kind == StepErrorKind::InvalidInput => true,
                    Err(error) => return Err(error),
                },
                Assignment::Users => match self.ctx.graph().group_members(&group.id, nested).await? {
                    Some(read) => {
                        people.extend(read.members.into_iter().map(|member| member.id));
                        false
                    }
                    None => true,
                },
            };
            if missing {
                let why = "it no longer exists in Entra ID".to_owned();
                groups.push(Object::new(Area::Entra, "group", &group.display_name, Presence::Foreign(why)));
            }
        }
        let wanted = self.wanted().await?;
        let found = self.application().await?;
        if let Some(found) = &found {
            as_found::log(&self.entry.alias, found);
        }
        let mut objects =
            entra::objects(found.as_ref(), &self.onboarding, &wanted, (&self.entry.groups, &people), self.now);
        if found.is_none() {
            // Only the missing application is reported. All other objects in Entra depend on the application, and the
            // next onboarding creates a new application.
            objects.truncate(1);
        }
        if self.entry.onboarding.is_none() {
            // If the registry entry was written by an older release, the entry does not state whether groups or single
            // users are assigned to the application. So the assignments are not compared.
            objects.retain(|object| object.kind != entra::ASSIGNMENT);
        }
        if let Some(application) = objects.first_mut()
            && application.presence == Presence::Adoptable
        {
            // An onboarding tags every application that it uses, so missing tags are drift.
            application.guards.push(Check {
                name: "tag".into(),
                expected: "the tags of this onboarding".into(),
                found: "none".into(),
                passed: false,
            });
        }
        objects.extend(groups);
        Ok(objects)
    }

    async fn federation(&self) -> Result<Vec<Object>, StepError> {
        let wanted = self.wanted().await?;
        let published = match &self.entry.application {
            Some(application) => match self.ctx.graph().federation_metadata(&application.app_id).await {
                Ok(xml) => Some(read_metadata(&xml)?),
                // Entra publishes no metadata because the application does not exist. A separate finding reports the
                // missing application.
                Err(error) if error.kind == StepErrorKind::NotConsistentYet => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        let alias = self.entry.alias.as_str();
        let principal = match &self.entry.application {
            Some(application) => self.ctx.graph().service_principal(&application.service_principal_id).await?,
            None => None,
        };
        let gone = principal.is_none();
        let found = principal.map(|principal| Found { principal, ..Found::default() }).unwrap_or_default();
        let certificates = found.certificates();
        let entra = (published.as_ref(), found.active_certificate(), certificates.as_slice());
        let mut provider = provider_object(self.ctx, &wanted, alias, entra).await?;
        if gone {
            // The metadata of the SAML provider comes from the application. So no step can restore the metadata if the
            // application does not exist.
            provider = provider.irreversible(entra::START_AGAIN);
        }
        Ok(vec![provider, policy_object(self.ctx, &wanted, alias).await?, role_object(self.ctx, &wanted, alias).await?])
    }

    async fn subscriptions(&self) -> Result<Vec<Object>, StepError> {
        let known = self.ctx.graph().subscriptions().await?;
        let url = self.ctx.settings.notification_url()?;
        Ok(record::subscription_objects(&self.entry.groups, &known, url, self.now))
    }
}
