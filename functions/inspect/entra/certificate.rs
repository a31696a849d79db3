//! The signing certificate that an onboarding uses.

use onboarding_core::saml;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::entra::ServicePrincipal;

/// A signing certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) thumbprint: String,
    /// The expiry time of the certificate, as returned by Entra.
    pub(crate) expires: String,
    /// Whether the certificate has expired. An expired certificate is used only if it is the active certificate.
    pub(crate) expired: bool,
}

impl Certificate {
    /// Describes in words until when the certificate is valid.
    pub(crate) fn validity(&self) -> String {
        match self.expired {
            false => format!("good until {}", self.expires),
            true => format!("expired on {}; rotate-certificate replaces it", self.expires),
        }
    }
}

/// Returns the active certificate, even if it has expired. If no certificate is active, returns the newest certificate
/// that an onboarding created and that has not expired.
///
/// This step never replaces an active certificate, because IAM must trust a certificate before Entra signs with it.
/// Only the certificate rotation makes the changes in this order.
/// Until the rotation, users can sign in even if the active certificate has expired, for two reasons. First, Entra
/// continues to sign with the certificate (Microsoft, "Manage certificates for federated single sign-on": an
/// application that does not validate the expiry remains accessible). Second, IAM does not validate the expiry (IAM
/// user guide, "Create a SAML identity provider in IAM").
pub(crate) fn usable_certificate(
    principal: &ServicePrincipal,
    subject: &str,
    now: OffsetDateTime,
) -> Option<Certificate> {
    let mut listed: Vec<_> = principal
        .key_credentials
        .iter()
        .filter(|key| key.usage.as_deref() == Some("Verify"))
        .filter_map(|key| {
            let end = OffsetDateTime::parse(key.end_date_time.as_deref()?, &Rfc3339).ok()?;
            Some((end, saml::thumbprint(key.key.as_deref()?)?, key))
        })
        .collect();
    listed.sort_unstable_by_key(|(end, ..)| *end);
    let active = principal.preferred_token_signing_key_thumbprint.as_deref().unwrap_or_default();
    let chosen = listed
        .iter()
        .find(|(_, thumbprint, _)| thumbprint.eq_ignore_ascii_case(active))
        .or_else(|| listed.iter().rfind(|(end, _, key)| *end > now && key.display_name.as_deref() == Some(subject)));
    chosen.map(|(end, thumbprint, key)| Certificate {
        thumbprint: thumbprint.clone(),
        expires: key.end_date_time.clone().unwrap_or_default(),
        expired: *end <= now,
    })
}
