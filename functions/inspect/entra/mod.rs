//! The enterprise application in Entra ID: its sign-on settings, certificate, claims and assignments.

pub(crate) mod as_found;
mod certificate;

use std::collections::BTreeSet;

use onboarding_core::{
    StepError, StepErrorKind,
    contract::{Area, Check, EntraGroup, OpenItem},
    iam,
    inspection::{Checks, Object, Presence},
    names,
    onboarding::{Assignment, Onboarding},
    saml,
};
use serde_json::Value;
use time::OffsetDateTime;

pub(crate) use self::certificate::{Certificate, usable_certificate};
use super::federation::Federation;
use crate::entra::{AppRoleAssignment, Application, ClaimsMappingPolicy, Graph, ServicePrincipal};

/// The object type that a plan shows for the enterprise application.
pub(crate) const APPLICATION: &str = "enterprise application";
/// The names of the checks in [`Found::switches`] and [`Found::availability`].
const SWITCHES: [&str; 5] = [
    "application enabled",
    "application activated",
    "user assignment required",
    "status at Microsoft",
    "gallery application",
];
/// What an operator must do if an application setting is wrong and the onboarding does not change this setting.
const SWITCH_ADVICE: &str = "Check the application in the Entra admin center: Enterprise applications > Properties, and App \
     registrations > Overview and Authentication.";
/// What an operator must do if the application no longer exists.
pub(crate) const START_AGAIN: &str = "No step reverts this. Start the onboarding again, which creates a new \
                                      application and connects it: onboard start FILE";
/// The object type that a plan shows for the signing certificate.
pub(crate) const CERTIFICATE: &str = "signing certificate";
/// The object type that a plan shows for an assignment of a group or of users.
pub(crate) const ASSIGNMENT: &str = "assignment";

/// Returns the application with this name that the onboarding can use. If several applications have this name, returns
/// the application that has the tag of this onboarding.
///
/// # Errors
/// `Conflict` if several applications have this name and none has the tag, or if the application belongs to another
/// instance.
pub(crate) async fn find(graph: &Graph, alias: &str, name: &str) -> Result<Option<ServicePrincipal>, StepError> {
    let template = graph.application_template(names::GALLERY_APPLICATION, names::GALLERY_APPLICATION_ID).await?;
    find_of_template(graph, (alias, name), &template).await
}

/// Works as [`find`], for callers that have already read the gallery template.
///
/// # Errors
/// See [`find`].
pub(crate) async fn find_of_template(
    graph: &Graph,
    (alias, name): (&str, &str),
    template: &str,
) -> Result<Option<ServicePrincipal>, StepError> {
    let found = graph.service_principals_named(template, name).await?;
    let (ours, others): (Vec<ServicePrincipal>, Vec<ServicePrincipal>) =
        found.into_iter().partition(|principal| is_marked(principal, alias));
    let mut candidates = if ours.is_empty() { others } else { ours };
    if candidates.len() > 1 {
        let mut ids: Vec<String> = candidates.into_iter().map(|principal| principal.id).collect();
        ids.sort_unstable();
        return Err(StepError::conflict(format!(
            "the tenant has {} enterprise applications \"{name}\" (service principals {}); delete or rename all except \
             the right one, or set another entra.applicationName",
            ids.len(),
            ids.join(", ")
        )));
    }
    let Some(principal) = candidates.pop() else { return Ok(None) };
    let marked = principal.tags.iter().find_map(|tag| names::alias_in_service_principal_tag(tag));
    if let Some(other) = marked.filter(|other| !names::same_alias(other, alias)) {
        return Err(StepError::conflict(format!(
            "the enterprise application \"{name}\" (service principal {}) belongs to the onboarding of {other}; set \
             another entra.applicationName",
            principal.id
        )));
    }
    Ok(Some(principal))
}

/// The owner of an enterprise application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplicationOwner {
    /// An onboarding of the instance with this alias created the application.
    Ours,
    /// The application existed before the onboarding, and an onboarding of the instance with this alias uses it.
    Adopted,
    /// The application has no tag that contains this alias.
    Unknown,
}

/// Returns whether a service principal has the tag of an onboarding of the instance with this alias.
fn is_marked(principal: &ServicePrincipal, alias: &str) -> bool {
    principal.tags.iter().any(|tag| names::is_service_principal_tag(tag, alias))
}

/// Determines the owner of an application from its tags.
pub(crate) fn owner(principal: &ServicePrincipal, alias: &str) -> ApplicationOwner {
    match (is_marked(principal, alias), principal.tags.iter().any(|tag| tag == names::ADOPTED_TAG)) {
        (false, _) => ApplicationOwner::Unknown,
        (true, false) => ApplicationOwner::Ours,
        (true, true) => ApplicationOwner::Adopted,
    }
}

/// Whether the gallery still contains the template of the application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gallery {
    /// Not known, because the gallery was not read, or because the application was not created from a template.
    #[default]
    Unknown,
    /// The gallery contains the template. A date means that Microsoft removes the template from the gallery on this
    /// date.
    Offered(Option<String>),
    /// The gallery no longer contains the template.
    Gone,
}

/// An application in Entra with its policies and assignments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) principal: ServicePrincipal,
    pub(crate) application: Application,
    pub(crate) gallery: Gallery,
    pub(crate) claims: Vec<ClaimsMappingPolicy>,
    pub(crate) assignments: Vec<AppRoleAssignment>,
}

impl Found {
    /// Reads an application. `principal` is the object ID of its service principal, and `application` is the ID of its
    /// application object. Returns `None` if the service principal does not exist.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub(crate) async fn read(graph: &Graph, principal: &str, application: &str) -> Result<Option<Self>, StepError> {
        let Some(principal) = graph.service_principal(principal).await? else { return Ok(None) };
        let application = if application.is_empty() {
            graph.application_by_app_id(&principal.app_id).await?
        } else {
            graph.application(application).await?
        };
        Ok(Some(Self {
            claims: claims_of(graph, &principal).await?,
            assignments: graph.assignments(&principal.id).await?,
            application: application.unwrap_or_default(),
            gallery: Gallery::Unknown,
            principal,
        }))
    }

    /// Adds the information whether the gallery still contains the template of the application.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub(crate) async fn with_gallery(mut self, graph: &Graph) -> Result<Self, StepError> {
        if let Some(id) = self.principal.application_template_id.as_deref().filter(|id| !id.is_empty()) {
            self.gallery = match graph.template(id).await? {
                Some(template) => Gallery::Offered(template.deprecation_date),
                None => Gallery::Gone,
            };
        }
        Ok(self)
    }

    /// Returns the thumbprint of the active signing certificate.
    pub(crate) fn active_certificate(&self) -> Option<&str> {
        self.principal.preferred_token_signing_key_thumbprint.as_deref().filter(|thumbprint| !thumbprint.is_empty())
    }

    /// Returns the thumbprints of all signing certificates, both active and inactive.
    pub(crate) fn certificates(&self) -> Vec<String> {
        self.principal.key_credentials.iter().filter_map(|key| saml::thumbprint(key.key.as_deref()?)).collect()
    }

    /// Checks all settings that a sign-in requires, except the assignments.
    pub(crate) fn sign_in_checks(&self, wanted: &Federation, now: OffsetDateTime) -> Checks {
        let mut checks = self.settings(wanted);
        self.switches(&mut checks);
        self.availability(&mut checks, now);
        let active = self.active_certificate().unwrap_or("none");
        let certificate = wanted.certificate.as_deref().unwrap_or(active);
        let right = self.active_certificate().is_some() && active.eq_ignore_ascii_case(certificate);
        checks.that("active signing certificate", right, certificate, active);
        let present = self.claims.first().and_then(|policy| policy.definition.first()).map_or("", String::as_str);
        let present: Value = serde_json::from_str(present).unwrap_or(Value::Null);
        let right = iam::same_document(&claims(wanted), &present);
        checks.that("claims", right, describe_claims(&claims(wanted)), describe_claims(&present));
        checks
    }

    /// Checks the settings that can prevent every sign-in, or that can allow every user of the tenant to sign in.
    fn switches(&self, checks: &mut Checks) {
        let enabled = self.principal.account_enabled != Some(false);
        checks.that("application enabled", enabled, "true", enabled.to_string());
        // `isDisabled` can be changed only on the application object. The service principal contains a copy of the
        // value.
        let active = self.application.is_disabled != Some(true) && self.principal.is_disabled != Some(true);
        checks.that("application activated", active, "true", active.to_string());
        let required = self.principal.app_role_assignment_required;
        let found = required.map_or_else(|| "unknown".to_owned(), |required| required.to_string());
        checks.that("user assignment required", required == Some(true), "true", found);
    }

    /// Checks that Microsoft has not disabled the application, and has not removed its template from the gallery.
    fn availability(&self, checks: &mut Checks, now: OffsetDateTime) {
        let status = self.application.disabled_by_microsoft_status.as_deref().unwrap_or("NotDisabled");
        checks.equal("status at Microsoft", "NotDisabled", status);
        let today = now.date().to_string();
        let (offered, found) = match &self.gallery {
            Gallery::Unknown => return,
            Gallery::Offered(None) => (true, "offered".to_owned()),
            Gallery::Offered(Some(day)) => (*day > today, format!("offered until {day}")),
            Gallery::Gone => (false, "no longer offered".to_owned()),
        };
        checks.that("gallery application", offered, "offered", found);
    }

    /// Checks the SAML settings of the application.
    fn settings(&self, wanted: &Federation) -> Checks {
        let none = || "none".to_owned();
        let (principal, application) = (&self.principal, &self.application);
        let mut checks = Checks::default();
        checks.equal(
            "single sign-on mode",
            "saml",
            principal.preferred_single_sign_on_mode.clone().unwrap_or_else(none),
        );
        let relay = saml::relay_state(&wanted.region, &wanted.instance_id, wanted.destination.as_ref());
        // If the application is configured for the global sign-in of a replicated instance, the onboarding does not
        // change these settings. Global sign-in uses other reply URLs and needs no relay state.
        let global = self.uses_global_sign_in(wanted);
        let found = principal.relay_state().map_or_else(none, ToOwned::to_owned);
        checks.that("relay state", global || found == relay, relay, found);
        let login_url = principal.login_url.clone().filter(|url| !url.is_empty());
        checks.that("login URL", global || login_url.is_none(), "none", login_url.unwrap_or_else(none));
        let identifiers = &application.identifier_uris;
        let right = match &wanted.identifier {
            Some(identifier) => identifiers.contains(identifier),
            None => identifiers.iter().any(|uri| saml::is_aws_identifier(uri)),
        };
        let identifier = wanted.identifier.as_deref().unwrap_or(saml::IDENTIFIER);
        checks.that("identifier", right, identifier, identifiers.join(", "));
        let replies = reply_urls(&wanted.region);
        let present = &application.web.redirect_uris;
        let right = global || replies.iter().all(|url| present.contains(url));
        checks.that("reply URL", right, replies.join(", "), present.join(", "));
        checks
    }

    /// Returns whether the application is configured for the global sign-in of a replicated instance.
    pub(crate) fn uses_global_sign_in(&self, wanted: &Federation) -> bool {
        wanted.global.as_ref().is_some_and(|global| global.is_used_by(&self.application.web.redirect_uris))
    }

    /// Checks that the members of each group can sign in. For this, either the group must be assigned to the
    /// application, or, in a tenant without Entra ID P1, each member must be assigned.
    pub(crate) fn assignment_checks(&self, groups: &[EntraGroup]) -> Checks {
        let assigned = &self.assignments;
        let group_assigned = |id: &str| assigned.iter().any(|assignment| assignment.principal_id == id);
        let by_person = !assigned.is_empty() && !groups.iter().any(|group| group_assigned(&group.id));
        let mut checks = Checks::default();
        for group in groups {
            let found = if group_assigned(&group.id) {
                "assigned"
            } else if by_person {
                "its members are assigned one by one"
            } else {
                "not assigned"
            };
            checks.that(format!("assignment of {}", group.display_name), found != "not assigned", "assigned", found);
        }
        checks
    }
}

/// Returns the claims mapping policies of a service principal. Reading the policies from the service principal requires
/// a permission to write applications (Microsoft's permission table, as of 2026).
/// Without this permission, the function reads the policies of the tenant one by one until a policy applies to the
/// service principal. The search starts with the onboarding's policy. One policy is sufficient, because Entra applies
/// only one policy.
async fn claims_of(graph: &Graph, principal: &ServicePrincipal) -> Result<Vec<ClaimsMappingPolicy>, StepError> {
    match graph.claims_policies_of(&principal.id).await {
        Err(error) if error.kind == StepErrorKind::AccessDenied => {}
        other => return other,
    }
    let marked = principal.tags.iter().find_map(|tag| names::alias_in_service_principal_tag(tag));
    let mut policies = graph.claims_policies().await?;
    policies.sort_by_key(|policy| policy.display_name != marked.map(names::claims_policy));
    for policy in policies {
        if graph.claims_policy_applies_to(&policy.id).await?.contains(&principal.id) {
            return Ok(vec![policy]);
        }
    }
    Ok(Vec::new())
}

/// Returns the reply URLs. The URL of the Region comes first. AWS recommends this URL for Connect, because a sign-in in
/// one Region then does not depend on other Regions.
pub(crate) fn reply_urls(region: &str) -> [String; 2] {
    let [global, regional] = iam::sign_in_endpoints(region);
    [regional, global]
}

fn claims(wanted: &Federation) -> Value {
    saml::claims_definition(&wanted.role_arn, &wanted.saml_provider_arn, wanted.username, wanted.session_seconds)
}

/// Describes the SAML claims in a claims mapping policy as text for a message.
fn describe_claims(definition: &Value) -> String {
    let entries = definition.pointer("/ClaimsMappingPolicy/ClaimsSchema").and_then(Value::as_array);
    let texts = entries.into_iter().flatten().map(|entry| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let name = text("SamlClaimType").or(text("JwtClaimType")).unwrap_or("?");
        let value = text("Value").map_or_else(|| text("ID").unwrap_or("?").to_owned(), |value| format!("\"{value}\""));
        format!("{}: {value}", name.rsplit('/').next().unwrap_or(name))
    });
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { "none".into() } else { texts.join(", ") }
}

/// Returns whether a policy has this definition, regardless of the formatting of the JSON.
pub(crate) fn says(policy: &ClaimsMappingPolicy, definition: &Value) -> bool {
    match policy.definition.as_slice() {
        [text] => serde_json::from_str::<Value>(text).is_ok_and(|present| present == *definition),
        _ => false,
    }
}

/// Returns the application, its certificate, its claims and its assignments as objects of a plan. If single users are
/// assigned, `people` contains their object IDs.
pub(crate) fn objects(
    found: Option<&Found>,
    onboarding: &Onboarding,
    wanted: &Federation,
    (groups, people): (&[EntraGroup], &BTreeSet<String>),
    now: OffsetDateTime,
) -> Vec<Object> {
    let alias = onboarding.instance.alias.as_str();
    let mut objects = vec![application_object(found, onboarding, wanted, now)];
    let subject = names::certificate_subject(alias);
    let certificate = found.and_then(|found| usable_certificate(&found.principal, &subject, now));
    objects.push(match certificate {
        None => Object::new(Area::Entra, CERTIFICATE, &subject, Presence::Absent),
        Some(certificate) => {
            let mut checks = Checks::default();
            let active = found.and_then(Found::active_certificate).unwrap_or("none");
            let right = active.eq_ignore_ascii_case(&certificate.thumbprint);
            checks.that("active signing certificate", right, &certificate.thumbprint, active);
            Object::new(Area::Entra, CERTIFICATE, &certificate.thumbprint, Presence::Ours)
                .with(checks)
                .noting(certificate.validity())
        }
    });
    objects.push(claims_object(found, alias, wanted));
    objects.extend(assignment_objects(found, onboarding.entra.assignment, groups, people));
    objects
}

fn application_object(
    found: Option<&Found>,
    onboarding: &Onboarding,
    wanted: &Federation,
    now: OffsetDateTime,
) -> Object {
    const KIND: &str = APPLICATION;
    let (alias, name) = (&onboarding.instance.alias, &onboarding.entra.application_name);
    let Some(found) = found else {
        return Object::new(Area::Entra, KIND, name, Presence::Absent).irreversible(START_AGAIN);
    };
    let principal = &found.principal;
    let mut checks = found.settings(wanted);
    let emails = &onboarding.entra.notification_emails;
    let present = &principal.notification_email_addresses;
    // If the input contains no email addresses, the onboarding keeps the addresses that an administrator entered in the
    // portal.
    let same = emails.iter().all(|email| present.contains(email)) && present.iter().all(|email| emails.contains(email));
    checks.that("notification mails", emails.is_empty() || same, emails.join(", "), present.join(", "));
    let owner = owner(principal, alias);
    let mut guards = Checks::default();
    // An onboarding changes these settings only if an onboarding of the same alias created the application.
    found.switches(if owner == ApplicationOwner::Ours { &mut checks } else { &mut guards });
    found.availability(&mut guards, now);
    let replies = reply_urls(&wanted.region);
    let further: Vec<&str> = found.application.web.redirect_uris.iter().map(String::as_str).collect();
    let known = |url: &str| {
        let global = wanted.global.as_ref().is_some_and(|global| global.is_reply_url(url));
        global || replies.iter().any(|reply| reply == url)
    };
    let further: Vec<&str> = further.into_iter().filter(|url| !known(url)).collect();
    guards.that("further reply URLs", further.is_empty(), "none", further.join(", "));
    let presence = match owner {
        ApplicationOwner::Ours | ApplicationOwner::Adopted => Presence::Ours,
        ApplicationOwner::Unknown => Presence::Adoptable,
    };
    Object::new(Area::Entra, KIND, name, presence)
        .with(checks)
        .guarded(guards)
        .noting(if found.uses_global_sign_in(wanted) {
            format!("{}, keeps the global sign-in of the replicated instance", principal.app_id)
        } else {
            principal.app_id.clone()
        })
        .advising(SWITCH_ADVICE)
}

/// Returns open items for wrong settings that affect sign-in and that the onboarding does not change.
pub(crate) fn open_items(application: &Object) -> Vec<OpenItem> {
    let wrong = application.guards.iter().filter(|guard| !guard.passed && SWITCHES.contains(&guard.name.as_str()));
    let item = |guard: &Check| {
        OpenItem::new(
            format!("{APPLICATION} {}", application.name),
            format!("{}: {} instead of {}", guard.name, guard.found, guard.expected),
            SWITCH_ADVICE,
        )
    };
    wrong.map(item).collect()
}

fn claims_object(found: Option<&Found>, alias: &str, wanted: &Federation) -> Object {
    const KIND: &str = "claims mapping policy";
    let (name, definition) = (names::claims_policy(alias), claims(wanted));
    let assigned = found.map(|found| found.claims.as_slice()).unwrap_or_default();
    if let Some(policy) = assigned.iter().find(|policy| says(policy, &definition)) {
        let mut checks = Checks::default();
        checks.that("claims", true, describe_claims(&definition), describe_claims(&definition));
        let name = policy.display_name.as_deref().unwrap_or(&name);
        return Object::new(Area::Entra, KIND, name, Presence::Ours).with(checks);
    }
    if let Some(policy) = assigned.iter().find(|policy| policy.display_name.as_deref() == Some(name.as_str())) {
        let present: Value =
            policy.definition.first().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut checks = Checks::default();
        checks.that("claims", false, describe_claims(&definition), describe_claims(&present));
        return Object::new(Area::Entra, KIND, &name, Presence::Ours).with(checks);
    }
    match assigned.first() {
        Some(stranger) => {
            let other = stranger.display_name.as_deref().unwrap_or("?");
            let why = format!(
                "the application has the policy \"{other}\" ({}), which this onboarding did not create, and Entra \
                 applies only one policy",
                stranger.id
            );
            Object::new(Area::Entra, KIND, name, Presence::Foreign(why))
        }
        None => Object::new(Area::Entra, KIND, name, Presence::Absent),
    }
}

fn assignment_objects(
    found: Option<&Found>,
    assignment: Assignment,
    groups: &[EntraGroup],
    people: &BTreeSet<String>,
) -> Vec<Object> {
    let assigned: BTreeSet<&str> =
        found.into_iter().flat_map(|found| &found.assignments).map(|one| one.principal_id.as_str()).collect();
    let presence = |there: bool| if there { Presence::Ours } else { Presence::Absent };
    match assignment {
        Assignment::Groups => groups
            .iter()
            .map(|group| {
                let there = assigned.contains(group.id.as_str());
                Object::new(Area::Entra, ASSIGNMENT, format!("group {}", group.display_name), presence(there))
            })
            .collect(),
        Assignment::Users => {
            let missing = people.iter().filter(|id| !assigned.contains(id.as_str())).count();
            let lot = |count: usize, there: bool| {
                (count > 0).then(|| Object::new(Area::Entra, ASSIGNMENT, format!("{count} people"), presence(there)))
            };
            [lot(people.len() - missing, true), lot(missing, false)].into_iter().flatten().collect()
        }
    }
}

#[cfg(test)]
mod tests;
