//! The objects of Graph, with Microsoft's field names. This module declares only the fields that this project uses. A
//! field that Graph may omit or set to null is optional.

use onboarding_core::{sync::Member, text::nfc};
use serde::Deserialize;

/// A group in Entra.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The object ID of the group.
    pub id: String,
    /// The display name of the group.
    #[serde(default, deserialize_with = "or_default")]
    pub display_name: String,
    /// Whether the group can be assigned to an application. A distribution list can't be assigned.
    pub security_enabled: Option<bool>,
}

impl Group {
    /// Returns the group with its display name in Unicode Normalization Form C, the form used in reports and
    /// comparisons.
    pub(super) fn normalized(mut self) -> Self {
        self.display_name = nfc(&self.display_name).into_owned();
        self
    }
}

/// An application. The Entra portal calls it an app registration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The object ID of the application.
    pub id: String,
    /// The application (client) ID.
    pub app_id: String,
    /// The identifier URIs (entity IDs) of the application.
    #[serde(default, deserialize_with = "or_default")]
    pub identifier_uris: Vec<String>,
    /// The settings of the application's web platform.
    #[serde(default, deserialize_with = "or_default")]
    pub web: Web,
    /// Whether the application is deactivated, so that Entra issues no tokens for it. `None` if the Graph service of
    /// this cloud does not know the field yet.
    pub is_disabled: Option<bool>,
    /// `NotDisabled`, null, or the reason why Microsoft has disabled the application.
    pub disabled_by_microsoft_status: Option<String>,
}

/// A gallery template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationTemplate {
    /// The date (for example `2027-01-31`) on which Microsoft removes the template from the gallery.
    pub deprecation_date: Option<String>,
}

/// The web platform settings of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Web {
    /// The reply URLs of the application.
    #[serde(default, deserialize_with = "or_default")]
    pub redirect_uris: Vec<String>,
}

/// A service principal. The Entra portal calls it an enterprise application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// The object ID of the service principal.
    pub id: String,
    /// The application (client) ID of the application to which the service principal belongs.
    pub app_id: String,
    /// The display name of the service principal.
    pub display_name: Option<String>,
    /// `saml` if single sign-on uses SAML.
    pub preferred_single_sign_on_mode: Option<String>,
    /// The thumbprint of the active signing certificate.
    pub preferred_token_signing_key_thumbprint: Option<String>,
    /// The signing certificates. Each certificate has two credentials: one for the private key (`Sign`) and one for the
    /// public key (`Verify`).
    #[serde(default, deserialize_with = "or_default")]
    pub key_credentials: Vec<KeyCredential>,
    /// The recipients of the emails that Entra sends before a certificate expires.
    #[serde(default, deserialize_with = "or_default")]
    pub notification_email_addresses: Vec<String>,
    /// The SAML settings, which contain the relay state.
    pub saml_single_sign_on_settings: Option<SamlSettings>,
    /// The sign-on URL, if sign-in starts at the service provider. Null if sign-in starts at Entra.
    pub login_url: Option<String>,
    /// The tags of the service principal.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// The app roles of the application, which can be assigned to users.
    #[serde(default, deserialize_with = "or_default")]
    pub app_roles: Vec<AppRole>,
    /// Whether users can sign in to the application. If false, no user can sign in, not even an assigned user.
    pub account_enabled: Option<bool>,
    /// Whether the application is deactivated. `None` if the Graph service of this cloud does not know the field yet.
    pub is_disabled: Option<bool>,
    /// Whether only assigned users can sign in. If false, every user in the tenant can sign in.
    pub app_role_assignment_required: Option<bool>,
    /// The gallery template from which the service principal was created.
    pub application_template_id: Option<String>,
}

impl ServicePrincipal {
    /// Returns the relay state, or `None` if no relay state is set.
    #[must_use]
    pub fn relay_state(&self) -> Option<&str> {
        self.saml_single_sign_on_settings.as_ref()?.relay_state.as_deref()
    }
}

/// SAML settings of a service principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SamlSettings {
    /// The relay state: the page to which users are redirected after sign-in.
    pub relay_state: Option<String>,
}

/// One of the two credentials of a certificate: either the private key or the public key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyCredential {
    /// The subject of the certificate (`CN=…`).
    pub display_name: Option<String>,
    /// The expiry time of the credential, in RFC 3339 format.
    pub end_date_time: Option<String>,
    /// The purpose of the key: `Sign` (private key) or `Verify` (public key).
    pub usage: Option<String>,
    /// The certificate in DER format, encoded in base64. Only the credential of the public key contains the
    /// certificate, and only if `$select` contains this property.
    pub key: Option<String>,
}

/// The response of `addTokenSigningCertificate`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningCertificate {
    /// The SHA-1 thumbprint of the certificate, in hexadecimal.
    pub thumbprint: String,
    /// The expiry time of the certificate, in RFC 3339 format.
    pub end_date_time: String,
}

/// An app role that can be assigned to users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRole {
    /// The ID of the app role.
    pub id: String,
    /// The name of the app role, as shown to users.
    pub display_name: Option<String>,
    /// Whether the app role can be assigned.
    pub is_enabled: Option<bool>,
    /// The types of principal to which the app role can be assigned. `User` stands for users and groups.
    #[serde(default, deserialize_with = "or_default")]
    pub allowed_member_types: Vec<String>,
}

/// A claims mapping policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimsMappingPolicy {
    /// The object ID of the policy.
    pub id: String,
    /// The display name of the policy.
    pub display_name: Option<String>,
    /// The definition of the policy: a list that contains one JSON document as a string.
    #[serde(default, deserialize_with = "or_default")]
    pub definition: Vec<String>,
}

/// The assignment of an app role to a user or a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRoleAssignment {
    /// The assignment's ID.
    pub id: Option<String>,
    /// The ID of the user or group to which the app role is assigned.
    pub principal_id: String,
    /// The type of the principal: `User` or `Group`.
    #[serde(default)]
    pub principal_type: Option<String>,
    /// The ID of the assigned app role.
    pub app_role_id: String,
    /// The time at which the assignment was created (ISO 8601).
    #[serde(default)]
    pub created_date_time: Option<String>,
}

/// The response to the creation of an assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewAssignment {
    /// The assignment's ID.
    pub id: Option<String>,
    /// The time at which the assignment was created (ISO 8601).
    pub created_date_time: Option<String>,
}

/// An object of which only the ID is needed, for example a gallery template.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Identified {
    pub(super) id: String,
}

/// A member of a group, of any type.
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

/// Converts null to an empty value, because Graph returns null for some empty lists and strings.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
