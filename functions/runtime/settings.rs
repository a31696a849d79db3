//! The environment variables of a function. template.yaml sets them, and only this module reads them.

use std::time::Duration;

use onboarding_core::{
    StepError,
    entra::{Identity, TOKEN_AUDIENCE},
    onboarding::Language,
};

use crate::runtime::clock::Clock;

/// How an Entra identity authenticates to Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn<'a> {
    /// The Entra identity signs in without a secret, with a token that AWS issues for an IAM role.
    Keyless {
        /// The ID of the Entra tenant.
        tenant_id: &'a str,
        /// The application (client) ID of the app registration.
        client_id: &'a str,
        /// The ARN of the IAM role, which is the subject of the token.
        role: &'a str,
    },
    /// The Entra identity signs in with the credential in this secret. The credential is a client secret, or a
    /// certificate with its private key.
    Secret(&'a str),
}

/// The settings of a function. Each function uses only some of the environment variables. If a required variable is
/// missing, the error occurs only when a function uses the variable.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    graph_credential: Option<String>,
    required: Required,
    graph_identity: Option<Identity>,
    graph_tenant_id: Option<String>,
    setup: Registration,
    runtime: Registration,
    token_audience: Option<String>,
    function_name: Option<String>,
    graph_url: Option<String>,
    login_url: Option<String>,
    language: Language,
    permissions_boundary: Option<String>,
    certificate_rotation_days: Option<String>,
    full_comparison_hours: Option<String>,
    clock: Clock,
}

/// Declares the environment variables that have no default value. A function that uses such a variable fails if the
/// variable is not set. Each line contains the constant, the method and a description of the variable.
macro_rules! required_variables {
    ($($variable:ident, $method:ident: $content:literal;)*) => {
        #[derive(Clone, Debug, Default)]
        struct Required {
            $($method: Option<String>,)*
        }

        impl Required {
            fn read(var: impl Fn(&str) -> Option<String>) -> Self {
                Self { $($method: var(Settings::$variable),)* }
            }
        }

        impl Settings {
            $(
                #[doc = concat!("The environment variable with ", $content, ".")]
                pub const $variable: &str = stringify!($variable);

                #[doc = concat!("Returns ", $content, ".\n\n# Errors\n`Internal` if the variable is not set.")]
                pub fn $method(&self) -> Result<&str, StepError> {
                    required(self.required.$method.as_deref(), Self::$variable)
                }
            )*
        }
    };
}

required_variables! {
    REGISTRY_TABLE, registry_table: "the name of the registry table";
    STORAGE_BUCKET, storage_bucket: "the name of the S3 bucket for the recordings, transcripts and reports of instances";
    STORAGE_KEY_ARN, storage_key_arn: "the ARN of the KMS key that encrypts the objects in the storage bucket";
    DOCUMENTS_BUCKET, documents_bucket: "the name of the S3 bucket for the documents of phone number orders";
    CLIENT_STATE_SECRET, client_state_secret: "the ARN or name of the secret with the key from which `clientState` values are derived";
    EVENT_BUS, event_bus: "the name of the event bus";
    NOTIFICATION_URL, notification_url: "the URL that Graph calls when the members of a group change";
    USER_SYNC_STATE_MACHINE, user_sync_state_machine: "the ARN of the state machine that syncs users";
    NOTIFICATION_TOPIC, notification_topic: "the ARN of the SNS topic for notifications";
}

/// The settings for the sign-in of one Entra identity. At most one of the client ID and the secret is set.
#[derive(Clone, Debug, Default)]
struct Registration {
    client_id: Option<String>,
    role: Option<String>,
    secret: Option<String>,
}

impl Settings {
    /// The environment variable with the ARN or name of the secret that contains the credential. The variable applies
    /// to each Entra identity without separate credential settings.
    pub const GRAPH_CREDENTIAL: &str = "GRAPH_CREDENTIAL_SECRET";
    /// The environment variable with the Entra identity of the function: `setup` or `runtime`. The default is
    /// `runtime`.
    pub const GRAPH_IDENTITY: &str = "GRAPH_IDENTITY";
    /// The environment variable with the ID of the Entra tenant, for a sign-in without a secret.
    pub const GRAPH_TENANT_ID: &str = "GRAPH_TENANT_ID";
    /// The environment variable with the audience of the tokens that AWS issues for Entra. The default is the audience
    /// of the global cloud.
    pub const TOKEN_AUDIENCE: &str = "GRAPH_TOKEN_AUDIENCE";
    /// The environment variable with the function's name, which Lambda sets.
    pub const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";
    /// The environment variable with the base URL of Microsoft Graph, without `/v1.0`.
    pub const GRAPH_URL: &str = "GRAPH_URL";
    /// The environment variable with the base URL of the login service.
    pub const LOGIN_URL: &str = "LOGIN_URL";
    /// The environment variable with the language of notifications that belong to no onboarding.
    pub const NOTIFICATION_LANGUAGE: &str = "NOTIFICATION_LANGUAGE";
    /// The environment variable with the ARN of the permissions boundary of the role that users assume when they sign
    /// in.
    pub const PERMISSIONS_BOUNDARY: &str = "PERMISSIONS_BOUNDARY";
    /// The environment variable that determines when a certificate is replaced: the number of days before its expiry.
    pub const CERTIFICATE_ROTATION_DAYS: &str = "CERTIFICATE_ROTATION_DAYS";

    /// The environment variable with the number of hours after which a scheduled sync makes a full comparison. If the
    /// variable is not set or is 0, every sync makes a full comparison.
    pub const FULL_COMPARISON_HOURS: &str = "FULL_COMPARISON_HOURS";

    /// Reads the settings with the function `var`, which reads environment variables except in tests.
    #[must_use]
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        Self {
            graph_credential: var(Self::GRAPH_CREDENTIAL),
            required: Required::read(var),
            graph_identity: var(Self::GRAPH_IDENTITY).and_then(|name| Identity::from_name(&name)),
            graph_tenant_id: var(Self::GRAPH_TENANT_ID),
            setup: Registration::read(Identity::Setup, var),
            runtime: Registration::read(Identity::Runtime, var),
            token_audience: var(Self::TOKEN_AUDIENCE),
            function_name: var(Self::FUNCTION_NAME),
            graph_url: var(Self::GRAPH_URL),
            login_url: var(Self::LOGIN_URL),
            language: match var(Self::NOTIFICATION_LANGUAGE).as_deref() {
                Some("ja") => Language::Ja,
                _ => Language::En,
            },
            permissions_boundary: var(Self::PERMISSIONS_BOUNDARY),
            certificate_rotation_days: var(Self::CERTIFICATE_ROTATION_DAYS),
            full_comparison_hours: var(Self::FULL_COMPARISON_HOURS),
            clock: Clock::read(var),
        }
    }

    /// Returns the settings of this process.
    #[must_use]
    pub fn from_env() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Returns the Entra identity with which the function signs in to Graph. The default is the runtime identity, which
    /// has fewer permissions than the setup identity.
    #[must_use]
    pub fn graph_identity(&self) -> Identity {
        self.graph_identity.unwrap_or(Identity::Runtime)
    }

    /// Returns how an Entra identity signs in to Graph.
    ///
    /// # Errors
    /// `InvalidInput` if the stack has no credential settings for the Entra identity.
    pub fn sign_in(&self, identity: Identity) -> Result<SignIn<'_>, StepError> {
        let own = match identity {
            Identity::Setup => &self.setup,
            Identity::Runtime => &self.runtime,
        };
        if let Some(client_id) = own.client_id.as_deref() {
            return Ok(SignIn::Keyless {
                tenant_id: required(self.graph_tenant_id.as_deref(), Self::GRAPH_TENANT_ID)?,
                client_id,
                role: required(own.role.as_deref(), &Registration::variable(identity, "ROLE"))?,
            });
        }
        let secret = own.secret.as_deref().or(self.graph_credential.as_deref()).map(SignIn::Secret);
        secret.ok_or_else(|| {
            let (client, secret) = match identity {
                Identity::Setup => ("SetupClientId", "SetupCredentialSecret"),
                Identity::Runtime => ("RuntimeClientId", "RuntimeCredentialSecret"),
            };
            StepError::invalid_input(format!(
                "the stack has no credential for Microsoft Graph with the {identity} identity; deploy the stack \
                 with {client} or {secret} (`onboard entra-setup` prints the commands that create them)"
            ))
        })
    }

    /// Returns the audience of the tokens with which an Entra identity signs in without a secret.
    #[must_use]
    pub fn token_audience(&self) -> &str {
        self.token_audience.as_deref().unwrap_or(TOKEN_AUDIENCE)
    }

    /// Returns the clock for the waits of the function.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns the name of the function, which appears in AWS's logs.
    #[must_use]
    pub fn function_name(&self) -> &str {
        self.function_name.as_deref().unwrap_or("connect-onboarding")
    }

    /// Returns the user agent for requests to Microsoft, which appears in Microsoft's activity logs. The user agent
    /// consists of the name of the program and its version. In Lambda, the user agent also contains the name of the
    /// function as a comment (RFC 9110, section 10.1.5).
    #[must_use]
    pub fn user_agent(&self) -> String {
        let function = self.function_name.as_deref().map_or_else(String::new, |name| format!(" ({name})"));
        format!("connect-onboarding/{}{function}", env!("CARGO_PKG_VERSION"))
    }

    /// Returns the base URL of Microsoft Graph, without `/v1.0` and without a trailing slash.
    #[must_use]
    pub fn graph_url(&self) -> &str {
        self.graph_url.as_deref().unwrap_or("https://graph.microsoft.com").trim_end_matches('/')
    }

    /// Returns the base URL of the login service, without a trailing slash.
    #[must_use]
    pub fn login_url(&self) -> &str {
        self.login_url.as_deref().unwrap_or("https://login.microsoftonline.com").trim_end_matches('/')
    }

    /// Returns the language of notifications that belong to no onboarding.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Returns the ARN of the permissions boundary of the role that users assume when they sign in, if the stack has a
    /// permissions boundary.
    #[must_use]
    pub fn permissions_boundary(&self) -> Option<&str> {
        self.permissions_boundary.as_deref()
    }

    /// Returns the period after which a scheduled sync makes a full comparison. Zero means that every sync makes a full
    /// comparison.
    ///
    /// # Errors
    /// `Internal` if the value of the variable is not a number.
    pub fn full_comparison_period(&self) -> Result<Duration, StepError> {
        let Some(text) = self.full_comparison_hours.as_deref() else { return Ok(Duration::ZERO) };
        let hours: u64 = text
            .parse()
            .map_err(|_| StepError::internal(format!("{} is not a number", Self::FULL_COMPARISON_HOURS)))?;
        Ok(self.clock.wait(Duration::from_secs(hours * 3600)))
    }

    /// Returns when a signing certificate is replaced, as the number of days before its expiry.
    ///
    /// # Errors
    /// `Internal` if the variable is not set, or if its value is not a number.
    pub fn certificate_rotation_days(&self) -> Result<i64, StepError> {
        let text = required(self.certificate_rotation_days.as_deref(), Self::CERTIFICATE_ROTATION_DAYS)?;
        text.parse().map_err(|_| StepError::internal(format!("{} is not a number", Self::CERTIFICATE_ROTATION_DAYS)))
    }
}

impl Registration {
    fn read(identity: Identity, var: impl Fn(&str) -> Option<String>) -> Self {
        let own = |name: &str| var(&Self::variable(identity, name));
        Self { client_id: own("CLIENT_ID"), role: own("ROLE"), secret: own("SECRET") }
    }

    /// Returns the name of an environment variable for an Entra identity, for example `GRAPH_SETUP_CLIENT_ID` or
    /// `GRAPH_RUNTIME_SECRET`.
    fn variable(identity: Identity, name: &str) -> String {
        format!("GRAPH_{}_{name}", identity.name().to_uppercase())
    }
}

fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, StepError> {
    value.ok_or_else(|| {
        StepError::internal(format!(
            "the environment variable {name} is not set; deploy the stack from template.yaml, which sets it"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::read(|name| pairs.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn an_identity_uses_its_own_credential_or_else_the_shared_secret() {
        let settings = settings(&[
            (Settings::GRAPH_CREDENTIAL, "shared"),
            (Settings::GRAPH_TENANT_ID, "tenant"),
            ("GRAPH_SETUP_CLIENT_ID", "client"),
            ("GRAPH_SETUP_ROLE", "role"),
        ]);
        let keyless = SignIn::Keyless { tenant_id: "tenant", client_id: "client", role: "role" };
        assert_eq!(settings.sign_in(Identity::Setup), Ok(keyless));
        assert_eq!(settings.sign_in(Identity::Runtime), Ok(SignIn::Secret("shared")));
    }

    #[test]
    fn the_error_for_a_missing_identity_names_the_parameter_to_set() {
        let settings = settings(&[("GRAPH_RUNTIME_SECRET", "own")]);
        assert!(settings.sign_in(Identity::Setup).is_err_and(|error| error.message.contains("SetupClientId")));
    }

    #[test]
    fn the_default_identity_is_the_one_with_fewer_permissions() {
        assert_eq!(settings(&[]).graph_identity(), Identity::Runtime);
        assert_eq!(settings(&[(Settings::GRAPH_IDENTITY, "setup")]).graph_identity(), Identity::Setup);
    }

    #[test]
    fn a_missing_variable_is_reported_when_it_is_needed() {
        let settings = Settings::read(|_| None);
        assert!(settings.registry_table().is_err_and(|error| error.message.contains("REGISTRY_TABLE")));
        assert_eq!(settings.graph_url(), "https://graph.microsoft.com");
    }

    #[test]
    fn an_empty_variable_counts_as_missing() {
        let settings = Settings::read(|_| Some(String::new()));
        assert_eq!(settings.login_url(), "https://login.microsoftonline.com");
        assert!(settings.storage_bucket().is_err());
    }
}
