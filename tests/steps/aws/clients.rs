//! SDK clients for the tests. All services have the same base URL, and the credentials are static. There are no SDK
//! retries, so that a test sees each call of a step.

use std::time::Duration;

use crate::steps::support::sdk_config;
use aws_config::retry::RetryConfig;
use connect_onboarding::{context::Context, runtime::settings::Settings};

/// The bucket for recordings, transcripts and reports.
pub(crate) const BUCKET: &str = "acme-connect-storage";
/// The bucket for the identity documents of phone number orders.
pub(crate) const DOCUMENTS: &str = "acme-documents";
/// The KMS key of the stack.
pub(crate) const KEY: &str = "arn:aws:kms:ap-northeast-1:111122223333:key/6f9d2f6e-0000-4000-8000-000000000001";

/// Clients that send every call to `url`.
pub(crate) fn on(url: &str) -> Context {
    let settings = Settings::read(|name| match name {
        Settings::GRAPH_CREDENTIAL => Some("graph-credential".into()),
        Settings::GRAPH_URL | Settings::LOGIN_URL => Some(url.into()),
        Settings::STORAGE_BUCKET => Some(BUCKET.into()),
        Settings::DOCUMENTS_BUCKET => Some(DOCUMENTS.into()),
        Settings::STORAGE_KEY_ARN => Some(KEY.into()),
        Settings::REGISTRY_TABLE => Some("registry".into()),
        _ => None,
    });
    with(url, settings)
}

/// The same clients as [`on`], but with the same SDK retries as in the functions. The waits before these retries are
/// shorter.
pub(crate) fn with_retries(url: &str) -> Context {
    let short = Duration::from_millis(1);
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(short).with_max_backoff(short);
    let config = sdk_config(url).into_builder().retry_config(retries);
    Context::new(config.build(), on(url).settings)
}

/// Clients that send every call to `url`, with these settings.
pub(crate) fn with(url: &str, settings: Settings) -> Context {
    let config = sdk_config(url).into_builder().retry_config(RetryConfig::disabled());
    Context::new(config.build(), settings)
}
