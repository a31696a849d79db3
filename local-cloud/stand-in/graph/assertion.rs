//! Verifies the client assertions that the token endpoint receives. A client assertion is either signed by an
//! application with its own certificate, or it is a token of another issuer that a federated credential trusts. The
//! keys of such an issuer are fetched through `OpenID` Connect discovery.
//!
//! The error codes are those of Microsoft's list of AADSTS error codes. The codes 700211 to 700213 are not in this
//! list, and are taken from reports of Microsoft's SDKs and their users.

use aws_lc_rs::{
    rsa::PublicKeyComponents,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Url;
use serde_json::Value;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Graph,
    clients::{AppCredential, AppRegistration, RegisteredCertificate},
    login::Refusal,
};

/// How far the start of an assertion's validity may lie in the future, because clocks differ.
const SKEW: Duration = Duration::minutes(5);
/// The maximum lifetime of an assertion. Microsoft's documentation recommends ten minutes. Entra does not enforce the
/// limit of ten minutes, but this emulation does.
const LONGEST: i64 = 600;
/// The domain under which AWS accounts publish the public keys of their tokens.
const AWS_ISSUERS: &str = ".tokens.sts.global.api.aws";

/// A client assertion, parsed as a JSON Web Token.
pub(super) struct Assertion<'a> {
    header: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    /// Parses a token without verifying it.
    pub(super) fn read(token: &'a str) -> Result<Self, Refusal> {
        let malformed = || invalid(50_027, "JWT token is invalid or malformed.");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).ok().filter(Value::is_object);
        Ok(Self {
            header: json(header).ok_or_else(malformed)?,
            claims: json(claims).ok_or_else(malformed)?,
            signed,
            signature: decode(signature).ok_or_else(malformed)?,
        })
    }

    fn name(&self, name: &str) -> &str {
        self.header.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn claim(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn is_signed_by(&self, algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> bool {
        UnparsedPublicKey::new(algorithm, key).verify(self.signed.as_bytes(), &self.signature).is_ok()
    }

    /// Checks the validity period of the assertion against real time, not against the scaled clock, because the creator
    /// of the assertion also uses real time.
    fn check_time(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        let at = |name: &str| self.claims.get(name).and_then(Value::as_i64);
        let from = at("nbf").or_else(|| at("iat")).and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        let until = at("exp").and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        let good = until.is_some_and(|until| until > now) && from.is_none_or(|from| from <= now + SKEW);
        if good {
            return Ok(());
        }
        let text =
            |at: Option<OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "-".into());
        Err(invalid(
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry \
                 time of assertion {}. Review the documentation at \
                 https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
                text(Some(now)),
                text(from),
                text(until)
            ),
        ))
    }
}

fn invalid(number: u32, text: impl Into<String>) -> Refusal {
    Refusal::new(401, "invalid_client", number, text)
}

fn no_match(number: u32, what: &str, presented: &str) -> Refusal {
    invalid(
        number,
        format!(
            "No matching federated identity record found for presented assertion {what} '{presented}'. Check your federated \
             identity credential Subject, Audience and Issuer against the presented assertion. \
             https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
        ),
    )
}

impl Graph {
    /// Checks whether an assertion authenticates the application.
    pub(super) async fn check_assertion(
        &self,
        registration: &AppRegistration,
        endpoint: &str,
        token: &str,
    ) -> Result<(), Refusal> {
        let assertion = Assertion::read(token)?;
        // An assertion that the application has signed names a certificate. A token of another issuer names one of that
        // issuer's keys instead.
        if !assertion.name("x5t#S256").is_empty() || !assertion.name("x5t").is_empty() {
            self.check_own(registration, endpoint, &assertion)
        } else {
            self.check_federated(registration, &assertion).await
        }
    }

    fn check_own(&self, registration: &AppRegistration, endpoint: &str, assertion: &Assertion) -> Result<(), Refusal> {
        let named = [assertion.name("x5t#S256"), assertion.name("x5t")];
        let shown = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let unknown = |reason: &str| {
            invalid(
                700_027,
                format!(
                    "The certificate with identifier used to sign the client assertion is not registered on application. \
                     [Reason - {reason}, Thumbprint of key used by client: '{shown}'. Please visit the Azure Portal, Graph \
                     Explorer or directly use MS Graph to see configured keys for app Id '{}'.]",
                    registration.client_id
                ),
            )
        };
        let certificates = registration.credentials.iter().filter_map(|credential| match credential {
            AppCredential::Certificate { pem } => RegisteredCertificate::read(pem),
            _ => None,
        });
        let found = certificates
            .into_iter()
            .find(|one| one.thumbprints.iter().zip(named).any(|(thumbprint, name)| thumbprint == name));
        let certificate = found.ok_or_else(|| unknown("The key was not found."))?;
        if certificate.not_after <= self.now() {
            return Err(unknown("The key used is expired."));
        }
        let algorithm: &'static dyn VerificationAlgorithm = match assertion.name("alg") {
            "PS256" => &RSA_PSS_2048_8192_SHA256,
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(invalid(50_027, "JWT token is invalid or malformed: its algorithm is not supported.")),
        };
        if !assertion.is_signed_by(algorithm, &certificate.public_key) {
            return Err(invalid(700_027, "Client assertion failed signature validation."));
        }
        for claim in ["iss", "sub"] {
            if !assertion.claim(claim).eq_ignore_ascii_case(&registration.client_id) {
                let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
                return Err(invalid(700_021, text));
            }
        }
        let audience = assertion.claim("aud");
        if audience != endpoint {
            let text = format!("Client assertion audience claim does not match Realm issuer: '{audience}'.");
            return Err(invalid(700_023, text));
        }
        assertion.check_time(OffsetDateTime::now_utc())?;
        let at = |name: &str| assertion.claims.get(name).and_then(Value::as_i64).unwrap_or_default();
        if at("exp") - at("iat").max(at("nbf")) > LONGEST || assertion.claim("jti").is_empty() {
            let text = "The local cloud accepts only assertions that are valid for at most ten minutes and have a jti, as Entra's documentation recommends.";
            return Err(invalid(700_024, text));
        }
        Ok(())
    }

    async fn check_federated(&self, registration: &AppRegistration, assertion: &Assertion<'_>) -> Result<(), Refusal> {
        let (issuer, subject) = (assertion.claim("iss"), assertion.claim("sub"));
        // Only a single audience can match. A list of audiences is not a string, so it never matches.
        let audience = assertion.claim("aud");
        let trusted: Vec<(&str, &str, &str)> = registration
            .credentials
            .iter()
            .filter_map(|credential| match credential {
                AppCredential::Federated { issuer, subject, audience } => {
                    Some((issuer.as_deref().unwrap_or(&self.options.aws_issuer), subject.as_str(), audience.as_str()))
                }
                _ => None,
            })
            .collect();
        if !trusted.iter().any(|(_, known, _)| *known == subject) {
            return Err(no_match(700_213, "subject", subject));
        }
        if !trusted.iter().any(|(known, of, _)| *known == issuer && *of == subject) {
            return Err(no_match(700_211, "issuer", issuer));
        }
        if !trusted.contains(&(issuer, subject, audience)) {
            return Err(no_match(700_212, "audience", audience));
        }
        if assertion.name("alg") != "RS256" {
            return Err(invalid(50_027, "JWT token is invalid or malformed: only RS256 is supported."));
        }
        let key = self.issuers_key(issuer, assertion.name("kid")).await?;
        if key.verify(&RSA_PKCS1_2048_8192_SHA256, assertion.signed.as_bytes(), &assertion.signature).is_err() {
            return Err(invalid(700_027, "Client assertion failed signature validation."));
        }
        assertion.check_time(OffsetDateTime::now_utc())
    }

    /// The public key that an issuer publishes under this key ID.
    async fn issuers_key(&self, issuer: &str, id: &str) -> Result<PublicKeyComponents<Vec<u8>>, Refusal> {
        let failed = |what: String| invalid(50_166, format!("Request to External OIDC endpoint failed: {what}"));
        let discovery = self.fetch(&format!("{issuer}/.well-known/openid-configuration")).await.map_err(failed)?;
        if discovery.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(failed("the discovery document has another issuer.".into()));
        }
        let keys = discovery.get("jwks_uri").and_then(Value::as_str).unwrap_or_default();
        let keys = self.fetch(keys).await.map_err(failed)?;
        let field = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
        let key = keys
            .get("keys")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|key| field(key, "kid").as_deref() == Some(id) && field(key, "kty").as_deref() == Some("RSA"));
        let number = |name: &str| URL_SAFE_NO_PAD.decode(key.and_then(|key| field(key, name))?).ok();
        match (number("n"), number("e")) {
            (Some(n), Some(e)) => Ok(PublicKeyComponents { n, e }),
            _ => {
                Err(invalid(700_027, format!("Client assertion failed signature validation: no key '{id}' was found.")))
            }
        }
    }

    /// Fetches JSON from an issuer. Requests to AWS issuers go to the AWS port of the local cloud.
    async fn fetch(&self, address: &str) -> Result<Value, String> {
        let url = Url::parse(address).map_err(|_| format!("'{address}' is not a URL."))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let request = if host.ends_with(AWS_ISSUERS) && url.scheme() == "https" {
            self.http.get(format!("{}{}", self.options.aws_url, url.path())).header("host", host)
        } else if url.host_str() == Some("127.0.0.1") {
            self.http.get(url)
        } else {
            return Err(format!("'{host}' can't be reached."));
        };
        let answer = request.send().await.map_err(|_| format!("'{address}' does not respond."))?;
        if !answer.status().is_success() {
            return Err(format!("'{address}' returned {}.", answer.status().as_u16()));
        }
        answer.json().await.map_err(|_| format!("'{address}' did not return JSON."))
    }
}
