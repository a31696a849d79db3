//! Enveloped XML signatures in the form that Entra writes and AWS accepts: RSA-SHA256 over exclusive canonical XML,
//! with an embedded certificate.
//!
//! Libraries provide canonical XML, X.509 and RSA. This module adds the rules of XML Signature (core, 4.3 and 4.4).
//! This module supports only the subset of XML Signature that SAML requires. A signature has a single reference, which
//! contains the `ID` of the signature's parent element, with the two transforms that SAML 2.0 (core, 5.4.4) allows. All
//! other signatures are rejected.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::{Document, NodeId, NodeSet, uppsala};
use rustls_pki_types::CertificateDer;

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// The placeholder for the signature. The placeholder directly follows the issuer element, because SAML's schema
/// requires the signature at this position.
pub(crate) const PLACE: &str = "<!-- signature -->";

/// Signs the element with this `ID` in a document that has [`PLACE`] as a child of that element.
///
/// # Errors
/// Fails if the document is not XML, or the key cannot sign.
pub(crate) fn sign(
    document: &str,
    id: &str,
    certificate: &str,
    key: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<String, String> {
    let digest = {
        let parsed = parse(document)?;
        let element = by_id(&parsed, id).ok_or("the element to sign is missing")?;
        // The placeholder is an XML comment. Canonical XML without comments does not contain this comment, so the
        // placeholder does not change the digest.
        sha256(&canonical(&parsed, &NodeSet::tree_without_comments(element, &parsed))?)
    };
    let signed_info = format!(
        "<SignedInfo xmlns=\"{DSIG}\"><CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/>\
         <SignatureMethod Algorithm=\"{RSA_SHA256}\"/><Reference URI=\"#{id}\"><Transforms>\
         <Transform Algorithm=\"{ENVELOPED}\"/><Transform Algorithm=\"{EXCLUSIVE}\"/></Transforms>\
         <DigestMethod Algorithm=\"{SHA256}\"/><DigestValue>{}</DigestValue></Reference></SignedInfo>",
        STANDARD.encode(digest)
    );
    let parsed = parse(&signed_info)?;
    let signature = key(&canonical(&parsed, &NodeSet::all_without_comments(&parsed))?)?;
    let block = format!(
        "<Signature xmlns=\"{DSIG}\">{}<SignatureValue>{}</SignatureValue><KeyInfo><X509Data>\
         <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></Signature>",
        signed_info.replacen(&format!(" xmlns=\"{DSIG}\""), "", 1),
        STANDARD.encode(signature)
    );
    Ok(document.replacen(PLACE, &block, 1))
}

/// Verifies that the whole element with this `ID` is signed with the key of one of the given certificates (base64 DER).
/// A certificate that is embedded in the signature is ignored.
///
/// # Errors
/// Fails if the signature is not valid. The error message states the reason.
pub(crate) fn verify(document: &str, id: &str, certificates: &[String]) -> Result<(), String> {
    let parsed = parse(document)?;
    let element = by_id(&parsed, id).ok_or("the ID to sign belongs to no element or to several")?;
    let signature = only_child(&parsed, element, "Signature")?;
    let signed_info = only_child(&parsed, signature, "SignedInfo")?;
    algorithm(&parsed, only_child(&parsed, signed_info, "CanonicalizationMethod")?, &[EXCLUSIVE])?;
    algorithm(&parsed, only_child(&parsed, signed_info, "SignatureMethod")?, &[RSA_SHA256])?;
    let reference = only_child(&parsed, signed_info, "Reference")?;
    if parsed.get_attribute(reference, "URI") != Some(&format!("#{id}")) {
        return Err("the signature belongs to another element".into());
    }
    let transforms = only_child(&parsed, reference, "Transforms")?;
    for transform in children(&parsed, transforms) {
        algorithm(&parsed, transform, &[ENVELOPED, EXCLUSIVE])?;
    }
    algorithm(&parsed, only_child(&parsed, reference, "DigestMethod")?, &[SHA256])?;
    let whole = NodeSet::tree_without_comments(element, &parsed);
    let enveloped = NodeSet::tree_with_comments(signature, &parsed);
    let found = sha256(&canonical(&parsed, &whole.subtract(&enveloped))?);
    if bytes(&parsed, only_child(&parsed, reference, "DigestValue")?)? != found {
        return Err("the signed element was changed".into());
    }
    let message = canonical(&parsed, &NodeSet::tree_without_comments(signed_info, &parsed))?;
    let value = bytes(&parsed, only_child(&parsed, signature, "SignatureValue")?)?;
    if certificates.iter().any(|certificate| signed_by(certificate, &message, &value)) {
        Ok(())
    } else {
        Err("the signature was not made with the key of a trusted certificate".into())
    }
}

fn signed_by(certificate: &str, message: &[u8], signature: &[u8]) -> bool {
    let text: String = certificate.split_whitespace().collect();
    let Ok(der) = STANDARD.decode(text) else { return false };
    let der = CertificateDer::from(der);
    let Ok(certificate) = webpki::EndEntityCert::try_from(&der) else { return false };
    certificate.verify_signature(webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
}

fn parse(document: &str) -> Result<Document<'_>, String> {
    uppsala::parse(document).map_err(|error| format!("it is not well-formed XML: {error}"))
}

fn canonical(document: &Document<'_>, nodes: &NodeSet) -> Result<Vec<u8>, String> {
    canonicalize_doc::<&str>(document, C14nMode::Exclusive, Some(nodes), &[]).map_err(|error| error.to_string())
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// The only element with this `ID`. A document with duplicate IDs is rejected, because signature wrapping attacks use
/// duplicate IDs.
fn by_id(document: &Document<'_>, id: &str) -> Option<NodeId> {
    let mut open: Vec<NodeId> = document.document_element().into_iter().collect();
    let mut found = None;
    while let Some(node) = open.pop() {
        if document.get_attribute(node, "ID") == Some(id) && found.replace(node).is_some() {
            return None;
        }
        open.extend(children(document, node));
    }
    found
}

fn children(document: &Document<'_>, node: NodeId) -> impl Iterator<Item = NodeId> {
    document.children(node).into_iter().filter(|child| document.element(*child).is_some())
}

fn only_child(document: &Document<'_>, node: NodeId, name: &str) -> Result<NodeId, String> {
    let mut named = children(document, node).filter(|child| {
        document.element(*child).is_some_and(|element| {
            element.name.local_name == name && element.name.namespace_uri.as_deref() == Some(DSIG)
        })
    });
    match (named.next(), named.next()) {
        (Some(child), None) => Ok(child),
        (None, _) => Err(format!("{name} is missing")),
        (Some(_), Some(_)) => Err(format!("{name} occurs more than once")),
    }
}

fn algorithm(document: &Document<'_>, node: NodeId, known: &[&str]) -> Result<(), String> {
    match document.get_attribute(node, "Algorithm") {
        Some(name) if known.contains(&name) => Ok(()),
        name => Err(format!("the algorithm {} is not accepted", name.unwrap_or("without a name"))),
    }
}

fn bytes(document: &Document<'_>, node: NodeId) -> Result<Vec<u8>, String> {
    let text: String = document.text_content_deep(node).split_whitespace().collect();
    STANDARD.decode(text).map_err(|error| format!("it is not base64: {error}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::stand_in::graph::SigningKey;

    /// All tests share this key, because key generation is slow.
    fn key() -> &'static SigningKey {
        static KEY: std::sync::OnceLock<SigningKey> = std::sync::OnceLock::new();
        let now = time::OffsetDateTime::now_utc();
        KEY.get_or_init(|| SigningKey::generate("test", now, now + time::Duration::days(1)).unwrap())
    }

    fn signed() -> String {
        let document = format!(
            "<r xmlns=\"urn:r\"><a xmlns=\"urn:a\" ID=\"_1\"><i>x</i>{PLACE}<name>Mio &amp; Yui</name></a></r>"
        );
        sign(&document, "_1", &key().certificate(), |message| key().sign(message)).unwrap()
    }

    fn verdict(document: &str) -> Result<(), String> {
        verify(document, "_1", &[key().certificate()])
    }

    #[test]
    fn a_signed_document_verifies_and_the_signature_follows_the_issuer() {
        assert_eq!(verdict(&signed()), Ok(()));
        assert!(signed().contains("<i>x</i><Signature "));
    }

    #[test]
    fn a_changed_text_digest_or_signature_is_detected() {
        assert_eq!(verdict(&signed().replace("Mio", "Ren")), Err("the signed element was changed".into()));
        for part in ["<DigestValue>", "<SignatureValue>"] {
            let (before, after) = signed().split_once(part).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            let first = if after.starts_with('A') { "B" } else { "A" };
            assert!(verdict(&format!("{before}{part}{first}{}", &after[1..])).is_err(), "{part}");
        }
    }

    #[test]
    fn a_comment_inside_a_name_does_not_change_the_signed_content() {
        assert_eq!(verdict(&signed().replace("Mio", "M<!-- -->io")), Ok(()), "comments are not signed");
    }

    #[test]
    fn a_certificate_of_another_key_does_not_verify_the_signature() {
        let now = time::OffsetDateTime::now_utc();
        let other = SigningKey::generate("other", now, now + time::Duration::days(1)).unwrap();
        assert!(verify(&signed(), "_1", &[other.certificate()]).is_err());
        assert_eq!(verify(&signed(), "_1", &[other.certificate(), key().certificate()]), Ok(()));
        assert!(verify(&signed(), "_1", &[]).is_err());
    }

    #[test]
    fn a_duplicate_id_and_a_weak_algorithm_are_rejected() {
        let wrapped = signed()
            .replace("<r xmlns=\"urn:r\">", "<r xmlns=\"urn:r\"><a xmlns=\"urn:a\" ID=\"_1\"><name>boss</name></a>");
        assert!(verdict(&wrapped).is_err());
        assert!(verdict(&signed().replace("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-md5")).is_err());
    }
}
