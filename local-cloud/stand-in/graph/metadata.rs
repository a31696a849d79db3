//! Federation metadata: the document from which IAM creates a SAML provider. As in Entra, the document can be read
//! without a sign-in. If the URL contains `appid`, the document contains the signing certificates of that application.
//! Without `appid`, the document contains the tenant's own certificate, with which no application signs its responses.

use std::fmt::Write;

use uuid::Uuid;

use super::{Graph, certificate::SigningKey};
use crate::stand_in::{http::Response, sign_in::xml_signature};

const CLAIMS: &[(&str, &str, &str)] = &[
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "Name", "The mutable display name of the user."),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
        "Subject",
        "An immutable, globally unique, non-reusable identifier of the user that is unique to the application for which a token is issued.",
    ),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "Given Name", "First name of the user."),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "Surname", "Last name of the user."),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "Email", "Email address of the user."),
    ("http://schemas.microsoft.com/identity/claims/displayname", "Display Name", "Display name of the user."),
    ("http://schemas.microsoft.com/identity/claims/nickname", "Nick Name", "Nick name of the user."),
    (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationinstant",
        "Authentication Instant",
        "The time (UTC) when the user is authenticated to Windows Azure Active Directory.",
    ),
    (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationmethod",
        "Authentication Method",
        "The method that Windows Azure Active Directory uses to authenticate users.",
    ),
    (
        "http://schemas.microsoft.com/identity/claims/objectidentifier",
        "ObjectIdentifier",
        "Primary identifier for the user in the directory. Immutable, globally unique, non-reusable.",
    ),
    ("http://schemas.microsoft.com/identity/claims/tenantid", "TenantId", "Identifier for the user's tenant."),
    (
        "http://schemas.microsoft.com/identity/claims/identityprovider",
        "IdentityProvider",
        "Identity provider for the user.",
    ),
    ("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "Groups", "Groups of the user."),
    (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
        "Role",
        "Roles that the user or service principal is attached to",
    ),
    (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/wids",
        "RoleTemplateId",
        "Role template id of the Built-in Directory Roles that the user is a member of",
    ),
];

/// Handles a request for the metadata of a tenant or of an application.
pub(super) fn answer(graph: &Graph, tenant: &str, app_id: Option<&str>) -> Response {
    if !graph.is_tenant(tenant) {
        return page(400, &format!("AADSTS90002: Tenant '{tenant}' not found."));
    }
    let certificates = match app_id {
        None => graph.tenant_key().map(|key| vec![key.certificate()]),
        Some(app_id) => match graph.published_certificates(app_id) {
            Some(published) if published.is_empty() => graph.tenant_key().map(|key| vec![key.certificate()]),
            Some(published) => Ok(published),
            None => {
                let text = format!(
                    "AADSTS700016: Application with identifier '{app_id}' was not found in the directory '{tenant}'."
                );
                return page(400, &text);
            }
        },
    };
    let signer = app_id.and_then(|app_id| graph.metadata_signer(app_id));
    let signed = certificates.and_then(|certificates| match signer {
        Some(key) => document(&graph.options.tenant_id, &certificates, &key),
        None => document(&graph.options.tenant_id, &certificates, graph.tenant_key()?),
    });
    match signed {
        Ok(document) => Response::new(200, "application/samlmetadata+xml; charset=utf-8", document),
        Err(text) => page(500, &text),
    }
}

/// The error page of the login service. The metadata endpoint returns errors as HTML, never as JSON.
fn page(status: u16, text: &str) -> Response {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    Response::new(
        status,
        "text/html; charset=utf-8",
        format!("<html><body><h1>Sign in</h1><p>{text}</p></body></html>"),
    )
}

fn document(tenant: &str, certificates: &[String], signer: &SigningKey) -> Result<String, String> {
    let mut keys = String::new();
    for certificate in certificates {
        let _ = write!(
            keys,
            "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
             <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
        );
    }
    let mut claims = String::new();
    for (uri, name, text) in CLAIMS {
        let _ = write!(
            claims,
            "<auth:ClaimType Uri=\"{uri}\"><auth:DisplayName>{name}</auth:DisplayName>\
             <auth:Description>{text}</auth:Description></auth:ClaimType>"
        );
    }
    let (id, place) = (format!("_{}", Uuid::new_v4()), xml_signature::PLACE);
    let wsa = "<wsa:EndpointReference xmlns:wsa=\"http://www.w3.org/2005/08/addressing\"><wsa:Address>";
    let sts = format!("https://sts.windows.net/{tenant}/");
    let wsfed = format!("https://login.microsoftonline.com/{tenant}/wsfed");
    let saml = format!("https://login.microsoftonline.com/{tenant}/saml2");
    let role = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                xmlns:fed=\"http://docs.oasis-open.org/wsfed/federation/200706\" \
                protocolSupportEnumeration=\"http://docs.oasis-open.org/wsfed/federation/200706\"";
    let auth = "xmlns:auth=\"http://docs.oasis-open.org/wsfed/authorization/200706\"";
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <EntityDescriptor ID=\"{id}\" entityID=\"{sts}\" xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{place}\
         <RoleDescriptor xsi:type=\"fed:SecurityTokenServiceType\" {role}>{keys}\
         <fed:ClaimTypesOffered {auth}>{claims}</fed:ClaimTypesOffered>\
         <fed:SecurityTokenServiceEndpoint>{wsa}{wsfed}</wsa:Address></wsa:EndpointReference></fed:SecurityTokenServiceEndpoint>\
         <fed:PassiveRequestorEndpoint>{wsa}{wsfed}</wsa:Address></wsa:EndpointReference></fed:PassiveRequestorEndpoint>\
         </RoleDescriptor>\
         <RoleDescriptor xsi:type=\"fed:ApplicationServiceType\" {role}>{keys}\
         <fed:TargetScopes>{wsa}{sts}</wsa:Address></wsa:EndpointReference></fed:TargetScopes>\
         <fed:ApplicationServiceEndpoint>{wsa}{wsfed}</wsa:Address></wsa:EndpointReference></fed:ApplicationServiceEndpoint>\
         <fed:PassiveRequestorEndpoint>{wsa}{wsfed}</wsa:Address></wsa:EndpointReference></fed:PassiveRequestorEndpoint>\
         </RoleDescriptor>\
         <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{saml}\"/>\
         <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{saml}\"/>\
         <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{saml}\"/>\
         </IDPSSODescriptor></EntityDescriptor>"
    );
    xml_signature::sign(&document, &id, &signer.certificate(), |message| signer.sign(message))
}
