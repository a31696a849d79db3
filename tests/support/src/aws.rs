//! Builds requests in the AWS protocols without the SDK, so that a test controls each header and each byte of the body.

use std::sync::LazyLock;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// The HTTP client of all tests. A client per request would parse the system's certificates each time, which would take
/// a quarter of the tests' processor time. The client keeps no idle connections, because a connection belongs to the
/// runtime of one test.
///
/// # Panics
///
/// Panics if the client cannot be created.
pub fn http() -> &'static Client {
    static HTTP: LazyLock<Client> =
        LazyLock::new(|| Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap());
    &HTTP
}

/// An endpoint that serves AWS APIs: the emulator or the stand-in.
#[derive(Clone, Copy, Debug)]
pub struct Aws<'a> {
    /// The URL without a slash at its end.
    pub url: &'a str,
    /// The Region in the signatures of the requests.
    pub region: &'a str,
}

/// A response of an AWS API.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The error code from the header or from the JSON body; empty if neither contains one.
    pub code: String,
    /// The body of the response.
    pub text: String,
}

impl Aws<'_> {
    /// A request to a service. The endpoints read the service and the Region from the signature, and do not verify the
    /// signature.
    ///
    /// # Panics
    ///
    /// Panics if the HTTP method is invalid.
    pub fn request(&self, service: &str, method: &str, path: &str) -> RequestBuilder {
        let scope = format!("test/20260101/{}/{service}/aws4_request", self.region);
        http()
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
    }

    /// Calls an operation in the JSON protocol.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Response {
        let request = self.request(service, "POST", "/").header("x-amz-target", target);
        send(request.header("content-type", "application/x-amz-json-1.0").body(body.to_string())).await
    }

    /// Calls an operation in the REST protocol. `null` is an empty body.
    pub async fn rest(&self, service: &str, method: &str, path: &str, body: &Value) -> Response {
        self.rest_with(service, method, path, body, &[]).await
    }

    /// Calls an operation in the REST protocol with additional headers.
    pub async fn rest_with(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&'static str, &'static str)],
    ) -> Response {
        let request = self.request(service, method, path).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        send(request.body(if body.is_null() { String::new() } else { body.to_string() })).await
    }

    /// Calls an operation in the query protocol, whose responses are XML.
    pub async fn query(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> Response {
        let form: Vec<(&str, &str)> = [("Action", action)].into_iter().chain(fields.iter().copied()).collect();
        send(self.request(service, "POST", "/").form(&form)).await
    }
}

impl Response {
    /// Whether the status is a success.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        self.status / 100 == 2
    }

    /// The response, which must be a success.
    ///
    /// # Panics
    ///
    /// Panics if the response is an error. The panic message describes the call.
    #[must_use]
    pub fn success(self, call: &str) -> Self {
        assert!(self.succeeded(), "{call}: {} {}", self.status, self.text);
        self
    }

    /// The body as JSON. `null` if the body is empty. A string if the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.text);
        parsed.unwrap_or_else(|_| if self.text.is_empty() { Value::Null } else { self.text.clone().into() })
    }
}

async fn send(request: RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let header = response.headers().get("x-amzn-errortype").map(|code| code.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let code = header.or_else(|| body["__type"].as_str().map(str::to_owned)).unwrap_or_default();
    Response { status, code, text }
}
