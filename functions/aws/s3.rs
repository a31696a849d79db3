//! Reads S3 objects. `GetObject` is the only S3 operation that the product calls, and only one function calls it. This
//! module does not retry requests. Instead, the state machine retries the step if the name of the returned error allows
//! this.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpResponse};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    http::Http,
    signed::{self, Service},
};
use crate::runtime::clock::Clock;

/// The characters of a path that are percent-encoded: all characters except those that S3 does not encode when it
/// verifies a signature.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// Maximum time until S3 starts to respond.
const ANSWER: Duration = Duration::from_secs(20);
/// Maximum time for reading the content of an object.
const BODY: Duration = Duration::from_secs(30);

/// An object whose content has not been read yet.
#[derive(Debug)]
pub struct Object {
    /// The size in bytes.
    pub size: usize,
    body: SdkBody,
    clock: Clock,
}

impl Object {
    /// Reads the content. Returns `None` if the connection is lost or too slow.
    pub async fn read(self) -> Option<Vec<u8>> {
        let body =
            tokio::time::timeout(self.clock.timeout(BODY), ByteStream::new(self.body).collect()).await.ok()?.ok()?;
        Some(body.to_vec())
    }
}

/// The reason why S3 returned no object.
#[derive(Debug, Default)]
pub struct Refusal {
    /// S3's error code; `None` if S3 was not reached or its response can't be parsed.
    pub code: Option<String>,
    /// S3's request ID.
    pub request_id: Option<String>,
}

/// Requests an object.
///
/// # Errors
/// A [`Refusal`]. The [`Refusal`] does not contain S3's error message, because S3's error message contains the object
/// key.
pub async fn get(http: &Http, config: &SdkConfig, clock: Clock, bucket: &str, key: &str) -> Result<Object, Refusal> {
    let request = signed::request(config, Service::S3, &url(config, bucket, key), None).await;
    let request = request.map_err(|_| Refusal::default())?;
    let answer = tokio::time::timeout(clock.timeout(ANSWER), http.call(request)).await;
    let response = answer.ok().and_then(Result::ok).ok_or_else(Refusal::default)?;
    let header = |name: &str| response.headers().get(name).map(ToOwned::to_owned);
    if response.status().is_success() {
        let size = header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        return Ok(Object { size, body: response.into_body(), clock });
    }
    let request_id = header("x-amz-request-id");
    Err(Refusal { code: code(response, clock).await, request_id })
}

/// Returns the URL of the object. The host name of the URL contains the bucket name. If an endpoint is configured, the
/// path contains the bucket name instead.
fn url(config: &SdkConfig, bucket: &str, key: &str) -> String {
    let key = utf8_percent_encode(key, PATH);
    match Service::S3.configured_endpoint(config) {
        Some(endpoint) => format!("{endpoint}/{bucket}/{key}"),
        None => format!("https://{bucket}.s3.{}.amazonaws.com/{key}", signed::region(config)),
    }
}

async fn code(response: HttpResponse, clock: Clock) -> Option<String> {
    let body = Object { size: 0, body: response.into_body(), clock }.read().await?;
    let text = String::from_utf8_lossy(&body);
    let (_, after) = text.split_once("<Code>")?;
    Some(after.split_once("</Code>")?.0.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::aws::signed::test_config as config;
    use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{header_exists, path},
    };

    const KEY: &str = "acme/身分証 1+2.pdf";

    async fn get_from(server: &MockServer) -> Result<Object, Refusal> {
        get(&Http::new(Duration::from_secs(1)), &config(Some(server.uri())), Clock::default(), "documents", KEY).await
    }

    #[tokio::test]
    async fn an_object_is_fetched_by_its_encoded_key_with_a_signature() {
        let server = MockServer::start().await;
        Mock::given(path("/documents/acme/%E8%BA%AB%E5%88%86%E8%A8%BC%201%2B2.pdf"))
            .and(header_exists("authorization"))
            .and(header_exists("x-amz-content-sha256"))
            .respond_with(ResponseTemplate::new(200).set_body_bytes(*b"%PDF-1.7"))
            .mount(&server)
            .await;
        let object = get_from(&server).await.unwrap();
        assert_eq!(object.size, 8);
        assert_eq!(object.read().await.unwrap(), b"%PDF-1.7");
    }

    #[tokio::test]
    async fn a_refusal_has_the_code_and_the_request_id_but_not_the_message() {
        let server = MockServer::start().await;
        let body = "<Error><Code>NoSuchKey</Code><Message>no</Message><Key>secret</Key></Error>";
        let answer = ResponseTemplate::new(404).insert_header("x-amz-request-id", "R1").set_body_string(body);
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        let refusal = get_from(&server).await.unwrap_err();
        assert_eq!((refusal.code.as_deref(), refusal.request_id.as_deref()), (Some("NoSuchKey"), Some("R1")));
        assert!(!format!("{refusal:?}").contains("secret"));
    }

    #[derive(Debug)]
    struct Own;

    impl LoadServiceConfig for Own {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            (key.service_id() == "S3").then(|| "http://own".into())
        }
    }

    #[test]
    fn the_endpoint_of_s3_takes_precedence_over_the_general_endpoint() {
        let config = config(Some("http://all".into())).into_builder().service_config(Own).build();
        assert_eq!(url(&config, "documents", "a"), "http://own/documents/a");
    }

    #[test]
    fn without_an_endpoint_the_url_has_the_host_name_of_the_bucket() {
        let url = url(&config(None), "documents", "a/b c");
        assert_eq!(url, "https://documents.s3.ap-northeast-1.amazonaws.com/a/b%20c");
    }
}
