//! SAML data: URLs and claims for Entra, and federation metadata for IAM.

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::{
    StepError,
    onboarding::{Destination, UsernameAttribute},
};

/// The name of the claim that contains the ARNs of the role and of the SAML provider.
pub const ROLE_CLAIM: &str = "https://aws.amazon.com/SAML/Attributes/Role";
/// The name of the claim that contains the role session name. The value of this claim must equal the Connect username.
pub const ROLE_SESSION_NAME_CLAIM: &str = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
/// The name of the claim that contains the session duration in seconds.
pub const SESSION_DURATION_CLAIM: &str = "https://aws.amazon.com/SAML/Attributes/SessionDuration";
/// The SAML identifier (entity ID) of the gallery application. Every further application in the same tenant uses this
/// identifier with a fragment (`#…`). Entra removes the fragment from the audience of the assertion.
pub const IDENTIFIER: &str = "https://signin.aws.amazon.com/saml";

const METADATA_NS: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE_NS: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The characters that are percent-encoded: all ASCII characters except the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The relay state: the URL of the instance's federation endpoint in the AWS console, with the page that opens after
/// sign-in as a parameter.
///
/// The administrator guide of Amazon Connect, "Use a destination in your relay state URL", documents `destination` as a
/// percent-encoded path. The documented paths belong to the domain `my.connect.aws`. Instances that were created before
/// March 2021 also have another domain, and `new_domain=true` selects `my.connect.aws` ("Infrastructure security").
#[must_use]
pub fn relay_state(region: &str, instance_id: &str, destination: Option<&Destination>) -> String {
    let endpoint = format!("https://{region}.console.aws.amazon.com/connect/federate/{instance_id}");
    match destination {
        Some(destination) => {
            let path = utf8_percent_encode(destination.path(), RESERVED);
            format!("{endpoint}?destination={path}&new_domain=true")
        }
        None => endpoint,
    }
}

/// The URL of the page that opens after sign-in, in the domain of the instance.
#[must_use]
pub fn destination_url(alias: &str, destination: &Destination) -> String {
    format!("https://{}.my.connect.aws{}", alias.to_ascii_lowercase(), destination.path())
}

/// The URL that users open to sign in (in the Japanese portal: "ユーザーのアクセス URL"). Microsoft Graph does not return this
/// URL, so it is composed here.
#[must_use]
pub fn user_access_url(app_id: &str, tenant_id: &str) -> String {
    format!("https://launcher.myapps.microsoft.com/api/signin/{app_id}?tenantId={tenant_id}")
}

/// The issuer (entity ID) in the federation metadata of a tenant.
#[must_use]
pub fn entity_id(tenant_id: &str) -> String {
    format!("https://sts.windows.net/{tenant_id}/")
}

/// The first SAML identifier that no other application uses. `taken` contains the identifiers of all other applications
/// of the tenant.
#[must_use]
pub fn free_identifier<'a>(taken: impl IntoIterator<Item = &'a str>) -> String {
    let taken: std::collections::BTreeSet<&str> = taken.into_iter().collect();
    std::iter::once(IDENTIFIER.to_owned())
        .chain((1_u32..).map(|n| format!("{IDENTIFIER}#{n}")))
        .find(|candidate| !taken.contains(candidate.as_str()))
        .unwrap_or_else(|| IDENTIFIER.into())
}

/// Whether the AWS sign-in endpoints accept a SAML identifier as the audience.
#[must_use]
pub fn is_aws_identifier(identifier: &str) -> bool {
    identifier.split('#').next() == Some(IDENTIFIER)
}

/// The definition of the claims mapping policy. The role and the session duration are constants, and the role session
/// name is the value of a user attribute. The field names in the definition are case-sensitive.
#[must_use]
pub fn claims_definition(role_arn: &str, saml_provider_arn: &str, username: UsernameAttribute, seconds: u32) -> Value {
    json!({
        "ClaimsMappingPolicy": {
            "Version": 1,
            "IncludeBasicClaimSet": "true",
            "ClaimsSchema": [
                { "Value": format!("{role_arn},{saml_provider_arn}"), "SamlClaimType": ROLE_CLAIM },
                { "Source": "user", "ID": username.claim_source(), "SamlClaimType": ROLE_SESSION_NAME_CLAIM },
                { "Value": seconds.to_string(), "SamlClaimType": SESSION_DURATION_CLAIM },
            ]
        }
    })
}

/// The content of a federation metadata document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The issuer (entity ID) of the identity provider.
    pub entity_id: String,
    /// The sign-in URLs of the identity provider.
    pub single_sign_on: Vec<String>,
    /// The SHA-1 thumbprints of the signing certificates, in uppercase hexadecimal as in Entra.
    pub thumbprints: Vec<String>,
}

impl Metadata {
    /// Whether the metadata document `xml` of the SAML provider in IAM matches this metadata: it must have the same
    /// issuer and sign-in URLs, and must contain the active certificate. If the active certificate is unknown, the
    /// document must contain all certificates of this metadata.
    ///
    /// The other certificates may differ. Entra's metadata still contains a removed certificate for a while, and IAM
    /// must not trust this certificate again. Entra's metadata also lacks certificates that Entra has not published
    /// yet. `rotate-certificate` ensures that IAM trusts exactly the certificates of the application.
    #[must_use]
    pub fn is_trusted_by(&self, xml: &str, active: Option<&str>) -> bool {
        read_metadata(xml).is_ok_and(|present| {
            let trusts = |thumbprint: &str| present.thumbprints.iter().any(|one| one.eq_ignore_ascii_case(thumbprint));
            let trusted = match active {
                Some(active) => trusts(active),
                None => self.thumbprints.iter().all(|thumbprint| trusts(thumbprint)),
            };
            trusted && self.same(&Self { thumbprints: self.thumbprints.clone(), ..present })
        })
    }

    /// Whether the metadata document `xml` of the SAML provider in IAM contains only the active certificate and
    /// certificates in this metadata.
    #[must_use]
    pub fn covers(&self, xml: &str, active: &str) -> bool {
        let known = |one: &String| one.eq_ignore_ascii_case(active) || self.thumbprints.contains(one);
        read_metadata(xml).is_ok_and(|present| present.thumbprints.iter().all(known))
    }

    fn same(&self, other: &Self) -> bool {
        let sorted = |metadata: &Self| {
            let mut metadata = metadata.clone();
            metadata.thumbprints.sort();
            metadata.single_sign_on.sort();
            metadata
        };
        sorted(self) == sorted(other)
    }
}

/// Parses a complete XML document. A response may be truncated, and a truncated document must be rejected.
///
/// # Errors
/// `Unavailable` if the document is not well-formed.
pub fn whole(xml: &str) -> Result<roxmltree::Document<'_>, StepError> {
    roxmltree::Document::parse(xml).map_err(|error| {
        StepError::unavailable(format!("the federation metadata is not well-formed XML ({error}): it may be cut short"))
    })
}

/// Parses federation metadata, and rejects metadata that IAM would not accept or with which no user could sign in.
///
/// # Errors
/// `InvalidInput` if the document is not SAML metadata, if it has no identity provider, no sign-on location or no
/// signing certificate, or if its length is outside IAM's limits of 1,000 to 10,000,000 characters.
pub fn read_metadata(xml: &str) -> Result<Metadata, StepError> {
    let refuse = |what: &str| {
        StepError::invalid_input(format!(
            "the federation metadata {what}; to see the metadata, open the metadata URL of the application in a \
             browser"
        ))
    };
    if !(1_000..=10_000_000).contains(&xml.chars().count()) {
        return Err(refuse("is shorter or longer than IAM accepts (1,000 to 10,000,000 characters)"));
    }
    let document = whole(xml)?;
    let root = document.root_element();
    if root.tag_name().namespace() != Some(METADATA_NS) || root.tag_name().name() != "EntityDescriptor" {
        return Err(refuse("has no EntityDescriptor at its root"));
    }
    let entity_id = root.attribute("entityID").ok_or_else(|| refuse("has no entityID"))?.to_owned();
    let provider = root
        .children()
        .find(|node| node.has_tag_name((METADATA_NS, "IDPSSODescriptor")))
        .ok_or_else(|| refuse("has no IDPSSODescriptor"))?;
    let single_sign_on: Vec<String> = provider
        .children()
        .filter(|node| node.has_tag_name((METADATA_NS, "SingleSignOnService")))
        .filter_map(|node| node.attribute("Location"))
        .map(ToOwned::to_owned)
        .collect();
    if single_sign_on.is_empty() {
        return Err(refuse("has no SingleSignOnService"));
    }
    let thumbprints = signing_keys(provider)
        .map(|text| thumbprint(text).ok_or_else(|| refuse("contains a certificate that is not base64")))
        .collect::<Result<Vec<_>, _>>()?;
    if thumbprints.is_empty() {
        return Err(refuse("has no signing certificate"));
    }
    Ok(Metadata { entity_id, single_sign_on, thumbprints })
}

/// Creates metadata that contains only the identity provider and its signing certificates (DER in Base64). A rotation
/// uploads this document to IAM, because the metadata that Entra publishes may lack a new certificate or still contain
/// a removed certificate.
#[must_use]
pub fn metadata_document(entity_id: &str, single_sign_on: &[String], certificates: &[&str]) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let keys: String = certificates
        .iter()
        .map(|certificate| {
            format!(
                "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"{SIGNATURE_NS}\"><X509Data><X509Certificate>{}</X509Certificate>\
                 </X509Data></KeyInfo></KeyDescriptor>",
                escape(certificate)
            )
        })
        .collect();
    let locations: std::collections::BTreeSet<&String> = single_sign_on.iter().collect();
    let services: String = locations
        .into_iter()
        .flat_map(|location| ["HTTP-Redirect", "HTTP-POST"].map(|binding| (location, binding)))
        .map(|(location, binding)| {
            format!(
                "<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" Location=\"{}\"/>",
                escape(location)
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EntityDescriptor xmlns=\"{METADATA_NS}\" entityID=\"{}\">\
         <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}{services}\
         </IDPSSODescriptor></EntityDescriptor>",
        escape(entity_id)
    )
}

/// The signing certificates of an identity provider, in Base64.
fn signing_keys<'a>(provider: roxmltree::Node<'a, 'a>) -> impl Iterator<Item = &'a str> {
    let signs = |node: &roxmltree::Node| {
        node.has_tag_name((METADATA_NS, "KeyDescriptor")) && node.attribute("use") != Some("encryption")
    };
    let keys = provider.children().filter(signs).flat_map(|key| key.descendants());
    keys.filter(|node| node.has_tag_name((SIGNATURE_NS, "X509Certificate"))).filter_map(|node| node.text())
}

/// The signing certificates in federation metadata, in DER format. Certificates that can't be parsed are omitted.
#[must_use]
pub fn signing_certificates(xml: &str) -> Vec<Vec<u8>> {
    let Ok(document) = roxmltree::Document::parse(xml) else { return Vec::new() };
    let provider = document.root_element().children().find(|node| node.has_tag_name((METADATA_NS, "IDPSSODescriptor")));
    provider.into_iter().flat_map(signing_keys).filter_map(der).collect()
}

fn der(base64: &str) -> Option<Vec<u8>> {
    let text: String = base64.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(text).ok()
}

/// The SHA-1 thumbprint of a certificate in DER format, in uppercase hexadecimal.
#[must_use]
pub fn thumbprint_of(der: &[u8]) -> String {
    Sha1::digest(der).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The SHA-1 thumbprint of a Base64-encoded certificate in DER format, in uppercase hexadecimal. `None` if the string
/// is not Base64.
#[must_use]
pub fn thumbprint(base64_der: &str) -> Option<String> {
    der(base64_der).map(|der| thumbprint_of(&der))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::onboarding::Page;

    fn metadata(certificate: &str) -> String {
        format!(
            r#"<?xml version="1.0"?><EntityDescriptor xmlns="{METADATA_NS}" entityID="https://sts.windows.net/t/">
            <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
            <KeyInfo xmlns="{SIGNATURE_NS}"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>
            </KeyDescriptor><SingleSignOnService Binding="b" Location="https://login.example/t/saml2"/></IDPSSODescriptor>
            <!-- {} --></EntityDescriptor>"#,
            "x".repeat(1000)
        )
    }

    #[test]
    fn metadata_is_read_with_issuer_location_and_certificates() {
        let read = read_metadata(&metadata("aGVs\n bG8=")).unwrap();
        assert_eq!(read.entity_id, "https://sts.windows.net/t/");
        assert_eq!(read.single_sign_on, ["https://login.example/t/saml2"]);
        assert_eq!(read.thumbprints, ["AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D"], "SHA-1 of hello");
    }

    #[test]
    fn composed_metadata_reads_back_unchanged() {
        let (one, other) = ("aGVs".repeat(200), "bG8=".to_owned());
        let locations = vec!["https://login.example/t/saml2?a=1&b=2".to_owned(); 2];
        let read =
            read_metadata(&metadata_document("https://sts.windows.net/t/", &locations, &[&one, &other])).unwrap();
        assert_eq!((read.entity_id.as_str(), read.single_sign_on), ("https://sts.windows.net/t/", locations));
        assert_eq!(read.thumbprints, [thumbprint(&one).unwrap(), thumbprint(&other).unwrap()]);
    }

    #[test]
    fn a_document_must_trust_the_active_certificate_but_not_every_published_one() {
        let certificates = ["aGVs", "d29y", "cG9y"].map(|text| text.repeat(300));
        let [active, removed, other] = certificates.each_ref().map(String::as_str);
        let location = ["https://login.example/t/saml2".to_owned()];
        let document = |certificates: &[&str]| metadata_document("https://sts.windows.net/t/", &location, certificates);
        let published = read_metadata(&document(&[active, removed])).unwrap();
        let thumbprint = thumbprint(active).unwrap();
        for (certificates, trusted, covered) in [
            (&[active][..], true, true),
            (&[active, removed], true, true),
            (&[active, other], true, false),
            (&[removed], false, true),
        ] {
            let document = document(certificates);
            assert_eq!(published.is_trusted_by(&document, Some(&thumbprint.to_lowercase())), trusted);
            assert_eq!(published.covers(&document, &thumbprint), covered);
            assert!(!published.is_trusted_by(&document.replace("/t/", "/u/"), Some(&thumbprint)), "another issuer");
        }
        assert!(!published.is_trusted_by(&document(&[active]), None), "all published certificates are needed");
        // The metadata that Entra publishes may lack the active certificate.
        assert!(read_metadata(&document(&[removed])).unwrap().covers(&document(&[active]), &thumbprint));
    }

    #[test]
    fn unusable_metadata_is_rejected_with_the_reason() {
        for (text, reason) in [
            ("<a/>".to_owned(), "shorter"),
            ("x".repeat(2000), "well-formed"),
            (format!("<a>{}</a>", "x".repeat(2000)), "EntityDescriptor"),
            (metadata("%%%"), "base64"),
            (metadata("aGVsbG8=").replace("SingleSignOnService", "Other"), "SingleSignOnService"),
            (metadata("aGVsbG8=").replace("IDPSSODescriptor", "SPSSODescriptor"), "IDPSSODescriptor"),
            (metadata("aGVsbG8=").replace("use=\"signing\"", "use=\"encryption\""), "signing certificate"),
        ] {
            let error = read_metadata(&text).unwrap_err();
            assert!(error.message.contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn the_first_free_identifier_is_the_plain_one_then_numbered_ones() {
        assert_eq!(free_identifier([]), "https://signin.aws.amazon.com/saml");
        assert_eq!(
            free_identifier([IDENTIFIER, "https://signin.aws.amazon.com/saml#1"]),
            "https://signin.aws.amazon.com/saml#2"
        );
        assert!(is_aws_identifier("https://signin.aws.amazon.com/saml#2"));
        assert!(!is_aws_identifier("https://signin.aws.amazon.com/samlx"));
    }

    #[test]
    fn a_relay_state_contains_the_encoded_path_of_the_destination() {
        let relay = |destination: Option<&Destination>| relay_state("ap-northeast-1", "i", destination);
        let endpoint = "https://ap-northeast-1.console.aws.amazon.com/connect/federate/i";
        assert_eq!(relay(None), endpoint);
        for (destination, query) in [
            (Destination::Page(Page::AgentWorkspace), "destination=%2Fagent-app-v2&new_domain=true"),
            (Destination::Page(Page::Ccp), "destination=%2Fccp-v2%2F&new_domain=true"),
            (Destination::Page(Page::Admin), "destination=%2Fhome&new_domain=true"),
            (Destination::Path("/a?b=c&d=e:f".into()), "destination=%2Fa%3Fb%3Dc%26d%3De%3Af&new_domain=true"),
        ] {
            assert_eq!(relay(Some(&destination)), format!("{endpoint}?{query}"));
        }
        assert_eq!(destination_url("Acme", &Destination::Page(Page::Admin)), "https://acme.my.connect.aws/home");
    }

    #[test]
    fn the_claims_policy_names_role_before_provider() {
        let definition = claims_definition("R", "P", UsernameAttribute::Mail, 3600);
        insta::assert_snapshot!(definition.to_string(), @r#"{"ClaimsMappingPolicy":{"ClaimsSchema":[{"SamlClaimType":"https://aws.amazon.com/SAML/Attributes/Role","Value":"R,P"},{"ID":"mail","SamlClaimType":"https://aws.amazon.com/SAML/Attributes/RoleSessionName","Source":"user"},{"SamlClaimType":"https://aws.amazon.com/SAML/Attributes/SessionDuration","Value":"3600"}],"IncludeBasicClaimSet":"true","Version":1}}"#);
    }
}
