//! Requests to a Lambda function URL and answers to them (payload format 2.0), as far as they are used.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// A request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest {
    /// What stands behind the question mark, percent-encoded.
    #[serde(default)]
    pub raw_query_string: String,
    /// What Lambda knows about the request.
    pub request_context: RequestContext,
    /// The body, in base64 where Lambda says so.
    #[serde(default)]
    pub body: Option<String>,
    /// Whether the body is in base64.
    #[serde(default)]
    pub is_base64_encoded: bool,
}

/// What Lambda knows about a request.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RequestContext {
    /// The request's first line.
    pub http: RequestLine,
}

/// A request's first line.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RequestLine {
    /// The method, upper case.
    pub method: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpResponse {
    /// The status.
    pub status_code: u16,
    /// The headers.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// The body, as it is.
    pub body: String,
}

impl HttpRequest {
    /// A parameter of the query, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.raw_query_string.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body's bytes; `None` where it is no base64 although Lambda says so.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let body = self.body.as_deref().unwrap_or_default();
        if self.is_base64_encoded { STANDARD.decode(body).ok() } else { Some(body.into()) }
    }
}

impl HttpResponse {
    /// A short text that no browser takes for anything else.
    #[must_use]
    pub fn text(status_code: u16, body: impl Into<String>) -> Self {
        let headers = [
            ("content-type", "text/plain; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ];
        Self { status_code, headers: headers.into(), body: body.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded_whichever_way_its_spaces_are_written() {
        for raw in ["group=g&validationToken=a%3A+b%20c", "validationToken=a%3a%20b+c"] {
            let request = HttpRequest { raw_query_string: raw.into(), ..HttpRequest::default() };
            assert_eq!(request.query("validationToken").as_deref(), Some("a: b c"));
        }
    }

    #[test]
    fn a_body_is_read_in_both_forms() {
        let plain = HttpRequest { body: Some("{}".into()), ..HttpRequest::default() };
        let encoded = HttpRequest { body: Some("e30=".into()), is_base64_encoded: true, ..HttpRequest::default() };
        assert_eq!(plain.bytes(), encoded.bytes());
        assert_eq!(HttpRequest { body: Some("{".into()), ..encoded }.bytes(), None);
    }
}
