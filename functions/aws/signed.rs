//! Signs requests that no SDK client sends. This module signs them with the SDK's signer. The comment of each
//! [`Service`] states why no SDK client is used.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::HttpRequest};
use aws_smithy_types::body::SdkBody;
use aws_types::service_config::ServiceConfigKey;

/// A service whose requests this module signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Amazon S3. The SDK's client for S3 contains tables for all checksum algorithms, which would increase the size of
    /// the program by an eighth.
    S3,
    /// Amazon Connect. The latest version of the SDK crate does not contain all operations yet.
    Connect,
}

impl Service {
    /// The name of the service in signatures.
    const fn signing_name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Connect => "connect",
        }
    }

    /// The name of the service in the SDK's configuration.
    const fn id(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Connect => "Connect",
        }
    }

    /// Returns the configured endpoint. As in the SDK's clients, the endpoint that is configured for the service (for
    /// example `AWS_ENDPOINT_URL_S3`) takes precedence over the general endpoint.
    pub(super) fn configured_endpoint(self, config: &SdkConfig) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(self.id()).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let key = key.build().ok()?;
        let own = config.service_config().and_then(|services| services.load_config(key));
        let endpoint = own.or_else(|| config.endpoint_url().map(ToOwned::to_owned))?;
        Some(endpoint.trim_end_matches('/').to_owned())
    }

    /// S3 verifies the signature for the path exactly as it was sent, without a second URL encoding. S3 also requires
    /// the checksum of the body in a header.
    fn settings(self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        match self {
            Self::S3 => {
                settings.percent_encoding_mode = PercentEncodingMode::Single;
                settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
                settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            }
            Self::Connect => {}
        }
        settings
    }
}

/// The Region in the SDK's configuration.
pub(super) fn region(config: &SdkConfig) -> &str {
    config.region().map_or("us-east-1", |region| region.as_ref())
}

/// Returns a signed request. If `json` is given, the result is a POST request with this body. Otherwise, the result is
/// a GET request.
///
/// # Errors
/// If there are no credentials, or the request can't be built.
pub(super) async fn request(
    config: &SdkConfig,
    service: Service,
    url: &str,
    json: Option<String>,
) -> Result<HttpRequest, BoxError> {
    let provider = config.credentials_provider().ok_or("there are no credentials")?;
    let identity = provider.provide_credentials().await?.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region(config))
        .name(service.signing_name())
        .time(SystemTime::now())
        .settings(service.settings())
        .build()?
        .into();
    let (method, headers) = match json {
        Some(_) => ("POST", vec![("content-type", "application/json")]),
        None => ("GET", Vec::new()),
    };
    let body = json.unwrap_or_default();
    let signable = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(method)?;
    request.set_uri(url)?;
    for (name, value) in headers {
        request.headers_mut().try_insert(name, value)?;
    }
    for (name, value) in instructions.headers() {
        request.headers_mut().try_insert(name.to_owned(), value.to_owned())?;
    }
    Ok(request)
}

/// The configuration with which the tests in this folder sign requests.
#[cfg(test)]
pub(super) fn test_config(endpoint: Option<String>) -> SdkConfig {
    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")));
    config.set_endpoint_url(endpoint);
    config.build()
}
