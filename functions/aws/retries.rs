//! Clients that send a request only once, for requests that the SDK must not repeat.

use aws_config::retry::RetryConfig;

/// A client from which a copy without retries can be created. The copy sends each request only once.
///
/// The SDK repeats a request after a timeout, a lost connection, or status 500, 502, 503 or 504, regardless of the
/// operation (`aws-smithy-runtime`: `TransientErrorClassifier`, `HttpStatusCodeClassifier`). However, AWS may have
/// completed the first request. If a request has neither a client token nor a unique name, the repeated request can
/// create a second object. So such a request is sent only once. The next attempt of the step, or the next poll, first
/// reads whether the object exists.
pub trait WithoutRetries {
    /// Returns a copy of the client without the SDK's retries.
    #[must_use]
    fn without_retries(&self) -> Self;
}

macro_rules! clients {
    ($($sdk:ident),*) => {$(
        impl WithoutRetries for $sdk::Client {
            fn without_retries(&self) -> Self {
                Self::from_conf(self.config().to_builder().retry_config(RetryConfig::disabled()).build())
            }
        }
    )*};
}

clients!(aws_sdk_connect, aws_sdk_iam, aws_sdk_support);
