//! Reads requests to a function URL and creates the responses (payload format 2.0).

use aws_lambda_events::{
    http::HeaderValue,
    lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Returns whether the request has this HTTP method.
#[must_use]
pub fn is(request: &LambdaFunctionUrlRequest, method: &str) -> bool {
    request.request_context.http.method.as_deref() == Some(method)
}

/// Returns a decoded query parameter. The function reads the raw query string, because Lambda merges parameters of the
/// same name in the decoded parameters.
#[must_use]
pub fn query(request: &LambdaFunctionUrlRequest, name: &str) -> Option<String> {
    form_urlencoded::parse(request.raw_query_string.as_deref()?.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// Returns the bytes of the body. Returns `None` if the request declares the body as base64, but the body is not valid
/// base64.
#[must_use]
pub fn bytes(request: &LambdaFunctionUrlRequest) -> Option<Vec<u8>> {
    let body = request.body.as_deref().unwrap_or_default();
    if request.is_base64_encoded { STANDARD.decode(body).ok() } else { Some(body.into()) }
}

/// Creates a response with a short text. The headers prevent a browser from interpreting the text as another content
/// type.
#[must_use]
pub fn text(status: u16, body: impl Into<String>) -> LambdaFunctionUrlResponse {
    let mut response = LambdaFunctionUrlResponse::default();
    response.status_code = status.into();
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        response.headers.insert(name, HeaderValue::from_static(value));
    }
    response.body = Some(body.into());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: impl FnOnce(&mut LambdaFunctionUrlRequest)) -> LambdaFunctionUrlRequest {
        let mut request = LambdaFunctionUrlRequest::default();
        change(&mut request);
        request
    }

    #[test]
    fn a_parameter_is_decoded_in_both_encodings_of_a_space() {
        for raw in ["group=g&validationToken=a%3A+b%20c", "validationToken=a%3a%20b+c"] {
            let request = request(|request| request.raw_query_string = Some(raw.into()));
            assert_eq!(query(&request, "validationToken").as_deref(), Some("a: b c"));
        }
    }

    #[test]
    fn a_body_is_read_in_plain_text_and_in_base64() {
        let plain = request(|request| request.body = Some("{}".into()));
        let mut encoded = request(|request| request.body = Some("e30=".into()));
        encoded.is_base64_encoded = true;
        assert_eq!(bytes(&plain), bytes(&encoded));
        encoded.body = Some("{".into());
        assert_eq!(bytes(&encoded), None);
    }
}
