//! Calls AWS services without their SDK crates. The requests are signed with the signer of the SDK.
//!
//! The tool needs only one or two operations each of `CloudFormation`, SQS, SNS, `CloudWatch` and S3. The SDK crates of
//! these services have 350,000 lines. All other code that the workspace compiles is only three times as much. Compiling
//! these crates would therefore delay the first run of the local cloud.

use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_types::service_config::ServiceConfigKey;
use roxmltree::{Document, Node};
use serde_json::Value;

use super::error::{CommandError, chain};
use crate::words::Words;

/// The Region in the signature of a request to a service with one global endpoint.
const GLOBAL: &str = "us-east-1";
/// Maximum number of attempts for a call that is throttled, gets a server error, or gets no response.
const TRIES: u32 = 3;
/// Maximum duration of a call, without the time for uploading the request body.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The timeout of an upload is long enough for this upload speed, in bytes per second.
const SLOWEST_UPLOAD: u64 = 16 * 1024;

/// An AWS service, with its names in endpoints (`host`), in signatures (`signs_as`) and in the AWS configuration
/// (`id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    host: &'static str,
    signs_as: &'static str,
    id: &'static str,
    /// Whether one endpoint, `host`, serves all Regions.
    global: bool,
}

/// The service CloudFormation.
pub const CLOUD_FORMATION: Service =
    Service { host: "cloudformation", signs_as: "cloudformation", id: "CloudFormation", global: false };
/// The service SQS.
pub const SQS: Service = Service { host: "sqs", signs_as: "sqs", id: "SQS", global: false };
/// The service SNS.
pub const SNS: Service = Service { host: "sns", signs_as: "sns", id: "SNS", global: false };
/// The service CloudWatch.
pub const CLOUD_WATCH: Service =
    Service { host: "monitoring", signs_as: "monitoring", id: "CloudWatch", global: false };
/// The service CloudWatch Logs.
pub const LOGS: Service = Service { host: "logs", signs_as: "logs", id: "CloudWatch Logs", global: false };
/// The service CloudTrail.
pub const CLOUD_TRAIL: Service =
    Service { host: "cloudtrail", signs_as: "cloudtrail", id: "CloudTrail", global: false };
/// The service Lambda.
pub const LAMBDA: Service = Service { host: "lambda", signs_as: "lambda", id: "Lambda", global: false };
/// The service Systems Manager.
const SSM: Service = Service { host: "ssm", signs_as: "ssm", id: "SSM", global: false };
/// The service Amazon Connect.
pub const CONNECT: Service = Service { host: "connect", signs_as: "connect", id: "Connect", global: false };
/// The service Service Quotas.
pub const QUOTAS: Service =
    Service { host: "servicequotas", signs_as: "servicequotas", id: "Service Quotas", global: false };
/// The service STS.
pub const STS: Service = Service { host: "sts", signs_as: "sts", id: "STS", global: false };
/// IAM, which has one global endpoint.
pub const IAM: Service = Service { host: "iam", signs_as: "iam", id: "IAM", global: true };
/// AWS Support, which has one global endpoint.
pub const SUPPORT: Service = Service { host: "support.us-east-1", signs_as: "support", id: "Support", global: true };
/// The service S3.
const S3: Service = Service { host: "s3", signs_as: "s3", id: "S3", global: false };

/// A client for signed calls to AWS services.
#[derive(Debug)]
pub struct Signed {
    config: SdkConfig,
    http: reqwest::Client,
    words: Words,
}

/// A call to an AWS service.
struct Call<'a> {
    service: Service,
    method: reqwest::Method,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: &'a [u8],
    doing: &'a str,
}

impl Signed {
    /// Creates a client that uses the Region, the credentials and the endpoints of this SDK configuration.
    #[must_use]
    pub fn new(config: SdkConfig, words: Words) -> Self {
        let http = reqwest::Client::builder().timeout(CALL_TIMEOUT).build().unwrap_or_default();
        Self { config, http, words }
    }

    /// Creates a client for another Region.
    #[must_use]
    pub fn in_region(config: &SdkConfig, region: &str, words: Words) -> Self {
        Self::new(config.to_builder().region(Region::new(region.to_owned())).build(), words)
    }

    /// Calls an operation of the query protocol (CloudFormation, SNS, CloudWatch) and returns the XML response.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn query(
        &self,
        service: Service,
        doing: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, CommandError> {
        let body =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let url = format!("{}/", self.endpoint(service));
        self.send(Call { service, method: reqwest::Method::POST, url, headers, body: body.as_bytes(), doing }).await
    }

    /// Calls an SQS operation with the JSON protocol.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn sqs(&self, doing: &str, operation: &str, input: &Value) -> Result<Value, CommandError> {
        self.json(SQS, doing, ("1.0", &format!("AmazonSQS.{operation}")), input).await
    }

    /// Calls an operation of CloudWatch Logs with the JSON protocol.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn logs(&self, doing: &str, operation: &str, input: &Value) -> Result<Value, CommandError> {
        self.json(LOGS, doing, ("1.1", &format!("Logs_20140328.{operation}")), input).await
    }

    /// Calls an operation of Systems Manager with the JSON protocol.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn ssm(&self, doing: &str, operation: &str, input: &Value) -> Result<Value, CommandError> {
        self.json(SSM, doing, ("1.1", &format!("AmazonSSM.{operation}")), input).await
    }

    /// Calls an operation of CloudTrail with the JSON protocol.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn cloud_trail(&self, doing: &str, operation: &str, input: &Value) -> Result<Value, CommandError> {
        let target = format!("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.{operation}");
        self.json(CLOUD_TRAIL, doing, ("1.1", &target), input).await
    }

    /// Calls an operation with the AWS JSON protocol. `target` contains the version of the protocol and the value of
    /// the header `x-amz-target`.
    async fn json(
        &self,
        service: Service,
        doing: &str,
        (version, target): (&str, &str),
        input: &Value,
    ) -> Result<Value, CommandError> {
        let body = input.to_string();
        let headers =
            vec![("content-type", format!("application/x-amz-json-{version}")), ("x-amz-target", target.to_owned())];
        let url = format!("{}/", self.endpoint(service));
        let call = Call { service, method: reqwest::Method::POST, url, headers, body: body.as_bytes(), doing };
        let answer = self.send(call).await?;
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    /// Returns the configuration of a Lambda function.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn function_configuration(&self, doing: &str, function: &str) -> Result<Value, CommandError> {
        self.lambda(doing, &format!("/2015-03-31/functions/{}/configuration", encode(function))).await
    }

    /// Returns the limits of the account for Lambda (`GetAccountSettings`).
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn lambda_account(&self, doing: &str) -> Result<Value, CommandError> {
        self.lambda(doing, "/2016-08-19/account-settings/").await
    }

    async fn lambda(&self, doing: &str, path: &str) -> Result<Value, CommandError> {
        let url = format!("{}{path}", self.endpoint(LAMBDA));
        let call = Call { service: LAMBDA, method: reqwest::Method::GET, url, headers: Vec::new(), body: b"", doing };
        Ok(serde_json::from_str(&self.send(call).await?).unwrap_or_default())
    }

    /// Calls an operation of the REST JSON protocol with POST and returns the JSON response.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond. If an error response contains no error code, the
    /// name of the returned error is the HTTP status.
    pub async fn rest_json(
        &self,
        service: Service,
        doing: &str,
        path: &str,
        input: &Value,
    ) -> Result<String, CommandError> {
        let body = input.to_string();
        let url = format!("{}{path}", self.endpoint(service));
        let headers = vec![("content-type", "application/json".to_owned())];
        self.send(Call { service, method: reqwest::Method::POST, url, headers, body: body.as_bytes(), doing }).await
    }

    /// Invokes a Lambda function and returns its output. If the function fails, the name of the returned
    /// [`CommandError`] is the error name of the function.
    ///
    /// # Errors
    /// Fails if the request is rejected or the function fails.
    pub async fn invoke(&self, doing: &str, function: &str, input: &Value) -> Result<Value, CommandError> {
        let body = input.to_string();
        let url = format!("{}/2015-03-31/functions/{}/invocations", self.endpoint(LAMBDA), encode(function));
        let headers = vec![("content-type", "application/json".to_owned())];
        let call = Call { service: LAMBDA, method: reqwest::Method::POST, url, headers, body: body.as_bytes(), doing };
        let answer: Value = serde_json::from_str(&self.send(call).await?).unwrap_or_default();
        match answer["errorType"].as_str() {
            Some(name) => {
                Err(CommandError::refused(self.words, doing, name, answer["errorMessage"].as_str().unwrap_or_default()))
            }
            None => Ok(answer),
        }
    }

    /// Sends a request once, without retries. Returns the HTTP status and the body, even for an error status.
    ///
    /// # Errors
    /// Fails if the service does not respond.
    pub async fn answer(
        &self,
        service: Service,
        (method, path): (reqwest::Method, &str),
        headers: Vec<(&'static str, String)>,
        body: &[u8],
    ) -> Result<(u16, String), CommandError> {
        let url = format!("{}{path}", self.endpoint(service));
        let doing = format!("{method} {path}");
        let call = Call { service, method, url, headers, body, doing: &doing };
        let unreached = |error: String| CommandError::unreached(self.words, &doing, &error);
        let answer = self.sent(&call).await.map_err(unreached)?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await.map_err(|error| unreached(chain(&error)))?))
    }

    /// Uploads an object to an S3 bucket.
    ///
    /// # Errors
    /// Fails if the service rejects the request or does not respond.
    pub async fn put(&self, doing: &str, bucket: &str, key: &str, body: &[u8]) -> Result<(), CommandError> {
        let url = self.object_url(bucket, key);
        let call = Call { service: S3, method: reqwest::Method::PUT, url, headers: Vec::new(), body, doing };
        self.send(call).await.map(drop)
    }

    /// Whether an object exists in an S3 bucket. Returns false if the request fails.
    pub async fn has_object(&self, bucket: &str, key: &str) -> bool {
        let url = self.object_url(bucket, key);
        let call = Call { service: S3, method: reqwest::Method::HEAD, url, headers: Vec::new(), body: b"", doing: key };
        self.sent(&call).await.is_ok_and(|answer| answer.status().is_success())
    }

    /// The URL of an object in an S3 bucket.
    #[must_use]
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        let key = key.split('/').map(encode).collect::<Vec<_>>().join("/");
        match self.configured(S3) {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            // A bucket name with dots must not be part of the host name, because S3's TLS certificate does not cover
            // such a host name.
            None if bucket.contains('.') => format!("{}/{bucket}/{key}", self.endpoint(S3)),
            None => format!("https://{bucket}.s3.{}.{}/{key}", self.region(), self.suffix()),
        }
    }

    async fn send(&self, call: Call<'_>) -> Result<String, CommandError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let (error, passing) = match self.once(&call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if !passing || tried >= TRIES {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(400 << tried)).await;
        }
    }

    /// Makes one attempt at a call. If the attempt fails, the `bool` next to the error states whether a retry can
    /// succeed.
    async fn once(&self, call: &Call<'_>) -> Result<String, (CommandError, bool)> {
        let unreached = |error: String, passing| (CommandError::unreached(self.words, call.doing, &error), passing);
        let answer = self.sent(call).await.map_err(|error| unreached(error, true))?;
        let status = answer.status();
        let in_header = answer.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok());
        let in_header = in_header.and_then(|code| code.split(':').next()).map(ToOwned::to_owned);
        let text = answer.text().await.map_err(|error| unreached(chain(&error), true))?;
        if status.is_success() {
            return Ok(text);
        }
        let (code, message) = refusal_with(&text, in_header).unwrap_or_else(|| (status.as_str().to_owned(), text));
        let passing = status.is_server_error() || status.as_u16() == 429 || code.contains("Throttl");
        Err((CommandError::refused(self.words, call.doing, &code, &message), passing))
    }

    async fn sent(&self, call: &Call<'_>) -> Result<reqwest::Response, String> {
        let signed = self.signed(call).await?;
        let upload = Duration::from_secs(call.body.len() as u64 / SLOWEST_UPLOAD);
        let request = self.http.request(call.method.clone(), &call.url).timeout(CALL_TIMEOUT + upload);
        let mut request = request.body(call.body.to_vec());
        for (name, value) in call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).chain(signed)
        {
            request = request.header(name, value);
        }
        request.send().await.map_err(|error| chain(&error))
    }

    async fn signed(&self, call: &Call<'_>) -> Result<Vec<(String, String)>, String> {
        let provider = self.config.credentials_provider().ok_or("there are no credentials")?;
        let identity = provider.provide_credentials().await.map_err(|error| chain(&error))?.into();
        let mut settings = SigningSettings::default();
        if call.service.id == "S3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let region = if call.service.global { GLOBAL.to_owned() } else { self.region() };
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(call.service.signs_as)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| chain(&error))?
            .into();
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(call.method.as_str(), &call.url, headers, SignableBody::Bytes(call.body))
            .map_err(|error| chain(&error))?;
        let (instructions, _) = sign(signable, &params).map_err(|error| chain(&error))?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The AWS Region to which the calls are sent.
    #[must_use]
    pub fn region(&self) -> String {
        self.config.region().map(ToString::to_string).unwrap_or_default()
    }

    fn suffix(&self) -> &'static str {
        if self.region().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
    }

    /// The endpoint URL of a service, without a slash at the end.
    pub(crate) fn endpoint(&self, service: Service) -> String {
        let region = if service.global { String::new() } else { format!(".{}", self.region()) };
        let own = || format!("https://{}{region}.{}", service.host, self.suffix());
        self.configured(service).map_or_else(own, |url| url.trim_end_matches('/').to_owned())
    }

    /// The endpoint that the AWS configuration sets for a service, determined as in the SDK: the setting for one
    /// service (for example `AWS_ENDPOINT_URL_SQS`) takes precedence over the setting for all services.
    fn configured(&self, service: Service) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = key.build().ok().and_then(|key| self.config.service_config()?.load_config(key));
        own.or_else(|| self.config.endpoint_url().map(ToOwned::to_owned))
    }
}

/// The text of the first XML element with this name below a node.
pub(crate) fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    elements(node, name).next().map(|found| found.text().unwrap_or_default().trim().to_owned())
}

/// The XML elements with this name below a node.
pub(crate) fn elements<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.descendants().filter(move |below| below.tag_name().name() == name)
}

/// Reads the error code and the message from an error response in XML or JSON.
pub(crate) fn refusal(text: &str) -> Option<(String, String)> {
    refusal_with(text, None)
}

/// Reads the error code and the message from an error response. In the REST JSON protocol, the code is in a header.
fn refusal_with(text: &str, in_header: Option<String>) -> Option<(String, String)> {
    if let Ok(json) = serde_json::from_str::<Value>(text) {
        let code = in_header.as_deref().or_else(|| json["__type"].as_str()).or_else(|| json["code"].as_str())?;
        let message = json["message"].as_str().or_else(|| json["Message"].as_str()).unwrap_or_default();
        return Some((code.rsplit('#').next().unwrap_or(code).to_owned(), message.to_owned()));
    }
    let xml = Document::parse(text).ok()?;
    Some((self::text(xml.root(), "Code")?, self::text(xml.root(), "Message").unwrap_or_default()))
}

fn encode(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEEP: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, KEEP).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_from_xml_and_from_json() {
        let xml = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack &quot;x&quot; does not exist</Message></Error></ErrorResponse>";
        assert_eq!(refusal(xml), Some(("ValidationError".into(), "Stack \"x\" does not exist".into())));
        let json = r#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}"#;
        assert_eq!(refusal(json), Some(("QueueDoesNotExist".into(), "no".into())));
        let json = r#"{"Message": "no"}"#;
        let denied = refusal_with(json, Some("AccessDeniedException".into()));
        assert_eq!(denied, Some(("AccessDeniedException".into(), "no".into())));
    }
}
