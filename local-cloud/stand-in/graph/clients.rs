//! The tenant's app registrations: applications that can request tokens, their credentials, and their admin consent.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Graph;

/// An app registration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppRegistration {
    /// The application (client) ID, a GUID.
    pub client_id: String,
    /// The Microsoft Graph application permissions with admin consent.
    pub permissions: Vec<String>,
    /// The credentials of the application.
    #[serde(default)]
    pub credentials: Vec<AppCredential>,
}

/// A credential of an app registration.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum AppCredential {
    /// A client secret.
    Secret {
        /// The value of the secret.
        value: String,
        /// When the secret expires, in RFC 3339 format.
        #[serde(default)]
        expires: Option<String>,
    },
    /// A certificate.
    Certificate {
        /// The certificate in PEM format.
        pem: String,
    },
    /// A federated credential: the application authenticates with tokens of another issuer.
    Federated {
        /// The issuer of the trusted tokens. Default: the AWS account of this local cloud.
        #[serde(default)]
        issuer: Option<String>,
        /// The subject, which must exactly match the subject in the issuer's token.
        subject: String,
        /// The audience that the issuer's token must contain.
        audience: String,
    },
}

impl fmt::Debug for AppCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { expires, .. } => formatter.debug_struct("Secret").field("expires", expires).finish(),
            Self::Certificate { .. } => formatter.write_str("Certificate"),
            Self::Federated { issuer, subject, audience } => {
                formatter.debug_tuple("Federated").field(issuer).field(subject).field(audience).finish()
            }
        }
    }
}

/// An app registration with its service principal, and a change of the registration that has not been replicated yet.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) registration: AppRegistration,
    /// The object ID of the application's service principal.
    pub(super) principal: String,
    next: Option<(OffsetDateTime, AppRegistration)>,
}

impl Client {
    pub(super) fn new(registration: AppRegistration) -> Self {
        Self { registration, principal: Uuid::new_v4().to_string(), next: None }
    }

    fn settle(&mut self, now: OffsetDateTime) {
        if let Some((_, registration)) = self.next.take_if(|(at, _)| *at <= now) {
            self.registration = registration;
        }
    }
}

impl Graph {
    /// Registers an application, or changes the consent and credentials of an existing application, as an administrator
    /// would. As in Entra, the change takes a while to reach the token endpoint.
    pub fn register(&self, registration: AppRegistration) {
        let at = self.options.clock.after(self.behaviour().registration_seconds);
        let mut state = self.state();
        match state.clients.iter_mut().find(|client| client.is(&registration.client_id)) {
            Some(client) => client.next = Some((at, registration)),
            None => {
                let nobody =
                    AppRegistration { permissions: Vec::new(), credentials: Vec::new(), ..registration.clone() };
                state.clients.push(Client { next: Some((at, registration)), ..Client::new(nobody) });
            }
        }
    }

    /// The current registration of the application with this ID.
    pub(super) fn client(&self, id: &str) -> Option<Client> {
        let now = self.now();
        let mut state = self.state();
        let client = state.clients.iter_mut().find(|client| client.is(id))?;
        client.settle(now);
        Some(client.clone())
    }
}

impl Client {
    fn is(&self, id: &str) -> bool {
        self.registration.client_id.eq_ignore_ascii_case(id)
    }
}

/// A certificate of an app registration.
pub(super) struct RegisteredCertificate {
    /// The SHA-256 and SHA-1 thumbprints, in the format of client assertions.
    pub(super) thumbprints: [String; 2],
    /// The RSA public key, as PKCS #1.
    pub(super) public_key: Vec<u8>,
    pub(super) not_after: OffsetDateTime,
}

impl RegisteredCertificate {
    /// Reads a certificate. `None` if the text is not a certificate.
    pub(super) fn read(pem: &str) -> Option<Self> {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
        let (public_key, not_after) = yasna::parse_der(&der, |reader| {
            reader.read_sequence(|certificate| {
                let body = certificate.next().read_der()?;
                let (_algorithm, _signature) = (certificate.next().read_der()?, certificate.next().read_der()?);
                yasna::parse_der(&body, |reader| reader.read_sequence(key_and_end))
            })
        })
        .ok()?;
        let name = |algorithm| URL_SAFE_NO_PAD.encode(digest::digest(algorithm, &der));
        let thumbprints = [name(&digest::SHA256), name(&digest::SHA1_FOR_LEGACY_USE_ONLY)];
        Some(Self { thumbprints, public_key, not_after })
    }
}

fn key_and_end(fields: &mut yasna::BERReaderSeq<'_, '_>) -> yasna::ASN1Result<(Vec<u8>, OffsetDateTime)> {
    // Skips the version, serial number, algorithm and issuer.
    for _ in 0..4 {
        fields.next().read_der()?;
    }
    let not_after = fields.next().read_sequence(|validity| {
        validity.next().read_der()?;
        let end = validity.next();
        if end.lookahead_tag()? == yasna::tags::TAG_UTCTIME {
            Ok(*end.read_utctime()?.datetime())
        } else {
            Ok(*end.read_generalized_time()?.datetime())
        }
    })?;
    let _subject = fields.next().read_der()?;
    let key = fields.next().read_sequence(|key| {
        key.next().read_der()?;
        Ok(key.next().read_bitvec_bytes()?.0)
    })?;
    while fields.read_optional(|extension| extension.read_der())?.is_some() {}
    Ok((key, not_after))
}
