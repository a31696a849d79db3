//! Reads the content of a SAML response, as the recipient of the response does.

use roxmltree::{Document, Node};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// A SAML assertion.
#[derive(Clone, Debug)]
pub(crate) struct Assertion {
    /// The `ID` of the assertion, to which the signature refers.
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) issued: OffsetDateTime,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_on_or_after: OffsetDateTime,
    pub(crate) audiences: Vec<String>,
    pub(crate) recipient: String,
    /// The name ID of the subject.
    pub(crate) subject: String,
    /// The format of the name ID, as in the condition key `saml:sub_type`.
    pub(crate) subject_type: String,
    attributes: Vec<(String, Vec<String>)>,
}

impl Assertion {
    /// Reads the single assertion of a response.
    ///
    /// # Errors
    /// Fails if an element is missing or invalid. The error message names the element.
    pub(crate) fn read(response: &str) -> Result<Self, String> {
        let document = Document::parse(response).map_err(|error| error.to_string())?;
        let root = document.root_element();
        if !root.has_tag_name((PROTOCOL, "Response")) {
            return Err("it is not a SAML response".into());
        }
        let status = root.descendants().find(|node| node.has_tag_name((PROTOCOL, "StatusCode")));
        if status.and_then(|status| status.attribute("Value")) != Some(SUCCESS) {
            return Err("its status is not success".into());
        }
        let mut assertions = root.children().filter(|node| node.has_tag_name((ASSERTION, "Assertion")));
        let (Some(assertion), None) = (assertions.next(), assertions.next()) else {
            return Err("it does not have exactly one assertion".into());
        };
        let conditions = child(assertion, "Conditions")?;
        let confirmation =
            below(assertion, "SubjectConfirmationData").next().ok_or("it has no subject confirmation")?;
        let name = below(assertion, "NameID").next();
        Ok(Self {
            id: needed(assertion, "ID")?,
            issuer: text(child(assertion, "Issuer")?),
            issued: moment(assertion, "IssueInstant")?,
            not_before: moment(conditions, "NotBefore")?,
            not_on_or_after: moment(conditions, "NotOnOrAfter")?.min(moment(confirmation, "NotOnOrAfter")?),
            audiences: below(conditions, "Audience").map(text).collect(),
            recipient: needed(confirmation, "Recipient")?,
            subject: name.map(text).unwrap_or_default(),
            subject_type: name.and_then(|name| name.attribute("Format")).map_or("persistent", subject_type).to_owned(),
            attributes: below(assertion, "Attribute")
                .map(|attribute| {
                    Ok((needed(attribute, "Name")?, below(attribute, "AttributeValue").map(text).collect()))
                })
                .collect::<Result<_, String>>()?,
        })
    }

    /// The session tags: keys and values of the attributes `PrincipalTag:…`.
    pub(crate) fn principal_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().filter_map(|(name, values)| {
            let key = name.strip_prefix("https://aws.amazon.com/SAML/Attributes/PrincipalTag:")?;
            Some((key, values.first()?.as_str()))
        })
    }

    /// The values of the AWS attribute with this name.
    pub(crate) fn values(&self, name: &str) -> &[String] {
        let name = format!("https://aws.amazon.com/SAML/Attributes/{name}");
        self.attributes.iter().find(|(found, _)| *found == name).map_or(&[], |(_, values)| values)
    }
}

/// The issuer that an identity provider's metadata describes.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    pub(crate) entity_id: String,
    /// The signing certificates, as base64 DER.
    pub(crate) certificates: Vec<String>,
}

impl Issuer {
    /// Reads metadata. `None` if the document is not metadata of an identity provider.
    pub(crate) fn read(metadata: &str) -> Option<Self> {
        let document = Document::parse(metadata).ok()?;
        let root = document.root_element();
        let provider = root.children().find(|node| node.has_tag_name((METADATA, "IDPSSODescriptor")))?;
        let keys = provider.children().filter(|node| node.has_tag_name((METADATA, "KeyDescriptor")));
        let signing = keys.filter(|key| key.attribute("use") != Some("encryption"));
        let certificates =
            signing.flat_map(|key| key.descendants().filter(|node| node.has_tag_name((DSIG, "X509Certificate"))));
        Some(Self { entity_id: root.attribute("entityID")?.to_owned(), certificates: certificates.map(text).collect() })
    }
}

/// Removes the prefix that SAML 2.0 defines for name ID formats, for example from `urn:…:nameid-format:persistent`.
fn subject_type(format: &str) -> &str {
    format.strip_prefix("urn:oasis:names:tc:SAML:2.0:nameid-format:").unwrap_or(format)
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Result<Node<'a, 'input>, String> {
    node.children().find(|child| child.has_tag_name((ASSERTION, name))).ok_or_else(|| format!("it has no {name}"))
}

fn below<'a, 'input: 'a>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants().filter(move |child| child.has_tag_name((ASSERTION, name)))
}

fn text(node: Node<'_, '_>) -> String {
    // Joins all text nodes of the element, so that a comment inside a name does not truncate the name.
    node.descendants().filter(Node::is_text).filter_map(|part| part.text()).collect::<String>().trim().to_owned()
}

fn needed(node: Node<'_, '_>, name: &str) -> Result<String, String> {
    node.attribute(name).map(str::to_owned).ok_or_else(|| format!("{} has no {name}", node.tag_name().name()))
}

fn moment(node: Node<'_, '_>, name: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(&needed(node, name)?, &Rfc3339).map_err(|error| format!("{name}: {error}"))
}
