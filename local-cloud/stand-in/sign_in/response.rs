//! Writes a SAML response, in the form in which Entra posts it: only the assertion is signed.

use std::{collections::BTreeMap, fmt::Write};

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::xml_signature;
use crate::stand_in::{
    aws_error::escape,
    graph::{SigningKey, stamp},
};

/// How long a response is valid, and how much earlier its validity begins because clocks differ. Both values are those
/// of Entra.
const LIFETIME: Duration = Duration::minutes(60);
const SKEW: Duration = Duration::minutes(5);

/// Names and values of the attributes in an assertion.
pub(crate) type Attributes = BTreeMap<String, Vec<String>>;

/// The content of a SAML response.
pub(crate) struct Content<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) reply_url: &'a str,
    pub(crate) audience: &'a str,
    /// The name ID, which has the form of an email address.
    pub(crate) name: &'a str,
    pub(crate) attributes: &'a Attributes,
}

impl Content<'_> {
    /// Writes the response and signs its assertion.
    ///
    /// # Errors
    /// Fails if the key cannot sign.
    pub(crate) fn signed(&self, key: &SigningKey, now: OffsetDateTime) -> Result<String, String> {
        let (response_id, id) = (format!("_{}", Uuid::new_v4()), format!("_{}", Uuid::new_v4()));
        let (at, before, after) = (stamp(now), stamp(now - SKEW), stamp(now + LIFETIME));
        let (issuer, name) = (escape(self.issuer), escape(self.name));
        let (reply_url, audience) = (escape(self.reply_url), escape(self.audience));
        let mut attributes = String::new();
        for (name, values) in self.attributes {
            let _ = write!(attributes, "<Attribute Name=\"{}\">", escape(name));
            for value in values {
                let _ = write!(attributes, "<AttributeValue>{}</AttributeValue>", escape(value));
            }
            attributes.push_str("</Attribute>");
        }
        let place = xml_signature::PLACE;
        let document = format!(
            "<samlp:Response ID=\"{response_id}\" Version=\"2.0\" IssueInstant=\"{at}\" Destination=\"{reply_url}\" \
             xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">{issuer}</Issuer>\
             <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>\
             <Assertion ID=\"{id}\" IssueInstant=\"{at}\" Version=\"2.0\" xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
             <Issuer>{issuer}</Issuer>{place}\
             <Subject><NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">{name}</NameID>\
             <SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <SubjectConfirmationData NotOnOrAfter=\"{after}\" Recipient=\"{reply_url}\"/></SubjectConfirmation></Subject>\
             <Conditions NotBefore=\"{before}\" NotOnOrAfter=\"{after}\"><AudienceRestriction><Audience>{audience}</Audience>\
             </AudienceRestriction></Conditions><AttributeStatement>{attributes}</AttributeStatement>\
             <AuthnStatement AuthnInstant=\"{at}\" SessionIndex=\"{id}\"><AuthnContext><AuthnContextClassRef>\
             urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext></AuthnStatement>\
             </Assertion></samlp:Response>"
        );
        xml_signature::sign(&document, &id, &key.certificate(), |message| key.sign(message))
    }
}
