//! The credential with which an application authenticates to Entra. Secrets Manager stores the credential as a JSON
//! object with `tenantId`, `clientId`, and either `clientSecret`, or `certificate` and `privateKey` (both in PEM
//! format). The optional field `expires` (RFC 3339, or a date) is the expiry of the client secret. For a certificate,
//! this field is not necessary, because a certificate contains its expiry.

use onboarding_core::StepError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use time::{
    Date, OffsetDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};

use super::certificate::Certificate;

/// The expected JSON of a credential with a client secret.
const WITH_SECRET: &str = r#"{"tenantId": "…", "clientId": "…", "clientSecret": "…"}"#;
/// The expected JSON of a credential with a certificate.
const WITH_CERTIFICATE: &str = r#"{"tenantId": "…", "clientId": "…", "certificate": "-----BEGIN CERTIFICATE-----…", "privateKey": "-----BEGIN PRIVATE KEY-----…"}"#;

/// The credential with which the functions sign in to Microsoft Graph.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The ID or a verified domain of the tenant.
    pub tenant_id: String,
    /// The application (client) ID.
    pub client_id: String,
    /// How the application authenticates.
    pub proof: Proof,
}

/// How an application authenticates to Entra.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The value of a client secret, and the expiry of this secret if known.
    Secret(SecretString, Option<OffsetDateTime>),
    /// A certificate that is registered with the application, and its private key.
    Certificate(Certificate),
    /// A token issued by AWS, which a federated credential of the application trusts.
    WebIdentity,
}

impl Credential {
    /// Creates a credential with a client secret.
    #[must_use]
    pub fn with_secret(tenant_id: &str, client_id: &str, secret: &str) -> Self {
        Self { tenant_id: tenant_id.into(), client_id: client_id.into(), proof: Proof::Secret(secret.into(), None) }
    }

    /// Parses the JSON in the secret with the name `name`. Unknown fields are ignored.
    ///
    /// # Errors
    /// `InvalidInput` with the name of the secret, and the name of the field that is missing or invalid. The error
    /// message never contains any part of the secret.
    pub fn parse(name: &str, text: &str) -> Result<Self, StepError> {
        let shapes = format!("store {WITH_SECRET} or {WITH_CERTIFICATE}");
        let refuse = |what: &str| StepError::invalid_input(format!("the secret {name} {what}; {shapes}"));
        let fields: Value = serde_json::from_str(text).map_err(|_| refuse("is not JSON"))?;
        let field =
            |key: &str| fields.get(key).and_then(Value::as_str).map(str::trim).filter(|value| !value.is_empty());
        let needed = |key: &str| field(key).ok_or_else(|| refuse(&format!("has no {key}")));
        let (tenant_id, client_id) = (needed("tenantId")?.to_owned(), needed("clientId")?.to_owned());
        let proof = match (field("clientSecret"), field("certificate"), field("privateKey")) {
            (Some(secret), None, None) => {
                let expires = field("expires")
                    .map(|text| {
                        moment(text)
                            .ok_or_else(|| refuse("has an `expires` that is neither a date nor an RFC 3339 time"))
                    })
                    .transpose()?;
                Proof::Secret(secret.into(), expires)
            }
            (None, Some(certificate), Some(key)) => {
                Proof::Certificate(Certificate::from_pem(certificate, key).map_err(&refuse)?)
            }
            (None, Some(_), None) => return Err(refuse("has a certificate but no privateKey")),
            (None, None, Some(_)) => return Err(refuse("has a privateKey but no certificate")),
            (None, None, None) => return Err(refuse("has neither a clientSecret nor a certificate")),
            (Some(_), ..) => return Err(refuse("has both a clientSecret and a certificate; keep only one")),
        };
        Ok(Self { tenant_id, client_id, proof })
    }

    /// Returns the expiry time of the credential, if this time is known. A federated credential never expires.
    #[must_use]
    pub fn expires(&self) -> Option<OffsetDateTime> {
        match &self.proof {
            Proof::Secret(_, expires) => *expires,
            Proof::Certificate(certificate) => Some(certificate.not_after()),
            Proof::WebIdentity => None,
        }
    }

    /// Returns whether a sign-in with the other credential has the same result as with this credential. The stored
    /// expiry is not compared.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.tenant_id == other.tenant_id
            && self.client_id == other.client_id
            && match (&self.proof, &other.proof) {
                (Proof::Secret(one, _), Proof::Secret(two, _)) => one.expose_secret() == two.expose_secret(),
                (Proof::Certificate(one), Proof::Certificate(two)) => one.thumbprint() == two.thumbprint(),
                (Proof::WebIdentity, Proof::WebIdentity) => true,
                _ => false,
            }
    }
}

/// Parses a time, or a date as the start of that day in UTC.
#[must_use]
pub fn moment(text: &str) -> Option<OffsetDateTime> {
    let day = || Date::parse(text, &Iso8601::DATE).ok().map(|date| date.midnight().assume_utc());
    OffsetDateTime::parse(text, &Rfc3339).ok().or_else(day)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use onboarding_core::StepErrorKind;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_error_about_a_credential_names_the_field_and_never_its_value() {
        for (text, part) in [
            (
                r#"{"tenantId": "t", "clientId": "c", "clientSecrets": "hunter2"}"#,
                "neither a clientSecret nor a certificate",
            ),
            (r#"{"tenantId": "t", "clientSecret": "hunter2"}"#, "no clientId"),
            (r#"{"tenantId": "t", "clientId": "c", "privateKey": "hunter2"}"#, "no certificate"),
            (r#"{"tenantId": "t", "clientId": "c", "certificate": "hunter2"}"#, "no privateKey"),
            (r#"{"tenantId": "t", "clientId": "c", "certificate": "hunter2", "privateKey": "hunter2"}"#, "certificate"),
            (r#"{"tenantId": "t", "clientId": "c", "clientSecret": "hunter2", "privateKey": "x"}"#, "keep only one"),
            (r#"{"tenantId": "t", "clientId": "c", "clientSecret": "hunter2", "expires": "soon"}"#, "expires"),
            ("hunter2", "not JSON"),
        ] {
            let error = Credential::parse("graph", text).unwrap_err();
            assert_eq!(error.kind, StepErrorKind::InvalidInput);
            assert!(error.message.contains("the secret graph") && error.message.contains(part), "{error}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_credential_may_have_unknown_fields_and_hides_its_secret() {
        let text =
            r#"{"tenantId": "t", "clientId": "c", "clientSecret": "hunter2", "expires": "2027-01-01", "note": 1}"#;
        let credential = Credential::parse("graph", text).unwrap();
        assert_eq!((credential.tenant_id.as_str(), credential.client_id.as_str()), ("t", "c"));
        assert_eq!(credential.expires(), Some(datetime!(2027-01-01 0:00 UTC)));
        assert!(!format!("{credential:?}").contains("hunter2"));
    }

    #[test]
    fn a_date_and_a_time_are_both_accepted() {
        assert_eq!(moment("2027-01-01T09:00:00+09:00"), Some(datetime!(2027-01-01 0:00 UTC)));
        assert_eq!(moment("2027-13-01"), None);
    }
}
