//! Sign-in with a certificate: the client sends a short-lived assertion that it signs with the private key of the
//! certificate. The assertion identifies the certificate by its SHA-256 hash (Microsoft documentation: "Microsoft
//! identity platform application authentication certificate credentials").

use std::{fmt, sync::Arc};

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::KeyPair as _, signature::RSA_PSS_SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::entra::x509;

/// Lifetime of an assertion. Microsoft recommends five to ten minutes.
const LIFETIME: Duration = Duration::minutes(5);

/// A certificate and its private key.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<KeyPair>,
    thumbprint: String,
    not_after: OffsetDateTime,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a certificate and its RSA private key (PKCS #8 or PKCS #1) in PEM format.
    ///
    /// # Errors
    /// The error message, worded as the end of a sentence about the secret. The error message never contains any part
    /// of the secret.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, &'static str> {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|_| "has a certificate that is not PEM (-----BEGIN CERTIFICATE-----)")?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_| "has a privateKey that is not PEM (-----BEGIN PRIVATE KEY-----, without a passphrase)")?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err("has a privateKey that is not RSA; Entra requires RSA certificates"),
        };
        let key = pair.map_err(|_| "has a privateKey that is not an RSA key of at least 2048 bits")?;
        let facts = x509::read(&der).ok_or("has a certificate that can't be parsed")?;
        if facts.public_key != key.public_key().as_ref() {
            return Err("has a privateKey that does not belong to the certificate");
        }
        Ok(Self {
            key: Arc::new(key),
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&der)),
            not_after: facts.not_after,
        })
    }

    /// Returns the expiry time of the certificate.
    #[must_use]
    pub const fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Returns the SHA-256 hash of the certificate, encoded as in an assertion.
    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Creates an assertion for the application `client_id` and the token endpoint `audience`.
    pub(super) fn assertion(&self, client_id: &str, audience: &str, now: OffsetDateTime) -> Option<SecretString> {
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": Uuid::new_v4().to_string(),
            // The validity of the assertion starts one minute before the current time, in case Entra's clock is
            // slightly behind.
            "nbf": (now - Duration::minutes(1)).unix_timestamp(), "iat": now.unix_timestamp(),
            "exp": (now + LIFETIME).unix_timestamp(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), content.as_bytes(), &mut signature).ok()?;
        Some(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}
