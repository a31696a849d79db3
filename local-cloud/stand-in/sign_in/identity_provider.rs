//! An identity provider without users: a key, metadata, and signed SAML responses. Callers of `AssumeRoleWithSAML` use
//! these responses, so they need no tenant and no browser.

use base64::{Engine, engine::general_purpose::STANDARD};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    response::{Attributes, Content},
    xml_signature,
};
use crate::stand_in::{aws_error::escape, graph::SigningKey};

/// The recipient of every response, and the audience that AWS requires.
const SIGN_IN: &str = "https://signin.aws.amazon.com/saml";
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes";
/// The lifetime of the certificate.
const VALID: Duration = Duration::days(1);

/// An identity provider with one signing key.
pub struct IdentityProvider {
    entity_id: String,
    key: SigningKey,
}

impl IdentityProvider {
    /// Generates a key and a self-signed certificate, which is valid for one day.
    ///
    /// # Errors
    /// Fails if the random number generator or an encoder fails. The error message states which component failed.
    pub fn generate(entity_id: &str) -> Result<Self, String> {
        let now = OffsetDateTime::now_utc();
        let key = SigningKey::generate("identity provider", now - Duration::hours(1), now + VALID)?;
        Ok(Self { entity_id: entity_id.to_owned(), key })
    }

    /// The provider's metadata, signed with the provider's key.
    ///
    /// # Errors
    /// Fails if the key cannot sign.
    pub fn metadata(&self) -> Result<String, String> {
        let (id, place, certificate) = (format!("_{}", Uuid::new_v4()), xml_signature::PLACE, self.key.certificate());
        let entity_id = escape(&self.entity_id);
        let document = format!(
            "<EntityDescriptor ID=\"{id}\" entityID=\"{entity_id}\" xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{place}\
             <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
             <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>\
             <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{entity_id}\"/>\
             </IDPSSODescriptor></EntityDescriptor>"
        );
        xml_signature::sign(&document, &id, &certificate, |message| self.key.sign(message))
    }

    /// A signed response for a role, a SAML provider (both given by ARN) and a role session name. The response is
    /// encoded in base64, as `AssumeRoleWithSAML` requires.
    ///
    /// # Errors
    /// Fails if the key cannot sign.
    pub fn response(&self, role: &str, provider: &str, session: &str) -> Result<String, String> {
        let attributes = Attributes::from([
            (format!("{ATTRIBUTES}/Role"), vec![format!("{role},{provider}")]),
            (format!("{ATTRIBUTES}/RoleSessionName"), vec![session.to_owned()]),
        ]);
        let content = Content {
            issuer: &self.entity_id,
            reply_url: SIGN_IN,
            audience: "urn:amazon:webservices",
            name: session,
            attributes: &attributes,
        };
        Ok(STANDARD.encode(content.signed(&self.key, OffsetDateTime::now_utc())?))
    }
}
