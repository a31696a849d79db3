//! The HTTP client of the emulator. It forwards requests unchanged, and makes the calls that the stand-in itself needs.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::stand_in::aws_error::{Protocol, Refusal};
use crate::stand_in::http::{Request, Response};

/// Headers that apply only to one connection, so they are not forwarded.
const HOP: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// How long an unused connection is kept. The emulator closes a connection after 75 seconds. A request that is sent at
/// that moment would fail, so the client closes its connections earlier.
const IDLE: Duration = Duration::from_secs(30);
/// Maximum number of attempts of a call that the stand-in itself needs.
const MAX_TRIES: usize = 3;

/// A client of the emulator.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    url: String,
    region: String,
    client: reqwest::Client,
}

impl Upstream {
    /// # Errors
    /// Fails if the HTTP client cannot be created.
    pub(crate) fn new(url: &str, region: &str) -> Result<Self, reqwest::Error> {
        // The emulator is on loopback and has no TLS.
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]).pool_idle_timeout(IDLE);
        let client = builder.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), region: region.to_owned(), client })
    }

    /// Returns the emulator's unchanged response to the request. Returns status 503 if the emulator does not respond.
    pub(crate) async fn pass(&self, request: &Request, protocol: Protocol) -> Response {
        self.send(request).await.unwrap_or_else(|error| self.unavailable(&error, protocol))
    }

    /// Sends a request of the stand-in itself. The request only reads, so it can be repeated if the emulator does not
    /// respond.
    async fn read(&self, request: &Request, protocol: Protocol) -> Response {
        for _ in 1..MAX_TRIES {
            if let Ok(answer) = self.send(request).await {
                return answer;
            }
        }
        self.pass(request, protocol).await
    }

    fn unavailable(&self, error: &reqwest::Error, protocol: Protocol) -> Response {
        let mut message = format!("The emulator at {} does not respond: {error}", self.url);
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Refusal::new(503, "ServiceUnavailable", format!("{message}. Is it running?")).answer(protocol)
    }

    async fn send(&self, request: &Request) -> Result<Response, reqwest::Error> {
        let query: Vec<String> = request.query.iter().map(|(name, value)| pair(name, value)).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{}{mark}{}", self.url, request.path, query.join("&"));
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            // The HTTP client itself sets the header `content-length`. The header `expect` is not sent, because the
            // body has already been received.
            if HOP.contains(&name.as_str()) || matches!(name.as_str(), "content-length" | "expect") {
                continue;
            }
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
        // Some policies require TLS. For these policies, a connection over loopback counts as a TLS connection.
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap_or(reqwest::Method::GET);
        let answer = self.client.request(method, url).headers(headers).body(request.body.clone()).send().await?;
        let status = answer.status().as_u16();
        let head = request.method == "HEAD";
        let kept = |name: &str| !HOP.contains(&name) && (head || name != "content-length");
        let headers = answer
            .headers()
            .iter()
            .filter(|(name, _)| kept(name.as_str()))
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok(Response { status, headers, body: answer.bytes().await?.to_vec(), broken: false })
    }

    /// Calls a read operation of a service with AWS's query protocol. Used only for calls that the stand-in itself
    /// needs, not for calls of a function.
    pub(crate) async fn query(&self, service: &str, form: &[(&str, &str)]) -> Response {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request {
            method: "POST".into(),
            path: "/".into(),
            query: Vec::new(),
            headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
            body: body.into_bytes(),
        };
        self.read(&self.operators(&request, service), Protocol::Query).await
    }

    /// Calls a read operation of a service with an AWS JSON protocol. Used only for calls that the stand-in itself
    /// needs, not for calls of a function.
    pub(crate) async fn json(&self, service: &str, target: &str, input: &serde_json::Value) -> Response {
        let request = Request {
            method: "POST".into(),
            path: "/".into(),
            query: Vec::new(),
            headers: vec![
                ("content-type".into(), "application/x-amz-json-1.0".into()),
                ("x-amz-target".into(), target.into()),
            ],
            body: input.to_string().into_bytes(),
        };
        self.read(&self.operators(&request, service), Protocol::Json).await
    }

    /// Replaces the access key in the request with the operator's access key. The emulator allows the operator every
    /// operation.
    pub(crate) fn operators(&self, request: &Request, service: &str) -> Request {
        let mut request = request.clone();
        request.headers.retain(|(name, _)| !matches!(name.as_str(), "authorization" | "x-amz-security-token"));
        let scope = format!("Credential=test/20260101/{}/{service}/aws4_request", self.region);
        let signature = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
        request.headers.push(("authorization".into(), signature));
        request
    }

    /// Reads a resource of a service with a REST protocol. Used only for calls that the stand-in itself needs, not for
    /// calls of a function.
    pub(crate) async fn get(&self, service: &str, path: &str, query: Vec<(String, String)>) -> Response {
        let request = Request { method: "GET".into(), path: path.into(), query, headers: Vec::new(), body: Vec::new() };
        self.read(&self.operators(&request, service), Protocol::RestJson).await
    }
}

/// Encodes a query parameter as AWS clients do, so that the signature remains valid. A parameter without a value
/// (`?acl`) has no equals sign, and a space is encoded as `%20`.
fn pair(name: &str, value: &str) -> String {
    const PLAIN: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let encode = |text| percent_encoding::utf8_percent_encode(text, &PLAIN).to_string();
    if value.is_empty() { encode(name) } else { format!("{}={}", encode(name), encode(value)) }
}
