//! Graph's objects, as far as they are used. Microsoft's field names; what Graph may leave out or null is optional.

use onboarding_core::{sync::Member, text::nfc};
use serde::Deserialize;

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The object id.
    pub id: String,
    /// The display name.
    #[serde(default, deserialize_with = "or_default")]
    pub display_name: String,
    /// Whether it can be assigned to an application; a distribution list can't.
    pub security_enabled: Option<bool>,
}

impl Group {
    /// The same group with its name in Normalization Form C, as reports show and compare it.
    pub(super) fn normalized(mut self) -> Self {
        self.display_name = nfc(&self.display_name).into_owned();
        self
    }
}

/// An application registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The object id.
    pub id: String,
    /// The application (client) id.
    pub app_id: String,
    /// Identifiers (entity ids).
    #[serde(default, deserialize_with = "or_default")]
    pub identifier_uris: Vec<String>,
    /// The web platform's settings.
    #[serde(default, deserialize_with = "or_default")]
    pub web: Web,
    /// Whether it is deactivated: Entra issues no token for it. `None` in a cloud that does not have the field yet.
    pub is_disabled: Option<bool>,
    /// `NotDisabled`, null, or the reason for which Microsoft has disabled it.
    pub disabled_by_microsoft_status: Option<String>,
}

/// A template of the gallery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationTemplate {
    /// The day (`2027-01-31`) on which it is removed from the gallery.
    pub deprecation_date: Option<String>,
}

/// An application's web platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Web {
    /// Reply URLs.
    #[serde(default, deserialize_with = "or_default")]
    pub redirect_uris: Vec<String>,
}

/// A service principal: the enterprise application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// The object id.
    pub id: String,
    /// The application (client) id.
    pub app_id: String,
    /// The display name.
    pub display_name: Option<String>,
    /// `saml` once single sign-on is by SAML.
    pub preferred_single_sign_on_mode: Option<String>,
    /// Thumbprint of the active signing certificate.
    pub preferred_token_signing_key_thumbprint: Option<String>,
    /// Signing certificates, each as a private (`Sign`) and a public (`Verify`) entry.
    #[serde(default, deserialize_with = "or_default")]
    pub key_credentials: Vec<KeyCredential>,
    /// Who gets the mails before a certificate expires.
    #[serde(default, deserialize_with = "or_default")]
    pub notification_email_addresses: Vec<String>,
    /// The relay state.
    pub saml_single_sign_on_settings: Option<SamlSettings>,
    /// Set for sign-in that starts at the service; null for sign-in that starts at Entra.
    pub login_url: Option<String>,
    /// Plain strings.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Roles that people can be assigned.
    #[serde(default, deserialize_with = "or_default")]
    pub app_roles: Vec<AppRole>,
    /// Whether people can sign in at all.
    pub account_enabled: Option<bool>,
    /// Whether its registration is deactivated. `None` in a cloud that does not have the field yet.
    pub is_disabled: Option<bool>,
    /// Whether only people who are assigned can sign in. If not, everybody in the tenant can.
    pub app_role_assignment_required: Option<bool>,
    /// The template of the gallery that it was made from.
    pub application_template_id: Option<String>,
}

impl ServicePrincipal {
    /// The relay state, where one is set.
    #[must_use]
    pub fn relay_state(&self) -> Option<&str> {
        self.saml_single_sign_on_settings.as_ref()?.relay_state.as_deref()
    }
}

/// SAML settings of a service principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SamlSettings {
    /// Where the sign-in leads.
    pub relay_state: Option<String>,
}

/// One half of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyCredential {
    /// `CN=…`.
    pub display_name: Option<String>,
    /// When it expires, RFC 3339.
    pub end_date_time: Option<String>,
    /// `Sign` or `Verify`.
    pub usage: Option<String>,
    /// The certificate as base64 DER; only in the public half, and only where it was selected.
    pub key: Option<String>,
}

/// What `addTokenSigningCertificate` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningCertificate {
    /// SHA-1, hex.
    pub thumbprint: String,
    /// When it expires, RFC 3339.
    pub end_date_time: String,
}

/// A role that people can be assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRole {
    /// The role's id.
    pub id: String,
    /// The name that people see.
    pub display_name: Option<String>,
    /// Whether it can be assigned.
    pub is_enabled: Option<bool>,
    /// `User` for people and groups.
    #[serde(default, deserialize_with = "or_default")]
    pub allowed_member_types: Vec<String>,
}

/// A claims mapping policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimsMappingPolicy {
    /// The object id.
    pub id: String,
    /// The display name.
    pub display_name: Option<String>,
    /// One JSON document as text.
    #[serde(default, deserialize_with = "or_default")]
    pub definition: Vec<String>,
}

/// Who is assigned what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRoleAssignment {
    /// The assignment's id.
    pub id: Option<String>,
    /// The user or group.
    pub principal_id: String,
    /// The role.
    pub app_role_id: String,
}

/// An application template of the gallery, or anything else of which only the id counts.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Identified {
    pub(super) id: String,
}

/// A member of a group: whatever the directory holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DirectoryObject {
    #[serde(rename = "@odata.type")]
    pub(super) kind: Option<String>,
    pub(super) id: String,
    user_principal_name: Option<String>,
    mail: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    pub(super) display_name: Option<String>,
    account_enabled: Option<bool>,
    user_type: Option<String>,
}

impl From<DirectoryObject> for Member {
    fn from(user: DirectoryObject) -> Self {
        Self {
            id: user.id,
            user_principal_name: user.user_principal_name,
            mail: user.mail,
            given_name: user.given_name,
            surname: user.surname,
            display_name: user.display_name,
            account_enabled: user.account_enabled,
            guest: user.user_type.as_deref() == Some("Guest"),
        }
    }
}

/// Graph writes null for many an empty list or text.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
