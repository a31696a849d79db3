//! Signing keys with their self-signed certificates: really generated, so that what reads the metadata can verify what is
//! signed with them.

use aws_lc_rs::{digest, encoding::AsDer, rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{Engine, engine::general_purpose::STANDARD};
use time::OffsetDateTime;

use crate::rsa_key;

/// A certificate with its key, as a person makes them for an app registration.
pub struct Certified {
    /// The certificate, in PEM.
    pub certificate: String,
    /// Its private key (PKCS #8), in PEM.
    pub private_key: String,
}

/// Makes a self-signed certificate for an RSA key of 2048 bits, good from now on.
///
/// # Errors
/// When the random source or an encoder fails; the text says which.
pub fn self_signed(common_name: &str, not_after: OffsetDateTime) -> Result<Certified, String> {
    let key = SigningKey::generate(common_name, OffsetDateTime::now_utc() - time::Duration::hours(1), not_after)?;
    let private = key.pair.as_der().map_err(|_| "the RSA key could not be written".to_owned())?;
    Ok(Certified { certificate: pem("CERTIFICATE", &key.der), private_key: pem("PRIVATE KEY", private.as_ref()) })
}

/// Text armour: base64 in lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// An RSA-2048 key and its certificate.
pub(crate) struct SigningKey {
    pair: KeyPair,
    der: Vec<u8>,
    thumbprint: Vec<u8>,
    not_after: OffsetDateTime,
}

impl SigningKey {
    /// A new key, certified for `common_name` until `not_after`.
    ///
    /// # Errors
    /// When the random source or the certificate encoder fails; the text says which.
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
            params.self_signed(&certifier).map_err(|error| format!("the certificate could not be made: {error}"))?;
        let der = certificate.der().to_vec();
        let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref().to_vec();
        Ok(Self { pair, der, thumbprint, not_after })
    }

    /// The certificate in base64, as Graph and the metadata show it.
    pub(crate) fn certificate(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// When the certificate expires.
    pub(super) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The SHA-1 of the certificate.
    pub(super) fn thumbprint(&self) -> &[u8] {
        &self.thumbprint
    }

    /// The SHA-1 of the certificate, in the upper-case hexadecimal digits of `preferredTokenSigningKeyThumbprint`.
    pub(super) fn thumbprint_hex(&self) -> String {
        self.thumbprint.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// An RS256 signature.
    ///
    /// # Errors
    /// When the random source fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| "the message could not be signed".to_owned())?;
        Ok(signature)
    }
}
