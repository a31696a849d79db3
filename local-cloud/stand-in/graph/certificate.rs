//! Signing keys. Each key has a real self-signed certificate, so that clients can verify signatures with the published
//! metadata.

use aws_lc_rs::{digest, encoding::AsDer, rsa::KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use time::OffsetDateTime;

use crate::stand_in::rsa_key;

/// A certificate and its private key, as an administrator creates them for an app registration.
pub struct Certified {
    /// The certificate in PEM format.
    pub certificate: String,
    /// The private key (PKCS #8) in PEM format.
    pub private_key: String,
}

/// Creates a self-signed certificate for a 2048-bit RSA key, valid from now on.
///
/// # Errors
/// Fails if the random number generator or an encoder fails. The error message states which component failed.
pub fn self_signed(common_name: &str, not_after: OffsetDateTime) -> Result<Certified, String> {
    let key = SigningKey::generate(common_name, OffsetDateTime::now_utc() - time::Duration::hours(1), not_after)?;
    let private = key.pair.as_der().map_err(|_| "the RSA key could not be written".to_owned())?;
    Ok(Certified { certificate: pem("CERTIFICATE", &key.der), private_key: pem("PRIVATE KEY", private.as_ref()) })
}

/// Encodes DER as PEM: base64 in lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A 2048-bit RSA key and its certificate.
pub(crate) struct SigningKey {
    pair: KeyPair,
    der: Vec<u8>,
    thumbprint: Vec<u8>,
    not_after: OffsetDateTime,
}

impl SigningKey {
    /// Generates a key with a certificate for `common_name`, valid until `not_after`.
    ///
    /// # Errors
    /// Fails if the random number generator or the certificate encoder fails. The error message states which component
    /// failed.
    pub(crate) fn generate(
        common_name: &str,
        not_before: OffsetDateTime,
        not_after: OffsetDateTime,
    ) -> Result<Self, String> {
        let pair = rsa_key::pair()?;
        let pkcs8 = pair.as_der().map_err(|_| "the RSA key could not be written".to_owned())?;
        let certifier =
            rcgen::KeyPair::try_from(pkcs8.as_ref()).map_err(|error| format!("the RSA key is not usable: {error}"))?;
        let mut params = rcgen::CertificateParams::default();
        params.not_before = not_before;
        params.not_after = not_after;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let certificate =
            params.self_signed(&certifier).map_err(|error| format!("the certificate could not be created: {error}"))?;
        let der = certificate.der().to_vec();
        let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref().to_vec();
        Ok(Self { pair, der, thumbprint, not_after })
    }

    /// The certificate in base64, the format of Graph and of the federation metadata.
    pub(crate) fn certificate(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// The time at which the certificate expires.
    pub(super) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The SHA-1 thumbprint of the certificate.
    pub(super) fn thumbprint(&self) -> &[u8] {
        &self.thumbprint
    }

    /// The SHA-1 thumbprint in upper-case hexadecimal, as in `preferredTokenSigningKeyThumbprint`.
    pub(super) fn thumbprint_hex(&self) -> String {
        self.thumbprint.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// Signs a message with RS256.
    ///
    /// # Errors
    /// Fails if the random number generator fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        rsa_key::sign(&self.pair, message)
    }
}
