//! The environment of a function, read in this one place. template.yaml sets it.

use onboarding_core::{StepError, onboarding::Language};

/// What the functions are configured with. Each function reads what it needs; a missing variable is named when it is
/// needed.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    graph_credential: Option<String>,
    graph_url: Option<String>,
    login_url: Option<String>,
    registry_table: Option<String>,
    storage_bucket: Option<String>,
    storage_key_arn: Option<String>,
    documents_bucket: Option<String>,
    client_state_secret: Option<String>,
    event_bus: Option<String>,
    notification_url: Option<String>,
    user_sync_state_machine: Option<String>,
    notification_topic: Option<String>,
    language: Option<String>,
    permissions_boundary: Option<String>,
}

impl Settings {
    /// The name of the variable that holds the ARN or name of the secret with the Graph credential.
    pub const GRAPH_CREDENTIAL: &str = "GRAPH_CREDENTIAL_SECRET";
    /// The variable with Microsoft Graph's base URL, without `/v1.0`.
    pub const GRAPH_URL: &str = "GRAPH_URL";
    /// The variable with the login service's base URL.
    pub const LOGIN_URL: &str = "LOGIN_URL";
    /// The variable with the registry's table name.
    pub const REGISTRY_TABLE: &str = "REGISTRY_TABLE";
    /// The variable with the bucket for what instances store.
    pub const STORAGE_BUCKET: &str = "STORAGE_BUCKET";
    /// The variable with the ARN of the key that encrypts it.
    pub const STORAGE_KEY_ARN: &str = "STORAGE_KEY_ARN";
    /// The variable with the bucket for the documents of number orders.
    pub const DOCUMENTS_BUCKET: &str = "DOCUMENTS_BUCKET";
    /// The variable with the ARN or name of the secret that holds the key of the client states.
    pub const CLIENT_STATE_SECRET: &str = "CLIENT_STATE_SECRET";
    /// The variable with the event bus's name.
    pub const EVENT_BUS: &str = "EVENT_BUS";
    /// The variable with the URL that Graph calls.
    pub const NOTIFICATION_URL: &str = "NOTIFICATION_URL";
    /// The variable with the ARN of the user sync's state machine.
    pub const USER_SYNC_STATE_MACHINE: &str = "USER_SYNC_STATE_MACHINE";
    /// The variable with the ARN of the topic for messages to people.
    pub const NOTIFICATION_TOPIC: &str = "NOTIFICATION_TOPIC";
    /// The variable with the language of messages that belong to no onboarding.
    pub const NOTIFICATION_LANGUAGE: &str = "NOTIFICATION_LANGUAGE";

    /// The variable with the ARN of the permissions boundary of the federation role.
    pub const PERMISSIONS_BOUNDARY: &str = "PERMISSIONS_BOUNDARY";

    /// Reads the settings through `var`, in production the process environment.
    #[must_use]
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        Self {
            graph_credential: var(Self::GRAPH_CREDENTIAL),
            graph_url: var(Self::GRAPH_URL),
            login_url: var(Self::LOGIN_URL),
            registry_table: var(Self::REGISTRY_TABLE),
            storage_bucket: var(Self::STORAGE_BUCKET),
            storage_key_arn: var(Self::STORAGE_KEY_ARN),
            documents_bucket: var(Self::DOCUMENTS_BUCKET),
            client_state_secret: var(Self::CLIENT_STATE_SECRET),
            event_bus: var(Self::EVENT_BUS),
            notification_url: var(Self::NOTIFICATION_URL),
            user_sync_state_machine: var(Self::USER_SYNC_STATE_MACHINE),
            notification_topic: var(Self::NOTIFICATION_TOPIC),
            language: var(Self::NOTIFICATION_LANGUAGE),
            permissions_boundary: var(Self::PERMISSIONS_BOUNDARY),
        }
    }

    /// The settings of this process.
    #[must_use]
    pub fn from_env() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The secret with the Graph credential.
    ///
    /// # Errors
    /// `Internal` where the variable is not set; so do all below.
    pub fn graph_credential(&self) -> Result<&str, StepError> {
        required(self.graph_credential.as_deref(), Self::GRAPH_CREDENTIAL)
    }

    /// Microsoft Graph's base URL, without `/v1.0` and without a slash at its end.
    #[must_use]
    pub fn graph_url(&self) -> &str {
        self.graph_url.as_deref().unwrap_or("https://graph.microsoft.com").trim_end_matches('/')
    }

    /// The login service's base URL, without a slash at its end.
    #[must_use]
    pub fn login_url(&self) -> &str {
        self.login_url.as_deref().unwrap_or("https://login.microsoftonline.com").trim_end_matches('/')
    }

    /// The registry's table.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn registry_table(&self) -> Result<&str, StepError> {
        required(self.registry_table.as_deref(), Self::REGISTRY_TABLE)
    }

    /// The bucket for what instances store.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn storage_bucket(&self) -> Result<&str, StepError> {
        required(self.storage_bucket.as_deref(), Self::STORAGE_BUCKET)
    }

    /// The bucket for the documents of number orders.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn documents_bucket(&self) -> Result<&str, StepError> {
        required(self.documents_bucket.as_deref(), Self::DOCUMENTS_BUCKET)
    }

    /// The secret with the key of the client states.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn client_state_secret(&self) -> Result<&str, StepError> {
        required(self.client_state_secret.as_deref(), Self::CLIENT_STATE_SECRET)
    }

    /// The event bus.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn event_bus(&self) -> Result<&str, StepError> {
        required(self.event_bus.as_deref(), Self::EVENT_BUS)
    }

    /// The URL that Graph calls when members of a group change.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn notification_url(&self) -> Result<&str, StepError> {
        required(self.notification_url.as_deref(), Self::NOTIFICATION_URL)
    }

    /// The user sync's state machine.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn user_sync_state_machine(&self) -> Result<&str, StepError> {
        required(self.user_sync_state_machine.as_deref(), Self::USER_SYNC_STATE_MACHINE)
    }

    /// The topic for messages to people.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn notification_topic(&self) -> Result<&str, StepError> {
        required(self.notification_topic.as_deref(), Self::NOTIFICATION_TOPIC)
    }

    /// The language of messages that belong to no onboarding.
    #[must_use]
    pub fn language(&self) -> Language {
        if self.language.as_deref() == Some("ja") { Language::Ja } else { Language::En }
    }

    /// The permissions boundary of the federation role, where the stack has one.
    #[must_use]
    pub fn permissions_boundary(&self) -> Option<&str> {
        self.permissions_boundary.as_deref()
    }

    /// The key that encrypts what instances store.
    ///
    /// # Errors
    /// `Internal` where the variable is not set.
    pub fn storage_key_arn(&self) -> Result<&str, StepError> {
        required(self.storage_key_arn.as_deref(), Self::STORAGE_KEY_ARN)
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

    #[test]
    fn a_missing_variable_is_named_when_it_is_needed() {
        let settings = Settings::read(|_| None);
        assert!(settings.registry_table().is_err_and(|error| error.message.contains("REGISTRY_TABLE")));
        assert_eq!(settings.graph_url(), "https://graph.microsoft.com");
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none() {
        let settings = Settings::read(|_| Some(String::new()));
        assert_eq!(settings.login_url(), "https://login.microsoftonline.com");
        assert!(settings.storage_bucket().is_err());
    }
}
