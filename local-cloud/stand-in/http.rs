//! The request and response types of all services of the local cloud. These types do not depend on the web framework,
//! so every service can be tested by a direct call.

use serde_json::Value;

/// One request as received, except that header names are in lower case. The path is still percent-encoded.
#[derive(Clone, Debug)]
pub struct Request {
    /// The HTTP method: `GET`, `PUT`, …
    pub method: String,
    /// The path as sent, percent-encoded, without the query.
    pub path: String,
    /// Query parameters, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// Header names (lower case) and values, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body of the request, as sent.
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a header. `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; an empty body is `null`.
    ///
    /// # Errors
    /// Fails if the body is not JSON.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        if self.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&self.body) }
    }
}

/// One response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status of the response.
    pub status: u16,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body of the response.
    pub body: Vec<u8>,
    /// Whether the connection closes in the middle of the body.
    pub broken: bool,
}

impl Response {
    /// A response with a body of the given media type.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type".into(), content_type.into())], body: body.into(), broken: false }
    }

    /// A JSON response.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A response without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), broken: false }
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
