//! Service principals: single sign-on settings and signing certificates.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Url;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Answer, Call, Graph, State,
    certificate::SigningKey,
    error::GraphError,
    login::stamp,
    registration::{Certificate, Registration, check_app_roles, merge, refuse_read_only, text, texts},
    schema,
};

const READ_ONLY: [&str; 9] = [
    "id",
    "appId",
    "applicationTemplateId",
    "appOwnerOrganizationId",
    "appDisplayName",
    "deletedDateTime",
    // Only a PATCH of the application can change this property. The service principal has a read-only copy.
    "isDisabled",
    "servicePrincipalType",
    "signInAudience",
];
const LONGEST_CERTIFICATE_DAYS: i64 = 3 * 366;

impl State {
    /// The registration of a service principal. Returns "not found" if the replica that serves the call does not have
    /// the service principal yet.
    pub(super) fn principal(&mut self, call: &Call<'_>, key: &str) -> Result<&mut Registration, GraphError> {
        let by_app_id = super::alternate_key(key);
        let found = self.registrations.iter_mut().find(|registration| {
            text(&registration.principal, if by_app_id.is_some() { "appId" } else { "id" }) == by_app_id.unwrap_or(key)
                && registration.visible_at <= call.now
                && !registration.principal_deleted
        });
        found.ok_or_else(|| GraphError::not_found(by_app_id.unwrap_or(key)))
    }
}

impl Graph {
    /// The key that signs the federation metadata of an application: the key of the application's first published
    /// certificate.
    pub(super) fn metadata_signer(&self, app_id: &str) -> Option<Arc<SigningKey>> {
        let (now, state) = (self.now(), self.state());
        let mut of_app = state.registrations.iter();
        let registration = of_app.find(|one| text(&one.application, "appId").eq_ignore_ascii_case(app_id))?;
        let mut published = registration.certificates.iter().filter(|certificate| certificate.published_at <= now);
        published.next().map(|certificate| Arc::clone(&certificate.key))
    }

    /// The certificates in the federation metadata of an application. `None` if the application does not exist.
    pub(super) fn published_certificates(&self, app_id: &str) -> Option<Vec<String>> {
        let (now, state) = (self.now(), self.state());
        let registration = state.registrations.iter().find(|registration| {
            text(&registration.application, "appId").eq_ignore_ascii_case(app_id) && registration.visible_at <= now
        })?;
        let published = registration.certificates.iter().filter(|certificate| certificate.published_at <= now);
        let removed = registration.removed_certificates.iter().filter(|(_, until)| *until > now);
        let removed = removed.map(|(certificate, _)| certificate.clone());
        Some(published.map(|certificate| certificate.key.certificate()).chain(removed).collect())
    }
}

impl Call<'_> {
    pub(super) fn list_principals(&self) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if let Some(filter) = &options.filter {
            let fields = ["id", "appId", "displayName", "applicationTemplateId", "servicePrincipalType"];
            filter.only(&fields, &["displayName"], &["servicePrincipalNames", "tags"])?;
        }
        let state = self.graph.state();
        let fitting: Vec<_> = state
            .registrations
            .iter()
            .filter(|registration| registration.listed_at <= self.now && !registration.principal_deleted)
            .filter(|registration| options.filter.as_ref().is_none_or(|filter| filter.fits(&registration.principal)))
            .map(|registration| registration.principal_view(options.select.as_deref(), self.now))
            .collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &fitting.iter().collect::<Vec<_>>())))
    }

    pub(super) fn get_principal(&self, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let mut state = self.graph.state();
        let registration = state.principal(self, id)?;
        let mut fields = registration.principal_view(options.select.as_deref(), self.now);
        registration.reads += 1;
        let every = self.graph.behaviour().stale_reads_every;
        if every.is_some_and(|every| registration.reads.is_multiple_of(every))
            && let Some((before, until)) = &registration.credentials_before
            && *until > self.now
        {
            for (name, value) in before {
                fields.entry(name.clone()).and_modify(|shown| shown.clone_from(value));
            }
        }
        Ok(self.entity("servicePrincipals", fields))
    }

    pub(super) fn patch_principal(&self, id: &str) -> Result<Answer, GraphError> {
        let patch = self.fields()?;
        refuse_read_only(patch, &READ_ONLY)?;
        let mut state = self.graph.state();
        let registration = state.principal(self, id)?;
        self.check_owner(registration)?;
        check_principal(registration, patch)?;
        let mut patch = patch.clone();
        let kept = patch.remove("keyCredentials");
        let passwords = patch.remove("passwordCredentials");
        let (clock, behaviour) = (&self.graph.options.clock, &self.graph.behaviour());
        let before = credentials(registration, self.now);
        match (kept, passwords) {
            (None, None) => {}
            (Some(kept), Some(passwords)) => {
                registration.credentials_before = Some((before.clone(), clock.after(behaviour.stale_read_seconds)));
                let published_until = clock.after(behaviour.metadata_seconds);
                let refuses = behaviour.refuses_certificate_removal;
                retire_certificates(registration, &kept, &passwords, published_until, refuses)?;
            }
            // The two key credentials and the password credential of a certificate must be changed in the same request.
            (Some(_), None) => return Err(GraphError::invalid_property("keyCredentials", "ServicePrincipal")),
            (None, Some(_)) => return Err(GraphError::invalid_property("passwordCredentials", "ServicePrincipal")),
        }
        if patch.contains_key("preferredTokenSigningKeyThumbprint") {
            registration.credentials_before = Some((before, clock.after(behaviour.stale_read_seconds)));
            note_activation(registration, &patch, clock.after(behaviour.activation_seconds));
        }
        if let Some(roles) = patch.get("appRoles") {
            registration.application.insert("appRoles".into(), roles.clone());
        }
        if patch.contains_key("preferredSingleSignOnMode") {
            let saml = text(&patch, "preferredSingleSignOnMode") == "saml";
            registration.saml_known_at =
                saml.then(|| registration.saml_known_at.unwrap_or_else(|| clock.after(behaviour.saml_mode_seconds)));
        }
        merge(&mut registration.principal, &patch);
        Ok(Answer::no_content())
    }

    pub(super) fn delete_principal(&self, id: &str) -> Result<Answer, GraphError> {
        let mut state = self.graph.state();
        let registration = state.principal(self, id)?;
        self.check_owner(registration)?;
        registration.principal_deleted = true;
        registration.assignments.clear();
        registration.policies.clear();
        Ok(Answer::no_content())
    }

    /// Creates a signing certificate. Each call creates another certificate.
    pub(super) fn add_certificate(&self, id: &str) -> Result<Answer, GraphError> {
        let name = text(self.fields()?, "displayName");
        let Some(common_name) = name.strip_prefix("CN=").filter(|rest| !rest.is_empty()) else {
            return Err(GraphError::invalid_property("displayName", "SelfSignedCertificate"));
        };
        let longest = self.now + time::Duration::days(LONGEST_CERTIFICATE_DAYS);
        let end = match self.body.get("endDateTime").and_then(Value::as_str) {
            Some(end) => schema::date_time(end),
            None => Some(self.now + self.graph.behaviour().certificate_lifetime),
        };
        let end = end.filter(|end| *end > self.now && *end <= longest);
        let end = end.ok_or_else(|| GraphError::invalid_property("endDateTime", "SelfSignedCertificate"))?;
        self.check_owner(self.graph.state().principal(self, id)?)?;
        let key = SigningKey::generate(common_name, self.now, end)
            .map_err(|text| GraphError::new(500, "InternalServerError", text))?;

        let mut state = self.graph.state();
        let registration = state.principal(self, id)?;
        let identifier = STANDARD.encode(key.thumbprint());
        let (sign_id, verify_id) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let (start, end) = (stamp(self.now), stamp(end));
        let credential = |id: &str, kind: &str, usage: &str, key: Value| {
            json!({"customKeyIdentifier": identifier, "displayName": name, "endDateTime": end, "key": key, "keyId": id,
                   "startDateTime": start, "type": kind, "usage": usage})
        };
        let mut credentials = array(&registration.principal, "keyCredentials");
        credentials.push(credential(&sign_id, "X509CertAndPassword", "Sign", Value::Null));
        credentials.push(credential(&verify_id, "AsymmetricX509Cert", "Verify", json!(key.certificate())));
        let mut passwords = array(&registration.principal, "passwordCredentials");
        passwords
            .push(json!({"customKeyIdentifier": identifier, "displayName": name, "endDateTime": end, "hint": null,
                              "keyId": sign_id, "secretText": null, "startDateTime": start}));
        let (clock, behaviour) = (&self.graph.options.clock, &self.graph.behaviour());
        registration.credentials_before =
            Some((self::credentials(registration, self.now), clock.after(behaviour.stale_read_seconds)));
        registration.mirror_certificates(&credentials, &passwords);
        let mut answer = credential(&verify_id, "AsymmetricX509Cert", "Verify", json!(key.certificate()));
        answer["thumbprint"] = json!(key.thumbprint_hex());
        answer["@odata.context"] =
            json!(format!("{}/v1.0/$metadata#microsoft.graph.selfSignedCertificate", self.graph.base()));
        let visible_at = clock.after(behaviour.certificate_seconds);
        let published_at = clock.after(behaviour.metadata_seconds);
        registration.certificates.push(Certificate {
            key: Arc::new(key),
            sign_id,
            verify_id,
            visible_at,
            published_at,
        });
        Ok(Answer::json(200, answer))
    }
}

/// The properties of a service principal that a stale replica returns with outdated values.
fn credentials(registration: &Registration, now: OffsetDateTime) -> Map<String, Value> {
    let names = ["keyCredentials", "passwordCredentials", "preferredTokenSigningKeyThumbprint"].map(String::from);
    registration.principal_view(Some(&names), now)
}

fn array(fields: &Map<String, Value>, name: &str) -> Vec<Value> {
    fields.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn check_principal(registration: &Registration, patch: &Map<String, Value>) -> Result<(), GraphError> {
    let invalid = |name: &str| Err(GraphError::invalid_property(name, "ServicePrincipal"));
    let given = |name: &str| patch.get(name).and_then(Value::as_str);
    if given("preferredSingleSignOnMode")
        .is_some_and(|mode| !["password", "saml", "notSupported", "oidc"].contains(&mode))
    {
        return invalid("preferredSingleSignOnMode");
    }
    if let Some(thumbprint) = given("preferredTokenSigningKeyThumbprint") {
        let keys = &registration.certificates;
        if !keys.iter().any(|certificate| certificate.key.thumbprint_hex().eq_ignore_ascii_case(thumbprint)) {
            return invalid("preferredTokenSigningKeyThumbprint");
        }
    }
    for name in ["loginUrl", "logoutUrl", "homepage"] {
        if given(name).is_some_and(|url| Url::parse(url).is_err()) {
            return invalid(name);
        }
    }
    let relay = patch.get("samlSingleSignOnSettings").and_then(|settings| settings["relayState"].as_str());
    if relay.is_some_and(|relay| !relay.is_empty() && Url::parse(relay).is_err()) {
        return invalid("samlSingleSignOnSettings.relayState");
    }
    let addresses = texts(patch, "notificationEmailAddresses");
    let is_address = |address: &String| {
        address.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
            && !address.contains(char::is_whitespace)
    };
    if addresses.len() > 5 || !addresses.iter().all(is_address) {
        return invalid("notificationEmailAddresses");
    }
    match patch.get("appRoles") {
        Some(roles) => check_app_roles(&registration.principal["appRoles"], roles),
        None => Ok(()),
    }
}

/// Stores the key that was active before a change. Some replicas sign with the previous key until the time `until`.
fn note_activation(registration: &mut Registration, patch: &Map<String, Value>, until: OffsetDateTime) {
    let (before, after) = (&registration.principal, patch);
    let active = |fields: &Map<String, Value>| text(fields, "preferredTokenSigningKeyThumbprint").to_uppercase();
    let (before, after) = (active(before), active(after));
    if before == after {
        return;
    }
    let found = registration.certificates.iter().find(|certificate| certificate.key.thumbprint_hex() == before);
    registration.signed_before.extend(found.map(|certificate| (Arc::clone(&certificate.key), until)));
}

/// Removes the certificates that the credential lists in a PATCH no longer contain. Both key credentials and the
/// password credential of a certificate must be kept or removed together. Each kept credential must be sent back
/// exactly as it was read, with its secret explicitly null. Only `addTokenSigningCertificate` creates new credentials.
/// Even the active certificate can be removed, although no user can sign in without it.
fn retire_certificates(
    registration: &mut Registration,
    kept: &Value,
    passwords: &Value,
    published_until: OffsetDateTime,
    refuses: bool,
) -> Result<(), GraphError> {
    let invalid = |name: &str| GraphError::invalid_property(name, "ServicePrincipal");
    let mut known = BTreeMap::new();
    for (name, secret, given) in [("keyCredentials", "key", kept), ("passwordCredentials", "secretText", passwords)] {
        let list = array(&registration.principal, name);
        let mut ids = Vec::new();
        for credential in given.as_array().ok_or_else(|| invalid(name))? {
            let id = credential["keyId"].as_str().unwrap_or_default();
            let present = list.iter().find(|present| present["keyId"] == id).ok_or_else(|| match name {
                "passwordCredentials" => {
                    GraphError::bad_request("New password credentials must be generated using service actions.")
                }
                _ => invalid(name),
            })?;
            if !is_sent_back(credential, present, secret) {
                let message = format!("Update to existing credential with KeyId '{id}' is not allowed.");
                return Err(GraphError::bad_request(message).detail("KeyNotUpdatable", name, "KeyNotUpdatable"));
            }
            ids.push(id.to_owned());
        }
        known.insert(name, ids);
    }
    let (keys, secrets) = (&known["keyCredentials"], &known["passwordCredentials"]);
    if refuses && let Some(gone) = registration.certificates.iter().find(|one| !keys.contains(&one.sign_id)) {
        let message = format!("Update to existing credential with KeyId '{}' is not allowed.", gone.sign_id);
        return Err(GraphError::bad_request(message).detail("KeyNotUpdatable", "keyCredentials", "KeyNotUpdatable"));
    }
    for certificate in &registration.certificates {
        let listed = [
            keys.contains(&certificate.sign_id),
            keys.contains(&certificate.verify_id),
            secrets.contains(&certificate.sign_id),
        ];
        if listed.iter().any(|one| *one != listed[0]) {
            return Err(invalid("keyCredentials"));
        }
    }
    let gone = registration.certificates.iter().filter(|certificate| !keys.contains(&certificate.sign_id));
    registration.removed_certificates.extend(gone.map(|gone| (gone.key.certificate(), published_until)));
    registration.certificates.retain(|certificate| keys.contains(&certificate.sign_id));
    let mut credentials = array(&registration.principal, "keyCredentials");
    let mut passwords = array(&registration.principal, "passwordCredentials");
    credentials.retain(|credential| keys.iter().any(|id| credential["keyId"] == id.as_str()));
    passwords.retain(|credential| secrets.iter().any(|id| credential["keyId"] == id.as_str()));
    registration.mirror_certificates(&credentials, &passwords);
    Ok(())
}

/// Whether a request contains a credential exactly as it was read, with its secret explicitly null.
fn is_sent_back(credential: &Value, present: &Value, secret: &str) -> bool {
    let fields = |value: &Value| -> Map<String, Value> {
        let all = value.as_object().cloned().unwrap_or_default();
        all.into_iter().filter(|(name, _)| name != secret && !name.contains('@')).collect()
    };
    credential.get(secret) == Some(&Value::Null) && fields(credential) == fields(present)
}
