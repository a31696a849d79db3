//! Graph's errors, with the status, code and wording of the real service. The wording matters because clients can
//! distinguish some errors only by the message.

use serde_json::{Value, json};

/// An error response of Microsoft Graph.
#[derive(Clone, Debug)]
pub(super) struct GraphError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) details: Vec<Value>,
    pub(super) retry_after: Option<u64>,
}

impl GraphError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), retry_after: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    pub(super) fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    pub(super) fn invalid_property(property: &str, resource: &str) -> Self {
        Self::bad_request(format!("Invalid value specified for property '{property}' of resource '{resource}'."))
            .detail("InvalidValue", property, "Invalid value.")
    }

    pub(super) fn required(property: &str, resource: &str) -> Self {
        Self::bad_request(format!("A value is required for property '{property}' of resource '{resource}'.")).detail(
            "MissingValue",
            property,
            "A value is required.",
        )
    }

    /// The error if an object does not exist, or if the replica that serves the call does not have the object yet.
    pub(super) fn not_found(id: &str) -> Self {
        Self::new(
            404,
            "Request_ResourceNotFound",
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present."),
        )
    }

    pub(super) fn denied() -> Self {
        Self::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }

    pub(super) fn unauthenticated(message: &str) -> Self {
        Self::new(401, "InvalidAuthenticationToken", message)
    }

    pub(super) fn throttled(retry_after: u64) -> Self {
        let mut error = Self::new(429, "TooManyRequests", "Please retry again later.");
        error.retry_after = Some(retry_after);
        error
    }

    pub(super) fn detail(mut self, code: &str, target: &str, message: &str) -> Self {
        self.details.push(json!({"code": code, "target": target, "message": message}));
        self
    }

    /// The error as the JSON document that Graph returns.
    pub(super) fn body(&self, date: &str, request_id: &str, client_request_id: &str) -> Value {
        let mut inner = json!({"date": date, "request-id": request_id, "client-request-id": client_request_id});
        if self.status == 429 {
            inner["code"] = json!("429");
            inner["message"] = json!("Please retry after");
            inner["status"] = json!("429");
        }
        let mut error = json!({"code": self.code, "message": self.message, "innerError": inner});
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        json!({"error": error})
    }
}
