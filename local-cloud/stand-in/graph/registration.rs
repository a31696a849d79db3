//! An application in the tenant: its registration, its service principal, and related objects.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Graph, certificate::SigningKey, error::GraphError, login::stamp};

/// A signing certificate of a service principal.
pub(super) struct Certificate {
    pub(super) key: Arc<SigningKey>,
    /// The IDs of the two key credentials: the private key and the public key.
    pub(super) sign_id: String,
    pub(super) verify_id: String,
    /// The time from which reads of the service principal return the certificate.
    pub(super) visible_at: OffsetDateTime,
    /// The time from which the federation metadata contains the certificate.
    pub(super) published_at: OffsetDateTime,
}

/// An application with its service principal.
pub(super) struct Registration {
    pub(super) application: Map<String, Value>,
    pub(super) principal: Map<String, Value>,
    /// Whether only the service principal was deleted, while the application still exists.
    pub(super) principal_deleted: bool,
    /// Whether the application is in the recycle bin.
    pub(super) deleted: bool,
    /// Every identifier URI that the application has ever had.
    pub(super) former_identifiers: BTreeSet<String>,
    pub(super) owners: Vec<String>,
    pub(super) certificates: Vec<Certificate>,
    /// Removed certificates (base64), each with the time until which the federation metadata still contains it.
    pub(super) removed_certificates: Vec<(String, OffsetDateTime)>,
    /// Signing keys that are no longer active, each with the time until which some replicas still sign with the key.
    pub(super) signed_before: Vec<(Arc<SigningKey>, OffsetDateTime)>,
    /// The credentials and the active certificate before the last change, and the time until which a stale replica
    /// returns these old values.
    pub(super) credentials_before: Option<(Map<String, Value>, OffsetDateTime)>,
    /// How many times the service principal was read.
    pub(super) reads: u64,
    /// The ID of the assigned claims mapping policy. The list has at most one entry.
    pub(super) policies: Vec<String>,
    /// The IDs of removed claims mapping policies, each with the time until which `appliesTo` of the policy still
    /// contains the service principal.
    pub(super) removed_policies: Vec<(String, OffsetDateTime)>,
    pub(super) assignments: Vec<Map<String, Value>>,
    /// The time from which requests by ID return the application. From `listed_at` on, lists also contain the
    /// application.
    pub(super) visible_at: OffsetDateTime,
    pub(super) listed_at: OffsetDateTime,
    /// The time from which the app roles of the application can be assigned.
    pub(super) roles_known_at: OffsetDateTime,
    /// The time from which the tenant's identifier URI policy recognizes the application's SAML mode. `None` if the
    /// application is not in SAML mode.
    pub(super) saml_known_at: Option<OffsetDateTime>,
}

/// The text of a property. Empty if the property is missing or not a string.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The texts in a property whose value is a list.
pub(super) fn texts(fields: &Map<String, Value>, name: &str) -> Vec<String> {
    let items = fields.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(String::from).collect()
}

/// The properties of a JSON object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

const HOME_PAGE: &str = "https://signin.aws.amazon.com/saml?metadata=aws|ISV9.1|primary|z";

/// The service principal of a new gallery application.
fn principal(tenant: &str, template: &str, name: &str, app_id: &str, roles: &Value) -> Value {
    json!({
        "id": Uuid::new_v4().to_string(), "deletedDateTime": null, "accountEnabled": true, "alternativeNames": [],
        "appDisplayName": name, "appDescription": null, "appId": app_id, "applicationTemplateId": template,
        "appOwnerOrganizationId": tenant, "appRoleAssignmentRequired": true, "description": null,
        "disabledByMicrosoftStatus": null, "displayName": name, "homepage": HOME_PAGE, "isDisabled": false, "loginUrl": null, "logoutUrl": null,
        "notes": null, "notificationEmailAddresses": [], "preferredSingleSignOnMode": null,
        "preferredTokenSigningKeyThumbprint": null, "replyUrls": [], "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application", "signInAudience": "AzureADMyOrg",
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"], "tokenEncryptionKeyId": null, "samlSingleSignOnSettings": null,
        "addIns": [], "appRoles": roles, "info": {"logoUrl": null, "marketingUrl": null, "privacyStatementUrl": null,
            "supportUrl": null, "termsOfServiceUrl": null},
        "keyCredentials": [], "oauth2PermissionScopes": [], "passwordCredentials": [],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": {"displayName": null, "verifiedPublisherId": null, "addedDateTime": null},
    })
}

impl Registration {
    /// The application that the instantiation of a gallery template creates.
    pub(super) fn new(graph: &Graph, template: &str, name: &str, service_reference: Value) -> Self {
        let now = graph.now();
        let (app_id, roles) = (Uuid::new_v4().to_string(), app_roles(graph));
        let application = json!({
            "id": Uuid::new_v4().to_string(), "deletedDateTime": null, "appId": app_id, "applicationTemplateId": template,
            "disabledByMicrosoftStatus": null, "createdDateTime": stamp(now), "displayName": name, "description": null, "isDisabled": false,
            "groupMembershipClaims": null, "identifierUris": [], "isDeviceOnlyAuthSupported": null,
            "isFallbackPublicClient": false, "notes": null, "publisherDomain": graph.behaviour().verified_domains.first(),
            "serviceManagementReference": service_reference, "signInAudience": "AzureADMyOrg", "tags": [],
            "tokenEncryptionKeyId": null, "samlMetadataUrl": null, "defaultRedirectUri": null, "optionalClaims": null,
            "addIns": [], "api": {"acceptMappedClaims": null, "knownClientApplications": [], "requestedAccessTokenVersion": null,
                "oauth2PermissionScopes": [{"adminConsentDescription": format!("Allow the application to access {name} on behalf of the signed-in user."),
                    "adminConsentDisplayName": format!("Access {name}"), "id": Uuid::new_v4().to_string(), "isEnabled": true,
                    "type": "User", "userConsentDescription": format!("Allow the application to access {name} on your behalf."),
                    "userConsentDisplayName": format!("Access {name}"), "value": "user_impersonation"}],
                "preAuthorizedApplications": []},
            "appRoles": roles, "info": {"logoUrl": null, "marketingUrl": null, "privacyStatementUrl": null, "supportUrl": null,
                "termsOfServiceUrl": null},
            "keyCredentials": [], "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
            "passwordCredentials": [], "publicClient": {"redirectUris": []}, "requiredResourceAccess": [],
            "spa": {"redirectUris": []},
            "verifiedPublisher": {"displayName": null, "verifiedPublisherId": null, "addedDateTime": null},
            "web": {"homePageUrl": HOME_PAGE, "redirectUris": [], "logoutUrl": null, "redirectUriSettings": [],
                "implicitGrantSettings": {"enableAccessTokenIssuance": false, "enableIdTokenIssuance": true}},
        });
        let principal = principal(&graph.options.tenant_id, template, name, &app_id, &roles);
        let (clock, behaviour) = (&graph.options.clock, &graph.behaviour());
        Self {
            application: object(application),
            principal: object(principal),
            principal_deleted: false,
            deleted: false,
            former_identifiers: BTreeSet::new(),
            owners: Vec::new(),
            certificates: Vec::new(),
            removed_certificates: Vec::new(),
            signed_before: Vec::new(),
            credentials_before: None,
            reads: 0,
            policies: Vec::new(),
            removed_policies: Vec::new(),
            assignments: Vec::new(),
            visible_at: clock.after(behaviour.replication_seconds),
            listed_at: clock.after(behaviour.list_replication_seconds),
            roles_known_at: clock.after(behaviour.role_replication_seconds),
            saml_known_at: None,
        }
    }

    /// Updates the properties of the service principal that Entra derives from the application.
    pub(super) fn mirror(&mut self) {
        let names = std::iter::once(text(&self.application, "appId").to_owned());
        let names: Vec<String> = names.chain(texts(&self.application, "identifierUris")).collect();
        self.principal.insert("servicePrincipalNames".into(), json!(names));
        let web = self.application.get("web").and_then(Value::as_object);
        let replies = web.map(|web| texts(web, "redirectUris")).unwrap_or_default();
        self.principal.insert("replyUrls".into(), json!(replies));
        for (name, of) in [("appDisplayName", "displayName"), ("isDisabled", "isDisabled")] {
            let value = self.application.get(of).cloned().unwrap_or_default();
            self.principal.insert(name.into(), value);
        }
    }

    /// Sets the credential lists of the service principal.
    pub(super) fn mirror_certificates(&mut self, credentials: &[Value], passwords: &[Value]) {
        self.principal.insert("keyCredentials".into(), json!(credentials));
        self.principal.insert("passwordCredentials".into(), json!(passwords));
    }

    /// The service principal as a read returns it. The keys in the credentials are included only if the read selects
    /// `keyCredentials`.
    pub(super) fn principal_view(&self, select: Option<&[String]>, now: OffsetDateTime) -> Map<String, Value> {
        let mut fields = self.principal.clone();
        let new = self.certificates.iter().filter(|certificate| certificate.visible_at > now);
        let new: Vec<&str> =
            new.flat_map(|certificate| [certificate.sign_id.as_str(), &certificate.verify_id]).collect();
        for list in ["keyCredentials", "passwordCredentials"] {
            if let Some(credentials) = fields.get_mut(list).and_then(Value::as_array_mut) {
                credentials.retain(|credential| !new.iter().any(|id| credential["keyId"] == *id));
            }
        }
        let keys_asked = select.is_some_and(|names| names.iter().any(|name| name == "keyCredentials"));
        if let Some(credentials) = fields.get_mut("keyCredentials").and_then(Value::as_array_mut) {
            for credential in credentials {
                if !keys_asked || credential["usage"] == "Sign" {
                    credential["key"] = Value::Null;
                }
            }
        }
        match select {
            None => fields,
            Some(names) => names.iter().filter_map(|name| Some((name.clone(), fields.remove(name)?))).collect(),
        }
    }
}

/// The app roles that the gallery template declares, with the IDs that they have in this tenant.
fn app_roles(graph: &Graph) -> Value {
    let role = |id: &str, name: &str| {
        json!({"allowedMemberTypes": ["User"], "description": name, "displayName": name, "id": id, "isEnabled": true,
               "origin": "Application", "value": null})
    };
    json!([role(&graph.role_ids.0, "User"), role(&graph.role_ids.1, "msiam_access")])
}

/// Applies a PATCH to an object. Complex properties are merged. Collections and other values are replaced.
pub(super) fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch.iter().filter(|(name, _)| !name.contains('@')) {
        match (target.get_mut(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            _ => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Rejects a PATCH of read-only properties.
pub(super) fn refuse_read_only(patch: &Map<String, Value>, names: &[&str]) -> Result<(), GraphError> {
    match names.iter().find(|name| patch.contains_key(**name)) {
        Some(name) => Err(GraphError::bad_request(format!("Property '{name}' is read-only and cannot be set."))),
        None => Ok(()),
    }
}

/// Validates a new list of app roles against the current list.
pub(super) fn check_app_roles(old: &Value, new: &Value) -> Result<(), GraphError> {
    let empty = Vec::new();
    let (old, new) = (old.as_array().unwrap_or(&empty), new.as_array().unwrap_or(&empty));
    for (index, role) in new.iter().enumerate() {
        let value = role["value"].as_str().unwrap_or_default();
        let twice = new[..index]
            .iter()
            .any(|other| other["id"] == role["id"] || (!value.is_empty() && other["value"].as_str() == Some(value)));
        let id_missing = role["id"].as_str().is_none_or(str::is_empty);
        if id_missing || twice || value.len() > 120 || value.contains(' ') || value.starts_with('.') {
            return Err(GraphError::invalid_property("appRoles", "Application"));
        }
    }
    for role in old.iter().filter(|role| role["isEnabled"] == true) {
        let kept = new.iter().find(|other| other["id"] == role["id"]);
        if kept.is_none_or(|kept| kept["isEnabled"] == true && kept["value"] != role["value"]) {
            return Err(GraphError::new(
                400,
                "CannotDeleteOrUpdateEnabledEntitlement",
                "Property value cannot be deleted unless it is disabled first.",
            ));
        }
    }
    Ok(())
}
