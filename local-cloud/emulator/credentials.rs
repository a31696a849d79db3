//! The two Entra applications of a local run, registered as `onboard entra-setup` registers them in a real tenant.

use std::collections::BTreeMap;

use onboarding_core::{
    entra::{Identity, TOKEN_AUDIENCE},
    names,
};
use serde::Serialize;
use serde_json::json;

use super::{
    error::NotStarted,
    stack::{ACCOUNT, REGION, Stack},
};
use crate::stand_in::{AppCredential, AppRegistration, self_signed};

/// Id of the emulated tenant.
pub const TENANT_ID: &str = "7e7a0000-0000-4000-8000-000000000001";
/// Validity of a generated certificate.
const CERTIFICATE_DAYS: i64 = 365;

/// How the functions authenticate to Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// The functions authenticate with tokens that AWS issues, without a secret.
    Keyless,
    /// The functions authenticate with one certificate per application. Secrets Manager stores the private keys.
    Certificate,
    /// The functions authenticate with one client secret per application, which Secrets Manager stores.
    Secret,
}

/// A secret in Secrets Manager that must exist before the stack is deployed.
#[derive(Clone, Serialize)]
pub struct StoredSecret {
    /// The stack parameter for the secret's ARN.
    pub parameter: &'static str,
    /// The secret's name.
    pub name: String,
    /// The secret's value.
    pub value: String,
    /// Expiry date of the credential, for the secret's tag.
    pub expires: String,
}

/// The applications, as registered in Entra and as configured in AWS.
pub struct Credentials {
    /// The registrations in Entra.
    pub registrations: Vec<AppRegistration>,
    /// The stack parameters that name the applications, except the ARNs of secrets.
    pub parameters: BTreeMap<&'static str, String>,
    /// The secrets in Secrets Manager.
    pub secrets: Vec<StoredSecret>,
    /// Whether outbound identity federation must be enabled in the account.
    pub federation: bool,
}

impl Credentials {
    /// Registers both applications with this kind of credential.
    ///
    /// # Errors
    /// Fails if a key can't be generated.
    pub fn new(kind: CredentialKind) -> Result<Self, NotStarted> {
        let mut created = Self {
            registrations: Vec::new(),
            parameters: BTreeMap::new(),
            secrets: Vec::new(),
            federation: kind == CredentialKind::Keyless,
        };
        if created.federation {
            created.parameters.insert("TenantId", TENANT_ID.to_owned());
        }
        for identity in Identity::ALL {
            created.register(identity, kind)?;
        }
        Ok(created)
    }

    fn register(&mut self, identity: Identity, kind: CredentialKind) -> Result<(), NotStarted> {
        let client_id = client_id(identity);
        let expires = time::OffsetDateTime::now_utc() + time::Duration::days(CERTIFICATE_DAYS);
        let mut fields = json!({ "tenantId": TENANT_ID, "clientId": client_id });
        let credential = match kind {
            CredentialKind::Keyless => {
                self.parameters.insert(client_parameter(identity), client_id.to_owned());
                let role = names::graph_role(Stack::NAME, REGION, identity);
                AppCredential::Federated {
                    issuer: None,
                    subject: format!("arn:aws:iam::{}:role/{role}", ACCOUNT),
                    audience: TOKEN_AUDIENCE.to_owned(),
                }
            }
            CredentialKind::Certificate => {
                let created = self_signed(&names::app_registration(Stack::NAME, identity), expires);
                let created = created.map_err(NotStarted::Certificate)?;
                fields["certificate"] = json!(created.certificate);
                fields["privateKey"] = json!(created.private_key);
                AppCredential::Certificate { pem: created.certificate }
            }
            CredentialKind::Secret => {
                let value = format!("local-cloud-client-secret-of-{identity}");
                fields["clientSecret"] = json!(value);
                fields["expires"] = json!(expires.date().to_string());
                AppCredential::Secret { value, expires: None }
            }
        };
        if kind != CredentialKind::Keyless {
            self.secrets.push(StoredSecret {
                parameter: secret_parameter(identity),
                name: names::credential_secret(Stack::NAME, identity),
                value: fields.to_string(),
                expires: expires.date().to_string(),
            });
        }
        self.registrations.push(AppRegistration {
            client_id: client_id.to_owned(),
            permissions: identity.permissions().iter().map(|permission| permission.name.to_owned()).collect(),
            credentials: vec![credential],
        });
        Ok(())
    }
}

const fn client_id(identity: Identity) -> &'static str {
    match identity {
        Identity::Setup => "c1e70000-0000-4000-8000-000000000001",
        Identity::Runtime => "c1e70000-0000-4000-8000-000000000002",
    }
}

/// The name of the stack parameter for the client id of an Entra application that has no secret.
const fn client_parameter(identity: Identity) -> &'static str {
    match identity {
        Identity::Setup => "SetupClientId",
        Identity::Runtime => "RuntimeClientId",
    }
}

/// The name of the stack parameter for the ARN of the secret of an Entra application.
const fn secret_parameter(identity: Identity) -> &'static str {
    match identity {
        Identity::Setup => "SetupCredentialSecret",
        Identity::Runtime => "RuntimeCredentialSecret",
    }
}
