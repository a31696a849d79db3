//! The Entra part of a sign-in that begins at the user access URL. This module checks whether the user may use the
//! application, and creates the signed SAML response that the browser posts to AWS.
//!
//! After a change, replicas of the directory may differ for a while in the signing certificate or in the reply URL. One
//! response is created for each possible combination, because a sign-in must succeed with every replica.

use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{
    Graph, State,
    certificate::SigningKey,
    directory::{Directory, Object},
    registration::{Registration, text, texts},
};
use crate::stand_in::sign_in::{
    PostedResponse, Refusal,
    response::{Attributes, Content},
};

const WHO: &str = "Microsoft Entra ID";
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes";

impl Graph {
    /// The SAML responses that the browser of a user (object ID or user principal name) can post to AWS for an
    /// application (client ID or display name).
    ///
    /// # Errors
    /// Fails if the sign-in fails in Entra. The error contains the message of Entra's error page.
    pub(crate) fn saml_responses(&self, application: &str, user: &str) -> Result<Vec<PostedResponse>, Refusal> {
        let now = self.now();
        let guard = self.state();
        let state: &State = &guard;
        let registration = state.application_to_open(application, now).ok_or_else(|| {
            let tenant = &self.options.tenant_id;
            refuse(
                "AADSTS700016",
                format!("Application with identifier '{application}' was not found in the directory '{tenant}'."),
            )
        })?;
        let principal = &registration.principal;
        let (name, app_id) = (text(principal, "displayName"), text(principal, "appId"));
        let off = principal.get("accountEnabled") == Some(&Value::Bool(false))
            || registration.application.get("isDisabled") == Some(&Value::Bool(true));
        if off {
            return Err(refuse("AADSTS7000112", format!("Application '{app_id}'({name}) is disabled.")));
        }
        let person = state.directory.user(user).ok_or_else(|| {
            refuse("AADSTS50034", format!("The user account {user} does not exist in the {} directory. To sign into this application, the account must be added to the directory.", self.options.tenant_id))
        })?;
        if person.fields.get("accountEnabled").and_then(Value::as_bool) != Some(true) {
            return Err(refuse("AADSTS50057", "The user account is disabled.".into()));
        }
        let roles = assigned_roles(&state.directory, registration, person, now);
        if roles.is_empty() && principal.get("appRoleAssignmentRequired") != Some(&Value::Bool(false)) {
            return Err(refuse(
                "AADSTS50105",
                format!(
                    "Your administrator has configured the application {name} ('{app_id}') to block users unless they are specifically \
                 granted ('assigned') access to the application. The signed in user '{}' is blocked because they are not a direct \
                 member of a group with access, nor had access directly assigned by an administrator. Please contact your \
                 administrator to assign access to this application.",
                    text(&person.fields, "userPrincipalName")
                ),
            ));
        }
        let settings = Settings::read(registration, name, now)?;
        let claims = self.claims(state, registration, person, &roles);
        let mut responses = Vec::new();
        for key in &settings.keys {
            for reply_url in &settings.reply_urls {
                let response = self.response(key, reply_url, &settings.audience, person, &claims, now)?;
                responses.push(PostedResponse {
                    reply_url: reply_url.clone(),
                    response,
                    relay_state: settings.relay_state.clone(),
                    thumbprint: key.thumbprint_hex(),
                });
            }
        }
        Ok(responses)
    }

    fn claims(&self, state: &State, registration: &Registration, person: &Object, roles: &[&Value]) -> Attributes {
        let mut claims = Attributes::new();
        let assigned = registration.policies.first();
        let policy = assigned.and_then(|id| state.policies.iter().find(|policy| text(&policy.fields, "id") == id));
        let definition = policy
            .and_then(|policy| policy.fields["definition"][0].as_str())
            .and_then(|definition| serde_json::from_str::<Value>(definition).ok());
        let Some(definition) = definition else {
            // Without a claims mapping policy, the response contains the gallery application's default claims. These
            // claims include the values of the assigned app roles, but the app roles of a new application have no
            // values.
            let values: Vec<String> =
                roles.iter().filter_map(|role| role["value"].as_str()).map(String::from).collect();
            if !values.is_empty() {
                claims.insert(format!("{ATTRIBUTES}/Role"), values);
            }
            claims.extend(
                attribute(person, "userprincipalname").map(|upn| (format!("{ATTRIBUTES}/RoleSessionName"), vec![upn])),
            );
            return claims;
        };
        let policy = &definition["ClaimsMappingPolicy"];
        if policy["IncludeBasicClaimSet"].as_str().is_some_and(|flag| flag.eq_ignore_ascii_case("true")) {
            let schema = "http://schemas.microsoft.com/identity/claims";
            claims.insert(format!("{schema}/tenantid"), vec![self.options.tenant_id.clone()]);
            claims.extend(attribute(person, "objectid").map(|id| (format!("{schema}/objectidentifier"), vec![id])));
        }
        for entry in policy["ClaimsSchema"].as_array().into_iter().flatten() {
            let Some(name) = entry["SamlClaimType"].as_str() else { continue };
            let value = match entry["Value"].as_str() {
                Some(constant) => Some(constant.to_owned()),
                None => entry["ID"].as_str().and_then(|id| attribute(person, id)),
            };
            // If the source of a claim is empty, the claim is omitted.
            claims.extend(value.map(|value| (name.to_owned(), vec![value])));
        }
        claims
    }

    fn response(
        &self,
        key: &SigningKey,
        reply_url: &str,
        audience: &str,
        person: &Object,
        attributes: &Attributes,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let issuer = format!("https://sts.windows.net/{}/", self.options.tenant_id);
        let name = text(&person.fields, "userPrincipalName");
        let content = Content { issuer: &issuer, reply_url, audience, name, attributes };
        content
            .signed(key, now)
            .map_err(|reason| refuse("AADSTS90015", format!("The response could not be signed: {reason}.")))
    }
}

impl State {
    fn application_to_open(&self, name: &str, now: OffsetDateTime) -> Option<&Registration> {
        self.registrations.iter().find(|registration| {
            let principal = &registration.principal;
            let named = text(principal, "appId").eq_ignore_ascii_case(name) || text(principal, "displayName") == name;
            named && registration.visible_at <= now && !registration.principal_deleted
        })
    }
}

/// The settings of a SAML response.
struct Settings {
    /// All keys with which some replica may sign.
    keys: Vec<Arc<SigningKey>>,
    reply_urls: Vec<String>,
    audience: String,
    relay_state: String,
}

impl Settings {
    fn read(registration: &Registration, name: &str, now: OffsetDateTime) -> Result<Self, Refusal> {
        let principal = &registration.principal;
        let misconfigured = |what: &str| refuse("AADSTS650056", format!("Misconfigured application {name}: {what}."));
        if text(principal, "preferredSingleSignOnMode") != "saml" {
            return Err(misconfigured("its single sign-on mode is not saml"));
        }
        // If a sign-on URL is set, Entra sends the browser to this URL instead of posting a response. AWS has no page
        // that would then start the SAML flow.
        if !text(principal, "loginUrl").is_empty() {
            return Err(misconfigured("it has a sign-on URL, so Entra does not initiate the sign-in"));
        }
        let identifiers = texts(&registration.application, "identifierUris");
        let identifier = identifiers.first().ok_or_else(|| misconfigured("it has no identifier"))?;
        let reply_urls = texts(principal, "replyUrls");
        if reply_urls.is_empty() {
            return Err(refuse("AADSTS500113", "No reply address is registered for the application.".into()));
        }
        let active = text(principal, "preferredTokenSigningKeyThumbprint");
        let active = registration
            .certificates
            .iter()
            .find(|certificate| certificate.key.thumbprint_hex().eq_ignore_ascii_case(active))
            .filter(|certificate| certificate.key.not_after() > now);
        let Some(active) = active else {
            return Err(refuse(
                "AADSTS50146",
                "This application is required to be configured with an application-specific signing key. It is either not \
                 configured with one, or the key has expired or is not yet valid."
                    .into(),
            ));
        };
        let mut keys = vec![Arc::clone(&active.key)];
        keys.extend(
            registration.signed_before.iter().filter(|(_, until)| *until > now).map(|(key, _)| Arc::clone(key)),
        );
        let relay_state =
            principal.get("samlSingleSignOnSettings").and_then(|settings| settings["relayState"].as_str());
        Ok(Self {
            keys,
            reply_urls,
            // The fragment after `#` serves only to make the identifier unique in the tenant. Entra does not send the
            // fragment to the service provider.
            audience: identifier.split('#').next().unwrap_or(identifier).to_owned(),
            relay_state: relay_state.unwrap_or_default().to_owned(),
        })
    }
}

/// The app roles of a user, assigned directly or through a group of which the user is a direct member. Entra ignores
/// nested groups.
fn assigned_roles<'a>(
    directory: &Directory,
    registration: &'a Registration,
    person: &Object,
    now: OffsetDateTime,
) -> Vec<&'a Value> {
    let id = text(&person.fields, "id");
    let assigned = registration.assignments.iter().filter(|assignment| {
        let principal = text(assignment, "principalId");
        principal == id || directory.members(principal, 0, now).any(|(_, member)| text(&member.fields, "id") == id)
    });
    let roles = registration.principal.get("appRoles").and_then(Value::as_array);
    let role = |assignment: &Map<String, Value>| {
        roles.into_iter().flatten().find(|role| role["id"].as_str() == Some(text(assignment, "appRoleId")))
    };
    assigned.filter_map(role).filter(|role| role["isEnabled"] == true).collect()
}

/// The value of a user attribute. `id` is the attribute's name in claims mapping policies.
fn attribute(person: &Object, id: &str) -> Option<String> {
    let id = if id.eq_ignore_ascii_case("objectid") { "id" } else { id };
    let found = person.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(id));
    found.and_then(|(_, value)| value.as_str()).filter(|value| !value.is_empty()).map(String::from)
}

fn refuse(code: &str, message: String) -> Refusal {
    Refusal::new(WHO, format!("{code}: {message}"))
}
