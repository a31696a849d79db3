//! Error responses in the format of each AWS protocol.

use serde_json::{Map, Value, json};

use crate::stand_in::http::Response;

/// The protocol of a service's requests and responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Amazon Connect: REST paths, and the error code in the header `x-amzn-errortype`.
    RestJson,
    /// Service Quotas, Support and similar services: a single path, the operation in a target header, and the error
    /// code in `__type`.
    Json,
    /// IAM and STS: requests as forms, and responses in XML.
    Query,
    /// S3: REST paths, and errors in S3's own XML format.
    S3,
    /// Microsoft Graph: REST paths, and errors in Graph's JSON format.
    Graph,
    /// Entra's token endpoint: requests as forms, and errors in the JSON format of OAuth 2.0.
    Login,
}

/// An error response: HTTP status, error code, message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The result of an operation: the members of the response, or an error response.
pub(crate) type Answer = Result<Map<String, Value>, Refusal>;

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// `InvalidRequestException`, which Connect returns for a request that is invalid as a whole.
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestException", message)
    }

    /// `InvalidParameterException`, which Connect returns for one invalid parameter.
    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterException", message)
    }

    /// `ResourceNotFoundException` of Connect.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// The body of a Connect error. According to public reports, the errors for an invalid flow and for an invalid test
    /// case contain a list of problems instead of a message. The member that contains the list has a different name in
    /// each of the two errors.
    fn members(&self) -> serde_json::Value {
        let problems = json!([{ "message": self.message }]);
        match self.code.as_str() {
            "InvalidContactFlowException" => json!({ "problems": problems }),
            "InvalidTestCaseException" => json!({ "problemDetails": problems }),
            _ => json!({ "Message": self.message }),
        }
    }

    /// Formats the error as the protocol defines it.
    pub(crate) fn answer(&self, protocol: Protocol) -> Response {
        let id = uuid::Uuid::new_v4().to_string();
        match protocol {
            Protocol::RestJson => Response::json(self.status, &self.members())
                .with_header("x-amzn-errortype", self.code.clone())
                .with_header("x-amzn-requestid", id),
            Protocol::Json => {
                let body = json!({ "__type": self.code, "message": self.message }).to_string();
                Response::new(self.status, "application/x-amz-json-1.1", body).with_header("x-amzn-requestid", id)
            }
            Protocol::Query => {
                let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
                let body = format!(
                    "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>{kind}</Type>\
                     <Code>{}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
                    escape(&self.code),
                    escape(&self.message)
                );
                Response::new(self.status, "text/xml", body).with_header("x-amzn-requestid", id)
            }
            Protocol::S3 => {
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message>\
                     <RequestId>{id}</RequestId></Error>",
                    escape(&self.code),
                    escape(&self.message)
                );
                Response::new(self.status, "application/xml", body).with_header("x-amz-request-id", id)
            }
            Protocol::Graph => {
                let now = time::OffsetDateTime::now_utc();
                let date = now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
                let inner = json!({ "date": date, "request-id": id, "client-request-id": id });
                let error = json!({ "code": self.code, "message": self.message, "innerError": inner });
                Response::json(self.status, &json!({ "error": error })).with_header("request-id", id)
            }
            Protocol::Login => {
                let body = json!({
                    "error": self.code, "error_description": self.message, "trace_id": id, "correlation_id": id,
                });
                Response::json(self.status, &body).with_header("x-ms-request-id", id)
            }
        }
    }
}

/// Escapes text for XML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(protocol: Protocol) -> (Response, String) {
        let answer = Refusal::new(429, "Code", "less <please>").answer(protocol);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        (answer, body)
    }

    #[test]
    fn each_protocol_has_the_error_code_where_its_clients_expect_it() {
        let (rest, _) = text(Protocol::RestJson);
        assert!(rest.headers.contains(&("x-amzn-errortype".into(), "Code".into())));
        assert!(text(Protocol::Json).1.contains("\"__type\":\"Code\""));
        assert!(text(Protocol::Query).1.contains("<Code>Code</Code><Message>less &lt;please&gt;</Message>"));
        assert!(text(Protocol::S3).1.contains("<Error><Code>Code</Code>"));
        assert!(text(Protocol::Graph).1.contains("\"code\":\"Code\""));
        assert!(text(Protocol::Login).1.contains("\"error\":\"Code\""));
    }
}
